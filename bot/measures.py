"""Figures: what is counted over sentences that were understood, well or not. Nothing is read or
trained here."""

from __future__ import annotations

import operator
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.routes import DIALOGUE, QUIET, ROUTES

Flags = NDArray[np.bool_]
Numbers = NDArray[Any]

_AIM = re.compile(r"([≤≥]) (\d*\.\d+)")
_HOLDS = {"≤": operator.le, "≥": operator.ge}


@dataclass(frozen=True)
class Measure:
    """One figure with what it was counted over, and the aim it is held against ("≥ .90")."""

    name: str
    value: float
    count: int
    aim: str = ""

    @property
    def met(self) -> bool | None:
        """Tell whether the aim is reached; None without one."""
        wanted = _AIM.fullmatch(self.aim)
        return bool(_HOLDS[wanted[1]](self.value, float(wanted[2]))) if wanted else None


@dataclass(frozen=True)
class Tally:
    """What was found rightly, found wrongly, and missed."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.right + other.right, self.wrong + other.wrong, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Return the share of the found that is right; 0 if nothing was found."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Return the share of what is there that was found; 0 if nothing is there."""
        return self.right / max(self.right + self.missed, 1)

    @property
    def f1(self) -> float:
        """Return the harmonic mean of precision and recall; 0 if nothing is right."""
        return 2 * self.right / max(2 * self.right + self.wrong + self.missed, 1)


def share(flags: Iterable[bool]) -> float:
    """Return how many of the flags are set, 0..1; 0 of none."""
    found = list(flags)
    return sum(found) / len(found) if found else 0.0


def tallies(pairs: Iterable[tuple[str, str]]) -> dict[str, Tally]:
    """Count what came of each label, from pairs of what was meant and what was understood."""
    found: dict[str, Tally] = defaultdict(Tally)
    for meant, understood in pairs:
        if meant == understood:
            found[meant] += Tally(right=1)
        else:
            found[meant] += Tally(missed=1)
            found[understood] += Tally(wrong=1)
    return dict(found)


def route_order(present: Iterable[str]) -> list[str]:
    """Return the routes that occur, in the order of the list of routes."""
    known = set(present)
    return [route for route in ROUTES if route in known]


def confusions(
    rows: Iterable[tuple[str, str, str]], limit: int
) -> list[tuple[str, str, list[str]]]:
    """Return the commonest pairs of meant and understood that differ, with their sentences.

    `rows` are (meant, understood, sentence).
    """
    wrong: dict[tuple[str, str], list[str]] = defaultdict(list)
    for meant, understood, text in rows:
        if meant != understood:
            wrong[meant, understood].append(text)
    ordered = sorted(wrong.items(), key=lambda item: (-len(item[1]), item[0]))
    return [(a, b, texts) for (a, b), texts in ordered[:limit]]


# --- how sure, and how often right ----------------------------------------------------------------


@dataclass(frozen=True)
class Bin:
    """Predictions that were about equally sure: from `low` to below `high` (1 belongs to the last).

    `sure` is their mean chance and `right` the share that is right, both nan if there are none.
    """

    low: float
    high: float
    count: int
    sure: float
    right: float


def calibration(
    sure: Sequence[float] | Numbers, right: Sequence[bool] | Flags, count: int = 10
) -> list[Bin]:
    """Sort predictions into `count` bins of equal width by how sure they were (0..1)."""
    chances, hits = np.asarray(sure, dtype=np.float64), np.asarray(right, dtype=bool)
    # By what is read in the table: .7 belongs to the bin from .7 on, whatever floats make of it.
    at = np.clip(np.floor(np.round(chances * count, 9)).astype(int), 0, count - 1)
    found = []
    for number in range(count):
        inside = at == number
        some = bool(inside.any())
        found.append(
            Bin(
                low=number / count,
                high=(number + 1) / count,
                count=int(inside.sum()),
                sure=float(chances[inside].mean()) if some else float("nan"),
                right=float(hits[inside].mean()) if some else float("nan"),
            )
        )
    return found


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the expected calibration error: the mean gap of sure and right, by predictions."""
    total = sum(each.count for each in bins)
    gaps = [each.count * abs(each.sure - each.right) for each in bins if each.count]
    return sum(gaps) / total if total else 0.0


def auc(ours: Sequence[float] | Numbers, strangers: Sequence[float] | Numbers) -> float:
    """Return how often one of `ours` scores higher than a stranger, a tie counting half.

    nan if either is empty.
    """
    left, right = np.asarray(ours, dtype=np.float64), np.sort(np.asarray(strangers, np.float64))
    if not len(left) or not len(right):
        return float("nan")
    below = np.searchsorted(right, left, side="left")
    same = np.searchsorted(right, left, side="right") - below
    return float((below + same / 2).mean() / len(right))


# --- what a threshold costs -----------------------------------------------------------------------


def at_limit(chances: Numbers, truth: Flags, limit: float) -> Tally:
    """Count what comes of believing whatever reaches `limit`."""
    said = chances >= limit
    return Tally(int((said & truth).sum()), int((said & ~truth).sum()), int((~said & truth).sum()))


def fallback_costs(
    chances: Numbers, names: Sequence[str], labels: Sequence[str], limit: float
) -> tuple[float, float]:
    """Return what it costs to believe no intent below `limit`.

    The first is the share of `out_of_scope` sentences that start an action all the same, the second
    the share of the rightly understood actions that are lost. `chances` has a row a sentence and a
    column a name.
    """
    truth = np.array(labels)
    top, sure = chances.argmax(axis=1), chances.max(axis=1)
    acts = np.array([names[i] not in QUIET | DIALOGUE for i in top])
    right = (np.array([names[i] for i in top]) == truth) & acts
    other = truth == "out_of_scope"
    bad = (acts & (sure >= limit))[other]
    lost = int((right & (sure < limit)).sum()) / max(int(right.sum()), 1)
    return float(bad.mean()) if len(bad) else 0.0, lost


# --- named values ---------------------------------------------------------------------------------


def named_values(
    wanted: Mapping[str, Any], found: Iterable[Mapping[str, Any]], kinds: Iterable[str]
) -> dict[str, Tally]:
    """Count the named values of one sentence by kind.

    `found` are entities (`entity`, `value`, `start`, `end`). Several readings of one place in the
    sentence count once, as right if one of them is.
    """
    counted: dict[str, Tally] = {}
    entities = list(found)
    for kind in kinds:
        readings: dict[tuple[int, int], set[str]] = defaultdict(set)
        for each in entities:
            if each["entity"] == kind:
                readings[each["start"], each["end"]].add(str(each["value"]))
        values = _values(wanted[kind]) if kind in wanted else set()
        left = set(values)
        wrong = 0
        for said in readings.values():
            # Named twice in one sentence is found once.
            wrong += not said & values
            left -= said
        right = len(values) - len(left)
        tally = Tally(right, wrong, len(left))
        if tally != Tally():
            counted[kind] = tally
    return counted


def _values(value: Any) -> set[str]:
    return {str(one) for one in (value if isinstance(value, list) else [value])}
