"""How a booking ends at its place: done, nobody came, called off; or moved to another time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import bookings, capacity, offers, slots, surveys
from pitstop.care.capacity import NoCapacity
from pitstop.care.refusals import Refused
from pitstop.care.tables import Booking, BookingChange, Offer, Staff, Tick, Vehicle
from pitstop.care.views import BookingView
from pitstop.care.workshop_jobs import (
    Job,
    WorkshopRefused,
    begin,
    masked,
    noted,
    require_ahead,
    require_in,
    state,
)
from pitstop.care.workshop_texts import amount, button, described, minutes, rule, say, say_for
from pitstop.conversation.wire import Choice

MAX_REASON = 200


async def finish(
    session: AsyncSession,
    staff: Staff,
    booking_id: str,
    *,
    note: str | None = None,
    client_id: str,
) -> BookingView:
    """End a booking: the car is handed back, the swap or test drive is over; ask how it was.

    The parts that were kept for it stay used up; what is left of its time is free again. Raises
    `StaffNotAllowed`, `LookupError`, `WorkshopRefused` (wrong_kind, wrong_step, not_in, over,
    too_early).
    """
    job = await begin(session, staff, booking_id, client_id)
    if await job.repeated("done"):
        return await job.view()
    booking = job.booking
    if booking.kind == "maintenance":
        require_in(booking)
        if booking.step != "ready":
            raise WorkshopRefused("wrong_step", step=booking.step, wanted="done")
    elif booking.status not in bookings.ACTIVE:
        raise WorkshopRefused("over", status=booking.status)
    elif booking.start - minutes("finish_before") > clock.now():
        raise WorkshopRefused("too_early")
    before = state(booking)
    booking.status = booking.step = "done"
    booking.lock_until = None
    await _free_the_rest(session, booking)
    await _served(session, booking)
    await job.write("done", before, note=masked(note))
    view = await job.view()
    line = say_for(view.mode, "ends", f"done_{booking.kind}", **described(view))
    if view.price is not None:
        key = "done_estimate" if view.estimate else "done_amount"
        line += say("ends", key, amount=amount(view.price, estimate=view.estimate))
    view = await job.tell(line + noted(note))
    if booking.kind in rule("asks_after") and job.people:
        await surveys.ask_about(session, view, job.people[0])
    return view


async def _free_the_rest(session: AsyncSession, booking: Booking) -> None:
    await session.execute(
        delete(Tick)
        .where(Tick.booking_id == booking.id, Tick.number > capacity.number_of(clock.now()))
        .execution_options(synchronize_session=False)
    )


async def _served(session: AsyncSession, booking: Booking) -> None:
    """Begin the regular service's interval anew; a new wiper is no service."""
    done = set(booking.services) | {booking.service}
    if booking.vehicle_id is None or not done & set(rule("regular_services")):
        return
    car: Vehicle | None = await session.get(
        Vehicle, booking.vehicle_id, with_for_update=True, populate_existing=True
    )
    if car is not None:
        car.last_service_at = clock.now()


async def no_show(
    session: AsyncSession, staff: Staff, booking_id: str, *, client_id: str
) -> BookingView:
    """Give up a booking that nobody came to, with all that it held.

    Raises `StaffNotAllowed`, `LookupError`, `WorkshopRefused` (wrong_kind, already_in, over,
    too_early: not before the start has passed by ``no_show_after``; wrong_step).
    """
    job = await begin(session, staff, booking_id, client_id)
    if await job.repeated("no_show"):
        return await job.view()
    require_ahead(job.booking)
    if job.booking.step == "broken":
        # It was us who could not keep the promise.
        raise WorkshopRefused("wrong_step", step="broken", wanted="no_show")
    earliest = job.booking.start + minutes("no_show_after", job.booking.kind)
    if clock.now() < earliest:
        raise WorkshopRefused("too_early", earliest=earliest.astimezone(clock.SHANGHAI).isoformat())
    await _give_up(job, "no_show")
    values = described(await job.view())
    return await job.tell(say("ends", "no_show", **values), _book_again(job.booking))


