"""More yeses than room, in processes that are killed: every slot goes to one, and no yes is lost.

The large version is `make bench ARGS=overbooking`.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, event, select, update

from pitstop.base import clock
from pitstop.care import offers
from pitstop.care.capacity import number_of
from pitstop.care.refusals import Refused
from pitstop.care.service_tables import PartClaim
from pitstop.care.tables import Booking, BookingChange, Offer, Tick
from pitstop.care.views import BookingView
from pitstop.storage.database import Database
from pitstop.storage.events import Event
from tools import bench_bookings_race as racing
from tools import bench_bookings_recount as recount
from tools.booking_load import centre, write_centres, write_owners, write_parts, write_service

from .help import accept, at, maintenance, propose, rows

WRITTEN = (Booking, BookingChange, Tick, PartClaim, Event)
# 30 slots, ten yeses for each.
SMALL = racing.Race(attempts=300, processes=3, centres=1, bays=3, cells=10, kills=1, asked=False)


async def test_ten_for_each_slot_and_a_process_killed(
    empty_url: str, monday: datetime, tmp_path: Path
) -> None:
    database = Database(empty_url)
    try:
        await racing.prepare(database, SMALL)
        outcome = await racing.run(SMALL, empty_url, tmp_path)
        left = await recount.read(database)
    finally:
        await database.close()
    assert recount.faults(left) == []
    assert recount.faults_of_race(left, outcome) == []
    assert outcome.killed == 1
    assert 0 < len(left.active()) <= SMALL.slots
    won = [line for line in outcome.ended("yes") if line["outcome"] == "booked"]
    assert len({line["booking"] for line in won}) == len(left.bookings)
    assert len(outcome.ended("yes")) > SMALL.attempts


async def test_a_recount_finds_what_is_wrong(database: Database, monday: datetime) -> None:
    """It looks at the bookings themselves: what the ticks say is not enough."""
    race = racing.Race(attempts=4, processes=1, centres=1, bays=2, cells=2)
    await racing.prepare(database, race)
    booked = [await _book(database, n, n // 2) for n in range(4)]
    assert recount.faults(await recount.read(database)) == []
    one, three = booked[0], booked[2]

    async def found(*statements) -> str:
        async with database.write() as session:
            for statement in statements:
                await session.execute(statement)
            await session.flush()
            left = await recount.read(_Inside(session))
            await session.rollback()
        return " | ".join(recount.faults(left))

    booking, tick = Booking.__table__, Tick.__table__
    later = {"start": three.start, "end": three.end}
    assert "at once" in await found(update(booking).where(booking.c.id == one.id).values(later))
    whole = delete(tick).where(tick.c.booking_id == one.id)
    assert "holds []" in await found(whole)
    half = whole.where(tick.c.number == number_of(one.start))
    assert "just its own time" in await found(half)
    off = update(booking).where(booking.c.id == one.id).values(status="cancelled")
    assert "tick of" in await found(off)
    kept = delete(PartClaim.__table__)
    assert "keeps {}, needs" in await found(kept)
    again = update(Offer.__table__).where(Offer.id == one_offer(booked)).values(state="open")
    assert "is open and has 1 bookings" in await found(again)
    told = delete(Event.__table__).where(Event.subject == one.id)
    assert "was told 0 times" in await found(told)


def one_offer(booked: list[BookingView]) -> object:
    return select(Booking.offer_id).where(Booking.id == booked[0].id).scalar_subquery()


class _Inside:
    """Reads in a session that will be rolled back."""

    def __init__(self, session) -> None:
        self.session = session

    def read(self):
        return self

    async def __aenter__(self):
        return self.session

    async def __aexit__(self, *_) -> None:
        return None


async def _book(database: Database, owner: int, cell: int) -> BookingView:
    place, start = racing.place_and_time(racing.Race(centres=1), cell)
    wish = {"kind": "maintenance", "place_id": place, "start": start}
    name = f"owner-{owner:06}"
    offer = await propose(
        database, name, **wish, service=racing.service_of(owner), message_id=f"ask {owner}"
    )
    return await accept(database, name, offer, f"yes {owner}")


async def test_as_many_at_once_as_there_is_room(database: Database, monday: datetime) -> None:
    """Twelve owners, twelve bays: whoever loses a bay to another gets the next, all of them.

    All use the same part, of which there are just twelve, too.
    """
    many = 12
    there = [centre(0, many, many)]
    await write_centres(database, there)
    await write_service(database, "filter", 30, {"cabin_filter": 1})
    await write_parts(database, "cabin_filter", there, many)
    await write_owners(database, many + 1)
    wish = {"kind": "maintenance", "place_id": there[0].id, "start": at("24 10:00")}
    people = [f"owner-{n:06}" for n in range(many + 1)]
    shown = [
        await propose(database, name, **wish, service="filter", message_id=f"ask {name}")
        for name in people
    ]

    async def yes(name: str, offer) -> BookingView | Refused:
        try:
            return await accept(database, name, offer, f"yes {name}")
        except Refused as refused:
            return refused

    results = await asyncio.gather(*map(yes, people, shown))
    lost = [result for result in results if isinstance(result, Refused)]
    assert [refused.code for refused in lost] == ["full"]
    assert recount.faults(await recount.read(database)) == []


async def test_two_that_move_to_the_same_hour(database: Database, monday: datetime) -> None:
    """One bay: one of them moves, the other stays where they were and loses nothing."""
    await racing.prepare(database, racing.Race(attempts=2, processes=1, centres=1, bays=1, cells=3))
    booked = [await _book(database, owner, owner) for owner in range(2)]
    place, there = racing.place_and_time(racing.Race(centres=1), 2)
    moves = [
        await propose(
            database,
            f"owner-{n:06}",
            kind="maintenance",
            place_id=place,
            start=there,
            message_id=f"move {n}",
            moves_booking_id=booked[n].id,
        )
        for n in range(2)
    ]

    async def yes(n: int) -> BookingView | Refused:
        try:
            return await accept(database, f"owner-{n:06}", moves[n], f"yes to move {n}")
        except Refused as refused:
            return refused

    results = await asyncio.gather(*map(yes, range(2)))
    assert sorted(type(result).__name__ for result in results) == ["BookingView", "Refused"]
    stays = next(n for n, result in enumerate(results) if isinstance(result, Refused))
    left = await recount.read(database)
    assert recount.faults(left) == []
    assert left.bookings[booked[stays].id].start == booked[stays].start
    assert left.bookings[booked[1 - stays].id].start == there


# ---- a crash between the yes and the answer -----------------------------------------------------


async def test_a_crash_before_the_commit_leaves_nothing(seeded: Database) -> None:
    """The same message, delivered again, books as if it were the first."""
    offer = await propose(seeded, "owner-1", **maintenance())
    before = await rows(seeded, *WRITTEN)

    class Crash(Exception):
        pass

    with pytest.raises(Crash):
        async with seeded.write() as session:
            lost = await offers.accept(session, "owner-1", offer.id, message_id="yes")
            await session.flush()
            raise Crash
    assert await rows(seeded, *WRITTEN) == before
    async with seeded.read() as session:
        assert (await session.get(Offer, offer.id)).state == "open"
        assert await session.get(Booking, lost.id) is None
    booked = await accept(seeded, "owner-1", offer, "yes")
    assert booked.id != lost.id
    assert await _faults_of(seeded, booked.id) == []


async def test_a_crash_after_the_commit_loses_only_the_answer(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    async with seeded.write() as session:
        first = await offers.accept(session, "owner-1", offer.id, message_id="yes")
    after = await rows(seeded, *WRITTEN)
    again = await accept(Database(seeded.url), "owner-1", offer, "yes")
    assert (again.id, again.reference, again.start) == (first.id, first.reference, first.start)
    assert await rows(seeded, *WRITTEN) == after


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_process_killed_at_the_commit(seeded: Database, moment: str) -> None:
    """Whatever it had done, the message that is delivered again finds or makes one booking."""
    offer = await propose(seeded, "owner-1", **maintenance())
    before = await rows(seeded, Booking, BookingChange)
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_die, args=(seeded.url, clock.offset(), offer.id, moment))
    process.start()
    await asyncio.to_thread(process.join, 60)
    assert process.exitcode == -signal.SIGKILL
    made = 1 if moment == "after" else 0
    # PostgreSQL notices the dead client when it looks for its next word.
    for _ in range(100):
        left = await rows(seeded, Booking, BookingChange)
        if left == [count + made for count in before]:
            break
        await asyncio.sleep(0.05)
    assert left == [count + made for count in before]
    booked = await accept(seeded, "owner-1", offer, "yes")
    assert await rows(seeded, Booking, BookingChange) == [count + 1 for count in before]
    assert await _faults_of(seeded, booked.id) == []
    again = await accept(seeded, "owner-1", offer, "yes")
    assert again.id == booked.id


def _die(url: str, offset: timedelta, offer_id: str, moment: str) -> None:
    clock.set_offset(offset)
    asyncio.run(_say_yes_and_die(url, offer_id, moment))


async def _say_yes_and_die(url: str, offer_id: str, moment: str) -> None:
    database = Database(url)

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if moment == "before":
        event.listen(database.engine.sync_engine, "commit", die)
    async with database.write() as session:
        await offers.accept(session, "owner-1", offer_id, message_id="yes")
    die()


async def _faults_of(database: Database, booking_id: str) -> list[str]:
    """Return what a recount finds about one booking; the demo's others are no concern here."""
    found = recount.faults(await recount.read(database))
    return [fault for fault in found if booking_id in fault]
