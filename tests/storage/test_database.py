"""What the storage room promises: times in UTC, money in fen, nothing personal readable."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import text

import pitstop.care.tables as care
from pitstop.app import migrations
from pitstop.base import clock
from pitstop.storage import demo_clock, lease
from pitstop.storage.database import Database
from pitstop.storage.events import Tail, claim, emit


@pytest.fixture
async def database(empty: Database) -> Database:
    await migrations.upgrade(empty)
    return empty


async def test_a_phone_number_cannot_be_read_in_the_database(database: Database) -> None:
    async with database.write() as session:
        session.add(care.Customer(id="c1", name="王小明", phone="13800001111"))
    async with database.read() as session:
        raw = (await session.execute(text("SELECT name, phone FROM customer"))).one()
        assert "王" not in raw[0]
        assert "1380000" not in raw[1]
        found = await session.get(care.Customer, "c1")
        assert (found.name, found.phone) == ("王小明", "13800001111")


async def test_a_naive_time_is_refused_and_nothing_is_stored(database: Database) -> None:
    with pytest.raises(Exception, match="zone"):
        async with database.write() as session:
            session.add(care.Customer(id="c1", name="x", created_at=datetime(2026, 11, 23)))  # noqa: DTZ001
    async with database.read() as session:
        assert await session.get(care.Customer, "c1") is None


async def test_times_come_back_in_utc_and_money_to_the_fen(database: Database) -> None:
    moment = datetime(2026, 11, 23, 10, 0, tzinfo=clock.SHANGHAI)
    async with database.write() as session:
        session.add(
            care.ServiceItem(
                code="s",
                name="s",
                minutes=1,
                parts_price=Decimal("0.10"),
                labour_price=Decimal("199.99"),
                modes=[],
                place_kinds=[],
            )
        )
        session.add(care.Customer(id="c1", name="x", created_at=moment))
    async with database.read() as session:
        item = await session.get(care.ServiceItem, "s")
        assert item.parts_price + item.labour_price == Decimal("200.09")
        found = await session.get(care.Customer, "c1")
        assert found.created_at == moment
        assert found.created_at.tzinfo == timezone.utc


async def test_one_holder_has_a_lease_until_it_runs_out(database: Database) -> None:
    assert await lease.hold(database, "worker", "a", 30)
    assert not await lease.hold(database, "worker", "b", 30)
    assert await lease.hold(database, "worker", "a", 30)
    await lease.release(database, "worker", "a")
    assert await lease.hold(database, "worker", "b", 30)


async def test_a_tail_sees_what_commits_late(database: Database) -> None:
    """Ids are given when written, rows appear when committed: the order may differ."""
    tail = Tail()
    async with database.write() as session:
        emit(session, "first", "1")
    async with database.read() as session:
        assert [event.kind for event in await tail.take(session)] == ["first"]
    async with database.write() as session:
        emit(session, "second", "2")
    async with database.read() as session:
        assert [event.kind for event in await tail.take(session)] == ["second"]
        assert await tail.take(session) == []


async def test_an_event_is_claimed_once(database: Database) -> None:
    async with database.write() as session:
        assert await claim(session, "webhook", "e1")
    async with database.write() as session:
        assert not await claim(session, "webhook", "e1")
        assert await claim(session, "relay", "e1")


async def test_the_demo_clock_goes_on_from_where_it_is_put(database: Database) -> None:
    try:
        target = datetime(2027, 2, 6, 9, 0, tzinfo=clock.SHANGHAI)
        await demo_clock.move_clock(database, target)
        stored = await demo_clock.read_offset(database)
        assert abs(stored - clock.offset()) < timedelta(milliseconds=1)
        assert timedelta() <= clock.now() - target < timedelta(seconds=30)
    finally:
        await demo_clock.move_clock(database, None)
    assert abs(clock.offset()) < timedelta(seconds=1)
