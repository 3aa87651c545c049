"""Reads the times of a message, and the one that it is about."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from pitstop.language.normalize import Normalized, normalize
from pitstop.language.times.compose import compose
from pitstop.language.times.lexer import lex
from pitstop.language.times.model import Phrase, Prefer, TimeSpan
from pitstop.language.times.resolve import resolve

# What takes a time back. "改到" also tells that what went before is the old one.
_CORRECTION = re.compile(r"不对|不是|说错|错了|搞错|记错|打错|哦不|噢不|啊不|算了|等等")
_MOVE = re.compile(
    r"改到|改成|改为|改在|改约|换到|换成|挪到|推到|推迟到|延到|延后到|延期到|提前到|调到|调整到|改期到"
)
_REFUSED = re.compile(
    r"^(?:[的那天我们都也就是可能会有点儿早晚上下午,\s]{0,6})(?:不行|不可以|不太行|不能|没空|没时间|没有时间|不方便|有事|"
    r"不在|去不了|来不了|不合适|太[早晚远]|约满|满了|没号|上班|出差)"
)
# A clause that goes on like this tells what happened.
_TOLD = re.compile(
    r"^(?:就|一直)?到(?:现在|今天|目前)|"
    r"了(?!吗|吧|没|么)|[买提换做修定订]的(?!话|时候)|刚(?!好)|已经|说好?(?=$|[要会能可])|出现|故障"
)
_GAP = re.compile(
    # "YM3 周六" names a car and a Saturday, not three weeks.
    r"(?<=\d)(?<![A-Za-z]\d) (?=[点号日月年时分:个小天周])|(?<=[点时]) (?=半|整|钟|[一三]刻)|"
    r"(?<=[月年日号点第到午上晚早]) (?=\d)"
)
_REFUSING = re.compile(r"(?:不要|别约?|除了|不想要?|不约|不是)(?:在|约)?$")


def read_times(text: str, now: datetime, *, prefer: Prefer = "future") -> list[TimeSpan]:
    """Return every time said in `text`, in order.

    `now` must be timezone-aware; answers are in Asia/Shanghai. With
    `prefer="past"`, for stories of what happened, a bare weekday or date is
    the last one and nothing is wrong with being over.
    """
    plain = _read(text)
    return [_span(plain, phrase, now, prefer) for phrase in _phrases(plain.text)]


def read_time(text: str, now: datetime, *, prefer: Prefer = "future") -> TimeSpan | None:
    """Return the one time that `text` asks for, None if it says none.

    Joins what was said apart (明天 … 下午三点), takes the last one after a
    correction (不对，周四), leaves out what was refused (周三不行). A time that
    cannot be booked comes with its problem, if there is no better one.
    """
    plain = _read(text)
    phrases = _phrases(plain.text)
    if not phrases:
        return None
    wanted = _wanted(plain.text, phrases)
    spans = [_span(plain, phrase, now, prefer) for phrase in wanted]
    joined = _join(plain, wanted, spans, now, prefer)
    if joined is not None:
        return joined
    order = {None: 0, "impossible": 1, "past": 2}
    if not spans:
        return None
    best = min(range(len(spans)), key=lambda n: order[spans[n].problem])
    if wanted[best].first.date is None and wanted[best].first.offset is None:
        # 2月30号，我想下午三点去: the time belongs to a day that does not exist.
        slips = [n for n, p in enumerate(wanted) if p.first.date and _is_slip(spans[n])]
        best = slips[0] if slips else best
    return spans[best]


def _read(text: str) -> Normalized:
    """Normalise, and close the gaps in "3 点" and "11 月 25 日"."""
    plain = normalize(text)
    gaps = {match.start() for match in _GAP.finditer(plain.text)}
    if not gaps:
        return plain
    kept = [index for index in range(len(plain.text)) if index not in gaps]
    return Normalized(
        plain.original,
        "".join(plain.text[index] for index in kept),
        tuple(plain.offsets[index] for index in kept),
    )


def _phrases(text: str) -> list[Phrase]:
    atoms = lex(text)
    return compose(text, atoms) if atoms else []


def _wanted(text: str, phrases: list[Phrase]) -> list[Phrase]:
    """Leave out what was refused or taken back."""
    kept = [
        phrase
        for phrase in phrases
        if not _REFUSED.match(text[phrase.end :]) and not _REFUSING.search(text[: phrase.start])
    ]
    if len(phrases) > 1 and not kept:
        kept = phrases[-1:]
    elif not kept:
        return []
    for pattern in (_MOVE, _CORRECTION):
        for mark in reversed(list(pattern.finditer(text))):
            later = [phrase for phrase in kept if phrase.start >= mark.end()]
            earlier = [phrase for phrase in phrases if phrase.end <= mark.start()]
            if later and earlier:
                later[0] = _inherit(later[0], earlier[-1], clock=pattern is _CORRECTION)
                return later
    return _not_told(text, kept)


def _not_told(text: str, phrases: list[Phrase]) -> list[Phrase]:
    """Leave out the times of a story, and 现在 as a mere turn of speech, if another is left.

    "今天刚坏的，明天能修吗" asks for tomorrow.
    """
    asked = [phrase for phrase in phrases if not _TOLD.search(_clause(text, phrase))]
    asked = asked or phrases
    later = [phrase for phrase in asked if phrase.last or not _is_now(phrase)]
    return later or asked


def _clause(text: str, phrase: Phrase) -> str:
    end = re.search(r"[,。!?;]", text[phrase.end :])
    return text[phrase.end : phrase.end + end.start()] if end else text[phrase.end :]


def _is_now(phrase: Phrase) -> bool:
    offset = phrase.first.offset
    return offset is not None and not offset.minutes and not offset.vague


def _inherit(phrase: Phrase, old: Phrase, *, clock: bool) -> Phrase:
    """Give a correction what it leaves as it was: 周三三点，不对，四点 stays Wednesday."""
    first = phrase.first
    if first.offset is not None or old.first.offset is not None:
        return phrase
    if first.date is None:
        part = first.part
        if part is None and first.clock is not None and old.first.clock is not None:
            part = old.first.part
        return replace(
            phrase,
            first=replace(first, date=old.first.date, second_date=old.first.second_date, part=part),
        )
    if clock and first.is_clockless and phrase.last is None and old.last is None:
        return replace(phrase, first=replace(first, part=old.first.part, clock=old.first.clock))
    return phrase


def _join(
    plain: Normalized,
    phrases: list[Phrase],
    spans: list[TimeSpan],
    now: datetime,
    prefer: Prefer,
) -> TimeSpan | None:
    """Join the first day with the first time of day, if they were said apart."""
    day = next((n for n, p in enumerate(phrases) if _is_day(p) and spans[n].problem is None), None)
    hour = next((n for n, phrase in enumerate(phrases) if _is_time_of_day(phrase)), None)
    if day is None or hour is None:
        return None
    complete = next((n for n, p in enumerate(phrases) if p.first.date and not _is_day(p)), None)
    if complete is not None and complete < max(day, hour):
        return None
    dated, timed = phrases[day], phrases[hour]
    moment = replace(
        timed.first,
        date=dated.first.date,
        second_date=dated.first.second_date,
        part=timed.first.part or dated.first.part,
    )
    joined = replace(
        timed,
        first=moment,
        start=min(dated.start, timed.start),
        end=max(dated.end, timed.end),
    )
    return _span(plain, joined, now, prefer)


def _is_slip(span: TimeSpan) -> bool:
    return span.problem == "impossible"


def _is_day(phrase: Phrase) -> bool:
    first = phrase.first
    return (
        first.date is not None
        and first.clock is None
        and first.offset is None
        and phrase.last is None
        and phrase.open is None
        and first.date.kind in {"ymd", "day", "ahead", "weekday", "nth", "holiday", "lunar"}
        and not (first.date.kind == "ymd" and first.date.day is None)
    )


def _is_time_of_day(phrase: Phrase) -> bool:
    first = phrase.first
    return (
        first.date is None
        and first.offset is None
        and (phrase.last is None or phrase.last.date is None)
    )


def _span(plain: Normalized, phrase: Phrase, now: datetime, prefer: Prefer) -> TimeSpan:
    found = resolve(phrase, now, prefer)
    start, end = plain.to_original(phrase.start, phrase.end)
    return TimeSpan(
        start=found.start,
        end=found.end,
        grain=found.grain,
        open=found.open,
        text=plain.original[start:end],
        span=(start, end),
        problem=found.problem,
        daypart=found.daypart,
    )
