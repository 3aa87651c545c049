"""Bookings that were made long ago: whole days of a centre, written past the booking itself."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from pitstop.base import clock
from pitstop.care.capacity import moment_of, number_of
from pitstop.care.tables import Booking, Offer
from pitstop.storage.database import Database
from tools.booking_load import (
    CLOSES,
    OPENS,
    Centre,
    car,
    columns_of,
    owner,
    pour_ready,
    value_of,
)

# How long they are, in quarters, and how much of a bay's day one takes on average.
_QUARTERS = (2, 4, 4, 4, 6, 8)
MEAN = sum(_QUARTERS) / len(_QUARTERS)
DAY = 40
# They belong to so many owners who are not there: nothing looks for them.
_OWNERS = 100_000


class Stay(NamedTuple):
    """A booking to be written: `bay` and `technician` are ids, times are quarters since 1970."""

    place: str
    bay: str
    technician: str
    first: int
    quarters: int


def stays(each: Centre, day: date, share: float, chance: random.Random) -> Iterator[Stay]:
    """Yield bookings of half an hour to two hours that fill about that share of a day's bays."""
    opens = number_of(datetime.combine(day, OPENS, clock.SHANGHAI))
    closes = number_of(datetime.combine(day, CLOSES, clock.SHANGHAI))
    # Between bookings half hours stay free: so many of those that could begin one do.
    begins = 2 * share / (2 * share + MEAN * (1 - share))
    people = list(each.technicians)
    chance.shuffle(people)
    for bay, person in zip(each.bays, people, strict=False):
        now = opens
        while now < closes:
            quarters = chance.choice(_QUARTERS)
            if chance.random() >= begins or now + quarters > closes:
                now += 2
                continue
            yield Stay(each.id, bay, person, now, quarters)
            now += quarters


async def write_stays(database: Database, booked: Sequence[Stay], service: str) -> None:
    """Write bookings with their offers and ticks, in that order."""
    created = clock.now() - timedelta(days=2)
    common: dict[str, Any] = {
        "kind": "maintenance",
        "service": service,
        "services": [service],
        "created_at": created,
        "updated_at": created,
    }

    def bookings() -> Iterator[dict[str, Any]]:
        for number, stay in enumerate(booked):
            yield {
                "id": _id(number),
                "reference": f"H{number:09}",
                "customer_id": owner(_whose(number)),
                "vehicle_id": car(_whose(number)),
                "place_id": stay.place,
                "technician_id": stay.technician,
                "start": moment_of(stay.first),
                "end": moment_of(stay.first + stay.quarters),
                "offer_id": _id(number),
            }

    def offers() -> Iterator[dict[str, Any]]:
        for number, stay in enumerate(booked):
            yield {
                "id": _id(number),
                "customer_id": owner(_whose(number)),
                "message_id": _id(number),
                "expires_at": moment_of(stay.first),
            }

    def ticks() -> Iterator[tuple[str, int, str]]:
        for number, stay in enumerate(booked):
            key = _id(number)
            for resource in (stay.bay, stay.technician):
                for quarter in range(stay.first, stay.first + stay.quarters):
                    yield resource, quarter, key

    offered = {"kind": "maintenance", "terms": {}, "state": "taken", "skill": "book_maintenance"}
    await _pour(database, Offer, {**offered, "created_at": created}, offers())
    await _pour(database, Booking, common, bookings())
    await pour_ready(database, "tick", ["resource_id", "number", "booking_id"], ticks())


async def _pour(
    database: Database, table: Any, common: dict[str, Any], rows: Iterator[dict[str, Any]]
) -> None:
    """Write rows that have much in common: that much is made ready for the driver once."""
    columns, binds = columns_of(database, table)
    names = [each.name for each in columns]
    ready = dict(zip(names, binds, strict=True))
    same = {
        each.name: bind(value) if bind is not None else value
        for each, bind, value in zip(
            columns, binds, (value_of(common, each) for each in columns), strict=True
        )
    }

    def whole() -> Iterator[tuple[Any, ...]]:
        for row in rows:
            own = {
                name: value if ready[name] is None else ready[name](value)
                for name, value in row.items()
            }
            yield tuple({**same, **own}[name] for name in names)

    await pour_ready(database, table.__tablename__, names, whole())


def _id(number: int) -> str:
    return f"{number:026}"


def _whose(number: int) -> int:
    return 1000 + number % _OWNERS
