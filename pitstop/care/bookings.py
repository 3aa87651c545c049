"""Bookings: writing, moving, listing and cancelling them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.base.ids import new_id, readable_number
from pitstop.care import capacity, coverage, journey_plans, parts, reminders, tariffs
from pitstop.care.people import role_of, vehicles_of
from pitstop.care.permissions import Action, NotAllowed, require
from pitstop.care.refusals import Refused
from pitstop.care.tables import Booking, BookingChange, Offer
from pitstop.care.views import BookingView, booking_view, booking_views
from pitstop.care.wishes import Wish
from pitstop.conversation import log
from pitstop.storage.events import emit

ACTIVE = ("confirmed", "in_progress")
_WHOSE = frozenset({"owner", "company_manager"})
_ON_THE_ROAD = frozenset({"pickup", "on_site", "valet"})


async def bookings_of(
    session: AsyncSession, customer_id: str, *, active_only: bool = True
) -> list[BookingView]:
    """Return the customer's bookings and those of the vehicles they own or manage.

    In the order of time. What they booked for a car that is no longer theirs went with it.
    """
    cars = await vehicles_of(session, customer_id)
    theirs = [car.id for car in cars if car.relation in _WHOSE]
    current = {car.id for car in cars}
    query = select(Booking).where(
        or_(Booking.customer_id == customer_id, Booking.vehicle_id.in_(theirs))
    )
    if active_only:
        query = query.where(Booking.status.in_(ACTIVE))
    rows: Sequence[Booking] = (
        (await session.execute(query.order_by(Booking.start, Booking.id))).scalars().all()
    )
    seen = [row for row in rows if row.vehicle_id is None or row.vehicle_id in current]
    return await booking_views(session, seen)


async def cancel(
    session: AsyncSession,
    customer_id: str,
    booking_id: str,
    *,
    message_id: str,
    at_a_price: bool = False,
) -> BookingView:
    """Cancel a booking and give back what it occupied; cancelled already: as it is.

    Raises `NotAllowed`, `LookupError`, `Refused("already_started")` once its time has come or
    a rescuer is on the way; `Refused("driver_on_way", fee)` where the driver has set off, unless
    the owner knows (`at_a_price`) what that costs.
    """
    booking = await locked(session, booking_id)
    await _theirs(session, customer_id, booking, "cancel_booking")
    if booking.status == "cancelled":
        return await booking_view(session, booking)
    _not_started(booking)
    on_way = await journey_plans.under_way(session, booking.id)
    if on_way is not None and not at_a_price:
        raise Refused("driver_on_way", fee=cancel_fee())
    await give_back(session, booking)
    if on_way is not None:
        booking.price, booking.estimate = cancel_fee(), False
    remember(
        session,
        booking,
        "cancelled",
        _snapshot(booking),
        actor=customer_id,
        key=message_key(message_id, booking.id),
    )
    booking.status = "cancelled"
    booking.step = "cancelled"
    booking.position = None
    await _tell(session, booking, "cancelled")
    await session.flush()
    return await booking_view(session, booking)


def cancel_fee() -> Decimal:
    """Return what cancelling costs in yuan once the driver is on the way."""
    return Decimal(str(tariffs.tariffs()["maintenance"]["cancel_on_way_fee"]))


async def give_back(session: AsyncSession, booking: Booking) -> None:
    """Give back all that a locked booking holds: time, parts, entitlements, ways, reminders."""
    await capacity.release(session, booking.id)
    await parts.release(session, booking.id)
    await coverage.release(session, booking.id)
    await journey_plans.drop(session, booking.id)
    await reminders.drop(session, booking.id)


async def changeable(
    session: AsyncSession, customer_id: str, booking_id: str, action: Action
) -> Booking:
    """Return the booking, locked, if the customer may still change it.

    Raises `NotAllowed`, `LookupError`, `Refused` (already_started, driver_on_way).
    """
    booking = await locked(session, booking_id)
    await _theirs(session, customer_id, booking, action)
    _not_started(booking)
    if await journey_plans.under_way(session, booking.id) is not None:
        raise Refused("driver_on_way", fee=cancel_fee())
    return booking


async def write(session: AsyncSession, offer: Offer, wish: Wish, *, message_id: str) -> Booking:
    """Write the booking that an offer promised, with all that it holds; raises `NoCapacity`.

    All or nothing, whatever the caller does with the exception.
    """
    terms: dict[str, Any] = offer.terms
    offer_id, customer_id = offer.id, offer.customer_id
    values: dict[str, Any] = {
        "customer_id": customer_id,
        "vehicle_id": terms.get("vehicle_id"),
        "kind": offer.kind,
        "note": offer.note,
        "pickup_address": offer.pickup_address,
        "offer_id": offer_id,
        **_promised(wish, datetime.fromisoformat(terms["start"])),
    }
    async with session.begin_nested():
        booking = await insert(session, values)
        await _hold(session, booking, wish)
    remember(
        session, booking, "booked", {}, actor=customer_id, key=message_key(message_id, offer_id)
    )
    await reminders.schedule(session, booking)
    await _tell(session, booking, "booked")
    return booking


async def move(
    session: AsyncSession, booking: Booking, offer: Offer, wish: Wish, *, message_id: str
) -> Booking:
    """Move a locked booking to what an offer promised; raises `NoCapacity`, then it stays.

    The old ticks are given back and the new ones taken in one savepoint: the booking may take
    part of its own old time, and nobody can come between.
    """
    terms: dict[str, Any] = offer.terms
    offer_id, actor = offer.id, offer.customer_id
    note, address = offer.note, offer.pickup_address
    before = _snapshot(booking)
    async with session.begin_nested():
        await capacity.release(session, booking.id)
        await parts.release(session, booking.id)
        await coverage.release(session, booking.id)
        for name, value in _promised(wish, datetime.fromisoformat(terms["start"])).items():
            setattr(booking, name, value)
        booking.note, booking.pickup_address = note, address
        booking.vehicle_id = terms.get("vehicle_id")
        await session.flush()
        await _hold(session, booking, wish)
    remember(session, booking, "moved", before, actor=actor, key=message_key(message_id, offer_id))
    await reminders.schedule(session, booking)
    await _tell(session, booking, "moved")
    return booking


def _promised(wish: Wish, start: datetime) -> dict[str, Any]:
    """Return what a wish and a time make of a booking's columns."""
    end = start + wish.length
    step, lock_until = "booked", None
    if wish.kind == "swap":
        step = "planned" if wish.is_plan(start) else "locked"
        lock_until = None if step == "planned" else end + _grace()
    return {
        "place_id": wish.place.id,
        "service": wish.service,
        "services": list(wish.services),
        "start": start,
        "end": end,
        "mode": wish.mode,
        "step": step,
        "lock_until": lock_until,
        "person_asked": wish.person is not None,
        "price": None if wish.price is None else wish.price.total,
        "price_parts": None if wish.price is None else wish.price.to_json(),
        "estimate": wish.estimate,
    }


