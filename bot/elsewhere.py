"""Sentences that nobody here wrote (EVAL_DATA): what must come of them, as shares.

Only figures leave this module: the sentences belong to others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bot.components.understanding import UNDERSTOOD
from bot.measures import Measure, Tally, share
from bot.routes import QUIET

HEARD = frozenset({"complain", "vehicle_fault", "talk_to_human", "complaint_status"})
"""Where a real complaint is in good hands."""

Rows = Sequence[dict[str, Any]]


def measure(folder: Path, read: Callable[[list[str]], list[dict[str, Any]]]) -> list[Measure]:
    """Measure on the files of `folder` (`NAME*.jsonl`, the first of each name) that are there."""
    found: list[Measure] = []
    for name, judge in _JUDGES.items():
        paths = sorted(folder.glob(f"{name}*.jsonl"))
        if paths:
            lines = paths[0].read_text(encoding="utf-8").split("\n")
            rows = [json.loads(line) for line in lines if line.strip()]
            found += judge(rows, read([str(row["text"]) for row in rows]))
    return found


def straight(parsed: dict[str, Any]) -> bool:
    """Tell whether an article would be given as the answer."""
    return parsed[UNDERSTOOD]["route"] == "faq" and parsed[UNDERSTOOD]["decision"] == "answer"


def _route(parsed: dict[str, Any]) -> str:
    return str(parsed[UNDERSTOOD]["route"])


def _handoff(rows: Rows, parsed: Rows) -> list[Measure]:
    count = Tally()
    for row, each in zip(rows, parsed, strict=True):
        wanted, said = row["label"] == "talk_to_human", _route(each) == "talk_to_human"
        count += Tally(int(wanted and said), int(said and not wanted), int(wanted and not said))
    said_at_all, wanted_at_all = count.right + count.wrong, count.right + count.missed
    return [
        Measure("a person is wanted: recall", count.recall, wanted_at_all, "≥ .97"),
        Measure("a person is wanted: precision", count.precision, said_at_all, "≥ .95"),
    ]


def _complaints(rows: Rows, parsed: Rows) -> list[Measure]:
    heard = share(_route(each) in HEARD for each in parsed)
    return [Measure("complaints in good hands", heard, len(rows), "≥ .95")]


def _out_of_scope(rows: Rows, parsed: Rows) -> list[Measure]:
    acts = [_route(each) not in QUIET for each in parsed]
    told = [straight(each) for each in parsed]
    both = [a or b for a, b in zip(acts, told, strict=True)]
    return [
        Measure("unrelated: starts an action", share(acts), len(rows)),
        Measure("unrelated: answered straight", share(told), len(rows)),
        Measure("unrelated: either", share(both), len(rows), "≤ .03"),
    ]


def _questions(rows: Rows, parsed: Rows) -> list[Measure]:
    told = share(straight(each) for each in parsed)
    return [Measure("mechanics' questions answered straight", told, len(rows), "≤ .03")]


def _traps(rows: Rows, parsed: Rows) -> list[Measure]:
    started = share(_route(each) == "book_swap" for each in parsed)
    return [Measure("swap traps that start a swap", started, len(rows), "≤ .05")]


_JUDGES: dict[str, Callable[[Rows, Rows], list[Measure]]] = {
    "handoff": _handoff,
    "complaints": _complaints,
    "out_of_scope": _out_of_scope,
    "owner_questions": _questions,
    "swap_traps": _traps,
}
