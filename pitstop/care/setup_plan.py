"""What a batch of rows would change: each row read, checked, and held against what is there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care import setup_words
from pitstop.care.setup_columns import TABLES, SetupTable
from pitstop.care.setup_refs import References, references
from pitstop.care.setup_reliance import Relying, reliance
from pitstop.care.setup_rows import ModelRows, SetupRow, Where
from pitstop.care.setup_rules import Draft, rules
from pitstop.care.setup_stock import StockRows
from pitstop.care.setup_tariffs import TariffRows, checked
from pitstop.care.setup_values import BadValue, read_value

Action = Literal["add", "change", "remove", "unchanged"]


class Rows(Protocol):
    """How the rows of a table are read and written."""

    table: SetupTable

    async def read(self, session: AsyncSession, where: Where) -> list[SetupRow]: ...
    async def find(
        self, session: AsyncSession, keys: Iterable[str], *, lock: bool = False
    ) -> dict[str, SetupRow]: ...
    async def keys_of(
        self, session: AsyncSession, wanted: Collection[tuple[str, ...]]
    ) -> dict[tuple[str, ...], str]: ...
    async def new_keys(
        self, session: AsyncSession, rows: Sequence[Mapping[str, Any]]
    ) -> list[str]: ...
    async def add(self, session: AsyncSession, key: str, values: Mapping[str, Any]) -> None: ...
    async def change(
        self,
        session: AsyncSession,
        key: str,
        changed: Mapping[str, Any],
        by: str,
        item: Any = None,
    ) -> None: ...
    async def remove(self, session: AsyncSession, key: str) -> None: ...
    async def referred(self, session: AsyncSession, key: str) -> bool: ...


_OWN: Mapping[str, type[StockRows] | type[TariffRows]] = {
    "stock": StockRows,
    "tariffs": TariffRows,
}
ROWS: Mapping[str, Rows] = {
    name: _OWN.get(name, ModelRows)(table) for name, table in TABLES.items()
}


@dataclass(frozen=True)
class Problem:
    """Why a row, or one column of it, will not do. `reason` is Chinese."""

    row: int
    column: str | None
    code: str
    reason: str


@dataclass(frozen=True)
class Given:
    """A row as it was sent: what is to be changed of it, or that it is to go.

    `key` is None for a new one. `digest` says which version was changed; None: any. `number` is
    what the row is called in problems: its place in the batch, or its line in a file. `unread` is
    what of a file's line made no sense.
    """

    number: int
    key: str | None = None
    digest: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    remove: bool = False
    unread: tuple[Problem, ...] = ()


@dataclass
class Planned:
    """What one row comes to. `before` is what is there now, `values` what it is to be; `relying`
    are the bookings that the change breaks."""

    given: Given
    key: str | None
    action: Action = "unchanged"
    before: SetupRow | None = None
    values: dict[str, Any] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    relying: list[Relying] = field(default_factory=list)

    def refuse(self, code: str, column: str | None = None, **values: object) -> None:
        """Note why this row will not do."""
        reason = setup_words.say(code, **values)
        self.problems.append(Problem(self.given.number, column, code, reason))

    @property
    def draft(self) -> Draft:
        """The row as the rules see it; a new one's key is only its own in the batch."""
        key = self.key or f"?{self.given.number}"
        return Draft(key, self.values, frozenset(self.changed), self.before is None)


async def plan(
    session: AsyncSession,
    table: SetupTable,
    given: Sequence[Given],
    *,
    lock: bool = False,
    match: bool = False,
) -> list[Planned]:
    """Return what the rows come to, in their order; nothing is written.

    `match`: a row without a key is the one that has its natural columns, as in a file; else it is
    a new one, and refused if there is such a row. `lock` locks what is to be changed.
    """
    rows = ROWS[table.name]
    named = [
        row.values.get(one.name)
        for row in given
        for one in table.columns
        if one.refers == "vehicle"
    ]
    names = await references(session, table, named)
    planned = [Planned(row, row.key, problems=list(row.unread)) for row in given]
    read = [_read(table, one, names) for one in planned]
    found = await _matched(session, rows, planned, read, match)
    there = await rows.find(session, found, lock=lock)
    for one, values in zip(planned, read, strict=True):
        _against(table, one, values, there)
    _distinct(table, planned)
    await _obey(session, rows, planned)
    await _rely(session, table, planned)
    return planned


def _read(table: SetupTable, one: Planned, names: References) -> dict[str, Any]:
    """Return the values that were given and will do; a new row's empty ones are left out."""
    values: dict[str, Any] = {}
    if one.given.remove:
        return values
    for name, raw in one.given.values.items():
        column = table.by_name.get(name)
        if column is None:
            one.refuse("unknown_column", name)
        elif not column.readonly:
            if one.key is None and column.default is not None and raw in (None, ""):
                continue
            try:
                values[name] = read_value(column, raw, names)
            except BadValue as error:
                one.refuse(error.code, name, **error.values)
    return values


