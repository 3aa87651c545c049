"""What there is to say about an offer or a booking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock, money
from pitstop.care import reach
from pitstop.care.navigation import links
from pitstop.care.tables import Booking, Offer, Place, Resource, ServiceItem, Vehicle
from pitstop.care.tariffs import Price


@dataclass(frozen=True)
class PlaceBrief:
    """A place, as much of it as a booking shows."""

    id: str
    name: str
    lat: float
    lng: float
    side: str | None
    kind: str
    city: str


@dataclass(frozen=True)
class VehicleBrief:
    """A vehicle, as much of it as a booking shows."""

    id: str
    plate: str
    model: str


@dataclass(frozen=True)
class _Terms:
    id: str
    kind: str
    place: PlaceBrief | None
    start: datetime
    end: datetime
    vehicle: VehicleBrief | None
    service: str | None
    service_code: str | None
    services: tuple[str, ...]
    technician: str | None
    technician_id: str | None
    notes: tuple[str, ...]
    mode: str
    price: Decimal | None
    price_parts: Price | None
    estimate: bool
    pickup_address: str | None
    note: str | None
    reference: str | None
    status: str
    step: str
    expires_at: datetime | None


@dataclass(frozen=True)
class OfferView(_Terms):
    """A proposal that waits for a yes. `status`: open, taken, withdrawn.

    Times are in Asia/Shanghai. `reference` is set where it would move a booking; `clashes_with`
    is the reference of another booking of the same car at that time. `plan`: a swap so far ahead
    that no pack is kept yet. `person_asked`: the technician is whom the owner asked for.
    """

    moves_booking_id: str | None = None
    plan: bool = False
    clashes_with: str | None = None


@dataclass(frozen=True)
class BookingView(_Terms):
    """A booking as it is committed; times are in Asia/Shanghai. `position` is a rescue's.

    `ready_at`: when the car is promised back; `lock_until`: how long a swap's pack is kept.
    `consent`: a driver may have address and masked number.
    """

    customer_id: str = ""
    ready_at: datetime | None = None
    lock_until: datetime | None = None
    consent: bool = False
    position: tuple[float, float] | None = None


async def offer_view(
    session: AsyncSession, offer: Offer, *, clashes_with: str | None = None
) -> OfferView:
    """Return the offer with everything it names."""
    terms = offer.terms
    parts = Price.from_json(terms["price"]) if terms.get("price") else None
    moved: Booking | None = None
    if offer.moves_booking_id is not None:
        moved = await session.get(Booking, offer.moves_booking_id)
    codes = terms.get("services") or ([terms["service"]] if terms.get("service") else [])
    return OfferView(
        id=offer.id,
        kind=offer.kind,
        place=await _place(session, terms["place_id"]),
        services=tuple(codes),
        technician=await _person(session, terms.get("technician_id")),
        technician_id=terms.get("technician_id"),
        notes=await _notes(session, terms["place_id"]),
        plan=bool(terms.get("plan")),
        start=_moment(terms["start"]),
        end=_moment(terms["end"]),
        vehicle=await _vehicle(session, terms.get("vehicle_id")),
        service=terms.get("service_name"),
        service_code=terms.get("service"),
        mode=terms["mode"],
        price=None if parts is None else parts.total,
        price_parts=parts,
        estimate=bool(terms.get("estimate")),
        pickup_address=offer.pickup_address,
        note=offer.note,
        reference=None if moved is None else moved.reference,
        status=offer.state,
        step="offered",
        expires_at=offer.expires_at,
        moves_booking_id=offer.moves_booking_id,
        clashes_with=clashes_with,
    )


async def booking_view(session: AsyncSession, booking: Booking) -> BookingView:
    """Return the booking with everything it names."""
    codes = booking.services or ([booking.service] if booking.service else [])
    names = codes if booking.kind != "maintenance" else [await _called(session, c) for c in codes]
    return BookingView(
        id=booking.id,
        kind=booking.kind,
        place=await _place(session, booking.place_id),
        start=booking.start.astimezone(clock.SHANGHAI),
        end=booking.end.astimezone(clock.SHANGHAI),
        vehicle=await _vehicle(session, booking.vehicle_id),
        service="、".join(names) or None,
        service_code=booking.service,
        services=tuple(codes),
        technician=await _person(session, booking.technician_id),
        technician_id=booking.technician_id,
        notes=await _notes(session, booking.place_id),
        ready_at=_local(booking.ready_at),
        lock_until=_local(booking.lock_until),
        consent=booking.consent_at is not None,
        mode=booking.mode,
        price=booking.price,
        price_parts=Price.from_json(booking.price_parts) if booking.price_parts else None,
        estimate=booking.estimate,
        pickup_address=booking.pickup_address,
        note=booking.note,
        reference=booking.reference,
        status=booking.status,
        step=booking.step,
        expires_at=None,
        customer_id=booking.customer_id,
        position=_position(booking.position),
    )


async def booking_views(session: AsyncSession, rows: Sequence[Booking]) -> list[BookingView]:
    """Return the bookings with everything they name."""
    return [await booking_view(session, row) for row in rows]


async def _called(session: AsyncSession, code: str) -> str:
    item: ServiceItem | None = await session.get(ServiceItem, code)
    return code if item is None else item.name


async def _person(session: AsyncSession, resource_id: str | None) -> str | None:
    row: Resource | None = None
    if resource_id is not None:
        row = await session.get(Resource, resource_id)
    return None if row is None else row.label


async def _notes(session: AsyncSession, place_id: str | None) -> tuple[str, ...]:
    row: Place | None = None if place_id is None else await session.get(Place, place_id)
    return () if row is None else tuple(reach.notes(row))


def _local(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.astimezone(clock.SHANGHAI)


async def _place(session: AsyncSession, place_id: str | None) -> PlaceBrief | None:
    row: Place | None = None if place_id is None else await session.get(Place, place_id)
    if row is None:
        return None
    return PlaceBrief(row.id, row.name, row.lat, row.lng, row.side, row.kind, row.city)


async def _vehicle(session: AsyncSession, vehicle_id: str | None) -> VehicleBrief | None:
    row: Vehicle | None = None if vehicle_id is None else await session.get(Vehicle, vehicle_id)
    return None if row is None else VehicleBrief(row.id, row.plate, row.model)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(clock.SHANGHAI)


def _position(text: str | None) -> tuple[float, float] | None:
    if not text:
        return None
    lat, _, lng = text.partition(",")
    return float(lat), float(lng)


def booking_wire(view: BookingView | OfferView) -> dict[str, Any]:
    """Return a booking as the contract's ``GET /api/owner/bookings`` has it, and its reference."""
    return {
        "id": view.id,
        "reference": view.reference,
        "kind": view.kind,
        "status": view.status,
        "step": view.step,
        "place": None
        if view.place is None
        else {
            "id": view.place.id,
            "name": view.place.name,
            "lat": view.place.lat,
            "lng": view.place.lng,
            "side": view.place.side,
        },
        "start": view.start.astimezone(clock.SHANGHAI).isoformat(),
        "end": view.end.astimezone(clock.SHANGHAI).isoformat(),
        "vehicle": None
        if view.vehicle is None
        else {"plate": view.vehicle.plate, "model": view.vehicle.model},
        "service": view.service,
        "services": list(view.services),
        "technician": view.technician,
        "mode": view.mode,
        "price": _price_wire(view),
        "notes": list(view.notes),
    }


