"""What can be booked, how owners call it, what it costs and when it is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import yaml
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care.tables import Place, ServiceItem
from pitstop.care.tariffs import Price, maintenance_price
from pitstop.language.normalize import normalize

__all__ = [
    "Price",
    "due_items",
    "load_services",
    "match_services",
    "price_of",
    "service",
    "services",
]

DAYS_A_MONTH = 30.44
INSPECTION = "inspection"  # what is booked where nobody knows yet what is wrong


class Driven(Protocol):
    """What `due_items` needs to know of a vehicle."""

    @property
    def mileage_km(self) -> int: ...
    @property
    def last_service_at(self) -> datetime | None: ...
    @property
    def delivered_at(self) -> datetime | None: ...


@lru_cache(maxsize=1)
def _shipped() -> dict[str, Any]:
    path = Path(__file__).with_name("services.yml")
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


async def load_services(session: AsyncSession) -> None:
    """Write the shipped catalogue into the database; what is there is brought up to date."""
    for position, row in enumerate(_shipped()["services"]):
        item: ServiceItem | None = await session.get(ServiceItem, row["code"])
        if item is None:
            item = ServiceItem(code=row["code"])
            session.add(item)
        item.name = row["name"]
        item.position = position
        item.aliases = row["aliases"]
        item.minutes = row["minutes"]
        item.parts_price = Decimal(row["parts"])
        item.labour_price = Decimal(row["labour"])
        item.estimate = row.get("estimate", False)
        item.skill = row["skill"]
        item.modes = row["modes"]
        item.place_kinds = _shipped()["place_kinds"][row["skill"]]
        item.interval_km = row.get("interval_km")
        item.interval_months = row.get("interval_months")
    await session.flush()


async def services(session: AsyncSession) -> list[ServiceItem]:
    """Return everything that can be booked, in the catalogue's order."""
    query = select(ServiceItem).order_by(ServiceItem.position, ServiceItem.code)
    rows: Sequence[ServiceItem] = (await session.execute(query)).scalars().all()
    return list(rows)


async def service(session: AsyncSession, code: str) -> ServiceItem | None:
    """Return the service item, None if there is none of that code."""
    found: ServiceItem | None = await session.get(ServiceItem, code)
    return found


async def match_services(session: AsyncSession, text: str) -> list[ServiceItem]:
    """Return what a message names, in the order named; empty if it names nothing.

    The longest name counts and covers the shorter ones in it: 空调滤芯 is not 滤芯 again. An
    inspection comes last: 检查 beside anything else named is how people put it.
    """
    said = _plain(text)
    names = sorted(
        ((_plain(alias), item) for item in await services(session) for alias in _names(item)),
        key=lambda pair: -len(pair[0]),
    )
    found: dict[str, tuple[int, ServiceItem]] = {}
    for alias, item in names:
        at = said.find(alias)
        while at >= 0:
            said = said[:at] + "\0" * len(alias) + said[at + len(alias) :]
            if item.code not in found or at < found[item.code][0]:
                found[item.code] = (at, item)
            at = said.find(alias)
    ordered = sorted(found.values(), key=lambda pair: (pair[1].code == INSPECTION, pair[0]))
    return [item for _, item in ordered]


@lru_cache(maxsize=2048)
def _plain(text: str) -> str:
    return normalize(text).text.upper()


def _names(item: ServiceItem) -> set[str]:
    return {item.name, *item.aliases}


def price_of(item: ServiceItem, mode: str, place: Place) -> Price:
    """Return what the service costs there, in yuan; `item.estimate` says if it may change."""
    return maintenance_price(item, mode, place)


def due_items(vehicle: Driven, now: datetime) -> list[str]:
    """Return the codes of what is due by distance or time, in the catalogue's order.

    The distance since the last service is not recorded: it is taken from the share of the car's
    life since then.
    """
    since = vehicle.last_service_at or vehicle.delivered_at
    if since is None:
        return []
    days = (now - since).total_seconds() / 86400
    life = days
    if vehicle.delivered_at is not None:
        life = max((now - vehicle.delivered_at).total_seconds() / 86400, days)
    driven = vehicle.mileage_km * days / life if life > 0 else 0.0
    due = []
    for row in _shipped()["services"]:
        km, months = row.get("interval_km"), row.get("interval_months")
        if (km and driven >= km) or (months and days >= months * DAYS_A_MONTH):
            due.append(str(row["code"]))
    # A major service contains the minor one.
    return [code for code in due if code != "minor_service" or "major_service" not in due]
