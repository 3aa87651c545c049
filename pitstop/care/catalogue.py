"""What can be booked, how owners call it, what it costs and when it is due."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import yaml
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care.service_tables import Part
from pitstop.care.tables import Place, ServiceItem
from pitstop.care.tariffs import Price, maintenance_price
from pitstop.language.normalize import normalize

__all__ = [
    "Price",
    "due_items",
    "due_report",
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
    """Write what is missing of the shipped catalogue; what a supervisor has changed stays."""
    for code, name in _shipped()["parts"].items():
        if await session.get(Part, code) is None:
            session.add(Part(code=code, name=name))
    for position, row in enumerate(_shipped()["services"]):
        item: ServiceItem | None = await session.get(ServiceItem, row["code"])
        if item is not None:
            continue
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
        item.technicians = row.get("technicians", 1)
        item.kit = row.get("kit", {})
        item.prices = row.get("prices", {})
        item.warranty = row.get("warranty", {})
        item.models = row.get("models", [])
        item.modes = row["modes"]
        item.place_kinds = _shipped()["place_kinds"][row["skill"]]
        item.interval_km = row.get("interval_km")
        item.interval_months = row.get("interval_months")
    await session.flush()


async def services(session: AsyncSession) -> list[ServiceItem]:
    """Return everything that can be booked, in the catalogue's order."""
    query = (
        select(ServiceItem)
        .where(ServiceItem.active.is_(True))
        .order_by(ServiceItem.position, ServiceItem.code)
    )
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
    contained = {part for code in found for part in contains(code)}
    return [item for _, item in ordered if item.code not in contained]


def is_name(text: str) -> bool:
    """Say whether a message is nothing but the name of a service: an answer, no question."""
    said = _plain(text).strip()
    return any(
        said == _plain(name)
        for row in _shipped()["services"]
        for name in [row["name"], *row["aliases"]]
    )


def contains(code: str) -> list[str]:
    """Return what is done with a service anyway: a major service holds the minor one."""
    for row in _shipped()["services"]:
        if row["code"] == code:
            return list(row.get("contains", []))
    return []


@lru_cache(maxsize=2048)
def _plain(text: str) -> str:
    # A verb may hold its object off: 补个漆, 换一下雨刮 are 补漆, 换雨刮.
    return _held_off().sub("", normalize(text).text.upper())


@lru_cache(maxsize=1)
def _held_off() -> re.Pattern[str]:
    between = _shipped()["between"]
    return re.compile(f"(?<=[{between['verbs']}])(?:{'|'.join(between['fillers'])})")


def _names(item: ServiceItem) -> set[str]:
    return {item.name, *item.aliases}


def price_of(item: ServiceItem, mode: str, place: Place, model: str | None = None) -> Price:
    """Return what the service costs there, in yuan; `item.estimate` says if it may change."""
    return maintenance_price(item, mode, place, model)


@dataclass(frozen=True)
class Due:
    """When something is due again: whichever comes first. Negative: overdue. None: no such rule."""

    code: str
    left_km: int | None
    left_days: int | None

    @property
    def due(self) -> bool:
        """Whether its time has come."""
        return any(left is not None and left <= 0 for left in (self.left_km, self.left_days))


class Recurring(Protocol):
    """What `due_report` needs to know of a service."""

    code: Any
    interval_km: Any
    interval_months: Any


def due_report(
    vehicle: Driven, now: datetime, items: Sequence[Recurring] | None = None
) -> list[Due]:
    """Return what has a rule, in the catalogue's order, with what is left of it.

    `items` are the services as a supervisor has them now; without them the shipped ones.

    The distance since the last service is not recorded: it is taken from the share of the car's
    life since then. Empty where nothing is known of the car's age.
    """
    since = vehicle.last_service_at or vehicle.delivered_at
    if since is None:
        return []
    days = (now - since).total_seconds() / 86400
    life = days
    if vehicle.delivered_at is not None:
        life = max((now - vehicle.delivered_at).total_seconds() / 86400, days)
    driven = vehicle.mileage_km * days / life if life > 0 else 0.0
    report = []
    rules = (
        [(row["code"], row.get("interval_km"), row.get("interval_months")) for row in _rows()]
        if items is None
        else [(item.code, item.interval_km, item.interval_months) for item in items]
    )
    for code, km, months in rules:
        if km or months:
            report.append(
                Due(
                    str(code),
                    round(km - driven) if km else None,
                    round(months * DAYS_A_MONTH - days) if months else None,
                )
            )
    return report


def _rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _shipped()["services"]
    return rows


def due_items(
    vehicle: Driven, now: datetime, items: Sequence[Recurring] | None = None
) -> list[str]:
    """Return the codes of what is due by distance or time, in the catalogue's order."""
    due = [entry.code for entry in due_report(vehicle, now, items) if entry.due]
    held = {part for code in due for part in contains(code)}
    return [code for code in due if code not in held]
