"""The rows of a table as a supervisor sees them, read from and written to its model."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import String, cast, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.base.money import yuan
from pitstop.care import setup_hours
from pitstop.care.service_tables import Entitlement, EntitlementUse
from pitstop.care.setup_columns import Column, SetupTable
from pitstop.care.tables import Booking, Place, Resource, ServiceItem
from pitstop.storage.tables import metadata

CHUNK = 500  # how many keys one statement names
_DAY = timedelta(days=1)
_STATION = "swap_station"


@dataclass(frozen=True)
class SetupRow:
    """A row as JSON. `digest` says which version of it this is; a `readonly` value is no part.

    `item` is the model's row, held so that writing it need not read it again.
    """

    key: str
    values: Mapping[str, Any]
    digest: str
    item: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Where:
    """Which rows are wanted: of a place or a city; days gone by only if `past`."""

    place_id: str | None = None
    city: str | None = None
    past: bool = False


def digest_of(table: SetupTable, values: Mapping[str, Any]) -> str:
    """Return a short hash of what a row holds, to notice that somebody else changed it."""
    kept = {one.name: values.get(one.name) for one in table.columns if not one.readonly}
    text = json.dumps(kept, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def row_of(table: SetupTable, key: str, values: Mapping[str, Any], item: Any = None) -> SetupRow:
    """Return a row with its digest."""
    return SetupRow(key, values, digest_of(table, values), item)


def chunks(keys: Iterable[str]) -> list[list[str]]:
    """Return keys in their order, in lots that one statement can name."""
    found = sorted(set(keys))
    return [found[at : at + CHUNK] for at in range(0, len(found), CHUNK)]


def plainly(session: AsyncSession, column: Any) -> Any:
    """Return a column to sort by as Python sorts: whoever locks rows does it in one order."""
    postgres = session.get_bind().dialect.name == "postgresql"
    return column.collate("C") if postgres else column


class ModelRows:
    """The rows of a table that has a model."""

    def __init__(self, table: SetupTable) -> None:
        self.table = table
        self.primary: str = table.model.__table__.primary_key.columns.keys()[0]

    async def read(self, session: AsyncSession, where: Where) -> list[SetupRow]:
        """Return the rows in their order."""
        model = self.table.model
        query = select(model)
        if (condition := self._where(where)) is not None:
            query = query.where(condition)
        if "day" in self.table.by_name and not where.past:
            yesterday = clock.local_now().date() - _DAY
            query = query.where(model.day >= yesterday.isoformat())
        found = (await session.execute(query)).scalars().all()
        return sorted(await self._rows(session, found), key=self._place_in_order)

    def _place_in_order(self, row: SetupRow) -> list[Any]:
        """Return what rows are sorted by: a code goes by its group, ``store-2`` before
        ``store-10``."""
        found: list[Any] = []
        for name in self.table.order:
            column, value = self.table.by_name.get(name), row.values.get(name, row.key)
            if column is not None and column.type == "choice":
                known = list(column.choices)
                found.append([(known.index(value) if value in known else len(known), "")])
            else:
                parts = re.split(r"(\d+)", str(value))
                found.append([(int(p), "") if p.isdecimal() else (-1, p) for p in parts])
        return found

    def _where(self, where: Where) -> Any:
        if where.place_id is None and where.city is None:
            return None
        model = self.table.model
        there = select(Place.id)
        if where.place_id is not None:
            there = there.where(Place.id == where.place_id)
        if where.city is not None:
            there = there.where(Place.city == where.city)
        if self.table.place == "id":
            return model.id.in_(there)
        if self.table.place == "place_id":
            return model.place_id.in_(there)
        if self.table.place == "resource_id":
            return model.resource_id.in_(select(Resource.id).where(Resource.place_id.in_(there)))
        return None

    async def find(
        self, session: AsyncSession, keys: Iterable[str], *, lock: bool = False
    ) -> dict[str, SetupRow]:
        """Return the rows of these keys; locked, until the transaction ends, in one order.

        The lock waits for a booking under way that takes one of them, and makes the next wait.
        """
        model, found = self.table.model, {}
        column = getattr(model, self.primary)
        for lot in chunks(keys):
            query = select(model).where(column.in_(lot)).order_by(plainly(session, column))
            if lock:
                query = query.with_for_update().execution_options(populate_existing=True)
            rows = (await session.execute(query)).scalars().all()
            found.update({row.key: row for row in await self._rows(session, rows)})
        return found

    async def keys_of(
        self, session: AsyncSession, wanted: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], str]:
        """Return the keys of the rows whose natural columns hold these values."""
        columns = [getattr(self.table.model, name) for name in self.table.natural]
        found: dict[tuple[str, ...], str] = {}
        for lot in chunks(one[0] for one in wanted):
            query = select(getattr(self.table.model, self.primary), *columns)
            for row in (await session.execute(query.where(columns[0].in_(lot)))).all():
                found[tuple(row[1:])] = row[0]
        return {one: found[one] for one in wanted if one in found}

    async def _rows(self, session: AsyncSession, found: Sequence[Any]) -> list[SetupRow]:
        counted: dict[str, int] = {}
        if self.table.model is Entitlement:
            for lot in chunks(row.id for row in found):
                query = (
                    select(EntitlementUse.entitlement_id, func.count())
                    .where(EntitlementUse.entitlement_id.in_(lot))
                    .group_by(EntitlementUse.entitlement_id)
                )
                counted.update({row[0]: row[1] for row in (await session.execute(query)).all()})
        rows = []
        for item in found:
            key = str(getattr(item, self.primary))
            values = {one.name: _shown(one, item) for one in self.table.columns}
            if "used" in values:
                values["used"] = counted.get(key, 0)
            rows.append(row_of(self.table, key, values, item))
        return rows

    async def new_keys(self, session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Return keys for new rows: ``store-15`` for a place, ``store-1-bay-04`` for a thing of
        it, what somebody chose, or just an id."""
        last: dict[str, int] = {}
        keys = []
        for values in rows:
            chosen = values.get(self.table.key) if self.table.key else None
            stem, width = self._stem(values)
            if chosen or not stem:
                keys.append(str(chosen or new_id()))
                continue
            if stem not in last:
                last[stem] = await self._last(session, stem)
            last[stem] += 1
            key = f"{stem}-{last[stem]:0{width}}"
            keys.append(key if len(key) <= 40 else new_id())
        return keys

    def _stem(self, values: Mapping[str, Any]) -> tuple[str, int]:
        if self.table.model is Place:
            return ("station" if values["kind"] == _STATION else "store"), 1
        if self.table.model is Resource:
            return f"{values['place_id']}-{values['kind']}", 2
        return "", 0

    async def _last(self, session: AsyncSession, stem: str) -> int:
        column = getattr(self.table.model, self.primary)
        query = select(column).where(column.startswith(f"{stem}-", autoescape=True))
        tails = [row[len(stem) + 1 :] for row in (await session.execute(query)).scalars().all()]
        return max((int(tail) for tail in tails if tail.isdecimal()), default=0)

    async def add(self, session: AsyncSession, key: str, values: Mapping[str, Any]) -> None:
        """Add a row; it may be refused as taken when the session is flushed."""
        item = self.table.model(**{self.primary: key})
        for one in self.table.columns:
            if not one.readonly and one.name != self.table.key:
                _keep(one, item, values.get(one.name))
        session.add(item)

    async def change(
        self,
        session: AsyncSession,
        key: str,
        changed: Mapping[str, Any],
        by: str,
        item: Any = None,
    ) -> None:
        """Change columns of a row; `item` is its model's row where it is held."""
        item = item or await session.get(self.table.model, key, populate_existing=True)
        for name, value in changed.items():
            _keep(self.table.by_name[name], item, value)

    async def remove(self, session: AsyncSession, key: str) -> None:
        """Delete a row; raises `IntegrityError` if something refers to it."""
        await session.execute(
            delete(self.table.model)
            .where(getattr(self.table.model, self.primary) == key)
            .execution_options(synchronize_session=False)
        )

    async def referred(self, session: AsyncSession, key: str) -> bool:
        """Say whether anything refers to a row."""
        own = self.table.model.__table__
        for other in metadata.tables.values():
            for foreign in other.foreign_keys:
                if foreign.column.table is not own:
                    continue
                query = select(foreign.parent).where(foreign.parent == key).limit(1)
                if (await session.execute(query)).first() is not None:
                    return True
        if self.table.model is ServiceItem:
            return await _service_used(session, key)
        return False


