"""A place's day and one of its bookings as JSON, masked; all times are in Asia/Shanghai."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pitstop.base import clock, money
from pitstop.base.masking import mask_phone, mask_plate, mask_text
from pitstop.care.day_views import Block, Day, Sheet
from pitstop.care.hours import Window
from pitstop.care.service_tables import Closure
from pitstop.care.tables import Place


def when(moment: datetime | None) -> str | None:
    """Return a moment as the API writes it."""
    return None if moment is None else moment.astimezone(clock.SHANGHAI).isoformat()


def _window(window: Window) -> dict[str, Any]:
    return {"start": when(window[0]), "end": when(window[1])}


def mask_address(address: str | None) -> str | None:
    """Return the beginning of an address, which says which part of the town it is."""
    return None if not address else f"{address[:6]}****"


def place_wire(place: Place) -> dict[str, Any]:
    """Return a place as a picker shows it."""
    return {
        "id": place.id,
        "name": place.name,
        "kind": place.kind,
        "city": place.city,
        "side": place.side,
    }


def closure_wire(closure: Closure) -> dict[str, Any]:
    """Return a closure."""
    return {
        "id": closure.id,
        "resource_id": closure.resource_id,
        "start": when(closure.start),
        "end": when(closure.end),
        "reason": closure.reason,
        "note": closure.note,
    }


def block_wire(block: Block) -> dict[str, Any]:
    """Return a booking as a lane or a list shows it, masked."""
    row, car = block.booking, block.vehicle
    return {
        "id": row.id,
        "reference": row.reference,
        "kind": row.kind,
        "mode": row.mode,
        "status": row.status,
        "step": row.step,
        "start": when(row.start),
        "end": when(row.end),
        "names": list(block.names),
        "customer": "" if block.customer is None else block.customer.name,
        "vehicle": None
        if car is None
        else {"plate": mask_plate(car.plate), "model": car.model, "pack_kwh": car.pack_kwh},
        "technician_id": row.technician_id,
        "person_asked": row.person_asked,
        "ready_at": when(row.ready_at),
        "lock_until": when(row.lock_until),
        "parts_at": when(block.parts_at),
        "asked": block.asked,
        "holds": [
            {"lane": hold.lane_id, "start": when(hold.start), "end": when(hold.end)}
            for hold in block.holds
        ],
    }


def day_wire(view: Day) -> dict[str, Any]:
    """Return a day."""
    return {
        "place": place_wire(view.place),
        "day": view.day.isoformat(),
        "now": clock.local_now().isoformat(),
        "drawn": _window(view.drawn()),
        "hours": [_window(window) for window in view.windows],
        "closed": view.closed,
        "lanes": [
            {
                "id": lane.id,
                "kind": lane.kind,
                "label": lane.label,
                "skills": list(lane.skills),
                "pack_kwh": lane.pack_kwh,
                "soc": lane.soc,
                "shifts": None if lane.shifts is None else [_window(one) for one in lane.shifts],
                "away": lane.away,
            }
            for lane in view.lanes
        ],
        "closures": [closure_wire(closure) for closure in view.closures],
        "bookings": [block_wire(block) for block in view.blocks],
        "journeys": [
            {
                "id": journey.id,
                "booking_id": journey.booking_id,
                "leg": journey.leg,
                "worker_id": journey.worker_id,
                "status": journey.status,
                "start": when(journey.window_start),
                "end": when(journey.window_end),
            }
            for journey in view.journeys
        ],
    }


def sheet_wire(view: Sheet) -> dict[str, Any]:
    """Return one booking; what is masked in it is revealed one by one, and logged."""
    row, customer, car = view.block.booking, view.block.customer, view.block.vehicle
    return {
        **block_wire(view.block),
        "place": None if view.place is None else place_wire(view.place),
        "technician": None
        if view.technician is None
        else {"id": view.technician.id, "label": view.technician.label},
        "phone": mask_phone(customer.phone) if customer and customer.phone else None,
        "mileage_km": None if car is None else car.mileage_km,
        "soc": None if car is None else car.soc,
        "note": None if row.note is None else mask_text(row.note),
        "address": mask_address(row.pickup_address),
        "consent_at": when(row.consent_at),
        "price": None
        if row.price is None
        else {**money.wire(row.price), "estimate": row.estimate, "parts": row.price_parts},
        "parts": [
            {"name": part.name, "count": part.count, "available_at": when(part.available_at)}
            for part in view.block.parts
        ],
        "waits": None
        if view.waits is None
        else {"what": view.waits.what, "expected_at": when(view.waits.expected_at)},
        "next": list(view.next),
        "may": list(view.may),
        "changes": [
            {
                "change": change.row.change,
                "who": change.who,
                "before": change.row.before,
                "after": change.row.after,
                "created_at": when(change.row.created_at),
            }
            for change in view.changes
        ],
    }
