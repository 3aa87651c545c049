"""Where an owner said they are, and how far that is from somewhere."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.conversation.tables import InboxEntry

EARTH_KM = 6371.0
Position = tuple[float, float]


async def position_of(session: AsyncSession, message_id: str) -> Position | None:
    """Return the (lat, lng) sent with an inbox entry; None once its turn is over."""
    entry: InboxEntry | None = await session.get(InboxEntry, message_id)
    if entry is None or not entry.position:
        return None
    lat, _, lng = entry.position.partition(",")
    return float(lat), float(lng)


def distance_km(a: Position, b: Position) -> float:
    """Return the great-circle distance of two (lat, lng) in kilometres, as the crow flies."""
    lat_a, lng_a, lat_b, lng_b = map(radians, (*a, *b))
    h = sin((lat_b - lat_a) / 2) ** 2
    h += cos(lat_a) * cos(lat_b) * sin((lng_b - lng_a) / 2) ** 2
    return 2 * EARTH_KM * asin(min(1.0, sqrt(h)))
