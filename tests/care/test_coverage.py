"""What warranty and membership pay, and that an entitlement pays only so often."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from pitstop.care import bookings
from pitstop.care.refusals import Refused
from pitstop.care.service_tables import Entitlement, EntitlementUse
from pitstop.care.tables import Booking, Vehicle
from pitstop.care.views import booking_wire
from pitstop.storage.database import Database

from .help import accept, at, book, maintenance, propose, rows

YOURS = {"place_id": "store-6"}  # 闸北, owner-8's


async def give(database: Database, kind: str, **more) -> None:
    async with database.write() as session:
        row = Entitlement(id="gift", vehicle_id="car-1", kind=kind, source="membership", total=1)
        for name, value in more.items():
            setattr(row, name, value)
        session.add(row)


async def uses(database: Database) -> list[tuple[str, int]]:
    async with database.read() as session:
        query = select(EntitlementUse.entitlement_id, EntitlementUse.ordinal)
        return [(row[0], row[1]) for row in (await session.execute(query)).all()]


async def test_a_membership_pays_and_is_used_up(seeded: Database) -> None:
    await give(seeded, "minor_service")
    offer = await propose(seeded, "owner-1", **maintenance())
    assert offer.price == 0
    assert await uses(seeded) == []  # an offer uses nothing
    booked = await accept(seeded, "owner-1", offer)
    assert await uses(seeded) == [("gift", 0)]
    price = booking_wire(booked)["price"]
    assert price["amount"] == "0.00"
    assert price["covered"] == [
        {"kind": "minor_service", "reason": "membership", "amount": "299.00"}
    ]
    again = await propose(
        seeded, "owner-1", **maintenance(start=at("25 10:00"), message_id="again")
    )
    assert again.price == Decimal(299)


async def test_cancelling_gives_it_back(seeded: Database) -> None:
    await give(seeded, "minor_service")
    booked = await book(seeded, "owner-1", **maintenance())
    async with seeded.write() as session:
        await bookings.cancel(session, "owner-1", booked.id, message_id="no")
    assert await uses(seeded) == []


async def test_one_entitlement_and_two_yeses(seeded: Database) -> None:
    """The second would have to pay after all: it is not booked behind their back."""
    await give(seeded, "minor_service")
    one = await propose(seeded, "owner-1", **maintenance())
    other = await propose(seeded, "driver-1", **maintenance(start=at("25 10:00"), message_id="b"))
    assert one.price == other.price == 0
    before = await rows(seeded, Booking)
    won = await asyncio.gather(
        accept(seeded, "owner-1", one, "yes-1"),
        accept(seeded, "driver-1", other, "yes-2"),
        return_exceptions=True,
    )
    (lost,) = [found for found in won if isinstance(found, Refused)]
    assert lost.code == "price_changed"
    assert await uses(seeded) == [("gift", 0)]
    assert await rows(seeded, Booking) == [before[0] + 1]


@pytest.mark.parametrize("place_id", ["store-4", "store-5"])
async def test_an_authorised_station_takes_no_membership(seeded: Database, place_id: str) -> None:
    await give(seeded, "minor_service")
    offer = await propose(seeded, "owner-1", **maintenance(place_id=place_id))
    assert offer.price == Decimal(289)  # its own labour price


async def test_an_expired_one_pays_nothing(seeded: Database) -> None:
    await give(seeded, "minor_service", expires_at=at("23 10:00"))
    assert (await propose(seeded, "owner-1", **maintenance())).price == Decimal(299)


async def test_warranty_by_age_and_by_mileage(seeded: Database) -> None:
    wish = maintenance(service="battery_12v")
    offer = await propose(seeded, "owner-1", **wish)
    assert offer.price == 0
    assert [item.source for item in offer.price_parts.covered] == ["warranty"]
    async with seeded.write() as session:
        car = await session.get(Vehicle, "car-1")
        car.mileage_km = 60_000
    driven = await propose(seeded, "owner-1", **{**wish, "message_id": "b"})
    assert driven.price == Decimal(660)
    async with seeded.write() as session:
        car = await session.get(Vehicle, "car-1")
        car.mileage_km = 100
        car.delivered_at = at("23 10:00") - timedelta(days=3 * 366)
    aged = await propose(seeded, "owner-1", **{**wish, "message_id": "c"})
    assert aged.price == Decimal(660)


async def test_fetching_the_car_is_paid_once_for_several_services(seeded: Database) -> None:
    wish = maintenance(services=["minor_service", "wipers"], mode="pickup", pickup_address="虹莘路")
    offer = await propose(seeded, "owner-1", **wish)
    assert offer.service == "小保养、雨刮更换"
    assert offer.price == Decimal(299 + 188 + 80)
    assert offer.end - offer.start == timedelta(minutes=60 + 30 + 60)


async def test_a_models_own_price(seeded: Database) -> None:
    offer = await propose(seeded, "owner-9", **maintenance(place_id="store-1", vehicle_id="car-11"))
    assert offer.price == Decimal(359)
