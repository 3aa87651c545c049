"""What there is to say about an offer or a booking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock, money
from pitstop.care.tables import Booking, Offer, Place, ServiceItem, Vehicle
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
    is the reference of another booking of the same car at that time.
    """

    moves_booking_id: str | None = None
    clashes_with: str | None = None


@dataclass(frozen=True)
class BookingView(_Terms):
    """A booking as it is committed; times are in Asia/Shanghai. `position` is a rescue's."""

    customer_id: str = ""
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
    return OfferView(
        id=offer.id,
        kind=offer.kind,
        place=await _place(session, terms["place_id"]),
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
    name = booking.service
    if booking.kind == "maintenance" and booking.service is not None:
        item: ServiceItem | None = await session.get(ServiceItem, booking.service)
        name = booking.service if item is None else item.name
    return BookingView(
        id=booking.id,
        kind=booking.kind,
        place=await _place(session, booking.place_id),
        start=booking.start.astimezone(clock.SHANGHAI),
        end=booking.end.astimezone(clock.SHANGHAI),
        vehicle=await _vehicle(session, booking.vehicle_id),
        service=name,
        service_code=booking.service,
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
        "mode": view.mode,
        "price": None
        if view.price is None
        else {**money.wire(view.price), "estimate": view.estimate},
    }


def offer_wire(view: OfferView) -> dict[str, Any]:
    """Return an offer with the same fields as a booking, and until when it stands."""
    assert view.expires_at is not None
    expires = view.expires_at.astimezone(clock.SHANGHAI).isoformat()
    return {**booking_wire(view), "expires_at": expires}


def booking_card(view: BookingView) -> dict[str, Any]:
    """Return the card that shows a booking in a message."""
    return {"type": "booking", **booking_wire(view)}


def offer_card(view: OfferView) -> dict[str, Any]:
    """Return the card that shows an offer in a message."""
    return {"type": "offer", **offer_wire(view)}
