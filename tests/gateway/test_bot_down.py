"""The bot is down: owners hear the truth, nothing is claimed, and a person is one step away."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import func, select

from pitstop.base import clock
from pitstop.base.settings import Settings
from pitstop.care import cases
from pitstop.care.tables import Booking, Case, Handoff
from pitstop.gateway.bot_client import (
    TURNS_AT_ONCE,
    BotClient,
    BotUnavailable,
    Breaker,
    Turn,
)
from pitstop.gateway.fallback import need_of
from pitstop.storage.database import Database
from tests.gateway.conftest import Owner, button, texts
from tests.gateway.fake_bot import FakeBot, refusal, replies

TRUTH = "刚才没处理成，没占时段、没扣费。要我再试，还是转人工？"


async def failed(_turn: dict[str, Any]) -> Any:
    return refusal(503, "action_failed")


async def test_failed_action_is_told(owner: Owner, bot: FakeBot, database: Database) -> None:
    bot.answer = failed
    answer = await owner.say("就约周五上午")
    assert texts(answer) == [TRUTH]
    assert answer["pending"] is False
    assert answer["messages"][0]["sender"] == "system"
    assert [b["title"] for b in answer["messages"][0]["buttons"]] == ["再试一次", "转人工"]
    async with database.read() as session:
        for table in (Booking, Case, Handoff):
            assert (await session.execute(select(func.count()).select_from(table))).scalar() == 0


async def test_connection_refused_is_told(
    start: Any, config: Settings, unused_tcp_port: int
) -> None:
    gone = replace(config, rasa_url=f"http://127.0.0.1:{unused_tcp_port}")
    owner = Owner(await start(gone), "owner-1")
    began = time.monotonic()
    assert texts(await owner.say("约保养")) == [TRUTH]
    assert time.monotonic() - began < 3


async def test_a_bot_that_hangs_is_told_and_then_not_waited_for(
    start: Any, config: Settings, bot: FakeBot
) -> None:
    owner = Owner(await start(replace(config, turn_timeout=0.8)), "owner-1")
    _, go = bot.hold()
    for number in range(3):
        assert texts(await owner.say(f"在吗{number}")) == [TRUTH]
    began = time.monotonic()
    assert texts(await owner.say("还在吗")) == [TRUTH]
    assert time.monotonic() - began < 0.7, "the fourth owner does not wait for a bot that hangs"
    assert len(bot.turns) == 3
    go.set()
    await asyncio.sleep(3.1)
    assert texts(await owner.say("好了吗")) == ["听到：好了吗"]


async def test_nonsense_from_the_bot_is_no_answer(owner: Owner, bot: FakeBot) -> None:
    async def nonsense(_turn: dict[str, Any]) -> Any:
        from aiohttp import web

        return web.Response(text="<html>", content_type="text/html")

    bot.answer = nonsense
    assert texts(await owner.say("在吗")) == [TRUTH]


async def test_a_bot_with_nothing_to_say(owner: Owner, bot: FakeBot) -> None:
    async def silent(_turn: dict[str, Any]) -> Any:
        return replies()

    bot.answer = silent
    answer = await owner.say("嗯")
    assert "没能答上来" in texts(answer)[0]
    assert "没占时段" not in texts(answer)[0], "what a silent bot did is not known"


async def test_busy_is_tried_again(owner: Owner, bot: FakeBot) -> None:
    async def busy_once(turn: dict[str, Any]) -> Any:
        return refusal(503, "busy") if len(bot.turns) == 1 else await bot.echo(turn)

    bot.answer = busy_once
    assert texts(await owner.say("在吗")) == ["听到：在吗"]


async def test_try_again_asks_the_same_turn(owner: Owner, bot: FakeBot) -> None:
    bot.answer = failed
    answer = await owner.say("就约周五上午")
    retry = button(answer, "再试一次")
    again = await owner.press(retry)
    assert texts(again) == [TRUTH]
    bot.answer = bot.echo
    assert texts(await owner.press(button(again, "再试一次"))) == ["听到：就约周五上午"]
    # Under its own id every write of an action finds the first one: nothing is done twice.
    assert len({turn["message_id"] for turn in bot.turns}) == 1
    assert {turn["text"] for turn in bot.turns} == {"就约周五上午"}


async def test_a_person_instead(owner: Owner, bot: FakeBot, database: Database) -> None:
    bot.answer = failed
    answer = await owner.say("就约周五上午")
    handed = await owner.press(button(answer, "转人工"))
    assert "第 1 位" in texts(handed)[0]
    assert (await owner.state())["state"] == "queued"
    async with database.read() as session:
        handoff = (await session.execute(select(Handoff))).scalar_one()
    assert handoff.reason == "bot_unavailable"
    bot.answer = bot.echo
    assert (await owner.press(button(answer, "再试一次")))["messages"][0]["sender"] == "system"
    assert len(bot.turns) == 1, "the bot is silent in the queue"


async def test_asking_for_a_person_in_words(owner: Owner, bot: FakeBot) -> None:
    bot.answer = failed
    answer = await owner.say("给我转人 工！")
    assert "已为您转人工" in texts(answer)[0]
    assert (await owner.state())["state"] == "queued"


async def test_danger_reaches_a_person_first(
    owner: Owner, other: Owner, bot: FakeBot, database: Database
) -> None:
    bot.answer = failed
    await other.say("人工")
    answer = await owner.say("车 冒 烟 了！！")
    said = texts(answer)
    assert said[0].startswith("先离车") and "119" in said[0]
    assert "紧急" in said[1]
    assert (await owner.state())["queue_position"] == 1, "before whoever waited longer"
    async with database.read() as session:
        query = select(Handoff.priority).where(Handoff.customer_id == "owner-1")
        assert (await session.execute(query)).scalar_one() == "P0"


async def test_what_was_done_before_the_answer_was_lost_is_shown(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    async def done_then_lost(turn: dict[str, Any]) -> Any:
        async with database.write() as session:
            await cases.file_case(
                session,
                text="积分没到账",
                customer_id="owner-1",
                external_id=turn["message_id"],
            )
        return refusal(503, "action_failed")

    bot.answer = done_then_lost
    answer = await owner.say("投诉积分没到账")
    assert "没占时段" not in texts(answer)[0]
    card = answer["messages"][0]["card"]
    mine = await owner.get("/api/owner/complaints")
    assert card["type"] == "case"
    assert card["number"] == mine["complaints"][0]["number"]


async def test_what_a_booking_became_is_shown(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    async def done_then_lost(turn: dict[str, Any]) -> Any:
        async with database.write() as session:
            session.add(
                Booking(
                    reference="YX1",
                    customer_id="owner-1",
                    vehicle_id="car-1",
                    kind="rescue",
                    start=clock.now(),
                    end=clock.now(),
                    message_id=turn["message_id"],
                )
            )
        return refusal(503, "action_failed")

    bot.answer = done_then_lost
    answer = await owner.say("要拖车")
    assert answer["messages"][0]["card"]["reference"] == "YX1"
    assert "没处理成" not in texts(answer)[0]


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("我要人工", "person"),
        ("有真人吗", "person"),
        ("ｍ３冒烟了", "danger"),
        ("刹车 失灵！", "danger"),
        ("孩子锁在车里了", "danger"),
        ("上周被人撞了，想修一下", None),
        ("昨天追尾了，转人工", "person"),
        ("约个保养", None),
        ("", None),
    ],
)
def test_what_words_plainly_ask_for(text: str, need: str | None) -> None:
    assert need_of(text) == need


async def test_breaker_lets_one_turn_try(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("pitstop.gateway.bot_client.time.monotonic", lambda: now)
    breaker = Breaker(limit=2, pause=3)
    for _ in range(2):
        breaker.check()
        breaker.failed()
    with pytest.raises(BotUnavailable):
        breaker.check()
    now = 103.5
    breaker.check()
    with pytest.raises(BotUnavailable):
        breaker.check()
    breaker.succeeded()
    breaker.check()


async def test_wrong_token_is_a_failure(config: Settings, bot: FakeBot) -> None:
    async def unauthorised(_turn: dict[str, Any]) -> Any:
        return refusal(401, "unauthorized")

    bot.answer = unauthorised
    client = BotClient(config)
    await client.open()
    with pytest.raises(BotUnavailable) as caught:
        await client.ask(Turn("c", 1, "m", "text", "在吗"))
    await client.close()
    assert caught.value.reason == "unauthorized"


async def test_a_rush_waits_for_its_turn(config: Settings, bot: FakeBot) -> None:
    one_at_a_time = asyncio.Lock()

    async def slow(_turn: dict[str, Any]) -> Any:
        async with one_at_a_time:
            await asyncio.sleep(0.1)
        return replies("好的")

    bot.answer = slow
    client = BotClient(replace(config, turn_timeout=0.9))
    await client.open()
    asked = [client.ask(Turn(f"c{n}", 1, f"m{n}", "text", "在吗")) for n in range(16)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    await client.close()
    assert [one for one in answers if isinstance(one, BaseException)] == []


async def test_a_danger_waits_for_nobody(config: Settings, bot: FakeBot) -> None:
    gate = asyncio.Event()

    async def stuck(turn: dict[str, Any]) -> Any:
        if turn["text"] == "在吗":
            await gate.wait()
        return replies("先离车")

    bot.answer = stuck
    client = BotClient(config)
    await client.open()
    rush = [
        asyncio.create_task(client.ask(Turn(f"c{n}", 1, f"m{n}", "text", "在吗")))
        for n in range(TURNS_AT_ONCE + 2)
    ]
    await asyncio.sleep(0.05)
    try:
        told = await asyncio.wait_for(client.ask(Turn("d", 1, "d", "text", "车冒烟了")), 2)
        assert told[0].text == "先离车"
    finally:
        gate.set()
        await asyncio.gather(*rush)
        await client.close()
