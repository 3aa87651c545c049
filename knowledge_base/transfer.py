"""Import and export: between the files of `files` and the articles in the database."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base import articles
from knowledge_base.content import STATUSES, Content, ContentError, messages, problem, read_content
from knowledge_base.files import Row
from pitstop.storage.database import Database

BATCH = 500
"""Articles a transaction: others may write in between."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class BadRow:
    """A row that was not taken, and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        where = messages()["place"].format(line=self.line)
        return str(messages()["command"]["bad_row"].format(where=where, reason=self.reason))


@dataclass
class ImportReport:
    """What came of an import."""

    read: int = 0
    added: int = 0
    changed: int = 0
    same: int = 0
    refused: bool = False
    bad: list[BadRow] = field(default_factory=list)


@dataclass(frozen=True)
class _Wanted:
    content: Content
    status: str


async def import_rows(
    database: Database,
    rows: Iterable[Row],
    who: str,
    *,
    publish: bool = False,
    all_or_nothing: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Write the good rows as articles and report the others.

    `publish` makes every row live that does not say it is a draft or retired (questions are
    found from the next release on). With `all_or_nothing` a single bad row leaves everything as
    it was: all is one transaction.
    """
    report = ImportReport()
    wanted = list(_check(rows, report))
    if all_or_nothing and report.bad:
        report.refused = True
        return report
    size = max(len(wanted), 1) if all_or_nothing else BATCH
    for start in range(0, len(wanted), size):
        part = wanted[start : start + size]
        async with database.write() as session:
            there = await articles.known(session, (item.content.id for item in part))
            new = [item for item in part if item.content.id not in there]
            contents = [(item.content, _goes_live(item, publish)) for item in new]
            await articles.create_many(session, contents, who)
            report.added += len(new)
            for item in part:
                if item.content.id in there:
                    await _change(session, item, who, publish, report)
                elif item.status == "retired":
                    await articles.retire(session, item.content.id, who)
        if progress is not None:
            progress(min(start + size, len(wanted)), len(wanted))
    return report


async def export_rows(database: Database) -> list[dict[str, Any]]:
    """Return every article as its editors see it, with its status, by id."""
    async with database.read() as session:
        return [
            {**content.snapshot(), "status": article.status}
            for article, content in await articles.working_copies(session)
        ]


def _check(rows: Iterable[Row], report: ImportReport) -> Iterator[_Wanted]:
    seen: dict[str, int] = {}
    for row in rows:
        report.read += 1
        if row.problem is not None:
            report.bad.append(BadRow(row.line, row.problem))
            continue
        try:
            wanted = _wanted(row.fields)
            if wanted.content.id in seen:
                where = messages()["place"].format(line=seen[wanted.content.id])
                raise ContentError(problem("duplicate_id", value=wanted.content.id, where=where))
        except ContentError as error:
            report.bad.append(BadRow(row.line, str(error)))
            continue
        seen[wanted.content.id] = row.line
        yield wanted


def _wanted(fields: Mapping[str, Any]) -> _Wanted:
    status = str(fields.get("status") or "").strip()
    if status and status not in STATUSES:
        raise ContentError(problem("status"))
    if fields.get("id") in (None, ""):
        # A file without ids can be imported again: the same question is the same article.
        digest = hashlib.sha256(
            str(fields.get("question") or "").strip().encode("utf-8", "replace")
        )
        fields = {**fields, "id": f"q-{digest.hexdigest()[:16]}"}
    return _Wanted(read_content(fields), status)


def _goes_live(wanted: _Wanted, publish: bool) -> bool:
    return wanted.status == "published" or (publish and wanted.status not in ("draft", "retired"))


async def _change(
    session: AsyncSession, wanted: _Wanted, who: str, publish: bool, report: ImportReport
) -> None:
    content = wanted.content
    article = await articles.get(session, content.id)
    if await articles.update(session, content, who):
        report.changed += 1
    else:
        report.same += 1
    if wanted.status == "retired":
        if article.status != "retired":
            await articles.retire(session, content.id, who)
    elif _goes_live(wanted, publish) and article.live_version != article.version:
        await articles.publish(session, content.id, who)
