"""A small brand for the tests of what supervisors change: two stores, a station, some bookings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from pitstop.base.crypto import blind_index
from pitstop.care import capacity, setup_data
from pitstop.care.service_tables import Entitlement, EntitlementUse, Part, PartClaim, PartUnit
from pitstop.care.setup_data import Given, Result
from pitstop.care.tables import (
    AuditEntry,
    Booking,
    Customer,
    Place,
    Resource,
    ServiceItem,
    Staff,
    Tick,
    Vehicle,
    VehicleLink,
)
from pitstop.conversation import log
from pitstop.conversation.tables import Message
from pitstop.storage.database import Database
from pitstop.storage.events import Event
from tests.care.help import at, count

EVERY_DAY = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "08:30", "closes": "19:00"}]


def resource(place: str, kind: str, label: str, **more: Any) -> Resource:
    number = more.pop("number", 1)
    return Resource(
        id=f"{place}-{kind}-{number:02}", place_id=place, kind=kind, label=label, **more
    )


async def furnish(database: Database) -> Staff:
    """Write the brand; return its supervisor."""
    async with database.write() as session:
        boss = Staff(id="boss", username="zhou", name="周", role="supervisor", password_hash="x")
        session.add(boss)
        session.add(Customer(id="owner-1", name="陈静"))
        for number, plate, vin in (
            ("car-1", "沪A12345", "LYXTEST0000012345"),
            ("car-2", "沪A67890", "LYXTEST0000067890"),
        ):
            session.add(
                Vehicle(
                    id=number,
                    plate=plate,
                    plate_index=blind_index(plate),
                    vin=vin,
                    vin_index=blind_index(vin),
                    model="YS6",
                    pack_kwh=75,
                )
            )
        await session.flush()
        session.add(VehicleLink(customer_id="owner-1", vehicle_id="car-1", relation="owner"))
        for key, kind, name, city in (
            ("store-1", "service_centre", "闵行服务中心", "上海"),
            ("store-2", "authorised_station", "亦庄授权服务站", "北京"),
            ("station-1", "swap_station", "前滩换电站", "上海"),
        ):
            session.add(
                Place(id=key, kind=kind, name=name, city=city, lat=31.1, lng=121.4, hours=EVERY_DAY)
            )
        await session.flush()
        session.add_all(
            [
                resource("store-1", "bay", "工位1"),
                resource("store-1", "bay", "工位2", number=2),
                resource("store-1", "technician", "王师傅", skills=["general", "tyre"]),
                resource("store-1", "technician", "李师傅", number=2, skills=["body"]),
                resource("store-1", "driver", "取送员"),
                resource("store-2", "bay", "工位1"),
                resource("station-1", "pack", "75度电池1", pack_kwh=75, soc=100),
                resource("store-1", "demo_car", "试驾车1", skills=["YS6"]),
            ]
        )
        session.add_all(
            [
                service("minor_service", "小保养", aliases=["保养", "小保"], kit={"filter": 1}),
                service("bodywork", "钣金喷漆", aliases=["补漆"], skill="body", position=1),
            ]
        )
        session.add_all([Part(code="filter", name="空调滤芯"), Part(code="tyre", name="轮胎")])
        await session.flush()
        for number in range(3):
            moment = at("20 09:00")
            session.add(
                PartUnit(
                    id=f"unit-{number}", place_id="store-1", part="filter", available_at=moment
                )
            )
        session.add(
            PartUnit(id="unit-9", place_id="store-1", part="filter", available_at=at("25 12:00"))
        )
        session.add(
            Entitlement(
                id="right-1",
                vehicle_id="car-1",
                kind="swap",
                source="membership",
                total=4,
                expires_at=at("2027-01-01 00:00"),
            )
        )
    return boss


def service(code: str, name: str, **more: Any) -> ServiceItem:
    values: dict[str, Any] = {
        "minutes": 60,
        "parts_price": Decimal("199.00"),
        "labour_price": Decimal("100.00"),
        "modes": ["in_store", "pickup"],
        "place_kinds": ["service_centre"],
        **more,
    }
    return ServiceItem(code=code, name=name, **values)


async def booked(
    database: Database,
    key: str,
    start: datetime,
    *resources: str,
    hours: float = 1,
    unit: str | None = None,
    **more: Any,
) -> str:
    """Write a booking that has these resources, and a piece of a part."""
    end = start + timedelta(hours=hours)
    values: dict[str, Any] = {
        "customer_id": "owner-1",
        "vehicle_id": "car-1",
        "kind": "maintenance",
        "service": "minor_service",
        "services": ["minor_service"],
        "place_id": "store-1",
        **more,
    }
    async with database.write() as session:
        session.add(Booking(id=key, reference=f"BK{key}", start=start, end=end, **values))
        await session.flush()
        for one in resources:
            for number in capacity.numbers(start, end):
                session.add(Tick(resource_id=one, number=number, booking_id=key))
        if unit is not None:
            session.add(PartClaim(unit_id=unit, booking_id=key))
    return key


async def use(database: Database, times: int) -> None:
    """Use up an entitlement so many times."""
    await booked(database, "used", at("20 10:00"), status="done", step="done")
    async with database.write() as session:
        for ordinal in range(times):
            session.add(
                EntitlementUse(entitlement_id="right-1", ordinal=ordinal, booking_id="used")
            )


async def said(database: Database) -> list[str]:
    """Return what the owner was told."""
    async with database.read() as session:
        conversation = await log.find(session, "owner-1")
        if conversation is None:
            return []
        query = select(Message.text).where(Message.conversation_id == conversation.id)
        return list((await session.execute(query.order_by(Message.seq))).scalars().all())


async def row(database: Database, table: str, key: str) -> setup_data.SetupRow:
    async with database.read() as session:
        where = setup_data.Where(past=True)
        found = {one.key: one for one in await setup_data.read(session, table, where)}
    return found[key]


async def save(
    database: Database, boss: Staff, table: str, *given: Given, client_id: str = "one", **more: Any
) -> Result:
    async with database.write() as session:
        return await setup_data.write(session, boss, table, given, client_id=client_id, **more)


async def edit(
    database: Database,
    boss: Staff,
    table: str,
    key: str,
    values: Mapping[str, Any],
    **more: Any,
) -> Result:
    """Change one row as somebody who has just read it."""
    known = await row(database, table, key)
    return await save(database, boss, table, Given(0, key, known.digest, values), **more)


def codes(result: Result) -> list[tuple[str | None, str]]:
    """Return what was refused, as column and code."""
    return [(one.column, one.code) for each in result.refused for one in each.problems]


async def traces(database: Database) -> list[int]:
    """Count what a write leaves behind beside the rows themselves."""
    async with database.read() as session:
        return [await count(session, table) for table in (AuditEntry, Event)]


async def audited(database: Database, action: str = "setup_changed") -> list[dict[str, Any]]:
    async with database.read() as session:
        query = select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)
        return [one.detail for one in (await session.execute(query)).scalars().all()]
