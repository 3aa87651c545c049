"""How things are said: times with weekday, money, cars; formats and labels in ``words.yml``."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.actions.context import words
from pitstop.base import clock, money
from pitstop.care.catalogue import DAYS_A_MONTH, Due
from pitstop.care.people import OwnedVehicle
from pitstop.care.tariffs import Price
from pitstop.care.views import BookingView, OfferView, VehicleBrief


def day(moment: datetime) -> str:
    """Return ``11月24日（周二）``, with 今天 and 明天 where they are."""
    local = moment.astimezone(clock.SHANGHAI)
    formats = words()["formats"]
    weekday = formats["weekdays"][local.weekday()]
    away = (local.date() - clock.local_now().date()).days
    near = formats["near_days"].get(away, "")
    return str(formats["day"]).format(near=near, month=local.month, day=local.day, weekday=weekday)


def when(moment: datetime) -> str:
    """Return day and clock time in the place's zone."""
    local = moment.astimezone(clock.SHANGHAI)
    return f"{day(moment)} {local:%H:%M}"


def span(start: datetime, end: datetime) -> str:
    """Return day, start and end."""
    local = end.astimezone(clock.SHANGHAI)
    return f"{when(start)}–{local:%H:%M}"


def car(vehicle: OwnedVehicle | VehicleBrief | None) -> str:
    """Return model and plate, e.g. ``YS6（沪A·D12345）``."""
    if vehicle is None:
        return str(words()["labels"]["no_vehicle"])
    plate = f"{vehicle.plate[:2]}·{vehicle.plate[2:]}"
    return str(words()["formats"]["car"]).format(model=vehicle.model, plate=plate)


def price(amount: Decimal | None, *, estimate: bool) -> str:
    """Return a price for people; an estimate says so."""
    labels = words()["labels"]
    if amount is None:
        return str(labels["price_unknown"])
    if amount == 0:
        return str(labels["price_free"])
    key = "price_estimate" if estimate else "price"
    return str(labels[key]).format(amount=money.spoken(amount))


def label(group: str, code: str | None) -> str:
    """Return the Chinese word for a code, e.g. label("mode", "pickup")."""
    return str(words()["labels"][group].get(code or "", code or ""))


def service_of(view: BookingView | OfferView) -> str:
    """Return what is booked, in words."""
    return view.service or label("kind", view.kind)


def minutes(length: timedelta) -> int:
    """Return whole minutes."""
    return int(length.total_seconds() // 60)


def described(view: BookingView | OfferView) -> dict[str, Any]:
    """Return everything that a response says of a booking or an offer."""
    place = view.place.name if view.place else label("kind", view.kind)
    if view.place and view.place.side:
        place = str(words()["formats"]["sided"]).format(place=place, side=view.place.side)
    return {
        "service": service_of(view),
        "place": place,
        "time": span(view.start, view.end) if view.kind != "rescue" else when(view.start),
        "vehicle": car(view.vehicle),
        "mode": label("mode", view.mode),
        "price": price(view.price, estimate=view.estimate),
        "reference": view.reference or "",
        "who": filled("who", name=view.technician) if view.technician else "",
        "paid": paid(view),
        "notes": "".join(filled("note", note=note) for note in view.notes),
        "lock": span_end(view),
        "status": label("status", view.status),
        "step": label("step", view.step),
    }


def filled(key: str, **values: object) -> str:
    """Return a phrase that is only said where there is something to say."""
    return str(words()["phrases"][key]).format(**values)


def paid(view: BookingView | OfferView) -> str:
    """Return the parts of a price and what warranty or membership pays; empty if not told."""
    parts = view.price_parts
    if parts is None or view.kind != "maintenance":
        return ""
    said = filled(
        "split",
        parts=money.spoken(parts.parts),
        labour=money.spoken(parts.labour),
        visit=filled("visit", visit=money.spoken(parts.visit)) if parts.visit else "",
    )
    return filled("in_brackets", said=said + covered(parts))


def covered(price: Price) -> str:
    """Return what warranty or membership pays; empty if nobody does."""
    return "".join(
        filled("covered", source=label("covered", item.source), amount=money.spoken(item.amount))
        for item in price.covered
    )


def span_end(view: BookingView | OfferView) -> str:
    """Return until when a swap's pack is kept, as a clock time; empty if none is."""
    until = getattr(view, "lock_until", None)
    return "" if until is None else f"{until.astimezone(clock.SHANGHAI):%H:%M}"


def label_line(name: str, total: Decimal) -> str:
    """Return a line of a quote."""
    return str(words()["labels"]["quote_line"]).format(name=name, total=money.spoken(total))


def not_due(entry: Due, name: str) -> str:
    """Return a service that is not due yet, with what is left until it is."""
    if entry.left_km is not None:
        return filled("not_due_km", name=name, km=round(entry.left_km, -2))
    months = max(1, round((entry.left_days or 0) / DAYS_A_MONTH))
    return filled("not_due_days", name=name, months=months)
