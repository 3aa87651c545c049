"""Offers: what is proposed to an owner, and what their yes makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import bookings, journey_plans, parts, slots, tariffs
from pitstop.care.capacity import NoCapacity, board
from pitstop.care.people import role_of, vehicles_of
from pitstop.care.permissions import Action, NotAllowed, require
from pitstop.care.refusals import RefusalCode, Refused
from pitstop.care.slots import Asked, able, nearest_free
from pitstop.care.tables import Booking, Offer, Resource
from pitstop.care.tariffs import Price
from pitstop.care.views import BookingView, OfferView, booking_view, offer_view
from pitstop.care.wishes import Kind, Wish

_BOOKS: dict[str, Action] = {
    "maintenance": "book_maintenance",
    "swap": "book_swap",
    "test_drive": "book_test_drive",
}


async def propose(
    session: AsyncSession,
    customer_id: str,
    *,
    kind: Kind,
    place_id: str,
    start: datetime,
    service: str | None = None,
    services: Sequence[str] = (),
    technician_id: str | None = None,
    vehicle_id: str | None = None,
    mode: str | None = None,
    pickup_address: str | None = None,
    note: str | None = None,
    message_id: str,
    ordinal: int = 0,
    moves_booking_id: str | None = None,
) -> OfferView:
    """Store a proposal for a yes; it reserves nothing. The same message and ordinal: the same.

    `start` is moved on to the next point of the grid. `service` and `services` are service items'
    codes, or a test drive's model; `technician_id` is whom the owner asked for. When moving, what
    is not given stays as booked. Earlier open offers for
    the same thing are withdrawn, so that an old button cannot book beside the new one.

    Raises `NotAllowed`; `Refused` with alternatives; `LookupError` for an unknown place or
    booking.
    """
    skill = "change_booking" if moves_booking_id else _BOOKS[kind]
    known = await _asked(session, message_id, skill, ordinal)
    if known is not None:
        await _own(session, known, customer_id)
        return await _shown(session, known)
    if moves_booking_id is not None:
        moving = await bookings.changeable(session, customer_id, moves_booking_id, "change_booking")
        if vehicle_id is None or moving.kind == "test_drive":
            vehicle_id = moving.vehicle_id
        if not service and not services:
            service, services = moving.service, moving.services
        if technician_id is None and moving.person_asked and moving.place_id == place_id:
            technician_id = moving.technician_id
        mode = mode or moving.mode
        pickup_address = pickup_address or moving.pickup_address
        note = note or moving.note
    elif kind != "test_drive":
        vehicle_id = await _vehicle_for(session, customer_id, vehicle_id, _BOOKS[kind])
    else:
        vehicle_id = None
    await require(session, customer_id, _BOOKS[kind], vehicle_id)
    asked = Asked(kind, service, tuple(services), vehicle_id, mode, technician_id, moves_booking_id)
    wish = await able(session, asked, place_id, start)
    start = slots.align(start, wish.grid)
    on_the_road = wish.mode in journey_plans.ON_THE_ROAD
    if on_the_road and pickup_address and journey_plans.outside_reach(pickup_address, wish.place):
        raise Refused("out_of_reach", place=wish.place.name)
    await check(session, asked, wish, start)
    offer = Offer(
        customer_id=customer_id,
        kind=kind,
        terms=_terms(wish, start, vehicle_id),
        note=note,
        pickup_address=pickup_address,
        moves_booking_id=moves_booking_id,
        expires_at=min(clock.now() + tariffs.offer_life(), start),
        message_id=message_id,
        skill=skill,
        ordinal=ordinal,
    )
    try:
        async with session.begin_nested():
            session.add(offer)
    except IntegrityError:
        # The same message is being answered by another process, and that one was faster.
        known = await _asked(session, message_id, skill, ordinal)
        assert known is not None
        return await _shown(session, known)
    await _withdraw_older(session, offer)
    return await _shown(session, offer)


async def accept(
    session: AsyncSession, customer_id: str, offer_id: str, *, message_id: str
) -> BookingView:
    """Book the offer, or move the booking it is about; a second yes finds the first booking.

    That one is returned as it is now: it may have been moved or cancelled since.

    Raises `NotAllowed` if it is not theirs (any more), `LookupError` if there is none, `Refused`
    (offer_expired, full, closed, already_started) with alternatives; then nothing is written.
    """
    query = select(Offer).where(Offer.id == offer_id).with_for_update()
    found = await session.execute(query.execution_options(populate_existing=True))
    offer: Offer | None = found.scalar_one_or_none()
    if offer is None:
        raise LookupError(f"no offer {offer_id}")
    await _own(session, offer, customer_id)
    if offer.state == "taken":
        return await booking_view(session, await _booked(session, offer))
    terms: dict[str, Any] = offer.terms
    await require(session, customer_id, _BOOKS[offer.kind], terms.get("vehicle_id"))
    moving: Booking | None = None
    if offer.moves_booking_id is not None:
        moving = await bookings.changeable(
            session, customer_id, offer.moves_booking_id, "change_booking"
        )
    kind: Kind = offer.kind  # type: ignore[assignment]
    asked = Asked(
        kind,
        terms.get("service"),
        tuple(terms.get("services") or ()),
        terms.get("vehicle_id"),
        terms["mode"],
        terms.get("technician_id"),
        offer.moves_booking_id,
    )
    wish = await asked.at(session, terms["place_id"])
    start = datetime.fromisoformat(terms["start"])
    if offer.state != "open" or clock.now() >= offer.expires_at:
        raise Refused("offer_expired", alternatives=await _near(session, asked, wish, start))
    await _check_open(session, asked, wish, start)
    if terms.get("price"):
        # What was shown holds; only an entitlement that is used up meanwhile changes it.
        wish = replace(wish, price=Price.from_json(terms["price"]))
    try:
        if moving is None:
            booking = await bookings.write(session, offer, wish, message_id=message_id)
        else:
            booking = await bookings.move(session, moving, offer, wish, message_id=message_id)
    except NoCapacity as missing:
        code: RefusalCode = _MISSING.get(str(missing), "full")
        raise Refused(
            code,
            alternatives=await _near(session, asked, wish, start),
            missing=str(missing),
        ) from missing
    offer.state = "taken"
    await session.flush()
    return await booking_view(session, booking)


async def withdraw_offer(session: AsyncSession, customer_id: str, offer_id: str) -> None:
    """Take an open offer back, so that its yes books nothing any more; a repeat does nothing.

    Raises `NotAllowed` if it is somebody else's, `LookupError` if there is none.
    """
    offer: Offer | None = await session.get(Offer, offer_id, with_for_update=True)
    if offer is None:
        raise LookupError(f"no offer {offer_id}")
    await _own(session, offer, customer_id)
    if offer.state == "open":
        offer.state = "withdrawn"
    await session.flush()


async def open_offers(session: AsyncSession, customer_id: str) -> list[OfferView]:
    """Return what still waits for a yes, the newest first."""
    query = (
        select(Offer)
        .where(
            Offer.customer_id == customer_id,
            Offer.state == "open",
            Offer.expires_at > clock.now(),
        )
        .order_by(Offer.created_at.desc(), Offer.id.desc())
    )
    rows = (await session.execute(query)).scalars().all()
    return [await offer_view(session, row) for row in rows]


async def check(session: AsyncSession, asked: Asked, wish: Wish, start: datetime) -> None:
    """Let a wish pass that could be booked for then; raises `Refused` with alternatives."""
    if start <= clock.now():
        raise Refused("past", alternatives=await _near(session, asked, wish, start))
    latest = slots.latest_start(wish.kind)
    if start > latest:
        near = await _near(session, asked, wish, start)
        raise Refused("too_far", alternatives=near, limit=latest)
    await _check_open(session, asked, wish, start)
    kit = await parts.shelf(session, wish.place.id, wish.kit, ignoring=asked.moving)
    if not kit.has(start):
        near = await _near(session, asked, wish, start)
        raise Refused("no_part", alternatives=near, ready_at=kit.ready_at())
    end = start + wish.length
    now = await board(session, wish.place.id, start, end, ignoring=asked.moving)
    if not slots.is_free(now, wish, start):
        await _check_person(session, asked, wish, start)
        raise Refused("full", alternatives=await _near(session, asked, wish, start))
    promise = await slots.Promise.of(session, wish, asked.moving)
    if not promise.holds(start):
        near = await _near(session, asked, wish, start)
        raise Refused("no_pack_expected", alternatives=near)


async def _check_open(session: AsyncSession, asked: Asked, wish: Wish, start: datetime) -> None:
    end = start + wish.length
    days = await slots.open_days(session, wish.place, start, end)
    if not days.covers(start, end):
        closure = days.closed_by(start, end)
        raise Refused(
            "closed",
            alternatives=await _near(session, asked, wish, start),
            windows=days.windows(start.astimezone(clock.SHANGHAI).date()),
            reason=None if closure is None else closure.reason,
        )


async def _check_person(session: AsyncSession, asked: Asked, wish: Wish, start: datetime) -> None:
    """Refuse for the person's sake, if anybody else could do it then."""
    if wish.person is None:
        return
    anybody = replace(asked, technician_id=None)
    open_to_all = await anybody.at(session, wish.place.id)
    end = start + wish.length
    now = await board(session, wish.place.id, start, end, ignoring=asked.moving)
    if slots.is_free(now, open_to_all, start):
        person: Resource | None = await session.get(Resource, wish.person)
        raise Refused(
            "person_busy",
            alternatives=await _near(session, asked, wish, start),
            person=None if person is None else person.label,
            others_free=True,
        )


