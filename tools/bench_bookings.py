"""Benchmark: that bookings hold, and what they cost as they pile up.

On SQLite, and on PostgreSQL where one can be reached (`TEST_POSTGRES`).
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from statistics import median, quantiles

from pitstop.base.settings import ROOT
from pitstop.storage.database import Database
from tools import bench_bookings_growth as growing
from tools import bench_bookings_race as racing
from tools import bench_bookings_recount as recount
from tools.bench_bookings_picture import Points, growth
from tools.benched import Bars, Figure, part
from tools.booking_load import MONDAY, clock_at, own_database, postgres_reachable

PICTURE = ROOT / "reports" / "bookings-growth.svg"
SIZES = (100, 10_000, 1_000_000)
"""Bookings beside the month that is looked at."""
MONTH_AIM = 50  # ms
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@part(
    "overbooking",
    "10,000 yeses for 500 slots in 8 processes that are killed; then all is counted again",
    only_if_named=True,
)
def overbooking(bars: Bars) -> list[Figure]:
    """Run the race; a fault that the recount finds is an error."""
    with clock_at(MONDAY):
        return asyncio.run(_overbooking(bars, racing.Race()))


@part("slots", "a month of one centre among 200, as bookings pile up", only_if_named=True)
def slots(bars: Bars) -> list[Figure]:
    """Measure with every number of bookings, and draw it."""
    with clock_at(MONDAY):
        return asyncio.run(_slots(bars))


async def _kinds() -> list[str]:
    return ["sqlite", "postgresql"] if await postgres_reachable() else ["sqlite"]


async def _overbooking(bars: Bars, race: racing.Race) -> list[Figure]:
    figures: list[Figure] = []
    kinds = await _kinds()
    for at, kind in enumerate(kinds):
        bars("databases", at, len(kinds))
        with tempfile.TemporaryDirectory(prefix="pitstop-bench-") as name:
            folder = Path(name)
            async with own_database(kind, folder, "race") as url:
                database = Database(url)
                try:
                    await racing.prepare(database, race)
                    outcome = await racing.run(race, url, folder)
                    rows = await recount.read(database)
                finally:
                    await database.close()
        faults = [*recount.faults(rows), *recount.faults_of_race(rows, outcome)]
        if faults:
            raise RuntimeError(f"{kind}: {len(faults)} faults: " + "; ".join(faults[:5]))
        figures += _of_race(_NAMES[kind], race, outcome, rows)
        bars("databases", at + 1, len(kinds))
    return figures


def _of_race(
    name: str, race: racing.Race, outcome: racing.Outcome, rows: recount.Rows
) -> list[Figure]:
    said = outcome.ended("yes")
    every = [line["ms"] for line in said]
    booked = [line["ms"] for line in said if line["outcome"] == "booked"]
    results = Counter(line["outcome"] for line in outcome.ended("move", "cancel"))
    again = [line for line in outcome.lines if line["at"] == "again"]
    committed = sum(line["committed"] for line in again)
    troubles = Counter(outcome.troubles())
    print(
        f"{name}: {len(said):,} yeses of {race.attempts:,} owners, {len(booked):,} told "
        f"booked, {len(rows.bookings)} bookings made, {results['cancelled']} cancelled, "
        f"{results['moved']} moved, {len(rows.active())} of {race.slots} slots taken; "
        f"{outcome.killed} processes killed, {len(again)} steps repeated, {committed} of them "
        f"committed before; given up by the database and repeated: {dict(troubles) or 'none'}"
    )
    return [
        Figure(f"{name}: slots booked twice", 0, "", aim=("<=", 0)),
        Figure(f"{name}: slots taken", len(rows.active()), "", "slots", race.slots),
        Figure(f"{name}: processes killed", outcome.killed, ""),
        Figure(f"{name}: all said yes in", outcome.booked_in, "s", "asked in", outcome.asked_in),
        Figure(f"{name}: yeses a second", len(said) / outcome.booked_in, "/s"),
        Figure(f"{name}: a yes, median", median(every), "ms", "booked", median(booked)),
        Figure(f"{name}: a yes, 99 %", _last(every), "ms", "booked", _last(booked)),
        Figure(f"{name}: the slowest yes", max(every), "ms"),
    ]


def _last(times: list[float]) -> float:
    """Return what 99 of 100 stay below."""
    return quantiles(times, n=100)[98]


async def _slots(bars: Bars) -> list[Figure]:
    figures: list[Figure] = []
    curves: dict[str, Points] = {}
    kinds = await _kinds()
    town = growing.town(max(SIZES))
    done = 0
    for kind in kinds:
        points: list[tuple[int, float]] = []
        smallest: dict[str, float] = {}
        for size in SIZES:
            bars("sizes", done, len(kinds) * len(SIZES))
            costs = await _costs(kind, town, size)
            found = costs.medians()
            smallest = smallest or found
            points.append((size, found["month"]))
            figures += _of_costs(_NAMES[kind], size, found, smallest)
            quickest = ", ".join(f"{name} {ms:.1f}" for name, ms in costs.quickest().items())
            print(f"{_NAMES[kind]}, {size:,} more: the quickest, ms: {quickest}")
            done += 1
        curves[_NAMES[kind]] = points
    bars("sizes", done, done)
    print(
        f"the month looked at: {len(town.month):,} bookings, {town.filled:.0%} of the time of "
        f"{growing.BAYS} bays; {growing.CENTRES} centres"
    )
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(
        growth(
            curves,
            title="Looking at a centre's month for a free time",
            across="other bookings in the database",
            up="ms, median",
            aim=MONTH_AIM,
        ),
        encoding="utf-8",
    )
    return figures


async def _costs(kind: str, town: growing.Town, others: int) -> growing.Costs:
    with tempfile.TemporaryDirectory(prefix="pitstop-bench-") as name:
        async with own_database(kind, Path(name), f"slots_{others}") as url:
            database = Database(url)
            try:
                await growing.fill(database, town, others)
                return await growing.measure(database, town, others)
            finally:
                await database.close()


def _of_costs(
    name: str, size: int, found: dict[str, float], smallest: dict[str, float]
) -> list[Figure]:
    where = f"{name}, {size:,} more:"
    said = {
        "month": "a month of a centre",
        "around": "a month of every centre in turn",
        "three": "the first three free times",
        "propose": "a proposal",
        "accept": "a yes",
        "mine": "an owner's bookings",
    }
    return [
        Figure(
            f"{where} {words}, median",
            found[what],
            "ms",
            f"with {min(SIZES)}",
            smallest.get(what),
            aim=("<=", MONTH_AIM) if what in {"month", "around"} else None,
        )
        for what, words in said.items()
        if what in found
    ]
