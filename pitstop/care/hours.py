"""Opening hours: a place's week, and the days on which it keeps others.

A public holiday closes nothing: a brand's holiday is often its busiest day. Only a place's own
`PlaceException` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care.service_tables import Closure
from pitstop.care.tables import Place, PlaceException

Window = tuple[datetime, datetime]
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """The hours of one place over some days, read once."""

    hours: list[dict[str, Any]]
    exceptions: Mapping[str, list[dict[str, str]]]
    closures: Sequence[Closure] = ()
    _known: dict[date, list[Window]] = field(default_factory=dict, compare=False, repr=False)

    def windows(self, day: date) -> list[Window]:
        """Return when the place is open on that day, in Asia/Shanghai; a night counts to the day
        it begins on. Closures (a power cut, a repair) are not taken off: see `closed_by`."""
        known = self._known.get(day)
        if known is None:
            known = self._known[day] = self._windows(day)
        return known

    def closed_by(self, start: datetime, end: datetime) -> Closure | None:
        """Return what keeps the place shut in some of that time, apart from its hours."""
        for closure in self.closures:
            if closure.start < end and closure.end > start:
                return closure
        return None

    def _windows(self, day: date) -> list[Window]:
        other = self.exceptions.get(day.isoformat())
        if other is None:
            today: Iterable[Mapping[str, Any]] = [
                window for window in self.hours if day.isoweekday() in window["days"]
            ]
        else:
            today = other
        return sorted(_window(day, str(w["opens"]), str(w["closes"])) for w in today)

    def covers(self, start: datetime, end: datetime) -> bool:
        """Say whether the place is open from `start` to `end` without a break."""
        if self.closed_by(start, end) is not None:
            return False
        first = start.astimezone(clock.SHANGHAI).date()
        days = (end.astimezone(clock.SHANGHAI).date() - first).days
        reached = start
        # From the day before, for a window that runs past midnight.
        for offset in range(-1, days + 1):
            for opens, closes in self.windows(first + offset * _DAY):
                if opens <= reached < closes:
                    reached = closes
                if reached >= end:
                    return True
        return False


def _window(day: date, opens: str, closes: str) -> Window:
    start = _at(day, opens)
    end = _at(day, closes)
    return start, end if end > start else end + _DAY


def _at(day: date, text: str) -> datetime:
    hour, minute = map(int, text.split(":"))
    midnight = datetime.combine(day, time(), clock.SHANGHAI)
    return midnight + timedelta(hours=hour, minutes=minute)


async def calendar(session: AsyncSession, place: Place, first: date, last: date) -> Calendar:
    """Read a place's hours for the days from `first` to `last`, and the day before."""
    query = select(PlaceException).where(
        PlaceException.place_id == place.id,
        PlaceException.day >= (first - _DAY).isoformat(),
        PlaceException.day <= last.isoformat(),
    )
    rows = (await session.execute(query)).scalars().all()
    query = (
        select(Closure)
        .where(
            Closure.place_id == place.id,
            Closure.resource_id.is_(None),
            Closure.lifted_at.is_(None),
            Closure.end > _at(first, "00:00"),
            Closure.start < _at(last + _DAY, "00:00"),
        )
        .order_by(Closure.start)
    )
    closures = (await session.execute(query)).scalars().all()
    return Calendar(place.hours, {row.day: row.windows for row in rows}, closures)


async def hours_on(session: AsyncSession, place: Place, day: date) -> list[Window]:
    """Return when the place is open on that day (Asia/Shanghai); empty: closed."""
    return (await calendar(session, place, day, day)).windows(day)


async def is_open(session: AsyncSession, place: Place, at: datetime) -> bool:
    """Say whether the place is open at that moment."""
    day = at.astimezone(clock.SHANGHAI).date()
    return (await calendar(session, place, day, day)).covers(at, at + timedelta(microseconds=1))
