"""Bookings that exist: shown, moved, cancelled."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stack.owner import (
    Owner,
    assert_nothing_claimed,
    assert_read_back,
    button,
    buttons,
    cards,
    heard,
)
from tests.stack.stack import Stack


@pytest.fixture
def booked(customer: Callable[[str], Owner]) -> Owner:
    """孙立群: a cabin filter at 浑南 on Wednesday at two."""
    return customer("owner-7")


def test_a_booking_is_shown_with_its_day_and_number(booked: Owner) -> None:
    (booking,) = booked.bookings("maintenance")
    shown = booked.say("我的预约是什么时候")
    assert_read_back(heard(shown), booking)
    assert cards(shown, "booking")[0]["reference"] == booking["reference"]


def test_who_has_none_is_told_so(owner: Owner) -> None:
    shown = owner.say("查一下我的预约")
    assert not cards(shown)
    assert "没有" in heard(shown)


def test_another_day_moves_it_under_the_same_number(stack: Stack, booked: Owner) -> None:
    (before,) = booked.bookings("maintenance")
    offered = booked.say("把我的预约改到周五上午十点")
    (offer,) = cards(offered, "offer")
    assert offer["start"].startswith("2026-11-27T10:00")
    assert_nothing_claimed(offered)
    assert booked.bookings("maintenance")[0]["start"] == before["start"]

    moved = booked.press(button(offered, "确定"))
    (after,) = booked.bookings("maintenance")
    assert after["reference"] == before["reference"]
    assert after["start"].startswith("2026-11-27T10:00")
    assert_read_back(heard(moved), after)
    # Half an hour of a bay and a technician, and the old ones let go.
    assert stack.count("tick", booking_id=after["id"]) == 4


def test_the_button_under_a_booking_moves_it(booked: Owner) -> None:
    shown = booked.say("查一下我的预约")
    asked = booked.press(button(shown, "改时间"))
    assert_nothing_claimed(asked)
    offered = booked.say("周五上午十点")
    booked.press(button(offered, "确定"))
    (after,) = booked.bookings("maintenance")
    assert after["start"].startswith("2026-11-27T10:00")


def test_cancelling_asks_first_and_then_frees_the_time(stack: Stack, booked: Owner) -> None:
    (before,) = booked.bookings("maintenance")
    asked = booked.say("取消我的预约")
    assert before["reference"] in heard(asked)
    assert booked.bookings("maintenance")[0]["status"] == "confirmed"

    cancelled = booked.press(button(asked, "确定"))
    (after,) = booked.bookings("maintenance")
    assert after["status"] == "cancelled"
    assert before["reference"] in heard(cancelled)
    assert stack.count("tick", booking_id=after["id"]) == 0


def test_a_no_cancels_nothing(stack: Stack, booked: Owner) -> None:
    before = stack.everything()
    asked = booked.say("取消我的预约")
    kept = booked.press(button(asked, "先不取消"))
    assert_nothing_claimed(kept)
    assert booked.bookings("maintenance")[0]["status"] == "confirmed"
    assert stack.everything() == before


def test_the_cancel_button_pressed_twice_cancels_once(stack: Stack, booked: Owner) -> None:
    asked = booked.say("取消我的预约")
    confirm = button(asked, "确定")
    booked.press(confirm)
    booked.press(confirm)
    (after,) = booked.bookings("maintenance")
    assert after["status"] == "cancelled"
    assert stack.count("booking_change", booking_id=after["id"]) == 1


def test_with_several_it_asks_which(owner: Owner) -> None:
    owner.press(button(owner.say("周四下午两点去闵行店做小保养"), "确定"))
    owner.press(button(owner.say("今天下午四点去徐家汇换电站换电"), "确定"))
    asked = owner.say("取消预约")
    titles = " ".join(buttons(asked))
    assert "小保养" in titles
    assert "换电" in titles
    asked = owner.press(button(asked, "换电"))
    owner.press(button(asked, "确定"))
    states = {one["kind"]: one["status"] for one in owner.bookings()}
    assert states == {"maintenance": "confirmed", "swap": "cancelled"}


def test_nothing_to_change_is_said_so(stack: Stack, owner: Owner) -> None:
    before = stack.everything()
    assert_nothing_claimed([owner.say("帮我改一下预约时间"), owner.say("取消我的预约")])
    assert stack.everything() == before
