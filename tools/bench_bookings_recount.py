"""What a race has left in the database, counted again from the bookings themselves.

Capacity is kept by the ticks; whether it was, is seen here without them: how many bookings are
there at once at a place, and how many has one technician?
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care.service_tables import EntitlementUse, Journey, PartClaim, PartUnit, Reminder
from pitstop.care.tables import Booking, BookingChange, Offer, Resource, ServiceItem, Tick
from pitstop.storage.database import Database
from pitstop.storage.events import Event
from tools.bench_bookings_race import Outcome, place_and_time

ACTIVE = ("confirmed", "in_progress")
_QUARTER = 900  # seconds
_HOLDS = (Tick, PartClaim, EntitlementUse, Reminder, Journey)


@dataclass(frozen=True)
class Rows:
    """What is in the database, read once."""

    bookings: Mapping[str, Any]
    offers: Mapping[str, Any]
    resources: Mapping[str, Any]
    ticks: Sequence[Any]
    claims: Sequence[Any]
    changes: Sequence[Any]
    events: Sequence[Any]
    holders: Mapping[str, frozenset[str]]
    kits: Mapping[str, dict[str, int]]
    units: Mapping[str, Any]

    def active(self) -> list[Any]:
        """Return the bookings that hold something."""
        return [row for row in self.bookings.values() if row.status in ACTIVE]


async def read(database: Database) -> Rows:
    """Read everything that a recount looks at."""
    async with database.read() as session:
        return Rows(
            bookings={row.id: row for row in await _all(session, Booking)},
            offers={row.id: row for row in await _all(session, Offer)},
            resources={row.id: row for row in await _all(session, Resource)},
            ticks=await _all(session, Tick),
            claims=await _all(session, PartClaim),
            changes=await _all(session, BookingChange),
            events=await _all(session, Event),
            holders={
                table.__tablename__: frozenset(row.booking_id for row in await _all(session, table))
                for table in _HOLDS
            },
            kits={row.code: row.kit for row in await _all(session, ServiceItem)},
            units={row.id: row for row in await _all(session, PartUnit)},
        )


async def _all(session: AsyncSession, table: Any) -> Sequence[Any]:
    return (await session.execute(select(table.__table__))).all()


def faults(rows: Rows) -> list[str]:
    """Return all that may not be in any database, one line each; empty: it holds."""
    return [
        *_too_many_at_once(rows),
        *_one_person_twice(rows),
        *_one_car_twice(rows),
        *_ticks(rows),
        *_holders(rows),
        *_kits(rows),
        *_offers(rows),
        *_history(rows),
    ]


def faults_of_race(rows: Rows, outcome: Outcome) -> list[str]:
    """Return what is wrong between the logs and the database."""
    return [*_logged(rows, outcome), *_same_answer(outcome), *_filled(rows, outcome)]


# ---- from the bookings alone --------------------------------------------------------------------


def most_at_once(spans: Iterable[tuple[datetime, datetime]]) -> int:
    """Return how many of some stretches of time overlap at the most."""
    edges = sorted(
        edge for start, end in spans for edge in ((start.timestamp(), 1), (end.timestamp(), -1))
    )
    # At the same moment an end (-1) comes before a beginning.
    now = most = 0
    for _, change in edges:
        now += change
        most = max(most, now)
    return most


def _too_many_at_once(rows: Rows) -> Iterable[str]:
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in rows.active():
        spans[row.place_id].append((row.start, row.end))
    for place, booked in spans.items():
        for kind in ("bay", "technician"):
            there = sum(
                1 for each in rows.resources.values() if (each.place_id, each.kind) == (place, kind)
            )
            if (most := most_at_once(booked)) > there:
                yield f"{place}: {most} bookings at once, {there} of {kind}"


def _one_person_twice(rows: Rows) -> Iterable[str]:
    spans: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in rows.active():
        if row.technician_id is None:
            yield f"{row.id}: nobody does it"
        else:
            spans[row.technician_id].append((row.start, row.end))
            if rows.resources[row.technician_id].place_id != row.place_id:
                yield f"{row.id}: {row.technician_id} works elsewhere"
    for person, booked in spans.items():
        if (most := most_at_once(booked)) > 1:
            yield f"{person} has {most} bookings at once"


def _one_car_twice(rows: Rows) -> Iterable[str]:
    cars = Counter(row.vehicle_id for row in rows.bookings.values())
    yield from (f"{car} was booked {count} times" for car, count in cars.items() if count > 1)


# ---- what hangs together ------------------------------------------------------------------------


def _ticks(rows: Rows) -> Iterable[str]:
    twice = Counter((tick.resource_id, tick.number) for tick in rows.ticks)
    yield from (f"{what} is taken {count} times" for what, count in twice.items() if count > 1)
    held: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for tick in rows.ticks:
        held[tick.booking_id][tick.resource_id].add(tick.number)
    for row in rows.active():
        first, last = row.start.timestamp() // _QUARTER, row.end.timestamp() // _QUARTER
        whole = set(range(int(first), int(last)))
        kinds = sorted(rows.resources[each].kind for each in held[row.id])
        if kinds != ["bay", "technician"]:
            yield f"{row.id} holds {kinds}"
        if any(numbers != whole for numbers in held[row.id].values()):
            yield f"{row.id} does not hold just its own time"
        if row.technician_id not in held[row.id]:
            yield f"{row.id}: {row.technician_id} is named, somebody else is taken"
        if any(rows.resources[each].place_id != row.place_id for each in held[row.id]):
            yield f"{row.id} holds something of another place"


def _holders(rows: Rows) -> Iterable[str]:
    active = {row.id for row in rows.active()}
    for table, holders in rows.holders.items():
        yield from (f"{table} of {each}, which is not booked" for each in holders - active)


def _kits(rows: Rows) -> Iterable[str]:
    held: dict[str, Counter[str]] = defaultdict(Counter)
    for claim in rows.claims:
        unit = rows.units[claim.unit_id]
        held[claim.booking_id][unit.part] += 1
        booking = rows.bookings.get(claim.booking_id)
        if booking is not None and booking.place_id != unit.place_id:
            yield f"{booking.id} keeps a piece of another place"
    for row in rows.active():
        kit: Counter[str] = Counter()
        for code in row.services:
            kit.update(rows.kits[code])
        if held[row.id] != kit:
            yield f"{row.id} keeps {dict(held[row.id])}, needs {dict(kit)}"


def _offers(rows: Rows) -> Iterable[str]:
    booked = Counter(row.offer_id for row in rows.bookings.values())
    moved = {(row.booking_id, row.message_id) for row in rows.changes if row.change == "moved"}
    for offer in rows.offers.values():
        count = booked[offer.id]
        if offer.moves_booking_id is None:
            if count != (1 if offer.state == "taken" else 0):
                yield f"offer {offer.id} is {offer.state} and has {count} bookings"
        elif offer.state == "taken" and not any(
            offer.moves_booking_id == booking for booking, _ in moved
        ):
            yield f"offer {offer.id} was taken and has moved nothing"
    yield from (f"no offer {each}" for each in booked if each not in rows.offers)


def _history(rows: Rows) -> Iterable[str]:
    written = Counter((row.booking_id, row.change) for row in rows.changes)
    told = Counter((row.subject, row.kind) for row in rows.events)
    taken = Counter(
        offer.moves_booking_id for offer in rows.offers.values() if offer.state == "taken"
    )
    for row in rows.bookings.values():
        wanted = {"booked": 1, "moved": taken[row.id], "cancelled": row.status == "cancelled"}
        for change, count in wanted.items():
            if written[(row.id, change)] != count:
                yield f"{row.id} was {change} {written[(row.id, change)]} times, not {int(count)}"
            if told[(row.id, f"booking.{change}")] != count:
                yield f"{row.id}: booking.{change} was told {told[(row.id, change)]} times"
    yield from (f"a change of {row.booking_id}, which is not there" for row in rows.changes
                if row.booking_id not in rows.bookings)  # fmt: skip


# ---- against the logs ---------------------------------------------------------------------------


def _logged(rows: Rows, outcome: Outcome) -> Iterable[str]:
    said = {line["booking"] for line in outcome.ended("yes") if line["outcome"] == "booked"}
    yield from (
        f"{each} was said to be booked and is not there" for each in said - set(rows.bookings)
    )
    yield from (f"{each} is booked and nobody was told" for each in set(rows.bookings) - said)
    for line in outcome.ended("yes", "move", "cancel"):
        row = rows.bookings.get(line.get("booking") or "")
        if row is None:
            continue
        if line["kind"] == "yes" and row.offer_id != line["offer"]:
            yield f"{line['key']} got somebody else's booking {row.id}"
        if line["kind"] == "cancel" and row.status != "cancelled":
            yield f"{row.id} was said to be cancelled and is {row.status}"
        if line["outcome"] == "moved":
            place, start = place_and_time(outcome.race, line["cell"])
            if (row.place_id, row.start.timestamp()) != (place, start.timestamp()):
                yield f"{row.id} was said to be moved to {place}, {start}"
    odd = Counter(
        line["outcome"]
        for line in outcome.ended("ask", "yes", "move", "cancel")
        if line["outcome"] not in _EXPECTED[line["kind"]]
    )
    yield from (f"{count} times: {what}" for what, count in odd.items())


_EXPECTED: dict[str, frozenset[str]] = {
    "ask": frozenset({"offered"}),
    "yes": frozenset({"booked", "full"}),
    "move": frozenset({"moved", "full", "nothing booked"}),
    "cancel": frozenset({"cancelled", "nothing booked"}),
}


def _same_answer(outcome: Outcome) -> Iterable[str]:
    """Whoever says yes twice, or asks twice, gets one booking and one offer."""
    for kind, what in (("ask", "offer"), ("yes", "booking")):
        got: dict[int, set[str]] = defaultdict(set)
        for line in outcome.ended(kind):
            if line.get(what):
                got[line["attempt"]].add(line[what])
        yield from (
            f"{kind} {n}: {len(each)} of {what}" for n, each in got.items() if len(each) > 1
        )


def _filled(rows: Rows, outcome: Outcome) -> Iterable[str]:
    """Nobody is sent away from a half hour that has room.

    A cell may have room left only if it was given back after the last one was sent away.
    """
    race = outcome.race
    booked = Counter((row.place_id, row.start.timestamp()) for row in rows.active())
    given_back: dict[tuple[str, float], float] = {}
    for line in outcome.ended("move", "cancel"):
        if line["outcome"] in {"moved", "cancelled"}:
            place, start = place_and_time(race, line["attempt"] % (race.centres * race.cells))
            given_back[(place, start.timestamp())] = line["time"]
    sent_away: dict[tuple[str, float], list[dict[str, Any]]] = defaultdict(list)
    for line in outcome.ended("yes"):
        if line["outcome"] == "full":
            place, start = place_and_time(race, line["cell"])
            sent_away[(place, start.timestamp())].append(line)
    for cell in range(race.centres * race.cells):
        place, start = place_and_time(race, cell)
        where = (place, start.timestamp())
        room = race.bays - booked[where]
        late = [
            line
            for line in sent_away[where]
            if line["time"] - line["ms"] / 1000 > given_back.get(where, 0.0)
        ]
        if room > 0 and late:
            yield f"{place} {start:%H:%M}: room for {room}, {len(late)} sent away: {late[0]}"
