"""Dates and times with the values that others expect, and how ours compare."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any, Literal

import yaml

from bot.measures import share
from pitstop.language.normalize import normalize
from pitstop.language.times import TimeSpan, read_time
from pitstop.language.times.model import ZONE

PARTS = {
    "dawn": ("00:00", "05:59"),
    "morning": ("04:00", "11:59"),
    "noon": ("11:00", "13:59"),
    "afternoon": ("12:00", "17:59"),
    "dusk": ("16:00", "19:59"),
    "evening": ("16:00", "23:59"),
    "night": ("16:00", "23:59"),
    "midnight": ("16:00", "23:59"),
}
"""Between which clocks a part of the day may begin."""
_PART = re.compile(rf"(\S+) ({'|'.join(PARTS)})(?:\|\w+)*")

Outcome = Literal["right", "wrong end", "wrong", "not noticed"]


@dataclass(frozen=True)
class Dated:
    """A text written at `now`, and the time expected of it (None: nothing usable is said)."""

    text: str
    now: datetime
    expect: Mapping[str, Any] | None
    variety: str = ""


def load_dates(folder: Path) -> list[Dated]:
    """Read `time*.jsonl` of a folder: objects with `text`, `now`, `expect` (`start`, `end`,
    `grain`, and where it applies `open` and `window`) and perhaps `variety`."""
    found = []
    for path in sorted(folder.glob("time*.jsonl")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line.strip():
                row = json.loads(line)
                now = datetime.fromisoformat(row["now"])
                variety = str(row.get("variety") or "")
                found.append(Dated(str(row["text"]), now, row["expect"], variety))
    return found


def load_phrases(path: Path) -> list[Dated]:
    """Read a file of phrases with what they mean, in the notation that it explains
    (`tests/language/times.yml`)."""
    return [
        Dated(str(text), datetime.fromisoformat(group["now"]).replace(tzinfo=ZONE), meaning(meant))
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))
        for text, meant in group["say"].items()
    ]


def meaning(meant: str) -> dict[str, Any] | None:
    """Return what a phrase's notation expects: `2026-11-25`, `2026-11-25T15:00`, `2026-11-25
    morning`, `… .. …`, `week …`, `month …`, `… after`, `until …`, `within …`, `no`.

    Raises ValueError for any other.
    """
    if meant == "no":
        return None
    if part := _PART.fullmatch(meant):
        return {**_expected(part[1]), "grain": "daypart", "window": PARTS[part[2]]}
    if " .. " in meant:
        return _expected(*meant.split(" .. "))
    word, _, rest = meant.partition(" ")
    if word in ("week", "month"):
        return {**_expected(rest if word == "week" else f"{rest}-01"), "grain": word}
    if word in ("until", "within"):
        return {**_expected(None, rest), "open": "before" if word == "until" else word}
    if rest == "after":
        return {**_expected(word), "open": rest}
    return _expected(meant)


def measure(rows: Sequence[Dated]) -> dict[str, float]:
    """Return the shares (0..1) of the dates read with the right start, with start and end right,
    with a wrong start, and not noticed; and of texts without a date, how many were left alone."""
    said = [_outcome(each) for each in rows if each.expect is not None]
    silent = [_outcome(each) for each in rows if each.expect is None]
    result = {
        "right start": share(each in ("right", "wrong end") for each in said),
        "right start and end": share(each == "right" for each in said),
        "wrong start": share(each == "wrong" for each in said),
        "not noticed": share(each == "not noticed" for each in said),
    }
    if silent:
        result["no date, and none read"] = share(each == "right" for each in silent)
    return result


def judge(expect: Mapping[str, Any] | None, found: TimeSpan | None) -> Outcome:
    """Compare a reading with what is expected.

    One that exists but cannot be booked (past, impossible) counts as not noticed: the owner is
    asked again, nothing wrong is written down.
    """
    usable = found is not None and found.problem is None
    if expect is None:
        return "wrong" if usable else "right"
    if found is None or not usable:
        return "not noticed"
    end_right = _moment(expect["end"]) == found.end
    if expect.get("open") in ("before", "within"):
        # Its start is no matter, or now.
        return "right" if end_right else "wrong"
    if not _start_right(expect, found.start):
        return "wrong"
    return "right" if end_right else "wrong end"


def _expected(start: str | None, end: str | None = None) -> dict[str, Any]:
    def zoned(text: str | None) -> str | None:
        return (
            None if text is None else datetime.fromisoformat(text).replace(tzinfo=ZONE).isoformat()
        )

    grain = "minute" if "T" in (start or end or "") else "day"
    return {"start": zoned(start), "end": zoned(end), "grain": grain}


def _outcome(row: Dated) -> Outcome:
    return judge(row.expect, read_time(normalize(row.text).text, row.now))


def _start_right(expect: Mapping[str, Any], start: datetime | None) -> bool:
    wanted = _moment(expect["start"])
    if wanted is None or start is None:
        return wanted is start
    # A range's start is meant to the minute, or to the day where it is one of days.
    grain = str(expect["grain"])
    if grain == "daypart":
        low, high = (time.fromisoformat(str(each)) for each in expect["window"])
        return start.date() == wanted.date() and low <= start.time() <= high
    if grain == "week":
        return start.isocalendar()[:2] == wanted.isocalendar()[:2]
    if grain == "month":
        return (start.year, start.month) == (wanted.year, wanted.month)
    if grain == "day":
        return start.date() == wanted.date()
    return start.replace(second=0, microsecond=0) == wanted.replace(second=0, microsecond=0)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
