"""Stock as counts: how many pieces of a part a place has, and how many come on which day.

What is stored is one row a piece, some of them kept for bookings. A count that is raised adds
pieces, one that is lowered removes pieces that nobody keeps; a delivery put to another day takes
its pieces along, those that are kept too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care.bookings import ACTIVE
from pitstop.care.service_tables import Part, PartClaim, PartUnit
from pitstop.care.setup_columns import SetupTable
from pitstop.care.setup_rows import SetupRow, Where, chunks, plainly, row_of
from pitstop.care.tables import Booking, Place

# Deliveries come in the morning: from noon on a piece can be promised.
ARRIVES = time(12)
HERE = ""  # the day of what is in stock
SEPARATOR = "|"


@dataclass(frozen=True)
class Piece:
    """One piece: the day it comes (`HERE`: it is there), and the booking that keeps it."""

    id: str
    day: str
    booking_id: str | None = None
    needed_at: datetime | None = None


@dataclass(frozen=True)
class Moves:
    """What makes the counts true: pieces put to another day, added and removed. `short`: how many
    that are kept would have to go."""

    moved: tuple[tuple[Piece, str], ...]
    added: tuple[tuple[str, int], ...]
    removed: tuple[Piece, ...]
    short: int

    def late(self) -> list[str]:
        """Return the bookings whose piece now comes after they begin."""
        found = [
            piece.booking_id
            for piece, day in self.moved
            if piece.booking_id and piece.needed_at and arrival(day) > piece.needed_at
        ]
        return list(dict.fromkeys(found))


def arrival(day: str) -> datetime:
    """Return from when on a piece of that day can be had."""
    if day == HERE:
        return clock.now()
    return datetime.combine(date.fromisoformat(day), ARRIVES, clock.SHANGHAI)


def rearranged(pieces: Sequence[Piece], wanted: Mapping[str, int]) -> Moves:
    """Return what turns these pieces into so many a day, leaving alone what it can.

    Of a day that has too many, the kept pieces stay; those that cannot go to the day that still
    wants some, whoever needs theirs first to the earliest.
    """
    left = dict(wanted)
    over: list[Piece] = []
    for piece in sorted(pieces, key=lambda one: (one.booking_id is None, _need(one), one.id)):
        if left.get(piece.day, 0) > 0:
            left[piece.day] -= 1
        else:
            over.append(piece)
    room = [day for day in sorted(left) for _ in range(left[day])]
    moved = tuple(zip(over, room, strict=False))
    rest = over[len(moved) :]
    short = sum(1 for piece in rest if piece.booking_id is not None)
    added: dict[str, int] = {}
    for day in room[len(moved) :]:
        added[day] = added.get(day, 0) + 1
    return Moves(moved, tuple(added.items()), tuple(rest), short)


def _need(piece: Piece) -> str:
    return "" if piece.needed_at is None else piece.needed_at.isoformat()


def key_of(place_id: str, part: str) -> str:
    """Return the key of a row of stock."""
    return f"{place_id}{SEPARATOR}{part}"


def wanted_of(values: Mapping[str, Any]) -> dict[str, int]:
    """Return how many pieces a row wants on which day."""
    wanted = {HERE: int(values["on_hand"])}
    for one in values["arrivals"]:
        wanted[one["date"]] = int(one["count"])
    return wanted


class StockRows:
    """Place by part, as counts."""

    def __init__(self, table: SetupTable) -> None:
        self.table = table

    async def read(self, session: AsyncSession, where: Where) -> list[SetupRow]:
        """Return what there is of each part at each place, in the order of their ids."""
        condition = None
        if where.place_id is not None or where.city is not None:
            there = select(Place.id)
            if where.place_id is not None:
                there = there.where(Place.id == where.place_id)
            if where.city is not None:
                there = there.where(Place.city == where.city)
            condition = PartUnit.place_id.in_(there)
        pieces = await _pieces(session, condition)
        return [self._row(*pair, pieces[pair]) for pair in sorted(pieces)]

    def _row(self, place_id: str, part: str, pieces: Sequence[Piece]) -> SetupRow:
        days: dict[str, int] = {}
        for piece in pieces:
            days[piece.day] = days.get(piece.day, 0) + 1
        kept = sum(1 for one in pieces if one.day == HERE and one.booking_id is not None)
        values = {
            "place_id": place_id,
            "part": part,
            "on_hand": days.pop(HERE, 0),
            "kept": kept,
            "arrivals": [{"date": day, "count": days[day]} for day in sorted(days)],
        }
        return row_of(self.table, key_of(place_id, part), values)

    async def find(
        self, session: AsyncSession, keys: Iterable[str], *, lock: bool = False
    ) -> dict[str, SetupRow]:
        """Return the rows of these keys, those without a piece left out."""
        found = {}
        wanted = sorted(set(keys))
        if lock:
            await self._lock(session, wanted)
        for key, pieces in (await pieces_of(session, wanted)).items():
            place_id, _, part = key.partition(SEPARATOR)
            found[key] = self._row(place_id, part, pieces)
        return found

    async def _lock(self, session: AsyncSession, keys: Sequence[str]) -> None:
        """Let nobody else count these parts, and no booking claim a piece, until we are done.

        The parts first, as there may be no piece yet that could be locked.
        """
        parts = {key.partition(SEPARATOR)[2] for key in keys}
        for lot in chunks(parts):
            query = (
                select(Part.code).where(Part.code.in_(lot)).order_by(plainly(session, Part.code))
            )
            await session.execute(query.with_for_update(key_share=True))
        for lot in chunks(keys):
            unit = select(PartUnit.id).where(_any_pair(lot)).order_by(plainly(session, PartUnit.id))
            await session.execute(unit.with_for_update())

    async def keys_of(
        self, session: AsyncSession, wanted: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], str]:
        """Return the keys of those pairs that have a piece."""
        keys = {key_of(*pair): pair for pair in wanted}
        return {keys[key]: key for key in await pieces_of(session, keys)}

    async def new_keys(self, session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return the keys of new rows."""
        return [key_of(values["place_id"], values["part"]) for values in rows]

    async def add(self, session: AsyncSession, key: str, values: Mapping[str, Any]) -> None:
        """Write the pieces of a pair that had none."""
        await self._write(session, key, values)

    async def change(
        self,
        session: AsyncSession,
        key: str,
        changed: Mapping[str, Any],
        by: str,
        item: Any = None,
    ) -> None:
        """Make the counts true; the plan has made sure that nothing kept has to go."""
        before = (await self.find(session, [key]))[key]
        await self._write(session, key, {**before.values, **changed})

    async def remove(self, session: AsyncSession, key: str) -> None:
        """Never: a count of none is how a part is taken off the shelf."""
        raise NotImplementedError(key)

    async def referred(self, session: AsyncSession, key: str) -> bool:
        """Say whether anything refers to a row."""
        return True

    async def _write(self, session: AsyncSession, key: str, values: Mapping[str, Any]) -> None:
        pieces = (await pieces_of(session, [key])).get(key, [])
        moves = rearranged(pieces, wanted_of(values))
        if moves.short:
            raise ValueError(f"{moves.short} pieces of {key} are kept")
        for piece, day in moves.moved:
            await session.execute(
                update(PartUnit)
                .where(PartUnit.id == piece.id)
                .values(available_at=arrival(day))
                .execution_options(synchronize_session=False)
            )
        place_id, _, part = key.partition(SEPARATOR)
        for day, count in moves.added:
            for _ in range(count):
                moment = arrival(day)
                session.add(PartUnit(place_id=place_id, part=part, available_at=moment))
        for lot in chunks(piece.id for piece in moves.removed):
            await session.execute(
                delete(PartUnit)
                .where(PartUnit.id.in_(lot))
                .execution_options(synchronize_session=False)
            )
        await session.flush()


