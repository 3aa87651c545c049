"""Dealing a place's day out to its drivers and to the technicians who go to owners.

`rounds` finds who drives where; here its answer becomes rows: the ticks of a job go from one
worker to another in one transaction, and the database refuses what two processes want at once.
Whoever is on the way, was asked for by name, or is due very soon keeps the job.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.care import bookings, travel
from pitstop.care.dispatch_day import Day, Task, read_day
from pitstop.care.journey_plans import say
from pitstop.care.rounds import Job, Plan, Worker, able, solve
from pitstop.care.service_tables import Closure, Journey
from pitstop.care.tables import Booking, Resource, ResourceException, Tick
from pitstop.care.telling import tell
from pitstop.conversation import log
from pitstop.conversation.wire import Choice
from pitstop.storage.database import Database
from pitstop.storage.events import emit

__all__ = [
    "Change",
    "Day",
    "DeskLine",
    "Dispatcher",
    "Draft",
    "Job",
    "Plan",
    "Worker",
    "able",
    "assign_day",
    "carry_out",
    "days_to_deal",
    "deal",
    "desk_lines",
    "draft",
    "solve",
]

ACTOR = "dispatch"
KINDS = ("technician", "driver", "van")
_DAY = timedelta(days=1)
_AHEAD = 14  # days
_TRIES = 4


@dataclass(frozen=True)
class Change:
    """A job that went from one worker to another; `after` None: nobody can do it.

    A helper's job (the driver of the van) has no journey of its own.
    """

    booking_id: str
    journey_id: str | None
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Draft:
    """Who is to do what: task by task the worker, None: nobody. `tight` are the tasks (by number)
    whose way takes longer than the time there is. `travel_km` is what is driven between jobs."""

    day: Day
    workers: tuple[str | None, ...]
    tight: frozenset[int]
    travel_km: float


# ---- dealing it out -----------------------------------------------------------------------------


async def draft(session: AsyncSession, place_id: str, day: date) -> Draft:
    """Read a day and say who should do what; writes nothing, so it needs no write session."""
    return await asyncio.to_thread(deal, await read_day(session, place_id, day))


def deal(day: Day) -> Draft:
    """Say who should do what: as many jobs as can be done, with the least to drive.

    Technicians first: whoever drives a van goes where its technician goes. What nobody can reach
    in time is dealt by its ticks alone, and is tight. Everything stays with whoever has it, unless
    that is impossible or saves less than a setting.
    """
    given: dict[int, str] = {}
    tight: set[int] = set()
    driven = 0.0
    for kind in KINDS:
        mine = {at: task for at, task in enumerate(day.tasks) if task.run.kind == kind}
        workers = [worker for worker in day.workers if kind in worker.skills]
        teams = {day.tasks[at].booking.id: worker for at, worker in given.items()}
        plan, rushed = _deal(list(mine.values()), workers, teams)
        by_job = plan.assignments
        given |= {at: by_job[task.job.id] for at, task in mine.items() if task.job.id in by_job}
        tight |= {at for at, task in mine.items() if task.late or task.job.id in rushed}
        driven += plan.travel_km
    who = tuple(given.get(at) for at in range(len(day.tasks)))
    return Draft(day, who, frozenset(tight & given.keys()), driven)


def _deal(
    tasks: Sequence[Task], workers: Sequence[Worker], teams: dict[str, str]
) -> tuple[Plan, set[str]]:
    here = {worker.id: worker for worker in workers}
    current = [_kept(task, here) for task in tasks]
    wanted = [
        replace(
            task.job,
            worker=now if task.chosen or task.soon else None,
            team=None if task.journeys else teams.get(task.booking.id),
        )
        for task, now in zip(tasks, current, strict=True)
    ]
    rushed: set[str] = set()
    while True:
        jobs = [_rush(job) if job.id in rushed else job for job in wanted]
        best = solve(jobs, workers)
        more = set(best.unassigned) - rushed
        if best.unassigned and not more:
            more = {job.id for job in jobs} - rushed
        if not more:
            break
        rushed |= more
    stay = [replace(job, worker=now or "") for job, now in zip(jobs, current, strict=True)]
    as_it_is = solve(stay, workers)
    saved = as_it_is.weight_km - best.weight_km
    if len(as_it_is.unassigned) <= len(best.unassigned) and saved < travel.setting("worth_km"):
        best = as_it_is
    return best, rushed


def _kept(task: Task, workers: dict[str, Worker]) -> str | None:
    """Return who has the job now, if they can still do it."""
    worker = workers.get(task.run.resource_id)
    return worker.id if worker is not None and able(worker, task.job) else None


def _rush(job: Job) -> Job:
    return replace(job, rushed=True, minutes=0.0)


# ---- writing it ---------------------------------------------------------------------------------


async def assign_day(session: AsyncSession, place_id: str, day: date) -> list[Change]:
    """Deal a place's day (Asia/Shanghai) out and write it down; a second call changes nothing.

    A day that somebody else changed meanwhile is read and dealt again.
    """
    for _ in range(_TRIES):
        changes = await carry_out(session, await draft(session, place_id, day))
        if changes is not None:
            return changes
    return []


async def carry_out(session: AsyncSession, found: Draft) -> list[Change] | None:
    """Write a draft down, all of it or nothing; None: the day is not as it was drafted any more."""
    moves = _moves(found.day, found)
    if not moves:
        return []
    # Conversations first, as everybody locks them: of those who will be told something.
    told = {move.task.booking.customer_id for move in moves if move.moves and move.task.chosen}
    for customer_id in sorted(told):
        await log.conversation_of(session, customer_id)
    touched = sorted({move.task.booking.id for move in moves})
    for booking_id in touched:
        await bookings.locked(session, booking_id)
    query = select(Journey.id).where(Journey.booking_id.in_(touched)).order_by(Journey.id)
    await session.execute(query.with_for_update())
    now = await read_day(session, found.day.place.id, found.day.day)
    moves = _moves(now, found) if now.key == found.day.key else []
    if not moves or not await _move_ticks(session, moves):
        return None
    return await _write(session, moves)


@dataclass(frozen=True)
class _Move:
    """A task whose ticks go to `worker` (None: stay), and whose journeys are `holder`'s now."""

    task: Task
    worker: str | None
    holder: str | None

    @property
    def moves(self) -> bool:
        return self.worker is not None and self.worker != self.task.run.resource_id