def _price_wire(view: BookingView | OfferView) -> dict[str, Any] | None:
    if view.price is None:
        return None
    wire: dict[str, Any] = {**money.wire(view.price), "estimate": view.estimate}
    if (parts := view.price_parts) is not None:
        for name in ("parts", "labour", "visit"):
            wire[name] = str(getattr(parts, name))
        wire["covered"] = [
            {"kind": item.kind, "reason": item.source, "amount": str(item.amount)}
            for item in parts.covered
        ]
    return wire


def offer_wire(view: OfferView) -> dict[str, Any]:
    """Return an offer with the same fields as a booking, and until when it stands."""
    assert view.expires_at is not None
    expires = view.expires_at.astimezone(clock.SHANGHAI).isoformat()
    return {**booking_wire(view), "expires_at": expires}


def booking_card(view: BookingView) -> dict[str, Any]:
    """Return the card that shows a booking in a message."""
    ready, lock = view.ready_at, view.lock_until
    return {
        "type": "booking",
        **booking_wire(view),
        **links(view),
        "ready_at": None if ready is None else ready.isoformat(),
        "lock_until": None if lock is None else lock.isoformat(),
    }


def offer_card(view: OfferView) -> dict[str, Any]:
    """Return the card that shows an offer in a message."""
    return {"type": "offer", **offer_wire(view)}
