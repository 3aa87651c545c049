"""Danger and breakdown: safety words first, a rescue and a person at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stack.agent import Agent
from tests.stack.owner import Owner, cards, heard
from tests.stack.stack import Stack


@pytest.mark.parametrize(
    "text",
    [
        "车子在高速上突然失去动力了，停在应急车道",
        "我的车冒烟了，有焦味",
        "刹车失灵了，刚撞了护栏",
        "孩子被锁在车里了，快来人",
        "着火了！！！",
    ],
)
def test_danger_now(stack: Stack, owner: Owner, agent: Agent, text: str) -> None:
    warned = owner.say(text)
    first = warned["messages"][0]["text"]
    assert "119" in first or "120" in first, first
    (booking,) = owner.bookings("rescue")
    assert booking["step"] == "dispatching"
    assert booking["reference"] in heard(warned)
    assert owner.conversation()["state"] == "queued"
    (handoff,) = agent.queue(owner.id)
    assert handoff["priority"] == "P0"


def test_a_flat_battery_is_a_rescue_without_the_alarm(owner: Owner, agent: Agent) -> None:
    said = owner.say("车趴窝了，半路没电了，叫个拖车救援")
    assert "120" in said["messages"][0]["text"]
    assert len(owner.bookings("rescue")) == 1
    (handoff,) = agent.queue(owner.id)
    assert handoff["priority"] in {"P0", "P1"}


def test_the_past_is_no_emergency(stack: Stack, owner: Owner) -> None:
    said = owner.say("上周被人追尾了，想约个时间做钣金喷漆")
    assert owner.bookings("rescue") == []
    assert owner.conversation()["state"] == "bot"
    assert "119" not in heard(said)


def test_the_same_call_again_is_one_rescue(stack: Stack, owner: Owner) -> None:
    message_id = stack.new_id()
    first = owner.say("我的车冒烟了，有焦味", message_id=message_id)
    again = owner.say("我的车冒烟了，有焦味", message_id=message_id)
    assert [m["id"] for m in first["messages"]] == [m["id"] for m in again["messages"]]
    assert len(owner.bookings("rescue")) == 1
    assert stack.count("handoff", customer_id=owner.id) == 1


def test_a_visitor_in_danger_is_helped_too(customer: Callable[[str], Owner]) -> None:
    visitor = customer("visitor-1")
    warned = visitor.say("试驾的车着火了，冒烟")
    assert "119" in heard(warned)
    assert visitor.conversation()["state"] == "queued"


def test_a_position_sent_while_waiting_reaches_the_agent(owner: Owner, agent: Agent) -> None:
    owner.say("车子在高速上突然失去动力了，停在应急车道")
    owner.locate(31.40, 120.83)
    handoff = agent.take(owner.id)
    told = agent.detail(handoff)
    assert any(message["sender"] == "owner" for message in told["messages"])
    assert cards({"messages": told["messages"]}, "booking")
