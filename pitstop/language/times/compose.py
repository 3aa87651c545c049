"""From words of time to phrases: what belongs together, ranges, and open ends."""

from __future__ import annotations

import re
from dataclasses import replace

from pitstop.language.times.clock import readings
from pitstop.language.times.model import Atom, Clock, DateSpec, Moment, Offset, Phrase
from pitstop.language.times.words import HAN

# What may stand between a date and its clock time.
_GAP = re.compile(
    r"[\s,、()T]{0,2}(?:[的在是就都约嘅系]|时间[:是]?|[从由自]|那[一]?天|当[天日]|大概|大约|差不多|可以|左右)?[\s,()]{0,2}"
)
_BEFORE_TO = re.compile(r"[\s钟整日号)]*(?:左右|开始|起)?\s*")
_AFTER_TO = re.compile(r"[\s(]*(?:大概|大约)?\s*")
# 后备箱, 后面, 前挡, 前台, 内饰 begin another word.
_OPEN = re.compile(
    r"(?:左右|前后|多|钟|整|那天|\))?(?:"
    r"(?P<after>之后|以后|过后|往后|起(?![来诉火步动床飞])|开始(?![就一])|后(?![排备面轮天视挡座续悔台杠尾盖机]))|"
    r"(?P<before>之前|以前|(?P<until>为止|截止)|前(?![面台挡轮天往任排杠脸盖机备滩门后]))|"
    r"(?P<within>之内|以内|内(?![饰部存容心环外蒙])))"
)
# 每天早上八点, 每月九号: a habit, not a time to meet.
_RECURS = re.compile(
    r"(?:每一?[天日晚早]|天天|每个?月的?|每年的?|每个?(?:周|星期|礼拜)(?:[一二三四五六日天]的?)?|"
    r"(?:周|星期|礼拜)[一二三四五六日天]都是?|第[0-9一二三四五六七八九十]+天)(?:的|[早晚]上|上午|下午|中午)?$"
)
_ANOTHER = re.compile(rf"\s?(?:\d|[{HAN}]+点)|[也都或]")
_LATEST = re.compile(r"(?:最晚|最迟|不晚于|不迟于|截[止至]到?)\s?(?:在|到|是)?$")
_EARLIEST = re.compile(r"(?:最早|不早于|最快)\s?(?:在|到|是|也要)?$")
_NIGHTS = frozenset({"evening", "night", "midnight"})
_FUZZY_KINDS = frozenset({"week", "weekend", "edge", "days"})


def compose(text: str, atoms: list[Atom]) -> list[Phrase]:
    """Gather `atoms` of `text` into phrases, in order."""
    moments = _moments(text, atoms)
    ends = {moment.end: moment for moment in moments}
    starts = {moment.start: moment for moment in moments}
    phrases: list[Phrase] = []
    used: set[int] = set()
    joints = _joints(text, atoms, ends, starts)
    for moment in moments:
        if id(moment) in used:
            continue
        last = joints.get(id(moment))
        if last is not None and id(last) not in used:
            used.add(id(last))
        else:
            last = None
        phrases.append(_opened(text, moment, last))
    return phrases


def _moments(text: str, atoms: list[Atom]) -> list[Moment]:
    moments: list[Moment] = []
    for index, atom in enumerate(atoms):
        if atom.kind == "to":
            continue
        current = moments[-1] if moments else None
        if current is not None and (
            _fits(text, current, atom, atoms[index - 1])
            or (atom.kind == "part" and _is_afterthought(text, current, atom))
        ):
            _attach(current, atom)
        else:
            moments.append(_attach(Moment(atom.start, atom.end), atom))
    return [moment for moment in moments if not _RECURS.search(text[: moment.start])]


def _fits(text: str, moment: Moment, atom: Atom, before: Atom) -> bool:
    gap = text[moment.end : atom.start]
    if before.kind == "to":
        # 2026-11-25-15:00: a hyphen between a written-out date and its clock.
        written = moment.date is not None and moment.date.year is not None and moment.clock is None
        dashed = gap == "-" and "-" in text[moment.start : moment.end]
        return written and dashed and atom.kind == "clock"
    if not _GAP.fullmatch(gap) or moment.offset is not None or atom.kind == "offset":
        return False
    if atom.kind == "clock":
        return moment.clock is None
    if atom.kind == "part":
        # 今晚凌晨一点: the small hours of the night that begins today.
        late = moment.part in _NIGHTS and atom.value == "dawn"
        return moment.clock is None and (moment.part is None or late or not gap)
    if moment.date is None:
        return not gap.strip(" ") and moment.clock is not None
    if moment.clock or moment.part or moment.second_date:
        return False
    assert isinstance(atom.value, DateSpec)
    return moment.date.kind != atom.value.kind and "、" not in gap


