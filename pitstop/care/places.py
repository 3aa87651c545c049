"""Stores and swap stations: finding them, and what a page or the bot shows of one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care.hours import hours_on, is_open
from pitstop.care.positions import Position, distance_km
from pitstop.care.tables import Place

__all__ = [
    "SERVICE_KINDS",
    "STATION_KINDS",
    "STORE_KINDS",
    "TEST_DRIVE_KINDS",
    "all_places",
    "by_name",
    "hours_on",
    "is_open",
    "named",
    "nearest",
    "place",
    "place_wire",
]

SERVICE_KINDS = ("service_centre", "authorised_station")
STORE_KINDS = (*SERVICE_KINDS, "delivery_centre", "experience_store")
# Where a demo car may stand; whether one does, its resources say.
TEST_DRIVE_KINDS = ("experience_store", "delivery_centre", "service_centre")
STATION_KINDS = ("swap_station",)


async def all_places(
    session: AsyncSession, kinds: Collection[str] | None = None, city: str | None = None
) -> list[Place]:
    """Return the places of these kinds in that city, in the order of their numbers."""
    query = select(Place)
    if kinds is not None:
        query = query.where(Place.kind.in_(list(kinds)))
    if city is not None:
        query = query.where(Place.city == city)
    rows: Sequence[Place] = (await session.execute(query)).scalars().all()
    return sorted(rows, key=_number)


def _number(row: Place) -> tuple[str, int, str]:
    head, _, tail = row.id.rpartition("-")
    return (head, int(tail), row.id) if tail.isdigit() else (row.id, 0, row.id)


async def place(session: AsyncSession, place_id: str) -> Place:
    """Return the place; raises `LookupError` if there is none."""
    found: Place | None = await session.get(Place, place_id)
    if found is None:
        raise LookupError(f"no place {place_id}")
    return found


async def by_name(session: AsyncSession, name: str) -> Place | None:
    """Return the place of that name, or the only one with that alias, else None."""
    found = await named(session, name)
    return found[0] if len(found) == 1 else None


async def named(session: AsyncSession, name: str) -> list[Place]:
    """Return the place of that name, or all with that alias (both sides of a motorway)."""
    rows = await all_places(session)
    exact = [row for row in rows if row.name == name]
    return exact or [row for row in rows if name in row.aliases]


async def nearest(
    session: AsyncSession, position: Position, kinds: Collection[str], limit: int = 3
) -> list[tuple[Place, float]]:
    """Return the places of these kinds with their distance in km, the nearest first."""
    found = [
        (row, distance_km(position, (row.lat, row.lng))) for row in await all_places(session, kinds)
    ]
    return sorted(found, key=lambda pair: pair[1])[:limit]


def place_wire(row: Place, km: float | None = None) -> dict[str, Any]:
    """Return a place as JSON; `hours` is its ordinary week."""
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "city": row.city,
        "lat": row.lat,
        "lng": row.lng,
        "side": row.side,
        "hours": row.hours,
        "distance_km": None if km is None else round(km, 1),
    }