async def _matched(
    session: AsyncSession,
    rows: Rows,
    planned: Sequence[Planned],
    read: Sequence[Mapping[str, Any]],
    match: bool,
) -> set[str]:
    """Give the rows without a key that of the row they name; return all keys."""
    table = rows.table
    own: dict[int, str] = {}
    natural: dict[int, tuple[str, ...]] = {}
    for at, (one, values) in enumerate(zip(planned, read, strict=True)):
        if one.key is not None:
            continue
        if table.key is not None and values.get(table.key):
            own[at] = str(values[table.key])
        elif table.natural and all(values.get(name) for name in table.natural):
            natural[at] = tuple(str(values[name]) for name in table.natural)
    there = await rows.keys_of(session, set(natural.values()))
    known = await rows.find(session, own.values())
    for at, one in enumerate(planned):
        key = own.get(at)
        if key is None:
            key = there.get(natural[at]) if at in natural else None
        exists = key is not None and (key in known or at not in own)
        if exists and not match:
            named = table.key if at in own else table.natural[-1]
            one.refuse("exists", named)
        elif exists:
            one.key = key
    return {one.key for one in planned if one.key is not None}


def _against(
    table: SetupTable, one: Planned, values: Mapping[str, Any], there: Mapping[str, SetupRow]
) -> None:
    """Say what the row would do to what is there."""
    given = one.given
    if one.key is None:
        if given.remove:
            one.refuse("gone")
            return
        empty = {
            column.name: column.empty if column.default is None else column.default
            for column in table.columns
        }
        one.values = {**empty, **values}
        refused = {problem.column for problem in one.problems}
        for column in table.columns:
            missing = column.required and one.values[column.name] in (None, [], {})
            if missing and column.name not in refused:
                one.refuse("required", column.name)
        one.changed = tuple(c.name for c in table.columns if not c.readonly)
        one.action = "add"
        if table.name == "tariffs":
            one.refuse("unknown_key", "key")
        return
    now = there.get(one.key)
    if now is None:
        one.refuse("gone")
        return
    one.before = now
    if given.digest is not None and given.digest != now.digest:
        one.refuse("changed_meanwhile")
    one.values = {**now.values, **values}
    if given.remove:
        one.action = "remove"
        if not table.removable:
            one.refuse("cannot_delete")
        return
    if "value" in values and table.name == "tariffs":
        _tariff(one)
    changed = []
    for name in values:
        if one.values[name] != now.values[name]:
            changed.append(name)
            if table.by_name[name].fixed:
                one.refuse("fixed", name)
    one.changed = tuple(changed)
    one.action = "change" if changed else "unchanged"


def _tariff(one: Planned) -> None:
    try:
        one.values["value"] = checked(str(one.key), one.values["value"])
    except BadValue as error:
        one.refuse(error.code, "value", **error.values)


def _distinct(table: SetupTable, planned: Sequence[Planned]) -> None:
    """Refuse the second of two rows that are the same one."""
    seen: dict[tuple[str, ...], int] = {}
    for one in planned:
        names: list[tuple[str, ...]] = []
        if one.key is not None:
            names.append((one.key,))
        elif one.values:
            if table.key and one.values[table.key]:
                names.append((str(one.values[table.key]),))
            if table.natural and all(one.values[name] for name in table.natural):
                names.append(("", *(str(one.values[name]) for name in table.natural)))
        for name in names:
            if name in seen:
                one.refuse("twice", other=seen[name])
                break
            seen[name] = one.given.number


async def _obey(session: AsyncSession, rows: Rows, planned: Sequence[Planned]) -> None:
    """Hold the rows that are right in themselves against the table's rules."""
    fit = [one for one in planned if not one.problems and one.action in {"add", "change"}]
    if fit:
        law = await rules(session, rows.table.name, [one.draft for one in fit])
        for one in fit:
            for found in law.problems(one.draft):
                one.refuse(found.code, found.column, **found.values)
    for one in planned:
        going = one.action == "remove" and not one.problems and one.key is not None
        if going and await rows.referred(session, str(one.key)):
            one.refuse("referenced")


async def _rely(session: AsyncSession, table: SetupTable, planned: Sequence[Planned]) -> None:
    fit = [one for one in planned if not one.problems and one.action != "unchanged"]
    if not fit:
        return
    before = [None if one.before is None else one.before.values for one in fit]
    held = await reliance(
        session, table.name, [(one.draft, old) for one, old in zip(fit, before, strict=True)]
    )
    for one, old in zip(fit, before, strict=True):
        one.relying = held.broken(one.draft, old, one.action == "remove")
