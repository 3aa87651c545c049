"""Links that lead to a place. All our positions are WGS-84, as a phone's own are."""

from __future__ import annotations

from typing import Protocol
from urllib.parse import quote, urlencode

from pitstop.care.calendar_tokens import calendar_path

# Where the owner does not go: somebody comes to them.
COMES_TO_OWNER = frozenset({"pickup", "on_site", "valet"})
# A rescue is now: nobody looks it up in a calendar.
_PLANNED = frozenset({"maintenance", "swap", "test_drive"})


class Spot(Protocol):
    """What a link needs to know of a place."""

    @property
    def name(self) -> str: ...
    @property
    def lat(self) -> float: ...
    @property
    def lng(self) -> float: ...
    @property
    def side(self) -> str | None: ...


class Booked(Protocol):
    """What `links` needs to know of a booking."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def mode(self) -> str: ...
    @property
    def status(self) -> str: ...
    @property
    def place(self) -> Spot | None: ...


def full_name(place: Spot) -> str:
    """Return the name, with the side of the motorway that it can be reached from.

    Both stations of a service area stand at one position on most maps: only the words tell which
    of them is meant, and on the wrong side it is 20 km to the next exit.
    """
    if not place.side or place.side in place.name:
        return place.name
    return f"{place.name} {place.side}"


def geo_uri(place: Spot) -> str:
    """Return a ``geo:`` URI (RFC 5870; WGS-84 by default) with the name, as phones read it."""
    at = _at(place.lat, place.lng)
    return f"geo:{at}?q={at}({quote(full_name(place))})"


def map_url(place: Spot) -> str:
    """Return the web address that leads there by car; on a phone it opens the map's own app."""
    # Amap takes the destination apart at its commas.
    name = full_name(place).replace(",", " ")
    query = {
        "to": f"{_at(place.lng, place.lat)},{name}",
        "mode": "car",
        "coordinate": "wgs84",
        "src": "pitstop",
        "callnative": "1",
    }
    return f"https://uri.amap.com/navigation?{urlencode(query, safe=',', quote_via=quote)}"


def links(view: Booked) -> dict[str, str]:
    """Return the addresses that a booking's card offers: `calendar_url`, `navigation_url`.

    Each only where there is something to do with it: a cancelled booking's calendar file takes
    it out of the calendar again.
    """
    found: dict[str, str] = {}
    if view.kind in _PLANNED and view.status in ("confirmed", "cancelled"):
        found["calendar_url"] = calendar_path(view.id)
    goes = view.place is not None and view.mode not in COMES_TO_OWNER
    if goes and view.status in ("confirmed", "in_progress"):
        assert view.place is not None
        found["navigation_url"] = map_url(view.place)
    return found


def _at(first: float, second: float) -> str:
    # Six places are a hand's breadth.
    return ",".join(f"{value:.6f}".rstrip("0").rstrip(".") for value in (first, second))