async def _near(
    session: AsyncSession, asked: Asked, wish: Wish, start: datetime
) -> list[slots.Slot]:
    """Return what is free near that time, here if there is anything, else elsewhere."""
    found = await nearest_free(session, wish, start, ignoring=asked.moving)
    return found or await slots.elsewhere(session, asked, wish.place.id, start)


_MISSING: dict[str, RefusalCode] = {"part": "no_part", "entitlement": "price_changed"}


async def _vehicle_for(
    session: AsyncSession, customer_id: str, vehicle_id: str | None, action: Action
) -> str | None:
    """Take the only car there is; who has several must say which."""
    if vehicle_id is not None:
        return vehicle_id
    await require(session, customer_id, action)
    cars = await vehicles_of(session, customer_id)
    if len(cars) != 1:
        raise Refused("vehicle_needed", vehicles=[car.id for car in cars])
    return cars[0].id


def _terms(wish: Wish, start: datetime, vehicle_id: str | None) -> dict[str, Any]:
    return {
        "place_id": wish.place.id,
        "start": start.isoformat(),
        "end": (start + wish.length).isoformat(),
        "vehicle_id": vehicle_id,
        "service": wish.service,
        "services": list(wish.services),
        "technician_id": wish.person,
        "plan": wish.is_plan(start),
        "service_name": wish.service_name,
        "mode": wish.mode,
        "price": None if wish.price is None else wish.price.to_json(),
        "estimate": wish.estimate,
    }


