"""The settings and the words of swap stations: ``stations.yml``, read once."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pitstop.base import clock
from pitstop.care import tariffs

_FILE = Path(__file__).with_name("stations.yml")


@lru_cache(maxsize=1)
def _stations() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def section(name: str) -> dict[str, Any]:
    """Return a whole part of the settings."""
    found: dict[str, Any] = _stations()[name]
    return found


def say(part: str, key: str, **values: object) -> str:
    """Return a line with its values; raises `KeyError` for an unknown line or value."""
    return str(_stations()[part][key]).format(**values)


def day(moment: datetime) -> str:
    """Return a moment's day in Shanghai: ``今天``, or ``明天11月24日（周二）``."""
    local, formats = moment.astimezone(clock.SHANGHAI), section("formats")
    ahead = (local.date() - clock.local_now().date()).days
    if ahead == 0:
        return str(formats["today"])
    return say(
        "formats",
        "day",
        near=formats["near_days"].get(ahead, ""),
        month=local.month,
        day=local.day,
        weekday=formats["weekdays"][local.weekday()],
    )


def time(moment: datetime) -> str:
    """Return a moment's time of day in Shanghai: ``09:05``."""
    local = moment.astimezone(clock.SHANGHAI)
    return say("formats", "clock", hour=local.hour, minute=local.minute)


def joined(parts: list[str]) -> str:
    """Return several remarks in one line."""
    return str(section("formats")["list"]).join(parts)


def lock_until(end: datetime) -> datetime:
    """Return until when a pack is kept whose window ends then."""
    return end + timedelta(minutes=tariffs.tariffs()["swap"]["grace_minutes"])
