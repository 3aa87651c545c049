"""Times that are still to be had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import places, tariffs
from pitstop.care.capacity import board
from pitstop.care.hours import Calendar, calendar
from pitstop.care.refusals import Refused
from pitstop.care.tables import Place
from pitstop.care.wishes import Kind, Wish, wish_for

_DAY = timedelta(days=1)
# How far around the time asked for we look for another one.
BEFORE = timedelta(days=3)
AFTER = timedelta(days=7)
# Another place is offered only where one would drive to.
NEARBY_KM = 80.0


@dataclass(frozen=True)
class Slot:
    """A time that is free at a place."""

    place_id: str
    start: datetime
    end: datetime


async def free_slots(
    session: AsyncSession,
    *,
    kind: Kind,
    place_id: str,
    service: str | None = None,
    vehicle_id: str | None = None,
    mode: str | None = None,
    after: datetime,
    before: datetime,
    limit: int = 3,
) -> list[Slot]:
    """Return the first free slots that begin from `after` on and before `before`.

    Only what is still ahead and not too far; empty if all is taken or closed. Raises `Refused`
    if the place can never do it (see `wishes.wish_for`), with places that can.
    """
    wish = await able(
        session,
        kind=kind,
        place_id=place_id,
        service=service,
        vehicle_id=vehicle_id,
        mode=mode,
        wanted=after,
    )
    return await first_free(session, wish, after, before, limit)


async def able(
    session: AsyncSession,
    *,
    kind: Kind,
    place_id: str,
    service: str | None,
    vehicle_id: str | None,
    mode: str | None,
    wanted: datetime,
) -> Wish:
    """Return the wish; where it is refused for the place's sake, say which places could."""
    try:
        return await wish_for(
            session,
            kind=kind,
            place_id=place_id,
            service=service,
            vehicle_id=vehicle_id,
            mode=mode,
        )
    except Refused as refused:
        if refused.code not in {"wrong_place", "pack_does_not_fit", "mode_not_available"}:
            raise
        refused.alternatives = await _elsewhere(
            session, kind, place_id, service, vehicle_id, mode, wanted
        )
        raise


async def _elsewhere(
    session: AsyncSession,
    kind: Kind,
    place_id: str,
    service: str | None,
    vehicle_id: str | None,
    mode: str | None,
    wanted: datetime,
    limit: int = 3,
) -> list[Slot]:
    here = await places.place(session, place_id)
    kinds = places.STATION_KINDS if kind == "swap" else places.STORE_KINDS
    found: list[Slot] = []
    for row, km in await places.nearest(session, (here.lat, here.lng), kinds, limit=1000):
        if len(found) >= limit or km > NEARBY_KM:
            break
        if row.id == here.id:
            continue
        try:
            wish = await wish_for(
                session,
                kind=kind,
                place_id=row.id,
                service=service,
                vehicle_id=vehicle_id,
                mode=mode,
            )
        except Refused:
            continue
        start = max(wanted, clock.now())
        found += await first_free(session, wish, start, start + AFTER, 1)
    return found


async def first_free(
    session: AsyncSession,
    wish: Wish,
    after: datetime,
    before: datetime,
    limit: int,
    *,
    ignoring: str | None = None,
) -> list[Slot]:
    """Return up to `limit` free slots in the order of time; `ignoring` is a booking to move."""
    found: list[Slot] = []
    async for slot in _free(session, wish, after, before, ignoring):
        if len(found) >= limit:
            break
        found.append(slot)
    return found


async def nearest_free(
    session: AsyncSession,
    wish: Wish,
    wanted: datetime,
    limit: int = 3,
    *,
    ignoring: str | None = None,
) -> list[Slot]:
    """Return up to `limit` free slots, the one nearest to the time wanted first."""
    latest = latest_start(wish.kind)
    middle = min(max(wanted, clock.now()), latest)
    found = [slot async for slot in _free(session, wish, middle - BEFORE, middle + AFTER, ignoring)]
    found.sort(key=lambda slot: (abs(slot.start - wanted), slot.start))
    return found[:limit]


def latest_start(kind: Kind) -> datetime:
    """Return the last moment that a booking of this kind may begin at."""
    return clock.now() + tariffs.ahead(kind)


async def _free(
    session: AsyncSession, wish: Wish, after: datetime, before: datetime, ignoring: str | None
) -> AsyncIterator[Slot]:
    now = clock.now()
    after = max(after, now + timedelta(microseconds=1))
    before = min(before, latest_start(wish.kind) + timedelta(microseconds=1))
    if after >= before:
        return
    days = await open_days(session, wish.place, after, before)
    taken = await board(session, wish.place.id, after, before + _DAY, ignoring=ignoring)
    for start in _starts(days, wish, after, before):
        if taken.fits(wish.needs, start, start + wish.length):
            yield Slot(wish.place.id, start, start + wish.length)


async def open_days(
    session: AsyncSession, place: Place, start: datetime, end: datetime
) -> Calendar:
    """Read the place's hours around a stretch of time."""
    first = start.astimezone(clock.SHANGHAI).date()
    return await calendar(session, place, first, end.astimezone(clock.SHANGHAI).date() + _DAY)


def _starts(days: Calendar, wish: Wish, after: datetime, before: datetime) -> Iterator[datetime]:
    day = after.astimezone(clock.SHANGHAI).date() - _DAY
    last = before.astimezone(clock.SHANGHAI).date()
    seen: datetime | None = None
    while day <= last:
        for opens, closes in days.windows(day):
            start = align(max(opens, after), wish.grid)
            while start < min(closes, before):
                if (seen is None or start > seen) and days.covers(start, start + wish.length):
                    seen = start
                    yield start
                start += wish.grid
        day += _DAY


def align(moment: datetime, grid: timedelta) -> datetime:
    """Return the next point of the grid: nobody is asked to come before the time they said."""
    over = (moment - datetime.min.replace(tzinfo=moment.tzinfo)) % grid
    return moment if not over else moment - over + grid
