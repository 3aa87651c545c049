"""The stretch of time that a span leaves open for an appointment."""

from __future__ import annotations

from datetime import datetime, timedelta

from pitstop.language.times.calendar import add_months
from pitstop.language.times.clock import midnight, part_bounds
from pitstop.language.times.model import TimeSpan


def window(span: TimeSpan) -> tuple[datetime | None, datetime | None]:
    """Return the first instant and the end (exclusive) that `span` allows.

    "明天下午" allows 13:00 to 18:00 and "下周" all of the week, though their
    `end` is null. A point in time allows itself alone (both ends equal); None
    stands for an open side.
    """
    if span.open is not None or span.end is not None or span.start is None:
        return span.start, span.end
    start = span.start
    match span.grain:
        case "daypart" if span.daypart is not None:
            part = "dawn" if span.daypart == "late" else span.daypart
            return start, part_bounds(start.date(), part)[1]
        case "day":
            return start, start + timedelta(days=1)
        case "week":
            return start, start + timedelta(weeks=1)
        case "month":
            return start, midnight(add_months(start.date(), 1))
        case _:
            return start, start
