"""Why something could not be booked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pitstop.care.slots import Slot

RefusalCode = Literal[
    "closed",
    "full",
    "past",
    "too_far",
    "wrong_place",
    "pack_does_not_fit",
    "not_swappable",
    "unknown_service",
    "mode_not_available",
    "vehicle_needed",
    "offer_expired",
    "already_started",
]


class Refused(Exception):
    """Something cannot be booked, moved or cancelled; nothing was written.

    `alternatives` are what could be had instead, the nearest first, possibly at other places.
    `details` depends on `code`: `closed` has `windows` (when that day is open), `too_far` has
    `limit` (the last moment that can be booked), `vehicle_needed` has `vehicles` (their ids).
    """

    def __init__(
        self, code: RefusalCode, *, alternatives: Sequence[Slot] = (), **details: Any
    ) -> None:
        super().__init__(f"refused: {code} {details or ''}".rstrip())
        self.code: RefusalCode = code
        self.alternatives: list[Slot] = list(alternatives)
        self.details: dict[str, Any] = details
