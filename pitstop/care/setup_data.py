"""Everything that can be booked, as tables that a supervisor reads, checks and changes.

Nothing that a booking relies on vanishes unseen: such a change is refused with the bookings it
breaks, unless they are named in `force`. Then their promises are kept another way, or their owners
are told in the same transaction (see `setup_promises`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.care import setup_promises
from pitstop.care.setup_batch import Batch, PreviewOutdated, Refusal, Result, seal
from pitstop.care.setup_columns import TABLES, Column, SetupTable, table_of
from pitstop.care.setup_plan import ROWS, Given, Planned, Problem, plan
from pitstop.care.setup_refs import References, references
from pitstop.care.setup_reliance import Relying
from pitstop.care.setup_rows import SetupRow, Where
from pitstop.care.setup_text import to_text
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


class IdConflict(Exception):
    """The same client id came with another batch; `code` is what the desk says."""

    code = "id_conflict"


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
    batch = Batch(session, staff.username, spec, client_id, frozenset(force))
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
