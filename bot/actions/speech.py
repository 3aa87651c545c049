"""How things are said: times with weekday, money, cars; formats and labels in ``words.yml``."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from bot.actions.context import words
from pitstop.base import clock, money
from pitstop.care.people import OwnedVehicle
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
        "status": label("status", view.status),
        "step": label("step", view.step),
    }
