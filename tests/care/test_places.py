"""Places: finding them, their hours, and what is shown of them."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pitstop.base import clock
from pitstop.care import places
from pitstop.care.hours import Calendar
from pitstop.care.tables import PlaceException
from pitstop.storage.database import Database

EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=clock.SHANGHAI)


async def test_all_stores_and_stations(seeded: Database) -> None:
    async with seeded.read() as session:
        stores = await places.all_places(session, places.STORE_KINDS)
        stations = await places.all_places(session, places.STATION_KINDS)
        assert [len(stores), len(stations)] == [14, 36]
        assert [row.id for row in stores[:3]] == ["store-1", "store-2", "store-3"]
        assert stations[9].id == "station-10"
        beijing = await places.all_places(session, places.SERVICE_KINDS, "北京")
        assert [row.name for row in beijing] == ["北京亦庄服务中心"]


async def test_found_by_name_and_alias(seeded: Database) -> None:
    async with seeded.read() as session:
        found = await places.by_name(session, "上海闵行服务中心")
        assert found is not None and found.id == "store-1"
        found = await places.by_name(session, "闵行店")
        assert found is not None and found.id == "store-1"
        assert await places.by_name(session, "月球店") is None


async def test_an_alias_of_two_places_is_no_answer(seeded: Database) -> None:
    """Both sides of a motorway: from one you cannot reach the other."""
    async with seeded.read() as session:
        assert await places.by_name(session, "阳澄湖服务区") is None
        both = await places.named(session, "阳澄湖服务区")
        assert {row.side for row in both} == {"沪宁高速上海方向", "沪宁高速南京方向"}


async def test_an_unknown_place(seeded: Database) -> None:
    async with seeded.read() as session:
        with pytest.raises(LookupError):
            await places.place(session, "store-99")


async def test_nearest(seeded: Database) -> None:
    async with seeded.read() as session:
        found = await places.nearest(session, (31.20, 121.60), places.STATION_KINDS)
        assert found[0][0].name == "张江换电站"
        assert len(found) == 3
        distances = [km for _, km in found]
        assert distances == sorted(distances)
        assert distances[0] < 0.1


async def test_wire(seeded: Database) -> None:
    async with seeded.read() as session:
        row = await places.place(session, "station-21")
        wire = places.place_wire(row, 3.14159)
        assert wire["name"] == "阳澄湖服务区换电站（北区）"
        assert wire["side"] == "沪宁高速上海方向"
        assert wire["distance_km"] == 3.1
        assert wire["hours"] == [{"days": EVERY_DAY, "opens": "00:00", "closes": "24:00"}]
        assert places.place_wire(row)["distance_km"] is None


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-11-24 08:29", False),
        ("2026-11-24 08:30", True),
        ("2026-11-24 18:59", True),
        ("2026-11-24 19:00", False),
        ("2026-11-29 12:00", True),  # a Sunday
        ("2026-10-01 12:00", True),  # the National Day is a working day here
        ("2027-01-01 12:00", True),
        ("2027-02-06 12:00", False),  # 正月初一: its own calendar says so
        ("2027-02-09 12:00", True),
    ],
)
async def test_open_or_closed(seeded: Database, moment: str, open_: bool) -> None:
    async with seeded.read() as session:
        store = await places.place(session, "store-1")
        assert await places.is_open(session, store, at(moment)) is open_
        station = await places.place(session, "station-1")
        assert await places.is_open(session, station, at(moment))


async def test_a_day_with_other_hours(seeded: Database) -> None:
    async with seeded.write() as session:
        session.add(
            PlaceException(
                place_id="store-1",
                day="2026-11-24",
                windows=[
                    {"opens": "10:00", "closes": "12:00"},
                    {"opens": "13:30", "closes": "16:00"},
                ],
                reason="inventory",
            )
        )
        await session.flush()
        store = await places.place(session, "store-1")
        assert await places.hours_on(session, store, date(2026, 11, 24)) == [
            (at("2026-11-24 10:00"), at("2026-11-24 12:00")),
            (at("2026-11-24 13:30"), at("2026-11-24 16:00")),
        ]
        assert not await places.is_open(session, store, at("2026-11-24 12:30"))
        assert await places.is_open(session, store, at("2026-11-25 12:30"))


def test_a_lunch_break_cannot_be_booked_across() -> None:
    week = [
        {"days": EVERY_DAY, "opens": "09:00", "closes": "12:00"},
        {"days": EVERY_DAY, "opens": "13:00", "closes": "18:00"},
    ]
    days = Calendar(week, {})
    assert days.covers(at("2026-11-24 11:00"), at("2026-11-24 12:00"))
    assert not days.covers(at("2026-11-24 11:30"), at("2026-11-24 13:30"))


def test_past_midnight() -> None:
    days = Calendar([{"days": [5], "opens": "20:00", "closes": "02:00"}], {})
    assert days.covers(at("2026-11-27 23:30"), at("2026-11-28 00:30"))  # Friday night
    assert days.covers(at("2026-11-28 01:00"), at("2026-11-28 02:00"))
    assert not days.covers(at("2026-11-28 01:30"), at("2026-11-28 02:30"))
    assert not days.covers(at("2026-11-28 23:30"), at("2026-11-28 23:45"))


@given(
    start=st.integers(0, 7 * 24 * 60),
    length=st.integers(1, 3 * 24 * 60),
)
def test_round_the_clock_is_always_open(start: int, length: int) -> None:
    from datetime import timedelta

    days = Calendar([{"days": EVERY_DAY, "opens": "00:00", "closes": "24:00"}], {})
    begin = at("2026-11-23 00:00") + timedelta(minutes=start)
    assert days.covers(begin, begin + timedelta(minutes=length))
