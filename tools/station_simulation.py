"""A battery swap station played through event by event, to measure the forecast against.

It shares no code with `pitstop.care.forecast`: cars come one by one, wait for the only bay, take a
charged pack and leave an empty one, packs wait for a charger, who booked comes a little early or
late or not at all. Times are minutes since the midnight (Asia/Shanghai) that it begins at.

It also holds what the forecast does not know: how busy a day is, how empty a pack comes back.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

DAY = 24 * 60
GRID = 15
GRACE = 10.0
SWAP = (3.0, 5.0)
PATIENCE = 12.0  # minutes, mean, that a car without a booking waits for a pack
WAITS = 10.0  # minutes from its time, or from coming late, in which a promise counts as kept
RETURNED = (6.0, 26.0, 55.0)  # per cent of charge that a pack comes back with: least, mode, most
READY = 90.0
EARLY, LATE = -5.0, 12.0
LEAD = 6 * 60.0  # minutes, mean, between asking for a booking and its time
SOONEST, FURTHEST = 20.0, 72 * 60.0

WEEKDAY = (
    *(0.6, 0.4, 0.3, 0.3, 0.4, 0.9, 2.0, 4.2, 5.6, 4.9, 4.0, 4.1),
    *(4.6, 4.3, 3.8, 3.9, 4.6, 6.0, 6.6, 6.0, 4.8, 3.6, 2.2, 1.2),
)
WEEKEND = (
    *(0.9, 0.6, 0.4, 0.3, 0.3, 0.5, 1.0, 2.0, 3.4, 4.8, 5.8, 6.0),
    *(5.6, 5.4, 5.6, 5.8, 6.0, 6.2, 5.8, 5.0, 4.2, 3.4, 2.4, 1.5),
)
# 元旦, 春节, 清明, 劳动节, 端午, 中秋, 国庆 2026, and the Saturdays and Sundays worked for them.
HOLIDAYS = frozenset(
    date(2026, month, day)
    for month, days in {
        1: (1, 2, 3),
        2: range(15, 24),
        4: (4, 5, 6),
        5: (1, 2, 3, 4, 5),
        6: (19, 20, 21),
        9: (25, 26, 27),
        10: range(1, 8),
    }.items()
    for day in days
)
WORKED = frozenset(
    date(2026, month, day) for month, day in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))
)


@dataclass(frozen=True)
class World:
    """A station and its cars. `packs`: how many of each kWh; `charge_minutes`: empty to full.

    `bookings`: asked for per car that just comes. `day_spread`: the standard deviation of how
    busy a day is (1: as usual). `hold`: minutes before its time that a pack is kept for a booking.
    """

    packs: Mapping[int, int] = field(default_factory=lambda: {75: 9, 100: 7})
    mix: Mapping[int, float] = field(default_factory=lambda: {75: 0.58, 100: 0.42})
    charge_minutes: Mapping[int, float] = field(default_factory=lambda: {75: 75.0, 100: 100.0})
    chargers: int = 12
    weekday: tuple[float, ...] = WEEKDAY
    weekend: tuple[float, ...] = WEEKEND
    holiday_factor: float = 1.6
    bookings: float = 0.12
    no_show: float = 0.08
    day_spread: float = 0.15
    hold: float = 15.0

    def station(self) -> dict[str, Any]:
        """Return what is known of the station, as `Place.station` has it."""
        return {
            "arrivals": {"weekday": list(self.weekday), "weekend": list(self.weekend)},
            "holiday_factor": self.holiday_factor,
            "mix": {str(kwh): share for kwh, share in self.mix.items()},
            "charge_minutes": {str(kwh): long for kwh, long in self.charge_minutes.items()},
            "chargers": self.chargers,
        }


@dataclass
class Pack:
    """A battery pack; `soc` in per cent, as it was when its charging began at `since`."""

    kwh: int
    soc: float
    since: float | None = None
    ready: bool = False


@dataclass
class Car:
    """A car at the station; `booked` is its booking, None for one that just came."""

    kwh: int
    came: float
    booked: Booked | None = None


@dataclass
class Booked:
    """A promise made to a car. `kept` is None until it is known, and for a no-show."""

    kwh: int
    start: float
    made: float
    kept: bool | None = None
    over: bool = False

    @property
    def until(self) -> float:
        """Return when the pack is given up."""
        return self.start + GRID + GRACE


Accept = Callable[["Station", int, float], bool]
Watch = Callable[["Station"], None]


def busy(world: World, day: date, hour: int) -> float:
    """Return how many cars an hour come unannounced, as a rule."""
    if day in HOLIDAYS:
        return world.weekend[hour] * world.holiday_factor
    weekend = day.isoweekday() >= 6 and day not in WORKED
    return (world.weekend if weekend else world.weekday)[hour]


class Station:
    """One run. `accept` says whether a booking asked for is taken (None: whenever the bay is
    free); `watch` is called every `every` minutes."""

    def __init__(
        self,
        world: World,
        first: date,
        days: int,
        seed: int,
        *,
        accept: Accept | None = None,
        watch: Watch | None = None,
        every: float = 60.0,
    ) -> None:
        self.world, self.first, self.days = world, first, days
        self.random = random.Random(seed)
        self.accept, self.watch, self.every = accept, watch, every
        self.now = 0.0
        self.packs = [
            Pack(kwh, 100.0, ready=True) for kwh, many in world.packs.items() for _ in range(many)
        ]
        self.flat: deque[Pack] = deque()
        self.charging = 0
        self.line: list[Car] = []
        self.swapping = False
        self.bookings: list[Booked] = []
        self.waiting: list[Booked] = []
        self.taken: set[float] = set()
        self.asked = self.lost = self.served = 0
        self._order = count()
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []

    def run(self) -> Station:
        """Play all days through and return the station as it then is."""
        self._plan()
        while self._events:
            self.now, _, act, values = heapq.heappop(self._events)
            act(*values)
        return self

    def ready(self, kwh: int) -> int:
        """Return how many charged packs of a kind there are now."""
        return sum(pack.ready for pack in self.packs if pack.kwh == kwh)

    def charge(self, pack: Pack) -> float:
        """Return a pack's charge now, per cent."""
        if pack.since is None:
            return pack.soc
        rate = 100.0 / self.world.charge_minutes[pack.kwh]
        return min(100.0, pack.soc + (self.now - pack.since) * rate)

    def held(self, kwh: int) -> int:
        """Return how many packs of a kind are kept from those who just come."""
        return sum(
            one.kwh == kwh and one.start - self.world.hold <= self.now for one in self.waiting
        )

    def _at(self, when: float, act: Callable[..., None], *values: Any) -> None:
        heapq.heappush(self._events, (when, next(self._order), act, values))

    def _plan(self) -> None:
        for number in range(self.days):
            day = self.first + timedelta(days=number)
            spread = self.world.day_spread
            # A gamma of mean 1: some days are busier, for reasons nobody wrote down.
            factor = self.random.gammavariate(spread**-2, spread**2) if spread else 1.0
            for hour in range(24):
                begins = number * DAY + hour * 60.0
                rate = busy(self.world, day, hour) * factor
                for when in self._poisson(rate, begins):
                    self._at(when, self._walks_in, self._kind())
                for when in self._poisson(rate * self.world.bookings, begins):
                    start = when - when % GRID
                    lead = self.random.expovariate(1 / LEAD)
                    made = start - min(max(lead, SOONEST), FURTHEST)
                    if made > 0:
                        self._at(made, self._asks, self._kind(), start)
        if self.watch is not None:
            when = self.every
            while when < self.days * DAY:
                self._at(when, self.watch, self)
                when += self.every

    def _poisson(self, rate: float, begins: float) -> list[float]:
        found: list[float] = []
        when = self.random.expovariate(rate / 60) if rate else 60.0
        while when < 60:
            found.append(begins + when)
            when += self.random.expovariate(rate / 60)
        return found

    def _kind(self) -> int:
        kinds = list(self.world.mix)
        return self.random.choices(kinds, [self.world.mix[kwh] for kwh in kinds])[0]

    # ---- bookings -------------------------------------------------------------------------------

    def _asks(self, kwh: int, start: float) -> None:
        self.asked += 1
        if start in self.taken:
            return
        if self.accept is not None and not self.accept(self, kwh, start):
            return
        self.taken.add(start)
        made = Booked(kwh, start, self.now)
        self.bookings.append(made)
        self.waiting.append(made)
        self._at(made.until, self._given_up, made)
        if self.random.random() >= self.world.no_show:
            comes = max(self.now, start + self.random.uniform(EARLY, LATE))
            self._at(comes, self._comes, made)

    def _comes(self, made: Booked) -> None:
        self.line.append(Car(made.kwh, self.now, made))
        self._at(max(made.start, self.now) + WAITS, self._judge, made)
        self._next()

    def _judge(self, made: Booked) -> None:
        if made.kept is None:
            made.kept = False

    def _given_up(self, made: Booked) -> None:
        # Who stands there already keeps the claim to a pack.
        if made in self.waiting and not any(car.booked is made for car in self.line):
            self.waiting.remove(made)
            made.over = True
        self._next()

    # ---- cars -----------------------------------------------------------------------------------

    def _walks_in(self, kwh: int) -> None:
        car = Car(kwh, self.now)
        self.line.append(car)
        self._at(self.now + self.random.expovariate(1 / PATIENCE), self._gives_up, car)
        self._next()

    def _gives_up(self, car: Car) -> None:
        # A car that only waits for its turn at the bay stays.
        if car in self.line and self.ready(car.kwh) <= self.held(car.kwh):
            self.line.remove(car)
            self.lost += 1

    def _next(self) -> None:
        if self.swapping:
            return
        for car in sorted(self.line, key=lambda car: (car.booked is None, car.came)):
            here = self.ready(car.kwh)
            if car.booked is not None and car.booked in self.waiting:
                possible = here > 0
            else:
                possible = here > self.held(car.kwh)
            if possible:
                self._swap(car)
                return

    def _swap(self, car: Car) -> None:
        self.line.remove(car)
        self.swapping = True
        if car.booked is not None:
            if car.booked.kept is None:
                car.booked.kept = True
            car.booked.over = True
            if car.booked in self.waiting:
                self.waiting.remove(car.booked)
        self.served += 1
        pack = next(pack for pack in self.packs if pack.kwh == car.kwh and pack.ready)
        self.packs.remove(pack)
        self._at(self.now + self.random.uniform(*SWAP), self._swapped, car.kwh)

    def _swapped(self, kwh: int) -> None:
        least, mode, most = RETURNED
        pack = Pack(kwh, self.random.triangular(least, most, mode))
        self.packs.append(pack)
        self.flat.append(pack)
        self.swapping = False
        self._charge()
        self._next()

    # ---- packs ----------------------------------------------------------------------------------

    def _charge(self) -> None:
        while self.flat and self.charging < self.world.chargers:
            pack = self.flat.popleft()
            pack.since = self.now
            self.charging += 1
            long = (READY - pack.soc) / 100 * self.world.charge_minutes[pack.kwh]
            self._at(self.now + long, self._charged, pack)

    def _charged(self, pack: Pack) -> None:
        pack.soc, pack.since, pack.ready = READY, None, True
        self.charging -= 1
        self._charge()
        self._next()
