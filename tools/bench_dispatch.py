"""Benchmark: dealing a day's ways to drivers, beside the best possible and "nearest first".

The best is found by another method than the product's: every set of jobs that one worker can do,
and every way to share the sets out.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from pitstop.care import travel
from pitstop.care.positions import Position
from pitstop.care.rounds import Job, Plan, Worker, able, solve
from tools.benched import Bars, Figure, part

DAYS = 200
PATIENCE = 60.0  # seconds: a busy machine must not change how good it is
PLACE: Position = (31.11, 121.38)
REACH = 0.12  # degrees, about 12 km
SHIFT = (8.5 * 60, 18.5 * 60)
TRADES = ("general", "tyre", "electrical")


@dataclass(frozen=True)
class Best:
    """The most jobs that can be done, and the fewest kilometres to do so many."""

    done: int
    km: float


@part("dispatch", "a day's ways dealt to drivers, beside the optimum and nearest first")
def dispatch(bars: Bars) -> list[Figure]:
    """Deal out random days and find the best of each in another way."""
    plans: list[Plan] = []
    hasty: list[Best] = []
    took: list[float] = []
    bests: list[Best] = []
    naive: list[Best] = []
    for seed in range(DAYS):
        bars("days", seed, DAYS)
        jobs, workers = random_day(seed)
        began = time.perf_counter()
        plans.append(solve(jobs, workers, seconds=PATIENCE))
        took.append(time.perf_counter() - began)
        at_once = solve(jobs, workers, seconds=0.0)
        hasty.append(Best(len(at_once.assignments), at_once.travel_km))
        bests.append(exact(jobs, workers))
        naive.append(nearest_first(jobs, workers))
    bars("days", DAYS, DAYS)
    ours = [Best(len(plan.assignments), plan.travel_km) for plan in plans]
    total = sum(len(random_day(seed)[0]) for seed in range(DAYS))
    fair = [at for at in range(DAYS) if naive[at].done == bests[at].done]
    same = [at for at in range(DAYS) if hasty[at].done == bests[at].done]
    return [
        Figure(
            f"driven on {DAYS} days",
            _km(ours),
            "km",
            "optimum",
            _km(bests),
            aim=("<=", 1.05),
            of_ratio=True,
        ),
        Figure("… the worst day", max(_ratios(ours, bests)), "×", aim=("<=", 1.05)),
        Figure(
            f"jobs done, of {total}",
            _done(ours),
            "jobs",
            "optimum",
            _done(bests),
            aim=(">=", 1.0),
            of_ratio=True,
        ),
        Figure(
            f"driven on the {len(fair)} days that nearest first gets done",
            _km([ours[at] for at in fair]),
            "km",
            "nearest first",
            _km([naive[at] for at in fair]),
        ),
        Figure("jobs done", _done(ours), "jobs", "nearest first", _done(naive)),
        Figure(
            f"driven without time to search, {len(same)} days",
            _km([hasty[at] for at in same]),
            "km",
            "optimum",
            _km([bests[at] for at in same]),
        ),
        Figure("… jobs done", _done(hasty), "jobs", "optimum", _done(bests)),
        Figure("proved the best", sum(plan.optimal for plan in plans) / DAYS * 100, "%"),
        Figure("a day, median", median(took) * 1000, "ms"),
        Figure("a day, 95 %", sorted(took)[int(DAYS * 0.95)] * 1000, "ms"),
        Figure("a day, longest", max(took) * 1000, "ms", aim=("<=", 5000)),
    ]


def _km(days: Sequence[Best]) -> float:
    return sum(each.km for each in days)


def _done(days: Sequence[Best]) -> int:
    return sum(each.done for each in days)


def _ratios(ours: Sequence[Best], bests: Sequence[Best]) -> list[float]:
    return [
        one.km / best.km for one, best in zip(ours, bests, strict=True) if one.done == best.done
    ]


# ---- random days --------------------------------------------------------------------------------


def random_day(seed: int) -> tuple[list[Job], list[Worker]]:
    """Return 6 to 16 jobs and 2 to 5 workers, drawn from `seed`.

    Of every four days three are drawn as rounds first, and so can be done; the fourth is not.
    """
    draw = random.Random(seed)
    workers = [
        Worker(
            f"worker-{at}",
            PLACE,
            (SHIFT[0] + draw.choice((0, 0, 60)), SHIFT[1] - draw.choice((0, 0, 90))),
            frozenset(draw.sample(TRADES, draw.randint(1, 3))),
        )
        for at in range(draw.randint(2, 5))
    ]
    count = draw.randint(6, 16)
    if seed % 4 == 3:
        return [_anywhere(draw, at, workers) for at in range(count)], workers
    jobs: list[Job] = []
    where = {worker.id: (worker.start, worker.shift[0]) for worker in workers}
    for at in range(count):
        worker = min(workers, key=lambda each: where[each.id][1] + draw.uniform(0, 90))
        job = _job(draw, at, worker, *where[worker.id])
        jobs.append(job)
        done = min(job.latest, job.earliest + draw.uniform(0, 30)) + job.minutes
        where[worker.id] = (job.end, done)
    return jobs, workers


def _job(draw: random.Random, at: int, worker: Worker, here: Position, now: float) -> Job:
    begins, ends = _ends(draw)
    soonest = now + travel.minutes(here, begins)
    width = draw.choice((30, 30, 60, 120))
    earliest = max(SHIFT[0], soonest - draw.uniform(0, width / 2))
    wanted = worker.id if draw.random() < 0.1 else None
    return Job(
        f"job-{at}",
        begins,
        earliest,
        earliest + width,
        _minutes(draw, begins, ends),
        frozenset({draw.choice(sorted(worker.skills))}),
        wanted,
        ends,
    )


def _anywhere(draw: random.Random, at: int, workers: Sequence[Worker]) -> Job:
    begins, ends = _ends(draw)
    earliest = draw.uniform(SHIFT[0], SHIFT[1] - 120)
    skill = draw.choice(sorted(draw.choice(workers).skills))
    return Job(
        f"job-{at}",
        begins,
        earliest,
        earliest + draw.choice((30, 60, 120)),
        _minutes(draw, begins, ends),
        frozenset({skill}),
        ends=ends,
    )


def _ends(draw: random.Random) -> tuple[Position, Position]:
    """Return where a job begins and ends: fetching a car, bringing it back, or work out there."""
    home = (
        PLACE[0] + draw.uniform(-REACH, REACH),
        PLACE[1] + draw.uniform(-REACH, REACH),
    )
    return draw.choice(((home, PLACE), (PLACE, home), (home, home)))


def _minutes(draw: random.Random, begins: Position, ends: Position) -> float:
    if begins == ends:
        return draw.choice((30.0, 45.0, 60.0))
    return 10.0 + travel.minutes(begins, ends)


# ---- two other ways to do it --------------------------------------------------------------------


def nearest_first(jobs: Sequence[Job], workers: Sequence[Worker]) -> Best:
    """Give each job, in the order of time, to whoever is nearest and can be there in time."""
    where = {worker.id: (worker.start, worker.shift[0]) for worker in workers}
    driven, done = 0.0, 0
    for job in sorted(jobs, key=lambda each: (each.earliest, each.id)):
        choice: tuple[float, str, float] | None = None
        for worker in workers:
            here, free = where[worker.id]
            begins = max(job.earliest, free + travel.minutes(here, job.position))
            in_time = begins <= job.latest and begins + job.minutes <= worker.shift[1]
            if not able(worker, job) or not in_time:
                continue
            way = travel.km(here, job.position)
            if choice is None or way < choice[0]:
                choice = (way, worker.id, begins)
        if choice is None:
            continue
        way, name, begins = choice
        driven, done = driven + way, done + 1
        where[name] = (job.end, begins + job.minutes)
    for worker in workers:
        here = where[worker.id][0]
        driven += travel.km(here, worker.start) if here != worker.start else 0.0
    return Best(done, driven)


def exact(jobs: Sequence[Job], workers: Sequence[Worker]) -> Best:
    """Return the best there is: each worker's shortest round for every set of jobs, then every
    way to share them out (dynamic programming over sets; 16 jobs are 65,536 sets)."""
    size = 1 << len(jobs)
    masks = np.arange(size)
    best = np.full(size, np.inf)
    best[0] = 0.0
    for worker in workers:
        longer = best.copy()
        for chosen, way in _rounds(jobs, worker).items():
            having = masks[(masks & chosen) == chosen]
            longer[having] = np.minimum(longer[having], best[having ^ chosen] + way)
        best = longer
    counts = np.array([bin(mask).count("1") for mask in range(size)])
    done = int(counts[np.isfinite(best)].max())
    return Best(done, float(best[counts == done].min()))


def _rounds(jobs: Sequence[Job], worker: Worker) -> dict[int, float]:
    """Return the length in km of one worker's shortest round for each set they can do in time."""
    mine = [j for j, job in enumerate(jobs) if able(worker, job)]
    # By set and last job: (when it is done, km so far), none worse in both than another.
    states: dict[tuple[int, int], list[tuple[float, float]]] = {}
    for j in mine:
        _reach(states, jobs, worker, 0, None, j, (worker.shift[0], 0.0))
    frontier = list(states)
    while frontier:
        found: dict[tuple[int, int], None] = {}
        for chosen, last in frontier:
            for j in mine:
                if chosen >> j & 1:
                    continue
                for label in states[chosen, last]:
                    if _reach(states, jobs, worker, chosen, last, j, label):
                        found[chosen | 1 << j, j] = None
        frontier = list(found)
    rounds: dict[int, float] = {}
    for (chosen, last), labels in states.items():
        way = min(km for _, km in labels) + travel.km(jobs[last].end, worker.start)
        rounds[chosen] = min(way, rounds.get(chosen, math.inf))
    return rounds


def _reach(
    states: dict[tuple[int, int], list[tuple[float, float]]],
    jobs: Sequence[Job],
    worker: Worker,
    chosen: int,
    last: int | None,
    j: int,
    label: tuple[float, float],
) -> bool:
    here = worker.start if last is None else jobs[last].end
    job = jobs[j]
    begins = max(job.earliest, label[0] + travel.minutes(here, job.position))
    if begins > job.latest + 1e-6 or begins + job.minutes > worker.shift[1] + 1e-6:
        return False
    new = (begins + job.minutes, label[1] + travel.km(here, job.position))
    key = (chosen | 1 << j, j)
    known = states.setdefault(key, [])
    if any(t <= new[0] and km <= new[1] for t, km in known):
        return False
    known[:] = [each for each in known if each[0] < new[0] or each[1] < new[1]] + [new]
    return True
