"""Times that are still to be had, the catalogue, and what things cost."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest

from pitstop.base import clock
from pitstop.care import catalogue, slots, tariffs
from pitstop.care.capacity import numbers
from pitstop.care.places import place
from pitstop.care.refusals import Refused
from pitstop.care.tables import Resource
from pitstop.storage.database import Database

from .help import at, book, maintenance, swap


async def free(database: Database, **wish):
    async with database.read() as session:
        found = await slots.free_slots(session, **wish)
    return [f"{slot.start.astimezone(clock.SHANGHAI):%d %H:%M}" for slot in found]


async def test_the_first_three_of_tomorrow(seeded: Database) -> None:
    assert await free(
        seeded,
        kind="maintenance",
        place_id="store-1",
        service="minor_service",
        after=at("24 00:00"),
        before=at("25 00:00"),
    ) == ["24 08:30", "24 09:00", "24 09:30"]


async def test_nothing_in_the_past(seeded: Database) -> None:
    """It is five past ten."""
    assert await free(
        seeded,
        kind="maintenance",
        place_id="store-1",
        after=at("23 00:00"),
        before=at("24 00:00"),
    ) == ["23 10:30", "23 11:00", "23 11:30"]


async def test_the_work_ends_before_the_doors_close(seeded: Database) -> None:
    found = await free(
        seeded,
        kind="maintenance",
        place_id="store-1",
        service="major_service",  # two hours
        after=at("24 16:00"),
        before=at("25 00:00"),
        limit=50,
    )
    assert found == ["24 16:00", "24 16:30", "24 17:00"]


async def test_closed_days_have_none(seeded: Database) -> None:
    # 61 days ahead of the seed's Monday is not reached; the spring festival is in February.
    clock.set_offset(clock.offset() + timedelta(days=70))
    assert (
        await free(
            seeded,
            kind="maintenance",
            place_id="store-1",
            after=at("2027-02-05 00:00"),
            before=at("2027-02-09 00:00"),
        )
        == []
    )


async def test_a_swap_begins_on_the_quarter(seeded: Database) -> None:
    assert await free(
        seeded,
        kind="swap",
        place_id="station-1",
        vehicle_id="car-1",
        after=at("23 10:00"),
        before=at("24 00:00"),
    ) == ["23 10:15", "23 10:30", "23 10:45"]


async def test_a_swap_is_reserved_at_most_three_days_ahead(seeded: Database) -> None:
    found = await free(
        seeded,
        kind="swap",
        place_id="station-1",
        after=at("26 09:30"),
        before=at("27 00:00"),
        limit=50,
    )
    assert found == ["26 09:30", "26 09:45", "26 10:00"]


async def test_what_is_taken_is_not_offered(seeded: Database) -> None:
    await book(seeded, "owner-1", **swap())
    wish = {"kind": "swap", "place_id": "station-1", "before": at("23 13:00")}
    assert await free(seeded, **wish, after=at("23 11:45")) == ["23 11:45", "23 12:15", "23 12:30"]


async def test_the_certified_technician_is_the_bottleneck(seeded: Database) -> None:
    """Three bays, and two people for high voltage, whom new coolant takes both."""
    await book(seeded, "owner-1", **maintenance(service="coolant"))
    wish = {
        "kind": "maintenance",
        "place_id": "store-1",
        "after": at("24 10:00"),
        "before": at("24 12:00"),
        "limit": 1,
    }
    assert await free(seeded, **wish, service="traction_battery_check") == ["24 11:30"]
    assert await free(seeded, **wish, service="minor_service") == ["24 10:00"]


async def test_specialists_stay_free_for_what_only_they_can_do(seeded: Database) -> None:
    await book(seeded, "owner-1", **maintenance(message_id="a"))
    await book(seeded, "owner-8", **maintenance(message_id="b"))
    wish = {"after": at("24 10:00"), "before": at("24 12:00"), "limit": 1}
    assert await free(
        seeded, kind="maintenance", place_id="store-1", service="coolant", **wish
    ) == ["24 10:00"]


async def test_a_resource_out_of_use_counts_for_nothing(seeded: Database) -> None:
    async with seeded.write() as session:
        bay = await session.get(Resource, "station-1-bay-01")
        bay.active = False
    async with seeded.read() as session:
        with pytest.raises(Refused) as refused:
            await slots.free_slots(
                session,
                kind="swap",
                place_id="station-1",
                vehicle_id="car-1",
                after=clock.now(),
                before=clock.now() + timedelta(hours=3),
            )
    assert refused.value.code == "mode_not_available"


async def test_a_test_drive_needs_the_model(seeded: Database) -> None:
    wish = {"kind": "test_drive", "after": at("24 00:00"), "before": at("25 00:00"), "limit": 1}
    assert await free(seeded, **wish, place_id="store-2", service="YM3") == ["24 10:00"]
    assert await free(seeded, **wish, place_id="store-1") == ["24 08:30"]
    async with seeded.read() as session:
        with pytest.raises(Refused) as refused:
            await slots.free_slots(session, **wish, place_id="store-1", service="YM3")
    assert refused.value.code == "wrong_place"
    assert [slot.place_id for slot in refused.value.alternatives] == ["store-2", "store-14"]


@pytest.mark.parametrize(
    ("start", "end", "number"),
    [("10:00", "11:00", 4), ("10:00", "10:01", 1), ("10:10", "10:20", 2), ("10:00", "10:00", 0)],
)
def test_quarters_touched(start: str, end: str, number: int) -> None:
    assert len(numbers(at(f"24 {start}"), at(f"24 {end}"))) == number


@pytest.mark.parametrize(
    ("said", "expected"),
    [("24 10:00", "24 10:00"), ("24 10:01", "24 10:30"), ("24 23:45", "25 00:00")],
)
def test_nobody_is_asked_to_come_earlier(said: str, expected: str) -> None:
    assert slots.align(at(said), timedelta(minutes=30)) == at(expected)


# ---- catalogue and prices -----------------------------------------------------------------------


async def test_the_catalogue(seeded: Database) -> None:
    async with seeded.read() as session:
        items = await catalogue.services(session)
        assert len(items) >= 15
        assert items[0].name == "小保养"
        assert await catalogue.service(session, "rocket_science") is None


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("约个小保养", ["minor_service"]),
        ("要做大保养", ["major_service"]),
        ("换空调滤芯", ["cabin_filter"]),
        ("换雨刮和空调滤芯", ["wipers", "cabin_filter"]),
        ("12v小电瓶老亏电", ["battery_12v"]),
        ("１２Ｖ小电瓶", ["battery_12v"]),
        ("刹车油该换了吧", ["brake_fluid"]),
        ("刹车片快没了", ["brake_pads"]),
        ("右前门要喷漆", ["bodywork"]),
        ("動力電池檢測", ["traction_battery_check"]),
        ("四轮定位做一下", ["wheel_alignment"]),
        ("今天天气不错", []),
        ("去换电", []),
        ("检查一下刹车片", ["brake_pads", "inspection"]),
    ],
)
async def test_what_owners_call_it(seeded: Database, text: str, codes: list[str]) -> None:
    async with seeded.read() as session:
        found = await catalogue.match_services(session, text)
        assert [item.code for item in found] == codes


async def test_what_it_costs(seeded: Database) -> None:
    async with seeded.read() as session:
        item = await catalogue.service(session, "minor_service")
        centre, station = await place(session, "store-1"), await place(session, "store-4")
        assert item is not None
        price = catalogue.price_of(item, "in_store", centre)
        assert [price.parts, price.labour, price.visit, price.total] == [199, 100, 0, 299]
        assert catalogue.price_of(item, "pickup", centre).total == 379
        assert catalogue.price_of(item, "in_store", station).total == 289


def test_a_swap_costs_what_is_missing() -> None:
    price = tariffs.swap_price(62, 100)
    assert price.parts == Decimal("45.60")
    assert price.total == Decimal("75.60")
    assert tariffs.swap_price(62, 100, "valet").total == Decimal("135.60")
    assert tariffs.swap_price(100, 75).total == 30
    assert tariffs.Price.from_json(price.to_json()) == price


def car(km: int, delivered: int, serviced: int | None = None) -> SimpleNamespace:
    now = at("24 10:00")
    return SimpleNamespace(
        mileage_km=km,
        delivered_at=now - timedelta(days=delivered),
        last_service_at=None if serviced is None else now - timedelta(days=serviced),
    )


@pytest.mark.parametrize(
    ("vehicle", "due", "not_due"),
    [
        (car(3000, 90), [], ["minor_service", "brake_fluid"]),
        (car(11000, 200), ["minor_service", "tyre_rotation"], ["brake_fluid"]),
        (car(4000, 400), ["minor_service", "cabin_filter"], ["brake_fluid"]),
        (car(40000, 1000, 60), [], ["minor_service", "major_service"]),
        (car(50000, 900), ["major_service", "brake_fluid"], ["minor_service", "battery_12v"]),
    ],
)
def test_what_is_due(vehicle: SimpleNamespace, due: list[str], not_due: list[str]) -> None:
    now: datetime = at("24 10:00")
    codes = catalogue.due_items(vehicle, now)
    assert set(due) <= set(codes)
    assert not set(not_due) & set(codes)
