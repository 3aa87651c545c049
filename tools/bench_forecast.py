"""Benchmark: the forecast of charged packs against a simulated station, and what promises need.

Beside it, what one would do without: take things as they are now, or as they have been on average
at this hour of such a day.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from statistics import mean, median
from typing import Any

from pitstop.base.clock import SHANGHAI
from pitstop.care import tariffs
from pitstop.care.forecast import Pattern, Promise, Slot, Stock, foresee
from tools.benched import Bars, Figure, part
from tools.station_simulation import DAY, HOLIDAYS, WORKED, Booked, Station, World

HOURS = (1, 3, 12, 24)
METHODS = ("forecast", "as now", "historic mean")
EVERY = 60.0
LOOK = 30.0

TOWN = World()
# 13 packs, few chargers, as many cars: what a promise is tried at.
SMALL = World(
    packs={75: 7, 100: 4, 150: 2},
    mix={75: 0.56, 100: 0.34, 150: 0.10},
    charge_minutes={75: 75.0, 100: 100.0, 150: 150.0},
    chargers=7,
)
# Six weeks before, and three weeks around the longest holiday of the year.
BEFORE, BEFORE_DAYS = date(2026, 8, 3), 42
MEASURED, DAYS = date(2026, 9, 21), 21
HOLIDAY = date(2026, 10, 1)
ORDINARY = date(2026, 11, 2)


@dataclass(frozen=True)
class Score:
    """How far off a method is, so many hours ahead: in packs, and the Brier score of the chance."""

    error: float
    brier: float
    count: int


@dataclass
class _Said:
    at: float
    kwh: int
    hours: int
    known: list[Booked]
    said: dict[str, tuple[float, float]]


def scores(
    world: World,
    first: date,
    days: int,
    seeds: Iterable[int],
    *,
    hours: Sequence[int] = HOURS,
    told: dict[str, Any] | None = None,
    every: float = EVERY,
) -> dict[tuple[int, str], Score]:
    """Return the score of each method by hours ahead. `told` is what the forecast is told of the
    station, the truth by default."""
    history = _history(world)
    errors: dict[tuple[int, str], list[tuple[float, float]]] = defaultdict(list)
    for seed in seeds:
        _follow(world, first, days, seed, hours, told or world.station(), every, history, errors)
    return {
        key: Score(mean(e for e, _ in rows), mean(b for _, b in rows), len(rows))
        for key, rows in errors.items()
    }


def _follow(
    world: World,
    first: date,
    days: int,
    seed: int,
    hours: Sequence[int],
    told: dict[str, Any],
    every: float,
    history: dict[tuple[bool, int, int], list[int]],
    errors: dict[tuple[int, str], list[tuple[float, float]]],
) -> None:
    waiting: dict[float, list[_Said]] = defaultdict(list)

    def watch(station: Station) -> None:
        for one in waiting.pop(station.now, ()):
            ready = station.ready(one.kwh)
            known = [b for b in one.known if b.kwh == one.kwh and not b.over]
            free = ready > sum(b.start - world.hold <= station.now for b in known)
            for method, (expected, chance) in one.said.items():
                row = (abs(expected - ready), (chance - free) ** 2)
                errors[one.hours, method].append(row)
        if station.now % every:
            return
        stock = stock_of(station, told)
        for ahead in hours:
            at = station.now + ahead * 60
            if at >= days * DAY:
                continue
            for kwh in world.packs:
                known = list(station.waiting)
                kept = sum(b.kwh == kwh and b.start - world.hold <= at < b.until for b in known)
                past = history[_kind(first, at), int(at % DAY // 60), kwh]
                found = foresee(stock, kwh, stock.now + timedelta(hours=ahead))
                now = station.ready(kwh)
                said = {
                    "forecast": (found.expected, found.chance),
                    "as now": (float(now), float(now > kept)),
                    "historic mean": (mean(past), mean(float(n > kept) for n in past)),
                }
                waiting[at].append(_Said(at, kwh, ahead, known, said))

    Station(world, first, days, seed, watch=watch, every=LOOK).run()


def _history(world: World) -> dict[tuple[bool, int, int], list[int]]:
    found: dict[tuple[bool, int, int], list[int]] = defaultdict(list)

    def watch(station: Station) -> None:
        for kwh in world.packs:
            key = (_kind(BEFORE, station.now), int(station.now % DAY // 60), kwh)
            found[key].append(station.ready(kwh))

    Station(world, BEFORE, BEFORE_DAYS, 7_777, watch=watch, every=LOOK).run()
    return found


def _kind(first: date, minute: float) -> bool:
    """Say whether it is a day off: what a table by the hour would go by."""
    day = first + timedelta(days=int(minute // DAY))
    return day in HOLIDAYS or (day.isoweekday() >= 6 and day not in WORKED)


def stock_of(station: Station, told: dict[str, Any]) -> Stock:
    """Return a simulated station as the forecast reads a real one."""
    world = station.world
    slots = [Slot(pack.kwh, station.charge(pack)) for pack in station.packs]
    for kwh, many in world.packs.items():
        # One pack may be between car and charger.
        slots += [Slot(kwh, 28.0)] * (many - sum(slot.kwh == kwh for slot in slots))
    midnight = datetime.combine(station.first, datetime.min.time(), SHANGHAI)
    promises = [
        Promise(b.kwh, b.start - station.now, b.until - station.now) for b in station.waiting
    ]
    return Stock(
        midnight + timedelta(minutes=station.now),
        Pattern.of(told, [slot.kwh for slot in slots]),
        slots,
        promises,
    )


# --- promises ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """What became of bookings asked for. `broken`: the car came in time and got no pack."""

    asked: int
    booked: int
    kept: int
    broken: int
    lost: float

    @property
    def share(self) -> float:
        """Return the share of promises kept, of those whose car came."""
        return self.kept / max(1, self.kept + self.broken)


def promises(
    world: World, first: date, days: int, seeds: Iterable[int], least_chance: float | None
) -> Kept:
    """Let bookings be made only where they are this surely kept; None: all that are asked."""
    told = world.station()

    def accept(station: Station, kwh: int, start: float) -> bool:
        if least_chance is None:
            return True
        stock = stock_of(station, told)
        at = stock.now + timedelta(minutes=start - station.now)
        return foresee(stock, kwh, at).kept >= least_chance

    asked = booked = kept = broken = served = lost = 0
    for seed in seeds:
        station = Station(world, first, days, seed, accept=accept).run()
        asked += station.asked
        booked += len(station.bookings)
        kept += sum(one.kept is True for one in station.bookings)
        broken += sum(one.kept is False for one in station.bookings)
        served += station.served
        lost += station.lost
    return Kept(asked, booked, kept, broken, lost / (served + lost))


# --- parts ---------------------------------------------------------------------------------------

WORLDS = {"16 packs": TOWN, "13 packs, 7 chargers": SMALL}
SEEDS = (1, 2, 3)
OFF = (0.8, 1.2)
"""How wrong the cars an hour may be that the forecast is told."""


@part("forecast", "charged packs of a swap station hours ahead, against a simulated one")
def forecast(bars: Bars) -> list[Figure]:
    """Measure errors around a holiday, without one, with wrong records; and the time it takes."""
    figures: list[Figure] = []
    stages = len(WORLDS) + 1 + len(OFF)
    for number, (name, world) in enumerate(WORLDS.items()):
        bars("days played", number, stages)
        found = scores(world, MEASURED, DAYS, SEEDS)
        for hours in HOURS:
            figures += _beside(f"{name}, {hours} h ahead", found, hours)
    bars("days played", len(WORLDS), stages)
    plain = scores(SMALL, ORDINARY, DAYS, SEEDS)
    figures += _beside("… no holiday, 3 h ahead", plain, 3, aims=False)
    figures += _beside("… no holiday, 24 h ahead", plain, 24, aims=False)
    for number, factor in enumerate(OFF):
        bars("days played", len(WORLDS) + 1 + number, stages)
        wrong = scores(SMALL, MEASURED, DAYS, SEEDS, hours=(3,), told=_told(SMALL, factor))
        figures += _beside(f"… told {factor:g} times the cars, 3 h ahead", wrong, 3, aims=False)
    bars("days played", stages, stages)
    return [*figures, Figure("one forecast, median", _took(), "ms", aim=("<=", 5))]


def _beside(
    what: str, found: dict[tuple[int, str], Score], hours: int, *, aims: bool = True
) -> list[Figure]:
    ours, others = found[hours, METHODS[0]], METHODS[1:]
    near = min(others, key=lambda method: found[hours, method].error)
    sure = min(others, key=lambda method: found[hours, method].brier)
    return [
        Figure(
            f"{what}: mean error",
            ours.error,
            "packs",
            near,
            found[hours, near].error,
            aim=("<=", 0.9) if aims else None,
            of_ratio=True,
        ),
        Figure(
            f"{what}: Brier score of the chance",
            ours.brier,
            "",
            sure,
            found[hours, sure].brier,
            aim=("<=", 1) if aims else None,
            of_ratio=True,
        ),
    ]


def _told(world: World, factor: float) -> dict[str, Any]:
    wrong = replace(
        world,
        weekday=tuple(factor * cars for cars in world.weekday),
        weekend=tuple(factor * cars for cars in world.weekend),
    )
    return wrong.station()


def _took() -> float:
    stocks: list[Stock] = []
    told = SMALL.station()
    Station(SMALL, MEASURED, 4, 1, watch=lambda s: stocks.append(stock_of(s, told))).run()
    took = []
    for stock in stocks:
        for hours in HOURS:
            began = time.perf_counter()
            foresee(stock, 75, stock.now + timedelta(hours=hours))
            took.append(time.perf_counter() - began)
    return median(took) * 1000


@part("promises", "swap bookings kept: made by the forecast, and made blindly")
def kept(bars: Bars) -> list[Figure]:
    """Measure the share of promises kept, and of the bookings asked for that are then made."""
    least = float(tariffs.tariffs()["swap"]["least_chance"])
    runs = {
        "13 packs, 7 chargers": (SMALL, ORDINARY, 28, range(8)),
        "13 packs, 7 chargers, holiday": (SMALL, HOLIDAY, 7, range(20)),
        "16 packs, holiday": (TOWN, HOLIDAY, 7, range(8)),
    }
    figures = []
    for number, (name, run) in enumerate(runs.items()):
        bars("stations", number, len(runs))
        blind, ours = promises(*run, None), promises(*run, least)
        figures += [
            Figure(
                f"{name}: promises kept",
                ours.share * 100,
                "%",
                "all that are asked",
                blind.share * 100,
                aim=(">=", 99),
            ),
            Figure(
                f"{name}: booked of those asked",
                ours.booked / ours.asked * 100,
                "%",
                "all that are asked",
                blind.booked / blind.asked * 100,
            ),
        ]
    bars("stations", len(runs), len(runs))
    return figures
