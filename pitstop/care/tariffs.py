"""Prices and booking rules that are settings: `tariffs.yml`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pitstop.base.money import yuan
from pitstop.care.tables import Place, ServiceItem


@dataclass(frozen=True)
class Price:
    """Yuan. For a swap `parts` is the energy and `labour` the service fee; `visit` is what
    coming to the owner costs."""

    parts: Decimal
    labour: Decimal
    visit: Decimal
    total: Decimal

    def to_json(self) -> dict[str, str]:
        """Return the price as JSON, in yuan with two places."""
        return {name: str(getattr(self, name)) for name in ("parts", "labour", "visit", "total")}

    @classmethod
    def from_json(cls, data: dict[str, str]) -> Price:
        """Read what `to_json` wrote."""
        return cls(*(Decimal(data[name]) for name in ("parts", "labour", "visit", "total")))


def make_price(parts: Decimal, labour: Decimal, visit: Decimal) -> Price:
    """Add up a price."""
    parts, labour, visit = yuan(parts), yuan(labour), yuan(visit)
    return Price(parts, labour, visit, parts + labour + visit)


@lru_cache(maxsize=1)
def tariffs() -> dict[str, Any]:
    """Return the settings as they stand in the file."""
    path = Path(__file__).with_name("tariffs.yml")
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


def maintenance_price(item: ServiceItem, mode: str, place: Place) -> Price:
    """Return what a service costs at a place, brought there or done at the owner's."""
    rules = tariffs()["maintenance"]
    factor = Decimal(rules["labour_factor"].get(place.kind, "1"))
    visit = Decimal(rules["visit_fee"].get(mode, "0"))
    return make_price(item.parts_price, item.labour_price * factor, visit)


def swap_price(soc: int, pack_kwh: int, mode: str = "station") -> Price:
    """Return what filling up from `soc` per cent would cost: an estimate until it is done."""
    rules = tariffs()["swap"]
    missing = Decimal(100 - max(0, min(100, soc))) / 100 * pack_kwh
    visit = Decimal(rules["valet_fee"]) if mode == "valet" else Decimal(0)
    return make_price(
        missing * Decimal(rules["yuan_per_kwh"]), Decimal(rules["service_fee"]), visit
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
