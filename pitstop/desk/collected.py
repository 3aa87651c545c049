"""What the bot had gathered before it handed over, as an agent reads it: names instead of ids."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base.tables import Article
from pitstop.base.masking import mask_plate
from pitstop.care.tables import Booking, Place, ServiceItem, Vehicle
from pitstop.desk.masked import masked_json

# What a form needs to go on, and what tells a person nothing.
_INTERNAL = frozenset({"options", "offer", "decision", "window", "slots"})
# The route that only says that they are here.
_PLAIN = frozenset({"talk_to_human"})
_NOTHING = "-"


async def readable(session: AsyncSession, collected: dict[str, Any]) -> dict[str, Any]:
    """Return the facts in one level, masked: ids are looked up, the form's own needs left out.

    An id that names nothing any more is left out too. A time is ISO 8601, for the page to show.
    """
    known = {**collected, **(collected.get("slots") or {})}
    if known.get("route") in _PLAIN or known.get("form"):
        known.pop("route", None)
    window = known.get("window") or {}
    facts: dict[str, Any] = {}
    for key, value in known.items():
        if key in _INTERNAL or value in (None, "", _NOTHING, [], {}):
            continue
        name = await _named(session, key, value)
        if name is not None:
            facts[key] = name
    if "start" not in facts and (not_before := window.get("start")):
        facts["after"] = not_before
    return {key: masked_json(value) for key, value in facts.items()}


async def _named(session: AsyncSession, key: str, value: Any) -> Any:
    if key == "place":
        place: Place | None = await session.get(Place, str(value))
        return None if place is None else place.name
    if key == "service":
        item: ServiceItem | None = await session.get(ServiceItem, str(value))
        return str(value) if item is None else item.name
    if key == "booking":
        booking: Booking | None = await session.get(Booking, str(value))
        return None if booking is None else booking.reference
    if key == "last_article":
        query = select(Article.question).where(Article.id == str(value))
        return (await session.execute(query)).scalar_one_or_none()
    if key in ("vehicle", "about"):
        vehicle: Vehicle | None = await session.get(Vehicle, str(value))
        if vehicle is not None:
            return f"{vehicle.model} {mask_plate(vehicle.plate)}"
        return None if key == "vehicle" else value
    return value
