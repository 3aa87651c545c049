"""What a supervisor can change: every table with its columns, their types and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pitstop.care import setup_words
from pitstop.care.service_tables import Entitlement, Part
from pitstop.care.tables import (
    Place,
    PlaceException,
    Resource,
    ResourceException,
    ServiceItem,
)

# What is said of an empty one of these types: none of it, rather than nothing known.
_EMPTY: Mapping[str, Any] = {
    "list": [],
    "codes": [],
    "choices": [],
    "windows": [],
    "arrivals": [],
    "counts": {},
    "prices": {},
    "parameters": {},
    "warranty": {},
}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    `type`: text, code, number, decimal, money, flag, choice, choices, list, codes, date, until
    (a moment, given as the last day before it), week, windows, counts, prices, warranty, arrivals,
    parameters, reference, value. `limit`: the longest text, the most items. `group` are codes of
    ``setup_data.yml``, `refers` what another table has. `attribute` is where the model keeps it,
    with a dot for a key of a document. A `fixed` column is set with its row and never changed; a
    `readonly` one is worked out; a `quiet` one stands in files only.
    """

    name: str
    type: str = "text"
    required: bool = False
    fixed: bool = False
    readonly: bool = False
    quiet: bool = False
    limit: int = 200
    least: float = 0
    most: float = 1_000_000
    group: str | None = None
    refers: str | None = None
    attribute: str | None = None
    default: Any = None

    @property
    def empty(self) -> Any:
        """What the column holds where nothing is given."""
        return _EMPTY.get(self.type)

    @property
    def choices(self) -> Mapping[str, str]:
        """The codes that it may hold with their words; empty where it has no group."""
        return setup_words.choices(self.group) if self.group else {}


@dataclass(frozen=True)
class SetupTable:
    """A table that a supervisor changes.

    `key` names the column that holds the row's key, None where nobody sees it; `natural` are the
    columns that are unique together. `title` are the columns that say which row it is. `place`
    says how a row belongs to a place: ``id``, ``place_id``, ``resource_id`` or not at all.
    `order` is how rows are listed. `removable`: rows may be deleted if nothing refers to them.
    """

    name: str
    columns: tuple[Column, ...]
    model: Any = None
    key: str | None = None
    natural: tuple[str, ...] = ()
    title: tuple[str, ...] = ()
    place: str | None = None
    order: tuple[str, ...] = ()
    removable: bool = True
    by_name: Mapping[str, Column] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {one.name: one for one in self.columns})

    @property
    def label(self) -> str:
        """What the table is called."""
        return str(setup_words.of_table(self.name)["label"])

    def label_of(self, column: str) -> str:
        """Return what a column is called."""
        return str(setup_words.of_table(self.name)["columns"][column]["label"])

    def help_of(self, column: str) -> str:
        """Return what a column means, empty where its name says it."""
        return str(setup_words.of_table(self.name)["columns"][column].get("help", ""))


_SERVICES = SetupTable(
    name="services",
    model=ServiceItem,
    key="code",
    natural=("code",),
    title=("name",),
    order=("position", "code"),
    columns=(
        Column("name", required=True, limit=40),
        Column("code", "code", required=True, fixed=True, limit=40),
        Column("aliases", "list", limit=60),
        Column("minutes", "number", required=True, least=5, most=2880),
        Column("parts_price", "money", required=True),
        Column("labour_price", "money", required=True),
        Column("estimate", "flag", required=True, default=False),
        Column("skill", "choice", required=True, group="skill", default="general"),
        Column("technicians", "number", required=True, least=1, most=4, default=1),
        Column("kit", "counts", refers="part", limit=30),
        Column("prices", "prices", limit=60),
        Column("warranty", "warranty", group="warranty"),
        Column("models", "codes", limit=60),
        Column("modes", "choices", required=True, group="mode", default=["in_store"]),
        Column("place_kinds", "choices", required=True, group="service_kind"),
        Column("interval_km", "number", least=1, most=500_000),
        Column("interval_months", "number", least=1, most=240),
        Column("active", "flag", required=True, default=True),
        Column("position", "number", required=True, most=10_000, default=1000),
    ),
)