def _grace() -> timedelta:
    return timedelta(minutes=tariffs.tariffs()["swap"]["grace_minutes"])


async def _hold(session: AsyncSession, booking: Booking, wish: Wish) -> None:
    """Take time, parts and entitlements for a booking; raises `NoCapacity`."""
    needs = wish.needs_at(booking.start)
    taken = await capacity.take(
        session, booking.id, wish.place.id, needs, booking.start, booking.end
    )
    people = [row.id for row in taken if row.kind == "technician"]
    booking.technician_id = wish.person or (people[0] if people else None)
    await parts.claim(session, booking.id, wish.place.id, wish.kit, booking.start)
    await coverage.use(session, booking.id, () if wish.price is None else wish.price.covered)
    if wish.mode in _ON_THE_ROAD:
        await journey_plans.plan(session, booking, wish.place)
    else:
        await journey_plans.drop(session, booking.id)


async def insert(session: AsyncSession, values: dict[str, Any]) -> Booking:
    """Add a booking with a reference of its own, flushed.

    Raises `IntegrityError` if something other than the reference is taken (its message).
    """
    for attempt in range(5):
        booking = Booking(
            **{"id": new_id(), "reference": readable_number("BK", clock.now()), **values}
        )
        taken = select(Booking.id).where(Booking.reference == booking.reference)
        if (await session.execute(taken)).scalar_one_or_none() is not None:
            continue
        try:
            async with session.begin_nested():
                session.add(booking)
            return booking
        except IntegrityError:
            # The same reference in the same moment; anything else fails again.
            if attempt == 4:
                raise
    raise RuntimeError("no free booking reference")


async def locked(session: AsyncSession, booking_id: str) -> Booking:
    """Return the booking, locked for this write; raises `LookupError` if there is none."""
    query = select(Booking).where(Booking.id == booking_id).with_for_update()
    result = await session.execute(query.execution_options(populate_existing=True))
    found: Booking | None = result.scalar_one_or_none()
    if found is None:
        raise LookupError(f"no booking {booking_id}")
    return found


async def _theirs(
    session: AsyncSession, customer_id: str, booking: Booking, action: Action
) -> None:
    """Whoever booked may change it while they have the car; the owner always may."""
    await require(session, customer_id, action, booking.vehicle_id)
    if booking.customer_id == customer_id:
        return
    cars = await vehicles_of(session, customer_id)
    if any(car.id == booking.vehicle_id and car.relation in _WHOSE for car in cars):
        return
    role = await role_of(session, customer_id)
    raise NotAllowed("driver_limit" if booking.vehicle_id else "not_your_vehicle", action, role)


def _not_started(booking: Booking) -> None:
    if booking.kind == "rescue":
        started = booking.step != "dispatching"
    else:
        # Whoever was told too late that it can't be kept may still choose another time.
        started = booking.start <= clock.now() and booking.step != "broken"
    if booking.status != "confirmed" or started:
        raise Refused("already_started", status=booking.status, step=booking.step)


def message_key(message_id: str, subject: str) -> str:
    """Return the key of what a message did: it may change two bookings."""
    key = f"{message_id}:{subject}"
    return key if len(key) <= 80 else fingerprint(key)


def _snapshot(booking: Booking) -> dict[str, Any]:
    return {
        "place_id": booking.place_id,
        "start": booking.start.isoformat(),
        "end": booking.end.isoformat(),
        "service": booking.service,
        "services": booking.services,
        "mode": booking.mode,
        "status": booking.status,
        "step": booking.step,
    }


def remember(
    session: AsyncSession,
    booking: Booking,
    change: str,
    before: dict[str, Any],
    *,
    actor: str,
    key: str,
) -> None:
    """Write down what was done to a booking, once for `key` (see `message_key`)."""
    booking.updated_at = clock.now()
    session.add(
        BookingChange(
            booking_id=booking.id,
            change=change,
            before=before,
            after=_snapshot(booking),
            actor=actor,
            message_id=key,
        )
    )


async def _tell(session: AsyncSession, booking: Booking, change: str) -> None:
    conversation = await log.find(session, booking.customer_id)
    emit(
        session,
        f"booking.{change}",
        booking.id,
        conversation_id=None if conversation is None else conversation.id,
        booking_kind=booking.kind,
    )
