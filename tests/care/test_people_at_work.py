"""Who does the work: skills, shifts, leave, and the one whom the owner asks for."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from pitstop.base import clock
from pitstop.care import slots, technicians
from pitstop.care.refusals import Refused
from pitstop.care.service_tables import Closure
from pitstop.care.tables import Booking, Resource, ResourceException, Tick
from pitstop.storage.database import Database

from .help import at, book, maintenance, propose, rows, ticks_of

CERTIFIED = {"store-1-technician-03", "store-1-technician-04"}


async def holders(database: Database, booking_id: str) -> set[str]:
    return {name for name, _ in await ticks_of(database, booking_id)}


async def change(database: Database, resource_id: str, **values) -> None:
    async with database.write() as session:
        row = await session.get(Resource, resource_id)
        for name, value in values.items():
            setattr(row, name, value)


async def starts(database: Database, **more) -> list[str]:
    wish = {"kind": "maintenance", "place_id": "store-1", "limit": 50, **more}
    async with database.read() as session:
        found = await slots.free_slots(session, **wish)
    return [f"{slot.start.astimezone(clock.SHANGHAI):%d %H:%M}" for slot in found]


async def test_coolant_takes_two_who_are_certified(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance(service="coolant"))
    assert await holders(seeded, booked.id) > CERTIFIED


async def test_with_one_of_them_away_it_is_not_offered(seeded: Database) -> None:
    async with seeded.write() as session:
        session.add(
            ResourceException(
                resource_id="store-1-technician-03", day="2026-11-24", windows=[], reason="病假"
            )
        )
    before = await rows(seeded, Booking, Tick)
    with pytest.raises(Refused) as refused:
        await propose(seeded, "owner-1", **maintenance(service="coolant"))
    assert refused.value.code == "full"
    assert all(
        slot.start.astimezone(clock.SHANGHAI).day != 24 for slot in refused.value.alternatives
    )
    assert await rows(seeded, Booking, Tick) == before
    # What one person can do goes on.
    await propose(seeded, "owner-1", **maintenance(message_id="b"))


async def test_nobody_is_booked_outside_their_shift(seeded: Database) -> None:
    late = [{"days": [1, 2, 3, 4, 5], "opens": "13:00", "closes": "19:00"}]
    for name in CERTIFIED:
        await change(seeded, name, hours=late)
    window = {"after": at("24 08:00"), "before": at("25 00:00")}
    assert (await starts(seeded, service="traction_battery_check", **window))[0] == "24 13:00"
    saturday = {"after": at("28 08:00"), "before": at("29 00:00")}
    assert await starts(seeded, service="traction_battery_check", **saturday) == []


async def test_two_kinds_of_work_take_two_kinds_of_people(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance(services=["minor_service", "bodywork"]))
    names = await holders(seeded, booked.id)
    assert "store-1-technician-05" in names  # body
    assert names & {"store-1-technician-01", "store-1-technician-02"}
    assert len({name for name in names if "bay" in name}) == 1


async def test_the_one_whom_the_owner_asks_for(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance(technician_id="store-1-technician-02"))
    assert booked.technician_id == "store-1-technician-02"
    assert "store-1-technician-02" in await holders(seeded, booked.id)


async def test_when_that_one_is_busy_it_is_said_and_nothing_is_booked(seeded: Database) -> None:
    wish = {"technician_id": "store-1-technician-02"}
    await book(seeded, "owner-1", **maintenance(**wish))
    before = await rows(seeded, Booking, Tick)
    with pytest.raises(Refused) as refused:
        await propose(seeded, "owner-2", **maintenance(**wish, vehicle_id="car-2", message_id="b"))
    assert refused.value.code == "person_busy"
    assert refused.value.alternatives[0].start in {at("24 09:00"), at("24 11:00")}
    assert await rows(seeded, Booking, Tick) == before


async def test_one_who_cannot_do_it_is_not_promised(seeded: Database) -> None:
    with pytest.raises(Refused) as refused:
        await propose(
            seeded,
            "owner-1",
            **maintenance(service="bodywork", technician_id="store-1-technician-02"),
        )
    assert refused.value.code == "person_unknown"


async def test_whoever_did_it_last(seeded: Database) -> None:
    async with seeded.read() as session:
        last = await technicians.last_of(session, "car-8")
        assert last is not None
        assert last.id == "store-9-technician-01"
        assert await technicians.last_of(session, "car-8", "store-1") is None
        assert await technicians.last_of(session, "car-1") is None
        assert (await technicians.named(session, "store-9", f"还是找{last.label}")).id == last.id


async def test_a_broken_lift_and_a_power_cut_are_not_offered(seeded: Database) -> None:
    async with seeded.write() as session:
        bays = (
            (
                await session.execute(
                    select(Resource.id).where(
                        Resource.place_id == "store-1", Resource.kind == "bay"
                    )
                )
            )
            .scalars()
            .all()
        )
        for bay in bays:
            session.add(
                Closure(
                    place_id="store-1",
                    resource_id=bay,
                    start=at("24 09:00"),
                    end=at("24 12:00"),
                    reason="broken",
                    created_by="test",
                )
            )
        session.add(
            Closure(
                place_id="store-1",
                start=at("24 15:00"),
                end=at("24 16:00"),
                reason="power_limit",
                created_by="test",
            )
        )
    window = {"after": at("24 08:00"), "before": at("25 00:00"), "service": "minor_service"}
    assert await starts(seeded, **window) == [
        "24 12:00",
        "24 12:30",
        "24 13:00",
        "24 13:30",
        "24 14:00",
        *[f"24 {hour}:{minute}" for hour in (16, 17) for minute in ("00", "30")],
        "24 18:00",
    ]
    with pytest.raises(Refused) as refused:
        await propose(seeded, "owner-1", **maintenance(start=at("24 15:00")))
    assert refused.value.code == "closed"
    assert refused.value.details["reason"] == "power_limit"


async def test_pickup_holds_the_driver_only_on_the_way(seeded: Database) -> None:
    wish = maintenance(service="major_service", mode="pickup", pickup_address="虹莘路1号")
    booked = await book(seeded, "owner-1", **wish)
    ticks = await ticks_of(seeded, booked.id)
    driving = [moment for name, moment in ticks if "driver" in name]
    lifted = [moment for name, moment in ticks if "bay" in name]
    assert len(driving) == 4
    assert min(lifted) == at("24 10:30")
    assert max(lifted) == at("24 12:15")
    assert not set(driving) & set(lifted)
