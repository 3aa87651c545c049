"""Runs the processes together: one that dies takes the others down, and nothing is left behind.

Built on honcho's manager, which starts each process in a session of its own and stops the whole
group. What is added: logs in files, the children's notice of our death, and an end that comes.
"""

from __future__ import annotations

import logging
import os
import shlex
import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import honcho.manager
from honcho.manager import Manager
from honcho.printer import Message
from honcho.process import Popen, Process

from tools.steps import die_with_parent, kill_group, say

# The app gives its requests 5 s to finish; honcho would kill after those.
honcho.manager.KILL_WAIT = 10
PATIENCE = 12.0  # seconds from the word to stop until everything is killed
LOG_SIZE = 20_000_000  # bytes; one older file is kept


def _with_us() -> None:
    """In a child, before it runs: die when the process that started it does."""
    die_with_parent(signal.SIGTERM)


class _Popen(Popen):  # type: ignore[misc]
    def __init__(self, command: str, **options: Any) -> None:
        super().__init__(command, preexec_fn=_with_us, stdin=-3, **options)


class _Process(Process):  # type: ignore[misc]
    """A process in honcho's wrapper, which ignores signals: so it must hear of our death."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._child_ctor = _Popen

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        die_with_parent(signal.SIGKILL)
        super().run(events, ignore_signals)


class Logs:
    """A printer for honcho: each process into its own file, the last lines in mind."""

    def __init__(self, folder: Path, *, loud: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.width = 0
        self._loud = loud
        self._files: dict[str, logging.Handler] = {}
        self._last: dict[str, deque[str]] = {}

    def path(self, name: str) -> Path:
        """Return where a process's output goes."""
        return self.folder / f"{name}.log"

    def last(self, name: str) -> list[str]:
        """Return the last lines that a process wrote."""
        return list(self._last.get(name, ()))

    def write(self, message: Message) -> None:
        """Take a line from honcho."""
        if message.name == honcho.manager.SYSTEM_PRINTER_NAME:
            return
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)
        for line in text.splitlines():
            self._file(message.name).emit(logging.makeLogRecord({"msg": line}))
            self._last.setdefault(message.name, deque(maxlen=15)).append(line)
            if self._loud:
                say(f"{message.name:>{self.width}} | {line}")

    def _file(self, name: str) -> logging.Handler:
        if name not in self._files:
            file = RotatingFileHandler(
                self.path(name), mode="w", maxBytes=LOG_SIZE, backupCount=1, encoding="utf-8"
            )
            self._files[name] = file
        return self._files[name]


class Supervisor(Manager):  # type: ignore[misc]
    """honcho's manager with an end that always comes."""

    def __init__(self, logs: Logs, *, started: Callable[[], None] | None = None) -> None:
        super().__init__(printer=logs)
        self._process_ctor = _Process
        self.logs = logs
        self._when_started = started
        self._stop_asked: float | None = None
        self.first_dead: str | None = None
        """The process that died by itself and so took the others down."""

    def add(self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        """Add a process to start; `exec`, so that the shell in between is gone."""
        line = "exec " + " ".join(shlex.quote(part) for part in command)
        self.add_process(name, line, env=dict(env), cwd=str(cwd))

    def run(self) -> int:
        """Run until one process ends or we are told to stop; nothing runs afterwards."""
        try:
            self.loop()
        finally:
            for one in self._processes.values():
                # What a process may have left in its group.
                if one.get("pid"):
                    kill_group(one["pid"])
        return int(self.returncode or 0)

    def _start(self) -> None:
        super()._start()
        if self._when_started is not None:
            self._when_started()

    def terminate(self) -> None:
        """Stop everything, once everything has started: before, honcho knows no pid to stop."""
        if self._stop_asked is None:
            self._stop_asked = time.monotonic()
            self.first_dead = self._dead() if self.returncode not in (130, 143) else None
        if super()._all_started():
            super().terminate()

    def _dead(self) -> str | None:
        return next(
            (n for n, p in self._processes.items() if p.get("returncode") is not None), None
        )

    def _all_started(self) -> bool:
        # The loop asks this every round: the place to see to what is due.
        started = bool(super()._all_started())
        if started and self._stop_asked is not None:
            super().terminate()
            if time.monotonic() - self._stop_asked > PATIENCE and not self._all_stopped():
                self.kill()
        return started


def stop_ourselves() -> None:
    """Ask the supervisor in this process to stop, from another thread."""
    os.kill(os.getpid(), signal.SIGTERM)
