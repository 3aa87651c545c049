"""What becomes of the bookings that a supervisor's change breaks knowingly.

Where something else of the place will do, the promise is kept; else the owner is told in the same
transaction, with what they can have instead.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care import promises
from pitstop.care.tables import Booking

# Another bay or technician may do; for a closed place or a missing part nothing else will.
_REPLACEABLE = frozenset({"resources", "resource_days"})


async def hold(session: AsyncSession, ids: Collection[str]) -> list[Booking]:
    """Return these bookings, locked with the conversations of all who hear of them.

    To be called before anything else is locked: conversations come first everywhere, and two that
    lock in one order never wait in a ring.
    """
    return await promises.locked(session, ids) if ids else []


async def settle(
    session: AsyncSession, table: str, held: Sequence[Booking], affected: Collection[str]
) -> list[str]:
    """Keep or break what was promised to these; return the ids of those that broke.

    A car that is in the workshop already is not sent away: nothing is done to it.
    """
    given: set[tuple[str, datetime]] = set()
    broke = []
    for booking in held:
        if booking.id not in affected or booking.status != "confirmed":
            continue
        if table in _REPLACEABLE:
            kept = await promises.keep(session, booking, given)
        else:
            await promises.broken(session, booking, given)
            kept = False
        if not kept:
            broke.append(booking.id)
    return broke
