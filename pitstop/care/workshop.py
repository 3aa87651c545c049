"""The car is in: from 接车 to 交车, what the workshop does with it, and what the owner hears.

Everything is unique on the `client_id` that the desk gives: a repeat finds what the first did.
How a booking ends (or is moved) is in `workshop_ends`; all of it is offered here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care.service_tables import Quote
from pitstop.care.tables import Booking, BookingChange, Staff, Vehicle
from pitstop.care.views import BookingView
from pitstop.care.workshop_ends import finish, no_show, staff_cancel, staff_move
from pitstop.care.workshop_jobs import (
    WorkshopRefused,
    begin,
    masked,
    noted,
    require_ahead,
    require_in,
    state,
)
from pitstop.care.workshop_texts import amount, described, moment, say, say_for

__all__ = [
    "DECIDED_FIRST",
    "FOLLOWS",
    "Waiting",
    "WorkshopRefused",
    "check_in",
    "finish",
    "next_steps",
    "no_show",
    "progress",
    "staff_cancel",
    "staff_move",
    "waits_for",
]

# Which step may follow which, what usually comes next first. Quoting begins with a quote (see
# `quotes`), done with `finish`. Work that fails the check is done again, and so is what an owner
# finds at the hand-over; a car that nothing is done to is settled all the same.
FOLLOWS: Mapping[str, tuple[str, ...]] = {
    "checked_in": ("inspecting", "working", "waiting_parts", "settling"),
    "inspecting": ("working", "waiting_parts", "checking", "settling"),
    "quoting": ("working", "inspecting", "waiting_parts", "settling"),
    "waiting_parts": ("working", "inspecting", "settling"),
    "working": ("checking", "waiting_parts", "inspecting"),
    "checking": ("settling", "working"),
    "settling": ("ready", "checking", "working"),
    "ready": ("working", "checking", "settling"),
}
# Not while a line of a quote is undecided: what nobody agreed to is neither done nor settled.
DECIDED_FIRST = frozenset({"checking", "settling", "ready"})
MAX_MILEAGE = 2_000_000


@dataclass(frozen=True)
class Waiting:
    """What a car waits for. `expected_at` is None where nobody knows."""

    what: str
    expected_at: datetime | None
    since: datetime


async def check_in(
    session: AsyncSession,
    staff: Staff,
    booking_id: str,
    *,
    mileage_km: int | None = None,
    soc: int | None = None,
    note: str | None = None,
    client_id: str,
) -> BookingView:
    """Take a car in. `soc` in per cent; `note` (what 环检 found) is told to the owner.

    The car's mileage never goes down: a figure below what we know stands on this check-in only.
    Raises `StaffNotAllowed`, `LookupError`, `WorkshopRefused` (wrong_kind, already_in, over,
    bad_value).
    """
    job = await begin(session, staff, booking_id, client_id)
    if await job.repeated("checked_in"):
        return await job.view()
    booking = job.booking
    if booking.kind != "maintenance":
        raise WorkshopRefused("wrong_kind", kind=booking.kind)
    require_ahead(booking)
    if not 0 <= (mileage_km or 0) <= MAX_MILEAGE or not 0 <= (soc or 0) <= 100:
        raise WorkshopRefused("bad_value")
    before = state(booking)
    booking.status, booking.step = "in_progress", "checked_in"
    await _read(session, booking, mileage_km, soc)
    await job.write("checked_in", before, mileage_km=mileage_km, soc=soc, note=masked(note))
    line = say_for(booking.mode, "steps", "checked_in", **described(await job.view()))
    if mileage_km is not None or soc is not None:
        key = "read_soc" if mileage_km is None else "read_mileage" if soc is None else "read"
        line += say("more", key, mileage=mileage_km, soc=soc)
    if booking.ready_at is not None and booking.ready_at > clock.now():
        line += say("more", "ready_at", ready=moment(booking.ready_at))
    return await job.tell(line + noted(note))


async def _read(
    session: AsyncSession, booking: Booking, mileage_km: int | None, soc: int | None
) -> None:
    if booking.vehicle_id is None:
        return
    car: Vehicle | None = await session.get(
        Vehicle, booking.vehicle_id, with_for_update=True, populate_existing=True
    )
    if car is not None:
        car.mileage_km = max(car.mileage_km, mileage_km or 0)
        car.soc = car.soc if soc is None else soc


async def progress(
    session: AsyncSession,
    staff: Staff,
    booking_id: str,
    step: str,
    *,
    note: str | None = None,
    ready_at: datetime | None = None,
    part_expected_at: datetime | None = None,
    client_id: str,
) -> BookingView:
    """Say how far a car is; `note` is told to the owner: with 待料 it is what is waited for.

    The same step again tells what is new (another `ready_at` or `part_expected_at`, a note).
    Nothing new is nothing done, so that two who press at once tell the owner once.

    Raises `StaffNotAllowed`, `LookupError`, `WorkshopRefused` (wrong_kind, not_in, over,
    wrong_step, quote_open, part_needed, past).
    """
    job = await begin(session, staff, booking_id, client_id)
    if await job.repeated(step):
        return await job.view()
    booking = job.booking
    require_in(booking)
    again = step == booking.step
    if not again and step not in FOLLOWS.get(booking.step, ()):
        raise WorkshopRefused("wrong_step", step=booking.step, wanted=step)
    if step in DECIDED_FIRST and await _undecided(session, booking.id):
        raise WorkshopRefused("quote_open")
    for at in (ready_at, part_expected_at):
        if at is not None and at <= clock.now():
            raise WorkshopRefused("past")
    held = await waits_for(session, booking) if again else None
    waiting = _waiting(step, note, part_expected_at, held)
    told_ready = booking.ready_at
    new_time = ready_at is not None and ready_at != told_ready
    if again and waiting == held and not new_time and (not note or waiting is not None):
        return await job.view()
    before = state(booking)
    booking.step = step
    booking.ready_at = ready_at or told_ready
    if step == "settling" and booking.price is not None:
        booking.estimate = False
    expected = None if waiting is None else waiting.expected_at
    await job.write(
        step,
        before,
        note=masked(note if waiting is None else waiting.what),
        part_expected_at=None if expected is None else expected.isoformat(),
    )
    view = await job.view()
    if waiting is not None and waiting != held:
        line = _waits(view, waiting)
    else:
        line = _line(view, step, str(before["step"]))
    if new_time and ready_at is not None:
        line += _promise(ready_at, told_ready)
    return await job.tell(line + noted(note if waiting is None else None))


def next_steps(booking: Booking) -> tuple[str, ...]:
    """Return the steps that may follow, the usual one first; none after 可交车: then `finish`."""
    under_way = booking.kind == "maintenance" and booking.status == "in_progress"
    if not under_way or booking.step == "ready":
        return ()
    return FOLLOWS.get(booking.step, ())


async def waits_for(session: AsyncSession, booking: Booking) -> Waiting | None:
    """Return what a car waits for; None unless its step is 待料."""
    if booking.status != "in_progress" or booking.step != "waiting_parts":
        return None
    query = (
        select(BookingChange)
        .where(BookingChange.booking_id == booking.id, BookingChange.change == booking.step)
        .order_by(BookingChange.created_at.desc(), BookingChange.id.desc())
        .limit(1)
    )
    row: BookingChange | None = (await session.execute(query)).scalar_one_or_none()
    if row is None:
        return None
    expected = row.after.get("part_expected_at")
    return Waiting(
        what=str(row.after.get("note") or ""),
        expected_at=None if expected is None else datetime.fromisoformat(expected),
        since=row.created_at,
    )


def _waiting(
    step: str, what: str | None, expected_at: datetime | None, held: Waiting | None
) -> Waiting | None:
    """Return what is waited for from now on; `held` as it is if nothing is new."""
    if step != "waiting_parts":
        return None
    what = what or (held.what if held else None)
    if not what:
        raise WorkshopRefused("part_needed")
    expected_at = expected_at or (held.expected_at if held else None)
    if held and (masked(what), expected_at) == (held.what, held.expected_at):
        return held
    return Waiting(what, expected_at, clock.now())


def _waits(view: BookingView, waiting: Waiting) -> str:
    values = {**described(view), "what": waiting.what}
    if waiting.expected_at is None:
        return say("steps", "waiting_parts_unknown", **values)
    return say("steps", "waiting_parts", expected=moment(waiting.expected_at), **values)


def _line(view: BookingView, step: str, before: str) -> str:
    values = described(view)
    if step == before:
        return say("steps", "updated", **values)
    if step == "working" and before == "checking":
        return say("steps", "working_again", **values)
    total = None if view.price is None else amount(view.price, estimate=view.estimate)
    if step == "settling" and total is not None:
        return say("steps", "settling_amount", amount=total, **values)
    if step == "ready":
        line = say_for(view.mode, "steps", "ready", **values)
        return line if total is None else line + say("steps", "ready_amount", amount=total)
    return say("steps", step, **values)


def _promise(ready_at: datetime, before: datetime | None) -> str:
    if before is None:
        return say("more", "ready_at", ready=moment(ready_at))
    return say("more", "ready_at_moved", ready=moment(ready_at), before=moment(before))


async def _undecided(session: AsyncSession, booking_id: str) -> bool:
    query = select(Quote.id).where(Quote.booking_id == booking_id, Quote.status == "open").limit(1)
    return (await session.execute(query)).first() is not None
