"""What can be reached, not just what is near; and which cars a swap station turns away.

A motorway station is on one side of one motorway. Whoever is in town is not sent to it unless they
say that they will be on that road.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pitstop.care import stations
from pitstop.care.refusals import RefusalCode
from pitstop.care.tables import Place, Vehicle
from pitstop.language.normalize import normalize

_CLAUSE = re.compile(r"[,;.!?。、…\s]+")


@dataclass(frozen=True)
class Way:
    """The motorway that somebody is on, and the way they go; None: not said."""

    motorway: str | None = None
    direction: str | None = None


def notes(place: Place) -> list[str]:
    """Return what an offer of this place must say of getting there."""
    access = place.access or {}
    found = []
    if access.get("motorway") and not access.get("inside", True):
        found.append(stations.say("access", "outside", motorway=access["motorway"]))
    elif access.get("motorway") and access.get("direction"):
        found.append(
            stations.say(
                "access", "only", motorway=access["motorway"], direction=access["direction"]
            )
        )
    elif place.side:
        found.append(stations.say("access", "only_side", side=place.side))
    elif access.get("motorway"):
        found.append(stations.say("access", "only_motorway", motorway=access["motorway"]))
    free = access.get("parking")
    if free is not None:
        key = "parking" if free else "parking_paid"
        found.append(stations.say("access", key, minutes=free))
    if access.get("height_m"):
        found.append(stations.say("access", "height", metres=f"{access['height_m']:g}"))
    return found


def way_of(place: Place) -> Way:
    """Return the one road that leads to a place; empty for a place that any road leads to."""
    access = place.access or {}
    if access.get("motorway"):
        if not access.get("inside", True):
            return Way()
        return Way(str(access["motorway"]), access.get("direction"))
    # Whoever only wrote down the side.
    return way_said(place.side) if place.side else Way()


def reachable(place: Place, *, on_motorway: str | None, direction: str | None) -> bool:
    """Say whether somebody can drive there: from town with no motorway named.

    Both as owners say them ("G42", "南京"). With a direction and no motorway, or the other way
    round, what was not said may fit.
    """
    way = way_of(place)
    if way.motorway is None:
        # One can leave a motorway; nobody can get into a service area from outside.
        return True
    if on_motorway is None and direction is None:
        return False
    if on_motorway is not None and motorway(on_motorway) != motorway(way.motorway):
        return False
    if direction is None or way.direction is None:
        return True
    return towards(way.motorway, direction) == towards(way.motorway, way.direction)


def suggested(places: Iterable[Place], way: Way | None = None) -> list[Place]:
    """Return the places that may be suggested to somebody on that way (None: in town)."""
    way = way or Way()
    return [
        place
        for place in places
        if reachable(place, on_motorway=way.motorway, direction=way.direction)
    ]


def motorway(name: str) -> str:
    """Return a motorway as we call it, an unknown one as it was said."""
    written = normalize(name).text.upper()
    for known, names in _motorways():
        if any(name in written for name in names):
            return known
    return name


def towards(road: str, direction: str) -> str:
    """Return the end of a motorway that a direction means, an unknown one as it was said."""
    said = normalize(direction).text
    ends = stations.section("access")["motorways"].get(motorway(road), {}).get("directions", {})
    for end, cities in ends.items():
        if any(city in said for city in cities):
            return str(end)
    return direction


def way_said(text: str) -> Way:
    """Return the motorway and the direction that a sentence names.

    ``我在沪宁高速往南京开`` → 沪宁高速, 南京. Without a motorway a direction means nothing.
    """
    written = normalize(text).text
    road = motorway(written)
    ends = stations.section("access")["motorways"].get(road, {}).get("directions")
    if ends is None:
        return Way()
    # The name of the road itself names cities.
    written = re.sub("|".join(map(re.escape, _names(road))), " ", written, flags=re.IGNORECASE)
    access = stations.section("access")
    for end, cities in ends.items():
        for city in cities:
            gone = re.sub(access["from"].format(city=city), " ", written)
            if re.search(access["towards"].format(city=city), gone):
                return Way(road, str(end))
    return Way(road)


@lru_cache(maxsize=1)
def _motorways() -> list[tuple[str, list[str]]]:
    known = [(road, [name.upper() for name in _names(road)]) for road in _roads()]
    # G42 before G4.
    return sorted(known, key=lambda pair: -max(len(n) for n in pair[1] if n.startswith("G")))


def _roads() -> dict[str, Any]:
    roads: dict[str, Any] = stations.section("access")["motorways"]
    return roads


def _names(road: str) -> list[str]:
    return [road, *map(str, _roads()[road]["names"])]


# ---- who is turned away -------------------------------------------------------------------------

_CONDITIONS: tuple[RefusalCode, ...] = ("high_voltage_fault", "flooded", "bottomed")


def refusal(vehicle: Vehicle, place: Place, has_pack: bool) -> RefusalCode | None:
    """Say why a car cannot swap at this station, None if it can.

    What is dangerous first. `has_pack`: the station has packs that fit, charged or not.
    """
    conditions = set(vehicle.conditions or ())
    for code in _CONDITIONS:
        if code in conditions:
            return code
    if vehicle.arrears:
        return "arrears"
    if "commercial" in conditions and _commercial_refused(vehicle.battery_contract):
        return "commercial"
    if "old_software" in conditions:
        return "old_software"
    return None if has_pack else "pack_does_not_fit"


def refusal_text(code: RefusalCode) -> str:
    """Return what an owner is told; raises `KeyError` for a code that is none of a swap's."""
    return str(stations.section("refusals")["texts"][code])


def condition_said(text: str, contract: str | None = None) -> RefusalCode | None:
    """Return what an owner says of the car that it cannot be swapped for ("刚拖底了").

    Not what they deny or imagine ("没拖底", "万一涉水"). Commercial use only counts with the
    battery contracts that exclude it.
    """
    rules = stations.section("refusals")
    clauses = [clause for clause in _CLAUSE.split(normalize(text).text) if clause]
    for code, words in rules["said"].items():
        if code == "commercial" and not _commercial_refused(contract):
            continue
        for clause in clauses:
            if any(_is_so(clause, at, word, rules) for word in words for at in _all(clause, word)):
                return code  # type: ignore[no-any-return]
    return None


def _is_so(clause: str, at: int, word: str, rules: dict[str, Any]) -> bool:
    before, behind = clause[:at], clause[at + len(word) :]
    if re.search(rules["denied"], before) or re.search(rules["imagined"], before):
        return False
    return not behind.startswith(tuple(rules["not_this"]))


def _all(clause: str, word: str) -> Iterator[int]:
    at = clause.find(word)
    while at >= 0:
        yield at
        at = clause.find(word, at + 1)


def _commercial_refused(contract: str | None) -> bool:
    return contract in stations.section("refusals")["commercial_contracts"]
