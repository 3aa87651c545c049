"""What can be reached, and which cars a swap station turns away."""

from __future__ import annotations

import pytest

from pitstop.care import reach
from pitstop.care.reach import Way
from pitstop.care.tables import Place, Vehicle

HU_NING = {"motorway": "沪宁高速", "direction": "上海", "inside": True}


def place(access: dict | None = None, side: str | None = None, name: str = "站") -> Place:
    return Place(id=name, kind="swap_station", name=name, access=access or {}, side=side)


@pytest.mark.parametrize(
    ("access", "side", "expected"),
    [
        ({}, None, []),
        (HU_NING, None, ["仅沪宁高速上海方向可到"]),
        ({}, "沪宁高速南京方向", ["仅沪宁高速南京方向可到"]),
        ({"motorway": "沪昆高速", "inside": False}, None, ["在沪昆高速出口外，下高速可到"]),
        ({"parking": 0}, None, ["在收费停车场内，停车费自理"]),
        (
            {"parking": 30, "height_m": 2.2},
            None,
            ["在收费停车场内，停车30分钟内免费", "限高2.2米"],
        ),
        ({"height_m": 2.0}, None, ["限高2米"]),
        (
            {**HU_NING, "height_m": 3.5},
            "沪宁高速上海方向",
            ["仅沪宁高速上海方向可到", "限高3.5米"],
        ),
    ],
)
def test_what_an_offer_must_say(access: dict, side: str | None, expected: list[str]) -> None:
    assert reach.notes(place(access, side)) == expected


@pytest.mark.parametrize(
    ("motorway", "direction", "expected"),
    [
        (None, None, False),  # from town nobody gets into a service area
        ("沪宁高速", "上海", True),
        ("沪宁高速", "南京", False),
        ("沪宁高速", None, True),  # the note says which side
        ("G42", "上海方向", True),
        ("沪宁", "往镇江", False),
        (None, "上海", True),
        (None, "南京", False),
        ("沪昆高速", "上海", False),
        ("G4", "北京", False),
    ],
)
def test_a_service_area_is_for_its_side_of_its_road(
    motorway: str | None, direction: str | None, expected: bool
) -> None:
    for there in (place(HU_NING), place(side="沪宁高速上海方向")):
        assert reach.reachable(there, on_motorway=motorway, direction=direction) is expected


@pytest.mark.parametrize("way", [Way(), Way("沪宁高速", "南京"), Way("G4", None)])
def test_any_road_leads_to_town(way: Way) -> None:
    outside = place({"motorway": "沪宁高速", "inside": False})
    for there in (place(), place({"parking": 0}), outside):
        assert reach.reachable(there, on_motorway=way.motorway, direction=way.direction)


def test_suggestions_leave_out_what_cannot_be_reached() -> None:
    here = [
        place(name="town"),
        place(HU_NING, name="north"),
        place({**HU_NING, "direction": "南京"}, name="south"),
    ]
    assert [row.name for row in reach.suggested(here)] == ["town"]
    towards_nanjing = reach.way_said("我在沪宁高速上，往南京开")
    assert [row.name for row in reach.suggested(here, towards_nanjing)] == ["town", "south"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("我在沪宁高速往南京开", Way("沪宁高速", "南京")),
        ("G42 上海方向", Way("沪宁高速", "上海")),
        ("滬寧高速去上海", Way("沪宁高速", "上海")),
        ("从上海往南京，走沪宁", Way("沪宁高速", "南京")),
        ("沪宁高速上，快没电了", Way("沪宁高速", None)),
        ("G60去杭州", Way("沪昆高速", "昆明")),
        ("G4北京方向", Way("京港澳高速", "北京")),
        ("沪陕往西安那边", Way("沪陕高速", "西安")),
        ("往南京开", Way()),
        ("附近有没有换电站", Way()),
    ],
)
def test_the_way_that_a_sentence_names(text: str, expected: Way) -> None:
    assert reach.way_said(text) == expected


# ---- who is turned away -------------------------------------------------------------------------


def car(**more: object) -> Vehicle:
    values = {"model": "YS6", "pack_kwh": 100, "battery_contract": "owned", **more}
    return Vehicle(**{"arrears": False, "conditions": [], **values})


@pytest.mark.parametrize(
    ("vehicle", "has_pack", "expected"),
    [
        (car(), True, None),
        (car(), False, "pack_does_not_fit"),
        (car(arrears=True), True, "arrears"),
        (car(conditions=["bottomed"]), True, "bottomed"),
        (car(conditions=["flooded"]), True, "flooded"),
        (car(conditions=["high_voltage_fault"]), True, "high_voltage_fault"),
        (car(conditions=["old_software"]), True, "old_software"),
        (car(conditions=["commercial"]), True, None),
        (car(conditions=["commercial"], battery_contract="leased"), True, "commercial"),
        # What is dangerous comes first.
        (car(arrears=True, conditions=["old_software", "flooded"]), False, "flooded"),
    ],
)
def test_why_a_car_cannot_swap(vehicle: Vehicle, has_pack: bool, expected: str | None) -> None:
    code = reach.refusal(vehicle, place(), has_pack)
    assert code == expected
    if code is not None:
        assert len(reach.refusal_text(code)) > 8


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("刚拖底了", "bottomed"),
        ("不小心拖底了", "bottomed"),
        ("没注意，托了底，能换电吗", "bottomed"),
        ("可能刮到底盘了", "bottomed"),
        ("昨天暴雨车泡水了", "flooded"),
        ("剛才涉水了", "flooded"),
        ("仪表报高压系统故障", "high_voltage_fault"),
        ("站里说版本太低", "old_software"),
        ("没拖底，就是想换电", None),
        ("从来没有涉水", None),
        ("万一涉水了怎么办", None),
        ("要是拖底了还能换吗", None),
        ("能涉水多深", None),
        ("怕涉水，绕路走的", None),
        ("涉水模式在哪开", None),
        ("我是跑网约车的", None),
        ("约个换电", None),
        ("", None),
    ],
)
def test_what_owners_say_of_the_car_counts(text: str, expected: str | None) -> None:
    assert reach.condition_said(text) == expected


def test_commercial_use_counts_where_the_contract_excludes_it() -> None:
    assert reach.condition_said("我是跑网约车的", "leased") == "commercial"
    assert reach.condition_said("我是跑网约车的", "owned") is None
