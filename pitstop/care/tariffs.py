"""Prices and booking rules that are settings: `tariffs.yml`, or what a supervisor made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base.money import yuan
from pitstop.care.service_tables import Setting
from pitstop.care.tables import Place, ServiceItem

KEY = "tariffs"


@dataclass(frozen=True)
class Covered:
    """What somebody else pays of a price, in yuan. `source`: warranty, membership, campaign.

    `entitlement_id` names what is used up by it, None for a warranty.
    """

    kind: str
    source: str
    amount: Decimal
    entitlement_id: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "kind": self.kind,
            "reason": self.source,
            "amount": str(self.amount),
            "entitlement_id": self.entitlement_id,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Covered:
        """Read what `to_json` wrote."""
        return cls(
            data["kind"], data["reason"], Decimal(data["amount"]), data.get("entitlement_id")
        )


@dataclass(frozen=True)
class Price:
    """Yuan. For a swap `parts` is the energy and `labour` the service fee; `visit` is what
    coming to the owner costs; `total` is what is left to pay after what is `covered`."""

    parts: Decimal
    labour: Decimal
    visit: Decimal
    total: Decimal
    covered: tuple[Covered, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the price as JSON, in yuan with two places."""
        amounts = {name: str(getattr(self, name)) for name in _AMOUNTS}
        return {**amounts, "covered": [item.to_json() for item in self.covered]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Price:
        """Read what `to_json` wrote."""
        covered = tuple(Covered.from_json(item) for item in data.get("covered", ()))
        parts, labour, visit, total = (Decimal(data[name]) for name in _AMOUNTS)
        return cls(parts, labour, visit, total, covered)


_AMOUNTS = ("parts", "labour", "visit", "total")


def make_price(
    parts: Decimal, labour: Decimal, visit: Decimal, covered: Sequence[Covered] = ()
) -> Price:
    """Add up a price; what is covered never makes it less than nothing."""
    parts, labour, visit = yuan(parts), yuan(labour), yuan(visit)
    paid = sum((item.amount for item in covered), Decimal(0))
    total = max(Decimal(0), parts + labour + visit - paid)
    return Price(parts, labour, visit, yuan(total), tuple(covered))


@lru_cache(maxsize=1)
def shipped() -> dict[str, Any]:
    """Return the settings as they stand in the file."""
    path = Path(__file__).with_name("tariffs.yml")
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


class _Current:
    """What applies now in this process, and since when it was changed."""

    data: dict[str, Any] | None = None
    since: datetime | None = None


async def refresh(session: AsyncSession) -> None:
    """Take over what a supervisor has changed; whoever is about to name a price calls it."""
    query = select(Setting.updated_at).where(Setting.key == KEY)
    since = (await session.execute(query)).scalar_one_or_none()
    if since == _Current.since:
        return
    value = None
    if since is not None:
        query = select(Setting.value).where(Setting.key == KEY)
        value = (await session.execute(query)).scalar_one_or_none()
    _Current.data, _Current.since = value, since


def tariffs() -> dict[str, Any]:
    """Return the settings that apply; see `refresh`."""
    return shipped() if _Current.data is None else {**shipped(), **_Current.data}


def maintenance_price(
    item: ServiceItem, mode: str, place: Place, model: str | None = None
) -> Price:
    """Return what a service costs at a place, brought there or done at the owner's."""
    own = item.prices.get(model or "", {})
    parts = Decimal(own["parts"]) if "parts" in own else item.parts_price
    labour = Decimal(own["labour"]) if "labour" in own else item.labour_price
    factor = Decimal(str(tariffs()["maintenance"]["labour_factor"].get(place.kind, "1")))
    return make_price(parts, labour * factor, visit_fee(mode))


def visit_fee(mode: str) -> Decimal:
    """Return what coming to the owner, or fetching the car, costs in yuan."""
    return Decimal(str(tariffs()["maintenance"]["visit_fee"].get(mode, "0")))


def swap_price(soc: int, pack_kwh: int, mode: str = "station") -> Price:
    """Return what filling up from `soc` per cent would cost: an estimate until it is done."""
    rules = tariffs()["swap"]
    missing = Decimal(100 - max(0, min(100, soc))) / 100 * pack_kwh
    visit = Decimal(str(rules["valet_fee"])) if mode == "valet" else Decimal(0)
    return make_price(
        missing * Decimal(str(rules["yuan_per_kwh"])), Decimal(str(rules["service_fee"])), visit
    )


def extra_time(mode: str) -> timedelta:
    """Return the time on the road that a mode of maintenance needs beside the work."""
    return timedelta(minutes=tariffs()["maintenance"]["extra_minutes"].get(mode, 0))


def grid(kind: str) -> timedelta:
    """Return the grid that bookings of this kind begin on."""
    return timedelta(minutes=tariffs()["booking"]["grid_minutes"][kind])


def ahead(kind: str) -> timedelta:
    """Return how far ahead this kind can be booked."""
    return timedelta(hours=tariffs()["booking"]["ahead_hours"][kind])


def offer_life() -> timedelta:
    """Return how long an offer can be accepted."""
    return timedelta(minutes=tariffs()["booking"]["offer_minutes"])
