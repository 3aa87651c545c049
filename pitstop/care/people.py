"""Customers, their vehicles, and what a customer is to a vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import blind_index
from pitstop.care.tables import Customer, Vehicle, VehicleLink
from pitstop.conversation.tables import Conversation

Role = Literal[
    "visitor", "owner", "authorised_driver", "company_manager", "company_driver", "former_owner"
]

# The strongest first: who is several things is taken for the first of them.
RANK: tuple[Role, ...] = (
    "owner",
    "company_manager",
    "authorised_driver",
    "company_driver",
    "former_owner",
    "visitor",
)
MAX_ID = 40  # the width of the column that a token's `sub` has to fit


@dataclass(frozen=True)
class OwnedVehicle:
    """A vehicle as its customer sees it. `soc` and `soh` in per cent."""

    id: str
    plate: str
    vin: str
    model: str
    relation: Role
    pack_kwh: int
    swappable: bool
    soc: int
    soh: int
    range_km: int
    mileage_km: int
    battery_contract: str
    last_service_at: datetime | None
    delivered_at: datetime | None


@lru_cache(maxsize=1)
def _visitor_name() -> str:
    path = Path(__file__).with_name("people.yml")
    return str(yaml.safe_load(path.read_text(encoding="utf-8"))["visitor_name"])


async def ensure_customer(session: AsyncSession, customer_id: str) -> Customer:
    """Return the customer; one we have never heard of becomes a visitor.

    Raises `ValueError` if the id is empty or longer than 40 characters.
    """
    if not customer_id or len(customer_id) > MAX_ID:
        raise ValueError("a customer id has 1 to 40 characters")
    found: Customer | None = await session.get(Customer, customer_id)
    if found is not None:
        return found
    try:
        async with session.begin_nested():
            visitor = Customer(id=customer_id, name=_visitor_name())
            session.add(visitor)
        return visitor
    except IntegrityError:
        # Their first two messages came at once; the other process was faster.
        query = select(Customer).where(Customer.id == customer_id)
        again: Customer = (await session.execute(query)).scalar_one()
        return again


async def customer_of_conversation(session: AsyncSession, conversation_id: str) -> Customer:
    """Return whose conversation it is; raises `LookupError` if there is no such conversation."""
    conversation: Conversation | None = await session.get(Conversation, conversation_id)
    if conversation is None:
        raise LookupError(f"no conversation {conversation_id}")
    return await ensure_customer(session, conversation.customer_id)


async def customer_by_phone(session: AsyncSession, phone: str) -> Customer | None:
    """Return the one customer with this phone (11 digits), None if there is none or several."""
    query = select(Customer).where(Customer.phone_index == blind_index(phone)).limit(2)
    rows: Sequence[Customer] = (await session.execute(query)).scalars().all()
    return rows[0] if len(rows) == 1 else None


async def vehicle_by_plate(session: AsyncSession, plate: str) -> Vehicle | None:
    """Return the vehicle with this plate (upper case, no dot), None if there is none."""
    query = select(Vehicle).where(Vehicle.plate_index == blind_index(plate)).limit(1)
    found: Vehicle | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def vehicles_of(session: AsyncSession, customer_id: str) -> list[OwnedVehicle]:
    """Return the vehicles the customer has to do with today, their own first."""
    query = (
        select(VehicleLink, Vehicle)
        .join(Vehicle, Vehicle.id == VehicleLink.vehicle_id)
        .where(VehicleLink.customer_id == customer_id)
        .order_by(VehicleLink.since, VehicleLink.id)
    )
    strongest: dict[str, OwnedVehicle] = {}
    for link, vehicle in (await session.execute(query)).all():
        relation = _relation(link)
        if relation in (None, "former_owner"):
            continue
        known = strongest.get(vehicle.id)
        if known is None or RANK.index(relation) < RANK.index(known.relation):
            strongest[vehicle.id] = _owned(vehicle, relation)
    return sorted(strongest.values(), key=lambda owned: RANK.index(owned.relation))


async def relation_to(session: AsyncSession, customer_id: str, vehicle_id: str) -> Role | None:
    """Return what the customer is to the vehicle now; `former_owner` if they sold it."""
    query = select(VehicleLink).where(
        VehicleLink.customer_id == customer_id, VehicleLink.vehicle_id == vehicle_id
    )
    links: Sequence[VehicleLink] = (await session.execute(query)).scalars().all()
    return _strongest(links)


async def role_of(session: AsyncSession, customer_id: str) -> Role:
    """Return the strongest thing the customer is to any vehicle, else `visitor`."""
    query = select(VehicleLink).where(VehicleLink.customer_id == customer_id)
    links: Sequence[VehicleLink] = (await session.execute(query)).scalars().all()
    return _strongest(links) or "visitor"


def _strongest(links: Sequence[VehicleLink]) -> Role | None:
    found = [relation for relation in map(_relation, links) if relation is not None]
    return min(found, key=RANK.index) if found else None


def _relation(link: VehicleLink) -> Role | None:
    """Say what a link means at this moment.

    An ownership that has ended makes a former owner, whether or not anybody has written a new
    link: after 过户 the car is gone the same moment. Other relations that ended mean nothing.
    """
    moment = clock.now()
    relation: Role = link.relation  # type: ignore[assignment]
    if link.since > moment:
        return None
    if link.until is None or link.until > moment or relation == "former_owner":
        return relation
    return "former_owner" if relation == "owner" else None


def _owned(vehicle: Vehicle, relation: Role) -> OwnedVehicle:
    return OwnedVehicle(
        id=vehicle.id,
        plate=vehicle.plate,
        vin=vehicle.vin,
        model=vehicle.model,
        relation=relation,
        pack_kwh=vehicle.pack_kwh,
        swappable=vehicle.swappable,
        soc=vehicle.soc,
        soh=vehicle.soh,
        range_km=vehicle.range_km,
        mileage_km=vehicle.mileage_km,
        battery_contract=vehicle.battery_contract,
        last_service_at=vehicle.last_service_at,
        delivered_at=vehicle.delivered_at,
    )
