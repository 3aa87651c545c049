"""Anything can be said at any time: a question, a correction, 算了, in the middle of a form."""

from __future__ import annotations

import pytest

from tests.stack.owner import Owner, assert_nothing_claimed, button, buttons, cards, heard
from tests.stack.stack import Stack


def test_a_question_in_the_middle_is_answered_and_nothing_is_lost(owner: Owner) -> None:
    offered = owner.say("周四下午两点去闵行店做小保养")
    answered = owner.say("小保养要多长时间，多少钱")
    assert "299" in heard(answered)
    assert_nothing_claimed(answered)
    confirm = buttons(answered).get("确定") or button(offered, "确定")
    owner.press(confirm)
    (booking,) = owner.bookings("maintenance")
    assert booking["start"].startswith("2026-11-26T14:00")


def test_an_article_in_the_middle_keeps_the_question_open(stack: Stack, owner: Owner) -> None:
    asked = owner.say("我想约保养")
    answered = owner.say("换电一次要多长时间")
    assert answered["messages"]
    assert owner.conversation()["state"] == "bot"
    # The form asks again what it wants to know.
    assert set(buttons(asked)) & set(buttons(answered)), heard(answered)


@pytest.mark.parametrize(
    ("correction", "start", "place"),
    [
        ("改成周五上午十点", "2026-11-27T10:00", "上海闵行服务中心"),
        ("时间不对，是下午三点", "2026-11-26T15:00", "上海闵行服务中心"),
        ("换成闸北店", "2026-11-26T14:00", "闸北服务中心"),
    ],
)
def test_a_correction_changes_only_what_it_names(
    owner: Owner, correction: str, start: str, place: str
) -> None:
    first = owner.say("周四下午两点去闵行店做小保养")
    corrected = owner.say(correction)
    (offer,) = cards(corrected, "offer")
    assert offer["start"].startswith(start)
    assert offer["place"]["name"] == place
    owner.press(button(corrected, "确定"))
    (booking,) = owner.bookings("maintenance")
    assert booking["start"].startswith(start)
    # The first offer's yes does not book a second time.
    owner.press(button(first, "确定"))
    assert len([one for one in owner.bookings() if one["status"] == "confirmed"]) == 1


def test_a_correction_of_the_service(owner: Owner) -> None:
    owner.say("周四下午两点去闵行店做小保养")
    corrected = owner.say("不对，要做的是空调滤芯")
    (offer,) = cards(corrected, "offer")
    assert offer["service"] == "空调滤芯更换"
    assert offer["price"]["amount"] == "158.00"


@pytest.mark.parametrize("word", ["算了", "不约了", "算了不弄了"])
def test_never_mind_leaves_nothing(stack: Stack, owner: Owner, word: str) -> None:
    before = stack.everything()
    offered = owner.say("周四下午两点去闵行店做小保养")
    stopped = owner.say(word)
    assert_nothing_claimed(stopped)
    assert stack.everything() == before
    assert all(row["state"] != "open" for row in stack.rows("offer"))
    # The withdrawn offer cannot be booked by its old button any more.
    late = owner.press(button(offered, "确定"))
    assert_nothing_claimed(late)
    assert owner.bookings() == []
    assert cards(owner.say("今天下午四点去徐家汇换电站换电"), "offer")


def test_no_to_the_offer_books_nothing_and_asks_what_to_change(owner: Owner) -> None:
    owner.say("周四下午两点去闵行店做小保养")
    asked = owner.say("不行")
    assert_nothing_claimed(asked)
    assert owner.bookings() == []
    changed = owner.say("周五上午十点")
    assert cards(changed, "offer")[0]["start"].startswith("2026-11-27T10:00")


def test_a_yes_together_with_a_change_is_a_change(owner: Owner) -> None:
    owner.say("周四下午两点去闵行店做小保养")
    changed = owner.say("好的，不过改到下午三点")
    assert owner.bookings() == []
    assert cards(changed, "offer")[0]["start"].startswith("2026-11-26T15:00")


def test_a_person_in_the_middle_at_once(owner: Owner) -> None:
    owner.say("周四下午两点去闵行店做小保养")
    owner.say("转人工")
    assert owner.conversation()["state"] == "queued"
    assert owner.bookings() == []


def test_an_offer_left_for_hours_does_not_book(stack: Stack, owner: Owner) -> None:
    offered = owner.say("周四下午两点去闵行店做小保养")
    stack.set_clock("2026-11-23T18:00:00+08:00")
    late = owner.press(button(offered, "确定"))
    assert_nothing_claimed(late)
    assert owner.bookings() == []


def test_thanks_after_a_booking_is_no_second_yes(owner: Owner) -> None:
    owner.press(button(owner.say("周四下午两点去闵行店做小保养"), "确定"))
    owner.say("好的谢谢")
    owner.say("好的")
    assert len(owner.bookings()) == 1
