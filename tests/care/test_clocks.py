"""Service clocks: what counts as kept, and the ways in which others got it wrong."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import select

from pitstop.base import clock
from pitstop.care import cases, clocks, handoffs, policies
from pitstop.care.tables import ServiceClock
from pitstop.storage.database import Database
from pitstop.storage.events import Event
from tests.care.desk_help import (
    add_agent,
    add_owner,
    answer,
    hand_over,
    owner_writes,
    pass_time,
    seconds_left,
    sla,
    stop_time,
    sweep,
    take,
)


@pytest.fixture(autouse=True)
def stopped_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    stop_time(monkeypatch)
    yield
    clock.set_offset(timedelta())


async def breaches(database: Database) -> list[str]:
    async with database.read() as session:
        rows = await session.execute(
            select(Event).where(Event.kind == "clock.breached").order_by(Event.id)
        )
        return [str(event.data["clock"]) for event in rows.scalars()]


@pytest.mark.parametrize(("priority", "seconds"), [("P0", 30), ("P1", 45), ("P3", 45)])
async def test_first_response_has_its_target(
    database: Database, priority: str, seconds: int
) -> None:
    await add_owner(database)
    handoff = await hand_over(database, priority=priority)
    assert await seconds_left(database, handoff, "first_response") == seconds
    assert (await sla(database, handoff))["next_response"] == "paused"


async def test_an_answer_in_time_keeps_the_promise(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    pass_time(seconds=20)
    await take(database, agent, handoff)
    assert (await sla(database, handoff))["first_response"] == "running"
    pass_time(seconds=20)
    await answer(database, agent, handoff, "您的车明天十点可以取。")
    assert (await sla(database, handoff))["first_response"] == "met"


async def test_a_late_answer_between_two_sweeps_counts_as_breached(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    assert await sweep(database) == []
    pass_time(seconds=46)
    await answer(database, agent, handoff, "您的车明天十点可以取。")
    assert await sweep(database) == []
    assert (await sla(database, handoff))["first_response"] == "breached"
    assert await breaches(database) == ["first_response"]


async def test_a_sweep_finds_what_nobody_answered_and_says_so_once(database: Database) -> None:
    await add_owner(database)
    handoff = await hand_over(database)
    pass_time(seconds=44)
    assert await sweep(database) == []
    pass_time(seconds=2)
    assert (await sla(database, handoff))["first_response"] == "breached"
    assert await sweep(database) == ["first_response"]
    assert await sweep(database) == []
    assert await breaches(database) == ["first_response"]


async def test_a_late_answer_after_the_sweep_does_not_mend_it(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    pass_time(seconds=50)
    await sweep(database)
    await take(database, agent, handoff)
    await answer(database, agent, handoff, "您的车明天十点可以取。")
    assert (await sla(database, handoff))["first_response"] == "breached"
    assert await breaches(database) == ["first_response"]


@pytest.mark.parametrize(
    "empty", ["请稍等", "稍等", "您好，请稍等~", "好的，马上", "在的", "。。。", "请您稍候！"]
)
async def test_asking_to_wait_is_no_first_response(database: Database, empty: str) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    await answer(database, agent, handoff, empty)
    now = await sla(database, handoff)
    assert now["first_response"] == "running"
    assert now["resolution"] == "running"


@pytest.mark.parametrize(
    "text",
    ["您好，您的车明天十点可以取", "请稍等，配件到货时间我问一下闵行店", "请问您方便留个电话吗"],
)
def test_a_line_that_says_something_is_an_answer(text: str) -> None:
    assert not policies.is_empty_reply(text)


async def test_escalation_does_not_come_although_an_agent_replied(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    await answer(database, agent, handoff, "您的车明天十点可以取。")
    pass_time(seconds=300)
    assert await sweep(database) == []
    assert await breaches(database) == []


async def test_next_response_starts_anew_with_each_message_that_waits(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    await answer(database, agent, handoff, "您的车明天十点可以取。")
    pass_time(seconds=200)
    await owner_writes(database, handoff, "那几点关门")
    assert await seconds_left(database, handoff, "next_response") == 60
    pass_time(seconds=40)
    await owner_writes(database, handoff, "周末呢")
    assert await seconds_left(database, handoff, "next_response") == 60
    pass_time(seconds=50)
    await answer(database, agent, handoff, "每天到晚上六点。")
    assert (await sla(database, handoff))["next_response"] == "met"
    await owner_writes(database, handoff, "谢谢，那停车方便吗")
    assert (await sla(database, handoff))["next_response"] == "running"


async def test_a_second_message_does_not_undo_the_first_ones_breach(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    await answer(database, agent, handoff, "您的车明天十点可以取。")
    await owner_writes(database, handoff)
    pass_time(seconds=61)
    await owner_writes(database, handoff)
    assert (await sla(database, handoff))["next_response"] == "breached"
    await answer(database, agent, handoff, "在看，配件今晚到。")
    assert (await sla(database, handoff))["next_response"] == "breached"
    # The next question is a promise of its own; that one was missed stays counted.
    await owner_writes(database, handoff)
    assert (await sla(database, handoff))["next_response"] == "running"
    async with database.read() as session:
        timed = (await clocks.of_subjects(session, [handoff.id]))[handoff.id]["next_response"]
    assert (timed.rounds, timed.breaches) == (2, 1)


async def test_writing_while_queued_neither_moves_nor_replaces_the_first_response(
    database: Database,
) -> None:
    await add_owner(database)
    handoff = await hand_over(database)
    pass_time(seconds=30)
    await owner_writes(database, handoff, "有人吗")
    assert await seconds_left(database, handoff, "first_response") == 15
    assert (await sla(database, handoff))["next_response"] == "paused"


async def test_resolution_pauses_while_we_wait_for_the_owner(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    pass_time(seconds=30)
    await answer(database, agent, handoff, "请问是哪一天保养的？")
    assert (await sla(database, handoff))["resolution"] == "paused"
    assert await seconds_left(database, handoff, "resolution") is None
    pass_time(seconds=300)
    await owner_writes(database, handoff, "上周三")
    assert (await sla(database, handoff))["resolution"] == "running"
    assert await seconds_left(database, handoff, "resolution") == 1770


async def test_resolution_does_not_pause_for_ever(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    await answer(database, agent, handoff, "请问是哪一天保养的？")
    pass_time(seconds=601)
    assert (await sla(database, handoff))["resolution"] == "running"
    assert await sweep(database) == []
    assert await seconds_left(database, handoff, "resolution") == 1799
    pass_time(seconds=1800)
    assert (await sla(database, handoff))["resolution"] == "breached"
    assert await sweep(database) == ["resolution"]


async def test_a_pause_that_ran_out_is_seen_at_the_event_too(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    await answer(database, agent, handoff, "请问是哪一天保养的？")
    pass_time(seconds=600 + 1800 + 5)
    async with database.write() as session:
        await handoffs.end(session, agent, handoff.id, {"text": "没有回应"})
    assert (await sla(database, handoff))["resolution"] == "breached"


async def test_nothing_goes_on_counting_after_the_end(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    await answer(database, agent, handoff, "您的车明天十点可以取。")
    await owner_writes(database, handoff, "好的谢谢")
    pass_time(seconds=30)
    async with database.write() as session:
        await handoffs.end(session, agent, handoff.id, {"text": "已答复"})
    ended = await sla(database, handoff)
    pass_time(days=3)
    assert await sweep(database) == []
    assert await sla(database, handoff) == ended
    assert ended == {"first_response": "met", "next_response": "paused", "resolution": "met"}


async def test_a_danger_shortens_the_first_response_and_nothing_lengthens_it(
    database: Database,
) -> None:
    await add_owner(database)
    handoff = await hand_over(database, message_id="m-1")
    pass_time(seconds=5)
    await hand_over(database, priority="P0", message_id="m-2")
    assert await seconds_left(database, handoff, "first_response") == 30
    pass_time(seconds=5)
    await hand_over(database, priority="P3", message_id="m-3")
    assert await seconds_left(database, handoff, "first_response") == 25


@pytest.mark.parametrize(
    "filed_at",
    [
        datetime(2026, 2, 16, 15, 59, tzinfo=timezone.utc),  # 除夕, a minute before midnight
        datetime(2026, 10, 2, 4, 0, tzinfo=timezone.utc),  # 国庆, a holiday
        datetime(2026, 11, 21, 1, 0, tzinfo=timezone.utc),  # a Saturday
    ],
)
async def test_first_contact_runs_by_the_clock_on_the_wall(
    database: Database, filed_at: datetime
) -> None:
    clock.set_offset(filed_at - clock.now())
    async with database.write() as session:
        case = await cases.file_case(session, text="维修站没人管", source="api", external_id="1")
    assert case.respond_by - case.created_at == timedelta(hours=24)
    pass_time(hours=23, minutes=59)
    assert await sweep(database) == []
    pass_time(minutes=2)
    assert await sweep(database) == ["contact"]


async def test_one_clock_never_moves_another(database: Database) -> None:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    before = await seconds_left(database, handoff, "resolution")
    await take(database, agent, handoff)
    await answer(database, agent, handoff, "请稍等")
    async with database.write() as session:
        await handoffs.note(session, agent, handoff.id, "查过订单")
    assert await seconds_left(database, handoff, "resolution") == before
    assert await seconds_left(database, handoff, "first_response") in (44, 45)


async def test_an_unmarked_breach_shows_before_any_sweep() -> None:
    due = clock.now()
    timed = ServiceClock(
        subject="h", kind="next_response", started_at=due, due_at=due, status="running"
    )
    assert clocks.status_at(timed, due) == "running"
    assert clocks.status_at(timed, due + timedelta(milliseconds=1)) == "breached"
