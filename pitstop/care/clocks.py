"""Service clocks: promises that are being timed.

A breach is found at the event (an answer that comes late) and by the sweep (no answer at all), so
that neither a late answer between two sweeps nor a silent desk counts as kept. Each clock of a
subject stands for itself: what happens to one never moves another's due time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal, TypedDict

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock as time
from pitstop.care import policies
from pitstop.care.tables import ServiceClock
from pitstop.storage.events import emit

Kind = Literal["first_response", "next_response", "resolution", "contact"]
Status = Literal["running", "paused", "met", "breached"]

_MS = timedelta(milliseconds=1)


class ClockWire(TypedDict):
    """A clock as the public contract shows it. Nothing due while it is paused."""

    due_at: str | None
    status: Status


async def find(session: AsyncSession, subject: str, kind: Kind) -> ServiceClock | None:
    """Return a subject's clock, locked for this write; None if it never ran."""
    query = (
        select(ServiceClock)
        .where(ServiceClock.subject == subject, ServiceClock.kind == kind)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found: ServiceClock | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def start(
    session: AsyncSession,
    subject: str,
    kind: Kind,
    *,
    priority: str | None = None,
    due_at: datetime | None = None,
) -> ServiceClock:
    """Start a clock, or start it anew for the next thing that waits.

    A running clock starts again from now; one that is already late stays breached until it is
    stopped, so that a second message cannot undo the first one's breach.
    """
    now = time.now()
    due = due_at or now + policies.target(kind, priority)
    clock = await find(session, subject, kind)
    if clock is None:
        clock = ServiceClock(subject=subject, kind=kind, started_at=now, due_at=due)
        session.add(clock)
        await session.flush()
        return clock
    _catch_up(session, clock, now)
    if clock.stopped_at is None and clock.status == "breached":
        return clock
    if clock.stopped_at is not None:
        clock.rounds += 1
    clock.status = "running"
    clock.started_at = now
    clock.due_at = due
    clock.stopped_at = clock.breached_at = clock.paused_at = clock.left_ms = None
    return clock


async def hasten(session: AsyncSession, subject: str, kind: Kind, due_at: datetime) -> None:
    """Bring a running clock's due time forward; a later one changes nothing."""
    clock = await find(session, subject, kind)
    if clock is None or clock.stopped_at is not None:
        return
    _catch_up(session, clock, time.now())
    if clock.status == "running":
        clock.due_at = min(clock.due_at, due_at)


async def stop(session: AsyncSession, subject: str, kind: Kind) -> ServiceClock | None:
    """Stop a clock: met if in time, breached if not. None if none was running."""
    clock = await find(session, subject, kind)
    if clock is None or clock.stopped_at is not None:
        return None
    now = time.now()
    _catch_up(session, clock, now)
    if clock.status != "breached":
        clock.status = "met"
    clock.stopped_at = now
    clock.paused_at = clock.left_ms = None
    return clock


async def void(session: AsyncSession, subject: str, kind: Kind) -> None:
    """Stop a clock that nobody waits for any more: breached if late, else without a verdict."""
    clock = await find(session, subject, kind)
    if clock is None or clock.stopped_at is not None:
        return
    now = time.now()
    _catch_up(session, clock, now)
    if clock.status == "running":
        clock.left_ms = (clock.due_at - now) // _MS
        clock.status = "paused"
    clock.paused_at = None
    clock.stopped_at = now


async def pause(session: AsyncSession, subject: str, kind: Kind) -> None:
    """Let a running clock stand still while we wait for the owner."""
    clock = await find(session, subject, kind)
    if clock is None or clock.stopped_at is not None:
        return
    now = time.now()
    _catch_up(session, clock, now)
    if clock.status == "running":
        clock.status = "paused"
        clock.paused_at = now
        clock.left_ms = (clock.due_at - now) // _MS


async def resume(session: AsyncSession, subject: str, kind: Kind) -> None:
    """Let a paused clock run on with what was left."""
    clock = await find(session, subject, kind)
    if clock is None or clock.stopped_at is not None:
        return
    now = time.now()
    _catch_up(session, clock, now)
    if clock.status == "paused":
        clock.due_at = now + (clock.left_ms or 0) * _MS
        clock.status = "running"
        clock.paused_at = clock.left_ms = None


def _runs_on_at(clock: ServiceClock) -> datetime | None:
    """Return when a pause of this clock is over at the latest."""
    longest = policies.longest_pause(clock.kind)
    if clock.status != "paused" or clock.paused_at is None or longest is None:
        return None
    return clock.paused_at + longest


def due_at(clock: ServiceClock, now: datetime) -> datetime | None:
    """Return when the clock is due as things stand at `now`; None while it stands still."""
    if clock.status != "paused":
        return clock.due_at
    runs_on = _runs_on_at(clock)
    if runs_on is None or now < runs_on:
        return None
    return runs_on + (clock.left_ms or 0) * _MS


def status_at(clock: ServiceClock, now: datetime) -> Status:
    """Return the clock's status at `now`, whether or not a sweep has been by."""
    if clock.stopped_at is not None or clock.status in ("met", "breached"):
        return clock.status  # type: ignore[return-value]
    due = due_at(clock, now)
    if due is None:
        return "paused"
    return "breached" if now > due else "running"


def _catch_up(session: AsyncSession, clock: ServiceClock, now: datetime) -> bool:
    """Write down what time alone has done to the clock; True if it breached just now."""
    if clock.stopped_at is not None or clock.status in ("met", "breached"):
        return False
    due = due_at(clock, now)
    if due is None:
        return False
    if clock.status == "paused":
        clock.status = "running"
        clock.due_at = due
        clock.paused_at = clock.left_ms = None
    if now <= due:
        return False
    clock.status = "breached"
    clock.breached_at = due
    clock.breaches += 1
    emit(session, "clock.breached", clock.subject, clock=clock.kind)
    return True


async def sweep(session: AsyncSession) -> list[ServiceClock]:
    """Mark every clock that has run out since the last look; return those."""
    now = time.now()
    query = (
        select(ServiceClock)
        .where(
            ServiceClock.stopped_at.is_(None),
            or_(
                (ServiceClock.status == "running") & (ServiceClock.due_at < now),
                ServiceClock.status == "paused",
            ),
        )
        .order_by(ServiceClock.due_at)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    rows = (await session.execute(query)).scalars().all()
    return [clock for clock in rows if _catch_up(session, clock, now)]


def wire(clock: ServiceClock | None, now: datetime) -> ClockWire:
    """Return a clock as the contract shows it; one that nothing waits for is paused."""
    if clock is None:
        return {"due_at": None, "status": "paused"}
    due = None if clock.stopped_at and clock.status == "paused" else due_at(clock, now)
    return {
        "due_at": None if due is None else due.astimezone(time.SHANGHAI).isoformat(),
        "status": status_at(clock, now),
    }


async def of_subjects(
    session: AsyncSession, subjects: Iterable[str]
) -> dict[str, dict[str, ServiceClock]]:
    """Return the clocks of many subjects, by subject and kind."""
    wanted = list(subjects)
    found: dict[str, dict[str, ServiceClock]] = {subject: {} for subject in wanted}
    query = select(ServiceClock).where(ServiceClock.subject.in_(wanted))
    rows: Sequence[ServiceClock] = (await session.execute(query)).scalars().all()
    for row in rows:
        found[row.subject][row.kind] = row
    return found
