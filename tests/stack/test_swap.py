"""Swapping the battery: an estimate, a locked battery, and cars that cannot."""

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


def test_a_battery_is_kept_at_a_station(stack: Stack, owner: Owner) -> None:
    offered = owner.say("今天下午三点去徐家汇换电站换电")
    (offer,) = cards(offered, "offer")
    # (100 - 62) % of 100 kWh at 1.2 元, and 30 元 for the service.
    shown = {key: offer["price"][key] for key in ("amount", "currency", "estimate")}
    assert shown == {"amount": "75.60", "currency": "CNY", "estimate": True}
    assert (offer["price"]["parts"], offer["price"]["labour"]) == ("45.60", "30.00")
    assert "预估" in heard(offered)
    assert "75.6" in heard(offered)
    assert_nothing_claimed(offered)

    booked = owner.press(button(offered, "确定"))
    (booking,) = owner.bookings("swap")
    assert booking["start"].startswith("2026-11-23T15:00")
    assert booking["mode"] == "station"
    assert_read_back(heard(booked), booking)
    # Five hours ahead it is a plan: the time at the bay is taken, the pack is locked later.
    assert booking["step"] == "planned"
    assert held(stack, booking["id"]) == {"bay"}


def test_at_short_notice_the_pack_is_locked_at_once(stack: Stack, owner: Owner) -> None:
    offered = owner.say("今天中午十二点半去徐家汇换电站换电")
    booked = owner.press(button(offered, "确定"))
    (booking,) = owner.bookings("swap")
    assert booking["start"].startswith("2026-11-23T12:30")
    assert booking["step"] == "locked"
    assert held(stack, booking["id"]) == {"bay", "pack"}
    # Until when it is kept is read from the row: the window and ten minutes.
    assert "12:55" in heard(booked)


def held(stack: Stack, booking_id: str) -> set[str]:
    """Return what kinds of things a booking holds."""
    rows = stack.rows("tick", booking_id=booking_id)
    return {row["resource_id"].split("-")[2] for row in rows}


def test_a_car_that_cannot_swap_is_never_offered_one(
    stack: Stack, customer: Callable[[str], Owner]
) -> None:
    both = customer("owner-4")  # a YS8 that swaps, a YM3 that does not
    offered = both.say("今天下午三点在杭州滨江换电站换电")
    assert cards(offered, "offer")[0]["vehicle"]["model"] == "YS8"
    both.say("算了")
    before = stack.everything()
    refused = both.say("给我的YM3约今天下午三点杭州滨江换电站换电")
    assert not any(
        (card["vehicle"] or {}).get("model") == "YM3" for card in cards(refused, "offer")
    )
    assert stack.everything() == before


def test_further_ahead_than_a_battery_is_kept_is_refused(stack: Stack, owner: Owner) -> None:
    before = stack.everything()
    refused = owner.say("下周五下午三点去徐家汇换电站换电")
    assert not cards(refused, "offer")
    assert "最远" in heard(refused) or buttons(refused)
    assert_nothing_claimed(refused)
    assert stack.everything() == before


def test_a_name_that_two_stations_share_is_asked_back(customer: Callable[[str], Owner]) -> None:
    driver = customer("owner-5")
    asked = driver.say("今天下午三点去阳澄湖服务区换电")
    titles = [title for title in buttons(asked) if "阳澄湖" in title]
    assert len(titles) == 2
    assert any("上海方向" in title for title in titles)
    assert any("南京方向" in title for title in titles)
    offered = driver.press(button(asked, "南京方向"))
    assert cards(offered, "offer")[0]["place"]["name"].endswith("（南区）")


def test_a_position_finds_the_nearest_station(owner: Owner) -> None:
    owner.say("我要换电")
    asked = owner.locate(31.19, 121.43)
    assert "徐家汇换电站" in " ".join(buttons(asked))


def test_a_closed_station_is_refused(stack: Stack, owner: Owner) -> None:
    refused = owner.say("明天早上六点去陆家嘴换电站换电")
    assert not cards(refused, "offer")
    assert "07:00" in heard(refused) or buttons(refused)
    assert owner.bookings() == []
