"""`make evaluate`: how well owners are understood and answered, on cases, on held-out folds, on
knowledge bases and data from elsewhere, beside baselines measured in the same run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from bot import baselines, charts, dates, elsewhere, findings, folds, searches, stock
from bot.bases import Base, foreign, own
from bot.cases import CaseSet, Read, load_messages, load_sets
from bot.components.featurizer import CACHE, encode_examples
from bot.components.limits import Limits
from bot.components.wish_model import WishModel
from bot.fitted import limits_of, release_of
from bot.measures import Measure, calibration, confusions, share
from bot.parse import NoModel, Reader
from bot.searches import Found, Shop, Unground
from bot.stages import Stages
from bot.tables import Table, fill, side_by_side
from pitstop.base import clock
from pitstop.base.settings import ROOT, settings
from pitstop.language.encode import CachedEncoder, Encoder, default_encoder
from pitstop.language.normalize import normalize

REPORTS = ROOT / "reports"
PAGE = ROOT / "docs" / "evaluation.md"
TEMPLATE = ROOT / "docs" / "evaluation.template.md"
STOCK_CACHE = ROOT / "var" / "cache" / "stock"
STOCK_LOG = ROOT / "var" / "log" / "stock.log"
PHRASES = ROOT / "tests" / "language" / "times.yml"
MESSAGES = ROOT / "tests" / "language" / "messages"
WIDTH = 140
"""Characters of a line where nothing says how wide the terminal is."""
READ_AT_ONCE = 256
"""Sentences read between two steps of the bar."""

SetReads = Sequence[tuple[CaseSet, Sequence[Read]]]
Columns = dict[str, dict[str, float]]


@dataclass
class Outcome:
    """What was found: tables, the measures with an aim among them, and what could not be done."""

    tables: list[Table] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    confused: dict[str, list[tuple[str, str, list[str]]]] = field(default_factory=dict)


async def evaluate(
    folder: Path | None, model: Path, *, folds_count: int = 5, with_stock: bool = True
) -> int:
    """Measure, print, and write reports and page; return the exit status: 1 if a part failed, 2
    if there is no model."""
    console, found = Console(), Outcome()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    encoder = CachedEncoder(default_encoder(), CACHE)
    with tempfile.TemporaryDirectory(prefix="pitstop-evaluate-") as work, Stages() as stages:
        shop = Shop(Path(work))
        try:
            reads, limits = await _understand(found, stages, shop, encoder, folder, model)
        except NoModel as error:
            stages.say(str(error))
            return 2
        known = _fold(found, stages, reads, limits, folds_count)
        columns = _by_examples(stages, known, reads)
        bases = [own(), *foreign()]
        engines = await _search(stages, shop, encoder, bases)
        if with_stock:
            _by_stock(found, stages, reads, bases, columns, engines)
        sets = [each for each, _ in reads]
        found.tables.append(findings.accuracy_table(sets, columns))
        found.tables += _search_tables(bases, engines)
        found.tables += _dates(stages, folder)
    found.tables.append(findings.time_table(stages.seconds))
    _write(found, stages.seconds, folder is not None)
    for table in found.tables:
        table.show(console)
    for trouble in found.troubles:
        console.print(trouble, style="red", markup=False)
    console.print(f"written: {PAGE.relative_to(ROOT)}, {REPORTS.relative_to(ROOT)}/")
    return 1 if found.troubles else 0


# --- the trained model on sentences -------------------------------------------------------------


async def _understand(
    found: Outcome,
    stages: Stages,
    shop: Shop,
    encoder: Encoder,
    folder: Path | None,
    model: Path,
) -> tuple[SetReads, Limits | None]:
    url, origin = settings().database_url, "of the configured database"
    release = await release_of(url, encoder)
    if release is None:
        with stages.stage("publishing the shipped articles") as report:
            url = await shop.shipped(encoder, lambda _, done, total: report(done, total))
        origin = "of the shipped articles, published for this run"
        release = await release_of(url, encoder)
    if release is not None:
        found.tables.append(release.table(origin))
    with stages.stage("loading the model"):
        reader = await Reader.open(url, model)
        # At once: another model may lie there when this run comes to the limits.
        limits = limits_of(model)
    try:
        with stages.stage("reading the cases") as report:
            sets = load_sets()
            texts = [case.text for each in sets for case in each.cases]
            parsed = iter(_read(reader, texts, report))
            reads = [(each, [Read(case, next(parsed)) for case in each.cases]) for each in sets]
        with stages.stage("reading messages that name things") as report:
            messages = load_messages(MESSAGES)
            parsed = iter(_read(reader, [each.text for each in messages], report))
            naming = [Read(each, next(parsed)) for each in messages]
        if folder is not None:
            with stages.stage("reading EVAL_DATA") as report:
                measures = elsewhere.measure(folder, lambda texts: _read(reader, texts, report))
            found.measures += measures
            title = "Data from elsewhere"
            found.tables.append(findings.measures_table("elsewhere", title, measures))
    finally:
        await reader.close()
    by_set = {each.name: findings.of_cases(each.name, rows) for each, rows in reads}
    found.measures += [measure for each in by_set.values() for measure in each.values()]
    first = [each for each in reads[0][1] if each.case.route]
    confused = [(str(each.case.route), each.route, each.case.text) for each in first]
    found.confused["first cases"] = confusions(confused, len(confused))
    found.tables += [
        findings.cases_table(by_set),
        findings.routes_table(reads),
        findings.named_table(
            {
                "cases": [each for _, rows in reads for each in rows if each.case.entities],
                "messages": naming,
            }
        ),
        findings.confusions_table("confusions cases", "Worst confusions, first cases", confused),
    ]
    return reads, limits


def _read(reader: Reader, texts: list[str], report: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for at in range(0, len(texts), READ_AT_ONCE):
        found += reader.read(texts[at : at + READ_AT_ONCE])
        report(len(found), len(texts))
    return found


# --- held-out folds -----------------------------------------------------------------------------


def _fold(
    found: Outcome, stages: Stages, reads: SetReads, limits: Limits | None, count: int
) -> folds.Learnt:
    with stages.stage("encoding the examples") as report:
        known = folds.learnt(report)
    shape = folds.shape()
    with stages.stage("held-out folds") as report:
        report(0, count)
        held = folds.cross_validate(known, count, lambda: WishModel(shape), report)
    right = Measure(f"{count} held-out folds: right intent", share(held.right), known.examples)
    found.measures.append(right)
    blind = [each for origin, rows in reads if origin.blind for each in rows if each.case.route]
    curves = {"held-out folds": calibration(held.sure, held.right)}
    if blind:
        sure = [float(each.parsed["intent"]["confidence"]) for each in blind]
        curves["blind cases"] = calibration(sure, [each.right for each in blind])
    confused = list(zip(held.labels, held.understood, known.written, strict=True))
    found.confused["held-out folds"] = confusions(confused, len(confused))
    title = "Worst confusions, held-out folds"
    found.tables += [
        findings.measures_table("folds", "Held-out folds of our own examples", [right]),
        findings.calibration_table(curves),
        findings.confusions_table("confusions folds", title, confused),
        findings.limits_table(limits, held),
        findings.thresholds_table(held),
    ]
    with stages.stage("pictures"):
        REPORTS.mkdir(exist_ok=True)
        pairs = zip(held.labels, held.understood, strict=True)
        charts.confusion(pairs, REPORTS / "confusion.png")
        charts.calibration(curves, REPORTS / "calibration.png")
    return known


# --- beside baselines ---------------------------------------------------------------------------


def _by_examples(stages: Stages, known: folds.Learnt, reads: SetReads) -> Columns:
    """Return the share of right routes by engine and set: ours, and three by nearest example."""
    columns: Columns = {"ours": {}, "BM25": {}, "nearest vector": {}, "nearest n-grams": {}}
    texts, labels = [normalize(text).text for text in known.written], known.meant
    with stages.stage("nearest examples") as report:
        for number, (each, rows) in enumerate(reads, 1):
            owned = [one for one in rows if one.case.route]
            asked = [normalize(one.case.text).text for one in owned]
            vectors = known.vectors[: known.examples]
            guesses = {
                "BM25": baselines.nearest_words(texts, labels, asked),
                "nearest vector": baselines.nearest_vectors(
                    vectors, labels, encode_examples(asked)
                ),
                "nearest n-grams": baselines.nearest_grams(texts, labels, asked),
            }
            columns["ours"][each.name] = share(one.right for one in owned)
            for name, guess in guesses.items():
                columns[name][each.name] = share(
                    baselines.as_route(intent) == one.case.route
                    for intent, one in zip(guess, owned, strict=True)
                )
            report(number, len(reads))
    return columns


def _by_stock(
    found: Outcome,
    stages: Stages,
    reads: SetReads,
    bases: Sequence[Base],
    columns: Columns,
    engines: dict[str, Columns],
) -> None:
    """Add Rasa's stock pipeline to what is measured; without it if that fails."""
    asked = {each.name: [(case.text, str(case.route)) for case in each.owned] for each, _ in reads}
    tasks = []
    for base in bases:
        questions = {article.id: article.questions() for article in base.articles}
        queries = [(query.text, query.article) for query in base.queries]
        queries += [(text, "") for text in base.intruders]
        tasks.append(stock.answers(base.name, questions, queries))
    # The longest last: what is done is kept, should it be broken off.
    tasks.append(stock.intents(folds.DATA, asked))
    try:
        with stages.stage("stock Rasa") as report:
            done = stock.run(tasks, STOCK_CACHE, STOCK_LOG, lambda _, at, of: report(at, of))
    except stock.StockFailed as error:
        found.troubles.append(str(error))
        return
    columns["stock Rasa"] = {
        name: share(baselines.as_route(understood) == meant for meant, understood in done[name])
        for name in asked
    }
    for base in bases:
        hits = [Found(tuple(ids), score) for ids, score in done[base.name]]
        rows = [
            (query.kind, query.article, hit)
            for query, hit in zip(base.queries, hits[: len(base.queries)], strict=True)
        ]
        engines[base.name]["stock Rasa"] = searches.figures(rows, hits[len(base.queries) :])


