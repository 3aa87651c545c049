"""What a look at a month, a proposal and a yes cost as bookings pile up.

200 service centres. The one that is looked at has its coming month filled, whatever the size; the
others' months and two years that are over come on top.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import TypeVar

from pitstop.base import clock
from pitstop.care import bookings, offers, slots
from pitstop.storage.database import Database
from tools.bench_bookings_stays import DAY, MEAN, Stay, stays, write_stays
from tools.booking_load import (
    Centre,
    car,
    centre,
    create_tables,
    owner,
    settle,
    write_centres,
    write_owners,
    write_service,
)

_T = TypeVar("_T")

CENTRES, BAYS, TECHNICIANS = 200, 6, 7
MONTH = timedelta(days=31)
PAST_DAYS = 730
FILLED = 0.74
RUNS = 40
_SERVICE = "check"
_MINUTES = 60
# Everybody works a shift: looking at a month means looking at shifts, too.
SHIFT = ({"days": [1, 2, 3, 4, 5, 6, 7], "opens": "08:30", "closes": "18:30"},)


@dataclass(frozen=True)
class Town:
    """Bookings to write: one centre's month, and all others in no order."""

    centres: Sequence[Centre]
    month: Sequence[Stay]
    others: Sequence[Stay]

    @property
    def filled(self) -> float:
        """How much of the bays' time of that month is taken."""
        quarters = sum(stay.quarters for stay in self.month)
        return quarters / (BAYS * DAY * MONTH.days)


@dataclass
class Costs:
    """Times in ms, each of one call, and how many rows there were."""

    bookings: int = 0
    ticks: int = 0
    month: list[float] = field(default_factory=list)
    three: list[float] = field(default_factory=list)
    around: list[float] = field(default_factory=list)
    propose: list[float] = field(default_factory=list)
    accept: list[float] = field(default_factory=list)
    mine: list[float] = field(default_factory=list)
    free: int = 0

    def medians(self) -> dict[str, float]:
        """Return the median of each call that was measured."""
        return {name: median(times) for name, times in self._measured()}

    def quickest(self) -> dict[str, float]:
        """Return the quickest of each: what is left where others share the machine."""
        return {name: min(times) for name, times in self._measured()}

    def _measured(self) -> list[tuple[str, list[float]]]:
        return [(n, times) for n, times in vars(self).items() if isinstance(times, list) and times]


def town(most: int, seed: int = 1) -> Town:
    """Return bookings for the centres, `most` beside those of the first one's coming month."""
    chance = random.Random(seed)
    centres = [centre(number, BAYS, TECHNICIANS) for number in range(CENTRES)]
    tomorrow = (clock.local_now() + timedelta(days=1)).date()
    ahead = [tomorrow + timedelta(days=n) for n in range(MONTH.days)]
    month = [stay for day in ahead for stay in stays(centres[0], day, FILLED, chance)]
    others = [
        stay for each in centres[1:] for day in ahead for stay in stays(each, day, FILLED, chance)
    ]
    past = max(0, most - len(others))
    # A little more than enough: the last of a day often finds no room any more.
    share = 1.15 * past / (CENTRES * PAST_DAYS * BAYS * DAY / MEAN)
    for each in centres:
        for n in range(2, PAST_DAYS + 2):
            others += stays(each, tomorrow - timedelta(days=n), share, chance)
    chance.shuffle(others)
    return Town(centres, month, others)


async def fill(database: Database, town: Town, others: int) -> None:
    """Write the town with so many of its other bookings."""
    await create_tables(database)
    await write_centres(database, town.centres, shift=SHIFT)
    await write_service(database, _SERVICE, _MINUTES)
    await write_owners(database, 2 * RUNS + 1)
    booked = [*town.month, *town.others[:others]]
    if database.sqlite:
        # The order makes no difference to what is there, but hours to writing it.
        booked.sort(key=lambda stay: (stay.bay, stay.first))
    else:
        random.Random(2).shuffle(booked)
    await write_stays(database, booked, _SERVICE)
    await settle(database)


async def measure(database: Database, town: Town, others: int) -> Costs:
    """Measure the calls on a filled database."""
    costs = Costs(bookings=len(town.month) + others)
    first = town.centres[0].id
    costs.free = len(await _look(database, first, 100_000))
    for _ in range(RUNS):
        await _timed(costs.month, _look(database, first, 100_000))
    for _ in range(RUNS):
        await _timed(costs.three, _look(database, first, 3))
    if others >= len(town.others) // 2:
        # Every time another one, as on a day of work.
        for each in town.centres[1:]:
            await _timed(costs.around, _look(database, each.id, 100_000))
    # Booked at another centre and beyond the month, so that it stays as it is.
    there = town.centres[-1].id
    nine = clock.local_now().replace(hour=9, minute=0, second=0, microsecond=0)
    for number in range(1, RUNS + 1):
        start = nine + timedelta(days=32 + number % 20)
        offer = await _timed(costs.propose, _propose(database, there, start, number))
        await _timed(costs.accept, _accept(database, offer, number))
        await _timed(costs.mine, _mine(database, number))
    return costs


async def _timed(into: list[float], call: Awaitable[_T]) -> _T:
    began = time.perf_counter()
    found = await call
    into.append((time.perf_counter() - began) * 1000)
    return found


async def _look(database: Database, place: str, limit: int) -> list[slots.Slot]:
    now = clock.now()
    async with database.read() as session:
        return await slots.free_slots(
            session,
            kind="maintenance",
            place_id=place,
            service=_SERVICE,
            vehicle_id=car(0),
            after=now,
            before=now + MONTH,
            limit=limit,
        )


async def _propose(database: Database, place: str, start: datetime, number: int) -> str:
    async with database.write() as session:
        offer = await offers.propose(
            session,
            owner(number),
            kind="maintenance",
            place_id=place,
            start=start,
            service=_SERVICE,
            vehicle_id=car(number),
            message_id=f"ask-{number}",
        )
    return str(offer.id)


async def _accept(database: Database, offer: str, number: int) -> None:
    async with database.write() as session:
        await offers.accept(session, owner(number), offer, message_id=f"yes-{number}")


async def _mine(database: Database, number: int) -> None:
    async with database.read() as session:
        await bookings.bookings_of(session, owner(number))
