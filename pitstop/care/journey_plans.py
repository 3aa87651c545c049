"""The ways that a booking needs: who drives when, written with the booking itself.

A fetched car has two (out before the work, back after it), work at the owner's one. Whoever goes
is whoever has the ticks: `capacity` took them, `dispatch` may deal them out again.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import blind_index
from pitstop.care import travel
from pitstop.care.capacity import moment_of
from pitstop.care.positions import Position
from pitstop.care.service_tables import Journey
from pitstop.care.tables import Booking, BookingChange, Place, Resource, Tick
from pitstop.storage.events import emit

LEGS = {"pickup": ("out", "back"), "valet": ("out", "back"), "on_site": ("visit",)}
ON_THE_ROAD = tuple(LEGS)
ACTIVE = ("confirmed", "in_progress")
MOVING = ("on_the_way", "arrived")
_ROAD_KINDS = {
    "pickup": ("driver", "van"),
    "valet": ("driver", "van"),
    "on_site": ("technician", "driver", "van"),
}


def say(key: str, **values: object) -> str:
    """Return a line of ``journeys.yml``; raises `KeyError` for an unknown line or value."""
    return str(travel.read()["texts"][key]).format(**values)


@dataclass(frozen=True)
class Run:
    """Quarters in a row that one resource is taken for a booking: from `start` to before `stop`."""

    booking_id: str
    resource_id: str
    kind: str
    start: int
    stop: int


@dataclass(frozen=True)
class Difference:
    """What is out of the ordinary at the return, compared with the hand-over; None: nothing."""

    mileage_km: int | None = None
    soc: int | None = None


@dataclass(frozen=True)
class JourneyView:
    """A journey as desk and bot show it. `worker` is a name; `relay` rings them, and hides both
    numbers. `soc` in per cent. `code` is the owner's alone: a driver has to be told it."""

    id: str
    booking_id: str
    leg: str
    status: str
    worker_id: str | None
    worker: str | None
    relay: str
    window_start: datetime
    window_end: datetime
    code: str
    mileage_km: int | None
    soc: int | None
    photos: tuple[str, ...]
    belongings: str | None
    set_off_at: datetime | None
    arrived_at: datetime | None
    finished_at: datetime | None
    differs: Difference | None = None


# ---- who has the ticks --------------------------------------------------------------------------


async def runs_of(session: AsyncSession, modes: Mapping[str, str]) -> dict[str, list[Run]]:
    """Return what each booking (its id: its mode) takes of people and vans on the road, by time."""
    kinds = {kind for mode in modes.values() for kind in _ROAD_KINDS.get(mode, ())}
    query = (
        select(Tick.booking_id, Tick.resource_id, Resource.kind, Tick.number)
        .join(Resource, Resource.id == Tick.resource_id)
        .where(Tick.booking_id.in_(list(modes)), Resource.kind.in_(list(kinds)))
        .order_by(Tick.booking_id, Tick.resource_id, Tick.number)
    )
    found: dict[str, list[Run]] = {booking_id: [] for booking_id in modes}
    for booking_id, resource_id, kind, number in (await session.execute(query)).all():
        runs = found[booking_id]
        if kind not in _ROAD_KINDS.get(modes[booking_id], ()):
            continue
        last = runs[-1] if runs else None
        if last is not None and (last.resource_id, last.stop) == (resource_id, number):
            runs[-1] = Run(booking_id, resource_id, kind, last.start, number + 1)
        else:
            runs.append(Run(booking_id, resource_id, kind, number, number + 1))
    return {
        key: sorted(runs, key=lambda r: (r.start, r.resource_id)) for key, runs in found.items()
    }


def leg_runs(booking: Booking, runs: Sequence[Run]) -> dict[str, Run | None]:
    """Return which run is which leg's: the first is out, the last is back."""
    if booking.mode != "on_site":
        ends = (runs[0], runs[-1]) if runs else (None, None)
        return dict(zip(LEGS.get(booking.mode, ()), ends, strict=False))
    people = [run for run in runs if run.kind == "technician"] or list(runs)
    chosen = [run for run in people if run.resource_id == booking.technician_id] or people
    return {"visit": chosen[0] if chosen else None}


