"""Complaints: taken down with what the owner wants, numbered, promised, chased."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tests.stack.agent import Agent
from tests.stack.owner import WEEKDAY, Owner, assert_nothing_claimed, button, cards, heard
from tests.stack.stack import MONDAY, Stack


def complain(owner: Owner, story: str) -> dict[str, object]:
    """Go through the whole form and return the last answer."""
    asked = owner.say(story)
    asked = owner.say("希望退还多收的费用，并给个说法")
    return owner.press(button(asked, "在这里回复"))


def test_a_complaint_gets_a_number_and_a_time(owner: Owner) -> None:
    asked = owner.say("我要投诉，上周保养多收了我两百块钱")
    assert_nothing_claimed(asked)
    assert owner.complaints() == []
    asked = owner.say("把多收的钱退给我")
    assert_nothing_claimed(asked)
    filed = owner.press(button(asked, "尾号"))

    (case,) = owner.complaints()
    assert case["number"] in heard(filed)
    assert WEEKDAY.search(heard(filed))
    assert "退" in case["wish"]
    assert "两百" in case["text"]
    assert case["severity"] == "P2"
    # Twenty-four hours by the clock on the wall.
    promised = datetime.fromisoformat(case["respond_by"]) - datetime.fromisoformat(MONDAY)
    assert timedelta(hours=23, minutes=50) < promised < timedelta(hours=24, minutes=10)
    assert cards(filed, "case")[0]["number"] == case["number"]


def test_only_saying_so_is_asked_what_happened(owner: Owner) -> None:
    asked = owner.say("我要投诉")
    assert_nothing_claimed(asked)
    owner.say("提车的时候销售承诺的充电桩一直没给我安装")
    asked = owner.say("尽快给我安装充电桩")
    filed = owner.press(button(asked, "在这里回复"))
    (case,) = owner.complaints()
    assert "充电桩" in case["text"]
    assert case["number"] in heard(filed)


def test_the_authorities_make_it_grave_and_fetch_a_person(owner: Owner, agent: Agent) -> None:
    complain(owner, "投诉你们，刹车异响修了三次没修好，再不处理我就打12315找媒体曝光")
    (case,) = owner.complaints()
    assert case["severity"] == "P1"
    assert owner.conversation()["state"] == "queued"
    (handoff,) = agent.queue(owner.id)
    assert handoff["priority"] == "P1"


def test_nobody_asks_how_serious_it_is(owner: Owner) -> None:
    asked = owner.say("我要投诉，维修后车门有划痕")
    said = heard(asked)
    for question in ("严重", "紧急程度", "等级"):
        assert question not in said


def test_chasing_names_the_case_and_the_second_time_escalates(
    stack: Stack, customer: Callable[[str], Owner]
) -> None:
    waiting = customer("owner-6")
    (case,) = waiting.complaints()
    first = waiting.say("我的投诉怎么还没人联系我")
    assert case["number"] in heard(first)
    assert WEEKDAY.search(heard(first))
    second = waiting.say("催一下，我的投诉到底有没有人管")
    assert case["number"] in heard(second)
    assert "升级" in heard(second)
    (after,) = waiting.complaints()
    assert after["chases"] == 2
    assert after["escalated"] is True
    assert stack.count("case_file", customer_id="owner-6") == 1


def test_stopping_in_the_middle_files_nothing(stack: Stack, owner: Owner) -> None:
    before = stack.everything()
    owner.say("我要投诉，上周保养多收了我两百块钱")
    assert_nothing_claimed(owner.say("算了，不投诉了"))
    assert owner.complaints() == []
    assert stack.everything() == before


def test_a_phone_number_is_taken_and_never_shown_in_full(owner: Owner) -> None:
    owner.say("我要投诉，上周保养多收了我两百块钱")
    owner.say("把多收的钱退给我")
    filed = owner.say("打这个电话 13812345678")
    (case,) = owner.complaints()
    assert case["number"] in heard(filed)
    assert "13812345678" not in heard(filed)


def test_danger_in_the_middle_comes_first(owner: Owner) -> None:
    owner.say("我要投诉，上周保养多收了我两百块钱")
    warned = owner.say("不好了，现在车子冒烟着火了，我还在高速上")
    assert "119" in heard(warned)
    assert owner.conversation()["state"] == "queued"
