"""Broadcast: every event once to every listener, also after the database was away."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from sqlalchemy.exc import OperationalError

from pitstop.storage.broadcast import Broadcast
from pitstop.storage.database import Database
from pitstop.storage.events import emit


async def happen(database: Database, subject: str) -> None:
    async with database.write() as session:
        emit(session, "test", subject)


async def test_every_listener_hears_each_event_once(database: Database) -> None:
    await happen(database, "before")
    broadcast = Broadcast(database)
    async with broadcast.subscribe() as first, broadcast.subscribe() as second:
        await happen(database, "one")
        await happen(database, "two")
        assert await broadcast.poll() == 2
        assert await broadcast.poll() == 0
        for queue in (first, second):
            assert [queue.get_nowait().subject for _ in range(queue.qsize())] == ["one", "two"]
    await happen(database, "three")
    assert await broadcast.poll() == 1
    assert first.empty()


async def test_an_event_of_a_long_transaction_is_not_lost(database: Database) -> None:
    broadcast = Broadcast(database)
    async with broadcast.subscribe() as queue:
        async with database.write() as session:
            emit(session, "test", "slow")
            await session.flush()
            assert await broadcast.poll() == 0
        await happen(database, "quick")
        await broadcast.poll()
        assert {queue.get_nowait().subject for _ in range(queue.qsize())} == {"slow", "quick"}


async def test_it_goes_on_when_the_database_was_away(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcast = Broadcast(database, every=0.01)
    original, failures = broadcast.poll, iter(range(3))

    async def poll() -> int:
        if next(failures, None) is not None:
            raise OperationalError("SELECT", {}, Exception("away"))
        return await original()

    monkeypatch.setattr(broadcast, "poll", poll)
    async with broadcast.subscribe() as queue:
        task = asyncio.create_task(broadcast.run())
        await happen(database, "meanwhile")
        assert (await asyncio.wait_for(queue.get(), 5)).subject == "meanwhile"
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_listener_that_falls_behind_does_not_hold_up_the_others(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pitstop.storage.broadcast.MAX_WAITING", 2)
    broadcast = Broadcast(database)
    async with broadcast.subscribe() as slow:
        for number in range(4):
            await happen(database, str(number))
        assert await broadcast.poll() == 4
        assert [slow.get_nowait().subject for _ in range(2)] == ["2", "3"]