def _window(booking: Booking, leg: str, run: Run | None) -> tuple[datetime, datetime]:
    """Return when the owner has to be there: the first, or last, half hour of the run."""
    length = timedelta(minutes=travel.setting("window_minutes"))
    start = booking.start if run is None else moment_of(run.start)
    end = booking.end if run is None else moment_of(run.stop)
    if leg == "back":
        return max(start, end - length), end
    return start, min(end, start + length)


# ---- writing them -------------------------------------------------------------------------------


async def plan(
    session: AsyncSession, booking: Booking, place: Place, *, position: Position | None = None
) -> list[Journey]:
    """Write the ways of a booking whose ticks are taken, or bring them up to date.

    Called again (the booking moved, another mode) it changes what is still ahead; codes stay. A
    way that is under way or over stays as it is. Without a run nobody goes yet: the desk is told.
    """
    known = await _locked(session, booking.id)
    runs = (await runs_of(session, {booking.id: booking.mode}))[booking.id]
    legs = leg_runs(booking, runs)
    for leg, row in known.items():
        if leg not in legs and row.status == "planned":
            _cancel(session, row)
    rows = []
    for leg, run in legs.items():
        found = known.get(leg)
        if found is not None and found.status in (*MOVING, "finished"):
            rows.append(found)
            continue
        rows.append(_written(session, booking, place, leg, run, found, position))
    await session.flush()
    for row in rows:
        emit(session, "journey.planned", row.id, booking=booking.id, leg=row.leg)
        if row.worker_id is None:
            emit(session, "dispatch.unassigned", row.id, booking=booking.id, leg=row.leg)
    return rows


async def replan(
    session: AsyncSession, booking: Booking, place: Place, *, position: Position | None = None
) -> list[Journey]:
    """Bring a moved booking's ways up to date (see `plan`)."""
    return await plan(session, booking, place, position=position)


def _written(
    session: AsyncSession,
    booking: Booking,
    place: Place,
    leg: str,
    run: Run | None,
    row: Journey | None,
    position: Position | None,
) -> Journey:
    start, end = _window(booking, leg, run)
    address = booking.pickup_address or ""
    if row is None:
        row = Journey(booking_id=booking.id, leg=leg, code=_code())
        session.add(row)
    elif row.status == "cancelled":
        row.status, row.code = "planned", _code()
        row.set_off_at = row.arrived_at = None
    if position is not None:
        row.position = f"{position[0]:.6f},{position[1]:.6f}"
    elif row.address != address:
        row.position = None
    row.worker_id = None if run is None else run.resource_id
    row.place_id, row.address = place.id, address
    row.window_start, row.window_end = start, end
    return row


def _code() -> str:
    return f"{secrets.randbelow(10_000):04d}"


async def drop(session: AsyncSession, booking_id: str) -> None:
    """Call off the ways of a booking that is no more, or needs none any longer.

    A car that we have comes back all the same: that way stays, and the desk sees to it.
    """
    rows = await _locked(session, booking_id)
    fetched = "out" in rows and rows["out"].status == "finished"
    for leg, row in rows.items():
        if row.status not in ("planned", *MOVING):
            continue
        if leg == "back" and fetched:
            if row.status == "planned":
                row.worker_id = None
                emit(session, "dispatch.unassigned", row.id, booking=booking_id, leg=leg)
            continue
        _cancel(session, row)
    await session.flush()


def _cancel(session: AsyncSession, row: Journey) -> None:
    emit(session, "journey.cancelled", row.id, booking=row.booking_id, leg=row.leg, was=row.status)
    row.status, row.position = "cancelled", None


async def _locked(session: AsyncSession, booking_id: str) -> dict[str, Journey]:
    query = select(Journey).where(Journey.booking_id == booking_id).order_by(Journey.id)
    query = query.with_for_update().execution_options(populate_existing=True)
    return {row.leg: row for row in (await session.execute(query)).scalars().all()}


async def under_way(session: AsyncSession, booking_id: str) -> Journey | None:
    """Return the way that somebody is on for this booking, or that brought its car to us.

    Cancelling or moving is not free any more.
    """
    query = select(Journey).where(Journey.booking_id == booking_id).order_by(Journey.window_start)
    rows: Sequence[Journey] = (await session.execute(query)).scalars().all()
    moving = [row for row in rows if row.status in MOVING]
    legs = {row.leg: row for row in rows}
    if "out" in legs and legs["out"].status == "finished" and legs["back"].status == "planned":
        moving.append(legs["out"])
    return moving[0] if moving else None


