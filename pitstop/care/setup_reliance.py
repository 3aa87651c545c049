"""Which bookings rely on what is about to be changed.

Only what the change itself breaks is named: a booking that lies outside the hours already, or
that a closure has hit, is somebody else's to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import setup_stock
from pitstop.care.bookings import ACTIVE
from pitstop.care.capacity import moment_of, number_of
from pitstop.care.hours import Calendar
from pitstop.care.setup_refs import PEOPLE
from pitstop.care.setup_rows import chunks
from pitstop.care.setup_rules import Draft, stock_moves
from pitstop.care.tables import (
    Booking,
    Place,
    PlaceException,
    Resource,
    ResourceException,
    ServiceItem,
    Tick,
)

_ALWAYS = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "00:00", "closes": "24:00"}]


@dataclass(frozen=True)
class Relying:
    """A booking that relies on something. `start` and `end` are the booking's own."""

    id: str
    reference: str
    kind: str
    place_id: str | None
    start: datetime
    end: datetime
    services: tuple[str, ...] = ()


@dataclass
class _Held:
    """What holds for a place or a resource, as the batch has left it so far."""

    hours: Sequence[Mapping[str, Any]]
    days: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    spans: list[tuple[Relying, datetime, datetime]] = field(default_factory=list)
    kind: str = ""

    def _calendar(self) -> Calendar:
        return Calendar([dict(one) for one in self.hours], dict(self.days))

    def after(self, hours: Sequence[Mapping[str, Any]]) -> list[Relying]:
        """Take over other hours; return the bookings that lay inside and no longer do."""
        before = self._calendar()
        self.hours = hours
        return self._lost(before)

    def on(self, day: str, windows: list[dict[str, str]] | None) -> list[Relying]:
        """Take over a day's windows, None: the day is as usual again."""
        before = self._calendar()
        if windows is None:
            self.days.pop(day, None)
        else:
            self.days[day] = windows
        return self._lost(before)

    def _lost(self, before: Calendar) -> list[Relying]:
        now = self._calendar()
        return [
            booking
            for booking, start, end in self.spans
            if before.covers(start, end) and not now.covers(start, end)
        ]

    def all(self) -> list[Relying]:
        """Return everything that relies on it at all."""
        return [booking for booking, _, _ in self.spans]


class Reliance:
    """What relies on the rows of one batch; call `broken` for each, in the batch's order."""

    def __init__(self, table: str) -> None:
        self._table = table
        self._held: dict[str, _Held] = {}
        self._skills: dict[str, str] = {}
        self._late: dict[str, list[Relying]] = {}

    def broken(
        self, draft: Draft, before: Mapping[str, Any] | None, removed: bool
    ) -> list[Relying]:
        """Return the bookings that a change breaks, each once, in the order of time."""
        found = self._broken(draft, before, removed)
        unique = {one.id: one for one in found}
        return sorted(unique.values(), key=lambda one: (one.start, one.id))

    def _broken(
        self, draft: Draft, before: Mapping[str, Any] | None, removed: bool
    ) -> list[Relying]:
        values = draft.values
        if self._table == "stock":
            return self._late.get(draft.key, [])
        if self._table == "place_days":
            held = self._held.get(str(values["place_id"]))
            return [] if held is None else held.on(values["day"], None if removed else _day(values))
        if self._table == "resource_days":
            held = self._held.get(str(values["resource_id"]))
            return [] if held is None else held.on(values["day"], None if removed else _day(values))
        held = self._held.get(draft.key)
        if held is None or before is None:
            return []
        if removed:
            return held.all()
        if self._table == "places":
            moved = held.all() if "kind" in draft.changed else []
            return moved + (held.after(values["hours"] or []) if "hours" in draft.changed else [])
        return self._of_resource(draft, before, held)

    def _of_resource(self, draft: Draft, before: Mapping[str, Any], held: _Held) -> list[Relying]:
        values = draft.values
        gone = before["active"] and not values["active"]
        if gone or draft.changed & {"place_id", "kind", "pack_kwh"}:
            return held.all()
        lost = set(before["skills"]) - set(values["skills"])
        found = [
            one
            for one in held.all()
            if lost & ({self._skills.get(code, "") for code in one.services} | set(one.services))
        ]
        if "hours" in draft.changed:
            found += held.after(values["hours"] or _ALWAYS)
        return found


