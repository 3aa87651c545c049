"""From a phrase to instants: what was said, seen from now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pitstop.language.times import clock as clocks
from pitstop.language.times import dates
from pitstop.language.times.model import (
    ZONE,
    Clock,
    DateSpec,
    Days,
    Moment,
    Phrase,
    Prefer,
    Problem,
)

_DAY = timedelta(days=1)
_LONGEST = timedelta(hours=16)
"""Of a range between two clock times."""
_LATE = 17


@dataclass(frozen=True)
class Resolved:
    """A phrase in instants; `end` only for ranges and limits."""

    start: datetime | None
    end: datetime | None
    grain: str
    open: str | None = None
    problem: str | None = None
    daypart: str | None = None


@dataclass(frozen=True)
class Point:
    """A moment in instants: `end` is where its unit ends."""

    start: datetime
    end: datetime
    grain: str
    problem: Problem | None = None
    is_range: bool = False
    part: str | None = None


def resolve(phrase: Phrase, now: datetime, prefer: Prefer = "future") -> Resolved:
    """Return the instants of `phrase`, seen from `now` (any zone; seconds are dropped)."""
    now = now.astimezone(ZONE).replace(second=0, microsecond=0)
    first = _point(phrase.first, now, prefer)
    if phrase.last is not None:
        return _range(phrase, first, now, prefer)
    part = first.part
    if first.problem is not None:
        return Resolved(first.start, None, first.grain, phrase.open, first.problem, part)
    match phrase.open:
        case "before":
            # 月底前 leaves all of the month, 周五前 ends as Friday begins.
            whole = phrase.inclusive or _ends_late(phrase.first)
            end = first.end if whole else first.start
            over = prefer == "future" and end <= now
            return Resolved(None, end, first.grain, "before", "past" if over else None, part)
        case "after":
            start = first.end if _ends_late(phrase.first) else first.start
            return Resolved(start, None, first.grain, "after", None, part)
        case "within":
            return Resolved(now, first.end, first.grain, "within", None, part)
        case _:
            end_said = first.end if first.is_range else None
            return Resolved(first.start, end_said, first.grain, None, None, part)


def _ends_late(moment: Moment) -> bool:
    spec = moment.date
    return spec is not None and (spec.kind == "edge" or spec.name == "edge")


def _range(phrase: Phrase, first: Point, now: datetime, prefer: Prefer) -> Resolved:
    assert phrase.last is not None
    last = _last_point(phrase.last, first, now, prefer)
    if _same_clock(phrase.first, phrase.last):
        return Resolved(first.start, None, first.grain, None, "impossible", first.part)
    running = replace(first, start=first.start - _DAY)
    if _is_clock(phrase.first) and phrase.last.date and running.start <= now < last.start:
        # "下午四点到明早八点", said at half past four.
        first = running if last.start <= first.start else first
    if _is_clock(phrase.first) and _is_clock(phrase.last) and prefer == "future":
        # "九点到下午五点" said at ten is not from nine in the evening on: 12 hours later it fits.
        later = replace(first, start=first.start + _DAY / 2)
        if last.problem and phrase.first.part is None and not first.problem:
            again = _last_point(phrase.last, later, now, prefer)
            first, last = (first, last) if again.problem else (later, again)
    by_day = first.grain == last.grain and last.grain not in {"hour", "minute"}
    grain = last.grain if by_day else first.grain
    if not by_day and "minute" in (first.grain, last.grain):
        grain = "minute"
    end = last.end if last.grain not in {"hour", "minute"} else last.start
    problem: str | None = None
    if "impossible" in (first.problem, last.problem) or end <= first.start:
        problem = "impossible"
    elif (prefer == "future" and end <= now) or (
        first.problem == "past" and phrase.first.clock is not None
    ):
        problem = "past"
    return Resolved(first.start, end, grain, None, problem, first.part)


def _is_clock(moment: Moment) -> bool:
    return moment.clock is not None and moment.date is None


def _same_clock(first: Moment, last: Moment) -> bool:
    """Tell 九点到九点: from nine to nine of which day, nobody knows."""
    return _is_clock(last) and first.clock == last.clock and last.part in {None, first.part}


def _last_point(last: Moment, first: Point, now: datetime, prefer: Prefer) -> Point:
    """Read the end of a range: it takes from the beginning what it does not say."""
    since = first.start.date()
    if last.date is not None:
        spec = last.date
        if spec.name == "next":  # 今晚十点到次日六点: the day after the first one
            ahead = (since - now.date()).days + 1
            spec = replace(spec, days=(ahead, ahead))
        return _dated(replace(last, date=spec), now, prefer, since=since, in_range=True)
    if last.clock is None:
        start, end = clocks.part_bounds(since, last.part or "")
        return Point(start, end, "daypart", part=last.part)
    if last.clock.impossible:
        return Point(first.start, first.end, "hour", "impossible")
    if last.part is not None or last.clock.half is not None:
        hours = clocks.readings(last.clock, last.part)
    else:
        hours = [last.clock.hour or 24]
        if last.clock.hour <= 12 and not last.clock.sure:
            hours.append(last.clock.hour + 12)
    # "九点到十二点": the first reading that comes after the beginning; on the next day
    # only if that is said ("到早上八点"), or the beginning is in the evening.
    shifts = (0, 1) if last.part is not None or first.start.hour >= _LATE else (0,)
    options = sorted(
        clocks.place(since + shift * _DAY, hour, last.clock) for hour in hours for shift in shifts
    )
    after = [option for option in options if first.start < option <= first.start + _LONGEST]
    if not after:
        return Point(first.start, first.start, "hour", "impossible")
    return Point(after[0], after[0], clocks.grain(last.clock), part=last.part)


def _point(moment: Moment, now: datetime, prefer: Prefer) -> Point:
    if moment.offset is not None:
        start = now + timedelta(minutes=moment.offset.minutes)
        if moment.offset.within:
            return Point(now, start, "minute")
        over = prefer == "future" and start < now
        return Point(start, start, "minute", "past" if over else None)
    if moment.clock is not None and moment.clock.impossible:
        return Point(now, now, "hour", "impossible")
    if moment.date is not None:
        return _dated(moment, now, prefer)
    return _undated(moment, now, prefer)


def _undated(moment: Moment, now: datetime, prefer: Prefer) -> Point:
    """Read a clock time or part of the day without a date: the next one."""
    today = now.date()
    days = [today + shift * _DAY for shift in (-1, 0, 1, 2)]
    if moment.clock is None:
        assert moment.part is not None
        bounds = [clocks.part_bounds(day, moment.part) for day in days]
        start, end = (
            next(bound for bound in bounds if bound[1] > now)
            if prefer == "future"
            else next(bound for bound in reversed(bounds) if bound[0] <= now)
        )
        return Point(start, end, "daypart", part=moment.part)
    hours = clocks.readings(moment.clock, moment.part, now)
    options = sorted(clocks.place(day, hour, moment.clock) for day in days for hour in hours)
    if not options:
        return Point(now, now, "hour", "impossible")
    if prefer == "future":
        start = next(option for option in options if option >= now)
    else:
        start = next((option for option in reversed(options) if option <= now), options[0])
    return Point(start, start, clocks.grain(moment.clock), part=moment.part)


def _dated(
    moment: Moment,
    now: datetime,
    prefer: Prefer,
    *,
    since: date | None = None,
    in_range: bool = False,
) -> Point:
    spec = moment.date
    assert spec is not None
    today = now.date()
    days = _agreed(moment, today, since, prefer)
    point = _on_days(days, moment, now, prefer)
    over = point.problem == "past" and not in_range
    if over and dates.is_bare(spec) and prefer == "future" and moment.second_date is None:
        # "15号下午三点" said on the 15th at four means next month's.
        later = dates.resolve(spec, today, since=days.start + _DAY)
        return _on_days(later, moment, now, prefer)
    return point


def _agreed(moment: Moment, today: date, since: date | None, prefer: Prefer) -> Days:
    """Resolve the date; where two were said (11月25日周三) they must agree."""
    assert moment.date is not None
    first = dates.resolve(moment.date, today, since=since, prefer=prefer)
    if moment.second_date is None or first.problem == "impossible":
        return first
    second = dates.resolve(moment.second_date, today, since=since, prefer=prefer)
    if second.problem == "impossible":
        return second
    if _is_plain_weekday(moment.second_date):
        agree, days = first.start.weekday() == moment.second_date.weekday, first
    elif _is_plain_weekday(moment.date):
        agree, days = second.start.weekday() == moment.date.weekday, second
    else:
        agree = first.start < second.end and second.start < first.end
        days = min(first, second, key=lambda option: option.end - option.start)
    return days if agree else replace(days, problem="impossible")


def _is_plain_weekday(spec: DateSpec) -> bool:
    return spec.kind == "weekday" and spec.week_shift is None


def _on_days(days: Days, moment: Moment, now: datetime, prefer: Prefer) -> Point:
    if days.problem == "impossible":
        return Point(now, now, days.grain, "impossible")
    start, end = clocks.midnight(days.start), clocks.midnight(days.end)
    if days.grain != "day" or days.is_range or moment.is_clockless:
        return Point(start, end, days.grain, days.problem, days.is_range, moment.part)
    if moment.clock is None:
        assert moment.part is not None
        start, end = clocks.part_bounds(days.start, moment.part)
        over = prefer == "future" and end <= now
        return Point(start, end, "daypart", "past" if over else None, part=moment.part)
    start_at = _clock_on(days.start, moment.clock, moment.part, now)
    if start_at is None:
        return Point(now, now, "hour", "impossible")
    over = prefer == "future" and start_at < now
    grain = clocks.grain(moment.clock)
    return Point(start_at, start_at, grain, "past" if over else None, part=moment.part)


def _clock_on(day: date, clock: Clock, part: str | None, now: datetime) -> datetime | None:
    today = now if day == now.date() else None
    options = [clocks.place(day, hour, clock) for hour in clocks.readings(clock, part, today)]
    if not options:
        return None
    if today is not None:
        return next((option for option in options if option >= now), options[-1])
    return options[0]
