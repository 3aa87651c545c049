"""Promises that cannot be kept: the owner hears it from us first, with what they can have instead.

A closed place or a broken pack breaks bookings. Where something else of the same place will do, the
promise is kept quietly; else the time is given back and the owner told once, before they set off.
It is found when a place is closed and by the sweep: a booking may be committed in that moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import bookings, capacity, hearers, places, slots, stations, substitutes
from pitstop.care.capacity import Need, NoCapacity
from pitstop.care.refusals import Refused
from pitstop.care.service_tables import Closure
from pitstop.care.stations import say
from pitstop.care.tables import Booking, Tick
from pitstop.care.views import booking_card, booking_view
from pitstop.care.wishes import Wish
from pitstop.conversation import log
from pitstop.storage.events import emit

BROKEN = "broken"
_ACTOR = "system"
# A broken booking that nobody took up is over so long after its time.
_LAPSES = timedelta(hours=1)


async def break_promises(session: AsyncSession, closure: Closure) -> int:
    """Keep or break what was promised in a closure; return how many promises broke.

    Each owner is told once, however often this is called.
    """
    return await _settle(session, await _affected(session, Closure.id == closure.id))


async def any_due(session: AsyncSession) -> bool:
    """Say whether there is anything to sweep: no write for nothing."""
    now = clock.now()
    if await _affected(session, Closure.end > now, limit=1):
        return True
    return (await session.execute(_lapsed(now).limit(1))).first() is not None


async def sweep_promises(session: AsyncSession) -> int:
    """Find promises that a closure breaks and nobody noticed; end broken ones whose time is over.

    Returns how many promises broke now.
    """
    now, batch = clock.now(), int(stations.section("promises")["batch"])
    over = (await session.execute(_lapsed(now).limit(batch))).scalars().all()
    affected = await _affected(session, Closure.end > now, limit=batch)
    rows = await locked(session, {*over, *affected})
    for booking in rows:
        if booking.id in over and booking.step == BROKEN and booking.status == "confirmed":
            await _end(session, booking)
    return await _settle(session, affected)


async def keep(
    session: AsyncSession, booking: Booking, given: set[tuple[str, datetime]] | None = None
) -> bool:
    """Keep a locked booking's promise with something else of the same place, or break it.

    Returns whether it is kept. Lock with `hearers.locked`, so that the conversations come first.
    """
    if booking.status != "confirmed" or booking.step == BROKEN:
        return False
    before, wish = {"step": booking.step}, await _wish(session, booking)
    if wish is not None:
        needs = wish.plan_needs if booking.step == "planned" else wish.needs
        if await _take(session, booking, wish, needs):
            await write(session, booking, "kept", before)
            return True
    await broken(session, booking, given)
    return False


async def broken(
    session: AsyncSession, booking: Booking, given: set[tuple[str, datetime]] | None = None
) -> None:
    """Give back a locked booking's time and tell who hears of it, with the next best to choose.

    Parts and entitlements stay claimed: they are for whichever time is chosen. Does nothing if it
    was broken before, or is not to come any more. `given` are times that others were told of.
    """
    if booking.status != "confirmed" or booking.step == BROKEN:
        return
    before = {"step": booking.step, "lock_until": _iso(booking.lock_until)}
    await capacity.release(session, booking.id)
    booking.step, booking.lock_until = BROKEN, None
    await write(session, booking, BROKEN, before)
    await session.flush()
    found = await substitutes.substitutes(session, booking, given or ())
    if given is not None and found:
        # Who is told next gets another one first: only one can have it.
        given.add(found[0].key)
    people = await hearers.hearers(session, booking.customer_id, booking.vehicle_id)
    await hearers.tell_all(
        session,
        people,
        await substitutes.apology(session, booking, found),
        substitutes.buttons(booking, found),
        booking_card(await booking_view(session, booking)),
    )


async def mend(session: AsyncSession, closure: Closure) -> int:
    """Take up again what a lifted closure had broken and nobody has changed since; tell so.

    Returns how many. What has been given to others meanwhile stays broken.
    """
    query = (
        select(Booking.id)
        .where(
            Booking.place_id == closure.place_id,
            Booking.status == "confirmed",
            Booking.step == BROKEN,
            Booking.start < closure.end,
            Booking.end > closure.start,
            Booking.start > clock.now(),
        )
        .order_by(Booking.start, Booking.id)
    )
    ids = (await session.execute(query)).scalars().all()
    return sum([await _mend(session, booking) for booking in await locked(session, ids)])


async def locked(session: AsyncSession, ids: Iterable[str]) -> list[Booking]:
    """Return several bookings, locked after the conversations of all who hear of them.

    In the order of their time. Conversations go by the customer, as for everybody who locks
    several; with all of them held first nobody waits in a ring.
    """
    query = select(Booking.id, Booking.customer_id, Booking.vehicle_id)
    rows = (await session.execute(query.where(Booking.id.in_(sorted(ids))))).all()
    people: set[str] = set()
    for _, customer_id, vehicle_id in rows:
        people.update(await hearers.hearers(session, customer_id, vehicle_id))
    for customer_id in sorted(people):
        await log.conversation_of(session, customer_id)
    found = [await bookings.locked(session, row[0]) for row in sorted(rows)]
    return sorted(found, key=lambda booking: (booking.start, booking.id))


async def write(
    session: AsyncSession, booking: Booking, change: str, before: dict[str, Any]
) -> None:
    """Write down what became of a booking without anybody asking, with its event.

    Unique on the booking as it was: two that find it in the same state write one.
    """
    key = f"{change}:{booking.updated_at.timestamp():.6f}"
    bookings.remember(
        session,
        booking,
        change,
        before,
        actor=_ACTOR,
        key=bookings.message_key(key, booking.id),
    )
    own = await log.find(session, booking.customer_id)
    emit(
        session,
        f"booking.{change}",
        booking.id,
        conversation_id=None if own is None else own.id,
        booking_kind=booking.kind,
    )


# ---- finding them -------------------------------------------------------------------------------


async def _affected(
    session: AsyncSession,
    which: Any,
    *,
    among: Iterable[str] | None = None,
    limit: int | None = None,
) -> list[str]:
    """Return the bookings that open closures touch, in the order of their time."""
    open_ones = (Closure.lifted_at.is_(None), Closure.end > clock.now(), which)
    query = _to_come().join(Closure, Closure.place_id == Booking.place_id)
    query = query.where(
        Closure.resource_id.is_(None),
        Booking.start < Closure.end,
        Booking.end > Closure.start,
        *open_ones,
    )
    queries = [query]
    things = select(Closure).where(Closure.resource_id.is_not(None), *open_ones)
    for closure in (await session.execute(things)).scalars().all():
        quarters = capacity.numbers(closure.start, closure.end)
        query = _to_come().join(Tick, Tick.booking_id == Booking.id)
        queries.append(
            query.where(
                Tick.resource_id == closure.resource_id,
                Tick.number >= quarters.start,
                Tick.number < quarters.stop,
            )
        )
    found: dict[str, datetime] = {}
    for query in queries:
        if among is not None:
            query = query.where(Booking.id.in_(sorted(among)))
        if limit is not None:
            query = query.limit(limit)
        found.update((row[0], row[1]) for row in (await session.execute(query)).all())
    return sorted(found, key=lambda key: (found[key], key))[:limit]


def _to_come() -> Any:
    kinds = stations.section("promises")["kinds"]
    return (
        select(Booking.id, Booking.start)
        .where(
            Booking.kind.in_(kinds),
            Booking.status == "confirmed",
            Booking.step != BROKEN,
            Booking.end > clock.now(),
        )
        .order_by(Booking.start, Booking.id)
    )


def _lapsed(now: datetime) -> Any:
    return select(Booking.id).where(
        Booking.step == BROKEN, Booking.status == "confirmed", Booking.end < now - _LAPSES
    )


async def _settle(session: AsyncSession, ids: Sequence[str]) -> int:
    if not ids:
        return 0
    rows = await locked(session, ids)
    # While we waited for the locks somebody may have moved or cancelled theirs.
    still = set(await _affected(session, Closure.end > clock.now(), among=ids))
    given: set[tuple[str, datetime]] = set()
    return sum([not await keep(session, row, given) for row in rows if row.id in still])


# ---- keeping, mending, ending -------------------------------------------------------------------


async def _wish(session: AsyncSession, booking: Booking) -> Wish | None:
    """Return what a booking books at its place; None if that cannot be had there then."""
    place = await places.place(session, booking.place_id or "")
    days = await slots.open_days(session, place, booking.start, booking.end)
    if days.closed_by(booking.start, booking.end) is not None:
        return None
    try:
        return await substitutes.asked_of(booking).at(session, place.id)
    except Refused:
        return None


async def _take(session: AsyncSession, booking: Booking, wish: Wish, needs: Sequence[Need]) -> bool:
    booking_id, start, end = booking.id, booking.start, booking.end
    try:
        async with session.begin_nested():
            await capacity.release(session, booking_id)
            taken = await capacity.take(session, booking_id, wish.place.id, needs, start, end)
    except NoCapacity:
        return False
    people = [row.id for row in taken if row.kind == "technician"]
    if people and booking.technician_id not in people:
        booking.technician_id = people[0]
    return True


async def _mend(session: AsyncSession, booking: Booking) -> bool:
    if booking.step != BROKEN or booking.status != "confirmed" or booking.start <= clock.now():
        return False
    wish = await _wish(session, booking)
    if wish is None or not await _take(session, booking, wish, wish.needs_at(booking.start)):
        return False
    before = {"step": booking.step}
    booking.step, booking.lock_until = "booked", None
    if booking.kind == "swap":
        booking.step = "planned" if wish.is_plan(booking.start) else "locked"
    line = ""
    if booking.step == "locked":
        booking.lock_until = stations.lock_until(booking.end)
        line = say("broken", "restored_lock", until=stations.time(booking.lock_until))
    await write(session, booking, "restored", before)
    await session.flush()
    text = say(
        "broken",
        "restored",
        place=wish.place.name,
        day=stations.day(booking.start),
        start=stations.time(booking.start),
        kind=stations.section("broken")["restored_kinds"][booking.kind],
        locked=line,
    )
    people = await hearers.hearers(session, booking.customer_id, booking.vehicle_id)
    card = booking_card(await booking_view(session, booking))
    buttons = substitutes.change_buttons(booking)
    await hearers.tell_all(session, people, text, buttons, card)
    return True


async def _end(session: AsyncSession, booking: Booking) -> None:
    before = {"status": booking.status, "step": booking.step}
    await bookings.give_back(session, booking)
    booking.status = booking.step = "cancelled"
    await write(session, booking, "lapsed", before)


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
