"""Trying a car: open to everybody."""

from __future__ import annotations

from collections.abc import Callable

from tests.stack.owner import Owner, assert_read_back, button, buttons, cards, heard


def test_a_visitor_books_a_test_drive(customer: Callable[[str], Owner]) -> None:
    visitor = customer("visitor-1")
    offered = visitor.say("周六下午两点想去徐汇店试驾YS8")
    (offer,) = cards(offered, "offer")
    assert offer["start"].startswith("2026-11-28T14:00")
    booked = visitor.press(button(offered, "确定"))
    (booking,) = visitor.bookings("test_drive")
    assert "YS8" in heard(booked)
    assert_read_back(heard(booked), booking)


def test_it_asks_for_the_model_and_the_place(customer: Callable[[str], Owner]) -> None:
    visitor = customer("visitor-1")
    asked = visitor.say("想预约试驾")
    asked = visitor.press(button(asked, "YT5"))
    asked = visitor.say("徐汇店")
    offered = visitor.say("周日上午十一点")
    (offer,) = cards(offered, "offer")
    assert offer["place"]["name"] == "上海徐汇体验店"
    assert "YT5" in heard(offered)


def test_only_where_such_a_car_stands(customer: Callable[[str], Owner]) -> None:
    visitor = customer("visitor-1")
    refused = visitor.say("周六下午两点去闵行店试驾YS8")  # 闵行 shows a YS6 and a YT5
    assert not cards(refused, "offer")
    assert buttons(refused)
    assert visitor.bookings() == []
