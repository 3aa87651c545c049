"""Rounds built job by job: there at once, and nearly the best.

They tell the search for the best how good it has to be, and stand in where its time runs out.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from pitstop.care.rounds_day import EPSILON, Rounds, Tables

SHAKES = 200


def by_insertion(day: Tables) -> Rounds:
    """Put each job where it costs least; move single ones, and make room, while it pays.

    Once in the order of time, once those first that fewest can do: the better of the two.
    """
    count = range(len(day.jobs))
    can = [sum(not math.isinf(row[j]) for row in day.ready) for j in count]
    orders = (
        sorted(count, key=lambda j: (day.jobs[j].latest, j)),
        sorted(count, key=lambda j: (can[j], day.jobs[j].latest, j)),
    )
    return min((_inserted(day, order) for order in orders), key=day.cost)


def _inserted(day: Tables, order: Sequence[int]) -> Rounds:
    rounds: Rounds = [[] for _ in day.workers]
    for j in order:
        _insert(day, rounds, j)
    for _ in order:
        before = day.cost(rounds)
        for j in order:
            kept = [list(chain) for chain in rounds]
            rounds = [[i for i in chain if i != j] for chain in rounds]
            if not _insert(day, rounds, j) or day.cost(rounds) > day.cost(kept) - EPSILON:
                rounds = kept
        for j in order:
            if not any(j in chain for chain in rounds):
                rounds = _with_room_for(day, rounds, j)
        if day.cost(rounds) > before - EPSILON:
            break
    return rounds


def shaken(day: Tables, best: Rounds) -> Rounds:
    """Take some jobs out and put them back in another order, again and again; keep what is better.

    The same day gives the same rounds.
    """
    draw = random.Random(len(day.jobs))
    for _ in range(SHAKES):
        out = set(draw.sample(range(len(day.jobs)), min(len(day.jobs), draw.randint(2, 6))))
        tried = [[j for j in chain if j not in out] for chain in best]
        held = {j for chain in tried for j in chain}
        back = [j for j in range(len(day.jobs)) if j not in held]
        draw.shuffle(back)
        for j in back:
            _insert(day, tried, j)
        if day.cost(tried) < day.cost(best) - EPSILON:
            best = tried
    return best


def _with_room_for(day: Tables, rounds: Rounds, j: int) -> Rounds:
    """Return rounds that have j too, with one other job moved elsewhere; else as they are."""
    best = rounds
    for out in [None, *(i for chain in rounds for i in chain)]:
        tried = [[i for i in chain if i != out] for chain in rounds]
        if _insert(day, tried, j) and (out is None or _insert(day, tried, out)):
            best = min(best, tried, key=day.cost)
    return best


def _insert(day: Tables, rounds: Rounds, j: int) -> bool:
    best: tuple[float, int, int] | None = None
    for k, chain in enumerate(rounds):
        if math.isinf(day.ready[k][j]):
            continue
        length = day.length(k, chain)
        for at in range(len(chain) + 1):
            longer = [*chain[:at], j, *chain[at:]]
            more = day.length(k, longer) - length
            if (best is None or more < best[0] - EPSILON) and day.fits(k, longer):
                best = (more, k, at)
    if best is None:
        return False
    rounds[best[1]].insert(best[2], j)
    return True
