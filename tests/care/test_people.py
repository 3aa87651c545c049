"""Customers, their vehicles, and what they are to them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from pitstop.base import clock
from pitstop.care.people import (
    customer_by_phone,
    customer_of_conversation,
    ensure_customer,
    relation_to,
    role_of,
    vehicle_by_plate,
    vehicles_of,
)
from pitstop.care.positions import distance_km, position_of
from pitstop.care.tables import Customer, VehicleLink
from pitstop.conversation import inbox, log
from pitstop.conversation.wire import IncomingMessage
from pitstop.storage.database import Database


async def test_somebody_unknown_becomes_a_visitor_once(seeded: Database) -> None:
    async def arrive() -> None:
        async with seeded.write() as session:
            await ensure_customer(session, "app-user-77")

    await asyncio.gather(*(arrive() for _ in range(4)))
    async with seeded.read() as session:
        assert await role_of(session, "app-user-77") == "visitor"
        assert await vehicles_of(session, "app-user-77") == []
        query = select(func.count()).select_from(Customer).where(Customer.id == "app-user-77")
        assert (await session.execute(query)).scalar_one() == 1


@pytest.mark.parametrize("sub", ["", "x" * 41])
async def test_an_id_that_does_not_fit_is_refused(seeded: Database, sub: str) -> None:
    async with seeded.write() as session:
        with pytest.raises(ValueError, match="customer id"):
            await ensure_customer(session, sub)


async def test_a_known_customer_stays_as_they_are(seeded: Database) -> None:
    async with seeded.write() as session:
        assert (await ensure_customer(session, "owner-1")).name == "陈思远"


async def test_roles_of_the_seed(seeded: Database) -> None:
    expected = {
        "owner-1": "owner",
        "owner-8": "owner",
        "driver-1": "authorised_driver",
        "visitor-1": "visitor",
        "manager-1": "company_manager",
        "company-driver-1": "company_driver",
        "former-1": "former_owner",
        "nobody": "visitor",
    }
    async with seeded.read() as session:
        assert {key: await role_of(session, key) for key in expected} == expected


async def test_a_car_sold_is_gone_from_the_list(seeded: Database) -> None:
    async with seeded.read() as session:
        assert await vehicles_of(session, "former-1") == []
        assert await relation_to(session, "former-1", "car-11") == "former_owner"
        assert await relation_to(session, "owner-9", "car-11") == "owner"
        assert await relation_to(session, "owner-1", "car-11") is None


async def test_ones_own_car_comes_first(seeded: Database) -> None:
    async with seeded.write() as session:
        session.add(
            VehicleLink(
                customer_id="owner-1",
                vehicle_id="car-2",
                relation="authorised_driver",
                since=clock.now() - timedelta(days=4000),
            )
        )
        await session.flush()
        cars = await vehicles_of(session, "owner-1")
        assert [(car.id, car.relation) for car in cars] == [
            ("car-1", "owner"),
            ("car-2", "authorised_driver"),
        ]
        assert cars[0].plate == "沪AD20751"
        assert cars[0].pack_kwh == 100


async def test_bought_back(seeded: Database) -> None:
    """Former owner by one link, owner by a newer one: the owner counts."""
    async with seeded.write() as session:
        session.add(
            VehicleLink(
                customer_id="former-1",
                vehicle_id="car-11",
                relation="company_manager",
                since=clock.now() - timedelta(days=1),
            )
        )
        await session.flush()
        assert await relation_to(session, "former-1", "car-11") == "company_manager"


async def test_a_link_that_begins_tomorrow_is_nothing_today(seeded: Database) -> None:
    async with seeded.write() as session:
        session.add(
            VehicleLink(
                customer_id="visitor-1",
                vehicle_id="car-1",
                relation="authorised_driver",
                since=clock.now() + timedelta(days=1),
            )
        )
        await session.flush()
        assert await role_of(session, "visitor-1") == "visitor"


async def test_looked_up_by_phone_and_plate(seeded: Database) -> None:
    async with seeded.read() as session:
        found = await customer_by_phone(session, "13900018802")
        assert found is not None and found.id == "owner-2"
        assert await customer_by_phone(session, "13900000000") is None
        car = await vehicle_by_plate(session, "京AD61374")
        assert car is not None and car.id == "car-4"


async def test_personal_data_is_not_readable_in_the_file(seeded: Database) -> None:
    async with seeded.read() as session:
        for table in ("customer", "vehicle"):
            rows = (await session.execute(text(f"SELECT * FROM {table}"))).all()
            seen = "\n".join(str(tuple(row)) for row in rows)
            for secret in ("陈思远", "13900018801", "沪AD20751", "LYXYS6E82RH100801"):
                assert secret not in seen


async def test_whose_conversation(seeded: Database) -> None:
    async with seeded.write() as session:
        conversation = await log.conversation_of(session, "owner-3")
        customer = await customer_of_conversation(session, conversation.id)
        assert customer.name == "赵启明"
        with pytest.raises(LookupError):
            await customer_of_conversation(session, "nothing")


async def test_position_of_a_message(seeded: Database) -> None:
    async with seeded.write() as session:
        sent = await inbox.receive(
            session, IncomingMessage("web", "owner-1", "k1", location=(31.2, 121.5))
        )
        said = await inbox.receive(session, IncomingMessage("web", "owner-1", "k2", text="在吗"))
        assert await position_of(session, sent.entry.id) == (31.2, 121.5)
        assert await position_of(session, said.entry.id) is None
        assert await position_of(session, "nothing") is None


def test_distance() -> None:
    # Shanghai People's Square to Beijing Tian'anmen: 1,068 km by the great circle.
    assert distance_km((31.230, 121.473), (39.908, 116.397)) == pytest.approx(1068, abs=3)
    assert distance_km((31.0, 121.0), (31.0, 121.0)) == 0
