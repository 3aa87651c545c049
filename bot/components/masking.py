"""What a message names, taken out of its words: a plate tells nothing of what is wanted.

Plates, numbers, times and places become one sign each before words and n-grams are counted, so
that a plate never seen looks like all others. That something was named counts as a fact of its
own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Signs that nobody types: normalising turns full width into half width before we look.
_SIGNS = {
    "plate": "Ａ",
    "vin": "Ｂ",
    "phone": "Ｃ",
    "order_no": "Ｄ",
    "mileage_km": "Ｅ",
    "time": "Ｆ",
    "store": "Ｇ",
    "station": "Ｈ",
    "city": "Ｉ",
    "model": "Ｊ",
}
_CASE = ("TS", "Ｋ")
"""A case's number tells of a case: its letters, and a sign of its own."""
_SHORT, _LONG = 6, 40
FACTS = (*_SIGNS, "short", "long")
"""The names of `Masked.facts`, in order."""

Place = tuple[int, int, str]
"""A half-open span of a text and the kind of thing that stands there."""


@dataclass(frozen=True)
class Masked:
    """A text with signs for names, and which kinds of names there were (0 or 1 each)."""

    text: str
    facts: tuple[float, ...]


def mask(text: str, places: Sequence[Place]) -> Masked:
    """Return `text` with a sign for each of `places`; of overlapping ones the first counts."""
    kept: list[Place] = []
    for start, end, kind in sorted(places, key=lambda each: (each[0], each[0] - each[1])):
        if kind in _SIGNS and end > start and (not kept or kept[-1][1] <= start):
            kept.append((start, end, kind))
    parts: list[str] = []
    at = 0
    for start, end, kind in kept:
        case = kind == "order_no" and text[start:end].upper().startswith(_CASE[0])
        parts += [text[at:start], _CASE[1] if case else _SIGNS[kind]]
        at = end
    parts.append(text[at:])
    kinds = {kind for _, _, kind in places}
    sizes = (float(len(text) <= _SHORT), float(len(text) >= _LONG))
    facts = (*(float(kind in kinds) for kind in _SIGNS), *sizes)
    return Masked("".join(parts).lower(), facts)


def within(places: Iterable[Place], start: int, end: int) -> list[Place]:
    """Return the places inside `[start, end)`, counted from `start`."""
    return [(a - start, b - start, kind) for a, b, kind in places if start <= a and b <= end]
