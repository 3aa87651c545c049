"""A place's day as its service advisers see it: who works when, what is closed, what is booked.

Nothing here is masked: what leaves the house goes through `day_wire`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import places, quotes, workshop
from pitstop.care.capacity import moment_of, numbers
from pitstop.care.hours import Calendar, Window, calendar
from pitstop.care.service_tables import Closure, Journey, Part, PartClaim, PartUnit, Quote
from pitstop.care.tables import (
    Booking,
    BookingChange,
    Customer,
    Place,
    PlaceException,
    Resource,
    ResourceException,
    ServiceItem,
    Staff,
    Tick,
    Vehicle,
)
from pitstop.care.workshop_texts import minutes

_DAY = timedelta(days=1)
# What a closed day is drawn over, so that its bookings and closures can still be seen.
_USUAL = (time(8), time(20))
_UNDER_WAY = ("confirmed", "in_progress")


@dataclass(frozen=True)
class Lane:
    """One thing that bookings take, on one day.

    `shifts` is when it works there; None: whenever the place is open. `away` says why it works
    other hours than usual.
    """

    id: str
    kind: str
    label: str
    skills: Sequence[str]
    pack_kwh: int | None
    soc: int | None
    shifts: Sequence[Window] | None
    away: str | None


@dataclass(frozen=True)
class Hold:
    """A stretch of time in which a booking has a lane."""

    lane_id: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Claimed:
    """Pieces of a part that are kept for a booking; there from `available_at` on."""

    name: str
    count: int
    available_at: datetime


@dataclass(frozen=True)
class Block:
    """A booking as it is drawn. `names` are what is to be done; `asked` the open quotes."""

    booking: Booking
    names: Sequence[str]
    customer: Customer | None
    vehicle: Vehicle | None
    holds: Sequence[Hold] = ()
    parts: Sequence[Claimed] = ()
    asked: int = 0

    @property
    def parts_at(self) -> datetime | None:
        """When the last of its parts is there, if it is still missing."""
        late = [part.available_at for part in self.parts if part.available_at > clock.now()]
        return max(late) if late and self.booking.status in _UNDER_WAY else None


@dataclass(frozen=True)
class Day:
    """One place on one day (Asia/Shanghai). `closed` is why it keeps other hours than usual."""

    place: Place
    day: date
    windows: Sequence[Window]
    closed: str | None
    lanes: Sequence[Lane]
    closures: Sequence[Closure]
    blocks: Sequence[Block]
    journeys: Sequence[Journey]

    def drawn(self) -> Window:
        """Return from when to when the day is drawn: whole hours around all that happens."""
        midnight = _midnight(self.day)
        moments = [moment for window in self.windows for moment in window]
        for lane in self.lanes:
            moments += [moment for window in lane.shifts or () for moment in window]
        for block in self.blocks:
            moments += [moment for hold in block.holds for moment in (hold.start, hold.end)]
        for journey in self.journeys:
            moments += [journey.window_start, journey.window_end]
        if not moments:
            moments = [datetime.combine(self.day, at, clock.SHANGHAI) for at in _USUAL]
        first = max(min(moments), midnight).astimezone(clock.SHANGHAI)
        last = min(max(moments), midnight + _DAY).astimezone(clock.SHANGHAI)
        start = first.replace(minute=0, second=0, microsecond=0)
        end = last.replace(minute=0, second=0, microsecond=0)
        return start, end if end == last and end > start else end + timedelta(hours=1)


@dataclass(frozen=True)
class Change:
    """Something that was done to a booking; `who` is a name, or the actor's id."""

    row: BookingChange
    who: str


@dataclass(frozen=True)
class Sheet:
    """All that the workshop knows of one booking, but for its quotes and journeys.

    `waits` is what the car waits for, `next` the steps that may follow, the usual one first, and
    `may` what else can be done with it now.
    """

    block: Block
    place: Place | None
    technician: Resource | None
    changes: Sequence[Change]
    waits: workshop.Waiting | None
    next: Sequence[str]
    may: Sequence[str]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), clock.SHANGHAI)


async def day_of(session: AsyncSession, place_id: str, day: date) -> Day:
    """Read a place's day; raises `LookupError` if there is no such place.

    Today's also holds the cars that are still there from days before.
    """
    place = await places.place(session, place_id)
    start = _midnight(day)
    end = start + _DAY
    resources = await _resources(session, place_id)
    hours = await calendar(session, place, day, day)
    closures = (await session.execute(_closures(place_id, start, end))).scalars().all()
    holds = await _holds(session, resources, start, end)
    journeys = (await session.execute(_journeys(place_id, start, end))).scalars().all()
    named = {*holds, *(journey.booking_id for journey in journeys)}
    there = and_(Booking.start < end, Booking.end > start)
    if start <= clock.now() < end:
        # A car that waits for a part since last week stands in the yard today.
        there = or_(there, and_(Booking.status == "in_progress", Booking.start < end))
    query = (
        select(Booking)
        .where(or_(and_(Booking.place_id == place_id, there), Booking.id.in_(named)))
        .order_by(Booking.start, Booking.id)
    )
    rows = (await session.execute(query)).scalars().all()
    return Day(
        place=place,
        day=day,
        windows=_on(hours, day),
        closed=await _closed(session, place_id, day),
        lanes=await _lanes(session, resources, day),
        closures=closures,
        blocks=await _blocks(session, rows, holds),
        journeys=journeys,
    )


