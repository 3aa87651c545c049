"""Locks: a swap's pack is kept for its quarter of an hour and a little longer.

A booking at short notice locks its pack at once. Further ahead it is a plan: it has its time at
the bay, and the forecast says that there will be a pack; hours before, the sweep turns it into a
lock and tells the owner. What cannot be locked then is a broken promise. Who does not come loses
the pack when the grace is over.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import (
    bookings,
    capacity,
    hearers,
    places,
    promises,
    reach,
    reminders,
    slots,
    stations,
    substitutes,
    tariffs,
)
from pitstop.care.capacity import NoCapacity
from pitstop.care.refusals import Refused
from pitstop.care.stations import lock_until, say
from pitstop.care.tables import Booking, Vehicle
from pitstop.care.views import booking_card, booking_view
from pitstop.conversation.wire import Choice

__all__ = ["any_due", "due_plans", "is_plan", "lock", "lock_at", "lock_until", "sweep_locks"]

PLANNED, LOCKED = "planned", "locked"
# Somebody else's driver brings a valet's car: the owner cannot be late for it.
_OWN_WAY = "station"
_NIGHT = timedelta(hours=12)  # longer than the quiet hours last


def is_plan(start: datetime) -> bool:
    """Say whether a swap booked now for then would be a plan: no pack is locked that long."""
    return start - clock.now() > _ahead()


def lock_at(start: datetime) -> datetime:
    """Return when a plan for then becomes a lock. Nobody is woken: not in the quiet hours, but
    in the evening before them."""
    moment = start - _ahead()
    if not reminders.is_quiet(moment):
        return moment
    evening = time.fromisoformat(str(stations.section("locks")["evening"]))
    local = moment.astimezone(clock.SHANGHAI)
    found = datetime.combine(local.date(), evening, clock.SHANGHAI)
    return found if found <= local else found - timedelta(days=1)


def _ahead() -> timedelta:
    return timedelta(hours=tariffs.tariffs()["swap"]["lock_hours"])


async def any_due(session: AsyncSession) -> bool:
    """Say whether there is anything to sweep: no write for nothing."""
    if await due_plans(session):
        return True
    return (await session.execute(_late(clock.now()).limit(1))).first() is not None


async def due_plans(session: AsyncSession) -> list[str]:
    """Return the ids of the plans whose time to be locked has come, the nearest first."""
    now = clock.now()
    query = (
        select(Booking.id, Booking.start)
        .where(
            Booking.kind == "swap",
            Booking.status == "confirmed",
            Booking.step == PLANNED,
            Booking.start <= now + _ahead() + _NIGHT,
        )
        .order_by(Booking.start, Booking.id)
    )
    rows = (await session.execute(query)).all()
    return [row[0] for row in rows if lock_at(row[1]) <= now]


def _late(now: datetime) -> Any:
    return (
        select(Booking.id)
        .where(
            Booking.kind == "swap",
            Booking.mode == _OWN_WAY,
            Booking.status == "confirmed",
            Booking.step == LOCKED,
            Booking.lock_until.is_not(None),
            Booking.lock_until <= now,
        )
        .order_by(Booking.lock_until, Booking.id)
    )


async def sweep_locks(session: AsyncSession) -> int:
    """Lock the plans that are due and release the packs nobody came for; return how many.

    Two workers do each once: the second waits for the rows, and then finds it done.
    """
    await tariffs.refresh(session)
    now, batch = clock.now(), int(stations.section("promises")["batch"])
    late = (await session.execute(_late(now).limit(batch))).scalars().all()
    due = (await due_plans(session))[:batch]
    done = 0
    for booking in await promises.locked(session, {*late, *due}):
        if booking.step == PLANNED and booking.status == "confirmed":
            if lock_at(booking.start) <= now:
                await lock(session, booking)
                done += 1
        elif _is_late(booking, now):
            await _release(session, booking)
            done += 1
    return done


def _is_late(booking: Booking, now: datetime) -> bool:
    return (
        booking.status == "confirmed"
        and booking.step == LOCKED
        and booking.lock_until is not None
        and booking.lock_until <= now
    )


async def lock(session: AsyncSession, booking: Booking) -> bool:
    """Turn a locked row's plan into a lock on a pack and tell the owner; say whether it is one.

    If no pack can be locked any more, or the station is closed then, the promise is broken (see
    `promises.broken`). A car that may not swap any more is told why, and the plan cancelled.
    """
    if booking.status != "confirmed" or booking.step != PLANNED:
        return booking.step == LOCKED
    place = await places.place(session, booking.place_id or "")
    days = await slots.open_days(session, place, booking.start, booking.end)
    if clock.now() >= lock_until(booking.end):
        # Nobody swept for hours: the owner was never told of a lock.
        await promises.broken(session, booking)
        return False
    if days.closed_by(booking.start, booking.end) is not None:
        await promises.broken(session, booking)
        return False
    try:
        wish = await substitutes.asked_of(booking).at(session, place.id)
    except Refused as refused:
        if refused.code in stations.section("refusals")["of_the_car"]:
            await _turn_away(session, booking, refused)
        else:
            await promises.broken(session, booking)
        return False
    booking_id, start, end = booking.id, booking.start, booking.end
    try:
        async with session.begin_nested():
            await capacity.release(session, booking_id)
            await capacity.take(session, booking_id, place.id, wish.needs, start, end)
    except NoCapacity:
        await promises.broken(session, booking)
        return False
    before = {"step": booking.step}
    booking.step, booking.lock_until = LOCKED, lock_until(end)
    await promises.write(session, booking, LOCKED, before)
    remarks = reach.notes(place)
    text = say(
        "locks",
        "locked",
        place=place.name,
        kwh=await _kwh(session, booking),
        day=stations.day(start),
        start=stations.time(start),
        end=stations.time(end),
        until=stations.time(booking.lock_until),
        notes=stations.joined(remarks) + say("formats", "stop") if remarks else "",
    )
    await _tell(session, booking, text, substitutes.change_buttons(booking))
    return True


async def _kwh(session: AsyncSession, booking: Booking) -> int:
    car: Vehicle | None = None
    if booking.vehicle_id is not None:
        car = await session.get(Vehicle, booking.vehicle_id)
    return 0 if car is None else car.pack_kwh


async def _turn_away(session: AsyncSession, booking: Booking, refused: Refused) -> None:
    before = {"status": booking.status, "step": booking.step}
    await bookings.give_back(session, booking)
    booking.status = booking.step = "cancelled"
    await promises.write(session, booking, "refused", before)
    text = say(
        "locks",
        "refused",
        why=reach.refusal_text(refused.code),
        day=stations.day(booking.start),
        start=stations.time(booking.start),
    )
    await _tell(session, booking, text, [Choice(say("buttons", "human"), "talk_to_human", {})])


async def _release(session: AsyncSession, booking: Booking) -> None:
    assert booking.lock_until is not None
    until = booking.lock_until
    before = {"status": booking.status, "step": booking.step, "lock_until": until.isoformat()}
    await bookings.give_back(session, booking)
    booking.status = booking.step = "no_show"
    booking.lock_until = None
    await promises.write(session, booking, "no_show", before)
    place = await places.place(session, booking.place_id or "")
    text = say(
        "locks",
        "released",
        place=place.name,
        day=stations.day(booking.start),
        start=stations.time(booking.start),
        until=stations.time(until),
    )
    again = Choice(say("buttons", "book_again"), "book_swap", {})
    await _tell(
        session, booking, text, [again, Choice(say("buttons", "human"), "talk_to_human", {})]
    )


async def _tell(session: AsyncSession, booking: Booking, text: str, buttons: list[Choice]) -> None:
    await session.flush()
    people = await hearers.hearers(session, booking.customer_id, booking.vehicle_id)
    card = booking_card(await booking_view(session, booking))
    await hearers.tell_all(session, people, text, buttons, card)