async def _search(
    stages: Stages, shop: Shop, encoder: Encoder, bases: Sequence[Base]
) -> dict[str, Columns]:
    """Return what searching each base is worth, by engine."""
    found: dict[str, Columns] = {}
    for base in bases:
        with stages.stage("publishing and searching knowledge bases") as report:
            ours = await shop.open(base, encoder, lambda _, done, total: report(done, total))
            columns: Columns = {"ours": searches.measure(base, ours.search)}
            if ours.ground:
                plain = await shop.open(
                    base, Unground(encoder), lambda _, done, total: report(done, total)
                )
                columns["ours without the lens"] = searches.measure(base, plain.search)
            columns["BM25"] = searches.measure(base, searches.by_words(base))
            neighbour = searches.by_neighbour(base, encoder)
            columns["nearest vector"] = searches.measure(base, neighbour)
            found[base.name] = columns
    return found


def _search_tables(bases: Sequence[Base], engines: Mapping[str, Columns]) -> list[Table]:
    mine, others = bases[0], bases[1:]
    shown = searches.SHOWN
    title = f"Searching our own articles: {len(mine.queries)} similar questions, left out"
    tables = [side_by_side("search own", title, engines[mine.name], shown)]
    if others:
        means = {
            name: searches.mean([engines[base.name][name] for base in others])
            for name in engines[others[0].name]
        }
        tables.append(side_by_side("search foreign", "Foreign knowledge bases, mean", means, shown))
        each = {base.name: engines[base.name]["ours"] for base in others}
        title = "Foreign knowledge bases, ours on each"
        tables.append(side_by_side("search foreign each", title, each, shown))
    return tables


