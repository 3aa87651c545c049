"""Everything that can be booked, as tables that a supervisor reads, checks and changes.

Nothing that a booking relies on vanishes unseen: such a change is refused with the bookings it
breaks, unless they are named in `force`. Then their promises are kept another way, or their owners
are told in the same transaction (see `setup_promises`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.care import setup_promises
from pitstop.care.setup_columns import TABLES, Column, SetupTable, table_of
from pitstop.care.setup_plan import ROWS, Given, Planned, Problem, plan
from pitstop.care.setup_refs import References, references
from pitstop.care.setup_reliance import Relying
from pitstop.care.setup_rows import SetupRow, Where
from pitstop.care.setup_text import to_text
from pitstop.care.staff import audit
from pitstop.care.tables import AuditEntry, Staff
from pitstop.storage.events import emit

__all__ = [
    "TABLES",
    "Column",
    "Given",
    "IdConflict",
    "Planned",
    "PreviewOutdated",
    "Problem",
    "Refusal",
    "Relying",
    "Result",
    "SetupRow",
    "SetupTable",
    "Where",
    "check",
    "names_of",
    "preview",
    "read",
    "seal",
    "table_of",
    "write",
]

MAX_ROWS = 5000  # of one batch


class IdConflict(Exception):
    """The same client id came with another batch; `code` is what the desk says."""

    code = "id_conflict"


class PreviewOutdated(Exception):
    """What a batch would change is no longer what was shown; nothing was written."""

    code = "preview_outdated"


@dataclass(frozen=True)
class Refusal:
    """A row that was not written. `now` is what is there instead, where somebody changed it."""

    row: int
    key: str | None
    problems: tuple[Problem, ...]
    now: SetupRow | None = None
    relying: tuple[Relying, ...] = ()


@dataclass(frozen=True)
class Result:
    """What came of a batch: keys of rows, and why others were refused.

    `affected` are the bookings whose promise was touched knowingly, `broken` those of them that
    nothing else would do for: their owners were told. `repeated`: the same batch was written
    before, and this is what came of it then.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: int = 0
    affected: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = field(default=())
    repeated: bool = False

    @property
    def saved(self) -> bool:
        """Whether anything was written."""
        return bool(self.added or self.changed or self.removed)


async def read(
    session: AsyncSession, table: str, where: Where | None = None, text: str = ""
) -> list[SetupRow]:
    """Return the rows of a table; `text` finds in what people read. Raises `LookupError`."""
    spec = table_of(table)
    rows = await ROWS[table].read(session, where or Where())
    wanted = text.strip().casefold()
    if not wanted:
        return rows
    names = await names_of(session, spec, [row.values for row in rows])
    return [row for row in rows if any(wanted in cell for cell in _cells(spec, row, names))]


def _cells(table: SetupTable, row: SetupRow, names: References) -> list[str]:
    return [
        to_text(one, row.values[one.name], names).casefold()
        for one in table.columns
        if one.type not in {"flag", "week", "windows"}
    ]


async def names_of(
    session: AsyncSession, table: SetupTable, values: Sequence[Mapping[str, Any]] = ()
) -> References:
    """Return what the things are called that rows with these values may name."""
    cars = [one.get(c.name) for one in values for c in table.columns if c.refers == "vehicle"]
    return await references(session, table, cars)


async def preview(
    session: AsyncSession, table: str, rows: Sequence[Given], *, match: bool = False
) -> list[Planned]:
    """Return what a batch would change, with what is wrong and which bookings it breaks."""
    return await plan(session, table_of(table), rows, match=match)


def seal(planned: Sequence[Planned]) -> str:
    """Return a hash of what a preview shows, for `write` to compare: it may be acted on later."""
    shown = [
        [one.given.number, one.key, one.before and one.before.digest, one.action]
        + [problem.code for problem in one.problems]
        for one in planned
    ]
    return fingerprint(json.dumps(shown))[:16]


async def check(session: AsyncSession, table: str, rows: Sequence[Given]) -> list[Problem]:
    """Return what is wrong with a batch: row, column and the reason in Chinese."""
    planned = await preview(session, table, rows)
    return [problem for one in planned for problem in one.problems]


async def write(
    session: AsyncSession,
    staff: Staff,
    table: str,
    rows: Sequence[Given],
    *,
    client_id: str,
    all_or_nothing: bool = True,
    match: bool = False,
    force: Collection[str] = (),
    seen: str | None = None,
) -> Result:
    """Write a batch; what cannot be written is refused with its reason.

    `force` are the ids of the bookings that the supervisor has seen and breaks all the same.
    `match`: see `plan`. `seen` is the `seal` of the preview that was agreed to; None: none was.
    Nothing is kept of a batch of which nothing was written, so that it can be sent again. Raises
    `LookupError` for an unknown table, `IdConflict`, `PreviewOutdated`.
    """
    spec = table_of(table)
    held = await setup_promises.hold(session, force)
    body = _body(table, rows, all_or_nothing, force)
    entry = AuditEntry(
        # The database lets only one in: a batch that comes twice finds the first.
        id=fingerprint(f"setup:{client_id}")[:26],
        actor=staff.username,
        action="setup_saved",
        subject=table,
        detail={"body": body},
        created_at=clock.now(),
    )
    earlier = await _earlier(session, entry, body)
    if earlier is not None:
        return earlier
    batch = _Batch(session, staff.username, spec, client_id, frozenset(force))
    result = Result()
    try:
        async with session.begin_nested():
            result = await batch.write(rows, match, all_or_nothing, seen)
            if not result.saved or (all_or_nothing and result.refused):
                raise _TakeBack
            broken = await setup_promises.settle(session, table, held, result.affected)
            result = replace(result, broken=tuple(broken))
            entry.detail = {"body": body, "result": _kept(result)}
            emit(session, "setup.changed", table)
            await session.flush()
    except _TakeBack:
        await session.delete(entry)
        await session.flush()
        return Result(unchanged=result.unchanged, refused=result.refused)
    return result


