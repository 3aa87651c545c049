"""Reminding owners of what they have booked: the evening before, and shortly before.

When a reminder is due is written down when something is booked or moved; the worker's sweep sends
it. What it says is read from the booking when it is sent, never from when it was planned.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care.navigation import full_name
from pitstop.care.people import relation_to
from pitstop.care.service_tables import Journey, Reminder
from pitstop.care.tables import Booking, Place, ServiceItem, Vehicle
from pitstop.care.telling import tell
from pitstop.care.views import booking_card, booking_view
from pitstop.conversation import log
from pitstop.conversation.wire import Choice

EVENING, BEFORE = "evening", "before"
KINDS = (EVENING, BEFORE)
# Reminders of one sweep: at about 40 ms each, nobody waits half a second for the write lock.
BATCH = 10
_DAY = timedelta(days=1)
# An evening's reminder is for the next day, which ends 29 hours later.
_LONGEST = timedelta(hours=29)


@dataclass(frozen=True)
class Appointment:
    """When the owner is needed. `window`: somebody comes to them between `start` and `end`."""

    start: datetime
    end: datetime
    window: bool = False


async def appointment(session: AsyncSession, booking: Booking) -> Appointment:
    """Return when the owner is needed: the driver's or the van's window, else the booking."""
    query = (
        select(Journey.window_start, Journey.window_end)
        .where(
            Journey.booking_id == booking.id,
            Journey.leg.in_(("out", "visit")),
            Journey.status != "cancelled",
        )
        .order_by(Journey.window_start)
        .limit(1)
    )
    found = (await session.execute(query)).first()
    if found is None:
        return Appointment(booking.start, booking.end)
    return Appointment(found[0], found[1], window=True)


def lead(kind: str, mode: str) -> timedelta:
    """Return how long before they are needed an owner is reminded."""
    minutes = _settings()["before_minutes"]
    return timedelta(minutes=minutes[mode] if mode in minutes else minutes[kind])


def bring(kind: str, mode: str) -> str:
    """Return what the owner should have with them, as a sentence."""
    return _by_mode("bring", kind, mode)


async def what(session: AsyncSession, booking: Booking) -> str:
    """Return what is to be done, by name: the services, or a test drive's model."""
    codes = booking.services or ([booking.service] if booking.service else [])
    if booking.kind == "test_drive":
        return str(codes[0] if codes else _settings()["any_model"])
    query = select(ServiceItem.code, ServiceItem.name).where(ServiceItem.code.in_(codes))
    names = {row[0]: str(row[1]) for row in await session.execute(query)}
    joined = str(_settings()["list"]).join(names.get(code, code) for code in codes)
    return joined or str(_settings()["no_service"])


async def schedule(session: AsyncSession, booking: Booking) -> None:
    """Write down when to remind of a booking, locked by the caller, after it is made or moved.

    Called again for the same time it changes nothing; for another time it begins anew. Nobody is
    reminded of a booking that is over, or of a rescue.
    """
    if booking.status != "confirmed" or booking.kind not in _settings()["texts"]:
        return await drop(session, booking.id)
    query = select(Reminder).where(Reminder.booking_id == booking.id, Reminder.kind.in_(KINDS))
    known = {row.kind: row for row in (await session.execute(query)).scalars().all()}
    needed = (await appointment(session, booking)).start
    ahead = lead(booking.kind, booking.mode)
    evening = _evening(needed)
    own = {EVENING: {evening}, BEFORE: {needed - ahead, _edge(needed, ahead)}}
    has_evening = EVENING in known and known[EVENING].due_at == evening
    planned = plan(needed, ahead, clock.now(), has_evening)
    for kind in KINDS:
        row, due = known.get(kind), planned.get(kind)
        if row is not None and row.due_at in own[kind]:
            continue  # the time has not changed: it is sent, or will be
        if row is None and due is not None:
            session.add(Reminder(booking_id=booking.id, kind=kind, due_at=due))
        elif row is not None and due is not None:
            row.due_at, row.sent_at, row.skipped = due, None, None
        elif row is not None and row.sent_at is None:
            await session.delete(row)
    await session.flush()
    return None


