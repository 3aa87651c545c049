"""Weeks and days with several windows: one way to write each, as data and as a cell's text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any
from unicodedata import normalize

from pitstop.care import setup_words

_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::00)?")
_DAY = 1440  # minutes
_WEEK = 7 * _DAY
MAX_WINDOWS = 6  # a day's; more is a slip
Span = tuple[str, str]


class BadHours(ValueError):
    """Hours that cannot be; the argument is the problem's code."""


def week(raw: Any) -> list[dict[str, Any]]:
    """Return a week in its one way of writing: days with the same windows stand together.

    Raises `BadHours` (not_hours, overlap). A window that closes before it opens runs past
    midnight; 00:00 at its end is 24:00.
    """
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise BadHours("not_hours")
    by_day: dict[int, list[Span]] = {day: [] for day in range(1, 8)}
    for entry in raw:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("days"), Sequence):
            raise BadHours("not_hours")
        span = _span(entry)
        for day in entry["days"]:
            if isinstance(day, bool) or day not in by_day:
                raise BadHours("not_hours")
            if span not in by_day[day]:
                by_day[day].append(span)
    for spans in by_day.values():
        spans.sort()
    _apart(by_day)
    return [
        {"days": days, "opens": opens, "closes": closes}
        for days, spans in _alike(by_day)
        for opens, closes in spans
    ]


def windows(raw: Any) -> list[dict[str, str]]:
    """Return a day's windows in the order of time; raises `BadHours` (not_windows, overlap)."""
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        raise BadHours("not_windows")
    spans: list[Span] = []
    for entry in raw:
        if not isinstance(entry, Mapping):
            raise BadHours("not_windows")
        try:
            spans.append(_span(entry))
        except BadHours as error:
            raise BadHours("not_windows") from error
    spans.sort()
    _apart({1: spans})
    return [{"opens": opens, "closes": closes} for opens, closes in spans]


def _span(entry: Mapping[str, Any]) -> Span:
    opens, closes = _clock(entry.get("opens")), _clock(entry.get("closes"))
    if closes == "00:00":
        closes = "24:00"
    if opens == "24:00" or opens == closes:
        raise BadHours("not_hours")
    return opens, closes


def _clock(raw: Any) -> str:
    found = _TIME.fullmatch(normalize("NFKC", raw).strip()) if isinstance(raw, str) else None
    if found is None:
        raise BadHours("not_hours")
    hour, minute = int(found[1]), int(found[2])
    if minute > 59 or hour * 60 + minute > _DAY:
        raise BadHours("not_hours")
    return f"{hour:02}:{minute:02}"


def _minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _apart(by_day: Mapping[int, Sequence[Span]]) -> None:
    """Raise `BadHours` if two windows overlap, also over midnight and from Sunday to Monday."""
    spans = []
    for day, windows_of_day in by_day.items():
        if len(windows_of_day) > MAX_WINDOWS:
            raise BadHours("overlap")
        for opens, closes in windows_of_day:
            start = (day - 1) * _DAY + _minutes(opens)
            length = _minutes(closes) - _minutes(opens)
            spans.append((start, start + (length if length > 0 else length + _DAY)))
    spans.sort()
    for (_, end), (start, _) in pairwise(spans):
        if start < end:
            raise BadHours("overlap")
    if spans and spans[-1][1] - _WEEK > spans[0][0]:
        raise BadHours("overlap")


def _alike(by_day: Mapping[int, Sequence[Span]]) -> list[tuple[list[int], Sequence[Span]]]:
    groups: dict[tuple[Span, ...], list[int]] = {}
    for day in range(1, 8):
        if by_day[day]:
            groups.setdefault(tuple(by_day[day]), []).append(day)
    return sorted(((days, spans) for spans, days in groups.items()), key=lambda one: one[0])


# ---- as the text of a cell ----------------------------------------------------------------------


