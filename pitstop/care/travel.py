"""How far it is by road, and how long that takes: estimated, from positions alone.

No map and no network: the great circle times a detour, and a speed that grows with the distance.
Both keep the triangle's rule, so that a stop on the way never makes a way shorter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care import places
from pitstop.care.positions import Position, distance_km
from pitstop.care.tables import Place
from pitstop.language.places import CITIES

_DISTRICT = ("district", "district_in_front")
_FILE = Path(__file__).with_name("journeys.yml")


@lru_cache(maxsize=1)
def read() -> dict[str, Any]:
    """Return ``journeys.yml`` as it stands."""
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def setting(name: str) -> Any:
    """Return one of the settings; raises `KeyError` for an unknown one."""
    return read()["settings"][name]


def km(a: Position, b: Position) -> float:
    """Return the way by road between two positions, in kilometres."""
    return distance_km(a, b) * float(setting("detour"))


def minutes(a: Position, b: Position) -> float:
    """Return how long the way between two positions takes by car, in minutes."""
    return minutes_for(km(a, b))


def minutes_for(way: float) -> float:
    """Return how long so many kilometres take: slow in town, faster the farther one goes."""
    total, done = 0.0, 0.0
    for row in setting("speeds"):
        until = float(row.get("until_km") or way)
        part = max(0.0, min(way, until) - done)
        total += part / float(row["km_per_hour"]) * 60
        done += part
    return total


def at(text: str | None) -> Position | None:
    """Read a position that is kept as ``lat,lng``."""
    if not text:
        return None
    lat, _, lng = text.partition(",")
    return float(lat), float(lng)


async def locate(session: AsyncSession, address: str, place: Place) -> Position | None:
    """Return about where an address in the place's city is, None if it names nothing we know."""
    near = await places.all_places(session, city=place.city)
    return position_in(address, place.city, near)


def position_in(address: str, city: str, near: Sequence[Place]) -> Position | None:
    """Return the position of the longest name of `near` in an address, else its district's."""
    named = sorted(((name, row) for row in near for name in _names(row)), key=lambda p: -len(p[0]))
    for name, row in named:
        if name in address:
            return row.lat, row.lng
    return district_position(address, city)


def district_position(address: str, city: str) -> Position | None:
    """Return about where the middle of the address's district is, None if it names none."""
    found = district_in(address, city)
    return None if found is None else _districts(city)[found]


def district_in(address: str, city: str) -> str | None:
    """Return the district of that city that an address names: 闵行区, or 闵行 in front."""
    rest = _without(address, "city_in_front", city=re.escape(city))
    for name in sorted(_districts(city), key=len, reverse=True):
        rules = {key: read()["reading"][key].format(name=re.escape(name)) for key in _DISTRICT}
        if re.match(rules["district_in_front"], rest) or re.search(rules["district"], rest):
            return name
    return None


def city_in(address: str) -> str | None:
    """Return the city that an address begins with or calls 市; None: it names none.

    上海 in 上海路 and 中山 in 中山公园 are no cities.
    """
    text = _without(address, "province_in_front")
    in_front, anywhere = _city_patterns()
    found = in_front.match(text) or anywhere.search(text)
    return None if found is None else found.group(1)


def _without(address: str, reading: str, **values: str) -> str:
    return re.sub(read()["reading"][reading].format(**values), "", address.strip())


@lru_cache(maxsize=1)
def _city_patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    names = {*CITIES.read_text(encoding="utf-8").split(), *read()["districts"]}
    cities = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    rules = read()["reading"]
    return (
        re.compile(rules["city"].format(cities=cities)),
        re.compile(rules["town"].format(cities=cities)),
    )


def _names(row: Place) -> set[str]:
    """Return what is written of a place in an address: its name without city and kind."""
    bare = {_without(name, "kind_of_place") for name in (row.name, *row.aliases)}
    bare |= {name.removeprefix(row.city) for name in bare}
    districts = _districts(row.city)
    return {name for name in bare if len(name) >= 2 and name not in districts and name != row.city}


def _districts(city: str) -> dict[str, Position]:
    rows = read()["districts"].get(city, {})
    return {name: (float(lat), float(lng)) for name, (lat, lng) in rows.items()}