async def pieces_of(session: AsyncSession, keys: Iterable[str]) -> dict[str, list[Piece]]:
    """Return the pieces of each pair that has one; what a booking has used up is none."""
    found: dict[str, list[Piece]] = {}
    for lot in chunks(keys):
        for pair, pieces in (await _pieces(session, _any_pair(lot))).items():
            found[key_of(*pair)] = pieces
    return found


def _any_pair(keys: Sequence[str]) -> Any:
    pairs = [key.partition(SEPARATOR) for key in keys]
    return or_(*(and_(PartUnit.place_id == one[0], PartUnit.part == one[2]) for one in pairs))


async def _pieces(session: AsyncSession, condition: Any) -> dict[tuple[str, str], list[Piece]]:
    query = (
        select(
            PartUnit.id,
            PartUnit.place_id,
            PartUnit.part,
            PartUnit.available_at,
            PartClaim.booking_id,
            Booking.start,
        )
        .outerjoin(PartClaim, PartClaim.unit_id == PartUnit.id)
        .outerjoin(Booking, Booking.id == PartClaim.booking_id)
        .where(or_(PartClaim.unit_id.is_(None), Booking.status.in_(ACTIVE)))
        .order_by(PartUnit.id)
    )
    if condition is not None:
        query = query.where(condition)
    now = clock.now()
    found: dict[tuple[str, str], list[Piece]] = {}
    for unit, place_id, part, available, booking_id, start in (await session.execute(query)).all():
        here = available <= now
        day = HERE if here else available.astimezone(clock.SHANGHAI).date().isoformat()
        piece = Piece(unit, day, booking_id, start)
        found.setdefault((place_id, part), []).append(piece)
    return found