async def staff_cancel(
    session: AsyncSession, staff: Staff, booking_id: str, *, reason: str, client_id: str
) -> BookingView:
    """Cancel a booking for the place's sake; the owner is told the reason, and sorry once.

    Raises `StaffNotAllowed`, `LookupError`, `WorkshopRefused` (wrong_kind, already_in, over,
    empty_reason, too_long).
    """
    reason = _reason(reason)
    job = await begin(session, staff, booking_id, client_id)
    if await job.repeated("cancelled"):
        return await job.view()
    require_ahead(job.booking)
    await _give_up(job, "cancelled", reason=masked(reason))
    line = say("ends", "cancelled", reason=reason, **described(await job.view()))
    return await job.tell(line, _book_again(job.booking))


async def _give_up(job: Job, status: str, **details: Any) -> None:
    before = state(job.booking)
    await bookings.give_back(job.session, job.booking)
    job.booking.status = job.booking.step = status
    job.booking.lock_until = None
    await job.write(status, before, **details)


def _reason(reason: str) -> str:
    reason = reason.strip()
    if not reason:
        raise WorkshopRefused("empty_reason")
    if len(reason) > MAX_REASON:
        raise WorkshopRefused("too_long", limit=MAX_REASON)
    return reason


def _book_again(booking: Booking) -> list[Choice]:
    intent = f"book_{booking.kind}"
    return [button(intent, intent), button("human", "talk_to_human")]


async def staff_move(
    session: AsyncSession,
    staff: Staff,
    booking_id: str,
    *,
    start: datetime,
    technician_id: str | None = None,
    reason: str,
    client_id: str,
) -> BookingView:
    """Move a booking to another time at its place; the owner is told, and may change or cancel.

    Whom the owner asked for comes along unless somebody else is named. It never gets dearer.

    Raises `StaffNotAllowed`, `LookupError`, `WorkshopRefused` (already_in, over, empty_reason,
    too_long, or whatever a `Refused` says: full, closed, past, person_busy …) with free times.
    """
    reason = _reason(reason)
    job = await begin(session, staff, booking_id, client_id)
    if await job.repeated("moved"):
        return await job.view()
    booking = job.booking
    require_ahead(booking)
    old = described(await job.view())
    price = booking.price, booking.price_parts, booking.estimate
    asked_for = booking.person_asked and technician_id in (None, booking.technician_id)
    await _move(job, start, booking.technician_id if asked_for else technician_id)
    booking.person_asked = asked_for
    if price[0] is not None and (booking.price is None or booking.price > price[0]):
        booking.price, booking.price_parts, booking.estimate = price
    await session.flush()
    query = select(BookingChange).where(BookingChange.message_id == job.key)
    change: BookingChange = (await session.execute(query)).scalar_one()
    change.after = {**change.after, **state(booking), "reason": masked(reason)}
    view = await job.view()
    values = {**described(view), "before": old["time"], "reason": reason}
    key = "moved_person" if technician_id and view.technician else "moved"
    choices = [
        button("change", "change_booking", {"booking": booking.id}),
        button("cancel", "cancel_booking", {"booking": booking.id}),
    ]
    return await job.tell(say("ends", key, person=view.technician, **values), choices)


async def _move(job: Job, start: datetime, technician_id: str | None) -> None:
    session, booking = job.session, job.booking
    kind: Any = booking.kind
    asked = slots.Asked(
        kind,
        booking.service,
        tuple(booking.services),
        booking.vehicle_id,
        booking.mode,
        technician_id,
        booking.id,
    )
    terms = Offer(
        id=booking.id,
        customer_id=job.actor,
        terms={"start": start.isoformat()},
        note=booking.note,
        pickup_address=booking.pickup_address,
    )
    try:
        wish = await asked.at(session, booking.place_id or "")
        await offers.check(session, asked, wish, start)
        await bookings.move(session, booking, terms, wish, message_id=job.client_id)
    except Refused as refused:
        raise WorkshopRefused(
            refused.code, alternatives=refused.alternatives, **refused.details
        ) from refused
    except NoCapacity as missing:
        # Somebody was faster between the look and the writing.
        free = await slots.nearest_free(session, wish, start, ignoring=asked.moving)
        code: Any = {"part": "no_part"}.get(str(missing), "full")
        raise WorkshopRefused(code, alternatives=free) from missing