def _is_afterthought(text: str, moment: Moment, part: Atom) -> bool:
    """Tell 9点早上 and 3:30 下午: a part of the day behind its clock time."""
    clock = moment.clock
    return (
        clock is not None
        and (moment.part, clock.half, clock.sure) == (None, None, False)
        and not text[moment.end : part.start].strip(" ")
        and not _ANOTHER.match(text, part.end)
        and all(hour < 24 for hour in readings(clock, str(part.value)))
    )


def _attach(moment: Moment, atom: Atom) -> Moment:
    value = atom.value
    if isinstance(value, Clock):
        moment.clock = value
        if moment.part is None and moment.date is not None and moment.date.name.endswith("夜"):
            moment.part = "night"  # 平安夜八点
    elif isinstance(value, Offset):
        moment.offset = value
    elif isinstance(value, str):
        late = moment.part in _NIGHTS and value == "dawn"
        moment.part = "late" if late else value
    elif moment.date is None:
        moment.date = value
    elif (moment.date.kind == "week" and value.kind == "weekday" and value.week_shift is None) or (
        moment.date.kind == "week" and value.kind == "weekend"
    ):
        moment.date = replace(value, week_shift=moment.date.week_shift)
    else:
        moment.second_date = value
    moment.start, moment.end = min(moment.start, atom.start), max(moment.end, atom.end)
    return moment


def _joints(
    text: str, atoms: list[Atom], ends: dict[int, Moment], starts: dict[int, Moment]
) -> dict[int, Moment]:
    """Find pairs of moments with 到, 至 or a dash between them."""
    joints: dict[int, Moment] = {}
    taken: set[int] = set()
    for atom in atoms:
        if atom.kind != "to":
            continue
        first = next(
            (ends[at] for at in range(atom.start, max(-1, atom.start - 6), -1) if at in ends), None
        )
        last = next((starts[at] for at in range(atom.end, atom.end + 5) if at in starts), None)
        if first is None or last is None or id(first) in taken:
            continue
        near = _BEFORE_TO.fullmatch(text[first.end : atom.start]) and _AFTER_TO.fullmatch(
            text[atom.end : last.start]
        )
        if near and (last.offset is None):
            joints[id(first)] = last
            taken.add(id(last))
    return joints


def _opened(text: str, first: Moment, last: Moment | None) -> Phrase:
    end = last.end if last else first.end
    phrase = Phrase(first, last, start=first.start, end=end)
    said = text[first.start : first.end]
    if first.offset is not None or (first.date and first.date.kind == "ahead"):
        within = (first.offset is not None and first.offset.within) or (
            first.date is not None and first.date.unit.startswith("within")
        )
        soon = first.offset is not None and first.offset.vague
        phrase.open = "within" if within else "after" if soon or said.endswith("以后") else None
        return phrase
    if last is not None:
        return phrase
    if first.date and first.date.kind == "holiday" and first.date.unit == "after":
        phrase.open = "after"
        return phrase
    before = text[: first.start]
    if _LATEST.search(before):
        phrase.open, phrase.inclusive = "before", True
        return phrase
    if _EARLIEST.search(before):
        phrase.open = "after"
        return phrase
    suffix = _OPEN.match(text, first.end)
    if suffix is None:
        return phrase
    unit = (
        first.is_clockless
        and first.date is not None
        and (
            first.date.kind in _FUZZY_KINDS or (first.date.kind == "ymd" and first.date.day is None)
        )
    )
    if suffix["within"] and not unit:
        whole = first.is_clockless and first.date is not None and first.date.kind != "holiday"
        phrase.open = "within" if whole else None
        return phrase
    phrase.open = "after" if suffix["after"] else "before" if suffix["before"] else "within"
    phrase.inclusive = bool(suffix["until"])
    phrase.end = suffix.end()
    return phrase
