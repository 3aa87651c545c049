"""What there is to say about a quote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock, money
from pitstop.care.service_tables import Quote, QuoteLine
from pitstop.care.tables import Booking
from pitstop.care.views import VehicleBrief, booking_view


@dataclass(frozen=True)
class LineView:
    """One line of a quote, in yuan; `approved` is None until decided."""

    id: str
    name: str
    reason: str | None
    parts_price: Decimal
    labour_price: Decimal
    approved: bool | None
    decided_by: str | None
    decided_at: datetime | None

    @property
    def total(self) -> Decimal:
        """What the line costs."""
        return self.parts_price + self.labour_price


@dataclass(frozen=True)
class QuoteView:
    """A quote as it is committed. `status`: open, approved, partly, declined, withdrawn.

    `booking_price` is what the whole booking costs now, with what was approved.
    """

    id: str
    booking_id: str
    reference: str
    vehicle: VehicleBrief | None
    number: int
    status: str
    note: str | None
    lines: tuple[LineView, ...]
    booking_price: Decimal | None
    estimate: bool
    created_at: datetime
    decided_at: datetime | None

    @property
    def total(self) -> Decimal:
        """What all lines cost together."""
        return sum((line.total for line in self.lines), Decimal(0))

    @property
    def approved_total(self) -> Decimal:
        """What the approved lines cost together."""
        return sum((line.total for line in self.lines if line.approved), Decimal(0))


async def lines_of(session: AsyncSession, quote_id: str) -> Sequence[QuoteLine]:
    """Return a quote's lines as they are committed, in their order."""
    query = select(QuoteLine).where(QuoteLine.quote_id == quote_id).order_by(QuoteLine.position)
    result = await session.execute(query.execution_options(populate_existing=True))
    rows: Sequence[QuoteLine] = result.scalars().all()
    return rows


async def quote_view(session: AsyncSession, row: Quote) -> QuoteView:
    """Return the quote with everything it names."""
    await session.flush()
    booking: Booking | None = await session.get(Booking, row.booking_id)
    assert booking is not None
    shown = await booking_view(session, booking)
    return QuoteView(
        id=row.id,
        booking_id=row.booking_id,
        reference=booking.reference,
        vehicle=shown.vehicle,
        number=row.number,
        status=row.status,
        note=row.note,
        lines=tuple(
            LineView(
                id=line.id,
                name=line.name,
                reason=line.reason,
                parts_price=line.parts_price,
                labour_price=line.labour_price,
                approved=line.approved,
                decided_by=line.decided_by,
                decided_at=line.decided_at,
            )
            for line in await lines_of(session, row.id)
        ),
        booking_price=booking.price,
        estimate=booking.estimate,
        created_at=row.created_at,
        decided_at=row.decided_at,
    )


def quote_wire(view: QuoteView) -> dict[str, Any]:
    """Return a quote as the desk shows it; `decided_by` are customers' ids."""
    return {
        "id": view.id,
        "booking_id": view.booking_id,
        "reference": view.reference,
        "number": view.number,
        "status": view.status,
        "lines": [
            {
                "id": line.id,
                "name": line.name,
                "reason": line.reason,
                "parts_price": money.wire(line.parts_price),
                "labour_price": money.wire(line.labour_price),
                "total": money.wire(line.total),
                "approved": line.approved,
                "decided_by": line.decided_by,
                "decided_at": _when(line.decided_at),
            }
            for line in view.lines
        ],
        "total": money.wire(view.total),
        "approved_total": money.wire(view.approved_total),
        "note": view.note,
        "created_at": _when(view.created_at),
        "decided_at": _when(view.decided_at),
    }


def quote_card(view: QuoteView) -> dict[str, Any]:
    """Return the card that shows a quote in a message."""
    car = view.vehicle
    return {
        "type": "quote",
        "id": view.id,
        "booking_id": view.booking_id,
        "reference": view.reference,
        "number": view.number,
        "status": view.status,
        "vehicle": None if car is None else {"plate": car.plate, "model": car.model},
        "lines": [
            {
                "id": line.id,
                "name": line.name,
                "reason": line.reason,
                "parts": money.wire(line.parts_price),
                "labour": money.wire(line.labour_price),
                "total": money.wire(line.total),
                "approved": line.approved,
            }
            for line in view.lines
        ],
        "total": money.wire(view.total),
        "approved_total": money.wire(view.approved_total),
    }


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(clock.SHANGHAI).isoformat()
