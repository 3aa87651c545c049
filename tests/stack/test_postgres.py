"""The same house on PostgreSQL: one of each, and where several processes meet."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stack.agent import Agent
from tests.stack.owner import Owner, assert_read_back, button, cards, heard
from tests.stack.stack import Stack

pytestmark = pytest.mark.postgres


def test_a_booking_is_made_moved_and_cancelled(on_postgres: Stack) -> None:
    owner = Owner(on_postgres, "owner-1")
    booked = owner.press(button(owner.say("周四下午两点去闵行店做小保养"), "确定"))
    (booking,) = owner.bookings("maintenance")
    assert_read_back(heard(booked), booking)
    owner.press(button(owner.say("把我的预约改到周五上午十点"), "确定"))
    owner.press(button(owner.say("取消我的预约"), "确定"))
    (after,) = owner.bookings("maintenance")
    assert (after["status"], after["reference"]) == ("cancelled", booking["reference"])
    assert after["start"].startswith("2026-11-27T10:00")
    assert on_postgres.count("tick", booking_id=after["id"]) == 0


def test_a_complaint_and_a_person(on_postgres: Stack) -> None:
    owner, agent = Owner(on_postgres, "owner-2"), Agent(on_postgres)
    owner.say("我要投诉，上周保养多收了我两百块钱")
    asked = owner.say("跟车没关系，把多收的钱退给我")
    for title in ("跟车辆无关", "退钱", "在这里回复"):
        if owner.complaints():
            break
        if any(title in one["title"] for m in asked["messages"] for one in m["buttons"]):
            asked = owner.press(button(asked, title))
    (case,) = owner.complaints()
    assert case["number"] in heard(asked)
    owner.say("转人工")
    handoff = agent.take(owner.id)
    agent.reply(handoff, "您好，我来处理。")
    agent.end(handoff)
    assert owner.conversation()["state"] == "bot"
    assert any(line["sender"] == "agent" for line in owner.history())
    agent.close()


def test_pressed_in_parallel_it_books_once(on_postgres: Stack) -> None:
    owner = Owner(on_postgres, "owner-1")
    confirm = button(owner.say("周四下午两点去闵行店做小保养"), "确定")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: owner.press(confirm), range(6)))
    (booking,) = owner.bookings()
    assert all(booking["reference"] in heard(answer) for answer in answers)


def test_the_same_message_in_parallel_is_handled_once(on_postgres: Stack) -> None:
    owner = Owner(on_postgres, "owner-1")
    message_id = on_postgres.new_id()
    text = "周四下午两点去闵行店做小保养"
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: owner.say(text, message_id=message_id), range(6)))
    assert len({tuple(m["id"] for m in answer["messages"]) for answer in answers}) == 1
    assert on_postgres.count("offer", customer_id=owner.id) == 1


def test_one_place_wanted_by_two_at_once_goes_to_one(on_postgres: Stack) -> None:
    rivals = [Owner(on_postgres, "owner-1"), Owner(on_postgres, "owner-8")]
    confirms = [button(one.say("周四下午两点去莘庄店做小保养"), "确定") for one in rivals]
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(lambda pair: pair[0].press(pair[1]), zip(rivals, confirms, strict=True))
        )
    won = [bool(one.bookings("maintenance")) for one in rivals]
    assert sorted(won) == [False, True]
    assert [bool(cards(answer, "booking")) for answer in answers] == won


def test_actions_killed_in_the_middle_of_a_booking(on_postgres: Stack) -> None:
    owner = Owner(on_postgres, "owner-1")
    confirm = button(owner.say("周四下午两点去闵行店做小保养"), "确定")
    on_postgres.kill("actions")
    try:
        failed = owner.press(confirm)
        assert "没占时段" in heard(failed)
        assert owner.bookings() == []
    finally:
        on_postgres.restart("actions")
    owner.press(confirm)
    assert len(owner.bookings()) == 1
