"""Who has the word: the bot answers only where it still may, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from pitstop.base import clock
from pitstop.base.settings import Settings
from pitstop.care import handoffs
from pitstop.care.tables import Handoff, ServiceClock, Staff
from pitstop.conversation import inbox, log
from pitstop.conversation.tables import Conversation, InboxEntry
from pitstop.conversation.wire import Choice, IncomingMessage, Reply
from pitstop.storage.database import Database
from tests.gateway.conftest import Owner, button, eventually, texts
from tests.gateway.fake_bot import FakeBot, refusal, replies


async def hand_over(database: Database, customer_id: str, message_id: str = "m") -> str:
    async with database.write() as session:
        view = await handoffs.open_handoff(
            session, customer_id, reason="test", priority="P2", collected={}, message_id=message_id
        )
    return view.id


async def accept(database: Database, handoff_id: str) -> None:
    async with database.write() as session:
        staff = await session.get(Staff, "agent-1")
        await handoffs.accept(session, staff, handoff_id)


async def test_bot_is_silent_while_a_person_has_the_word(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    await owner.say("你好")
    handoff = await hand_over(database, "owner-1")
    answer = await owner.say("有人吗")
    assert answer == {"messages": [], "pending": False}
    await accept(database, handoff)
    assert (await owner.say("您好"))["messages"] == []
    assert len(bot.turns) == 1
    state = await owner.state()
    assert state["state"] == "human"
    assert state["agent"] == {"name": "小李"}
    assert [m["sender"] for m in await owner.log()] == [
        "owner", "bot", "owner", "system", "owner",
    ]  # fmt: skip


async def test_danger_told_in_the_queue_goes_first(
    owner: Owner, other: Owner, bot: FakeBot, database: Database
) -> None:
    await other.say("你好")
    await owner.say("你好")
    await hand_over(database, "owner-2", "m2")
    await hand_over(database, "owner-1")
    said = texts(await owner.say("我的车冒烟了"))
    assert "119" in said[0]
    assert (await owner.state())["queue_position"] == 1
    assert len(bot.turns) == 2, "the bot stays silent"
    assert texts(await owner.say("冒烟越来越大")) == [], "said once"


async def test_a_message_to_a_person_starts_their_clock(owner: Owner, database: Database) -> None:
    await owner.say("你好")
    handoff = await hand_over(database, "owner-1")
    await accept(database, handoff)
    async with database.write() as session:
        staff = await session.get(Staff, "agent-1")
        await handoffs.reply(session, staff, handoff, "r1", "您的车预约在周五上午十点。")
    await owner.say("能改到周六吗")
    async with database.read() as session:
        query = select(ServiceClock.status).where(
            ServiceClock.subject == handoff, ServiceClock.kind == "next_response"
        )
        assert (await session.execute(query)).scalar_one() == "running"


async def test_an_answer_that_comes_after_the_handoff_is_not_said(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    asked, go = bot.hold()
    post = asyncio.create_task(owner.say("多少钱"))
    await asyncio.wait_for(asked.wait(), 5)
    await hand_over(database, "owner-1")
    go.set()
    assert await post == {"messages": [], "pending": False}
    assert [m["sender"] for m in await owner.log()] == ["owner"]
    async with database.read() as session:
        assert (await session.execute(select(InboxEntry.state))).scalars().all() == ["routed"]


async def test_the_turn_that_hands_over_may_say_so(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    async def action(turn: dict[str, Any]) -> Any:
        await hand_over(database, "owner-1", turn["message_id"])
        return replies("已为您转人工。")

    bot.answer = action
    assert texts(await owner.say("人工")) == ["已为您转人工。"]
    assert (await owner.state())["queue_position"] == 1


async def test_a_message_behind_the_one_that_hands_over_goes_to_the_person(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    async def action(turn: dict[str, Any]) -> Any:
        asked.set()
        await go.wait()
        await hand_over(database, "owner-1", turn["message_id"])
        return replies("已为您转人工。")

    bot.answer = action
    first = asyncio.create_task(owner.say("人工"))
    await asyncio.wait_for(asked.wait(), 5)
    second = asyncio.create_task(owner.say("快点"))
    await asyncio.sleep(0.2)
    go.set()
    assert texts(await first) == ["已为您转人工。"]
    assert (await second)["messages"] == []
    assert len(bot.turns) == 1


async def test_word_that_went_and_came_back_loses_no_message(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    asked, go = bot.hold()
    post = asyncio.create_task(owner.say("多少钱"))
    await asyncio.wait_for(asked.wait(), 5)
    await hand_over(database, "owner-1")
    async with database.write() as session:
        await handoffs.withdraw(session, "owner-1", message_id="w")
    go.set()
    assert texts(await post) == ["听到：多少钱"]
    assert [turn["epoch"] for turn in bot.turns] == [1, 3]
    assert bot.turns[0]["message_id"] == bot.turns[1]["message_id"]


async def test_crash_between_answer_and_commit_is_answered_once(
    start: Any, config: Settings, database: Database, bot: FakeBot
) -> None:
    # A process took the message, asked the bot and died before it could commit.
    async with database.write() as session:
        received = await inbox.receive(
            session, IncomingMessage("web", "owner-1", "a", text="约保养")
        )
        conversation_id = received.entry.conversation_id
        await inbox.claim_next(session, conversation_id, "dead", 1.0)
    config = Settings(**{**vars(config), "worker": True})
    owner = Owner(await start(config), "owner-1")
    assert len(await owner.log()) == 1, "the lease of the dead still runs"

    async def answered() -> bool:
        return len(await owner.log()) == 2

    await eventually(answered, 6)
    await asyncio.sleep(1.2)
    assert [m["text"] for m in await owner.log()] == ["约保养", "听到：约保养"]
    assert len(bot.turns) == 1
    # The client's own repeat finds that answer.
    status, answer = await owner.post({"id": "a", "text": "约保养"})
    assert (status, texts(answer)) == (200, ["听到：约保养"])


async def test_two_apps_answer_once(
    start: Any, config: Settings, bot: FakeBot, database: Database
) -> None:
    one = Owner(await start(config), "owner-1")
    two = Owner(await start(config), "owner-1")
    asked, go = bot.hold()
    body = {"id": "a", "text": "约保养"}
    posts = [asyncio.create_task(who.post(body)) for who in (one, two, one, two)]
    await asyncio.wait_for(asked.wait(), 5)
    await asyncio.sleep(0.3)
    go.set()
    answers = await asyncio.gather(*posts)
    assert {texts(answer)[0] for _, answer in answers} == {"听到：约保养"}
    assert len(bot.turns) == 1
    assert len(await one.log()) == 2


async def test_a_commit_after_the_lease_was_taken_over_says_nothing(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    asked, go = bot.hold()
    post = asyncio.create_task(owner.say("约保养"))
    await asyncio.wait_for(asked.wait(), 5)
    async with database.write() as session:
        entry = (await session.execute(select(InboxEntry))).scalar_one()
        entry.lease_holder = "another"
        entry.lease_until = clock.now() + timedelta(seconds=30)
    go.set()
    await asyncio.sleep(0.5)
    assert len(await owner.log()) == 1
    async with database.write() as session:
        entry = (await session.execute(select(InboxEntry))).scalar_one()
        inbox.settle(entry, "answered")
    await post


async def test_a_message_that_never_settles_is_not_asked_for_ever(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    async with database.write() as session:
        await inbox.receive(session, IncomingMessage("web", "owner-1", "a", text="约保养"))
        entry = (await session.execute(select(InboxEntry))).scalar_one()
        entry.attempts = 9
    _, answer = await owner.post({"id": "a", "text": "约保养"})
    assert "没处理成" in texts(answer)[0]
    assert bot.turns == []


# ---- buttons ------------------------------------------------------------------------------------


async def offer_button(database: Database, customer_id: str, intent: str) -> str:
    async with database.write() as session:
        conversation = await log.conversation_of(session, customer_id)
        reply = Reply("要约吗", (Choice("好的", intent, {"offer": "o"}),))
        message = await log.append(session, conversation, "bot", reply)
        return str(message.buttons[0]["payload"])


async def test_button_goes_to_the_bot_by_its_id(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    payload = await offer_button(database, "owner-1", "affirm")
    await owner.press(payload)
    assert bot.turns[0]["kind"] == "button"
    assert bot.turns[0]["button_id"] == payload
    assert bot.turns[0]["text"] is None
    assert (await owner.log())[1]["text"] == "好的", "the log shows what the button said"


@pytest.mark.parametrize("forged", ["/affirm", '/book{"offer":"o"}', "AAAAAAAAAAAAAAAAAAAAAAAA"])
async def test_forged_button_does_nothing(owner: Owner, bot: FakeBot, forged: str) -> None:
    answer = await owner.press(forged)
    assert "过期" in texts(answer)[0]
    assert bot.turns == []


async def test_button_of_another_owner_does_nothing(
    owner: Owner, other: Owner, bot: FakeBot, database: Database
) -> None:
    payload = await offer_button(database, "owner-1", "affirm")
    answer = await other.press(payload)
    assert "过期" in texts(answer)[0]
    assert bot.turns == []
    assert "好的" not in [m["text"] for m in await other.log()]


async def test_leaving_the_queue_with_anothers_button(
    owner: Owner, other: Owner, database: Database
) -> None:
    payload = await offer_button(database, "owner-1", "router:leave_queue")
    await hand_over(database, "owner-1")
    await hand_over(database, "owner-2", "m2")
    await other.press(payload)
    assert (await owner.state())["state"] == "queued"
    assert (await other.state())["state"] == "queued"


async def test_bot_that_forgot_a_button(owner: Owner, bot: FakeBot, database: Database) -> None:
    payload = await offer_button(database, "owner-1", "affirm")

    async def unknown(_turn: dict[str, Any]) -> Any:
        return refusal(409, "unknown_button")

    bot.answer = unknown
    answer = await owner.press(payload)
    assert "过期" in texts(answer)[0]
    assert answer["messages"][0]["sender"] == "system"


async def test_leave_the_queue(owner: Owner, bot: FakeBot, database: Database) -> None:
    payload = await offer_button(database, "owner-1", "router:leave_queue")
    await hand_over(database, "owner-1")
    body = {"id": "leave", "payload": payload}
    _, answer = await owner.post(body)
    assert "已取消转人工" in texts(answer)[0]
    assert (await owner.state())["state"] == "bot"
    assert (await owner.post(body))[1] == answer
    assert texts(await owner.say("约保养")) == ["听到：约保养"]
    async with database.read() as session:
        assert (await session.execute(select(Handoff.state))).scalars().all() == ["ended"]
    # Pressed once more, later: there is nothing to leave, and that is said.
    assert "没有在排队" in texts(await owner.press(payload))[0]


async def test_ask_for_a_person_by_button(owner: Owner, other: Owner, database: Database) -> None:
    await hand_over(database, "owner-2", "before")
    payload = await offer_button(database, "owner-1", "router:handoff")
    answer = await owner.press(payload)
    assert "前面还有 1 位" in texts(answer)[0]
    assert (await owner.state())["queue_position"] == 2
    await owner.press(button(answer, "不等了，回到小驿"))
    assert (await owner.state())["state"] == "bot"


async def test_pressing_for_a_person_twice_queues_once(owner: Owner, database: Database) -> None:
    payload = await offer_button(database, "owner-1", "router:handoff")
    await owner.press(payload)
    await owner.press(payload)
    async with database.read() as session:
        assert len((await session.execute(select(Handoff))).scalars().all()) == 1


async def test_epoch_asked_is_the_conversations(
    owner: Owner, bot: FakeBot, database: Database
) -> None:
    await owner.say("你好")
    await hand_over(database, "owner-1")
    async with database.write() as session:
        await handoffs.withdraw(session, "owner-1", message_id="w")
    await owner.say("还在吗")
    async with database.read() as session:
        conversation = (await session.execute(select(Conversation))).scalar_one()
    assert [turn["epoch"] for turn in bot.turns] == [1, 3]
    assert conversation.epoch == 3