async def _service_used(session: AsyncSession, code: str) -> bool:
    """Say whether somebody ever booked a service, or may have it without paying."""
    quoted = f'%"{code}"%'
    booked = select(Booking.id).where(
        or_(Booking.service == code, cast(Booking.services, String).like(quoted))
    )
    promised = select(Entitlement.id).where(Entitlement.kind == code)
    for query in (booked, promised):
        if (await session.execute(query.limit(1))).first() is not None:
            return True
    return False


# ---- between a model and JSON -------------------------------------------------------------------


def _shown(column: Column, item: Any) -> Any:
    if column.readonly:
        return column.default
    attribute, _, inner = (column.attribute or column.name).partition(".")
    value = getattr(item, attribute)
    if inner:
        value = (value or {}).get(inner)
    if value is None:
        return column.empty
    return _SHOWN.get(column.type, lambda _column, plain: plain)(column, value)


def _week_shown(_column: Column, value: Any) -> Any:
    try:
        return setup_hours.week(value) or None
    except setup_hours.BadHours:
        return value  # as it is: whoever corrects it must see it


def _windows_shown(_column: Column, value: Any) -> Any:
    try:
        return setup_hours.windows(value)
    except setup_hours.BadHours:
        return value


def _choices_shown(column: Column, value: Any) -> list[str]:
    known = [code for code in column.choices if code in value]
    return known + [code for code in value if code not in known]


_SHOWN: Mapping[str, Any] = {
    "money": lambda _column, value: str(yuan(value)),
    "decimal": lambda _column, value: round(float(value), 6),
    "until": lambda _column, value: _last_day(value),
    "week": _week_shown,
    "windows": _windows_shown,
    "choices": _choices_shown,
    "list": lambda _column, value: list(value),
    "codes": lambda _column, value: list(value),
    "counts": lambda _column, value: dict(sorted(value.items())),
    "prices": lambda _column, value: dict(sorted(value.items())),
}


def _last_day(moment: datetime) -> str:
    before = moment.astimezone(clock.SHANGHAI) - timedelta(microseconds=1)
    return before.date().isoformat()


def _keep(column: Column, item: Any, value: Any) -> None:
    attribute, _, inner = (column.attribute or column.name).partition(".")
    if inner:
        # Another document, so that the session notices.
        kept = {**(getattr(item, attribute) or {}), inner: value}
        value = {key: one for key, one in kept.items() if one is not None}
    elif column.type == "money" and value is not None:
        value = Decimal(value)
    elif column.type == "until" and value is not None:
        day = datetime.fromisoformat(value).date() + _DAY
        value = datetime.combine(day, time(), clock.SHANGHAI)
    elif value is None and not item.__table__.c[attribute].nullable:
        value = [] if column.type == "week" else column.default
    setattr(item, attribute, value)