_PLACES = SetupTable(
    name="places",
    model=Place,
    key="id",
    natural=("name",),
    title=("name",),
    place="id",
    order=("kind", "id"),
    columns=(
        Column("name", required=True, limit=60),
        Column("id", "code", fixed=True, limit=40),
        Column("kind", "choice", required=True, group="place_kind"),
        Column("city", required=True, limit=20),
        Column("address", limit=120),
        # China, so that a latitude in the place of a longitude is noticed.
        Column("lat", "decimal", required=True, least=3, most=54),
        Column("lng", "decimal", required=True, least=73, most=136),
        Column("aliases", "list", limit=30),
        Column("hours", "week"),
        Column("side", limit=60),
        Column("motorway", limit=60, attribute="access.motorway"),
        Column("direction", limit=60, attribute="access.direction"),
        Column("inside", "flag", attribute="access.inside"),
        Column("parking", "number", most=1440, attribute="access.parking"),
        Column("height_m", "decimal", least=1, most=10, attribute="access.height_m"),
        Column("reach_km", "decimal", most=500),
        Column("station", "parameters", limit=40),
    ),
)

_PLACE_DAYS = SetupTable(
    name="place_days",
    model=PlaceException,
    natural=("place_id", "day"),
    title=("place_id", "day"),
    place="place_id",
    order=("day", "place_id"),
    columns=(
        Column("place_id", "reference", required=True, fixed=True, refers="place"),
        Column("day", "date", required=True, fixed=True),
        Column("windows", "windows"),
        Column("reason", required=True, limit=80),
    ),
)

_RESOURCES = SetupTable(
    name="resources",
    model=Resource,
    key="id",
    title=("place_id", "label"),
    place="place_id",
    order=("place_id", "kind", "id"),
    columns=(
        Column("label", required=True, limit=40),
        Column("place_id", "reference", required=True, refers="place"),
        Column("kind", "choice", required=True, group="resource_kind"),
        Column("id", "code", fixed=True, limit=40),
        Column("skills", "codes", limit=30, group="skill"),
        Column("pack_kwh", "number", least=10, most=300),
        Column("soc", "number", most=100),
        Column("hours", "week"),
        Column("active", "flag", required=True, default=True),
    ),
)

_RESOURCE_DAYS = SetupTable(
    name="resource_days",
    model=ResourceException,
    natural=("resource_id", "day"),
    title=("resource_id", "day"),
    place="resource_id",
    order=("day", "resource_id"),
    columns=(
        Column("resource_id", "reference", required=True, fixed=True, refers="person"),
        Column("day", "date", required=True, fixed=True),
        Column("windows", "windows"),
        Column("reason", required=True, limit=80),
    ),
)

_PARTS = SetupTable(
    name="parts",
    model=Part,
    key="code",
    natural=("code",),
    title=("name",),
    order=("code",),
    columns=(
        Column("name", required=True, limit=40),
        Column("code", "code", required=True, fixed=True, limit=40),
    ),
)

_STOCK = SetupTable(
    name="stock",
    natural=("place_id", "part"),
    title=("place_id", "part"),
    place="place_id",
    removable=False,
    columns=(
        Column("place_id", "reference", required=True, fixed=True, refers="place"),
        Column("part", "reference", required=True, fixed=True, refers="part"),
        Column("on_hand", "number", required=True, most=2000, default=0),
        Column("kept", "number", readonly=True, default=0),
        Column("arrivals", "arrivals", limit=30, most=2000),
    ),
)

_ENTITLEMENTS = SetupTable(
    name="entitlements",
    model=Entitlement,
    key="id",
    title=("vehicle_id", "kind"),
    order=("vehicle_id", "id"),
    columns=(
        Column("id", "code", fixed=True, quiet=True, limit=40),
        Column("vehicle_id", "reference", required=True, fixed=True, refers="vehicle"),
        Column("kind", "reference", required=True, refers="benefit"),
        Column("source", "choice", required=True, group="source"),
        Column("total", "number", required=True, least=1, most=999),
        Column("used", "number", readonly=True, default=0),
        Column("expires_on", "until", attribute="expires_at"),
    ),
)

_TARIFFS = SetupTable(
    name="tariffs",
    key="key",
    natural=("key",),
    title=("label",),
    removable=False,
    columns=(
        Column("key", "text", required=True, fixed=True, quiet=True, limit=120),
        Column("label", readonly=True),
        Column("value", "value", required=True),
        Column("unit", readonly=True),
        Column("shipped", "value", readonly=True),
        Column("kind", readonly=True, quiet=True),
    ),
)

TABLES: Mapping[str, SetupTable] = {
    table.name: table
    for table in (
        _SERVICES,
        _PLACES,
        _PLACE_DAYS,
        _RESOURCES,
        _RESOURCE_DAYS,
        _PARTS,
        _STOCK,
        _ENTITLEMENTS,
        _TARIFFS,
    )
}


def table_of(name: str) -> SetupTable:
    """Return the table of that name; raises `LookupError` if there is none."""
    found = TABLES.get(name)
    if found is None:
        raise LookupError(f"no table {name}")
    return found