async def _asked(session: AsyncSession, message_id: str, skill: str, ordinal: int) -> Offer | None:
    query = select(Offer).where(
        Offer.message_id == message_id, Offer.skill == skill, Offer.ordinal == ordinal
    )
    found: Offer | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def _withdraw_older(session: AsyncSession, offer: Offer) -> None:
    query = select(Offer).where(
        Offer.customer_id == offer.customer_id,
        Offer.skill == offer.skill,
        Offer.kind == offer.kind,
        Offer.state == "open",
        Offer.message_id != offer.message_id,
    )
    for older in (await session.execute(query)).scalars().all():
        same_car = older.terms.get("vehicle_id") == offer.terms.get("vehicle_id")
        if same_car and older.moves_booking_id == offer.moves_booking_id:
            # Not if a yes to it is just being committed.
            await session.execute(
                update(Offer)
                .where(Offer.id == older.id, Offer.state == "open")
                .values(state="withdrawn")
                .execution_options(synchronize_session="fetch")
            )


async def _booked(session: AsyncSession, offer: Offer) -> Booking:
    condition = (
        Booking.offer_id == offer.id
        if offer.moves_booking_id is None
        else Booking.id == offer.moves_booking_id
    )
    booking: Booking = (await session.execute(select(Booking).where(condition))).scalar_one()
    return booking


async def _shown(session: AsyncSession, offer: Offer) -> OfferView:
    terms = offer.terms
    clash: str | None = None
    if terms.get("vehicle_id") is not None:
        query = (
            select(Booking.reference)
            .where(
                Booking.vehicle_id == terms["vehicle_id"],
                Booking.status.in_(bookings.ACTIVE),
                Booking.start < datetime.fromisoformat(terms["end"]),
                Booking.end > datetime.fromisoformat(terms["start"]),
                Booking.id != (offer.moves_booking_id or ""),
            )
            .limit(1)
        )
        clash = (await session.execute(query)).scalar_one_or_none()
    return await offer_view(session, offer, clashes_with=clash)


async def _own(session: AsyncSession, offer: Offer, customer_id: str) -> None:
    if offer.customer_id != customer_id:
        action: Action = "change_booking" if offer.moves_booking_id else _BOOKS[offer.kind]
        raise NotAllowed("not_your_vehicle", action, await role_of(session, customer_id))
