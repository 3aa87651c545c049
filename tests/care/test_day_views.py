"""A place's day: lanes with shifts, leave and closures; what is booked, and what stands nowhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import delete, select

from pitstop.base import clock
from pitstop.care import closures, quotes, workshop
from pitstop.care.day_views import Day, day_of, sheet_of
from pitstop.care.day_wire import day_wire, mask_address, sheet_wire
from pitstop.care.service_tables import Journey, Part, PartClaim, PartUnit
from pitstop.care.tables import (
    Booking,
    PlaceException,
    Resource,
    ResourceException,
    Staff,
    Tick,
    Vehicle,
)
from pitstop.storage.database import Database
from tests.care.help import at, book, maintenance, swap

TUESDAY = date(2026, 11, 24)


async def read(database: Database, place_id: str = "store-1", day: date = TUESDAY) -> Day:
    async with database.read() as session:
        return await day_of(session, place_id, day)


async def staff(database: Database) -> Staff:
    async with database.read() as session:
        query = select(Staff).where(Staff.username == "agent1")
        found: Staff = (await session.execute(query)).scalar_one()
        return found


async def of_kind(database: Database, kind: str, place_id: str = "store-1") -> list[str]:
    async with database.read() as session:
        query = select(Resource.id).where(Resource.place_id == place_id, Resource.kind == kind)
        return sorted((await session.execute(query)).scalars().all())


async def test_a_booking_stands_in_the_lanes_of_all_that_it_takes(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    day = await read(seeded)
    block = next(one for one in day.blocks if one.booking.id == booked.id)
    kinds = {lane.id: lane.kind for lane in day.lanes}
    assert sorted(kinds[hold.lane_id] for hold in block.holds) == ["bay", "technician"]
    assert {(hold.start, hold.end) for hold in block.holds} == {(booked.start, booked.end)}
    assert block.booking.technician_id in {hold.lane_id for hold in block.holds}


async def test_an_unknown_place_is_said(seeded: Database) -> None:
    with pytest.raises(LookupError):
        await read(seeded, "store-none")


async def test_other_days_and_places_are_left_out(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    wednesday = await read(seeded, day=date(2026, 11, 25))
    elsewhere = await read(seeded, "store-2")
    assert booked.id not in {one.booking.id for one in (*wednesday.blocks, *elsewhere.blocks)}
    lanes = {lane.id for lane in (await read(seeded)).lanes}
    assert {lane.id for lane in elsewhere.lanes} & lanes == set()


async def test_shifts_and_leave_are_the_lanes_own(seeded: Database) -> None:
    people = await of_kind(seeded, "technician")
    week = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "09:00", "closes": "17:30"}]
    half = [{"opens": "13:00", "closes": "17:30"}]
    async with seeded.write() as session:
        await session.execute(delete(ResourceException))
        for key in people:
            row: Any = await session.get(Resource, key)
            row.hours = week
        for key, windows in ((people[0], []), (people[1], half)):
            session.add(
                ResourceException(
                    resource_id=key, day=TUESDAY.isoformat(), windows=windows, reason="r"
                )
            )
    lanes = {lane.id: lane for lane in (await read(seeded)).lanes}
    assert (lanes[people[0]].shifts, lanes[people[0]].away) == ([], "r")
    assert lanes[people[1]].shifts == [(at("24 13:00"), at("24 17:30"))]
    assert lanes[people[2]].shifts == [(at("24 09:00"), at("24 17:30"))]
    assert lanes[people[2]].away is None
    bay = (await of_kind(seeded, "bay"))[0]
    assert lanes[bay].shifts is None


async def test_a_night_shift_reaches_into_the_next_day(seeded: Database) -> None:
    key = (await of_kind(seeded, "technician"))[0]
    async with seeded.write() as session:
        row: Any = await session.get(Resource, key)
        row.hours = [{"days": [1], "opens": "20:00", "closes": "04:00"}]
    lane = next(one for one in (await read(seeded)).lanes if one.id == key)
    assert lane.shifts == [(at("24 00:00"), at("24 04:00"))]


async def test_a_closed_day_says_why_and_is_drawn_all_the_same(seeded: Database) -> None:
    async with seeded.write() as session:
        session.add(PlaceException(place_id="store-1", day="2026-11-24", windows=[], reason="盘点"))
        for key in await of_kind(seeded, "technician") + await of_kind(seeded, "driver"):
            row: Any = await session.get(Resource, key)
            row.hours = None
    day = await read(seeded)
    assert (day.windows, day.closed) == ([], "盘点")
    start, end = day.drawn()
    assert end - start >= timedelta(hours=8)


async def test_a_station_is_drawn_from_midnight_to_midnight(seeded: Database) -> None:
    day = await read(seeded, "station-1", date(2026, 11, 23))
    assert day.drawn() == (at("23 00:00"), at("24 00:00"))
    packs = [lane for lane in day.lanes if lane.kind == "pack"]
    assert packs and all(lane.pack_kwh for lane in packs)


async def test_closures_are_told_until_they_are_lifted(seeded: Database) -> None:
    who = await staff(seeded)
    async with seeded.write() as session:
        made = await closures.close(
            session, who, "store-1", start=at("24 12:00"), end=at("24 13:00"),
            reason="maintenance", client_id="c-1",
        )  # fmt: skip
    assert [(one.id, one.reason) for one in (await read(seeded)).closures] == [
        (made.id, "maintenance")
    ]
    assert (await read(seeded, day=date(2026, 11, 25))).closures == []
    async with seeded.write() as session:
        await closures.lift(session, who, made.id, client_id="c-2")
    assert (await read(seeded)).closures == []


async def test_a_car_that_is_still_there_stands_in_todays_day_alone(
    seeded: Database, pass_time: Callable[[timedelta], None]
) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    who = await staff(seeded)
    pass_time(timedelta(days=1))
    async with seeded.write() as session:
        await workshop.check_in(session, who, booked.id, client_id="in")
        await workshop.progress(
            session, who, booked.id, "waiting_parts", note="前风挡", client_id="w"
        )
    pass_time(timedelta(days=3))
    today = await read(seeded, day=clock.local_now().date())
    assert [one.booking.id for one in today.blocks if not one.holds] == [booked.id]
    tomorrow = await read(seeded, day=clock.local_now().date() + timedelta(days=1))
    assert booked.id not in {one.booking.id for one in tomorrow.blocks}


async def test_parts_that_are_still_to_come_are_told(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    async with seeded.write() as session:
        await session.execute(delete(PartClaim).where(PartClaim.booking_id == booked.id))
        session.add(Part(code="t-pads", name="刹车片"))
        await session.flush()
        for number, when in enumerate((at("22 09:00"), at("23 18:00")), 1):
            unit = PartUnit(id=f"t-{number}", place_id="store-1", part="t-pads", available_at=when)
            session.add(unit)
            await session.flush()
            session.add(PartClaim(unit_id=unit.id, booking_id=booked.id))
    async with seeded.read() as session:
        sheet = await sheet_of(session, booked.id)
    (claimed,) = sheet.block.parts
    assert (claimed.name, claimed.count, claimed.available_at) == ("刹车片", 2, at("23 18:00"))
    assert sheet.block.parts_at == at("23 18:00")


async def test_journeys_stand_in_the_day_of_their_place(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    driver = (await of_kind(seeded, "driver"))[0]
    values: dict[str, Any] = {
        "booking_id": booked.id, "place_id": "store-1", "worker_id": driver, "code": "1234",
        "address": "上海市闵行区某路1号",
    }  # fmt: skip
    async with seeded.write() as session:
        session.add(Journey(leg="out", window_start=at("24 08:30"), window_end=at("24 09:00"),
                            **values))  # fmt: skip
        session.add(Journey(leg="back", status="cancelled", window_start=at("24 15:00"),
                            window_end=at("24 15:30"), **values))  # fmt: skip
    day = await read(seeded)
    assert [(one.leg, one.worker_id) for one in day.journeys] == [("out", driver)]
    told = str(day_wire(day))
    assert "1234" not in told and "某路" not in told


async def test_what_leaves_the_house_is_masked(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance(note="到了打13900018801，车停B2"))
    async with seeded.read() as session:
        car: Vehicle = await session.get(Vehicle, "car-1")
        sheet = sheet_wire(await sheet_of(session, booked.id))
        day = day_wire(await day_of(session, "store-1", TUESDAY))
    for told in (str(sheet), str(day)):
        assert car.plate not in told and car.vin not in told and "13900018801" not in told
    assert sheet["phone"] == "139****8801"
    assert "车停B2" in sheet["note"]
    assert sheet["changes"][0]["who"] == "陈思远"
    assert mask_address("上海市闵行区七莘路1号") == "上海市闵行区****"
    assert mask_address(None) is None


async def possible(database: Database, booking_id: str) -> tuple[list[str], list[str]]:
    async with database.read() as session:
        sheet = await sheet_of(session, booking_id)
    return list(sheet.next), list(sheet.may)


async def test_what_may_be_done_follows_the_work(
    seeded: Database, pass_time: Callable[[timedelta], None]
) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    who = await staff(seeded)
    assert await possible(seeded, booked.id) == ([], ["check_in", "move", "cancel"])
    pass_time(timedelta(days=1, hours=1))
    assert "no_show" in (await possible(seeded, booked.id))[1]
    async with seeded.write() as session:
        await workshop.check_in(session, who, booked.id, client_id="in")
    steps, may = await possible(seeded, booked.id)
    assert steps[0] == "inspecting" and may == ["quote"]
    line = quotes.LineWanted("刹车片", Decimal("560"), Decimal("180"))
    async with seeded.write() as session:
        await quotes.quote(session, who, booked.id, [line], client_id="q")
    steps, _ = await possible(seeded, booked.id)
    assert set(steps) & workshop.DECIDED_FIRST == set()
    async with seeded.write() as session:
        query = select(Booking).where(Booking.id == booked.id)
        row = (await session.execute(query)).scalar_one()
        row.status = row.step = "done"
    assert await possible(seeded, booked.id) == ([], [])


async def test_a_swap_is_drawn_with_its_pack(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **swap())
    day = await read(seeded, "station-1", date(2026, 11, 23))
    block = next(one for one in day.blocks if one.booking.id == booked.id)
    kinds = {lane.id: lane.kind for lane in day.lanes}
    if booked.step == "locked":
        assert "pack" in {kinds[hold.lane_id] for hold in block.holds}
    async with seeded.write() as session:
        await session.execute(delete(Tick).where(Tick.booking_id == booked.id))
    day = await read(seeded, "station-1", date(2026, 11, 23))
    assert [one.holds for one in day.blocks if one.booking.id == booked.id] == [()]


async def test_the_order_of_lanes_is_the_same_every_time(seeded: Database) -> None:
    first, again = await read(seeded), await read(seeded)
    assert [lane.id for lane in first.lanes] == [lane.id for lane in again.lanes]
