"""The words and rules of the workshop (``workshop.yml``), and how a booking is put into them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pitstop.base import clock, money
from pitstop.care.views import BookingView
from pitstop.conversation.wire import Choice

_FILE = Path(__file__).with_name("workshop.yml")


@lru_cache(maxsize=1)
def _texts() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def say(part: str, key: str, **values: object) -> str:
    """Return a line with its values; raises `KeyError` for an unknown line or value."""
    return str(_texts()[part][key]).format(**values)


def say_for(mode: str, part: str, key: str, **values: object) -> str:
    """Return a line in the words of a mode (pickup, on_site) if there are any."""
    own = f"{key}_{mode}"
    return say(part, own if own in _texts()[part] else key, **values)


def rule(name: str) -> Any:
    """Return a rule as it stands in the file."""
    return _texts()["rules"][name]


def minutes(name: str, kind: str | None = None) -> timedelta:
    """Return a rule that is minutes, a kind of booking's own if it has one."""
    found = rule(name)
    return timedelta(minutes=found if kind is None else found[kind])


def moment(at: datetime) -> str:
    """Return day and clock time, e.g. ``明天11月24日（周二）10:00``."""
    local = at.astimezone(clock.SHANGHAI)
    formats = _texts()["formats"]
    near = formats["near_days"].get((local.date() - clock.local_now().date()).days, "")
    return str(formats["moment"]).format(
        near=near,
        month=local.month,
        day=local.day,
        weekday=formats["weekdays"][local.weekday()],
        hour=local.hour,
        minute=local.minute,
    )


def amount(price: Decimal, *, estimate: bool = False) -> str:
    """Return yuan for people; an estimate says so."""
    key = "amount_estimate" if estimate else "amount"
    return say("formats", key, amount=money.spoken(price))


def joined(parts: Sequence[str]) -> str:
    """Return several things in one line."""
    return str(_texts()["formats"]["list"]).join(parts)


def described(view: BookingView) -> dict[str, str]:
    """Return what a line may say of a booking: car, place, service, time, reference."""
    labels = _texts()["labels"]
    car = labels["no_car"]
    if view.vehicle is not None:
        car = say("formats", "car", model=view.vehicle.model, plate=view.vehicle.plate)
    service = labels["kind"][view.kind]
    if view.kind == "maintenance":
        service = view.service or labels["unknown_service"]
    return {
        "car": car,
        "place": labels["no_place"] if view.place is None else view.place.name,
        "service": service,
        "time": moment(view.start),
        "reference": view.reference or "",
    }


def button(key: str, intent: str, values: dict[str, Any] | None = None, **named: object) -> Choice:
    """Return a button with one of our titles."""
    return Choice(say("buttons", key, **named), intent, values or {})
