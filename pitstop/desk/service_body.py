"""What a workshop's request may hold: numbers, moments and lines of extra work, each checked."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from aiohttp import web

from pitstop.base import clock
from pitstop.base.money import yuan
from pitstop.desk.errors import Problem, text_in

MAX_CLIENT_ID = 80
MAX_NOTE = 500
MAX_NAME = 80
MAX_REASON = 200
MAX_MILEAGE = 2_000_000  # km
MAX_PRICE = Decimal(200_000)  # yuan a line
MAX_LINES = 20
# Nobody plans further; and a year 9999 would break the arithmetic.
FARTHEST = timedelta(days=400)


def client_id_in(body: dict[str, Any]) -> str:
    """Return the id that the page gave to what it wants done; the same one again does nothing."""
    value = body.get("client_id")
    if not isinstance(value, str) or not value.strip():
        raise Problem("client_id_missing")
    return text_in(body, "client_id", limit=MAX_CLIENT_ID).strip()


def note_in(body: dict[str, Any], name: str = "note", limit: int = MAX_NOTE) -> str | None:
    """Return a text that may be missing; an empty one is none."""
    if body.get(name) is None:
        return None
    return text_in(body, name, limit=limit).strip() or None


def needed_in(body: dict[str, Any], name: str, code: str, limit: int = MAX_REASON) -> str:
    """Return a text that must be there; raises `Problem(code)` if it is empty."""
    found = note_in(body, name, limit)
    if found is None:
        raise Problem(code)
    return found


def number_in(body: dict[str, Any], name: str, most: int, code: str) -> int | None:
    """Return a whole number from 0 to `most`, None if it is not given."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value.strip()[:12])
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise Problem(code, field=name, limit=most)
    return value


def mileage_in(body: dict[str, Any]) -> int | None:
    """Return a car's mileage in km."""
    return number_in(body, "mileage_km", MAX_MILEAGE, "bad_mileage")


def soc_in(body: dict[str, Any]) -> int | None:
    """Return a car's charge in per cent."""
    return number_in(body, "soc", 100, "bad_soc")


def moment_in(body: dict[str, Any], name: str) -> datetime | None:
    """Return a moment, None if it is not given; without a zone it is Shanghai's."""
    value = body.get(name)
    if value is None or value == "":
        return None
    try:
        # Python 3.10 does not know the Z.
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=clock.SHANGHAI)
        far = abs(moment - clock.now()) > FARTHEST
    except (ValueError, OverflowError) as error:
        raise Problem("bad_moment", field=name) from error
    if far:
        raise Problem("bad_moment", field=name)
    return moment


def moment_needed(body: dict[str, Any], name: str) -> datetime:
    """Return a moment that must be there."""
    found = moment_in(body, name)
    if found is None:
        raise Problem("bad_moment", field=name)
    return found


def price_in(line: dict[str, Any], name: str) -> Decimal:
    """Return yuan with at most two places; nothing given is nothing charged."""
    value = line.get(name)
    if value is None or value == "":
        return Decimal("0.00")
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Problem("bad_price", field=name)
    try:
        amount = Decimal(str(value).strip()[:20])
    except InvalidOperation as error:
        raise Problem("bad_price", field=name) from error
    if not amount.is_finite() or not 0 <= amount <= MAX_PRICE or amount != yuan(amount):
        raise Problem("bad_price", field=name)
    return yuan(amount)


def lines_in(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the lines of a quote: name, reason, parts_price and labour_price in yuan."""
    lines = body.get("lines")
    if not isinstance(lines, list) or not lines:
        raise Problem("lines_missing")
    if len(lines) > MAX_LINES:
        raise Problem("too_many_lines", limit=MAX_LINES)
    found = []
    for line in lines:
        if not isinstance(line, dict):
            raise Problem("bad_request", field="lines")
        wanted = {
            "name": needed_in(line, "name", "line_name_missing", MAX_NAME),
            "reason": note_in(line, "reason", MAX_REASON),
            "parts_price": price_in(line, "parts_price"),
            "labour_price": price_in(line, "labour_price"),
        }
        found.append(wanted)
    return found


def day_in(request: web.Request) -> date:
    """Return the query's `day`; today in Shanghai if it names none."""
    text = request.query.get("day", "")
    today = clock.local_now().date()
    if not text:
        return today
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise Problem("bad_day", field="day") from error
    if abs(day - today) > FARTHEST:
        raise Problem("bad_day", field="day")
    return day
