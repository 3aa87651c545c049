"""The knowledge base on the command line: import, export, search, publish, seed."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from knowledge_base.content import messages
from knowledge_base.files import FileProblem, read_rows, write_rows
from knowledge_base.index import Index, prepare
from knowledge_base.publish import NothingPublished, Published, publish_changes, rebuild, turn
from knowledge_base.releases import NoRelease, Outdated, load_index
from knowledge_base.schema import ensure_tables
from knowledge_base.seed import seed_articles
from knowledge_base.shipped import ShippedError
from knowledge_base.transfer import export_rows, import_rows
from pitstop.base.settings import SettingsError, database_url, var_folder
from pitstop.language.encode import CachedEncoder, Encoder, default_encoder
from pitstop.storage.database import Database

BATCH = 64
"""Queries read, encoded and answered together."""
WHO = "command-line"


class Bars:
    """Progress bars on the error stream, one a stage; out of the way of what is piped."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(_say(stage), total=total)
        self._bars.update(self._tasks[stage], completed=done, total=total)


def _say(key: str, **values: Any) -> str:
    return str(messages()["command"][key]).format(**values)


@contextmanager
def _bars() -> Iterator[Bars]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        yield Bars(bars)


def _named(state: Published | Index) -> str:
    """Return the name of what is searchable: a release, and what is on top of it."""
    name = _say("release", version=state.version)
    return name + _say("delta", number=state.delta) if state.delta else name


def _tell(result: Published) -> None:
    if not result.fresh:
        print(_say("unchanged", version=_named(result)))
        return
    print(
        _say(
            "published",
            version=_named(result),
            articles=result.articles,
            questions=result.questions,
        )
    )
    figures = result.figures
    print(
        _say(
            "figures",
            precision=f"{figures['straight_right']:.1%}",
            coverage=f"{figures['straight']:.1%}",
            clarify=f"{figures['clarified']:.1%}",
            unrelated=f"{figures['unrelated_straight']:.1%}",
        )
    )


def _encoder() -> Encoder:
    """Return the encoder with the vectors that earlier runs left on disk, training's among them."""
    return CachedEncoder(default_encoder(), var_folder(os.environ) / "cache" / "vectors.db")


async def _import(database: Database, options: argparse.Namespace) -> int:
    with _bars() as bars:
        rows = []
        for row in read_rows(options.file):
            rows.append(row)
            if len(rows) % 100 == 0:
                bars("reading", len(rows), None)
    # Whoever sees articles go live leaves the release to us.
    ours = turn(database) if options.publish else nullcontext()
    async with ours:
        with _bars() as bars:
            report = await import_rows(
                database,
                rows,
                WHO,
                publish=options.publish,
                all_or_nothing=options.all_or_nothing,
                progress=lambda done, total: bars("importing", done, total),
            )
    print(_say("read", count=report.read))
    for bad in report.bad:
        print(bad)
    if report.refused:
        print(_say("refused", bad=len(report.bad)))
        return 1
    if report.bad:
        print(_say("bad_rows", bad=len(report.bad)))
    print(_say("kept", added=report.added, changed=report.changed, same=report.same))
    if options.publish:
        return await _publish(database, options)
    return 1 if report.bad and len(report.bad) == report.read else 0


async def _export(database: Database, options: argparse.Namespace) -> int:
    count = write_rows(options.file, await export_rows(database))
    print(_say("exported", count=count, path=options.file))
    return 0


async def _publish(database: Database, options: argparse.Namespace) -> int:
    encoder = _encoder()
    with _bars() as bars:
        quick = await publish_changes(database, encoder, bars, who=WHO)
    if quick is not None and quick.fresh:
        counts = {"articles": quick.articles, "questions": quick.questions}
        print(_say("changes", version=_named(quick), **counts), flush=True)
    with _bars() as bars:
        force = getattr(options, "force", False)
        result = await rebuild(database, encoder, bars, who=WHO, force=force)
    _tell(result)
    return 0


async def _seed(database: Database, options: argparse.Namespace) -> int:
    with _bars() as bars:
        result = await seed_articles(database, bars, _encoder())
    print(_say("seeded", count=result.articles))
    _tell(result)
    return 0


async def _search(database: Database, options: argparse.Namespace) -> int:
    encoder = default_encoder()
    index = await load_index(database, encoder)
    print(_say("searching", version=_named(index)), file=sys.stderr)

    def answer(queries: list[str]) -> None:
        vectors = encoder.encode([prepare(text) for text in queries])
        for query, result in zip(
            queries, index.search_many(vectors, queries, options.limit), strict=True
        ):
            hits = [
                {"id": hit.article_id, "question": hit.question, "score": hit.score}
                for hit in result.hits
            ]
            line = {"query": query, "decision": result.decision, "hits": hits}
            print(json.dumps(line, ensure_ascii=False), flush=True)

    if options.batch is None:
        answer([" ".join(options.query)])
        return 0
    waiting: list[str] = []
    for query in _queries(options.batch):
        waiting.append(query)
        if len(waiting) == BATCH:
            answer(waiting)
            waiting = []
    if waiting:
        answer(waiting)
    return 0


def _queries(path: Path) -> Iterator[str]:
    text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8-sig")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = messages()["place"].format(line=number)
        try:
            row = json.loads(line)
        except ValueError as error:
            reason = messages()["problems"]["json"].format(reason=error)
            raise FileProblem(f"{where}：{reason}") from error
        if not isinstance(row, dict) or not isinstance(row.get("query"), str):
            reason = messages()["problems"]["missing"].format(field="query")
            raise FileProblem(f"{where}：{reason}")
        yield row["query"]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m knowledge_base", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    take = commands.add_parser("import", help="read articles from a CSV, XLSX or JSONL file")
    take.add_argument("file", type=Path)
    take.add_argument("--publish", action="store_true", help="make the rows live, then release")
    take.add_argument(
        "--all-or-nothing", action="store_true", help="a single bad row leaves all as it was"
    )
    take.set_defaults(run=_import)
    give = commands.add_parser("export", help="write every article to a CSV, XLSX or JSONL file")
    give.add_argument("file", type=Path)
    give.set_defaults(run=_export)
    search = commands.add_parser("search", help="search the newest release")
    search.add_argument("query", nargs="*")
    search.add_argument("--batch", type=Path, metavar="QUERIES.jsonl", help="- reads the input")
    search.add_argument("--limit", type=int, default=3)
    search.set_defaults(run=_search)
    release = commands.add_parser("publish", help="release the live articles")
    release.add_argument("--force", action="store_true", help="also if nothing changed")
    release.set_defaults(run=_publish)
    seed = commands.add_parser("seed", help="load and publish the articles that ship")
    seed.set_defaults(run=_seed)
    return parser


async def _main(options: argparse.Namespace) -> int:
    database = Database(database_url(os.environ))
    try:
        await ensure_tables(database)
        code: int = await options.run(database, options)
        return code
    except NoRelease:
        print(_say("no_release"), file=sys.stderr)
    except NothingPublished:
        print(_say("too_few"), file=sys.stderr)
    except Outdated:
        print(_say("encoder_changed"), file=sys.stderr)
    except LookupError:
        print(_say("vectors_missing"), file=sys.stderr)
    except (FileProblem, ShippedError, OSError) as error:
        print(error, file=sys.stderr)
    finally:
        await database.close()
    return 1


def main() -> int:
    """Run the command; 0 if it did what it was asked."""
    parser = _parser()
    options = parser.parse_args()
    if options.command == "search" and options.batch is None and not options.query:
        parser.error("search: a query or --batch")
    try:
        return asyncio.run(_main(options))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
