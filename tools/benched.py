"""What a part of the benchmark is, and a figure that it measures."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import yaml
from rich.progress import Progress, TaskID

from pitstop.base.settings import ROOT

_AIMS = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Figure:
    """A measured value, and a baseline of the same run and unit beside it.

    `aim` is `("<=" or ">=", value)` and holds for the value, or, with `of_ratio`, for the value in
    shares of the baseline.
    """

    what: str
    value: float
    unit: str
    beside: str = ""
    beside_value: float | None = None
    aim: tuple[str, float] | None = None
    of_ratio: bool = False
    part: str = ""

    @property
    def ratio(self) -> float | None:
        """Return the value in shares of its baseline."""
        return self.value / self.beside_value if self.beside_value else None

    @property
    def met(self) -> bool | None:
        """Tell whether the aim is met; None without one."""
        measured = self.ratio if self.of_ratio else self.value
        if self.aim is None or measured is None:
            return None
        return bool(_AIMS[self.aim[0]](measured, self.aim[1]))

    def of(self, part: str) -> Figure:
        """Return the figure with the part that measured it."""
        return replace(self, part=part)

    def row(self) -> tuple[str, ...]:
        """Return the cells of a table's row."""
        beside = ""
        if self.beside_value is not None:
            beside = f"{self.beside}: {_short(self.beside_value)} {self.unit}"
        aim = "" if self.aim is None else f"{self.aim[0]} {self.aim[1]:g}"
        if self.aim is not None:
            aim += " ×" if self.of_ratio else f" {self.unit}"
        return (
            self.part,
            self.what,
            f"{_short(self.value)} {self.unit}",
            beside,
            "" if self.ratio is None else f"{self.ratio:.2f} ×",
            aim,
            {None: "", True: "met", False: "MISSED"}[self.met],
        )

    def as_json(self) -> dict[str, Any]:
        """Return the figure as plain JSON."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


class Bars:
    """A part's progress, one bar a stage."""

    def __init__(self, progress: Progress, part: str) -> None:
        self._progress = progress
        self._part = part
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        name = f"{self._part}: {stage}"
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)


@dataclass(frozen=True)
class Part:
    """A part: `run` measures and returns figures."""

    says: str
    run: Callable[[Bars], Sequence[Figure]]
    only_if_named: bool = False


PARTS: dict[str, Part] = {}


def part(
    name: str, says: str, *, only_if_named: bool = False
) -> Callable[[Callable[[Bars], Sequence[Figure]]], Callable[[Bars], Sequence[Figure]]]:
    """Register a function as a part of the benchmark."""

    def register(run: Callable[[Bars], Sequence[Figure]]) -> Callable[[Bars], Sequence[Figure]]:
        PARTS[name] = Part(f"{says} (only if named)" if only_if_named else says, run, only_if_named)
        return run

    return register


def sentences() -> list[str]:
    """Return what the cases of `tests/nlu` say, each once, in a fixed order."""
    found: list[str] = []
    for path in sorted((ROOT / "tests" / "nlu").glob("*.yml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        rows = data.get("cases") if isinstance(data, dict) else None
        found += [str(row["text"]) for row in rows or [] if "text" in row]
    return list(dict.fromkeys(found))


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
