"""Who drives where: a day's jobs dealt to workers so that the least is driven.

The rounds are paths through the jobs, each job on one of them: a path cover, with arcs only
between what can follow in time. scipy's HiGHS finds the shortest. No database here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from pitstop.care import travel
from pitstop.care.rounds_day import Job, Plan, Rounds, Tables, Way, Worker, able
from pitstop.care.rounds_quick import by_insertion, shaken

__all__ = ["Job", "Plan", "Worker", "able", "solve"]

_INFEASIBLE = 2  # as `scipy.optimize.milp` says it


def solve(
    jobs: Sequence[Job],
    workers: Sequence[Worker],
    *,
    km: Way = travel.km,
    minutes: Way = travel.minutes,
    seconds: float | None = None,
) -> Plan:
    """Deal the jobs out: as many as can be done in time, and then with the least to drive.

    Never fails: what nobody can do is `unassigned`. Stops after `seconds` (a setting) with the
    best it has; `optimal` then is False.
    """
    day = Tables(jobs, workers, km, minutes)
    quick = by_insertion(day)
    if not jobs or not workers:
        return day.plan(quick, optimal=True)
    if seconds is None:
        seconds = float(travel.setting("solve_seconds"))
    found, optimal = _by_path_cover(day, day.cost(quick), seconds)
    if optimal and found is not None:
        return day.plan(found, optimal=True)
    # No time to prove anything: what is best so far, and whatever shaking it brings.
    best = min((quick if found is None else found), quick, key=day.cost)
    return day.plan(shaken(day, best), optimal=False)


def _by_path_cover(day: Tables, known: float, seconds: float) -> tuple[Rounds | None, bool]:
    """Return the best rounds HiGHS finds in that time, and whether they are proved the best.

    `known` is what some rounds weigh that are there already: it need not look at worse ones.
    """
    for limit in (known, None):
        model = _Model(day)
        if limit is not None:
            model.no_worse_than(limit)
        result = milp(
            model.costs,
            integrality=model.integrality,
            bounds=Bounds(model.lower, model.upper),
            constraints=model.constraint(),
            options={"time_limit": seconds, "mip_rel_gap": 1e-7},
        )
        # With a limit that lies on the best itself, rounding can leave nothing: once without.
        if result.status != _INFEASIBLE:
            break
    if result.x is None:
        return None, False
    rounds = model.rounds(result.x)
    if not all(day.fits(k, chain) for k, chain in enumerate(rounds)):
        return None, False
    return rounds, result.status == 0


class _Model:
    """The path cover as a mixed integer programme.

    Workers who can all do the same are one class. For each class: arcs between jobs, from the
    start, and back home; for each job: the class that does it, or that it is left out, and when
    it is begun.
    """

    def __init__(self, day: Tables) -> None:
        self.day = day
        self.classes = _classes(day)
        self.costs: list[float] = []
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.integrality: list[int] = []
        self._rows: list[int] = []
        self._columns: list[int] = []
        self._values: list[float] = []
        self._low: list[float] = []
        self._high: list[float] = []
        n = len(day.jobs)
        self.left = [self._add(day.penalty) for _ in range(n)]
        self.begun = [self._add(0.0, (job.earliest, job.latest), whole=0) for job in day.jobs]
        self.first: list[dict[int, int]] = []
        self.last: list[dict[int, int]] = []
        self.arcs: list[dict[tuple[int, int], int]] = []
        for members in self.classes:
            self._add_class(members[0])
        for j in range(n):
            into = [self.first[c][j] for c in range(len(self.classes)) if j in self.first[c]]
            into += [at for arcs in self.arcs for (_, to), at in arcs.items() if to == j]
            self._row({**dict.fromkeys(into, 1.0), self.left[j]: 1.0}, 1.0, 1.0)
            self._begin(j)
        self._in_time()

    def _add(self, cost: float, bounds: tuple[float, float] = (0.0, 1.0), *, whole: int = 1) -> int:
        self.costs.append(cost)
        self.lower.append(bounds[0])
        self.upper.append(bounds[1])
        self.integrality.append(whole)
        return len(self.costs) - 1

    def _row(self, terms: dict[int, float], low: float, high: float) -> None:
        self._rows += [len(self._low)] * len(terms)
        self._columns += terms.keys()
        self._values += terms.values()
        self._low.append(low)
        self._high.append(high)

    def _add_class(self, k: int) -> None:
        day = self.day
        can = [j for j in range(len(day.jobs)) if not math.isinf(day.ready[k][j])]
        first = {j: self._add(day.out[k][j]) for j in can}
        last = {j: self._add(day.home[k][j]) for j in can}
        arcs = {(i, j): self._add(day.between[i][j]) for i in can for j in can if day.follows(i, j)}
        members = self.classes[len(self.first)]
        self._row(dict.fromkeys(first.values(), 1.0), 0.0, float(len(members)))
        for j in can:
            terms: dict[int, float] = {first[j]: 1.0, last[j]: -1.0}
            for (i, to), at in arcs.items():
                if j in (i, to):
                    terms[at] = 1.0 if to == j else -1.0
            self._row(terms, 0.0, 0.0)
        self.first.append(first)
        self.last.append(last)
        self.arcs.append(arcs)

    def _begin(self, j: int) -> None:
        """A job is begun when its worker can be there, and early enough to end in the shift."""
        day, job = self.day, self.day.jobs[j]
        early: dict[int, float] = {self.begun[j]: 1.0}
        late: dict[int, float] = {self.begun[j]: 1.0, self.left[j]: -job.latest}
        for c, members in enumerate(self.classes):
            if j not in self.first[c]:
                continue
            k = members[0]
            latest = min(job.latest, day.workers[k].shift[1] - job.minutes)
            arriving = [self.first[c][j]]
            arriving += [at for (_, to), at in self.arcs[c].items() if to == j]
            for at in arriving:
                late[at] = -latest
                early[at] = -day.ready[k][j]
        self._row(early, 0.0, np.inf)
        self._row(late, -np.inf, 0.0)

    def _in_time(self) -> None:
        pairs: dict[tuple[int, int], list[int]] = {}
        for arcs in self.arcs:
            for pair, at in arcs.items():
                pairs.setdefault(pair, []).append(at)
        for (i, j), ats in pairs.items():
            one, two = self.day.jobs[i], self.day.jobs[j]
            step = one.minutes + self.day.way[i][j]
            slack = one.latest + step - two.earliest
            if slack <= 0:
                continue
            # j is not begun before i is done and the way driven, if i is followed by j.
            terms = {self.begun[j]: 1.0, self.begun[i]: -1.0, **dict.fromkeys(ats, -slack)}
            self._row(terms, step - slack, np.inf)

    def no_worse_than(self, known: float) -> None:
        """Leave out all that weighs more."""
        weights = {at: cost for at, cost in enumerate(self.costs) if cost}
        self._row(weights, -np.inf, known + 0.001)

    def constraint(self) -> LinearConstraint:
        """Return all rows."""
        shape = (len(self._low), len(self.costs))
        matrix = csr_matrix((self._values, (self._rows, self._columns)), shape=shape)
        return LinearConstraint(matrix, self._low, self._high)

    def rounds(self, x: Any) -> Rounds:
        """Read the chosen arcs as each worker's chain."""
        found: Rounds = [[] for _ in self.day.workers]
        for c, members in enumerate(self.classes):
            follow = {i: j for (i, j), at in self.arcs[c].items() if x[at] > 0.5}
            heads = [j for j, at in self.first[c].items() if x[at] > 0.5]
            for k, head in zip(members, heads, strict=False):
                chain = [head]
                while chain[-1] in follow and len(chain) <= len(self.day.jobs):
                    chain.append(follow[chain[-1]])
                found[k] = chain
        return found


def _classes(day: Tables) -> list[list[int]]:
    found: dict[Any, list[int]] = {}
    for k, worker in enumerate(day.workers):
        key = (tuple(day.ready[k]), worker.start, worker.shift[1])
        found.setdefault(key, []).append(k)
    return list(found.values())
