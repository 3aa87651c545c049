"""Owners who fall silent: reminded, then the conversation ends kindly."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from pitstop.base import clock
from pitstop.care import handoffs
from pitstop.care.handoffs import HandoffView
from pitstop.care.silence import sweep_silence
from pitstop.care.tables import Staff
from pitstop.storage.database import Database
from tests.care.desk_help import (
    add_agent,
    add_owner,
    answer,
    conversation_of,
    hand_over,
    owner_writes,
    pass_time,
    said,
    stop_time,
    take,
)


@pytest.fixture(autouse=True)
def stopped_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    stop_time(monkeypatch)
    yield
    clock.set_offset(timedelta())


@pytest.fixture
async def talk(database: Database) -> tuple[Staff, HandoffView]:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    return agent, handoff


async def sweep(database: Database) -> int:
    async with database.write() as session:
        return await sweep_silence(session)


async def test_reminded_once_then_ended_with_a_survey(
    database: Database, talk: tuple[Staff, HandoffView]
) -> None:
    await answer(database, *talk, "请问是哪一天保养的？")
    pass_time(seconds=590)
    assert await sweep(database) == 0
    pass_time(seconds=20)
    assert await sweep(database) == 1
    assert await sweep(database) == 0
    lines = await said(database)
    assert [line["sender"] for line in lines] == ["system", "agent", "system"]
    assert (await conversation_of(database)).word == "human"
    pass_time(seconds=610)
    assert await sweep(database) == 1
    assert (await conversation_of(database)).word == "bot"
    assert len((await said(database))[-1]["buttons"]) == 5
    async with database.read() as session:
        ended = await handoffs.last_ended(session, talk[1].conversation_id)
    assert ended is not None and ended.ended_how == "silent"
    assert await sweep(database) == 0


async def test_an_owner_who_comes_back_is_not_ended(
    database: Database, talk: tuple[Staff, HandoffView]
) -> None:
    await answer(database, *talk, "请问是哪一天保养的？")
    pass_time(seconds=610)
    await sweep(database)
    await owner_writes(database, talk[1], "上周三")
    pass_time(seconds=3000)
    assert await sweep(database) == 0
    await answer(database, *talk, "查到了，是否需要返修？")
    pass_time(seconds=610)
    assert await sweep(database) == 1
    assert (await conversation_of(database)).word == "human"


@pytest.mark.parametrize("waits_for_us", ["请稍等", None])
async def test_an_owner_who_waits_for_us_is_not_silent(
    database: Database, talk: tuple[Staff, HandoffView], waits_for_us: str | None
) -> None:
    if waits_for_us:
        await answer(database, *talk, waits_for_us)
    pass_time(hours=2)
    assert await sweep(database) == 0
    assert (await conversation_of(database)).word == "human"


async def test_after_a_transfer_the_owner_waits_for_the_new_person(
    database: Database, talk: tuple[Staff, HandoffView]
) -> None:
    await add_agent(database, "wang")
    await answer(database, *talk, "这个请我同事看。")
    async with database.write() as session:
        await handoffs.transfer(session, talk[0], talk[1].id, "wang")
    pass_time(hours=1)
    assert await sweep(database) == 0
