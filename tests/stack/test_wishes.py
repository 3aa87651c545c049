"""Two wishes in one message: both are done, each once, one after the other."""

from __future__ import annotations

from tests.stack.owner import Owner, button, buttons, cards, heard
from tests.stack.stack import Stack


def test_a_booking_then_the_points(owner: Owner) -> None:
    offered = owner.say("周四下午两点去闵行店做小保养，再帮我查一下我有多少积分")
    assert cards(offered, "offer")
    booked = owner.press(button(offered, "确定"))
    assert len(owner.bookings("maintenance")) == 1
    assert "2680" in heard(offered) + heard(booked)


def test_a_booking_then_a_complaint(stack: Stack, owner: Owner) -> None:
    offered = owner.say("周四下午两点去闵行店做小保养，另外我要投诉上次多收了我两百块钱")
    booked = owner.press(button(offered, "确定"))
    assert len(owner.bookings("maintenance")) == 1
    assert owner.complaints() == []
    # The complaint goes on by itself: what the owner wants is asked next.
    assert "投诉" in heard(booked)
    asked = owner.say("把多收的钱退给我")
    owner.press(button(asked, "在这里回复"))
    (case,) = owner.complaints()
    assert "两百" in case["text"]


def test_two_bookings_are_two_writes_and_a_repeat_is_none(stack: Stack, owner: Owner) -> None:
    message_id = stack.new_id()
    text = "周四下午两点去闵行店做小保养，再约今天下午四点徐家汇换电站换电"
    offered = owner.say(text, message_id=message_id)
    again = owner.say(text, message_id=message_id)
    assert [m["id"] for m in offered["messages"]] == [m["id"] for m in again["messages"]]
    for _ in range(3):
        if "确定" not in buttons(offered):
            break
        offered = owner.press(button(offered, "确定"))
    assert sorted(one["kind"] for one in owner.bookings()) == ["maintenance", "swap"]


def test_a_wish_in_the_middle_is_kept_for_later(owner: Owner) -> None:
    offered = owner.say("周四下午两点去闵行店做小保养")
    kept = owner.say("对了，我还要投诉上次多收了我两百块钱")
    # The offer is still there to say yes to.
    confirm = buttons(kept).get("确定") or button(offered, "确定")
    after = owner.press(confirm)
    assert len(owner.bookings("maintenance")) == 1
    assert "投诉" in heard(kept) + heard(after)
