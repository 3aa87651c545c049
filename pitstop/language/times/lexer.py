"""Words of time: what in a text names a date, a part of the day or a clock time.

An own grammar, because the libraries fail silently: of sixty phrases the best
of them read ten wrong without a word (三点半 as 03:30, 2月30日 accepted, 周末 as
Sunday alone), and their base time follows the process's zone. Most of the work
below is saying what is *not* a time: 一点都不, 3号桩, 晚点, 早上好, 每周三.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from operator import itemgetter

from pitstop.language.numerals import read_int
from pitstop.language.times import clock_words, date_words, day_words
from pitstop.language.times.model import Atom, Clock, DateSpec
from pitstop.language.times.words import PARTS, Builder, Kind, Value

# Start, end (negative: the longest first), number of the rule, what it stands for.
_Found = tuple[int, int, int, list[Atom]]
_RULES = [*date_words.RULES, *day_words.RULES, *clock_words.RULES]


def lex(text: str) -> list[Atom]:
    """Return the words of time in `text` (normalised), in order, none overlapping.

    Where words overlap, the one that begins first is taken, then the longest;
    the others are looked for again behind it.
    """
    chars = frozenset(text)
    waiting: list[_Found] = []
    for rule, (_, _, _, needs) in enumerate(_RULES):
        if (not needs or needs & chars) and (found := _find(text, rule, 0)) is not None:
            waiting.append(found)
    kept: list[Atom] = []
    while waiting:
        _, end, _, atoms = min(waiting, key=itemgetter(0, 1, 2))
        kept.extend(atoms)
        until, later = -end, []
        for one in waiting:
            if one[0] >= until:
                later.append(one)
            elif (again := _find(text, one[2], until)) is not None:
                later.append(again)
        waiting = later
    return kept


def _find(text: str, rule: int, start: int) -> _Found | None:
    """Return the first match of a rule from `start` on that stands for something."""
    kind, pattern, build, _ = _RULES[rule]
    for match in pattern.finditer(text, start):
        atoms = list(_atoms(kind, match, build))
        if atoms:
            return match.start(), -match.end(), rule, atoms
    return None


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
    if match.group().rstrip("份").endswith("月"):
        return DateSpec("ymd", month=number)
    return DateSpec("ymd", day=number)


def _atom(kind: Kind, start: int, end: int, value: Value) -> Atom:
    return Atom(start, end, value, kind)
