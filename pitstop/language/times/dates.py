"""Puts a date that was said into the calendar."""

from __future__ import annotations

from datetime import date, timedelta

from pitstop.language.times import calendar
from pitstop.language.times.model import DateSpec, Days, Prefer

_DAY = timedelta(days=1)
_FAR = 9  # years to look ahead: 29 February comes every fourth, and not in 2100


def is_bare(spec: DateSpec) -> bool:
    """Tell whether the speaker left open which one: 周三, 15号, 三月一日, 国庆."""
    if spec.kind in {"ymd", "nth", "edge"}:
        return spec.year is None and spec.year_shift is None and spec.month_shift is None
    if spec.kind in {"weekday", "weekend"}:
        return spec.week_shift is None
    if spec.kind == "holiday":
        return spec.year is None and spec.year_shift is None
    return spec.kind == "lunar"


def resolve(
    spec: DateSpec, today: date, *, since: date | None = None, prefer: Prefer = "future"
) -> Days:
    """Return the days that `spec` means.

    A bare date is the next one: on `since` (today if None) or after it, a
    weekday or the day of a range's end after the day that went before. With
    `prefer="past"` it is the last one. A date that does not exist has the
    problem "impossible", one that is over "past".
    """
    days = _by_kind(spec, today, since or today, since is not None, prefer)
    if days.problem is None and prefer == "future" and days.end <= today:
        return Days(days.start, days.end, days.grain, "past", days.is_range)
    return days


def _by_kind(spec: DateSpec, today: date, since: date, moved: bool, prefer: Prefer) -> Days:
    year = _year(spec, today)
    if year is not None and not 1900 <= year <= 2200:
        return _impossible(today)
    match spec.kind:
        case "day" | "days":
            first, last = spec.days
            return _span(
                today + first * _DAY, today + (last + 1) * _DAY, is_range=spec.kind == "days"
            )
        case "ahead":
            return _ahead(spec, today)
        case "weekday":
            return _weekday(spec, today, since, moved, prefer)
        case "week" | "weekend":
            return _week(spec, today, since)
        case "edge":
            return _edge(spec, today)
        case "holiday":
            return _holiday(spec, today, since, prefer)
        case "lunar":
            return _first(
                [
                    calendar.lunar(y, spec.month or 0, spec.day or 0)
                    for y in ([spec.year] if spec.year else _years(since, prefer, before=1))
                ],
                date.min if spec.year else since,
                prefer,
            )
        case "nth":
            return _nth(spec, today, since, prefer)
        case "ymd":
            return _ymd(spec, today, since, prefer)


def _ymd(spec: DateSpec, today: date, since: date, prefer: Prefer) -> Days:
    year, month = _year(spec, today), spec.month
    if spec.name == "edge":
        start = date(year or today.year, month or 12, 1)
        return Days(start, calendar.add_months(start, 1), "month", None, True)
    if spec.month_shift is not None:
        base = calendar.add_months(today.replace(day=1), spec.month_shift)
        year, month = year or base.year, base.month
    if month is not None and not 1 <= month <= 12:
        return _impossible(today)
    if spec.day is not None and not 1 <= spec.day <= 31:
        return _impossible(today)
    if spec.day is None:
        return _month(year, month, since, prefer)
    if month is None:
        firsts = [calendar.add_months(since.replace(day=1), n) for n in _steps(13, prefer)]
        return _first([_date(f.year, f.month, spec.day) for f in firsts], since, prefer)
    years = [year] if year is not None else _years(since, prefer)
    found = [_date(y, month, spec.day) for y in years]
    return _first(found, since if year is None else date.min, prefer)


def _month(year: int | None, month: int | None, since: date, prefer: Prefer) -> Days:
    assert month is not None
    if year is None:
        year = since.year
        over = calendar.add_months(date(year, month, 1), 1) <= since
        if prefer == "future" and over:
            year += 1
        elif prefer == "past" and date(year, month, 1) > since:
            year -= 1
    start = date(year, month, 1)
    return Days(start, calendar.add_months(start, 1), "month")


def _weekday(spec: DateSpec, today: date, since: date, moved: bool, prefer: Prefer) -> Days:
    assert spec.weekday is not None
    if not 0 <= spec.weekday <= 6:
        return _impossible(today)
    if spec.week_shift is not None:
        return _span(_monday(today) + timedelta(weeks=spec.week_shift, days=spec.weekday))
    if prefer == "past":
        return _span(since - ((since.weekday() - spec.weekday) % 7) * _DAY)
    ahead = (spec.weekday - since.weekday()) % 7
    # Said on a Wednesday, "周三" is the next one: today would be called 今天.
    return _span(since + (ahead or (0 if moved else 7)) * _DAY)


