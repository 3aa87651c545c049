"""A person: asked for, waited for, spoken with, given back."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.stack.agent import Agent
from tests.stack.owner import Owner, button, buttons, cards, heard
from tests.stack.stack import MONDAY, Stack


@pytest.mark.parametrize("text", ["转人工", "人工", "我要找真人客服", "别跟我机器人了，叫个活人来"])
def test_on_request_always_and_at_once(owner: Owner, agent: Agent, text: str) -> None:
    told = owner.say(text)
    state = owner.conversation()
    assert state["state"] == "queued"
    assert state["queue_position"] == 1
    assert "1" in heard(told)
    assert button(told, "不等了")
    (handoff,) = agent.queue(owner.id)
    assert handoff["state"] == "queued"


def test_a_whole_episode(stack: Stack, owner: Owner, agent: Agent) -> None:
    owner.say("我的车续航变短了怎么办")
    owner.say("转人工")
    handoff = agent.take(owner.id)
    assert owner.conversation() | {"now": None} == {
        "state": "human",
        "queue_position": None,
        "estimated_wait_seconds": None,
        "agent": {"name": "小李"},
        "now": None,
    }
    told = agent.detail(handoff)
    assert "续航" in "".join(message["text"] for message in told["messages"])

    here = owner.here()
    written = owner.say("你好，在吗")
    # A person has the word: the bot stays silent.
    assert written["messages"] == []
    agent.reply(handoff, "您好，我来帮您看。")
    agent.note(handoff, "车主着急")
    lines = owner.history(here)
    assert [line["sender"] for line in lines] == ["owner", "agent"]
    assert "车主着急" not in "".join(line["text"] for line in owner.history())

    agent.end(handoff, text="已解释续航与气温的关系")
    assert owner.conversation()["state"] == "bot"
    last = owner.history()[-1]
    assert len(last["buttons"]) == 5
    rated = owner.press(last["buttons"][4]["payload"])
    assert rated["messages"]
    (survey,) = stack.rows("survey", customer_id=owner.id)
    assert survey["score"] == 5
    assert owner.say("你好")["messages"][0]["sender"] == "bot"


def test_leaving_the_queue(owner: Owner, agent: Agent) -> None:
    told = owner.say("转人工")
    left = owner.press(button(told, "不等了"))
    assert left["messages"]
    assert owner.conversation()["state"] == "bot"
    assert agent.queue(owner.id) == []
    assert cards(owner.say("周四下午两点去闵行店做小保养"), "offer")


def test_asking_twice_is_one_place_in_the_queue(stack: Stack, owner: Owner, agent: Agent) -> None:
    owner.say("转人工")
    owner.say("转人工")
    assert len(agent.queue(owner.id)) == 1
    assert stack.count("handoff", customer_id=owner.id) == 1


def test_only_one_of_two_agents_gets_it(owner: Owner, agent: Agent, colleague: Agent) -> None:
    owner.say("转人工")
    (handoff,) = agent.queue(owner.id)
    agent.accept(handoff["id"])
    assert colleague.post(f"handoffs/{handoff['id']}/accept").status_code == 409


def test_a_transfer_keeps_the_conversation(owner: Owner, agent: Agent, colleague: Agent) -> None:
    owner.say("转人工")
    handoff = agent.take(owner.id)
    agent.transfer(handoff, "agent2")
    assert owner.conversation()["agent"] == {"name": "小王"}
    colleague.reply(handoff, "我接着为您处理。")
    assert owner.history()[-1]["text"] == "我接着为您处理。"


def test_after_two_turns_not_understood_a_person_comes(owner: Owner) -> None:
    first = owner.say("？？？")
    assert "转人工" in buttons(first)
    assert owner.conversation()["state"] == "bot"
    owner.say("……")
    assert owner.conversation()["state"] == "queued"


def test_what_was_half_filled_reaches_the_agent_and_is_offered_again(
    owner: Owner, agent: Agent
) -> None:
    owner.say("周四下午去闵行店做小保养")
    owner.say("等等，先转人工")
    handoff = agent.take(owner.id)
    collected = str(agent.detail(handoff)["collected"])
    assert "minor_service" in collected or "小保养" in collected
    agent.end(handoff)
    back = owner.say("你好")
    resume = button(back, "接着办")
    asked = owner.press(resume)
    assert not cards(asked, "booking")
    assert buttons(asked)
    # What is resumed knows what was said before.
    assert "小保养" not in buttons(asked)
    assert owner.bookings() == []


def test_the_first_answer_is_due_in_seconds(owner: Owner, agent: Agent) -> None:
    owner.say("转人工")
    (handoff,) = agent.queue(owner.id)
    due = datetime.fromisoformat(handoff["sla"]["first_response"]["due_at"])
    assert 0 < (due - datetime.fromisoformat(MONDAY)).total_seconds() < 600
    handoff_id = agent.take(owner.id)
    agent.reply(handoff_id, "您好，我是小李，看到您的问题了。")
    assert agent.detail(handoff_id)["sla"]["first_response"]["status"] == "met"