def _day(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return list(values["windows"])


async def reliance(
    session: AsyncSession,
    table: str,
    drafts: Sequence[tuple[Draft, Mapping[str, Any] | None]],
) -> Reliance:
    """Read what relies on the rows that are about to change."""
    found = Reliance(table)
    values = [draft.values for draft, _ in drafts]
    if table == "places":
        found._held = await _places(session, [draft.key for draft, _ in drafts])
    elif table == "place_days":
        found._held = await _places(session, [str(one["place_id"]) for one in values])
    elif table == "resources":
        found._held = await _resources(session, [draft.key for draft, _ in drafts])
        if any("skills" in draft.changed for draft, _ in drafts):
            rows = await session.execute(select(ServiceItem.code, ServiceItem.skill))
            found._skills = {row[0]: row[1] for row in rows.all()}
    elif table == "resource_days":
        found._held = await _resources(session, [str(one["resource_id"]) for one in values])
    elif table == "stock":
        found._late = await _late(session, [draft for draft, _ in drafts])
    return found


async def _places(session: AsyncSession, ids: Iterable[str]) -> dict[str, _Held]:
    now = clock.now()
    found: dict[str, _Held] = {}
    for lot in chunks(ids):
        rows = await session.execute(select(Place.id, Place.hours).where(Place.id.in_(lot)))
        found.update({row[0]: _Held(row[1] or []) for row in rows.all()})
        days = select(PlaceException).where(PlaceException.place_id.in_(lot))
        for day in (await session.execute(days)).scalars().all():
            found[day.place_id].days[day.day] = day.windows
        query = select(*_COLUMNS).where(
            Booking.place_id.in_(lot),
            Booking.status.in_(ACTIVE),
            Booking.end > now,
            Booking.kind != "rescue",  # whoever is stuck is fetched at any hour
        )
        for row in (await session.execute(query)).all():
            one = _relying(row)
            found[str(one.place_id)].spans.append((one, one.start, one.end))
    return found


async def _resources(session: AsyncSession, ids: Iterable[str]) -> dict[str, _Held]:
    found: dict[str, _Held] = {}
    for lot in chunks(ids):
        rows = (await session.execute(select(Resource).where(Resource.id.in_(lot)))).scalars()
        for row in rows.all():
            always = row.hours is None or row.kind not in PEOPLE
            found[row.id] = _Held(_ALWAYS if always else row.hours, kind=row.kind)
        days = select(ResourceException).where(ResourceException.resource_id.in_(lot))
        for day in (await session.execute(days)).scalars().all():
            if found[day.resource_id].kind in PEOPLE:
                found[day.resource_id].days[day.day] = day.windows
        await _spans(session, lot, found)
    return found


async def _spans(session: AsyncSession, lot: Sequence[str], found: Mapping[str, _Held]) -> None:
    """Add the stretches of time in which bookings have these resources."""
    query = (
        select(Tick.resource_id, Tick.number, *_COLUMNS)
        .join(Booking, Booking.id == Tick.booking_id)
        .where(
            Tick.resource_id.in_(lot),
            Tick.number >= number_of(clock.now()),
            Booking.status.in_(ACTIVE),
        )
        .order_by(Tick.resource_id, Booking.id, Tick.number)
    )
    stretch: tuple[str, str, int, int] | None = None
    known: dict[str, Relying] = {}

    def close() -> None:
        if stretch is not None:
            resource, booking, first, last = stretch
            span = (known[booking], moment_of(first), moment_of(last + 1))
            found[resource].spans.append(span)

    for resource_id, number, *row in (await session.execute(query)).all():
        booking = _relying(row)
        known.setdefault(booking.id, booking)
        if stretch is not None and (*stretch[:2], stretch[3] + 1) == (
            resource_id,
            booking.id,
            number,
        ):
            stretch = (*stretch[:3], number)
            continue
        close()
        stretch = (resource_id, booking.id, number, number)
    close()


async def _late(session: AsyncSession, drafts: Sequence[Draft]) -> dict[str, list[Relying]]:
    pieces = await setup_stock.pieces_of(session, [draft.key for draft in drafts])
    late = {
        draft.key: stock_moves(pieces.get(draft.key, []), draft.values).late() for draft in drafts
    }
    known: dict[str, Relying] = {}
    for lot in chunks(one for ids in late.values() for one in ids):
        query = select(*_COLUMNS).where(Booking.id.in_(lot))
        for row in (await session.execute(query)).all():
            known[row[0]] = _relying(row)
    return {key: [known[one] for one in ids if one in known] for key, ids in late.items()}


# Not the whole booking: its address and note would be decrypted for nothing.
_COLUMNS = (
    Booking.id,
    Booking.reference,
    Booking.kind,
    Booking.place_id,
    Booking.start,
    Booking.end,
    Booking.services,
    Booking.service,
)


def _relying(row: Sequence[Any]) -> Relying:
    booking_id, reference, kind, place_id, start, end, services, service = row
    codes = services or ([service] if service else [])
    return Relying(booking_id, reference, kind, place_id, start, end, tuple(codes))
