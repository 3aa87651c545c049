"""One batch being written: row by row weighed, applied, and written down."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base.crypto import fingerprint
from pitstop.care.setup_columns import SetupTable
from pitstop.care.setup_plan import ROWS, Given, Planned, Problem, plan
from pitstop.care.setup_reliance import Relying
from pitstop.care.setup_rows import SetupRow
from pitstop.care.staff import audit


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


def seal(planned: Sequence[Planned]) -> str:
    """Return a hash of what a preview shows, for `write` to compare: it may be acted on later."""
    shown = [
        [one.given.number, one.key, one.before and one.before.digest, one.action]
        + [problem.code for problem in one.problems]
        for one in planned
    ]
    return fingerprint(json.dumps(shown))[:16]


class Batch:
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
        fit = [one for one in planned if not one.problems and one.action != "unchanged"]
        unchanged = sum(1 for one in planned if not one.problems and one.action == "unchanged")
        if not stop:
            await self._write(fit)
        return Result(
            tuple(self.done["add"]),
            tuple(self.done["change"]),
            tuple(self.done["remove"]),
            unchanged,
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

    async def _write(self, fit: Sequence[Planned]) -> None:
        new = [one for one in fit if one.key is None]
        keys = (
            await ROWS[self.table.name].new_keys(self.session, [n.values for n in new])
            if new
            else []
        )
        own = {id(one): key for one, key in zip(new, keys, strict=True)}
        try:
            # All at once: a savepoint for each of thousands would hold everybody up.
            async with self.session.begin_nested():
                for one in fit:
                    await self._apply(one, own.get(id(one)), held=True)
                await self.session.flush()
        except IntegrityError:
            # Somebody wrote the same since we looked, or something came to refer to it.
            for one in fit:
                await self._alone(one, own.get(id(one)))
            return
        for one in fit:
            self._done(one, own.get(id(one)) or str(one.key))

    async def _alone(self, one: Planned, key: str | None) -> None:
        try:
            async with self.session.begin_nested():
                await self._apply(one, key, held=False)
                await self.session.flush()
        except IntegrityError:
            one.refuse("referenced" if one.action == "remove" else "taken")
            self._refuse(one)
            return
        self._done(one, key or str(one.key))

    async def _apply(self, one: Planned, key: str | None, *, held: bool) -> None:
        rows = ROWS[self.table.name]
        if key is not None:
            await rows.add(self.session, key, one.values)
        elif one.action == "remove":
            await rows.remove(self.session, str(one.key))
        else:
            changed = {name: one.values[name] for name in one.changed}
            item = one.before.item if held and one.before is not None else None
            await rows.change(self.session, str(one.key), changed, self.actor, item)

    def _done(self, one: Planned, key: str) -> None:
        self.done[one.action].append(key)
        self.affected.update(dict.fromkeys(booking.id for booking in one.relying))
        audit(
            self.session,
            self.actor,
            "setup_changed",
            f"{self.table.name}:{key}"[:60],
            key=key,
            what=one.action,
            before=None if one.before is None else _only(one.before.values, one),
            after=None if one.action == "remove" else _only(one.values, one),
            bookings=[booking.id for booking in one.relying],
            request=self.client_id,
        )


def _only(values: Mapping[str, Any], one: Planned) -> dict[str, Any]:
    """Return what a change touches of a row; of one that comes or goes, everything."""
    return {name: values[name] for name in (one.changed or values)}
