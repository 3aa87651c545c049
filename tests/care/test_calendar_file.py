"""A booking's calendar file, read by a reader of our own."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import update

from pitstop.base.ids import new_id
from pitstop.care.calendar_file import calendar_file
from pitstop.care.calendar_tokens import booking_id_of, calendar_path, token_of
from pitstop.care.navigation import full_name, geo_uri, links, map_url
from pitstop.care.service_tables import Journey
from pitstop.care.tables import Booking, BookingChange, Place
from pitstop.care.views import PlaceBrief, booking_view
from pitstop.storage.database import Database
from tests.care import ics
from tests.care.help import at

STORE = PlaceBrief(
    "store-1", "上海闵行服务中心", 31.11, 121.38, None, "service_centre", "上海"
)  # fmt: skip


@pytest.fixture
def shop(seeded: Database) -> Database:
    return seeded


async def book(database: Database, **more: Any) -> str:
    values = {
        "id": new_id(),
        "reference": f"BK{new_id()[-8:]}",
        "customer_id": "owner-1",
        "vehicle_id": "car-1",
        "kind": "maintenance",
        "service": "minor_service",
        "services": ["minor_service"],
        "place_id": "store-1",
        "start": at("24 14:00"),
        "end": at("24 15:30"),
        "note": "后排有异响，电话13900018801",
        "pickup_address": "上海市闵行区某路 8 号 1201",
        "position": "31.20,121.40",
        **more,
    }
    async with database.write() as session:
        session.add(Booking(**values))
        await session.flush()
        session.add(
            BookingChange(booking_id=values["id"], change="booked", actor="owner-1")
        )  # fmt: skip
    return str(values["id"])


async def change(database: Database, booking_id: str, what: str, **values: Any) -> None:
    async with database.write() as session:
        await session.execute(update(Booking).where(Booking.id == booking_id).values(**values))
        session.add(BookingChange(booking_id=booking_id, change=what, actor="owner-1"))


async def file_of(database: Database, booking_id: str) -> tuple[ics.Component, ics.Component]:
    """Return the calendar and its only event; what every file must hold is looked at here."""
    async with database.read() as session:
        body = await calendar_file(session, booking_id)
    calendar = ics.read(body)
    assert calendar.one("VERSION").raw == "2.0"
    assert calendar.one("PRODID").raw
    assert calendar.all("METHOD") == [], "then the Content-Type would have to name it too"
    (event,) = calendar.within("VEVENT")
    for once in ("UID", "DTSTAMP", "DTSTART", "DTEND", "SEQUENCE", "STATUS", "SUMMARY"):
        event.one(once)
    assert ics.moment(calendar, event.one("DTSTART")) < ics.moment(calendar, event.one("DTEND"))
    whole = "\n".join(ics.lines_of(body)).replace("\\,", ",")
    for personal in ("AD20751", "13900018801", "陈思远", "某路", "异响", "LYXYS6", "31.20"):
        assert personal not in whole, personal
    assert "{" not in whole and "None" not in whole
    return calendar, event


async def test_a_visit_to_a_store(shop: Database) -> None:
    booking_id = await book(shop)
    calendar, event = await file_of(shop, booking_id)
    start = event.one("DTSTART")
    assert start.parameters == {"TZID": "Asia/Shanghai"} and start.raw == "20261124T140000"
    assert ics.moment(calendar, start) == at("24 14:00")
    assert ics.moment(calendar, event.one("DTEND")) == at("24 15:30")
    assert event.one("SUMMARY").text() == "小保养 · 上海闵行服务中心"
    assert event.one("LOCATION").text().startswith("上海闵行服务中心")
    async with shop.read() as session:
        place = await session.get(Place, "store-1")
    lat, lng = map(float, event.one("GEO").raw.split(";"))
    assert (lat, lng) == (place.lat, place.lng)
    text = event.one("DESCRIPTION").text()
    assert "YS6 沪A***51" in text and "\n" in text
    assert map_url(place) in text and event.one("URL").raw == map_url(place)
    assert event.one("STATUS").raw == "CONFIRMED"
    (alarm,) = event.within("VALARM")
    assert alarm.one("ACTION").raw == "DISPLAY" and alarm.one("DESCRIPTION").text()
    assert ics.length(alarm.one("TRIGGER").raw) == -timedelta(hours=2)


KINDS: list[tuple[dict[str, Any], str, timedelta | None, bool]] = [
    ({"mode": "pickup"}, "上门取车 · 小保养", timedelta(minutes=60), False),
    ({"mode": "on_site"}, "上门服务 · 小保养", timedelta(hours=2), False),
    (
        {"kind": "swap", "mode": "station", "place_id": "station-1", "services": []},
        "换电 · 前滩太古里换电站",
        timedelta(minutes=30),
        True,
    ),
    (
        {"kind": "swap", "mode": "valet", "place_id": "station-1", "services": []},
        "上门取车 · 换电",
        timedelta(minutes=60),
        False,
    ),
    (
        {"kind": "test_drive", "vehicle_id": None, "service": "YS8", "services": ["YS8"]},
        "试驾 YS8 · 上海闵行服务中心",
        timedelta(hours=2),
        True,
    ),
    (
        {"kind": "rescue", "mode": "on_site", "place_id": None, "service": None, "services": []},
        "道路救援",
        None,
        False,
    ),
]


async def test_every_kind_of_booking(shop: Database) -> None:
    for values, summary, ahead, goes in KINDS:
        _, event = await file_of(shop, await book(shop, **values))
        assert event.one("SUMMARY").text() == summary
        alarms = [ics.length(one.one("TRIGGER").raw) for one in event.within("VALARM")]
        assert alarms == ([] if ahead is None else [-ahead]), summary
        for name in ("LOCATION", "GEO", "URL"):
            assert len(event.all(name)) == int(goes), (summary, name)


async def test_a_drivers_window_is_the_appointment(shop: Database) -> None:
    booking_id = await book(shop, mode="pickup")
    async with shop.write() as session:
        session.add(
            Journey(
                booking_id=booking_id,
                leg="out",
                place_id="store-1",
                address="x",
                code="4711",
                window_start=at("24 13:00"),
                window_end=at("24 13:30"),
            )
        )
    calendar, event = await file_of(shop, booking_id)
    assert ics.moment(calendar, event.one("DTSTART")) == at("24 13:00")
    assert ics.moment(calendar, event.one("DTEND")) == at("24 13:30")


async def test_a_move_and_a_cancellation_change_the_same_entry(shop: Database) -> None:
    booking_id = await book(shop)
    _, first = await file_of(shop, booking_id)
    await change(shop, booking_id, "moved", start=at("26 09:00"), end=at("26 10:00"))
    calendar, moved = await file_of(shop, booking_id)
    await change(shop, booking_id, "cancelled", status="cancelled", step="cancelled")
    _, cancelled = await file_of(shop, booking_id)
    events = [first, moved, cancelled]
    assert len({event.one("UID").raw for event in events}) == 1
    numbers = [int(event.one("SEQUENCE").raw) for event in events]
    assert numbers == [0, 1, 2]
    assert ics.moment(calendar, moved.one("DTSTART")) == at("26 09:00")
    assert [e.one("STATUS").raw for e in events] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert cancelled.within("VALARM") == []
    assert cancelled.one("DESCRIPTION").text().startswith("这个预约已取消。")
    assert (await file_of(shop, await book(shop)))[1].one("UID").raw != first.one("UID").raw


async def test_read_twice_it_is_the_same(shop: Database) -> None:
    booking_id = await book(shop)
    async with shop.read() as session:
        first = await calendar_file(session, booking_id)
    async with shop.read() as session:
        assert await calendar_file(session, booking_id) == first


async def test_any_name_survives_folding_and_escaping(shop: Database) -> None:
    booking_id = await book(shop)
    names = ["分号;逗号,反斜杠\\新行\n结束", '引号":冒号', "驿" * 60, "a" * 60, "混合ab驿" * 12]
    # Every place where a line may have to be cut, in characters of one and of three octets.
    names += ["a" * shift + "驿" * 30 for shift in range(1, 7)]
    for name in names:
        async with shop.write() as session:
            await session.execute(update(Place).where(Place.id == "store-1").values(name=name))
        _, event = await file_of(shop, booking_id)
        assert event.one("SUMMARY").text() == f"小保养 · {name}"


async def test_a_service_areas_side_is_in_the_location(shop: Database) -> None:
    booking_id = await book(shop, kind="swap", mode="station", services=[])
    async with shop.write() as session:
        await session.execute(
            update(Place).where(Place.id == "store-1").values(side="沪陕高速西安方向")
        )
    _, event = await file_of(shop, booking_id)
    assert "上海闵行服务中心 沪陕高速西安方向" in event.one("LOCATION").text()


async def test_a_booking_that_is_not_there(shop: Database) -> None:
    async with shop.read() as session:
        with pytest.raises(LookupError):
            await calendar_file(session, "nothing")


# ---- the address --------------------------------------------------------------------------------


def test_a_token_is_its_bookings_alone() -> None:
    ids = [new_id(), new_id(), "seed-booking-1"]
    tokens = [token_of(one) for one in ids]
    assert [booking_id_of(token) for token in tokens] == ids
    assert len(set(tokens)) == 3
    mine, other = tokens[:2]
    forged = [
        "",
        ".",
        ids[0],
        f"{ids[0]}.",
        f"{ids[0]}.{other.rpartition('.')[2]}",
        mine[:-1],
        f"{mine}0",
        mine.upper(),
        f".{mine.rpartition('.')[2]}",
        f"{mine}\udcff",
        f"{ids[0]}.驿",
    ]
    assert [booking_id_of(one) for one in forged] == [None] * len(forged)
    for at_ in range(len(mine)):
        wrong = "0" if mine[at_] != "0" else "1"
        assert booking_id_of(mine[:at_] + wrong + mine[at_ + 1 :]) is None


# ---- navigation ---------------------------------------------------------------------------------


def test_links_to_a_place() -> None:
    url = urlsplit(map_url(STORE))
    assert (url.scheme, url.netloc, url.path) == ("https", "uri.amap.com", "/navigation")
    query = parse_qs(url.query, strict_parsing=True)
    assert query["to"] == ["121.38,31.11,上海闵行服务中心"]
    assert (query["mode"], query["coordinate"]) == (["car"], ["wgs84"])
    assert map_url(STORE).isascii()
    assert (
        geo_uri(STORE).startswith("geo:31.11,121.38?q=31.11,121.38(") and geo_uri(STORE).isascii()
    )


@pytest.mark.parametrize(
    ("name", "side", "full"),
    [
        ("闸北服务中心", None, "闸北服务中心"),
        ("仪征服务区换电站", "沪陕高速西安方向", "仪征服务区换电站 沪陕高速西安方向"),
        ("梅村服务区（北区）", "北区", "梅村服务区（北区）"),
        ("甲,乙&丙=丁#戊", None, "甲,乙&丙=丁#戊"),
    ],
)
def test_the_side_of_a_service_area_is_in_the_name(name: str, side: str | None, full: str) -> None:
    place = PlaceBrief("p", name, 32.3, 119.15, side, "swap_station", "扬州")
    assert full_name(place) == full
    query = parse_qs(urlsplit(map_url(place)).query, strict_parsing=True)
    lng, lat, to = query["to"][0].split(",")
    assert (float(lat), float(lng), to) == (32.3, 119.15, full.replace(",", " "))


LINKS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"calendar_url", "navigation_url"}),
    ({"mode": "pickup"}, {"calendar_url"}),
    ({"mode": "on_site"}, {"calendar_url"}),
    ({"kind": "swap", "mode": "valet", "place_id": "station-1"}, {"calendar_url"}),
    ({"status": "in_progress", "step": "working"}, {"navigation_url"}),
    ({"status": "cancelled", "step": "cancelled"}, {"calendar_url"}),
    ({"status": "done"}, set()),
    ({"status": "no_show"}, set()),
    ({"kind": "rescue", "mode": "on_site", "place_id": None}, set()),
]


async def test_what_a_card_links_to(shop: Database, monday: datetime) -> None:
    for values, expected in LINKS:
        booking_id = await book(shop, **values)
        async with shop.read() as session:
            view = await booking_view(session, await session.get(Booking, booking_id))
        found = links(view)
        assert set(found) == expected, values
        if "calendar_url" in found:
            assert found["calendar_url"] == calendar_path(booking_id)
