"""Short ways to say what the tests of bookings say often."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import capacity, offers
from pitstop.care.tables import Tick
from pitstop.care.views import BookingView, OfferView
from pitstop.storage.database import Database


def at(text: str) -> datetime:
    """Return a time in Shanghai; ``24 10:00`` is in November 2026."""
    if len(text) < 12:
        text = f"2026-11-{text}"
    return datetime.fromisoformat(text).replace(tzinfo=clock.SHANGHAI)


def maintenance(**more: Any) -> dict[str, Any]:
    """Return a wish for a small service in Minhang, tomorrow at ten."""
    return {
        "kind": "maintenance",
        "place_id": "store-1",
        "start": at("24 10:00"),
        "service": "minor_service",
        "message_id": "ask",
        **more,
    }


def swap(**more: Any) -> dict[str, Any]:
    """Return a wish for a swap at Qiantan, at noon."""
    return {
        "kind": "swap",
        "place_id": "station-1",
        "start": at("23 12:00"),
        "message_id": "ask",
        **more,
    }


async def propose(database: Database, customer: str, **wish: Any) -> OfferView:
    async with database.write() as session:
        return await offers.propose(session, customer, **wish)


async def accept(
    database: Database, customer: str, offer: OfferView, message_id: str = "yes"
) -> BookingView:
    async with database.write() as session:
        return await offers.accept(session, customer, offer.id, message_id=message_id)


async def book(database: Database, customer: str, **wish: Any) -> BookingView:
    return await accept(database, customer, await propose(database, customer, **wish))


async def ticks_of(database: Database, booking_id: str) -> list[tuple[str, datetime]]:
    async with database.read() as session:
        query = (
            select(Tick.resource_id, Tick.number)
            .where(Tick.booking_id == booking_id)
            .order_by(Tick.resource_id, Tick.number)
        )
        rows = (await session.execute(query)).all()
        return [(row[0], capacity.moment_of(row[1])) for row in rows]


async def count(session: AsyncSession, table: Any) -> int:
    return int((await session.execute(select(func.count()).select_from(table))).scalar_one())


async def rows(database: Database, *tables: Any) -> list[int]:
    """Count the rows of each table: what a refusal must leave as it was."""
    async with database.read() as session:
        return [await count(session, table) for table in tables]