async def sheet_of(session: AsyncSession, booking_id: str) -> Sheet:
    """Read one booking as the workshop sees it; raises `LookupError` if there is none."""
    booking: Booking | None = await session.get(Booking, booking_id)
    if booking is None:
        raise LookupError(f"no booking {booking_id}")
    block = (await _blocks(session, [booking], {}))[0]
    place = None if booking.place_id is None else await session.get(Place, booking.place_id)
    worker = (
        None
        if booking.technician_id is None
        else await session.get(Resource, booking.technician_id)
    )
    query = (
        select(BookingChange)
        .where(BookingChange.booking_id == booking_id)
        .order_by(BookingChange.created_at, BookingChange.id)
    )
    changes = (await session.execute(query)).scalars().all()
    names = await names_of(session, [change.actor for change in changes])
    shown = [Change(change, names.get(change.actor, change.actor)) for change in changes]
    return Sheet(
        block=block,
        place=place,
        technician=worker,
        changes=shown,
        waits=await workshop.waits_for(session, booking),
        next=_next(block),
        may=_may(booking),
    )


def _next(block: Block) -> list[str]:
    steps = list(workshop.next_steps(block.booking))
    if block.asked:
        steps = [step for step in steps if step not in workshop.DECIDED_FIRST]
    if steps and block.booking.step == "waiting_parts":
        # The same step again: another part, another day.
        steps.append("waiting_parts")
    return steps


def _may(booking: Booking) -> list[str]:
    """Return what could be done; whether it can, the workshop decides when it is asked to."""
    now = clock.now()
    if booking.kind == "rescue" or booking.status not in _UNDER_WAY:
        return []
    if booking.kind != "maintenance":
        over = booking.start - minutes("finish_before") <= now
        found = ["finish"] if over else []
    elif booking.status == "in_progress":
        found = ["quote"] if booking.step in quotes.QUOTABLE else []
        return ["finish", *found] if booking.step == "ready" else found
    else:
        found = ["check_in"]
    if booking.status == "confirmed":
        found += ["move", "cancel"]
        if booking.start + minutes("no_show_after", booking.kind) <= now:
            found.append("no_show")
    return found


async def _resources(session: AsyncSession, place_id: str) -> list[Resource]:
    query = (
        select(Resource)
        .where(Resource.place_id == place_id, Resource.active.is_(True))
        .order_by(Resource.kind, Resource.pack_kwh, Resource.id)
    )
    return list((await session.execute(query)).scalars().all())


def _closures(place_id: str, start: datetime, end: datetime) -> Any:
    return (
        select(Closure)
        .where(
            Closure.place_id == place_id,
            Closure.lifted_at.is_(None),
            Closure.start < end,
            Closure.end > start,
        )
        .order_by(Closure.start, Closure.id)
    )


def _journeys(place_id: str, start: datetime, end: datetime) -> Any:
    return (
        select(Journey)
        .where(
            Journey.place_id == place_id,
            Journey.status != "cancelled",
            Journey.window_start < end,
            Journey.window_end > start,
        )
        .order_by(Journey.window_start, Journey.id)
    )


async def _closed(session: AsyncSession, place_id: str, day: date) -> str | None:
    query = select(PlaceException.reason).where(
        PlaceException.place_id == place_id, PlaceException.day == day.isoformat()
    )
    found: str | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def _lanes(session: AsyncSession, resources: Sequence[Resource], day: date) -> list[Lane]:
    query = select(ResourceException).where(
        ResourceException.resource_id.in_([row.id for row in resources]),
        # The night before may reach into this day.
        ResourceException.day.in_([day.isoformat(), (day - _DAY).isoformat()]),
    )
    leave: dict[str, dict[str, ResourceException]] = {}
    for row in (await session.execute(query)).scalars().all():
        leave.setdefault(row.resource_id, {})[row.day] = row
    return [_lane(row, leave.get(row.id, {}), day) for row in resources]


