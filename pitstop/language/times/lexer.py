"""Words of time: what in a text names a date, a part of the day or a clock time.

An own grammar, because the libraries fail silently: of sixty phrases the best
of them read ten wrong without a word (三点半 as 03:30, 2月30日 accepted, 周末 as
Sunday alone), and their base time follows the process's zone. Most of the work
below is saying what is *not* a time: 一点都不, 3号桩, 晚点, 早上好, 每周三.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pitstop.language.numerals import read_int
from pitstop.language.times import clock_words, date_words, day_words
from pitstop.language.times.model import Atom, Clock, DateSpec
from pitstop.language.times.words import PARTS, Builder, Kind, Value

_RULES = [*date_words.RULES, *day_words.RULES, *clock_words.RULES]


def lex(text: str) -> list[Atom]:
    """Return the words of time in `text` (normalised), in order, none overlapping."""
    found: list[tuple[int, int, int, Atom]] = []
    for priority, (kind, pattern, build) in enumerate(_RULES):
        for match in pattern.finditer(text):
            for atom in _atoms(kind, match, build):
                found.append((match.start(), -match.end(), priority, atom))
    found.sort(key=lambda item: item[:3])
    kept: list[Atom] = []
    group: tuple[int, int, int] | None = None
    until = 0
    for start, end, priority, atom in found:
        if group == (start, end, priority):
            kept.append(atom)
        elif start >= until:
            kept.append(atom)
            group, until = (start, end, priority), -end
    return kept


def _atoms(kind: Kind, match: re.Match[str], build: Builder) -> Iterator[Atom]:
    groups = match.re.groupindex
    if "from" in groups:  # 五到六点, 10到12号: two things that share their unit
        first, last = build(match), _second(kind, match)
        if first is not None and last is not None:
            yield _atom(kind, match.start(), match.end("from"), first)
            yield Atom(match.start("to"), match.end("to"), "到", "to")
            yield _atom(kind, match.start("until"), match.end(), last)
        return
    value = build(match)
    if value is None:
        return
    end = match.end()
    part = match["part"] if "part" in groups else None
    if part:  # 今晚: a date and a part of the day in one word
        yield _atom(kind, match.start(), match.start("part"), value)
        yield Atom(match.start("part"), end, PARTS[part], "part")
        return
    yield _atom(kind, match.start(), end, value)


def _second(kind: Kind, match: re.Match[str]) -> DateSpec | Clock | None:
    number = read_int(match["until"])
    if number is None:
        return None
    if kind == "clock":
        return Clock(number, 30 if match["half"] else None)
    return DateSpec("ymd", day=number)


def _atom(kind: Kind, start: int, end: int, value: Value) -> Atom:
    return Atom(start, end, value, kind)
