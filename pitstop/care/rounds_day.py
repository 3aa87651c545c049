"""A day's jobs and workers, and the tables that rounds are found with.

Times are minutes of one day, ways kilometres by road.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from pitstop.care import travel
from pitstop.care.positions import Position

Way = Callable[[Position, Position], float]
Rounds = list[list[int]]
EPSILON = 1e-6


@dataclass(frozen=True)
class Job:
    """Something to be done: begun at `position` between `earliest` and `latest`, done `minutes`
    later at `ends` (None: at the same place).

    `span` is when the worker is held for it, from `earliest` or before to `latest` or after: two
    jobs whose spans meet are never one worker's. Either all jobs of a day have one, or none has.
    `worker` is a certain one. `rushed`: on time or not, ways to and from it count as no time.
    `team`: whom the worker goes with; going on with somebody else costs as `apart_km` more.
    """

    id: str
    position: Position
    earliest: float
    latest: float
    minutes: float
    skills: frozenset[str] = frozenset()
    worker: str | None = None
    ends: Position | None = None
    span: tuple[float, float] | None = None
    rushed: bool = False
    team: str | None = None

    @property
    def end(self) -> Position:
        """Where the worker is afterwards."""
        return self.position if self.ends is None else self.ends


@dataclass(frozen=True)
class Worker:
    """Somebody who starts from `start` within `shift` and goes back there afterwards.

    `away` are times within the shift in which they cannot be held for anything.
    """

    id: str
    start: Position
    shift: tuple[float, float]
    skills: frozenset[str] = frozenset()
    away: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Plan:
    """Each worker's jobs in their order, and what nobody can do. `optimal`: proved the best.

    `weight_km` is what was kept small: the kilometres, and what changes of team count for.
    """

    rounds: dict[str, tuple[str, ...]]
    travel_km: float
    optimal: bool
    unassigned: tuple[str, ...] = ()
    weight_km: float = 0.0

    @property
    def assignments(self) -> dict[str, str]:
        """The worker of each job."""
        return {job: worker for worker, jobs in self.rounds.items() for job in jobs}


def able(worker: Worker, job: Job) -> bool:
    """Say whether a worker may do a job at all, were it their only one."""
    if job.worker not in (None, worker.id) or not job.skills <= worker.skills:
        return False
    if job.span is None:
        return True
    start, end = job.span
    inside = worker.shift[0] <= start and end <= worker.shift[1]
    return inside and not any(start < until and since < end for since, until in worker.away)


@dataclass
class Tables:
    """The day as tables: distances and times between jobs, and from and to where workers start."""

    jobs: Sequence[Job]
    workers: Sequence[Worker]
    km: Way
    minutes: Way
    between: list[list[float]] = field(init=False)
    way: list[list[float]] = field(init=False)
    out: list[list[float]] = field(init=False)
    home: list[list[float]] = field(init=False)
    ready: list[list[float]] = field(init=False)
    penalty: float = field(init=False)

    def __post_init__(self) -> None:
        jobs, workers = self.jobs, self.workers
        self.between = [[self.km(a.end, b.position) + _apart(a, b) for b in jobs] for a in jobs]
        self.way = [
            [0.0 if a.rushed or b.rushed else self.minutes(a.end, b.position) for b in jobs]
            for a in jobs
        ]
        self.out = [[self.km(w.start, job.position) for job in jobs] for w in workers]
        self.home = [[self.km(job.end, w.start) for job in jobs] for w in workers]
        # When a worker can begin a job if it is the first; infinite if they cannot do it.
        self.ready = [[self._ready(worker, job) for job in jobs] for worker in workers]
        rows = (*self.between, *self.out, *self.home)
        longest = max((way for row in rows for way in row), default=0.0)
        # More than any two plans differ by: a job left out never pays.
        self.penalty = 1.0 + (len(jobs) + len(workers)) * 2 * longest

    def _ready(self, worker: Worker, job: Job) -> float:
        if not able(worker, job):
            return math.inf
        way = 0.0 if job.rushed else self.minutes(worker.start, job.position)
        begins = max(job.earliest, worker.shift[0] + way)
        late = begins > job.latest + EPSILON or begins + job.minutes > worker.shift[1] + EPSILON
        return math.inf if late else begins

    def follows(self, i: int, j: int) -> bool:
        """Say whether one worker can do j right after i."""
        one, two = self.jobs[i], self.jobs[j]
        if i == j or (one.span and two.span and one.span[1] > two.span[0] + EPSILON):
            return False
        return one.earliest + one.minutes + self.way[i][j] <= two.latest + EPSILON

    def fits(self, k: int, chain: Sequence[int]) -> bool:
        """Say whether worker k can do these jobs in this order."""
        now = -math.inf
        before: int | None = None
        for j in chain:
            if math.isinf(self.ready[k][j]):
                return False
            if before is not None:
                if not self.follows(before, j):
                    return False
                now += self.way[before][j]
            now = max(now, self.ready[k][j])
            job = self.jobs[j]
            if now > job.latest + EPSILON or now + job.minutes > self.workers[k].shift[1] + EPSILON:
                return False
            now, before = now + job.minutes, j
        return True

    def length(self, k: int, chain: Sequence[int]) -> float:
        """Return what worker k's chain weighs: what is driven between jobs, in km, and teams."""
        if not chain:
            return 0.0
        inner = sum(self.between[i][j] for i, j in pairwise(chain))
        return self.out[k][chain[0]] + inner + self.home[k][chain[-1]]

    def cost(self, rounds: Rounds) -> float:
        """Return the kilometres, with what is left out priced above all else."""
        done = sum(map(len, rounds))
        driven = sum(self.length(k, chain) for k, chain in enumerate(rounds))
        return driven + (len(self.jobs) - done) * self.penalty

    def plan(self, rounds: Rounds, *, optimal: bool) -> Plan:
        """Name what the rounds mean."""
        done = {j for chain in rounds for j in chain}
        weight = sum(self.length(k, chain) for k, chain in enumerate(rounds))
        pairs = [(self.jobs[i], self.jobs[j]) for chain in rounds for i, j in pairwise(chain)]
        return Plan(
            {
                worker.id: tuple(self.jobs[j].id for j in chain)
                for worker, chain in zip(self.workers, rounds, strict=True)
            },
            weight - sum(_apart(one, two) for one, two in pairs),
            optimal,
            tuple(job.id for j, job in enumerate(self.jobs) if j not in done),
            weight,
        )


def _apart(one: Job, two: Job) -> float:
    if one.team is None or two.team is None or one.team == two.team:
        return 0.0
    return float(travel.setting("apart_km"))
