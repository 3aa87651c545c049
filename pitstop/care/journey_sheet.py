"""What drivers see of their day: as much of an owner as the owner has agreed to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.masking import mask_phone, mask_plate
from pitstop.care import staff_permissions
from pitstop.care.journey_plans import relay, say
from pitstop.care.service_tables import Journey
from pitstop.care.staff import audit
from pitstop.care.tables import Booking, Customer, Resource, Staff, Vehicle

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class SheetLine:
    """One way of a driver's day. `address`, `phone` and `owner` are None, and `waiting` says why,
    until the owner has agreed; the number is masked even then. `plate` is masked."""

    id: str
    booking_id: str
    reference: str
    leg: str
    status: str
    worker_id: str | None
    worker: str | None
    window_start: datetime
    window_end: datetime
    model: str | None
    plate: str | None
    owner: str | None
    address: str | None
    phone: str | None
    relay: str | None
    waiting: str | None


async def driver_sheet(
    session: AsyncSession, staff: Staff, place_id: str, day: date
) -> list[SheetLine]:
    """Return a place's ways of a day (Asia/Shanghai), driver by driver; each reveal is logged.

    Needs a session that writes. Raises `StaffNotAllowed`.
    """
    staff_permissions.require(staff, "work_service")
    start = datetime.combine(day, time(), clock.SHANGHAI)
    query = (
        select(Journey, Booking, Customer, Vehicle, Resource.label)
        .join(Booking, Booking.id == Journey.booking_id)
        .join(Customer, Customer.id == Booking.customer_id)
        .outerjoin(Vehicle, Vehicle.id == Booking.vehicle_id)
        .outerjoin(Resource, Resource.id == Journey.worker_id)
        .where(
            Journey.place_id == place_id,
            Journey.window_start >= start,
            Journey.window_start < start + _DAY,
            Journey.status != "cancelled",
        )
        .order_by(Resource.label, Journey.worker_id, Journey.window_start, Journey.id)
    )
    lines = []
    for row, booking, customer, car, label in (await session.execute(query)).all():
        lines.append(_line(row, booking, customer, car, label))
        if booking.consent_at is not None:
            audit(session, staff.username, "reveal_address", row.id, booking=booking.id)
    return lines


def _line(
    row: Journey, booking: Booking, customer: Customer, car: Vehicle | None, worker: str | None
) -> SheetLine:
    agreed = booking.consent_at is not None
    return SheetLine(
        id=row.id,
        booking_id=booking.id,
        reference=booking.reference,
        leg=row.leg,
        status=row.status,
        worker_id=row.worker_id,
        worker=worker,
        window_start=row.window_start,
        window_end=row.window_end,
        model=None if car is None else car.model,
        plate=None if car is None else mask_plate(car.plate),
        owner=say("owner", surname=customer.name[:1]) if agreed else None,
        address=row.address if agreed else None,
        phone=mask_phone(customer.phone) if agreed and customer.phone else None,
        relay=relay(row.id) if agreed else None,
        waiting=None if agreed else say("waiting_for_consent"),
    )


def sheet_wire(line: SheetLine) -> dict[str, Any]:
    """Return a line of a driver's sheet as JSON."""
    shown = dict(vars(line))
    for name in ("window_start", "window_end"):
        shown[name] = shown[name].astimezone(clock.SHANGHAI).isoformat()
    return shown