# ---- reading them -------------------------------------------------------------------------------


async def journeys_of(session: AsyncSession, booking_id: str) -> list[JourneyView]:
    """Return a booking's ways in the order of time, those called off left out."""
    query = (
        select(Journey, Resource.label)
        .outerjoin(Resource, Resource.id == Journey.worker_id)
        .where(Journey.booking_id == booking_id, Journey.status != "cancelled")
        .order_by(Journey.window_start, Journey.leg.desc())
    )
    rows = (await session.execute(query)).all()
    differs = await _differences(session, booking_id) if rows else {}
    return [view_of(row, label, differs.get(row.id)) for row, label in rows]


async def _differences(session: AsyncSession, booking_id: str) -> dict[str, Difference]:
    query = select(BookingChange.after).where(
        BookingChange.booking_id == booking_id, BookingChange.change == "handed_over"
    )
    found = {}
    for after in (await session.execute(query)).scalars().all():
        if after.get("differs"):
            found[str(after["journey"])] = Difference(**after["differs"])
    return found


def view_of(row: Journey, worker: str | None, differs: Difference | None = None) -> JourneyView:
    """Return a journey as it is shown."""
    return JourneyView(
        id=row.id,
        booking_id=row.booking_id,
        leg=row.leg,
        status=row.status,
        worker_id=row.worker_id,
        worker=worker,
        relay=relay(row.id),
        window_start=row.window_start,
        window_end=row.window_end,
        code=row.code,
        mileage_km=row.mileage_km,
        soc=row.soc,
        photos=tuple(row.photos),
        belongings=row.belongings,
        set_off_at=row.set_off_at,
        arrived_at=row.arrived_at,
        finished_at=row.finished_at,
        differs=differs,
    )


def relay(journey_id: str) -> str:
    """Return the number that rings the other side of a journey and shows neither's own (虚拟号)."""
    rules = travel.setting("relay")
    digits = int(rules["digits"])
    extension = int(blind_index(f"relay:{journey_id}")[:12], 16) % 10**digits
    return str(rules["format"]).format(extension=f"{extension:0{digits}d}")


def journey_wire(view: JourneyView, *, for_owner: bool = False) -> dict[str, Any]:
    """Return a journey as JSON. Only the owner's has the code: staff have to be told it."""
    differs = view.differs
    shown: dict[str, Any] = {
        "id": view.id,
        "booking_id": view.booking_id,
        "leg": view.leg,
        "status": view.status,
        "worker": None if view.worker_id is None else {"id": view.worker_id, "label": view.worker},
        "relay": view.relay,
        "window_start": _when(view.window_start),
        "window_end": _when(view.window_end),
        "mileage_km": view.mileage_km,
        "soc": view.soc,
        "photos": list(view.photos),
        "belongings": view.belongings,
        "set_off_at": _when(view.set_off_at),
        "arrived_at": _when(view.arrived_at),
        "finished_at": _when(view.finished_at),
        "differs": None
        if differs is None
        else {"mileage_km": differs.mileage_km, "soc": differs.soc},
    }
    return {**shown, "code": view.code} if for_owner else shown


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(clock.SHANGHAI).isoformat()


# ---- how far we come ----------------------------------------------------------------------------


def reach(place: Place, position: Position) -> bool:
    """Say whether a place's drivers and vans come there: its `reach_km` by road."""
    if place.reach_km is None:
        return False
    return travel.km((place.lat, place.lng), position) <= place.reach_km


def outside_reach(address: str, place: Place) -> bool:
    """Say whether an address, known by its words alone, is where nobody of the place comes.

    Another city is; so is a district whose middle is far beyond the reach. An address that names
    neither is taken to be near: people write the street.
    """
    if place.reach_km is None:
        return True
    city = travel.city_in(address)
    if city is not None and city != place.city:
        return True
    middle = travel.district_position(address, place.city)
    if middle is None:
        return False
    slack = float(travel.setting("district_slack_km"))
    return travel.km((place.lat, place.lng), middle) > place.reach_km + slack
