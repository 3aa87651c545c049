"""What an owner wished, held against what there is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import yaml

from pitstop.base.settings import ROOT
from tests.stack.owner import Owner

SEED = ROOT / "pitstop" / "app" / "demo" / "seed.yml"
SERVICES = ROOT / "pitstop" / "care" / "services.yml"

Wish = Mapping[str, Any]
Talk = Mapping[str, Any]
Change = tuple[str, dict[str, Any]]
"""A booking's id, and what it is now."""

# What can be wished of a booking; of an offer, all but the status.
WISHED = ("kind", "place", "start", "services", "model", "mode", "plate", "technician", "status")
OFFERED = WISHED[:-1]


@lru_cache(maxsize=1)
def service_names() -> dict[str, str]:
    """Return the services by code."""
    rows = yaml.safe_load(SERVICES.read_text(encoding="utf-8"))["services"]
    return {row["code"]: row["name"] for row in rows}


@lru_cache(maxsize=1)
def seeded() -> dict[str, str]:
    """Return whose each seeded booking is."""
    rows = yaml.safe_load(SEED.read_text(encoding="utf-8"))["bookings"]
    return {row["id"]: row["customer"] for row in rows}


def moment(text: str) -> datetime:
    """Read a local time as the files have it, without zone."""
    return datetime.strptime(str(text), "%Y-%m-%d %H:%M")  # noqa: DTZ007


def outcomes(talk: Talk) -> list[dict[str, Any]]:
    """Return the states that would do: one, or several."""
    want = talk["want"]
    return list(want) if isinstance(want, list) else [want]


def bookings_wished(talk: Talk) -> list[Wish]:
    """Return every new or changed booking that would do."""
    return [
        wish for want in outcomes(talk) for how in ("new", "changed") for wish in want.get(how, ())
    ]


def facts(booking: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a wish can ask of a booking, from the wire of a booking or an offer."""
    names = service_names()
    listed = booking.get("services") or (booking.get("service") or "").split("、")
    services = {names.get(code, code) for code in listed if code}
    drive = booking["kind"] == "test_drive"
    return {
        "kind": booking["kind"],
        "place": (booking.get("place") or {}).get("name"),
        "start": datetime.fromisoformat(booking["start"]).replace(tzinfo=None, microsecond=0),
        "services": set() if drive else services,
        "model": next(iter(services), None) if drive else None,
        "mode": booking["mode"],
        "plate": (booking.get("vehicle") or {}).get("plate"),
        "technician": booking.get("technician"),
        "status": booking["status"],
    }


def misfits(fact: Mapping[str, Any], wish: Wish, names: Iterable[str] = WISHED) -> list[str]:
    """Return which of the wished things are otherwise."""
    return [name for name in names if name in wish and not _is(name, fact[name], wish[name])]


def _is(name: str, fact: Any, wished: Any) -> bool:
    if name == "start":
        return any(_at(fact, one) for one in (wished if isinstance(wished, list) else [wished]))
    if name == "services":
        return len(fact) == len(wished) and all(
            any(one in fact for one in choice.split("|")) for choice in wished
        )
    if name == "technician":
        return str(wished) in str(fact)
    if wished is None or fact is None:
        return wished is fact
    return fact in str(wished).split("|")


def _at(fact: datetime, wished: Any) -> bool:
    if isinstance(wished, Mapping):
        return moment(wished["from"]) <= fact <= moment(wished["to"])
    return fact == moment(wished)


@dataclass(frozen=True)
class State:
    """What there is of an owner: bookings by id, cases by number, who has the word."""

    bookings: dict[str, dict[str, Any]]
    cases: frozenset[str] = frozenset()
    word: str = "bot"

    @classmethod
    def of(cls, owner: Owner) -> State:
        """Ask for it."""
        found = {one["id"]: facts(one) for one in owner.bookings()}
        cases = frozenset(case["number"] for case in owner.cases())
        return cls(found, cases, owner.conversation()["state"])


def changes(before: State, after: State) -> dict[str, list[Change]]:
    """Return what is new, changed and cancelled."""
    found: dict[str, list[Change]] = {"new": [], "changed": [], "cancelled": []}
    for key, fact in after.bookings.items():
        was = before.bookings.get(key)
        if was is None:
            found["new"].append((key, fact))
        elif was != fact:
            ended = fact["status"] == "cancelled"
            found["cancelled" if ended else "changed"].append((key, fact))
    return found


def meets(one: Change, wish: Wish, ids: Mapping[str, str]) -> bool:
    """Say whether a booking is what was wished; `ids` are those that a file's names stand for."""
    if "booking" in wish and ids.get(wish["booking"], wish["booking"]) != one[0]:
        return False
    return not misfits(one[1], {"status": "confirmed|in_progress", **wish})


def unmet(
    wishes: Iterable[Wish], found: Iterable[Change], ids: Mapping[str, str]
) -> tuple[list[Wish], list[Change]]:
    """Return the wishes that nothing meets, and what no wish asked for; one booking, one wish."""
    rest = list(found)
    open_: list[Wish] = []
    for wish in wishes:
        hit = next((one for one in rest if meets(one, wish, ids)), None)
        if hit is None:
            open_.append(wish)
        else:
            rest.remove(hit)
    return open_, rest


def judge(
    want: Wish, before: State, after: State, ids: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Return what is missing and what there is beyond the wish (both empty: reached)."""
    done = changes(before, after)
    allowed = set(want.get("may", ()))
    missing: list[str] = []
    for how in ("new", "changed"):
        open_, done[how] = unmet(want.get(how, ()), done[how], ids)
        missing += [f"{how}: {dict(wish)}" for wish in open_]
    done["new"] = [one for one in done["new"] if one[1]["kind"] not in allowed]
    gone = {key for key, _ in done["cancelled"]}
    wished = {ids.get(name, name) for name in want.get("cancelled", ())}
    missing += [f"cancelled: {key}" for key in sorted(wished - gone)]
    done["cancelled"] = [one for one in done["cancelled"] if one[0] not in wished]
    extra = [f"{how}: {plain(fact)}" for how, rows in done.items() for _, fact in rows]
    filed, cases = len(after.cases - before.cases), want.get("cases", 0)
    if filed < cases:
        missing.append(f"{cases - filed} cases")
    elif filed > cases and "cases" not in allowed:
        extra.append(f"{filed - cases} cases")
    handoff = want.get("handoff", False)
    if handoff not in ("may", after.word != "bot"):
        missing.append(f"the word is with: {after.word}")
    return missing, extra


def plain(fact: Mapping[str, Any]) -> str:
    """Return a booking in one line."""
    shown = {**fact, "start": f"{fact['start']:%m-%d %H:%M}", "services": sorted(fact["services"])}
    return " ".join(f"{name}={value}" for name, value in shown.items() if value)


def show(card: Mapping[str, Any]) -> str:
    """Return what an owner reads on a card."""
    if card["type"] not in {"offer", "booking"}:
        return f"<{card['type']} {json.dumps(card, ensure_ascii=False)[:400]}>"
    start = datetime.fromisoformat(card["start"])
    day = f"{start.month}月{start.day}日 周{'一二三四五六日'[start.weekday()]} {start:%H:%M}"
    price = card.get("price")
    parts = [
        card["type"],
        (card.get("place") or {}).get("name"),
        day,
        card.get("service"),
        (card.get("vehicle") or {}).get("plate"),
        card["mode"],
        card.get("technician"),
        f"¥{price['amount']}" if price else None,
    ]
    return f"<{' '.join(part for part in parts if part)}>"
