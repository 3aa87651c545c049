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
    "no_part",
    "person_busy",
    "person_unknown",
    "not_for_model",
    "too_long",
    "price_changed",
    "driver_on_way",
    "out_of_reach",
    "no_pack_expected",
    "arrears",
    "bottomed",
    "flooded",
    "high_voltage_fault",
    "commercial",
    "old_software",
]


class Refused(Exception):
    """Something cannot be booked, moved or cancelled; nothing was written.

    `alternatives` are what could be had instead, the nearest first, possibly at other places.
    `details` depends on `code`: `closed` has `windows` (when that day is open), `too_far` has
    `limit` (the last moment that can be booked), `vehicle_needed` has `vehicles` (their ids),
    `no_part` has `ready_at` (when the part comes, None: nobody knows), `driver_on_way` has `fee`,
    `person_busy` has `person` (a name). `closed` has `reason` where it is shut against its hours.
    """

    def __init__(
        self, code: RefusalCode, *, alternatives: Sequence[Slot] = (), **details: Any
    ) -> None:
        super().__init__(f"refused: {code} {details or ''}".rstrip())
        self.code: RefusalCode = code
        self.alternatives: list[Slot] = list(alternatives)
        self.details: dict[str, Any] = details