def week_text(value: Sequence[Mapping[str, Any]]) -> str:
    """Return a week for people, which `read_week` reads again; empty for none at all."""
    by_day: dict[int, list[Span]] = {day: [] for day in range(1, 8)}
    for entry in value:
        for day in entry["days"]:
            by_day[day].append((entry["opens"], entry["closes"]))
    lines = [f"{_days_text(days)} {_spans_text(spans)}" for days, spans in _alike(by_day)]
    return "\n".join(lines)


def windows_text(value: Iterable[Mapping[str, str]]) -> str:
    """Return a day's windows for people; empty for none."""
    return _spans_text([(entry["opens"], entry["closes"]) for entry in value])


def _spans_text(spans: Sequence[Span]) -> str:
    return str(setup_words.words("and")).join(f"{opens}-{closes}" for opens, closes in spans)


def _days_text(days: Sequence[int]) -> str:
    if len(days) == 7:
        return str(setup_words.words("every_day")[0])
    names, to, between = (setup_words.words(word) for word in ("days", "to", "and"))
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    texts = []
    for run in runs:
        if len(run) > 2:
            texts.append(f"{names[run[0] - 1]}{to[0]}{names[run[-1] - 1]}")
        else:
            texts += [names[day - 1] for day in run]
    return str(between).join(texts)


def read_week(text: str) -> list[dict[str, Any]]:
    """Return the week that a cell's text says; raises `BadHours`.

    One line, or part between semicolons, for days that are alike; no days: every day.
    """
    plain = normalize("NFKC", text)
    if is_closed(plain):
        return []
    entries = []
    for line in re.split(r"[;\n]+", plain):
        if not line.strip():
            continue
        first = _TIME.search(line)
        if first is None:
            raise BadHours("not_hours")
        days = _read_days(line[: first.start()])
        entries += [{"days": days, **span} for span in read_windows(line[first.start() :])]
    return week(entries)


def read_windows(text: str) -> list[dict[str, str]]:
    """Return the windows of a day that a cell's text says; raises `BadHours`."""
    plain = normalize("NFKC", text)
    if not plain.strip() or is_closed(plain):
        return []
    found = []
    for part in re.split(r"[\s,;、]+", _joined(plain)):
        if not part:
            continue
        ends = part.split("-")
        if len(ends) != 2:
            raise BadHours("not_windows")
        found.append({"opens": ends[0], "closes": ends[1]})
    return windows(found)


def is_closed(text: str) -> bool:
    """Say whether a cell's text means that there are no hours at all."""
    return text.strip() in setup_words.words("closed")


def _joined(text: str) -> str:
    """Return the text with each window in one piece: no spaces around what stands for a dash."""
    dashes = "|".join(map(re.escape, [*setup_words.words("to"), "-", "–", "—", "~", "−"]))
    return re.sub(rf"\s*(?:{dashes})+\s*", "-", text.strip())


@lru_cache(maxsize=1)
def _day_numbers() -> dict[str, int]:
    names: list[str] = setup_words.words("days")
    found = {str(number): number for number in range(1, 8)}
    for number, name in enumerate(names, 1):
        for prefix in (name[0], *setup_words.words("day_prefixes")):
            found[prefix + name[1:]] = number
            found[name[1:]] = number
    for prefix in ("", names[-1][0], *setup_words.words("day_prefixes")):
        found[prefix + str(setup_words.words("sunday"))] = 7
    return found


def _read_days(text: str) -> list[int]:
    plain = text.strip().rstrip(":")
    if not plain or plain in setup_words.words("every_day"):
        return list(range(1, 8))
    numbers = _day_numbers()
    days: set[int] = set()
    for part in re.split(r"[\s,、]+", _joined(plain)):
        ends = [numbers.get(end) for end in part.split("-")]
        if not part:
            continue
        if None in ends or len(ends) > 2:
            raise BadHours("not_hours")
        first, last = int(ends[0] or 0), int(ends[-1] or 0)
        if first > last:
            raise BadHours("not_hours")
        days |= set(range(first, last + 1))
    return sorted(days)
