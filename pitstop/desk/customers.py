"""The customer's card beside a handoff, and the reveal of one masked field, logged."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.masking import mask_phone, mask_plate, mask_vin
from pitstop.care import cases, handoff_views, people, staff_permissions
from pitstop.care.handoffs import HandoffRefused
from pitstop.care.staff import audit
from pitstop.care.tables import Booking, Customer, Handoff, Place, ServiceItem, Staff, Vehicle
from pitstop.conversation.tables import Message
from pitstop.desk.errors import Problem, as_json, read_body, text_in
from pitstop.desk.masked import masked_json
from pitstop.desk.session import me
from pitstop.storage.appkeys import DATABASE

BOOKINGS_SHOWN = 20


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(clock.SHANGHAI).isoformat()


async def card(
    session: AsyncSession, customer_id: str, *, handoff_id: str | None = None
) -> dict[str, Any]:
    """Return what an agent needs to know of a customer, masked."""
    customer: Customer | None = await session.get(Customer, customer_id)
    if customer is None:
        return {
            "id": customer_id,
            "name": "",
            "role": "visitor",
            "phone": None,
            "city": None,
            "tier": None,
            "vehicles": [],
            "bookings": [],
            "cases": [],
            "handoffs": [],
        }
    vehicles = await people.vehicles_of(session, customer_id)
    return {
        "id": customer.id,
        "name": customer.name,
        "role": await people.role_of(session, customer_id),
        "phone": mask_phone(customer.phone) if customer.phone else None,
        "city": customer.city,
        "tier": customer.tier,
        "vehicles": [
            {
                "id": v.id,
                "plate": mask_plate(v.plate),
                "vin": mask_vin(v.vin),
                "model": v.model,
                "relation": v.relation,
                "soc": v.soc,
                "mileage_km": v.mileage_km,
                "last_service_at": _when(v.last_service_at),
            }
            for v in vehicles
        ],
        "bookings": await _bookings(session, customer_id),
        "cases": [
            cases.case_wire(case, masked=True)
            for case in await cases.open_cases(session, customer_id)
        ],
        "handoffs": [
            {
                "id": past.id,
                "reason": past.reason,
                "agent": past.agent and past.agent.name,
                "ended_at": _when(past.ended_at),
                "ended_how": past.ended_how,
                "summary": masked_json(past.summary),
            }
            for past in await handoff_views.earlier(session, customer_id, before=handoff_id)
        ],
    }


async def _bookings(session: AsyncSession, customer_id: str) -> list[dict[str, Any]]:
    query = (
        select(Booking, Place, ServiceItem, Vehicle)
        .outerjoin(Place, Place.id == Booking.place_id)
        .outerjoin(ServiceItem, ServiceItem.code == Booking.service)
        .outerjoin(Vehicle, Vehicle.id == Booking.vehicle_id)
        .where(Booking.customer_id == customer_id)
        .order_by(Booking.start.desc())
        .limit(BOOKINGS_SHOWN)
    )
    return [
        {
            "id": booking.id,
            "reference": booking.reference,
            "kind": booking.kind,
            "status": booking.status,
            "step": booking.step,
            "place": place and {"id": place.id, "name": place.name},
            "start": _when(booking.start),
            "end": _when(booking.end),
            "service": service.name if service else booking.service,
            "mode": booking.mode,
            "vehicle": vehicle and {"plate": mask_plate(vehicle.plate), "model": vehicle.model},
        }
        for booking, place, service, vehicle in await session.execute(query)
    ]


async def reveal(request: web.Request) -> web.Response:
    """``POST handoffs/{id}/reveal {"field"}``: show one masked thing to who has the handoff.

    `field`: phone, plate or vin (with `vehicle_id`), message (with `message_id`). Logged, also
    by name of the field; the value itself is not.
    """
    body = await read_body(request)
    field = text_in(body, "field", limit=20)
    staff = me(request).staff
    async with request.app[DATABASE].write() as session:
        handoff = await handoff_views.get(session, request.match_info["id"])
        _require_open_and_theirs(handoff, staff)
        value, subject = await _original(session, handoff, field, body)
        audit(session, staff.username, "reveal", subject, field=field, handoff=handoff.id)
    return as_json({"field": field, "value": value})


def _require_open_and_theirs(handoff: Handoff, staff: Staff) -> None:
    staff_permissions.require(staff, "reveal")
    if handoff.state == "ended":
        raise HandoffRefused("ended")
    if staff_permissions.allowed(staff.role, "takeover"):
        return
    if handoff.agent_id != staff.id:
        raise HandoffRefused("not_accepted" if handoff.state == "queued" else "not_yours")


async def _original(
    session: AsyncSession, handoff: Handoff, field: str, body: dict[str, Any]
) -> tuple[str, str]:
    """Return the value and the id of whose it is."""
    if field == "phone":
        customer: Customer | None = await session.get(Customer, handoff.customer_id)
        if customer is None or not customer.phone:
            raise Problem("nothing_to_reveal")
        return customer.phone, customer.id
    if field in ("plate", "vin"):
        vehicles = await people.vehicles_of(session, handoff.customer_id)
        wanted = body.get("vehicle_id") or (vehicles[0].id if len(vehicles) == 1 else None)
        for vehicle in vehicles:
            if vehicle.id == wanted:
                return (vehicle.plate if field == "plate" else vehicle.vin), vehicle.id
        raise Problem("nothing_to_reveal")
    if field == "message":
        message: Message | None = await session.get(Message, text_in(body, "message_id", limit=26))
        if message is None or message.conversation_id != handoff.conversation_id:
            raise Problem("not_found")
        return message.text, message.id
    raise Problem("bad_request", field="field")
