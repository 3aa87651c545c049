"""A swap's pack: planned, locked in time, released when nobody comes."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from pitstop.base import clock
from pitstop.care import capacity, hearers, locks
from pitstop.care.tables import Booking, BookingChange, Resource, Tick, Vehicle
from pitstop.conversation.tables import Message
from pitstop.storage.database import Database

from .help import at, book, rows, swap, ticks_of
from .test_closures import close
from .test_promises import add_closure, booking, buttons, told

HOUR = timedelta(hours=1)


@pytest.fixture
async def alone(seeded: Database) -> Database:
    """The demo without the swap that it has booked for the afternoon."""
    async with seeded.write() as session:
        (await session.get(Booking, "seed-booking-3")).status = "cancelled"
        await capacity.release(session, "seed-booking-3")
    return seeded


async def sweep(database: Database) -> int:
    async with database.write() as session:
        return await locks.sweep_locks(session)


async def due(database: Database) -> bool:
    async with database.read() as session:
        return await locks.any_due(session)


async def plan(database: Database, start: str = "23 16:00", **more):
    """Book a swap for the afternoon: it is five past ten."""
    return await book(database, "owner-1", **swap(start=at(start), **more))


async def kinds(database: Database, key: str) -> set[str]:
    return {resource.split("-")[2] for resource, _ in await ticks_of(database, key)}


async def test_further_ahead_it_is_a_plan(alone: Database) -> None:
    assert not locks.is_plan(clock.now() + 2.9 * HOUR)
    assert locks.is_plan(clock.now() + 3.1 * HOUR)
    view = await plan(alone)
    assert (view.step, view.lock_until) == ("planned", None)
    assert "pack" not in await kinds(alone, view.id)
    assert not await due(alone)
    assert await sweep(alone) == 0


async def test_in_time_it_becomes_a_lock_and_the_owner_is_told(alone: Database, pass_time) -> None:
    view = await plan(alone)
    pass_time(3 * HOUR)
    assert await due(alone)
    assert await sweep(alone) == 1
    row = await booking(alone, view.id)
    assert (row.status, row.step, row.lock_until) == ("confirmed", "locked", at("23 16:25"))
    assert await kinds(alone, view.id) == {"bay", "pack"}
    async with alone.read() as session:
        for key, _ in await ticks_of(alone, view.id):
            assert (await session.get(Resource, key)).pack_kwh in (None, 100)
    [message] = await told(alone, "owner-1")
    said = "已为您锁定前滩太古里换电站一块100度电池，今天16:00–16:15，保留到16:25。"
    assert message.text.startswith(said)
    assert message.card["step"] == "locked"
    shown = await buttons(alone, message)
    assert [b.intent for b in shown] == ["change_booking", "cancel_booking"]
    assert not await due(alone)
    assert await sweep(alone) == 0


async def test_two_workers_lock_once(alone: Database, pass_time) -> None:
    await plan(alone)
    pass_time(3 * HOUR)
    assert sorted(await asyncio.gather(sweep(alone), sweep(alone))) == [0, 1]
    assert len(await told(alone, "owner-1")) == 1


async def test_no_pack_left_is_a_broken_promise(alone: Database, pass_time) -> None:
    view = await plan(alone)
    async with alone.write() as session:
        for row in (await session.execute(_packs())).scalars().all():
            row.active = False
    pass_time(3 * HOUR)
    assert await sweep(alone) == 1
    row = await booking(alone, view.id)
    assert (row.status, row.step, row.lock_until) == ("confirmed", "broken", None)
    assert await ticks_of(alone, view.id) == []
    [message] = await told(alone, "owner-1")
    assert message.text.startswith("抱歉，给您留的电池现在用不了，是我们的问题。最近可换：\n1. ")
    assert (await buttons(alone, message))[0].intent == "take_slot"


async def test_all_packs_of_that_quarter_are_taken(alone: Database, pass_time) -> None:
    view = await plan(alone)
    number = capacity.number_of(at("23 16:00"))
    async with alone.write() as session:
        for row in (await session.execute(_packs())).scalars().all():
            session.add(Tick(resource_id=row.id, number=number, booking_id="seed-booking-3"))
    pass_time(3 * HOUR)
    await sweep(alone)
    assert (await booking(alone, view.id)).step == "broken"


async def test_a_station_closed_meanwhile(alone: Database, pass_time) -> None:
    view = await plan(alone)
    await add_closure(alone, start=at("23 15:00"), end=at("23 17:00"))
    pass_time(3 * HOUR)
    assert await sweep(alone) == 1
    assert (await booking(alone, view.id)).step == "broken"
    assert len(await told(alone, "owner-1")) == 1


async def test_a_plan_breaks_with_its_station(alone: Database, pass_time) -> None:
    view = await plan(alone)
    await close(alone, start=at("23 15:00"), end=at("23 17:00"))
    assert (await booking(alone, view.id)).step == "broken"
    pass_time(3 * HOUR)
    assert await sweep(alone) == 0
    assert len(await told(alone, "owner-1")) == 1


async def test_a_flooded_car_is_told_why(alone: Database, pass_time) -> None:
    view = await plan(alone)
    async with alone.write() as session:
        (await session.get(Vehicle, "car-1")).conditions = ["flooded"]
    pass_time(3 * HOUR)
    await sweep(alone)
    row = await booking(alone, view.id)
    assert (row.status, row.step) == ("cancelled", "cancelled")
    assert await ticks_of(alone, view.id) == []
    [message] = await told(alone, "owner-1")
    assert message.text.startswith("您今天16:00的换电取消了，没有扣费：涉过深水")
    assert "抱歉" not in message.text


async def test_who_does_not_come_loses_the_pack(alone: Database, pass_time) -> None:
    view = await book(alone, "owner-1", **swap())
    assert (view.step, view.lock_until) == ("locked", at("23 12:25"))
    pass_time(timedelta(hours=2, minutes=19))
    assert not await due(alone)
    assert await sweep(alone) == 0
    pass_time(timedelta(minutes=2))
    assert await due(alone)
    assert sorted(await asyncio.gather(sweep(alone), sweep(alone))) == [0, 1]
    row = await booking(alone, view.id)
    assert (row.status, row.step, row.lock_until) == ("no_show", "no_show", None)
    assert await ticks_of(alone, view.id) == []
    [message] = await told(alone, "owner-1")
    assert message.text == (
        "您今天12:00在前滩太古里换电站的换电没有等到您，电池保留到12:25后已放开，没有扣费。"
        "还需要的话，重新约一次就行。"
    )
    assert [b.intent for b in await buttons(alone, message)] == ["book_swap", "talk_to_human"]


@pytest.mark.parametrize(
    "values", [{"status": "done"}, {"status": "in_progress"}, {"mode": "valet"}]
)
async def test_who_came_or_is_fetched_is_no_no_show(
    alone: Database, pass_time, values: dict
) -> None:
    view = await book(alone, "owner-1", **swap())
    async with alone.write() as session:
        row = await session.get(Booking, view.id)
        for name, value in values.items():
            setattr(row, name, value)
    before = await rows(alone, Tick, Message, BookingChange)
    pass_time(3 * HOUR)
    assert await sweep(alone) == 0
    assert await rows(alone, Tick, Message, BookingChange) == before


async def test_a_worker_that_stood_still_blames_nobody(alone: Database, pass_time) -> None:
    view = await plan(alone)
    pass_time(8 * HOUR)
    await sweep(alone)
    row = await booking(alone, view.id)
    assert (row.status, row.step) == ("confirmed", "broken")


async def test_locking_again_changes_nothing(alone: Database, pass_time) -> None:
    view = await plan(alone)
    for expected in (True, True):
        async with alone.write() as session:
            row, _ = await hearers.locked(session, view.id)
            assert await locks.lock(session, row) is expected
    assert len(await told(alone, "owner-1")) == 1


def _packs():
    return select(Resource).where(
        Resource.place_id == "station-1", Resource.kind == "pack", Resource.pack_kwh == 100
    )


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("24 12:00", "24 09:00"),
        ("24 11:00", "24 08:00"),
        ("24 10:45", "23 21:30"),
        ("24 06:00", "23 21:30"),
        ("24 02:00", "23 21:30"),
        ("24 01:00", "23 21:30"),
        ("24 00:45", "23 21:45"),
    ],
)
def test_nobody_is_woken_by_a_lock(start: str, expected: str) -> None:
    assert locks.lock_at(at(start)) == at(expected)


def test_how_long_a_pack_is_kept() -> None:
    end: datetime = at("24 12:15")
    assert locks.lock_until(end) == at("24 12:25")
