"""The people who work on cars, as owners ask for them: by name, or "the one I had last time"."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care.tables import Booking, Resource


async def last_of(
    session: AsyncSession, vehicle_id: str, place_id: str | None = None
) -> Resource | None:
    """Return who worked on this car last (at that place, if one is given) and still does."""
    query = (
        select(Resource)
        .join(Booking, Booking.technician_id == Resource.id)
        .where(
            Booking.vehicle_id == vehicle_id,
            Booking.status.in_(("done", "in_progress")),
            Resource.active.is_(True),
        )
        .order_by(Booking.start.desc())
        .limit(1)
    )
    if place_id is not None:
        query = query.where(Booking.place_id == place_id)
    found: Resource | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def named(session: AsyncSession, place_id: str, text: str) -> Resource | None:
    """Return the technician of a place whose name stands in a message, the longest name first."""
    query = select(Resource).where(
        Resource.place_id == place_id,
        Resource.kind == "technician",
        Resource.active.is_(True),
    )
    rows: Sequence[Resource] = (await session.execute(query)).scalars().all()
    fitting = [row for row in rows if row.label and row.label in text]
    return max(fitting, key=lambda row: len(row.label), default=None)