async def drop(session: AsyncSession, booking_id: str) -> None:
    """Forget the reminders of a booking that were not sent: it is cancelled."""
    await session.execute(
        delete(Reminder)
        .where(
            Reminder.booking_id == booking_id,
            Reminder.kind.in_(KINDS),
            Reminder.sent_at.is_(None),
        )
        .execution_options(synchronize_session="fetch")
    )


def plan(
    needed: datetime, ahead: timedelta, now: datetime, has_evening: bool = False
) -> dict[str, datetime]:
    """Return when to remind somebody who is needed then, by the reminder's kind.

    Nobody is woken: what would fall into quiet hours is left to the evening before. If that is
    too late (unless `has_evening`), it moves to where the quiet hours end or begin.
    """
    earliest = now + timedelta(minutes=_settings()["apart_minutes"])
    due = {EVENING: _evening(needed)} if _evening(needed) >= earliest else {}
    before: datetime | None = needed - ahead
    if is_quiet(needed - ahead):
        before = None if due or has_evening else _edge(needed, ahead)
    if before is not None and before >= earliest:
        due[BEFORE] = before
    return due


def is_quiet(moment: datetime) -> bool:
    """Say whether owners are left alone at that moment."""
    quiet = _settings()["quiet"]
    local = moment.astimezone(clock.SHANGHAI).time()
    return local >= time.fromisoformat(quiet["from"]) or local < time.fromisoformat(quiet["until"])


def _edge(needed: datetime, ahead: timedelta) -> datetime:
    """Return the end of the quiet hours if that is early enough, else shortly before them."""
    night = needed - ahead
    edges, until = _settings()["quiet_edges"], _settings()["quiet"]["until"]
    morning = _day(night) if night < _local(_day(night), until) else _day(night) + _DAY
    early = _local(morning, edges["early"])
    return early if early < needed else _local(morning - _DAY, edges["late"])


async def any_due(session: AsyncSession) -> bool:
    """Say whether there is anything to sweep: no write for nothing."""
    now = clock.now()
    query = select(Reminder.id).where(*_due(now)).limit(1)
    return not is_quiet(now) and (await session.execute(query)).first() is not None


async def sweep(session: AsyncSession) -> int:
    """Send what is due; return how many. What is obsolete is marked with the reason.

    Two workers send each once: the second one waits for the conversation, and then finds the row
    sent. A clock that is put back sends nothing again.
    """
    now = clock.now()
    if is_quiet(now):
        # Only what is late can be due now (the worker stood still): it waits for the morning.
        return 0
    query = (
        select(Reminder.id, Reminder.booking_id, Booking.customer_id)
        .join(Booking, Booking.id == Reminder.booking_id)
        .where(*_due(now))
        .order_by(Reminder.due_at)
        .limit(BATCH)
    )
    rows = (await session.execute(query)).all()
    sent = 0
    # Everybody who locks several conversations goes by the customer: nobody waits in a circle.
    for reminder_id, booking_id, customer_id in sorted(rows, key=lambda row: (row[2], row[0])):
        sent += await _send(session, reminder_id, booking_id, customer_id)
    return sent


def _due(now: datetime) -> tuple[Any, ...]:
    return Reminder.sent_at.is_(None), Reminder.due_at <= now, Reminder.kind.in_(KINDS)


async def _send(session: AsyncSession, reminder_id: str, booking_id: str, customer_id: str) -> bool:
    await log.conversation_of(session, customer_id)
    booking: Booking | None = await _locked(session, Booking, booking_id)
    reminder: Reminder | None = await _locked(session, Reminder, reminder_id)
    now = clock.now()
    if booking is None or reminder is None:
        return False
    if reminder.sent_at is not None or reminder.due_at > now:
        # Another worker was faster, or the booking was moved while we waited.
        return False
    needed = await appointment(session, booking)
    reminder.skipped = await _obsolete(session, booking, reminder, needed, now)
    reminder.sent_at = now
    if reminder.skipped is None:
        view = await booking_view(session, booking)
        text = await _text(session, booking, needed, now)
        await tell(session, booking.customer_id, text, _choices(booking), booking_card(view))
    await session.flush()
    return reminder.skipped is None


