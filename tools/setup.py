"""Builds `.venv` from the lock files: finds Python 3.10, installs what is missing.

Standard library only, runs on Python 3.8 or newer: `python3 -m tools.setup [--dev]`. Safe to run
twice at the same time, and to be killed in the middle: the stamp that says "done" is written last.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator, Sequence  # noqa: UP035

from tools.steps import StepFailed, Steps, complain, run_logged, say, stop_on_terminate

ROOT = Path(__file__).resolve().parents[1]
WANTED = "3.10"
UV = "uv==0.13.9"

NO_PYTHON = f"""no Python {WANTED} found, and none could be fetched.
  Install one:  pyenv install {WANTED}   or   uv python install {WANTED}   or   brew install \
python@{WANTED}
  or name one:  PITSTOP_PYTHON=/path/to/python{WANTED} make run
  then run the same command again."""

NO_PACKAGES = """the packages could not be installed.
  Is there a network, and does pip reach its package index? (pip's own settings apply.)
  What is installed is kept: run the same command again to go on."""

# Rasa needs these, and a Python built by hand may lack them.
_PROBE = "import sys, ssl, sqlite3, venv, lzma; print('%d.%d.%d' % sys.version_info[:3])"


class Layout:
    """Where things are, under one root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.venv = root / ".venv"
        self.python = self.venv / "bin" / "python"
        self.stamp = self.venv / "pitstop.json"
        self.var = root / "var"
        self.tools = self.var / "tools"
        self.logs = self.var / "log"

    def lock(self, name: str) -> Path:
        """Return a lock file: `run` or `dev`."""
        return self.root / "requirements" / f"{name}.lock"


def version_of(python: str) -> str | None:
    """Return a Python's version, None if it does not run or lacks what Rasa needs."""
    try:
        done = subprocess.run(
            [python, "-c", _PROBE],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _output(command: Sequence[str]) -> str | None:
    try:
        done = subprocess.run(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _number(path: str) -> list[int]:
    name = Path(path).parents[1].name
    return [int(part) for part in name.split(".") if part.isdigit()]


def candidates() -> Iterator[str]:
    """Yield Pythons that may be the wanted one, likeliest first."""
    named = os.environ.get("PITSTOP_PYTHON")
    if named:
        yield named
    yield sys.executable
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        path = Path(folder or ".") / f"python{WANTED}"
        if path.is_file():
            yield str(path)
    roots = [os.environ.get("PYENV_ROOT"), _output(["pyenv", "root"]), "~/.pyenv"]
    for root in filter(None, roots):
        versions = (Path(root).expanduser() / "versions").glob(f"{WANTED}*/bin/python")
        yield from sorted(map(str, versions), key=_number, reverse=True)
    for folder in ("/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "~/.local/bin"):
        yield str(Path(folder).expanduser() / f"python{WANTED}")


def wanted(version: str | None) -> bool:
    """Tell whether a version is a 3.10."""
    return version is not None and version.split(".")[:2] == WANTED.split(".")


def find_python(layout: Layout) -> str | None:
    """Return a Python 3.10 that is installed on this machine, outside `.venv`."""
    seen = set()
    for python in candidates():
        # An activated `.venv` is on the PATH, and may be about to be built anew.
        if python not in seen and not python.startswith(f"{layout.venv}/"):
            seen.add(python)
            if wanted(version_of(python)):
                return python
    return None


def find_uv(layout: Layout) -> str | None:
    """Return uv: ours, or the machine's."""
    ours = layout.tools / "bin" / "uv"
    return str(ours) if ours.is_file() and _output([str(ours), "--version"]) else shutil.which("uv")


def make_tools(layout: Layout, python: str) -> None:
    """Build the small environment that pip and uv run from; raises `StepFailed`."""
    shutil.rmtree(str(layout.tools), ignore_errors=True)
    log = layout.logs / "setup-tools.log"
    try:
        run_logged([python, "-m", "venv", str(layout.tools)], log, cwd=layout.root)
    except StepFailed as error:
        raise StepFailed(
            f"{error}\n  The module venv is missing or broken: install it (Debian and Ubuntu: the"
            f" package python{WANTED}-venv), then run the same command again."
        ) from error


def fetch_uv(layout: Layout, python: str) -> str | None:
    """Return uv, installed with pip if need be; None if it cannot be had."""
    found = find_uv(layout)
    if found:
        return found
    make_tools(layout, python)
    pip = [str(layout.tools / "bin" / "python"), "-m", "pip", "install", "--quiet", UV]
    try:
        run_logged(pip, layout.logs / "setup-uv.log", cwd=layout.root)
    except StepFailed:
        say("  uv cannot be had here; going on with pip, which is slower")
    return find_uv(layout)


def fetch_python(layout: Layout) -> str | None:
    """Let uv find or download a Python 3.10; None if it cannot."""
    try:
        uv = fetch_uv(layout, sys.executable)
    except StepFailed:
        return None
    if uv is None:
        return None
    found = _output([uv, "python", "find", WANTED])
    if found is None:
        say(f"  no Python {WANTED} here; asking uv to fetch one")
        with contextlib.suppress(StepFailed):
            log = layout.logs / "setup-python.log"
            run_logged([uv, "python", "install", WANTED], log, cwd=layout.root)
        found = _output([uv, "python", "find", WANTED])
    return found if found and wanted(version_of(found)) else None


def digest(path: Path) -> str:
    """Return a file's SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_stamp(layout: Layout) -> dict[str, str]:
    """Return what `.venv` was built from; empty if it was not finished."""
    try:
        stamp = json.loads(layout.stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(layout: Layout, stamp: dict[str, str]) -> None:
    """Say what `.venv` was built from, whole or not at all."""
    unfinished = layout.stamp.with_suffix(".new")
    unfinished.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(layout.stamp)


def is_current(layout: Layout, names: Sequence[str]) -> bool:
    """Tell whether `.venv` holds what the named lock files ask for."""
    stamp = read_stamp(layout)
    if any(stamp.get(name) != digest(layout.lock(name)) for name in names):
        return False
    version = version_of(str(layout.python))
    return wanted(version) and stamp.get("python") == version


def venv_usable(layout: Layout) -> bool:
    """Tell whether a Python 3.10 runs in `.venv`, whatever is installed there."""
    return (layout.venv / "pyvenv.cfg").is_file() and wanted(version_of(str(layout.python)))


def make_venv(layout: Layout, python: str) -> None:
    """Create `.venv` unless there is one to use."""
    if venv_usable(layout):
        return
    shutil.rmtree(str(layout.venv), ignore_errors=True)
    command = [python, "-m", "venv", "--without-pip", str(layout.venv)]
    run_logged(command, layout.logs / "setup-venv.log", cwd=layout.root)


def install(layout: Layout, names: Sequence[str]) -> None:
    """Put exactly what the lock files name into `.venv`, by hash; raises `StepFailed`."""
    locks = [str(layout.lock(name)) for name in names]
    log = layout.logs / "setup-install.log"
    uv = fetch_uv(layout, str(layout.python))
    if uv is not None:
        command = [uv, "pip", "sync", "--python", str(layout.python), "--require-hashes", *locks]
        try:
            return run_logged(command, log, cwd=layout.root)
        except StepFailed as error:
            # uv does not read pip's settings, and they may be what reaches an index here.
            say(f"  uv did not manage; trying pip\n{str(error).splitlines()[-1]}")
    pip = layout.tools / "bin" / "python"
    if version_of(str(pip)) is None:
        make_tools(layout, str(layout.python))
    command = [str(pip), "-m", "pip", "--python", str(layout.python), "install", "--no-deps"]
    command += ["--require-hashes", *(part for lock in locks for part in ("-r", lock))]
    try:
        return run_logged(command, log, cwd=layout.root)
    except StepFailed as error:
        raise StepFailed(f"{error}\n{NO_PACKAGES}") from error


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a lock file, so that two set-ups at the same time take turns."""
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("another set-up is running here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def set_up(layout: Layout, names: Sequence[str], steps: Steps) -> None:
    """Make `.venv` hold what the lock files name; raises `StepFailed`."""
    if is_current(layout, names):
        steps.skip(f"Python {WANTED}", read_stamp(layout)["python"])
        return steps.skip("installing", "nothing new")
    if "dev" not in names and "dev" in read_stamp(layout):
        # Who develops here keeps the tools of `make test`.
        names = [*names, "dev"]
    with steps.step(f"looking for Python {WANTED}"):
        usable = venv_usable(layout)
        python = str(layout.python) if usable else find_python(layout) or fetch_python(layout)
    if python is None:
        raise StepFailed(NO_PYTHON)
    with steps.step("installing packages (the first time takes minutes)"):
        with contextlib.suppress(FileNotFoundError):
            layout.stamp.unlink()
        make_venv(layout, python)
        install(layout, names)
        version = version_of(str(layout.python))
        if version is None:
            raise StepFailed(f"{layout.python} does not run; remove .venv and try again")
        write_stamp(layout, {"python": version, **{n: digest(layout.lock(n)) for n in names}})
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Set up; 1 with a message if it cannot be done."""
    parser = argparse.ArgumentParser(prog="python3 -m tools.setup", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also what tests and linters need")
    parser.add_argument("--steps", type=int, default=2, help="how many steps there are in all")
    given = parser.parse_args(arguments)
    layout = Layout(ROOT)
    stop_on_terminate()
    try:
        with alone(layout.var / "setup.lock"):
            set_up(layout, ["run", "dev"] if given.dev else ["run"], Steps(given.steps))
    except StepFailed as error:
        complain(f"pitstop: {error}")
        return 1
    except KeyboardInterrupt:
        complain("pitstop: stopped; the same command goes on from here")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
