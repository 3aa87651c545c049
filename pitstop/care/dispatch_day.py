"""A place's day on the road as `rounds` wants it: jobs, and people who could do them.

Nothing is written here. What cannot be dealt out any more (somebody is on the way) is no job:
its ticks only keep their worker busy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.care import capacity, places, travel
from pitstop.care.hours import hours_on
from pitstop.care.journey_plans import MOVING, Run, leg_runs, runs_of
from pitstop.care.positions import Position
from pitstop.care.rounds import Job, Worker
from pitstop.care.service_tables import Journey
from pitstop.care.tables import Booking, Place, Resource, ServiceItem

_DAY = timedelta(days=1)
# A night belongs to the day it begins on.
_SEEN = timedelta(hours=30)
_LAST = 30 * 60.0  # minutes
_QUARTER = 15  # minutes


@dataclass(frozen=True)
class Task:
    """One run of ticks as a job, and the journeys it is for (a helper's: none).

    `chosen`: the owner asked for this person. `late`: the way alone takes longer than there is.
    """

    run: Run
    booking: Booking
    journeys: tuple[Journey, ...]
    job: Job
    chosen: bool
    late: bool

    @property
    def soon(self) -> bool:
        """Whether it is too close to give it to somebody else without need."""
        freeze = timedelta(minutes=travel.setting("freeze_minutes"))
        return capacity.moment_of(self.run.start) - freeze <= clock.now()


@dataclass(frozen=True)
class Day:
    """What there is to deal out at a place on a day, as read; `key` is the same for the same."""

    place: Place
    day: date
    tasks: tuple[Task, ...]
    workers: tuple[Worker, ...]
    key: str


async def read_day(session: AsyncSession, place_id: str, day: date) -> Day:
    """Read the ways of a place's day (Asia/Shanghai) and who could do them."""
    place = await places.place(session, place_id)
    start = datetime.combine(day, time(), clock.SHANGHAI)
    query = (
        select(Journey, Booking)
        .join(Booking, Booking.id == Journey.booking_id)
        .where(
            Journey.place_id == place_id,
            Journey.window_start >= start,
            Journey.window_start < start + _DAY,
            Journey.status.in_(("planned", *MOVING)),
        )
        .order_by(Journey.window_start, Journey.id)
    )
    rows = (await session.execute(query.execution_options(populate_existing=True))).all()
    of: dict[str, list[Journey]] = {}
    booked: dict[str, Booking] = {}
    for journey, booking in rows:
        of.setdefault(booking.id, []).append(journey)
        booked[booking.id] = booking
    runs = await runs_of(session, {key: row.mode for key, row in booked.items()})
    board = await capacity.board(session, place_id, start, start + _SEEN)
    reader = _Reader(
        place,
        board.first,
        await places.all_places(session, city=place.city),
        await _pairs(session, select(ServiceItem.code, ServiceItem.skill)),
        await _pairs(
            session, select(Resource.id, Resource.skills).where(Resource.place_id == place_id)
        ),
    )
    tasks = [
        reader.task(booking, run, mine, of[key])
        for key, booking in booked.items()
        for run in runs[key]
        if board.first <= run.start < board.last
        and (mine := _to_deal(booking, of[key], run, runs[key])) is not None
    ]
    workers = await _workers(session, place, day, board, [task.run for task in tasks])
    states = [_state(task) for task in tasks]
    key = fingerprint(repr(([task.job for task in tasks], states, workers)))
    return Day(place, day, tuple(tasks), tuple(workers), key)


def _state(task: Task) -> Any:
    rows = [(row.id, row.worker_id, row.status, row.window_start) for row in task.journeys]
    return task.run, task.chosen, rows


async def _pairs(session: AsyncSession, query: Any) -> dict[str, Any]:
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


def _to_deal(
    booking: Booking, journeys: Sequence[Journey], run: Run, runs: Sequence[Run]
) -> tuple[Journey, ...] | None:
    """Return the journeys that a run is for; empty: a helper's; None: it is not dealt out."""
    legs = leg_runs(booking, runs)
    mine = tuple(row for row in journeys if legs.get(row.leg) == run)
    helped = tuple(journeys) if booking.mode == "on_site" else ()
    if any(row.status in MOVING for row in mine or helped):
        return None
    return mine if mine or helped else None


@dataclass(frozen=True)
class _Reader:
    """What all tasks of a day are read with."""

    place: Place
    first: int
    near: Sequence[Place]
    trades: Mapping[str, str]
    skills: Mapping[str, Sequence[str]]

    def task(
        self, booking: Booking, run: Run, mine: tuple[Journey, ...], all_of: Sequence[Journey]
    ) -> Task:
        here = (self.place.lat, self.place.lng)
        where = self._position(all_of)
        # Nobody could place the address: as if at the door, after a way of usual length.
        spot = here if where is None else where
        way = float(travel.setting("unknown_minutes"))
        way = way if where is None else travel.minutes(here, spot)
        start = float((run.start - self.first) * _QUARTER)
        stop = float((run.stop - self.first) * _QUARTER)
        care = float(travel.setting("hand_over_minutes"))
        waiting = min(float(travel.setting("window_minutes")), stop - start)
        legs = {row.leg for row in mine}
        begins, ends, late = spot, spot, False
        # Work at the owner's; a car fetched and brought back in one.
        earliest, latest = start, start if legs == {"out", "back"} else start + waiting
        minutes = max(care, stop - latest)
        if legs == {"out"}:
            ends, minutes = here, care + way
        elif legs == {"back"}:
            # At the owner's within the window: so much earlier on the way.
            begins, minutes, late = here, way + care, start + way > stop
            latest = max(start, stop - way)
            earliest = max(start, latest - waiting)
        job = Job(
            id=f"{booking.id}:{run.start}:{run.resource_id}",
            position=begins,
            earliest=earliest,
            latest=latest,
            minutes=minutes,
            skills=frozenset({run.kind, *self._needed(booking, run)}),
            ends=ends,
            span=(start, stop),
        )
        chosen = booking.person_asked and run.resource_id == booking.technician_id
        return Task(run, booking, mine, job, chosen, late)

    def _needed(self, booking: Booking, run: Run) -> set[str]:
        """Return what whoever has the job brings to it: another has to bring the same."""
        if run.kind != "technician":
            return set()
        codes = booking.services or [booking.service or ""]
        trades = {self.trades[code] for code in codes if code in self.trades}
        return trades & set(self.skills.get(run.resource_id, ()))

    def _position(self, journeys: Sequence[Journey]) -> Position | None:
        known = next((row.position for row in journeys if row.position), None)
        return travel.at(known) or travel.position_in(
            journeys[0].address, self.place.city, self.near
        )


async def _workers(
    session: AsyncSession, place: Place, day: date, board: capacity.Board, runs: Sequence[Run]
) -> list[Worker]:
    kinds = {run.kind for run in runs}
    opens, closes = await _open(session, place, day)
    own: dict[str, int] = {}
    for run in runs:
        # What is dealt out is not in its own way.
        mask = ((1 << (run.stop - run.start)) - 1) << (run.start - board.first)
        own[run.resource_id] = own.get(run.resource_id, 0) | mask
    found = []
    for resource in board.resources:
        if resource.kind not in kinds:
            continue
        busy = board.taken.get(resource.id, 0) & ~own.get(resource.id, 0)
        away = board.away.get(resource.id, 0)
        # Who keeps hours of their own may begin before the place opens.
        early, late = (opens, closes) if resource.hours is None else (0.0, _LAST)
        found.append(
            Worker(
                resource.id,
                (place.lat, place.lng),
                _shift(early, late, tuple(_stretches(away, board.last - board.first))),
                frozenset({resource.kind, *resource.skills}),
                tuple(_stretches(busy | away, board.last - board.first)),
            )
        )
    return found


async def _open(session: AsyncSession, place: Place, day: date) -> tuple[float, float]:
    windows = await hours_on(session, place, day)
    if not windows:
        return 0.0, _LAST
    midnight = datetime.combine(day, time(), clock.SHANGHAI)
    first, last = windows[0][0] - midnight, windows[-1][1] - midnight
    if last - first >= _DAY:
        return 0.0, _LAST
    return max(0.0, first.total_seconds() / 60), last.total_seconds() / 60


def _stretches(mask: int, length: int) -> Iterable[tuple[float, float]]:
    start: int | None = None
    for at in range(length + 1):
        taken = at < length and mask >> at & 1
        if taken and start is None:
            start = at
        elif not taken and start is not None:
            yield float(start * _QUARTER), float(at * _QUARTER)
            start = None


def _shift(early: float, late: float, away: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the shift without what is away at its ends: nobody sets off before they begin."""
    for since, until in away:
        if since <= early < until:
            early = until
    for since, until in reversed(away):
        if since < late <= until:
            late = since
    return early, max(early, late)
