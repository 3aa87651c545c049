"""Whatever the calendar: what is offered can be kept, and what can be kept is offered.

Small random worlds, each beside a reference that looks at every minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from itertools import permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import offers, slots
from pitstop.care.hours import Calendar
from pitstop.care.refusals import Refused
from pitstop.care.service_tables import Closure, Part, PartClaim, PartUnit
from pitstop.care.tables import (
    Booking,
    Customer,
    Offer,
    Place,
    PlaceException,
    Resource,
    ResourceException,
    ServiceItem,
    Tick,
    Vehicle,
    VehicleLink,
)
from pitstop.storage.database import Database
from tools.booking_load import clock_at

from .help import rows

MINUTE, QUARTER, DAY = timedelta(minutes=1), timedelta(minutes=15), timedelta(days=1)
AHEAD = timedelta(hours=1440)
GRID = 30
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
# Quarters and half hours of these do not lie on Shanghai's, or their clocks are put forward.
ZONES = [
    timezone.utc,
    clock.SHANGHAI,
    *map(ZoneInfo, ("America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Asia/Kolkata")),
    ZoneInfo("Australia/Lord_Howe"),
    timezone(timedelta(hours=-3, minutes=-7)),
]
QUIET = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    # To make a world smaller takes minutes, and a database each time.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


# ---- worlds -------------------------------------------------------------------------------------


@dataclass
class Worker:
    """A technician: `shifts` as `Resource.hours`, `leave` by the day."""

    skills: tuple[str, ...]
    shifts: list[dict[str, Any]] | None
    leave: dict[str, list[dict[str, str]]]
    taken: set[int]


@dataclass
class World:
    """A place, what it has and what of it is gone."""

    now: datetime
    hours: list[dict[str, Any]]
    exceptions: dict[str, list[dict[str, str]]]
    bays: list[set[int]]
    workers: list[Worker]
    # Of the place (None), of a bay (0, 1 …) or of a worker (100, 101 …).
    closures: list[tuple[int | None, datetime, datetime, bool]]
    minutes: int
    technicians: int
    # When each piece in stock can be had, and whether somebody has it; None: nothing is needed.
    pieces: list[tuple[datetime, bool]] | None
    after: datetime
    before: datetime
    wanted: list[datetime] = field(default_factory=list)


def clock_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def windows(step: int, most: int = 3) -> st.SearchStrategy[list[dict[str, str]]]:
    """Hours of a day; those that close before they open run past midnight."""
    edge = st.integers(0, 24 * 60 // step).map(lambda n: n * step)
    one = st.tuples(edge.filter(lambda n: n < 24 * 60), edge)
    return st.lists(
        one.map(lambda w: {"opens": clock_text(w[0]), "closes": clock_text(w[1])}), max_size=most
    )


def weeks(step: int) -> st.SearchStrategy[list[dict[str, Any]]]:
    days = st.one_of(
        st.just([1, 2, 3, 4, 5, 6, 7]), st.lists(st.integers(1, 7), min_size=1, unique=True)
    )
    return st.tuples(windows(step), days, days).map(
        lambda w: [{**each, "days": w[1 + n % 2]} for n, each in enumerate(w[0])]
    )


# The ends of months and years, leap days, and a public holiday with its make-up working days.
DATES = st.one_of(
    st.sampled_from(
        [
            date(2026, 12, 31),
            date(2027, 2, 28),
            date(2028, 2, 28),
            date(2028, 2, 29),
            date(2027, 4, 30),
            date(2026, 10, 1),
            date(2026, 10, 10),
        ]
    ),
    st.dates(date(2026, 1, 1), date(2029, 12, 31)),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    # Half a minute past: the test itself takes time.
    now = datetime.combine(
        draw(DATES), time(draw(st.integers(0, 23)), draw(st.integers(0, 59)), 30), clock.SHANGHAI
    )
    # Mostly soon, sometimes where the limit is.
    first = now + draw(st.sampled_from([timedelta(0), timedelta(hours=-9), AHEAD - DAY]))
    days = [(first.date() + n * DAY).isoformat() for n in range(-1, 4)]
    moment = st.integers(-24 * 60, 3 * 24 * 60).map(lambda n: first + n * MINUTE)
    zoned = st.tuples(moment, st.sampled_from(ZONES)).map(lambda m: m[0].astimezone(m[1]))
    number = int((first - EPOCH) / QUARTER)
    # Stretches, as bookings are.
    taken = st.lists(
        st.tuples(st.integers(-8, 200), st.integers(1, 24)).map(
            lambda s: range(number + s[0], number + s[0] + s[1])
        ),
        max_size=4,
    ).map(lambda spans: {n for span in spans for n in span})
    worker = st.builds(
        Worker,
        skills=st.sampled_from([("general",), ("general", "hv"), ("hv",), ("body",)]),
        # People are there for whole quarters.
        shifts=st.one_of(st.none(), weeks(15)),
        leave=st.dictionaries(st.sampled_from(days), windows(15, 2), max_size=2),
        taken=taken,
    )
    subject = st.sampled_from([None, 0, 1, 100, 101])
    closure = st.tuples(
        subject, moment, st.integers(1, 900).map(lambda n: n * MINUTE), st.booleans()
    ).map(lambda c: (c[0], c[1], c[1] + c[2], c[3]))
    after = draw(zoned)
    return World(
        now=now,
        hours=draw(weeks(5)),
        exceptions=draw(st.dictionaries(st.sampled_from(days), windows(5, 2), max_size=2)),
        bays=draw(st.lists(taken, min_size=1, max_size=2)),
        workers=draw(st.lists(worker, min_size=1, max_size=3)),
        closures=draw(st.lists(closure, max_size=2)),
        minutes=draw(st.sampled_from([15, 20, 30, 50, 60, 90, 120, 300])),
        technicians=draw(st.sampled_from([1, 1, 2])),
        pieces=draw(st.none() | st.lists(st.tuples(moment, st.booleans()), max_size=3)),
        after=after,
        before=after + draw(st.integers(0, 36 * 60)) * MINUTE,
        wanted=draw(st.lists(zoned, min_size=2, max_size=4)),
    )


# ---- the reference ------------------------------------------------------------------------------


def open_at(minute: datetime, week: list[dict[str, Any]], other: dict[str, Any]) -> bool:
    """Say whether those hours cover a minute; the day before may run into it."""
    local = minute.astimezone(timezone(timedelta(hours=8)))
    for day in (local.date() - DAY, local.date()):
        today = other.get(day.isoformat())
        if today is None:
            today = [window for window in week if day.isoweekday() in window["days"]]
        begin = datetime.combine(day, time(), local.tzinfo)
        for window in today:
            opens, closes = (
                int(text[:2]) * 60 + int(text[3:]) for text in (window["opens"], window["closes"])
            )
            if closes <= opens:
                closes += 24 * 60
            if begin + opens * MINUTE <= local < begin + closes * MINUTE:
                return True
    return False


def minutes_of(start: datetime, end: datetime, step: int = 1) -> Iterator[datetime]:
    while start < end:
        yield start
        start += step * MINUTE


def quarters_of(start: datetime, end: datetime) -> list[datetime]:
    """The beginnings of the quarters that a stretch touches."""
    first = start - (start - EPOCH) % QUARTER
    return [first + n * QUARTER for n in range(200) if first + n * QUARTER < end]


def works(world: World, at: int, quarter: datetime) -> bool:
    """Say whether a worker is there for a whole quarter, and not busy."""
    who = world.workers[at]
    if int((quarter - EPOCH) / QUARTER) in who.taken:
        return False
    if closed(world, 100 + at, quarter, quarter + QUARTER):
        return False
    always = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "00:00", "closes": "24:00"}]
    week = always if who.shifts is None else who.shifts
    return all(open_at(m, week, who.leave) for m in minutes_of(quarter, quarter + QUARTER, 5))


def closed(world: World, subject: int | None, start: datetime, end: datetime) -> bool:
    return any(
        each == subject and not lifted and begins < end and ends > start
        for each, begins, ends, lifted in world.closures
    )


def keepable(world: World, start: datetime) -> bool:
    """Say whether a booking that begins then can be made and kept."""
    start = start.astimezone(timezone.utc)
    end = start + world.minutes * MINUTE
    if start <= world.now or start > world.now + AHEAD or (start - EPOCH) % (GRID * MINUTE):
        return False
    if world.pieces is not None and not any(
        there <= start and not kept for there, kept in world.pieces
    ):
        return False
    if closed(world, None, start, end):
        return False
    # Doors open and close on whole five minutes here.
    if not all(open_at(m, world.hours, world.exceptions) for m in minutes_of(start, end, 5)):
        return False
    quarters = quarters_of(start, end)
    bay = any(
        not any(
            int((q - EPOCH) / QUARTER) in busy or closed(world, n, q, q + QUARTER) for q in quarters
        )
        for n, busy in enumerate(world.bays)
    )
    able = [n for n, who in enumerate(world.workers) if "general" in who.skills]
    return bay and any(
        all(works(world, n, q) for n in team for q in quarters)
        for team in permutations(able, world.technicians)
    )


def possible(world: World) -> bool:
    """Say whether the place could ever do it."""
    return sum("general" in who.skills for who in world.workers) >= world.technicians


# ---- putting a world into a database ------------------------------------------------------------


class Undone(Exception):
    """Takes everything back."""


@asynccontextmanager
async def inside(database: Database, world: World):
    """Give a session in which the world is there, and nothing is left of it afterwards."""
    with clock_at(world.now):
        try:
            async with database.write() as session:
                await put(session, world)
                yield session
                raise Undone
        except Undone:
            pass


async def put(session: AsyncSession, world: World) -> None:
    long_ago = world.now - 400 * DAY
    place = {"place_id": "place", "label": "x"}
    session.add_all(
        [
            Customer(id="owner", name="x"),
            Vehicle(
                id="car", plate="x", plate_index="x", vin="x", vin_index="x", model="Y", pack_kwh=75
            ),
            Place(
                id="place",
                kind="service_centre",
                name="place",
                city="x",
                lat=31.0,
                lng=121.0,
                hours=world.hours,
            ),
            ServiceItem(
                code="work",
                name="work",
                minutes=world.minutes,
                technicians=world.technicians,
                parts_price=1,
                labour_price=1,
                modes=["in_store"],
                place_kinds=["service_centre"],
                kit={} if world.pieces is None else {"piece": 1, "screw": 4},
            ),
            Part(code="piece", name="piece"),
        ]
    )
    await session.flush()
    session.add(
        VehicleLink(customer_id="owner", vehicle_id="car", relation="owner", since=long_ago)
    )
    session.add(
        Booking(
            id="other",
            reference="other",
            customer_id="owner",
            kind="maintenance",
            start=long_ago,
            end=long_ago,
        )
    )
    things = {n: f"bay-{n}" for n in range(len(world.bays))}
    things |= {100 + n: f"worker-{n}" for n in range(len(world.workers))}
    for n in range(len(world.bays)):
        session.add(Resource(id=f"bay-{n}", kind="bay", **place))
    for n, who in enumerate(world.workers):
        session.add(
            Resource(
                id=f"worker-{n}",
                kind="technician",
                skills=list(who.skills),
                hours=who.shifts,
                **place,
            )
        )
    await session.flush()
    for n, (there, _) in enumerate(world.pieces or []):
        session.add(PartUnit(id=f"piece-{n}", place_id="place", part="piece", available_at=there))
    await session.flush()
    for n, (_, kept) in enumerate(world.pieces or []):
        if kept:
            session.add(PartClaim(unit_id=f"piece-{n}", booking_id="other"))
    for day, other in world.exceptions.items():
        session.add(PlaceException(place_id="place", day=day, windows=other, reason="x"))
    for n, who in enumerate(world.workers):
        for day, other in who.leave.items():
            session.add(
                ResourceException(resource_id=f"worker-{n}", day=day, windows=other, reason="x")
            )
    for subject, begins, ends, lifted in world.closures:
        if subject is None or subject in things:
            session.add(
                Closure(
                    place_id="place",
                    resource_id=None if subject is None else things[subject],
                    start=begins,
                    end=ends,
                    reason="other",
                    created_by="x",
                    lifted_at=begins if lifted else None,
                )
            )
    taken = [(f"bay-{n}", busy) for n, busy in enumerate(world.bays)]
    taken += [(f"worker-{n}", who.taken) for n, who in enumerate(world.workers)]
    session.add_all(
        Tick(resource_id=name, number=number, booking_id="other")
        for name, busy in taken
        for number in busy
    )
    await session.flush()


WISH = {"kind": "maintenance", "place_id": "place", "service": "work", "vehicle_id": "car"}


# ---- what holds ---------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@settings(QUIET, max_examples=60)
@given(world=worlds())
async def test_free_slots_are_just_what_can_be_kept(database: Database, world: World) -> None:
    await only_what_can_be_kept(database, world)


@pytest.mark.postgres
@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@settings(QUIET, max_examples=10)
@given(world=worlds())
async def test_free_slots_on_postgresql(database: Database, world: World) -> None:
    await only_what_can_be_kept(database, world)


async def only_what_can_be_kept(database: Database, world: World) -> None:
    """Every half hour of the stretch that was asked for, in the order of time, and no other."""
    async with inside(database, world) as session:
        if not possible(world):
            return
        found = await slots.free_slots(
            session, **WISH, after=world.after, before=world.before, limit=10_000
        )
    begins = world.after.astimezone(timezone.utc)
    begins -= (begins - EPOCH) % QUARTER
    wanted = []
    while begins < world.before:
        if begins >= world.after and keepable(world, begins):
            wanted.append(begins)
        begins += QUARTER
    assert [slot.start.astimezone(timezone.utc) for slot in found] == wanted
    length = world.minutes * MINUTE
    assert all((slot.end.timestamp() - slot.start.timestamp()) == length.total_seconds()
               for slot in found)  # fmt: skip


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@settings(QUIET, max_examples=40)
@given(world=worlds())
async def test_nothing_else_is_ever_proposed(database: Database, world: World) -> None:
    """Not past, not too far, not outside the hours of place and people, not what is taken."""
    before = await rows(database, Offer)
    async with inside(database, world) as session:
        for number, wanted in enumerate(world.wanted):
            try:
                offer = await offers.propose(
                    session, "owner", **WISH, start=wanted, message_id=f"ask {number}"
                )
            except Refused as refused:
                assert refused.code in REASONS or not possible(world)
                assert not keepable(world, next_half_hour(wanted)) or not possible(world)
                assert all(keepable(world, slot.start) for slot in refused.alternatives)
            else:
                assert offer.start.timestamp() == next_half_hour(wanted).timestamp()
                assert offer.end.timestamp() - offer.start.timestamp() == world.minutes * 60
                assert keepable(world, offer.start)
    assert await rows(database, Offer) == before


REASONS = frozenset({"past", "too_far", "closed", "full", "no_part"})


def next_half_hour(moment: datetime) -> datetime:
    seconds = GRID * 60
    return EPOCH + timedelta(seconds=-(-int(moment.timestamp()) // seconds) * seconds)


# ---- calendars alone ----------------------------------------------------------------------------


@settings(QUIET, max_examples=100)
@given(
    week=weeks(5),
    day=DATES,
    other=windows(5),
    has_other=st.booleans(),
    begins=st.integers(-26 * 60, 50 * 60),
    lasts=st.integers(1, 30 * 60),
    zone=st.sampled_from(ZONES),
)
def test_open_means_open_every_minute(
    week: list[dict[str, Any]],
    day: date,
    other: list[dict[str, str]],
    has_other: bool,
    begins: int,
    lasts: int,
    zone: Any,
) -> None:
    """Several windows a day, over midnight, whatever zone the moment is given in."""
    exceptions = {day.isoformat(): other} if has_other else {}
    start = datetime.combine(day, time(), clock.SHANGHAI) + begins * MINUTE
    end = (start + lasts * MINUTE).astimezone(timezone.utc)
    wanted = all(
        open_at(minute, week, exceptions)
        for minute in minutes_of(start.astimezone(timezone.utc), end)
    )
    calendar = Calendar(week, exceptions)
    assert calendar.covers(start.astimezone(zone), end.astimezone(zone)) == wanted


@settings(QUIET, max_examples=100)
@given(
    # Seconds of the years 2026 to 2029.
    moment=st.integers(1_767_225_600, 1_893_456_000).map(
        lambda seconds: datetime.fromtimestamp(seconds, timezone.utc)
    ),
    zone=st.sampled_from(ZONES),
    grid=st.sampled_from([15, 30]),
)
@example(datetime(2026, 11, 24, 2, 10, tzinfo=timezone.utc), ZoneInfo("Asia/Kathmandu"), 30)
@example(datetime(2027, 3, 14, 6, 50, tzinfo=timezone.utc), ZoneInfo("America/New_York"), 15)
def test_the_grid_is_the_same_wherever_the_owner_is(moment: datetime, zone: Any, grid: int) -> None:
    """A telephone in Kathmandu, five hours and three quarters from UTC, moves no half hour."""
    aligned = slots.align(moment.astimezone(zone), grid * MINUTE).timestamp()
    assert aligned % (grid * 60) == 0
    assert 0 <= aligned - moment.timestamp() < grid * 60
