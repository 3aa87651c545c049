"""Having the car serviced: in one sentence, piece by piece, picked up, refused and corrected."""

from __future__ import annotations

from collections.abc import Callable

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


def test_everything_in_one_sentence_is_offered_and_booked_on_a_yes(
    stack: Stack, owner: Owner
) -> None:
    offered = owner.say("周四下午两点去闵行店做小保养")

    (offer,) = cards(offered, "offer")
    assert offer["start"].startswith("2026-11-26T14:00")
    for part in ("小保养", "上海闵行服务中心", "周四", "14:00", "沪A·D20751", "299"):
        assert part in heard(offered)
    assert_nothing_claimed(offered)
    assert owner.bookings() == []

    booked = owner.press(button(offered, "确定"))

    (booking,) = owner.bookings("maintenance")
    assert booking["status"] == "confirmed"
    assert booking["start"].startswith("2026-11-26T14:00")
    assert booking["vehicle"] == {"plate": "沪AD20751", "model": "YS6"}
    assert booking["price"]["amount"] == "299.00"
    assert_read_back(heard(booked), booking)
    assert cards(booked, "booking")[0]["reference"] == booking["reference"]
    # A bay and a technician, four quarters of an hour each.
    assert stack.count("tick", booking_id=booking["id"]) == 8


def test_a_typed_yes_books_too(owner: Owner) -> None:
    owner.say("明天上午十点去闵行店做小保养")
    booked = owner.say("好的，就这么定")

    (booking,) = owner.bookings("maintenance")
    assert booking["start"].startswith("2026-11-24T10:00")
    assert_read_back(heard(booked), booking)


def test_piece_by_piece(owner: Owner) -> None:
    asked = owner.say("我想约保养")
    if "小保养" in buttons(asked):
        asked = owner.press(button(asked, "小保养"))
    asked = owner.say("闵行店")
    asked = owner.say("后天下午三点")
    owner.press(button(asked, "确定"))

    (booking,) = owner.bookings("maintenance")
    assert booking["place"]["name"] == "上海闵行服务中心"
    assert booking["start"].startswith("2026-11-25T15:00")


def test_an_open_time_offers_free_ones_as_buttons(owner: Owner) -> None:
    asked = owner.say("这周五下午去闵行店做小保养")
    times = [payload for title, payload in buttons(asked).items() if "周五" in title]
    assert times, heard(asked)

    offered = owner.press(times[0])
    (offer,) = cards(offered, "offer")
    assert offer["start"].startswith("2026-11-27T")
    assert offer["start"][11:13] >= "12"
    owner.press(button(offered, "确定"))
    (booking,) = owner.bookings("maintenance")
    assert booking["start"] == offer["start"]


def test_pick_up_needs_an_address_and_is_booked_as_such(owner: Owner) -> None:
    offered = owner.say("周四上午十点闵行店做小保养，你们上门取送")
    assert_nothing_claimed(offered)
    if not cards(offered, "offer"):
        offered = owner.say("闵行区莘建路200号3号楼")
    (offer,) = cards(offered, "offer")
    assert offer["mode"] == "pickup"
    owner.press(button(offered, "确定"))
    (booking,) = owner.bookings("maintenance")
    assert booking["mode"] == "pickup"


def test_with_two_cars_it_asks_which(customer: Callable[[str], Owner]) -> None:
    two = customer("owner-2")
    asked = two.say("周四下午两点去金桥店做小保养")
    assert {"YT5", "YC6"} <= {title[:3] for title in buttons(asked)}
    offered = two.press(button(asked, "YC6"))
    assert "沪A·F50293" in heard(offered)
    two.press(button(offered, "确定"))
    (booking,) = two.bookings("maintenance")
    assert booking["vehicle"]["model"] == "YC6"


def test_a_closed_hour_is_refused_with_the_opening_hours_and_other_times(
    stack: Stack, owner: Owner
) -> None:
    before = stack.everything()
    refused = owner.say("明天晚上十点去闵行店做小保养")
    assert "08:30" in heard(refused) or any("周" in title for title in buttons(refused))
    assert not cards(refused, "offer")
    assert stack.everything() == before


def test_a_time_that_has_passed_is_not_offered(stack: Stack, owner: Owner) -> None:
    before = stack.everything()
    refused = owner.say("昨天下午三点去闵行店做小保养")
    assert not cards(refused, "offer")
    assert "过" in heard(refused)
    assert stack.everything() == before


def test_a_date_that_does_not_exist_is_said_so(stack: Stack, owner: Owner) -> None:
    refused = owner.say("2月30号上午去闵行店做小保养")
    assert not cards(refused, "offer")
    assert "没有这个日期" in heard(refused)
    assert owner.bookings() == []


def test_a_full_hour_is_refused_and_the_next_is_offered(
    stack: Stack, customer: Callable[[str], Owner]
) -> None:
    # 莘庄 has one technician who services.
    for who in ("owner-1", "owner-8"):
        other = customer(who)
        offered = other.say("明天上午十点去莘庄店做小保养")
        if who == "owner-1":
            other.press(button(offered, "确定"))
            assert len(other.bookings("maintenance")) == 1
            continue
        assert not cards(offered, "offer")
        assert any("周" in title for title in buttons(offered)), heard(offered)
        assert other.bookings("maintenance") == []
    assert len({row["number"] for row in stack.rows("tick", resource_id="store-4-bay-1")}) <= 4


def test_another_time_and_another_place_change_the_offer(owner: Owner) -> None:
    offered = owner.say("周四下午两点去闵行店做小保养")
    asked = owner.press(button(offered, "换个时间"))
    assert_nothing_claimed(asked)
    offered = owner.say("周五上午十点")
    assert cards(offered, "offer")[0]["start"].startswith("2026-11-27T10:00")
    asked = owner.press(button(offered, "换个地方"))
    assert_nothing_claimed(asked)
    offered = owner.say("闸北店")
    (offer,) = cards(offered, "offer")
    assert offer["place"]["name"] == "闸北服务中心"
    owner.press(button(offered, "确定"))
    (booking,) = owner.bookings("maintenance")
    assert booking["place"]["name"] == "闸北服务中心"
    assert booking["start"].startswith("2026-11-27T10:00")


def test_a_position_finds_the_nearest_store(owner: Owner) -> None:
    owner.say("我要做小保养，周四下午两点")
    asked = owner.locate(31.27, 121.46)
    assert "闸北服务中心" in " ".join(buttons(asked)), heard(asked)
    offered = owner.press(button(asked, "闸北服务中心"))
    assert cards(offered, "offer")[0]["place"]["name"] == "闸北服务中心"


def test_a_symptom_nobody_lists_becomes_an_inspection(owner: Owner) -> None:
    offered = owner.say("周四下午两点去闵行店检查一下，右前方有异响")
    (offer,) = cards(offered, "offer")
    assert offer["service"] == "故障检查"
    assert offer["price"]["estimate"] is True
