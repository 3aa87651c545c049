"""Is a port free, and if not, who has it?"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_LISTENING = "0A"


@dataclass(frozen=True)
class Wanted:
    """A port that a process is going to listen on, and the variable that chooses it."""

    process: str
    host: str
    port: int
    variable: str


def problems(wanted: Sequence[Wanted]) -> list[str]:
    """Say, for each port that cannot be had, why and which variable to set."""
    found = []
    seen: dict[int, Wanted] = {}
    for one in wanted:
        other = seen.setdefault(one.port, one)
        if other is not one:
            found.append(
                f"{one.variable} and {other.variable} are both {one.port};"
                f" set one of them to another port"
            )
            continue
        problem = _problem(one)
        if problem:
            found.append(problem)
    return found


def _problem(wanted: Wanted) -> str | None:
    try:
        places = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        return f"{wanted.host} is no address of this machine ({error.strerror}); set HOST"
    for family, kind, protocol, _, address in places:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                return _told(wanted, error)
    return None


def _told(wanted: Wanted, error: OSError) -> str:
    spare = wanted.port + 1 if wanted.port < 65535 else wanted.port - 1
    hint = f"set {wanted.variable} to another, e.g. {wanted.variable}={spare} make run"
    if error.errno == errno.EADDRINUSE:
        who = holder(wanted.port)
        by = f" by {who}" if who else ""
        return f"port {wanted.port} ({wanted.process}) is taken{by}; stop that, or {hint}"
    return f"port {wanted.port} ({wanted.process}) cannot be had: {error.strerror}; {hint}"


def holder(port: int) -> str | None:
    """Return who listens on a port, as far as Linux tells us."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    links = {f"socket:[{inode}]" for inode in inodes}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            held = any(str(link.readlink()) in links for link in (folder / "fd").iterdir())
            if held:
                words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
                return f"{' '.join(words).strip()[:80]} (pid {folder.name})"
        except OSError:
            # Not ours to look into, or gone meanwhile.
            continue
    return None


def _listening_inodes(port: int) -> set[str]:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            local, state, inode = fields[1], fields[3], fields[9]
            if state == _LISTENING and int(local.rsplit(":", 1)[1], 16) == port:
                inodes.add(inode)
    return inodes
