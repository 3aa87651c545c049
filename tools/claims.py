"""Whether what was said to have happened did: an answer beside the rows that the API shows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.outcomes import Phrases

Row = Mapping[str, Any]

# Numbers that people read (base/ids.py): two letters, the date, four characters.
NUMBER = re.compile(r"\b[A-Z]{2}\d{6}[0-9A-Z]{4}\b", re.ASCII)
# What the rows of a card and of the API must agree on.
_BOOKING_FIELDS = ("id", "status", "place", "start", "end", "vehicle", "service", "mode", "price")
_CASE_FIELDS = ("id", "status", "category", "wish", "respond_by", "text")
# A phrase that says that something is done, by the beginning of its name, and what it is about.
_BOOKED = ("utter_booked_", "utter_moved", "utter_cancelled", "utter_rescue_requested")
_FILED = ("utter_complaint_filed", "utter_privacy_filed", "utter_chased")
_QUEUED = ("utter_handoff", "line_handed")


@dataclass(frozen=True)
class Rows:
    """An owner's bookings by reference, their cases by number, and who has the word."""

    bookings: Mapping[str, Row] = field(default_factory=dict)
    cases: Mapping[str, Row] = field(default_factory=dict)
    state: str = "bot"


def broken(
    replies: Iterable[Mapping[str, Any]], before: Rows, after: Rows, phrases: Phrases
) -> list[str]:
    """Return every claim of an answer without a row, and every row that nobody mentioned."""
    found: list[str] = []
    numbers: set[str] = set()
    for reply in replies:
        text, name = str(reply["text"]), phrases.name(str(reply["text"]))
        said = set(NUMBER.findall(text))
        numbers |= said
        found += [
            f"number without a row: {number}"
            for number in sorted(said - after.bookings.keys() - after.cases.keys())
        ]
        if name.startswith(_BOOKED) and not said & after.bookings.keys():
            found.append(f"claimed without a booking: {text}")
        if name.startswith(_FILED) and not said & after.cases.keys():
            found.append(f"claimed without a case: {text}")
        if name.startswith(_QUEUED) and after.state == "bot":
            found.append(f"said to be handed over, but is not: {text}")
        if card := reply.get("card"):
            numbers.add(str(card.get("reference") or card.get("number") or ""))
            found += _card(card, after)
    for kind, old, new in (
        ("booking", before.bookings, after.bookings),
        ("case", before.cases, after.cases),
    ):
        silent = [number for number in new if new[number] != old.get(number)]
        found += [f"a {kind} changed in silence: {n}" for n in silent if n not in numbers]
        found += [f"a {kind} is gone: {number}" for number in old.keys() - new.keys()]
    return found


def _card(card: Row, after: Rows) -> list[str]:
    kind = card.get("type")
    if kind == "offer":
        taken = card.get("reference") in after.bookings and card["status"] == "taken"
        return ["an offer was taken without a yes"] if taken else []
    if kind == "booking":
        return _differs(card, after.bookings.get(str(card["reference"])), _BOOKING_FIELDS)
    if kind == "case":
        return _differs(card, after.cases.get(str(card["number"])), _CASE_FIELDS)
    return []


def _differs(card: Row, row: Row | None, fields: Iterable[str]) -> list[str]:
    if row is None:
        return [f"a {card['type']} card without a row"]
    return [
        f"the {card['type']} card says {name}={card.get(name)!r}, the row {row.get(name)!r}"
        for name in fields
        if card.get(name) != row.get(name)
    ]