def _lane(row: Resource, leave: Mapping[str, ResourceException], day: date) -> Lane:
    today = leave.get(day.isoformat())
    shifts: list[Window] | None = None
    if row.hours is not None or today is not None:
        works = Calendar(row.hours or [], {key: one.windows for key, one in leave.items()})
        shifts = _on(works, day)
    return Lane(
        id=row.id,
        kind=row.kind,
        label=row.label,
        skills=row.skills,
        pack_kwh=row.pack_kwh,
        soc=row.soc,
        shifts=shifts,
        away=None if today is None else today.reason,
    )


def _on(hours: Calendar, day: date) -> list[Window]:
    """Return the windows within a day; a night that began the day before belongs to it too."""
    midnight = _midnight(day)
    return [
        (max(opens, midnight), min(closes, midnight + _DAY))
        for opens, closes in [*hours.windows(day - _DAY), *hours.windows(day)]
        if closes > midnight
    ]


async def _holds(
    session: AsyncSession, resources: Sequence[Resource], start: datetime, end: datetime
) -> dict[str, list[Hold]]:
    """Return what each booking has on that day: its quarters, put together to stretches."""
    quarters = numbers(start, end)
    query = (
        select(Tick.booking_id, Tick.resource_id, Tick.number)
        .where(
            Tick.resource_id.in_([row.id for row in resources]),
            Tick.number >= quarters.start,
            Tick.number < quarters.stop,
        )
        .order_by(Tick.resource_id, Tick.number)
    )
    runs: list[tuple[str, str, int, int]] = []
    for booking_id, resource_id, number in (await session.execute(query)).all():
        if runs and runs[-1][:2] == (booking_id, resource_id) and runs[-1][3] == number:
            runs[-1] = (booking_id, resource_id, runs[-1][2], number + 1)
        else:
            runs.append((booking_id, resource_id, number, number + 1))
    found: dict[str, list[Hold]] = {}
    for booking_id, resource_id, first, last in runs:
        hold = Hold(resource_id, moment_of(first), moment_of(last))
        found.setdefault(booking_id, []).append(hold)
    return found


async def _blocks(
    session: AsyncSession, rows: Sequence[Booking], holds: Mapping[str, Sequence[Hold]]
) -> list[Block]:
    ids = [row.id for row in rows]
    codes = {code for row in rows for code in (*row.services, row.service) if code}
    items = await _by_id(session, ServiceItem, ServiceItem.code, codes)
    people = await _by_id(session, Customer, Customer.id, {row.customer_id for row in rows})
    cars = await _by_id(session, Vehicle, Vehicle.id, {row.vehicle_id for row in rows})
    parts = await _parts(session, ids)
    query = select(Quote.booking_id).where(Quote.booking_id.in_(ids), Quote.status == "open")
    asked = list((await session.execute(query)).scalars().all())

    def name(code: str) -> str:
        return items[code].name if code in items else code

    return [
        Block(
            booking=row,
            names=[name(code) for code in row.services or ([row.service] if row.service else [])],
            customer=people.get(row.customer_id),
            vehicle=cars.get(row.vehicle_id or ""),
            holds=holds.get(row.id, ()),
            parts=parts.get(row.id, ()),
            asked=asked.count(row.id),
        )
        for row in rows
    ]


async def _by_id(
    session: AsyncSession, table: Any, column: Any, ids: Iterable[str | None]
) -> dict[str, Any]:
    wanted = [one for one in ids if one]
    if not wanted:
        return {}
    rows = (await session.execute(select(table).where(column.in_(wanted)))).scalars().all()
    return {getattr(row, column.key): row for row in rows}


async def _parts(session: AsyncSession, ids: Sequence[str]) -> dict[str, list[Claimed]]:
    query = (
        select(PartClaim.booking_id, Part.name, PartUnit.available_at)
        .join(PartUnit, PartUnit.id == PartClaim.unit_id)
        .join(Part, Part.code == PartUnit.part)
        .where(PartClaim.booking_id.in_(ids))
    )
    counted: dict[tuple[str, str], list[datetime]] = {}
    for booking_id, name, available_at in (await session.execute(query)).all():
        counted.setdefault((booking_id, name), []).append(available_at)
    found: dict[str, list[Claimed]] = {}
    for (booking_id, name), moments in sorted(counted.items()):
        found.setdefault(booking_id, []).append(Claimed(name, len(moments), max(moments)))
    return found


async def names_of(session: AsyncSession, actors: Iterable[str | None]) -> dict[str, str]:
    """Return the names of owners and staff by whatever they are written as: id or log-in name."""
    wanted = {actor for actor in actors if actor}
    if not wanted:
        return {}
    query = select(Staff).where(or_(Staff.id.in_(wanted), Staff.username.in_(wanted)))
    staff = (await session.execute(query)).scalars().all()
    names = {row.id: row.name for row in staff} | {row.username: row.name for row in staff}
    owners = await _by_id(session, Customer, Customer.id, wanted - names.keys())
    return names | {key: row.name for key, row in owners.items()}
