"""Prices and booking rules as rows: one for each number of ``tariffs.yml``."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import setup_words, tariffs
from pitstop.care.service_tables import Setting
from pitstop.care.setup_columns import Column, SetupTable
from pitstop.care.setup_refs import References
from pitstop.care.setup_rows import SetupRow, Where, row_of
from pitstop.care.setup_values import BadValue, read_value

MOST = 1_000_000


def leaves(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of the rules with its path, dots between the keys."""
    for key, value in document.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}.")
        else:
            yield path, value


def kind_of(value: Any) -> str:
    """Return what a value is: flag, number, decimal (text with a point), codes, text."""
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int):
        return "number"
    if isinstance(value, float):
        return "decimal"
    if isinstance(value, list):
        return "codes"
    try:
        return "decimal" if Decimal(str(value)).is_finite() else "text"
    except ArithmeticError:
        return "text"


def checked(path: str, value: Any) -> Any:
    """Return a new value for a rule, of the same kind as the shipped one; raises `BadValue`.

    A number is never negative, and text that is a number stays text.
    """
    shipped = dict(leaves(tariffs.shipped())).get(path)
    if shipped is None:
        raise BadValue("unknown_key")
    limits = setup_words.rule(path)
    kind = kind_of(shipped)
    column = Column(
        "value",
        kind,
        required=kind != "codes",
        least=limits.get("least", 0),
        most=limits.get("most", MOST),
        group=limits.get("group"),
    )
    if kind == "codes" and isinstance(value, str):
        value = _listed(value)
    if kind == "codes" and column.group is not None:
        column = Column("value", "choices", group=column.group)
    found = read_value(column, value, References())
    if kind == "number" and found % limits.get("step", 1):
        raise BadValue("wrong_step", step=limits["step"])
    if kind == "decimal" and isinstance(shipped, str):
        return _with_places(found, shipped)
    return found


def _listed(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadValue("not_value") from error
    if not isinstance(found, list):
        raise BadValue("not_value")
    return found


def _with_places(number: float, like: str) -> str:
    places = len(like.partition(".")[2])
    exact = Decimal(str(number))
    return f"{exact:.{max(places, -int(exact.normalize().as_tuple().exponent))}f}"


class TariffRows:
    """The rules, each with what it is now and what it was shipped with."""

    def __init__(self, table: SetupTable) -> None:
        self.table = table

    async def read(self, session: AsyncSession, where: Where) -> list[SetupRow]:
        """Return every rule in the file's order."""
        return list((await self._all(session)).values())

    async def _all(self, session: AsyncSession, *, lock: bool = False) -> dict[str, SetupRow]:
        query = select(Setting).where(Setting.key == tariffs.KEY)
        if lock:
            query = query.with_for_update()
        query = query.execution_options(populate_existing=True)
        setting: Setting | None = (await session.execute(query)).scalar_one_or_none()
        now = dict(leaves(setting.value)) if setting is not None else {}
        return {
            path: self._row(path, now.get(path, shipped), shipped)
            for path, shipped in leaves(tariffs.shipped())
        }

    def _row(self, path: str, value: Any, shipped: Any) -> SetupRow:
        words = setup_words.rule(path)
        values = {
            "key": path,
            "label": words.get("label", path),
            "value": value,
            "unit": words.get("unit"),
            "shipped": shipped,
            "kind": f"choices:{words['group']}" if "group" in words else kind_of(shipped),
        }
        return row_of(self.table, path, values)

    async def find(
        self, session: AsyncSession, keys: Iterable[str], *, lock: bool = False
    ) -> dict[str, SetupRow]:
        """Return the rules of these paths."""
        wanted = set(keys)
        if lock and wanted:
            await self._be_there(session)
        rows = await self._all(session, lock=lock)
        return {path: row for path, row in rows.items() if path in wanted}

    async def _be_there(self, session: AsyncSession) -> None:
        """See to it that there is a row to lock, however many want the first change."""
        if await session.get(Setting, tariffs.KEY) is not None:
            return
        row = Setting(
            key=tariffs.KEY, value=tariffs.shipped(), updated_by="", updated_at=clock.now()
        )
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError:
            pass  # somebody else made it meanwhile

    async def keys_of(
        self, session: AsyncSession, wanted: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], str]:
        """Return the paths of those that are rules."""
        known = dict(leaves(tariffs.shipped()))
        return {one: one[0] for one in wanted if one[0] in known}

    async def new_keys(self, session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Never: what no rule reads would change nothing."""
        raise NotImplementedError

    async def add(self, session: AsyncSession, key: str, values: Mapping[str, Any]) -> None:
        """Never."""
        raise NotImplementedError(key)

    async def change(
        self,
        session: AsyncSession,
        key: str,
        changed: Mapping[str, Any],
        by: str,
        item: Any = None,
    ) -> None:
        """Write one rule into the document of changed ones, which stands whole."""
        setting = await session.get(Setting, tariffs.KEY)
        assert setting is not None
        document = _copied(tariffs.shipped(), setting.value)
        *above, last = key.split(".")
        inner = document
        for part in above:
            inner = inner[part]
        inner[last] = changed["value"]
        setting.value = document
        setting.updated_by, setting.updated_at = by, clock.now()

    async def remove(self, session: AsyncSession, key: str) -> None:
        """Never."""
        raise NotImplementedError(key)

    async def referred(self, session: AsyncSession, key: str) -> bool:
        """Say whether anything refers to a row."""
        return True


def _copied(shipped: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shipped document with what was changed of it, so that a new rule is there too."""
    found: dict[str, Any] = {}
    for key, value in shipped.items():
        other = changed.get(key, value)
        if isinstance(value, Mapping):
            found[key] = _copied(value, other if isinstance(other, Mapping) else {})
        else:
            found[key] = other
    return found