def _moves(day: Day, found: Draft) -> list[_Move]:
    """Return what a draft changes."""
    pairs = list(zip(day.tasks, found.workers, strict=True))
    # Work at the owner's that lacks one of its people is nobody's yet.
    lacking = {
        task.booking.id
        for task, worker in pairs
        if worker is None and task.booking.mode == "on_site"
    }
    all_moves = [
        _Move(task, worker, None if task.booking.id in lacking else worker)
        for task, worker in pairs
    ]
    return [
        move
        for move in all_moves
        if move.moves or any(row.worker_id != move.holder for row in move.task.journeys)
    ]


async def _move_ticks(session: AsyncSession, moves: Sequence[_Move]) -> bool:
    """Give the ticks to their new workers; False: somebody took one of those quarters meanwhile.

    All are given back before the first is taken: two may swap. Those of somebody who cannot come
    stay with them until another is found: they say when the job is.
    """
    rows = []
    try:
        async with session.begin_nested():
            for move in moves:
                run = move.task.run
                if not move.moves:
                    continue
                await session.execute(
                    delete(Tick)
                    .where(
                        Tick.booking_id == run.booking_id,
                        Tick.resource_id == run.resource_id,
                        Tick.number >= run.start,
                        Tick.number < run.stop,
                    )
                    .execution_options(synchronize_session=False)
                )
                quarters = range(run.start, run.stop)
                rows += [(move.worker, number, run.booking_id) for number in quarters]
            names = ("resource_id", "number", "booking_id")
            if rows:
                values = [dict(zip(names, row, strict=True)) for row in sorted(rows)]
                await session.execute(insert(Tick), values)
    except IntegrityError:
        return False
    return True


async def _write(session: AsyncSession, moves: Sequence[_Move]) -> list[Change]:
    changes: list[Change] = []
    for move in moves:
        booking, before = move.task.booking, move.task.run.resource_id
        for row in move.task.journeys:
            if row.worker_id == move.holder:
                continue
            changes.append(Change(booking.id, row.id, row.worker_id, move.holder))
            row.worker_id = move.holder
            kind = "dispatch.unassigned" if move.holder is None else "journey.assigned"
            emit(session, kind, row.id, booking=booking.id, leg=row.leg, worker=move.holder)
        if move.moves and move.worker is not None:
            if not move.task.journeys:
                changes.append(Change(booking.id, None, before, move.worker))
            await _reassigned(session, move.task, move.worker)
    await session.flush()
    return changes


async def _reassigned(session: AsyncSession, task: Task, worker: str) -> None:
    booking, before = task.booking, task.run.resource_id
    key = f"{ACTOR}:{new_id()}"
    bookings.remember(session, booking, "reassigned", {"worker": before}, actor=ACTOR, key=key)
    if booking.technician_id != before:
        return
    booking.technician_id = worker
    if not task.chosen:
        return
    # Not the one they asked for: that is theirs to know, and to decide.
    booking.person_asked = False
    people = [await session.get(Resource, name) for name in (before, worker)]
    labels = ["" if row is None else row.label for row in people]
    line = say("other_person", before=labels[0], after=labels[1], reference=booking.reference)
    choices = [Choice(say("change"), "change_booking", {"booking": booking.id})]
    await tell(session, booking.customer_id, line, choices)


