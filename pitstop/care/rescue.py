"""Roadside rescue: somebody is sent to where the car is."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import bookings, tariffs
from pitstop.care.people import vehicles_of
from pitstop.care.permissions import require
from pitstop.care.positions import Position
from pitstop.care.tables import Booking, BookingChange
from pitstop.care.views import BookingView, booking_view
from pitstop.conversation import log
from pitstop.storage.events import emit


async def request_rescue(
    session: AsyncSession,
    customer_id: str,
    *,
    text: str,
    vehicle_id: str | None = None,
    position: Position | None = None,
    message_id: str,
) -> BookingView:
    """Ask for rescue, now; `end` is when somebody should be there.

    While one is on the way, whoever calls again (in fear people write three times) is not sent a
    second one: what they add is added to the first. Raises `NotAllowed` for a car that is not
    theirs.
    """
    known = await _by_message(session, message_id)
    if known is not None and known.customer_id == customer_id:
        return await booking_view(session, known)
    await require(session, customer_id, "request_rescue", vehicle_id)
    if vehicle_id is None:
        cars = await vehicles_of(session, customer_id)
        vehicle_id = cars[0].id if len(cars) == 1 else None
    # One owner's calls come one after the other: the conversation's row is the lock.
    conversation = await log.conversation_of(session, customer_id)
    known = await _by_message(session, message_id) or await _running(
        session, customer_id, vehicle_id
    )
    if known is not None:
        await _add(session, known, text, position, vehicle_id, customer_id, message_id)
        return await booking_view(session, known)
    moment = clock.now()
    values = {
        "customer_id": customer_id,
        "vehicle_id": vehicle_id,
        "kind": "rescue",
        "note": text,
        "start": moment,
        "end": moment + timedelta(minutes=tariffs.tariffs()["rescue"]["minutes"]),
        "mode": "on_site",
        "status": "confirmed",
        "step": "dispatching",
        "position": None if position is None else _text(position),
        "message_id": message_id,
    }
    try:
        booking = await bookings.insert(session, values)
    except IntegrityError:
        again = await _by_message(session, message_id)
        if again is None:
            raise
        return await booking_view(session, again)
    key = bookings.message_key(message_id, booking.id)
    bookings.remember(session, booking, "requested", {}, actor=customer_id, key=key)
    emit(session, "rescue.requested", booking.id, conversation_id=conversation.id)
    await session.flush()
    return await booking_view(session, booking)


async def locate(
    session: AsyncSession, customer_id: str, position: Position, *, message_id: str
) -> bool:
    """Tell the running rescue where the owner is; False if none is running."""
    known = await _running(session, customer_id, None)
    if known is None:
        return False
    await _add(session, known, "", position, None, customer_id, message_id)
    return True


async def _by_message(session: AsyncSession, message_id: str) -> Booking | None:
    query = select(Booking).where(Booking.message_id == message_id)
    found: Booking | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def _running(
    session: AsyncSession, customer_id: str, vehicle_id: str | None
) -> Booking | None:
    """Return the rescue that is under way; one for another car is another incident."""
    since = clock.now() - timedelta(minutes=tariffs.tariffs()["rescue"]["same_incident_minutes"])
    query = (
        select(Booking)
        .where(
            Booking.customer_id == customer_id,
            Booking.kind == "rescue",
            Booking.status.in_(bookings.ACTIVE),
            Booking.start >= since,
        )
        .order_by(Booking.start.desc())
    )
    for booking in (await session.execute(query)).scalars().all():
        if None in (vehicle_id, booking.vehicle_id) or booking.vehicle_id == vehicle_id:
            found: Booking = booking
            return found
    return None


async def _add(
    session: AsyncSession,
    booking: Booking,
    text: str,
    position: Position | None,
    vehicle_id: str | None,
    customer_id: str,
    message_id: str,
) -> None:
    key = bookings.message_key(message_id, booking.id)
    done = select(BookingChange.id).where(BookingChange.message_id == key)
    if (await session.execute(done)).scalar_one_or_none() is not None:
        return
    if text and text not in (booking.note or "").split("\n"):
        booking.note = f"{booking.note}\n{text}" if booking.note else text
    booking.position = booking.position if position is None else _text(position)
    booking.vehicle_id = booking.vehicle_id or vehicle_id
    bookings.remember(session, booking, "called_again", {}, actor=customer_id, key=key)
    emit(session, "rescue.called_again", booking.id)
    await session.flush()


def _text(position: Position) -> str:
    return f"{position[0]:.6f},{position[1]:.6f}"
