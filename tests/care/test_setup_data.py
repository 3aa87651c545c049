"""What supervisors change: read, checked, written once, by several at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import select

from pitstop.care import setup_data, setup_words, tariffs
from pitstop.care.service_tables import PartClaim, PartUnit, Setting
from pitstop.care.setup_columns import TABLES
from pitstop.care.setup_data import Given, IdConflict, Where
from pitstop.care.setup_tariffs import leaves
from pitstop.care.tables import Place, PlaceException, Resource, ServiceItem, Staff
from pitstop.storage.database import Database
from tests.care.help import at, rows
from tests.care.setup_help import (
    audited,
    booked,
    codes,
    edit,
    furnish,
    row,
    save,
    traces,
)

WEEKDAYS = [{"days": [1, 2, 3, 4, 5], "opens": "09:00", "closes": "18:00"}]


@pytest.fixture
async def boss(database: Database, monday: Any) -> Staff:
    return await furnish(database)


async def one(database: Database, table: Any, key: str) -> Any:
    async with database.read() as session:
        return await session.get(table, key)


# ---- words --------------------------------------------------------------------------------------


def test_every_table_and_column_has_a_name() -> None:
    for table in TABLES.values():
        assert table.label
        heads = [table.label_of(column.name) for column in table.columns]
        assert len(set(heads)) == len(heads), "a file's head must mean one column"
        for column in table.columns:
            assert table.help_of(column.name) is not None
            words = list(column.choices.values())
            assert len(set(words)) == len(words), "a word must mean one code"


def test_every_rule_that_is_shipped_has_a_name() -> None:
    named = {path: setup_words.rule(path).get("label") for path, _ in leaves(tariffs.shipped())}
    assert [path for path, label in named.items() if not label] == []
    assert len(set(named.values())) == len(named)


# ---- reading ------------------------------------------------------------------------------------


async def test_reading_by_place_city_and_words(database: Database, boss: Staff) -> None:
    async with database.read() as session:
        here = await setup_data.read(session, "resources", Where(place_id="store-1"))
        north = await setup_data.read(session, "resources", Where(city="北京"))
        skilled = await setup_data.read(session, "resources", text="钣喷")
        named = await setup_data.read(session, "stock", text="滤芯")
    assert {found.values["place_id"] for found in here} == {"store-1"}
    assert [found.key for found in north] == ["store-2-bay-01"]
    assert [found.values["label"] for found in skilled] == ["李师傅"]
    assert [found.key for found in named] == ["store-1|filter"]


async def test_stock_is_shown_as_counts(database: Database, boss: Staff) -> None:
    await booked(database, "b1", at("24 10:00"), unit="unit-0")
    await booked(database, "b2", at("20 10:00"), unit="unit-1", status="done", step="done")
    found = await row(database, "stock", "store-1|filter")
    assert found.values["on_hand"] == 2  # one of three is used up
    assert found.values["kept"] == 1
    assert found.values["arrivals"] == [{"date": "2026-11-25", "count": 1}]


async def test_a_car_is_shown_by_its_masked_plate(database: Database, boss: Staff) -> None:
    async with database.read() as session:
        found = await setup_data.read(session, "entitlements", text="***45")
        names = await setup_data.names_of(
            session, TABLES["entitlements"], [one.values for one in found]
        )
    assert [entry.values["vehicle_id"] for entry in found] == ["car-1"]
    assert found[0].values["expires_on"] == "2026-12-31"
    assert "12345" not in str(names.labels["vehicle"])


# ---- checking -----------------------------------------------------------------------------------


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("services", {"code": "a", "name": "甲"}, "minutes", "required"),
    ("services", {"code": "空 格"}, "code", "not_code"),
    ("services", {"code": "a", "minutes": "一小时"}, "minutes", "not_number"),
    ("services", {"code": "a", "minutes": 2}, "minutes", "too_small"),
    ("services", {"code": "a", "parts_price": "12.345"}, "parts_price", "not_money"),
    ("services", {"code": "a", "parts_price": "-1"}, "parts_price", "too_small"),
    ("services", {"code": "a", "parts_price": "NaN"}, "parts_price", "not_money"),
    ("services", {"code": "a", "skill": "cooking"}, "skill", "not_choice"),
    ("services", {"code": "a", "kit": {"nothing": 1}}, "kit", "unknown_ref"),
    ("services", {"code": "a", "kit": {"filter": 0}}, "kit", "too_small"),
    ("services", {"code": "a", "prices": {"YS6": {"parts": 1}}}, "prices", "not_pairs"),
    ("services", {"code": "a", "warranty": {"months": 12}}, "warranty", "both_warranty"),
    ("services", {"code": "a", "models": ["很大的车"]}, "models", "not_model"),
    ("services", {"code": "a", "aliases": "保养"}, "aliases", "not_list"),
    ("services", {"code": "a", "aliases": ["一" * 41]}, "aliases", "too_long"),
    ("services", {"code": "a", "name": "甲\n乙"}, "name", "control"),
    ("services", {"code": "a", "colour": "red"}, "colour", "unknown_column"),
    ("places", {"name": "新店", "lat": 121.4}, "lat", "too_big"),
    ("places", {"name": "新店", "hours": "whenever"}, "hours", "not_hours"),
    (
        "places",
        {
            "name": "新店",
            "hours": [
                {"days": [1], "opens": "08:00", "closes": "12:00"},
                {"days": [1], "opens": "11:00", "closes": "15:00"},
            ],
        },
        "hours",
        "overlap",
    ),
    ("places", {"name": "新站", "station": {"packs": 3}}, "station", "unknown_parameter"),
    ("places", {"name": "新站", "station": {"chargers": 0}}, "station", "parameter_range"),
    ("places", {"name": "新站", "station": {"chargers": "几块"}}, "station", "not_parameter"),
    ("places", {"name": "新站", "station": {"mix": "75"}}, "station", "not_by_size"),
    (
        "places",
        {"name": "新站", "station": {"arrivals.weekday": "1 2 3"}},
        "station",
        "not_by_hour",
    ),
    (
        "places",
        {"name": "新站", "station": {"arrivals": {"weekday": [1] * 24}}},
        "station",
        "both_arrivals",
    ),
    ("place_days", {"place_id": "nowhere"}, "place_id", "unknown_ref"),
    ("place_days", {"day": "明天"}, "day", "not_date"),
    ("place_days", {"day": "2126-11-30"}, "day", "far_date"),
    ("place_days", {"day": "2026-02-30"}, "day", "not_date"),
    ("resource_days", {"resource_id": "store-1-bay-01"}, "resource_id", "unknown_ref"),
    ("entitlements", {"vehicle_id": "沪A00000"}, "vehicle_id", "unknown_ref"),
    ("entitlements", {"vehicle_id": "沪A12345", "total": 0}, "total", "too_small"),
    ("stock", {"arrivals": [{"date": "2026-11-25"}]}, "arrivals", "not_pairs"),
]


async def test_a_value_that_will_not_do_is_named(database: Database, boss: Staff) -> None:
    missed = []
    for table, values, column, code in WRONG:
        async with database.read() as session:
            problems = await setup_data.check(session, table, [Given(7, values=values)])
        assert all(one.row == 7 and one.reason.endswith("。") for one in problems)
        if (column, code) not in {(one.column, one.code) for one in problems}:
            missed.append((table, values, problems))
    assert missed == []


async def test_what_belongs_together_is_held_together(database: Database, boss: Staff) -> None:
    async def wrong(table: str, key: str | None, **values: Any) -> list[tuple[str | None, str]]:
        async with database.read() as session:
            found = await setup_data.check(session, table, [Given(0, key, values=values)])
        return [(problem.column, problem.code) for problem in found]

    assert await wrong("services", "bodywork", aliases=["做漆", "小保"]) == [
        ("aliases", "alias_taken")
    ]
    assert await wrong("services", "bodywork", aliases=["做漆"]) == []
    assert await wrong("places", "store-2", name="闵行服务中心") == [("name", "name_taken")]
    assert await wrong("resources", "store-1-bay-02", label="工位1") == [("label", "label_taken")]
    assert await wrong("resources", "store-2-bay-01", label="工位2") == []
    assert await wrong("resources", "store-1-technician-01", skills=[]) == [
        ("skills", "skill_for_kind")
    ]
    assert await wrong("resources", "store-1-technician-01", skills=["YS6"]) == [
        ("skills", "skill_for_kind")
    ]
    assert await wrong("resources", "store-1-demo_car-01", skills=["YS8"]) == []
    assert await wrong("resources", "store-1-bay-01", hours=WEEKDAYS) == [("hours", "only_people")]
    assert await wrong("resources", "station-1-pack-01", pack_kwh=None) == [
        ("pack_kwh", "pack_needs_kwh")
    ]
    pack = {"place_id": "store-1", "kind": "pack", "label": "电池", "pack_kwh": 75}
    assert await wrong("resources", None, **pack) == [("kind", "wrong_place_kind")]
    assert await wrong("stock", "store-1|filter", kept=9) == []  # worked out: not listened to
    assert await wrong("places", "store-1", id="store-9") == [("id", "fixed")]


# ---- writing ------------------------------------------------------------------------------------


async def test_a_change_is_written_with_its_trace(database: Database, boss: Staff) -> None:
    result = await edit(
        database,
        boss,
        "services",
        "minor_service",
        {"minutes": "75", "parts_price": "￥239", "prices": {"ys8": {"parts": 299, "labour": 120}}},
    )
    assert result.changed == ("minor_service",)
    item: ServiceItem = await one(database, ServiceItem, "minor_service")
    assert (item.minutes, item.parts_price) == (75, 239)
    assert item.prices == {"YS8": {"parts": "299.00", "labour": "120.00"}}
    assert item.aliases == ["保养", "小保"]
    assert await audited(database) == [
        {
            "key": "minor_service",
            "what": "change",
            "before": {"minutes": 60, "parts_price": "199.00", "prices": {}},
            "after": {
                "minutes": 75,
                "parts_price": "239.00",
                "prices": {"YS8": {"parts": "299.00", "labour": "120.00"}},
            },
            "bookings": [],
            "request": "one",
        }
    ]


async def test_new_rows_are_numbered_where_nobody_did(database: Database, boss: Staff) -> None:
    new = {"kind": "swap_station", "name": "新站", "city": "上海", "lat": 31.2, "lng": 121.5}
    result = await save(database, boss, "places", Given(0, values=new))
    assert result.added == ("station-2",)
    bays = [
        Given(at, values={"place_id": "store-1", "kind": "bay", "label": f"新工位{at}"})
        for at in range(2)
    ]
    result = await save(database, boss, "resources", *bays, client_id="two")
    assert result.added == ("store-1-bay-03", "store-1-bay-04")
    made: Resource = await one(database, Resource, "store-1-bay-04")
    assert made.active and made.skills == [] and made.hours is None
    place: Place = await one(database, Place, "station-2")
    assert place.hours == [] and place.access == {}


async def test_access_is_one_document_of_several_columns(database: Database, boss: Staff) -> None:
    await edit(
        database,
        boss,
        "places",
        "station-1",
        {"motorway": "沪宁高速", "inside": True, "height_m": "2.2", "station": {"chargers": "13"}},
    )
    place: Place = await one(database, Place, "station-1")
    assert place.access == {"motorway": "沪宁高速", "inside": True, "height_m": 2.2}
    assert place.station == {"chargers": 13}
    await edit(database, boss, "places", "station-1", {"motorway": None}, client_id="two")
    place = await one(database, Place, "station-1")
    assert place.access == {"inside": True, "height_m": 2.2}


async def test_several_windows_a_day_and_nights(database: Database, boss: Staff) -> None:
    week = [
        {"days": [2, 1], "opens": "8:30", "closes": "12:00"},
        {"days": [1, 2], "opens": "13:00", "closes": "18:00"},
        {"days": [6], "opens": "20:00", "closes": "02:00"},
    ]
    await edit(database, boss, "places", "store-2", {"hours": week})
    place: Place = await one(database, Place, "store-2")
    assert place.hours == [
        {"days": [1, 2], "opens": "08:30", "closes": "12:00"},
        {"days": [1, 2], "opens": "13:00", "closes": "18:00"},
        {"days": [6], "opens": "20:00", "closes": "02:00"},
    ]
    same = await edit(database, boss, "places", "store-2", {"hours": week[::-1]}, client_id="two")
    assert (same.unchanged, same.saved) == (1, False)


async def test_a_row_changed_by_somebody_else_is_refused(database: Database, boss: Staff) -> None:
    known = await row(database, "services", "bodywork")
    await edit(database, boss, "services", "bodywork", {"minutes": 90})
    before = await traces(database)
    stale = Given(0, "bodywork", known.digest, {"labour_price": "1"})
    result = await save(database, boss, "services", stale, client_id="two")
    assert codes(result) == [(None, "changed_meanwhile")]
    assert result.refused[0].now is not None
    assert result.refused[0].now.values["minutes"] == 90
    assert (await one(database, ServiceItem, "bodywork")).labour_price == 100
    assert await traces(database) == before


async def test_all_or_nothing_and_what_can_be(database: Database, boss: Staff) -> None:
    good = Given(0, "bodywork", values={"minutes": 90})
    bad = Given(1, "minor_service", values={"minutes": 0})
    before = await traces(database)
    result = await save(database, boss, "services", good, bad)
    assert (result.saved, codes(result)) == (False, [("minutes", "too_small")])
    assert (await one(database, ServiceItem, "bodywork")).minutes == 60
    assert await traces(database) == before
    # The same id again: nothing was kept of the refusal.
    result = await save(database, boss, "services", good, bad, all_or_nothing=False)
    assert (result.changed, codes(result)) == (("bodywork",), [("minutes", "too_small")])
    assert (await one(database, ServiceItem, "bodywork")).minutes == 90


async def test_a_batch_that_comes_twice_is_written_once(database: Database, boss: Staff) -> None:
    day = Given(0, values={"place_id": "store-1", "day": "2026-12-01", "reason": "盘点"})
    first = await save(database, boss, "place_days", day)
    before = await traces(database)
    again = await save(database, boss, "place_days", day)
    assert (again.added, again.repeated) == (first.added, True)
    assert await rows(database, PlaceException) == [1]
    assert await traces(database) == before
    other = Given(0, values={"place_id": "store-1", "day": "2026-12-02", "reason": "盘点"})
    with pytest.raises(IdConflict):
        await save(database, boss, "place_days", other)
    assert await rows(database, PlaceException) == [1]


async def test_a_day_is_there_once(database: Database, boss: Staff) -> None:
    day = {"place_id": "闵行服务中心", "day": "2026/12/1", "reason": "盘点"}
    result = await save(database, boss, "place_days", Given(3, values=day), Given(4, values=day))
    assert codes(result) == [(None, "twice")]
    await save(database, boss, "place_days", Given(3, values=day))
    result = await save(database, boss, "place_days", Given(0, values=day), client_id="two")
    assert codes(result) == [("day", "exists")]
    # A file has no ids: there the day is meant that there is.
    moved = {**day, "windows": [{"opens": "09:00", "closes": "12:00"}]}
    result = await save(
        database, boss, "place_days", Given(0, values=moved), client_id="two", match=True
    )
    assert len(result.changed) == 1
    assert await rows(database, PlaceException) == [1]


async def test_what_is_referred_to_stays(database: Database, boss: Staff) -> None:
    gone = [("parts", "filter"), ("places", "store-2"), ("services", "minor_service")]
    await booked(database, "b1", at("24 10:00"), "store-1-bay-01")
    for at_, (table, key) in enumerate(gone):
        result = await save(database, boss, table, Given(0, key, remove=True), client_id=f"{at_}")
        assert codes(result) == [(None, "referenced")], table
    result = await save(database, boss, "parts", Given(0, "tyre", remove=True), client_id="gone")
    assert result.removed == ("tyre",)
    result = await save(
        database, boss, "services", Given(0, "bodywork", remove=True), client_id="gone too"
    )
    assert result.removed == ("bodywork",)
    result = await save(
        database, boss, "stock", Given(0, "store-1|filter", remove=True), client_id="never"
    )
    assert codes(result) == [(None, "cannot_delete")]


# ---- several at once ----------------------------------------------------------------------------


async def test_two_who_change_one_row(database: Database, boss: Staff) -> None:
    known = await row(database, "services", "bodywork")
    tries = [
        save(
            database,
            boss,
            "services",
            Given(0, "bodywork", known.digest, {"minutes": 60 + 15 * n}),
            client_id=f"try {n}",
        )
        for n in range(1, 5)
    ]
    results = await asyncio.gather(*tries)
    assert [result.saved for result in results].count(True) == 1
    refused = [code for result in results for code in codes(result)]
    assert refused == [(None, "changed_meanwhile")] * 3


async def test_a_row_that_somebody_adds_at_that_moment(database: Database, boss: Staff) -> None:
    def day(number: int) -> dict[str, Any]:
        return {"place_id": "store-1", "day": f"2026-12-0{number}", "reason": "盘点"}

    async def first() -> None:
        async with database.write() as session:
            session.add(PlaceException(place_id="store-1", day="2026-12-01", reason="先来的"))
            await session.flush()
            await asyncio.sleep(0.2)

    async def second() -> setup_data.Result:
        await asyncio.sleep(0.05)
        batch = [Given(number, values=day(number)) for number in (1, 2)]
        return await save(database, boss, "place_days", *batch, all_or_nothing=False)

    _, result = await asyncio.gather(first(), second())
    assert [refusal.row for refusal in result.refused] == [1]
    assert {code for _, code in codes(result)} <= {"taken", "exists"}
    assert len(result.added) == 1
    async with database.read() as session:
        rows_ = (await session.execute(select(PlaceException))).scalars().all()
        assert {(one.day, one.reason) for one in rows_} == {
            ("2026-12-01", "先来的"),
            ("2026-12-02", "盘点"),
        }
    assert len(await audited(database)) == 1


async def test_one_batch_sent_several_times_at_once(database: Database, boss: Staff) -> None:
    new = {"place_id": "store-2", "part": "tyre", "on_hand": 3}
    tries = [save(database, boss, "stock", Given(0, values=new)) for _ in range(4)]
    results = await asyncio.gather(*tries)
    assert [result.repeated for result in results].count(False) == 1
    assert {result.added for result in results} == {("store-2|tyre",)}
    async with database.read() as session:
        query = select(PartUnit.id).where(PartUnit.place_id == "store-2")
        assert len((await session.execute(query)).all()) == 3


async def test_first_changes_of_the_rules_at_once(database: Database, boss: Staff) -> None:
    fees = [("swap.service_fee", "31.00"), ("swap.valet_fee", "61.00"), ("swap.minutes", 20)]
    tries = [
        save(database, boss, "tariffs", Given(0, key, values={"value": value}), client_id=key)
        for key, value in fees
    ]
    assert all(result.saved for result in await asyncio.gather(*tries))
    kept = (await one(database, Setting, "tariffs")).value["swap"]
    assert [kept[key.partition(".")[2]] for key, _ in fees] == [value for _, value in fees]


async def test_a_piece_is_claimed_while_the_count_is_lowered(
    database: Database, boss: Staff
) -> None:
    await booked(database, "b1", at("24 10:00"))

    async def claim() -> None:
        async with database.write() as session:
            session.add(PartClaim(unit_id="unit-2", booking_id="b1"))
            await session.flush()
            await asyncio.sleep(0.2)

    async def lower() -> setup_data.Result:
        await asyncio.sleep(0.05)
        return await edit(database, boss, "stock", "store-1|filter", {"on_hand": 0})

    _, result = await asyncio.gather(claim(), lower())
    assert codes(result) == [("on_hand", "kept")]
    assert await rows(database, PartClaim) == [1]