# ---- when, and for the desk ---------------------------------------------------------------------


async def days_to_deal(session: AsyncSession) -> list[tuple[str, date]]:
    """Return the places and days to deal out now: today, from the evening on tomorrow, and
    whatever day of the next two weeks has a way that nobody is there for."""
    now, today = clock.now(), clock.local_now().date()
    until = datetime.combine(today + _AHEAD * _DAY, time(), clock.SHANGHAI)
    query = (
        select(Journey.place_id, Journey.worker_id, Journey.window_start, Resource.active)
        .outerjoin(Resource, Resource.id == Journey.worker_id)
        .where(Journey.status == "planned", Journey.window_end > now, Journey.window_start < until)
    )
    rows = (await session.execute(query)).all()
    away = await _away(session, today)
    last = today
    if f"{clock.local_now():%H:%M}" >= travel.setting("evening_from"):
        last += _DAY
    found = set()
    for place_id, worker_id, start, active in rows:
        day = start.astimezone(clock.SHANGHAI).date()
        if day <= last or not active or (worker_id, day) in away:
            found.add((place_id, day))
    return sorted(found)


async def _away(session: AsyncSession, today: date) -> set[tuple[str, date]]:
    """Return who does not work as usual on which of the next days."""
    query = select(ResourceException.resource_id, ResourceException.day).where(
        ResourceException.day >= today.isoformat()
    )
    rows = (await session.execute(query)).all()
    found = {(resource_id, date.fromisoformat(day)) for resource_id, day in rows}
    query = select(Closure.resource_id, Closure.start, Closure.end).where(
        Closure.resource_id.is_not(None), Closure.lifted_at.is_(None), Closure.end > clock.now()
    )
    for resource_id, start, end in (await session.execute(query)).all():
        day = max(today, start.astimezone(clock.SHANGHAI).date())
        last = min(end.astimezone(clock.SHANGHAI).date(), today + _AHEAD * _DAY)
        while day <= last:
            found.add((resource_id, day))
            day += _DAY
    return found


class Dispatcher:
    """The worker's job: deals out what has changed since it last looked."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._settled: dict[tuple[str, date], str] = {}

    async def sweep(self) -> list[Change]:
        """Deal out every day that is due; nobody waits for a write while it is worked out."""
        changes: list[Change] = []
        async with self._database.read() as session:
            due = await days_to_deal(session)
        self._settled = {key: seen for key, seen in self._settled.items() if key in due}
        for key in due:
            async with self._database.read() as session:
                day = await read_day(session, *key)
            if self._settled.get(key) == day.key:
                continue
            found = await asyncio.to_thread(deal, day)
            async with self._database.write() as session:
                done = await carry_out(session, found)
            if done == []:
                self._settled[key] = day.key
            changes += done or []
        return changes


@dataclass(frozen=True)
class DeskLine:
    """Something on the road that a person has to see to. `kind`: unassigned, tight."""

    kind: str
    journey_id: str
    booking_id: str
    text: str


async def desk_lines(session: AsyncSession, place_id: str, day: date) -> list[DeskLine]:
    """Return what nobody can do that day, and what will hardly be on time; without names."""
    start = datetime.combine(day, time(), clock.SHANGHAI)
    query = (
        select(Journey, Booking)
        .join(Booking, Booking.id == Journey.booking_id)
        .where(
            Journey.place_id == place_id,
            Journey.window_start >= start,
            Journey.window_start < start + _DAY,
            Journey.status == "planned",
            Journey.worker_id.is_(None),
        )
        .order_by(Journey.window_start, Journey.id)
    )
    rows = [(row, booking) for row, booking in (await session.execute(query)).all()]
    lines = [_line("unassigned", row, booking) for row, booking in rows]
    found = await draft(session, place_id, day)
    for at in sorted(found.tight):
        task = found.day.tasks[at]
        lines += [
            _line("tight", row, task.booking) for row in task.journeys if row.worker_id is not None
        ]
    return lines


def _line(kind: str, row: Journey, booking: Booking) -> DeskLine:
    text = say(
        f"{kind}_line",
        start=row.window_start.astimezone(clock.SHANGHAI),
        end=row.window_end.astimezone(clock.SHANGHAI),
        leg=say(f"leg_{row.leg}"),
        reference=booking.reference,
    )
    return DeskLine(kind, row.id, booking.id, text)
