"""The stages of a long run: a bar for each, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Report = Callable[[int, int], None]


class Stages:
    """Bars on the error stream, out of the way of what is printed; use it as a context."""

    def __init__(self) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._console = Console(stderr=True)
        # A bar in a file is of no use to anybody: there each stage gets a line when it is over.
        self._live = self._console.is_terminal
        self._bars = Progress(
            *columns, console=self._console, transient=True, disable=not self._live
        )
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> Stages:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    @contextmanager
    def stage(self, name: str) -> Iterator[Report]:
        """Time a stage; what is yielded moves its bar. Twice the same name counts together."""
        task = self._bars.add_task(name, total=None)
        began = time.monotonic()

        def report(done: int, total: int) -> None:
            self._bars.update(task, completed=done, total=total)

        try:
            yield report
        finally:
            self._bars.remove_task(task)
            took = time.monotonic() - began
            self.seconds[name] = self.seconds.get(name, 0.0) + took
            if not self._live:
                self.say(f"{name}: {took:.0f} s")

    def say(self, line: str) -> None:
        """Print a line above the bars."""
        self._console.print(line, highlight=False, markup=False)
