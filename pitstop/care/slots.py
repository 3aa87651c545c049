"""Times that are still to be had."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import forecast, parts, places, reach, tariffs
from pitstop.care.capacity import Board, board
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
    services: Sequence[str] = (),
    vehicle_id: str | None = None,
    mode: str | None = None,
    technician_id: str | None = None,
    after: datetime,
    before: datetime,
    limit: int = 3,
) -> list[Slot]:
    """Return the first free slots that begin from `after` on and before `before`.

    Only what is still ahead and not too far; empty if all is taken or closed. Raises `Refused`
    if the place can never do it (see `wishes.wish_for`), with places that can.
    """
    asked = Asked(kind, service, tuple(services), vehicle_id, mode, technician_id)
    wish = await able(session, asked, place_id, after)
    return await first_free(session, wish, after, before, limit)


@dataclass(frozen=True)
class Asked:
    """What is to be booked, but for place and time: see `wishes.wish_for`."""

    kind: Kind
    service: str | None = None
    services: tuple[str, ...] = ()
    vehicle_id: str | None = None
    mode: str | None = None
    technician_id: str | None = None
    moving: str | None = None

    async def at(self, session: AsyncSession, place_id: str) -> Wish:
        """Return the wish at a place; raises as `wish_for`."""
        return await wish_for(
            session,
            kind=self.kind,
            place_id=place_id,
            service=self.service,
            services=self.services,
            vehicle_id=self.vehicle_id,
            mode=self.mode,
            technician_id=self.technician_id,
            moving=self.moving,
        )


_ELSEWHERE = frozenset({"wrong_place", "pack_does_not_fit", "mode_not_available"})


async def able(session: AsyncSession, asked: Asked, place_id: str, wanted: datetime) -> Wish:
    """Return the wish; where it is refused for the place's sake, say which places could."""
    try:
        return await asked.at(session, place_id)
    except Refused as refused:
        if refused.code in _ELSEWHERE:
            refused.alternatives = await elsewhere(session, asked, place_id, wanted)
        raise


async def elsewhere(
    session: AsyncSession,
    asked: Asked,
    place_id: str,
    wanted: datetime,
    limit: int = 3,
) -> list[Slot]:
    """Return the first free slot of up to `limit` other places nearby, the nearest first."""
    here = await places.place(session, place_id)
    kinds = places.STATION_KINDS if asked.kind == "swap" else places.STORE_KINDS
    found: list[Slot] = []
    for row, km in await places.nearest(session, (here.lat, here.lng), kinds, limit=1000):
        if len(found) >= limit or km > NEARBY_KM:
            break
        # From one side of a motorway, or from town, the other side cannot be driven to.
        if row.id == here.id or not reach.suggested([row], reach.way_of(here)):
            continue
        try:
            wish = await asked.at(session, row.id)
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
    promise = await Promise.of(session, wish, ignoring)
    async for slot in _free(session, wish, after, before, ignoring):
        if len(found) >= limit:
            break
        if promise.holds(slot.start):
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
    free = [slot async for slot in _free(session, wish, middle - BEFORE, middle + AFTER, ignoring)]
    free.sort(key=lambda slot: (abs(slot.start - wanted), slot.start))
    found: list[Slot] = []
    promise = await Promise.of(session, wish, ignoring)
    for slot in free:
        if len(found) >= limit:
            break
        if promise.holds(slot.start):
            found.append(slot)
    return found


def latest_start(kind: Kind) -> datetime:
    """Return the last moment that a booking of this kind may begin at."""
    return clock.now() + tariffs.ahead(kind)


@dataclass(frozen=True)
class Promise:
    """Whether a swap can be promised: a station may be full of packs that are empty.

    What is in the station is read once; each time is then reckoned without the database.
    """

    pack_kwh: int | None
    stock: forecast.Stock | None

    @classmethod
    async def of(cls, session: AsyncSession, wish: Wish, ignoring: str | None = None) -> Promise:
        """Read what the forecast needs; `ignoring` is a booking about to be moved."""
        if wish.kind != "swap" or wish.pack_kwh is None:
            return cls(None, None)
        stock = await forecast.stock_of(session, wish.place, ignoring=ignoring)
        return cls(wish.pack_kwh, stock)

    def holds(self, start: datetime) -> bool:
        """Say whether a promise made now for then will surely enough be kept."""
        if self.stock is None or self.pack_kwh is None:
            return True
        expected = forecast.foresee(self.stock, self.pack_kwh, start)
        return bool(expected.kept >= float(tariffs.tariffs()["swap"]["least_chance"]))


async def _free(
    session: AsyncSession, wish: Wish, after: datetime, before: datetime, ignoring: str | None
) -> AsyncIterator[Slot]:
    now = clock.now()
    after = max(after, now + timedelta(microseconds=1))
    before = min(before, latest_start(wish.kind) + timedelta(microseconds=1))
    kit = await parts.shelf(session, wish.place.id, wish.kit, ignoring=ignoring)
    ready = kit.ready_at()
    if ready is None:
        return
    after = max(after, ready)
    if after >= before:
        return
    days = await open_days(session, wish.place, after, before)
    taken = await board(session, wish.place.id, after, before + _DAY, ignoring=ignoring)
    for start in _starts(days, wish, after, before):
        if taken.fits(wish.needs_at(start), start, start + wish.length):
            yield Slot(wish.place.id, start, start + wish.length)


def is_free(taken: Board, wish: Wish, start: datetime) -> bool:
    """Say whether everything that a booking needs is free then."""
    return taken.fits(wish.needs_at(start), start, start + wish.length)


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
    # The grid is the clock on the place's wall, wherever the moment was written down.
    moment = moment.astimezone(clock.SHANGHAI)
    over = (moment - datetime.min.replace(tzinfo=clock.SHANGHAI)) % grid
    return moment if not over else moment - over + grid