def _week(spec: DateSpec, today: date, since: date) -> Days:
    monday = _monday(today)
    if spec.kind == "week":
        start = monday + timedelta(weeks=spec.week_shift or 0)
        return Days(start, start + timedelta(weeks=1), "week")
    shift = spec.week_shift
    if shift is None:
        # On a Sunday "周末" is the coming one; on a Saturday it has just begun.
        shift = 1 if since.weekday() == 6 else 0
    start = monday + timedelta(weeks=shift, days=5)
    return _span(start, start + 2 * _DAY, is_range=True)


def _edge(spec: DateSpec, today: date) -> Days:
    """初 is the 1st to 10th, 中 to 20th, 底 from the 25th; 上中下旬 the ten days."""
    bounds = {
        "初": (1, 11),
        "上": (1, 11),
        "中": (11, 21),
        "下": (21, 0),
        "底": (25, 0),
        "末": (25, 0),
    }
    first, last = bounds[spec.name]
    if spec.month is not None and not 1 <= spec.month <= 12:
        return _impossible(today)
    year = _year(spec, today)
    if spec.month is not None:
        start = date(year or today.year, spec.month, 1)
        step = 12 if year is None else 0
    else:
        start = calendar.add_months(today.replace(day=1), spec.month_shift or 0)
        step = 1 if spec.month_shift is None else 0
    while True:
        end = start.replace(day=last) if last else calendar.add_months(start, 1)
        if end > today or not step:
            return _span(start.replace(day=first), end, is_range=True)
        start = calendar.add_months(start, step)


def _holiday(spec: DateSpec, today: date, since: date, prefer: Prefer) -> Days:
    year = _year(spec, today)
    years = [year] if year is not None else _years(since, prefer, before=1)
    if not spec.unit:
        found = [calendar.holiday(spec.name, y) for y in years]
        found = [day and day + spec.count * _DAY for day in found]
        return _first(found, since if year is None else date.min, prefer)
    names = [spec.name] if spec.name else list(calendar.PUBLIC)
    blocks = [b for y in years for n in names if (b := calendar.days_off(n, y)) is not None]
    coming = [block for block in blocks if block[1] > today] or blocks
    if not coming:
        return _impossible(today)
    start, end = min(coming, key=lambda block: block[1])
    if spec.unit == "off":
        return _span(start, end, is_range=True)
    return _span(end)


def _nth(spec: DateSpec, today: date, since: date, prefer: Prefer) -> Days:
    year, month = _year(spec, today), spec.month
    if spec.month_shift is not None:
        base = calendar.add_months(today.replace(day=1), spec.month_shift)
        year, month = base.year, base.month
    if month is None or not 1 <= month <= 12:
        return _impossible(today)
    years = [year] if year is not None else _years(since, prefer)
    if spec.weekday is None:  # 本月最后一天
        ends = [calendar.add_months(date(y, month, 1), 1) for y in years]
        return _first([end - _DAY for end in ends], since if year is None else date.min, prefer)
    found = [calendar.nth_weekday(y, month, spec.weekday, spec.count) for y in years]
    return _first(found, since if year is None else date.min, prefer)


def _ahead(spec: DateSpec, today: date) -> Days:
    months = spec.unit.endswith("month")
    try:
        there = calendar.add_months(today, spec.count) if months else today + spec.count * _DAY
    except (ValueError, OverflowError):  # 999年后: beyond what a calendar holds
        return _impossible(today)
    if spec.unit.startswith("within"):
        return _span(today, there + _DAY, is_range=True)
    return _span(there)


def _first(found: list[date | None], since: date, prefer: Prefer) -> Days:
    """Take the first date that exists and is not before `since` (past: the last one not after)."""
    real = [day for day in found if day is not None]
    if not real:
        return _impossible(since)
    if prefer == "past" and since != date.min:
        return _span(next((day for day in real if day <= since), real[0]))
    return _span(next((day for day in real if day >= since), real[-1]))


def _years(since: date, prefer: Prefer, *, before: int = 0) -> list[int]:
    """Return the years to look through; `before`: lunar years end in the next one's winter."""
    first = since.year - (before if prefer == "future" else 0)
    return [first + n for n in _steps(_FAR, prefer)]


def _steps(count: int, prefer: Prefer) -> list[int]:
    return [n if prefer == "future" else -n for n in range(count)]


def _year(spec: DateSpec, today: date) -> int | None:
    return spec.year if spec.year_shift is None else today.year + spec.year_shift


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _monday(day: date) -> date:
    return day - day.weekday() * _DAY


def _span(start: date, end: date | None = None, *, is_range: bool = False) -> Days:
    return Days(start, end or start + _DAY, "day", None, is_range)


def _impossible(today: date) -> Days:
    return Days(
        today if today != date.min else date(1, 1, 1), date(9999, 1, 1), "day", "impossible"
    )