# --- dates --------------------------------------------------------------------------------------


def _dates(stages: Stages, folder: Path | None) -> list[Table]:
    parts: dict[str, list[dates.Dated]] = {}
    with stages.stage("dates"):
        if PHRASES.is_file():
            parts["tests/language"] = dates.load_phrases(PHRASES)
        if folder is not None:
            parts["EVAL_DATA"] = rows = dates.load_dates(folder)
            for variety in dict.fromkeys(each.variety for each in rows if each.variety):
                parts[variety] = [each for each in rows if each.variety == variety]
        columns = {
            f"{name} ({len(rows)})": dates.measure(rows) for name, rows in parts.items() if rows
        }
    return [side_by_side("dates", "Dates and times", columns)] if columns else []


# --- reports ------------------------------------------------------------------------------------


def _write(found: Outcome, seconds: Mapping[str, float], with_data: bool) -> None:
    REPORTS.mkdir(exist_ok=True)
    day = clock.local_now().date().isoformat()
    parts = {table.place: table.markdown() for table in found.tables}
    parts["date"] = day
    parts["data"] = "with" if with_data else "without"
    parts["diet epochs"] = str(stock.DIET_EPOCHS)
    parts["selector epochs"] = str(stock.SELECTOR_EPOCHS)
    PAGE.write_text(fill(TEMPLATE.read_text(encoding="utf-8"), parts), encoding="utf-8")
    (REPORTS / "evaluation.md").write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    report = {
        "measured": day,
        "measures": [asdict(measure) for measure in found.measures],
        "tables": [table.as_json() for table in found.tables],
        "seconds": dict(seconds),
        "troubles": found.troubles,
    }
    _dump(REPORTS / "understanding.json", report)
    rows = [
        {"where": where, "meant": meant, "understood": understood, "sentences": texts}
        for where, all_of_them in found.confused.items()
        for meant, understood, texts in all_of_them
    ]
    _dump(REPORTS / "confusions.json", rows)


def _dump(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
