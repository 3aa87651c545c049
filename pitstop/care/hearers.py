"""Who hears of a booking: whoever booked it, and whoever owns the car. Drivers book, owners pay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care import bookings
from pitstop.care.people import relation_to
from pitstop.care.permissions import allowed
from pitstop.care.tables import Booking, VehicleLink
from pitstop.care.telling import tell
from pitstop.conversation import log
from pitstop.conversation.wire import Choice


async def approvers(session: AsyncSession, vehicle_id: str | None) -> list[str]:
    """Return who may approve extra work on the car now: its owners, or a company's managers."""
    if vehicle_id is None:
        return []
    query = (
        select(VehicleLink.customer_id)
        .where(VehicleLink.vehicle_id == vehicle_id)
        .order_by(VehicleLink.since, VehicleLink.id)
    )
    found = []
    for customer_id in dict.fromkeys((await session.execute(query)).scalars().all()):
        relation = await relation_to(session, customer_id, vehicle_id)
        if relation is not None and allowed(relation, "approve_extra_work"):
            found.append(customer_id)
    return found


async def hearers(session: AsyncSession, customer_id: str, vehicle_id: str | None) -> list[str]:
    """Return who hears of a booking, whoever booked it first.

    Not of a car that is no longer theirs: what is done to it is the new owner's.
    """
    if vehicle_id is None:
        return [customer_id]
    relation = await relation_to(session, customer_id, vehicle_id)
    booked = [] if relation in (None, "former_owner") else [customer_id]
    return list(dict.fromkeys([*booked, *await approvers(session, vehicle_id)]))


async def locked(session: AsyncSession, booking_id: str) -> tuple[Booking, list[str]]:
    """Return the booking and who hears of it, with their conversations and itself locked.

    Conversations go first, in the order of their customers, as for everybody who locks several.
    Raises `LookupError` if there is no such booking.
    """
    query = select(Booking.customer_id, Booking.vehicle_id).where(Booking.id == booking_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise LookupError(f"no booking {booking_id}")
    people = await hearers(session, row[0], row[1])
    for customer_id in sorted(people):
        await log.conversation_of(session, customer_id)
    return await bookings.locked(session, booking_id), people


async def tell_all(
    session: AsyncSession,
    people: Iterable[str],
    text: str,
    choices: Sequence[Choice] = (),
    card: dict[str, Any] | None = None,
) -> None:
    """Tell each of them the same; their conversations are locked already (see `locked`)."""
    for customer_id in people:
        await tell(session, customer_id, text, choices, card)