async def _locked(session: AsyncSession, table: Any, row_id: str) -> Any:
    query = select(table).where(table.id == row_id).with_for_update()
    result = await session.execute(query.execution_options(populate_existing=True))
    return result.scalar_one_or_none()


async def _obsolete(
    session: AsyncSession,
    booking: Booking,
    reminder: Reminder,
    needed: Appointment,
    now: datetime,
) -> str | None:
    """Say why not to send a reminder that is due, None if it is right."""
    if booking.status != "confirmed":
        return booking.status
    if booking.step == "broken":
        # What was promised cannot be kept, and the owner has been told of that.
        return "broken"
    if needed.start <= now:
        return "late"
    if needed.start - reminder.due_at > _LONGEST:
        return "moved"
    if booking.vehicle_id is not None:
        relation = await relation_to(session, booking.customer_id, booking.vehicle_id)
        if relation in (None, "former_owner"):
            return "sold"
    if reminder.kind == EVENING:
        query = select(Reminder.id).where(
            Reminder.booking_id == booking.id, Reminder.kind == BEFORE, Reminder.due_at <= now
        )
        if (await session.execute(query)).first() is not None:
            # The worker stood still: one of them is enough, and the later one is the nearer.
            return "superseded"
    return None


async def _text(session: AsyncSession, booking: Booking, needed: Appointment, now: datetime) -> str:
    place: Place | None = None
    if booking.place_id is not None:
        place = await session.get(Place, booking.place_id)
    line = _by_mode("texts", booking.kind, booking.mode).format(
        when=_when(needed, now),
        place="" if place is None else full_name(place),
        what=await what(session, booking),
        car=await _car(session, booking),
    )
    planned = str(_settings()["planned"]) if booking.step == "planned" else ""
    return line + planned + bring(booking.kind, booking.mode)


async def _car(session: AsyncSession, booking: Booking) -> str:
    if booking.vehicle_id is None:
        return ""
    car: Vehicle | None = await session.get(Vehicle, booking.vehicle_id)
    if car is None:
        return ""
    return str(_settings()["car"]).format(model=car.model, plate=car.plate)


def _choices(booking: Booking) -> list[Choice]:
    words = _settings()["buttons"]
    return [
        Choice(words["change"], "change_booking", {"booking": booking.id}),
        Choice(words["cancel"], "cancel_booking", {"booking": booking.id}),
    ]


def _when(needed: Appointment, now: datetime) -> str:
    local = needed.start.astimezone(clock.SHANGHAI)
    words = _settings()
    near = words["near_days"].get((local.date() - _day(now)).days, "")
    day = words["day"].format(
        month=local.month, day=local.day, weekday=words["weekdays"][local.weekday()]
    )
    until = f"–{_clock(needed.end)}" if needed.window else ""
    return f"{near}{day}{_clock(needed.start)}{until}"


def _clock(moment: datetime) -> str:
    local = moment.astimezone(clock.SHANGHAI)
    return str(_settings()["clock"]).format(hour=local.hour, minute=local.minute)


def _evening(needed: datetime) -> datetime:
    return _local(_day(needed) - _DAY, _settings()["evening"])


def _day(moment: datetime) -> date:
    return moment.astimezone(clock.SHANGHAI).date()


def _local(day: date, at: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(at), clock.SHANGHAI)


def _by_mode(part: str, kind: str, mode: str) -> str:
    found = _settings()[part][kind]
    return str(found.get(mode, found["default"]))


@lru_cache(maxsize=1)
def _settings() -> dict[str, Any]:
    path = Path(__file__).with_name("reminders.yml")
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
