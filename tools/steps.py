"""Visible progress, with or without a terminal. Standard library only, Python 3.8 or newer."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from types import FrameType
from typing import Iterator, Mapping, Sequence  # noqa: UP035

HEARTBEAT = 10.0  # seconds between signs of life of a step that takes long
_PR_SET_PDEATHSIG = 1

try:
    _libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
except OSError:
    _libc = None


class StepFailed(Exception):
    """A step could not be done; the message says which and what to do."""


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def complain(line: str) -> None:
    """Print a line on standard error at once."""
    print(line, file=sys.stderr, flush=True)


class Steps:
    """Numbers steps and says how long each took."""

    def __init__(self, total: int, done: int = 0) -> None:
        self._total = total
        self._done = done

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Announce a step, give signs of life, and say how long it took."""
        self._done += 1
        head = f"[{self._done}/{self._total}] {what}"
        say(f"{head} …")
        began = time.monotonic()
        over = threading.Event()

        def beat() -> None:
            while not over.wait(HEARTBEAT):
                say(f"{head} … {time.monotonic() - began:.0f} s")

        pulse = threading.Thread(target=beat, daemon=True)
        pulse.start()
        try:
            yield
        finally:
            over.set()
            pulse.join()
        say(f"{head}: done in {time.monotonic() - began:.1f} s")

    def skip(self, what: str, why: str) -> None:
        """Announce a step that there is no need to take."""
        self._done += 1
        say(f"[{self._done}/{self._total}] {what}: {why}")


def die_with_parent(how: int = signal.SIGTERM) -> None:
    """Have the kernel signal this process when its parent dies (Linux; elsewhere nothing)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)


def stop_on_terminate() -> None:
    """Make SIGTERM run the clean-up that Ctrl-C runs."""

    def stop(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, stop)
    # A shell that starts us in the background has Ctrl-C ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _prepare_child() -> None:
    die_with_parent(signal.SIGKILL)


def run_logged(
    command: Sequence[str],
    log: Path,
    *,
    cwd: Path,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command with its output in `log`; leave none of its processes behind.

    Raises `StepFailed` with the last lines of the output if it fails.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command),
            cwd=str(cwd),
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_prepare_child,
        )
        try:
            code = process.wait()
        finally:
            kill_group(process.pid)
            process.wait()
    if code != 0:
        name = " ".join(Path(part).name for part in command[:4])
        raise StepFailed(f"{name} ended with {code}; the last lines of {log}:\n{tail(log)}")


def kill_group(pid: int) -> None:
    """Kill what is left of the process group that `pid` leads."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def tail(log: Path, count: int = 20) -> str:
    """Return the last lines of a file, indented."""
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            return "".join("    " + line for line in deque(lines, maxlen=count)).rstrip()
    except OSError:
        return "    (no output)"