class _TakeBack(Exception):
    """Nothing of the batch is to stay."""


def _body(table: str, rows: Sequence[Given], all_or_nothing: bool, force: Collection[str]) -> str:
    sent = [[r.number, r.key, r.digest, dict(r.values), r.remove] for r in rows]
    whole = [table, all_or_nothing, sorted(force), sent]
    text = json.dumps(whole, ensure_ascii=False, sort_keys=True, default=str)
    return fingerprint(text.encode("utf-8", "replace").decode("utf-8"))


async def _earlier(session: AsyncSession, entry: AuditEntry, body: str) -> Result | None:
    """Put the batch's mark; return what came of the batch if it was there already."""
    try:
        async with session.begin_nested():
            session.add(entry)
    except IntegrityError:
        found: AuditEntry | None = await session.get(AuditEntry, entry.id)
        if found is None or found.detail.get("body") != body:
            raise IdConflict from None
        kept = found.detail["result"]
        return Result(
            tuple(kept["added"]),
            tuple(kept["changed"]),
            tuple(kept["removed"]),
            kept["unchanged"],
            tuple(kept["affected"]),
            tuple(kept["broken"]),
            repeated=True,
        )
    return None


def _kept(result: Result) -> dict[str, Any]:
    return {
        "added": list(result.added),
        "changed": list(result.changed),
        "removed": list(result.removed),
        "unchanged": result.unchanged,
        "affected": list(result.affected),
        "broken": list(result.broken),
    }


class _Batch:
    """One batch being written."""

    def __init__(
        self,
        session: AsyncSession,
        actor: str,
        table: SetupTable,
        client_id: str,
        force: frozenset[str],
    ) -> None:
        self.session = session
        self.actor = actor
        self.table = table
        self.client_id = client_id
        self.force = force
        self.done: dict[str, list[str]] = {"add": [], "change": [], "remove": []}
        self.affected: dict[str, None] = {}
        self.unchanged = 0
        self.refused: list[Refusal] = []

    async def write(
        self, rows: Sequence[Given], match: bool, all_or_nothing: bool, seen: str | None
    ) -> Result:
        """Write what can be written; whoever calls takes it back if it must be all."""
        planned = await plan(self.session, self.table, rows, lock=True, match=match)
        if seen is not None and seal(planned) != seen:
            raise PreviewOutdated
        for one in planned:
            self._weigh(one)
        # Before anything is written: all that is wrong is said at once.
        stop = all_or_nothing and any(one.problems for one in planned)
        for one in planned:
            if one.problems:
                self._refuse(one)
            elif one.action == "unchanged":
                self.unchanged += 1
            elif not stop:
                await self._write(one)
        return Result(
            tuple(self.done["add"]),
            tuple(self.done["change"]),
            tuple(self.done["remove"]),
            self.unchanged,
            tuple(self.affected),
            refused=tuple(self.refused),
        )

    def _weigh(self, one: Planned) -> None:
        unseen = [booking for booking in one.relying if booking.id not in self.force]
        if unseen and not one.problems:
            one.refuse("bookings", count=len(unseen))

    def _refuse(self, one: Planned) -> None:
        meanwhile = any(problem.code == "changed_meanwhile" for problem in one.problems)
        self.refused.append(
            Refusal(
                one.given.number,
                one.key,
                tuple(one.problems),
                one.before if meanwhile else None,
                tuple(one.relying),
            )
        )

    async def _write(self, one: Planned) -> None:
        try:
            async with self.session.begin_nested():
                key = await self._apply(one)
        except IntegrityError:
            # Somebody wrote the same since we looked, or something came to refer to it.
            one.refuse("referenced" if one.action == "remove" else "taken")
            self._refuse(one)
            return
        self.done[one.action].append(key)
        self.affected.update(dict.fromkeys(booking.id for booking in one.relying))
        old = None if one.before is None else _only(one.before.values, one)
        audit(
            self.session,
            self.actor,
            "setup_changed",
            f"{self.table.name}:{key}"[:60],
            key=key,
            what=one.action,
            before=old,
            after=None if one.action == "remove" else _only(one.values, one),
            bookings=[booking.id for booking in one.relying],
            request=self.client_id,
        )

    async def _apply(self, one: Planned) -> str:
        rows = ROWS[self.table.name]
        if one.key is None:
            return await rows.add(self.session, one.values)
        if one.action == "remove":
            await rows.remove(self.session, one.key)
        else:
            changed = {name: one.values[name] for name in one.changed}
            await rows.change(self.session, one.key, changed, self.actor)
        return one.key


def _only(values: Mapping[str, Any], one: Planned) -> dict[str, Any]:
    """Return what a change touches of a row; of one that comes or goes, everything."""
    return {name: values[name] for name in (one.changed or values)}
