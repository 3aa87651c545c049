"""What must hold between the columns of a row, and between the rows of a table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import setup_stock, setup_words
from pitstop.care.places import SERVICE_KINDS, STATION_KINDS, TEST_DRIVE_KINDS
from pitstop.care.setup_refs import PEOPLE
from pitstop.care.setup_stock import HERE, Moves, Piece
from pitstop.care.tables import Place, Resource, ServiceItem
from pitstop.language.normalize import normalize

# Where a kind of resource can stand at all; the others stand anywhere.
_STANDS = {
    "technician": SERVICE_KINDS,
    "pack": STATION_KINDS,
    "demo_car": TEST_DRIVE_KINDS,
}


@dataclass(frozen=True)
class Found:
    """Something that will not do: in which column, and why (see `setup_words.say`)."""

    column: str | None
    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """A row as it is to be: its key (a new one's own), what it holds and what that changes."""

    key: str
    values: Mapping[str, Any]
    changed: frozenset[str]
    new: bool


class Rules:
    """The rules of one table for a batch of drafts, which may need each other."""

    def __init__(self, check: Callable[[Draft], Iterator[Found]]) -> None:
        self._check = check

    def problems(self, draft: Draft) -> list[Found]:
        """Return what is wrong with a draft."""
        return list(self._check(draft))


async def rules(session: AsyncSession, table: str, drafts: Sequence[Draft]) -> Rules:
    """Read what the rules of a table need to know."""
    prepare = _PREPARE.get(table)
    return Rules(_nothing if prepare is None else await prepare(session, drafts))


def _nothing(_draft: Draft) -> Iterator[Found]:
    yield from ()


# ---- services -----------------------------------------------------------------------------------


async def _services(
    session: AsyncSession, drafts: Sequence[Draft]
) -> Callable[[Draft], Iterator[Found]]:
    """A name or alias means one service: the bot could not tell two apart."""
    query = select(ServiceItem.code, ServiceItem.name, ServiceItem.aliases, ServiceItem.active)
    known = {row[0]: tuple(row[1:]) for row in (await session.execute(query)).all()}
    for draft in drafts:
        values = draft.values
        known[draft.key] = (values["name"], values["aliases"], values["active"])
    meant: dict[str, dict[str, str]] = {}
    for code, (name, aliases, active) in known.items():
        if active and name:
            for text in (name, *aliases):
                meant.setdefault(_said(text), {})[code] = name

    def check(draft: Draft) -> Iterator[Found]:
        if draft.new and draft.key in setup_words.choices("benefit"):
            yield Found("code", "reserved_code")
        if not draft.values["active"]:
            return
        for column in ("name", "aliases"):
            if not draft.changed & {column, "active"}:
                continue
            value = draft.values[column]
            for text in [value] if column == "name" else value:
                others = [n for c, n in meant.get(_said(text), {}).items() if c != draft.key]
                if others:
                    yield Found(column, "alias_taken", {"value": text, "other": others[0]})

    return check


@lru_cache(maxsize=4096)
def _said(text: str) -> str:
    return normalize(text).text.upper()


# ---- places and what they have ------------------------------------------------------------------


async def _places(
    session: AsyncSession, drafts: Sequence[Draft]
) -> Callable[[Draft], Iterator[Found]]:
    rows = (await session.execute(select(Place.id, Place.name))).all()
    names = {row[0]: row[1] for row in rows}
    names.update({draft.key: draft.values["name"] for draft in drafts})

    def check(draft: Draft) -> Iterator[Found]:
        name = draft.values["name"]
        if "name" in draft.changed and list(names.values()).count(name) > 1:
            yield Found("name", "name_taken", {"value": name})

    return check


async def _resources(
    session: AsyncSession, drafts: Sequence[Draft]
) -> Callable[[Draft], Iterator[Found]]:
    """Two things of a place are not called the same: an owner asks for a technician by name."""
    ids = {draft.values["place_id"] for draft in drafts}
    query = select(Resource.id, Resource.place_id, Resource.label).where(Resource.place_id.in_(ids))
    called = {row[0]: (row[1], row[2]) for row in (await session.execute(query)).all()}
    called.update({d.key: (d.values["place_id"], d.values["label"]) for d in drafts})
    counted: dict[tuple[Any, Any], int] = {}
    for pair in called.values():
        counted[pair] = counted.get(pair, 0) + 1
    kinds = {r[0]: r[1] for r in (await session.execute(select(Place.id, Place.kind))).all()}

    def check(draft: Draft) -> Iterator[Found]:
        values, kind = draft.values, draft.values["kind"]
        if draft.changed & {"label", "place_id"} and counted[called[draft.key]] > 1:
            yield Found("label", "label_taken", {"value": values["label"]})
        where = kinds.get(values["place_id"])
        if draft.changed & {"place_id", "kind"} and where not in _STANDS.get(kind, (where,)):
            yield Found("kind", "wrong_place_kind")
        if draft.changed & {"skills", "kind"} and not _skilled(kind, values["skills"]):
            yield Found("skills", "skill_for_kind")
        if kind == "pack" and values["pack_kwh"] is None:
            yield Found("pack_kwh", "pack_needs_kwh")
        for column in ("pack_kwh", "soc"):
            if kind != "pack" and column in draft.changed and values[column] is not None:
                yield Found(column, "only_packs")
        if kind not in PEOPLE and "hours" in draft.changed and values["hours"]:
            yield Found("hours", "only_people")

    return check


def _skilled(kind: str, skills: Sequence[str]) -> bool:
    """A technician has skills, a demo car is a model; nothing else has either."""
    known = setup_words.choices("skill")
    if kind == "technician":
        return bool(skills) and all(skill in known for skill in skills)
    if kind == "demo_car":
        return bool(skills) and not any(skill in known for skill in skills)
    return not skills


# ---- stock and benefits -------------------------------------------------------------------------


async def _stock(
    session: AsyncSession, drafts: Sequence[Draft]
) -> Callable[[Draft], Iterator[Found]]:
    pieces = await setup_stock.pieces_of(session, [draft.key for draft in drafts])

    def check(draft: Draft) -> Iterator[Found]:
        now = clock.now()
        there = pieces.get(draft.key, [])
        moves = stock_moves(there, draft.values)
        days = {day for _, day in moves.moved} | {day for day, _ in moves.added}
        if any(day != HERE and setup_stock.arrival(day) <= now for day in days):
            yield Found("arrivals", "arrival_past")
        if moves.short:
            kept = sum(1 for piece in there if piece.booking_id is not None)
            column = "on_hand" if "on_hand" in draft.changed else "arrivals"
            yield Found(column, "kept", {"kept": kept})

    return check


def stock_moves(pieces: Sequence[Piece], values: Mapping[str, Any]) -> Moves:
    """Return what makes the counts of a row true."""
    return setup_stock.rearranged(pieces, setup_stock.wanted_of(values))


async def _entitlements(
    _session: AsyncSession, _drafts: Sequence[Draft]
) -> Callable[[Draft], Iterator[Found]]:
    def check(draft: Draft) -> Iterator[Found]:
        used = draft.values["used"]
        if "total" in draft.changed and draft.values["total"] < used:
            yield Found("total", "used_up", {"used": used})

    return check


_PREPARE: Mapping[
    str,
    Callable[[AsyncSession, Sequence[Draft]], Awaitable[Callable[[Draft], Iterator[Found]]]],
] = {
    "services": _services,
    "places": _places,
    "resources": _resources,
    "stock": _stock,
    "entitlements": _entitlements,
}
