"""Handoffs: to a person, between people, and back to the bot."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.care import handoffs
from pitstop.care.handoffs import AlreadyTaken, HandoffRefused
from pitstop.care.staff_permissions import StaffNotAllowed
from pitstop.care.tables import Handoff, Survey
from pitstop.conversation import log, word
from pitstop.conversation.tables import Button
from pitstop.conversation.wire import Reply
from pitstop.storage.database import Database
from tests.care.desk_help import (
    add_agent,
    add_owner,
    answer,
    conversation_of,
    hand_over,
    outbox_size,
    owner_writes,
    pass_time,
    said,
    sla,
    stop_time,
    take,
)


@pytest.fixture(autouse=True)
def stopped_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    stop_time(monkeypatch)
    yield
    clock.set_offset(timedelta())


async def test_opening_gives_the_word_to_the_queue_and_says_nothing(database: Database) -> None:
    await add_owner(database)
    handoff = await hand_over(database, message_id="m-1")
    conversation = await conversation_of(database)
    assert (conversation.word, conversation.epoch) == ("queued", 2)
    # The bot's own reply to that very message is still wanted; any other's is not.
    assert word.may_commit(conversation, "m-1", 1)
    assert not word.may_commit(conversation, "m-0", 1)
    assert await said(database) == []
    assert handoff.collected == {"last_question": "保养多少钱"}


async def test_the_same_message_opens_one_handoff_also_after_its_end(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    first = await hand_over(database, message_id="m-1")
    assert (await hand_over(database, message_id="m-1")).id == first.id
    await take(database, agent, first)
    async with database.write() as session:
        await handoffs.return_to_bot(session, agent, first.id)
    again = await hand_over(database, message_id="m-1")
    assert (again.id, again.state) == (first.id, "ended")
    assert (await conversation_of(database)).word == "bot"


async def test_asking_again_keeps_the_place_and_raises_the_priority(database: Database) -> None:
    await add_owner(database)
    await add_owner(database, "owner-2")
    first = await hand_over(database)
    await hand_over(database, "owner-2")
    pass_time(seconds=10)
    again = await hand_over(database, priority="P1")
    assert (again.id, again.priority) == (first.id, "P1")
    assert again.waiting_since == first.waiting_since
    calmer = await hand_over(database, priority="P3")
    assert calmer.priority == "P1"
    assert (await conversation_of(database)).epoch == 2


async def test_owners_see_their_place_the_most_urgent_first(database: Database) -> None:
    for number in (1, 2, 3):
        await add_owner(database, f"owner-{number}")
        await hand_over(database, f"owner-{number}", priority="P0" if number == 3 else "P2")
        pass_time(seconds=1)
    async with database.read() as session:
        states = [await handoffs.state_for_owner(session, f"owner-{n}") for n in (1, 2, 3)]
        listed = [view.customer_id for view in await handoffs.queue(session)]
    assert [state["queue_position"] for state in states] == [2, 3, 1]
    assert [state["state"] for state in states] == ["queued"] * 3
    # With nobody accepted lately: the plain default, a minute each.
    assert [state["estimated_wait_seconds"] for state in states] == [120, 180, 60]
    assert listed == ["owner-3", "owner-1", "owner-2"]


async def test_the_estimate_follows_the_pace_of_the_last_half_hour(database: Database) -> None:
    agent = await add_agent(database)
    for number in range(5):
        await add_owner(database, f"owner-{number}")
        handoff = await hand_over(database, f"owner-{number}")
        if number < 4:
            await take(database, agent, handoff)
            pass_time(seconds=200)
    async with database.read() as session:
        state = await handoffs.state_for_owner(session, "owner-4")
    assert state["queue_position"] == 1
    assert state["estimated_wait_seconds"] is not None
    assert 190 <= state["estimated_wait_seconds"] <= 210


async def test_an_agent_who_accepts_is_named_to_the_owner(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    conversation = await conversation_of(database)
    assert (conversation.word, conversation.epoch) == ("human", 3)
    lines = await said(database)
    assert [(line["sender"], agent.name in line["text"]) for line in lines] == [("system", True)]
    async with database.read() as session:
        state = await handoffs.state_for_owner(session, "owner-1")
    assert (state["state"], state["agent"]) == ("human", {"name": agent.name})
    assert state["queue_position"] is None


async def test_of_two_agents_who_press_at_once_one_gets_it(database: Database) -> None:
    agents = [await add_agent(database, name) for name in ("li", "wang", "zhao")]
    await add_owner(database)
    handoff = await hand_over(database)
    results = await asyncio.gather(
        *(take(database, agent, handoff) for agent in agents), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == [
        "AlreadyTaken",
        "AlreadyTaken",
        "NoneType",
    ]
    assert len(await said(database)) == 1
    with pytest.raises(AlreadyTaken):
        await take(database, agents[0], handoff)


async def test_a_reply_is_said_once_and_goes_out(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    before = await outbox_size(database)
    first = await answer(database, agent, handoff, "您的车明天可以取。", "c-1")
    again = await answer(database, agent, handoff, "您的车明天可以取。", "c-1")
    assert first.id == again.id
    assert await outbox_size(database) == before + 1
    last = (await said(database))[-1]
    assert (last["sender"], last["author"], last["text"]) == (
        "agent",
        agent.name,
        "您的车明天可以取。",
    )
    with pytest.raises(HandoffRefused, match="id_conflict"):
        await answer(database, agent, handoff, "别的话", "c-1")
    assert await outbox_size(database) == before + 1


async def test_an_agent_can_go_on_conversing(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    for turn in range(3):
        await answer(database, agent, handoff, f"第{turn}句")
        await owner_writes(database, handoff, f"第{turn}问")
    senders = [line["sender"] for line in await said(database)]
    assert senders == ["system"] + ["agent", "owner"] * 3
    assert (await conversation_of(database)).word == "human"


async def test_who_does_not_have_it_cannot_speak_in_it(database: Database) -> None:
    mine, other = await add_agent(database, "li"), await add_agent(database, "wang")
    boss = await add_agent(database, "boss", "supervisor")
    await add_owner(database)
    handoff = await hand_over(database)
    with pytest.raises(HandoffRefused, match="not_accepted"):
        await answer(database, mine, handoff, "您好，明天可以取车")
    await take(database, mine, handoff)
    before = len(await said(database))
    for intruder in (other, boss):
        with pytest.raises(HandoffRefused, match="not_yours"):
            await answer(database, intruder, handoff, "您好，明天可以取车")
    with pytest.raises(HandoffRefused, match="not_yours"):
        async with database.write() as session:
            await handoffs.end(session, other, handoff.id, {"text": "好了"})
    with pytest.raises(HandoffRefused, match="empty_text"):
        await answer(database, mine, handoff, "  ")
    with pytest.raises(HandoffRefused, match="too_long"):
        await answer(database, mine, handoff, "长" * 2001)
    assert len(await said(database)) == before
    assert (await conversation_of(database)).word == "human"


@pytest.mark.parametrize("role", ["editor", "admin"])
async def test_other_roles_take_no_handoffs(database: Database, role: str) -> None:
    outsider = await add_agent(database, "x", role)
    await add_owner(database)
    handoff = await hand_over(database)
    with pytest.raises(StaffNotAllowed):
        await take(database, outsider, handoff)
    assert (await conversation_of(database)).word == "queued"
    assert await said(database) == []


async def test_a_transfer_names_the_colleague_and_takes_the_word_along(database: Database) -> None:
    first, second = await add_agent(database, "li"), await add_agent(database, "wang")
    await add_agent(database, "fang", "editor")
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, first, handoff)
    await answer(database, first, handoff, "这个请我同事看。")
    async with database.write() as session:
        moved = await handoffs.transfer(session, first, handoff.id, "wang")
    assert moved.agent is not None and moved.agent.username == "wang"
    assert second.name in (await said(database))[-1]["text"]
    # The owner waits for the new person now, though the first one spoke last.
    assert await sla(database, handoff) == {
        "first_response": "met",
        "next_response": "running",
        "resolution": "running",
    }
    with pytest.raises(HandoffRefused, match="not_yours"):
        await answer(database, first, handoff, "我再说一句")
    await answer(database, second, handoff, "您好，我来看这个问题")
    for nobody in ("fang", "nobody"):
        with pytest.raises(HandoffRefused, match="unknown_target"):
            async with database.write() as session:
                await handoffs.transfer(session, second, handoff.id, nobody)
    async with database.read() as session:
        state = await handoffs.state_for_owner(session, "owner-1")
    assert state["agent"] == {"name": second.name}


async def test_back_into_the_queue_keeps_the_place(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    await add_owner(database, "owner-2")
    handoff = await hand_over(database)
    pass_time(seconds=5)
    await hand_over(database, "owner-2")
    await take(database, agent, handoff)
    async with database.write() as session:
        await handoffs.transfer(session, agent, handoff.id, "queue")
    async with database.read() as session:
        state = await handoffs.state_for_owner(session, "owner-1")
    assert (state["state"], state["queue_position"], state["agent"]) == ("queued", 1, None)
    assert (await conversation_of(database)).word == "queued"
    await take(database, agent, handoff)


async def test_a_supervisor_takes_over(database: Database) -> None:
    agent = await add_agent(database)
    boss = await add_agent(database, "boss", "supervisor")
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    async with database.write() as session:
        await handoffs.transfer(session, boss, handoff.id, "boss")
    await answer(database, boss, handoff, "我是主管，我来处理。")
    assert (await said(database))[-1]["author"] == boss.name


async def test_the_end_asks_for_a_rating_and_gives_the_bot_the_word(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    await answer(database, agent, handoff, "您的车明天可以取。")
    epoch = (await conversation_of(database)).epoch
    summary = {"category": "service", "result": "solved", "text": "取车时间已告知"}
    async with database.write() as session:
        ended = await handoffs.end(session, agent, handoff.id, summary)
    conversation = await conversation_of(database)
    assert (conversation.word, conversation.epoch) == ("bot", epoch + 1)
    assert (ended.state, ended.summary) == ("ended", summary)
    lines = await said(database)
    assert [line["sender"] for line in lines[-2:]] == ["system", "system"]
    assert [button["title"][0] for button in lines[-1]["buttons"]] == list("12345")
    async with database.read() as session:
        survey = (await session.execute(select(Survey))).scalar_one()
        fifth = await session.get(Button, lines[-1]["buttons"][4]["payload"])
        assert fifth is not None
        assert (fifth.intent, fifth.values) == ("rate", {"survey": survey.id, "score": 5})
        remembered = await handoffs.last_ended(session, conversation.id)
        assert remembered is not None and remembered.summary == summary
        assert await handoffs.collected_for(session, conversation.id) == {
            "last_question": "保养多少钱"
        }
    assert (await sla(database, handoff))["resolution"] == "met"
    with pytest.raises(HandoffRefused, match="ended"):
        await answer(database, agent, handoff, "还有一句")
    assert len(await said(database)) == len(lines)


@pytest.mark.parametrize("summary", [{}, {"text": "  "}, {"category": ""}, {"text": {"a": 1}}])
async def test_no_end_without_a_summary(database: Database, summary: dict[str, object]) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    with pytest.raises(HandoffRefused, match="empty_summary"):
        async with database.write() as session:
            await handoffs.end(session, agent, handoff.id, summary)
    assert (await conversation_of(database)).word == "human"
    assert len(await said(database)) == 1


async def test_an_owner_leaves_the_queue(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    async with database.write() as session:
        left = await handoffs.withdraw(session, "owner-1", message_id="m-leave")
    assert left is not None and (left.state, left.ended_how) == ("ended", "withdrawn")
    assert (await conversation_of(database)).word == "bot"
    lines = await said(database)
    assert [line["sender"] for line in lines] == ["system"]
    with pytest.raises(HandoffRefused, match="ended"):
        await take(database, agent, handoff)
    # Nobody answered in time, and nobody was late: no verdict.
    assert set((await sla(database, handoff)).values()) == {"paused"}
    async with database.write() as session:
        again = await handoffs.withdraw(session, "owner-1", message_id="m-leave")
    assert again is not None and again.id == left.id
    assert len(await said(database)) == len(lines)
    async with database.write() as session:
        assert await handoffs.withdraw(session, "owner-1", message_id="m-other") is None


async def test_a_repeated_leave_does_not_end_the_next_handoff(database: Database) -> None:
    await add_owner(database)
    await hand_over(database)
    async with database.write() as session:
        await handoffs.withdraw(session, "owner-1", message_id="m-leave")
    await hand_over(database)
    async with database.write() as session:
        await handoffs.withdraw(session, "owner-1", message_id="m-leave")
    assert (await conversation_of(database)).word == "queued"


async def test_staff_read_the_masked_text_and_nothing_after_the_end(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    await owner_writes(database, handoff, "我的电话13812345678")
    async with database.write() as session:
        await handoffs.return_to_bot(session, agent, handoff.id)
    async with database.write() as session:
        conversation = await log.locked(session, handoff.conversation_id)
        await log.append(session, conversation, "owner", Reply("只和小驿说的话"))
    async with database.read() as session:
        detail = await handoffs.detail(session, handoff.id)
    texts = [message["text"] for message in detail.messages]
    assert "我的电话138****5678" in texts
    assert "只和小驿说的话" not in texts
    assert detail.handoff.last_message == "我的电话138****5678"


async def test_notes_are_for_staff_alone(database: Database) -> None:
    agent, colleague = await add_agent(database), await add_agent(database, "wang")
    await add_owner(database)
    handoff = await hand_over(database)
    for _ in range(2):
        async with database.write() as session:
            await handoffs.note(session, colleague, handoff.id, "上次也来过", "n-1")
    async with database.write() as session:
        await handoffs.note(session, agent, handoff.id, "已查订单")
    async with database.read() as session:
        notes = (await handoffs.detail(session, handoff.id)).notes
    assert [(note.author, note.text) for note in notes] == [
        (colleague.name, "上次也来过"),
        (agent.name, "已查订单"),
    ]
    assert await said(database) == []


async def test_a_failed_step_leaves_nothing_half_done(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    with pytest.raises(RuntimeError):
        async with database.write() as session:
            await handoffs.accept(session, agent, handoff.id)
            raise RuntimeError("the process dies here")
    assert (await conversation_of(database)).word == "queued"
    assert await said(database) == []
    await take(database, agent, handoff)


async def test_two_processes_open_one_handoff(database: Database) -> None:
    await add_owner(database)
    opened = await asyncio.gather(*(hand_over(database, message_id=new_id()) for _ in range(4)))
    assert len({view.id for view in opened}) == 1
    async with database.read() as session:
        count = (await session.execute(select(func.count()).select_from(Handoff))).scalar_one()
    assert count == 1
