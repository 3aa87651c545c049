"""Distances and times on the road, and where an address is."""

from __future__ import annotations

import random

import pytest

from pitstop.care import journeys, travel
from pitstop.care.positions import distance_km
from pitstop.care.tables import Place

MINHANG = (31.11, 121.38)


def place(name: str = "上海闵行服务中心", **more) -> Place:
    values = {"id": name, "kind": "service_centre", "city": "上海", "aliases": [], "reach_km": 25.0}
    return Place(**{**values, "name": name, "lat": 31.11, "lng": 121.38, **more})


def test_the_way_by_road_is_longer_than_the_crow_flies_and_the_same_both_ways() -> None:
    there = (31.24, 121.50)
    crow = distance_km(MINHANG, there)
    assert crow < travel.km(MINHANG, there) < 1.6 * crow
    assert travel.km(MINHANG, there) == travel.km(there, MINHANG)
    assert travel.km(MINHANG, MINHANG) == 0
    assert travel.minutes(MINHANG, MINHANG) == 0


def test_speeds_are_those_of_the_settings() -> None:
    assert travel.minutes_for(5) == pytest.approx(5 / 22 * 60)
    assert travel.minutes_for(20) == pytest.approx(5 / 22 * 60 + 15 / 35 * 60)
    assert travel.minutes_for(80) == pytest.approx(5 / 22 * 60 + 15 / 35 * 60 + 60)


def test_a_stop_on_the_way_never_shortens_it() -> None:
    draw = random.Random(1)
    spots = [(31 + draw.random() / 2, 121 + draw.random() / 2) for _ in range(30)]
    for _ in range(500):
        a, b, c = draw.sample(spots, 3)
        assert travel.km(a, c) <= travel.km(a, b) + travel.km(b, c) + 1e-9
        assert travel.minutes(a, c) <= travel.minutes(a, b) + travel.minutes(b, c) + 1e-9


@pytest.mark.parametrize(
    ("address", "city"),
    [
        ("上海市闵行区七莘路100号", "上海"),
        ("上海虹桥路1号", "上海"),
        ("江苏省苏州市工业园区星湖街1号", "苏州"),
        ("苏州工业园区星湖街1号", "苏州"),
        ("昆山花桥徐公桥路2号", "昆山"),
        ("七莘路100号", None),
        # Streets and parks that are called like a city.
        ("上海路5号", None),
        ("南京东路300号", None),
        ("北京西路1399号", None),
        ("金华路77号", None),
        ("中山公园地铁站3号口", None),
    ],
)
def test_the_city_of_an_address(address: str, city: str | None) -> None:
    assert travel.city_in(address) == city


@pytest.mark.parametrize(
    ("address", "district"),
    [
        ("上海市闵行区七莘路100号", "闵行"),
        ("浦东新区张杨路500号", "浦东"),
        ("上海松江文诚路8号", "松江"),
        ("闵行路3号", None),
        ("七莘路100号", None),
        ("苏州市相城区", None),
    ],
)
def test_the_district_of_an_address(address: str, district: str | None) -> None:
    assert travel.district_in(address, "上海") == district


def test_a_known_place_in_an_address_says_more_than_its_district() -> None:
    near = [
        place(),
        place("虹桥天地换电站", lat=31.20, lng=121.32),
        place("七宝换电站", aliases=["七宝"], lat=31.16, lng=121.35),
    ]
    assert travel.position_in("闵行区申长路688号虹桥天地3号楼", "上海", near) == (31.20, 121.32)
    assert travel.position_in("闵行区七宝镇青年路", "上海", near) == (31.16, 121.35)
    assert travel.position_in("松江区文诚路8号", "上海", near) == (31.03, 121.23)
    assert travel.position_in("文诚路8号", "上海", near) is None


def test_a_position_decides_how_far_we_come() -> None:
    assert journeys.reach(place(), (31.16, 121.35))
    assert not journeys.reach(place(), (31.40, 121.49))
    # Over the city's border, but near.
    assert journeys.reach(place("花桥", lat=31.30, lng=121.10), (31.29, 121.14))
    assert not journeys.reach(place(reach_km=None), MINHANG)


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("上海市闵行区七莘路100号", False),
        ("七莘路100号", False),
        ("南京东路300号", False),
        ("苏州市相城区人民路1号", True),
        ("昆山花桥徐公桥路2号", True),
        ("上海市崇明区城桥镇1号", True),
    ],
)
def test_without_a_position_the_city_and_the_district_do(address: str, outside: bool) -> None:
    assert journeys.outside_reach(address, place()) is outside


def test_who_goes_nowhere_comes_to_nobody() -> None:
    assert journeys.outside_reach("上海市闵行区七莘路100号", place(reach_km=None))
