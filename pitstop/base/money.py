"""Money: `Decimal` yuan in Python, whole fen in the database, a pair on the wire."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TypedDict

CENT = Decimal("0.01")


class MoneyWire(TypedDict):
    """Money as the public contract writes it."""

    amount: str
    currency: str


def yuan(value: Decimal | int | str) -> Decimal:
    """Return `value` as yuan with two places, halves rounded up as on an invoice."""
    return Decimal(value).quantize(CENT, rounding=ROUND_HALF_UP)


def to_fen(value: Decimal) -> int:
    """Return yuan as whole fen."""
    return int(yuan(value) * 100)


def from_fen(value: int) -> Decimal:
    """Return whole fen as yuan."""
    return Decimal(value) / 100


def wire(value: Decimal) -> MoneyWire:
    """Return yuan as ``{"amount": "199.00", "currency": "CNY"}``."""
    return {"amount": str(yuan(value)), "currency": "CNY"}


def spoken(value: Decimal) -> str:
    """Return yuan for people, without needless places: ``199`` or ``85.6``."""
    text = f"{yuan(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
