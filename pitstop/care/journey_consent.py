"""The owner's yes to a driver having their address and masked number: asked for by itself.

Giving them away needs a separate consent (汽车数据安全管理若干规定), as easily taken back as given.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.base.masking import mask_phone
from pitstop.care import travel
from pitstop.care.journey_plans import ACTIVE, ON_THE_ROAD, say
from pitstop.care.service_tables import Journey
from pitstop.care.tables import Booking, BookingChange, Customer
from pitstop.care.telling import tell
from pitstop.care.views import BookingView, booking_view
from pitstop.conversation import log
from pitstop.conversation.tables import Message
from pitstop.conversation.wire import Choice
from pitstop.storage.events import emit


async def ask_consent(session: AsyncSession, booking: Booking) -> Message | None:
    """Ask whether whoever comes may have address and masked number: a question of its own.

    Not asked where nobody comes, or where the answer was yes already.
    """
    if booking.mode not in ON_THE_ROAD or booking.consent_at is not None:
        return None
    customer = await session.get(Customer, booking.customer_id)
    phone = mask_phone(customer.phone) if customer is not None and customer.phone else "****"
    text = say("consent_ask", service=say(f"service_{booking.mode}"), phone=phone)
    choices = [
        Choice(say(key), "booking_consent", {"booking": booking.id, "give": give})
        for key, give in (("consent_yes", True), ("consent_no", False))
    ]
    return await tell(session, booking.customer_id, text, choices)


async def give_consent(
    session: AsyncSession, customer_id: str, booking_id: str, give: bool, *, message_id: str
) -> BookingView:
    """Write the yes or no down; a no takes an earlier yes back, from that moment on.

    Only whose address and number it is can say so: raises `LookupError` for anybody else, and for
    a booking that is over. A repeat of the message changes nothing.
    """
    query = select(Booking).where(Booking.id == booking_id, Booking.customer_id == customer_id)
    query = query.with_for_update().execution_options(populate_existing=True)
    booking: Booking | None = (await session.execute(query)).scalar_one_or_none()
    if booking is None or booking.status not in ACTIVE or booking.mode not in ON_THE_ROAD:
        raise LookupError(f"no booking {booking_id} of this customer to consent to")
    key = change_key(message_id, booking.id)
    if await change_of(session, key) is None:
        before = {"consent": booking.consent_at is not None}
        booking.consent_at = (booking.consent_at or clock.now()) if give else None
        change = "consent_given" if give else "consent_withdrawn"
        write_change(session, booking, change, before, {"consent": give}, customer_id, key)
        emit(session, "booking.consent", booking.id, given=give)
        await session.flush()
    return await booking_view(session, booking)


async def consent_missing(session: AsyncSession) -> list[str]:
    """Return the bookings whose owners are to be asked again now (see `ask_again`)."""
    rules = travel.setting("ask_again")
    now, local = clock.now(), clock.local_now()
    if not rules["from"] <= f"{local:%H:%M}" < rules["until"]:
        return []
    asked = select(BookingChange.booking_id).where(BookingChange.change == "consent_asked")
    query = (
        select(Booking.id)
        .join(Journey, Journey.booking_id == Booking.id)
        .where(
            Journey.status == "planned",
            Journey.leg != "back",
            Journey.window_start > now,
            Journey.window_start <= now + timedelta(hours=rules["hours"]),
            Booking.status == "confirmed",
            Booking.consent_at.is_(None),
            Booking.created_at <= now - timedelta(hours=rules["after_hours"]),
            Booking.id.not_in(asked),
        )
        .order_by(Journey.window_start)
    )
    return list((await session.execute(query)).scalars().all())


async def ask_again(session: AsyncSession, booking_id: str) -> bool:
    """Ask once more, shortly before somebody is to come; False if there is no need (any more)."""
    query = select(Booking.customer_id).where(Booking.id == booking_id)
    customer_id = (await session.execute(query)).scalar_one_or_none()
    if customer_id is None:
        return False
    await log.conversation_of(session, customer_id)
    query = select(Booking).where(Booking.id == booking_id).with_for_update()
    result = await session.execute(query.execution_options(populate_existing=True))
    booking: Booking = result.scalar_one()
    key = change_key("consent_asked", booking.id)
    if booking.status != "confirmed" or await change_of(session, key) is not None:
        return False
    if await ask_consent(session, booking) is None:
        return False
    write_change(session, booking, "consent_asked", {}, {}, "system", key)
    return True


def change_key(asked_by: str, subject: str) -> str:
    """Return what a change is unique on: an id that asked for it, and what it is about."""
    key = f"{asked_by}:{subject}"
    return key if len(key) <= 80 else fingerprint(key)


async def change_of(session: AsyncSession, key: str) -> BookingChange | None:
    """Return the change that was made under this key."""
    query = select(BookingChange).where(BookingChange.message_id == key)
    found: BookingChange | None = (await session.execute(query)).scalar_one_or_none()
    return found


def write_change(
    session: AsyncSession,
    booking: Booking,
    change: str,
    before: dict[str, Any],
    after: dict[str, Any],
    actor: str,
    key: str,
) -> None:
    """Write down what was done, once for `key`."""
    booking.updated_at = clock.now()
    session.add(
        BookingChange(
            booking_id=booking.id,
            change=change,
            before=before,
            after=after,
            actor=actor,
            message_id=key,
        )
    )
