"""`make evaluate`: how well owners are understood, on cases, on held-out folds, on data from
elsewhere, beside three baselines measured in the same run."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.loading import load_data
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from bot.components.classifier import background
from bot.components.featurizer import encode_examples
from bot.components.masking import mask
from bot.components.understanding import UNDERSTOOD
from bot.components.wish_model import Shape, WishModel
from bot.measures import (
    Case,
    Learnt,
    Measure,
    cross_validate,
    elsewhere,
    entities_right,
    load_cases,
    nearest_bm25,
    nearest_grams,
    nearest_vectors,
    route_order,
    thresholds,
)
from bot.parse import NoModel, Reader
from bot.routes import DIALOGUE
from pitstop.base import clock
from pitstop.base.settings import ROOT, settings
from pitstop.language.entities import find_all
from pitstop.language.normalize import normalize
from pitstop.language.times import read_times

CASES = ROOT / "tests" / "nlu"
REPORTS = ROOT / "reports"
PAGE = ROOT / "docs" / "evaluation.md"
DATA = ROOT / "bot" / "data" / "nlu"
WORST = 20


async def evaluate(folder: Path | None, model: Path, *, folds: int = 5) -> int:
    """Measure, print, and write the reports; return the exit status."""
    console = Console()
    try:
        reader = await Reader.open(settings().database_url, model)
    except NoModel as error:
        console.print(str(error))
        return 2
    try:
        cases = load_cases(CASES)
        parsed = reader.read([case.text for case in cases])
        # What the cases say of entities has been read here; the folds know nothing of them.
        extra = elsewhere(folder, reader.read) if folder is not None else []
    finally:
        await reader.close()
    learnt = _learnt()
    with _bar() as bars:
        task = bars.add_task("folds", total=folds)
        chances, names = cross_validate(
            learnt, lambda: WishModel(_shape()), folds, lambda: bars.advance(task)
        )
    labels = learnt.labels[: learnt.examples]
    held = np.array([names[i] for i in chances.argmax(axis=1)])
    measures = [
        *_cases(cases, parsed),
        Measure("held-out folds: right intent", float(np.mean(held == labels)), len(labels)),
        *_baselines(learnt, cases),
        *thresholds(chances, names, labels),
        *extra,
    ]
    routes = _per_route(cases, parsed)
    confusions = _confusions(cases, parsed)
    page = _page(measures, routes, confusions)
    REPORTS.mkdir(exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    report = REPORTS / "understanding.json"
    rows = [measure.__dict__ for measure in measures]
    report.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    _picture(cases, parsed, REPORTS / "confusion.png")
    _show(console, measures, routes)
    return 0


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)


def _shape() -> Shape:
    pipeline = yaml.safe_load((ROOT / "config.yml").read_text(encoding="utf-8"))["pipeline"]
    for step in pipeline:
        if str(step["name"]).endswith(".WishClassifier"):
            return Shape(**step.get("shape", {}))
    raise ValueError("config.yml names no WishClassifier")


def _masked(text: str) -> Any:
    """Mask without the names of places, which need the spaCy pipeline: near enough for folds."""
    named = [(entity.start, entity.end, entity.entity) for entity in find_all(text)]
    times = read_times(text, clock.local_now())
    return mask(text, [*named, *((*span.span, "time") for span in times)])


def _learnt() -> Learnt:
    examples = load_data(str(DATA)).intent_examples
    texts = [normalize(str(each.get(TEXT))).text for each in examples]
    labels = [str(each.get(INTENT)) for each in examples]
    other = background(ROOT / "knowledge_base" / "background.yml")
    return Learnt(
        texts=[*map(_masked, texts), *(mask(text, []) for text in other)],
        vectors=encode_examples([*texts, *other]),
        labels=[*labels, *["out_of_scope"] * len(other)],
        shares=np.array([1.0] * len(texts) + [0.3] * len(other)),
        examples=len(texts),
    )


def _got(each: dict[str, Any]) -> str:
    return str(each[UNDERSTOOD]["route"])


def _cases(cases: list[Case], parsed: list[dict[str, Any]]) -> list[Measure]:
    pairs = list(zip(cases, parsed, strict=True))
    owned = [(case.route, _got(each)) for case, each in pairs if case.route]
    traps = [_got(each) == case.must_not for case, each in pairs if case.must_not]
    named = [entities_right(case, each) for case, each in pairs if case.entities]
    said = [got == "talk_to_human" for _, got in owned]
    right = [route == got for route, got in owned]
    precision = np.mean([ok for ok, s in zip(right, said, strict=True) if s]) if any(said) else 0.0
    recalls = _per_route(cases, parsed)
    lowest = min(value for value, _ in recalls.values())
    return [
        Measure("cases: right route", float(np.mean(right)), len(owned), "≥ .90"),
        Measure("cases: lowest recall of a route", lowest, len(recalls), "≥ .80"),
        Measure("cases: a person, recall", *recalls["talk_to_human"], "≥ .97"),
        Measure("cases: a person, precision", float(precision), sum(said), "≥ .95"),
        Measure("cases: danger, recall", *recalls["roadside_rescue"], "≥ .97"),
        Measure("cases: swap traps that start a swap", float(np.mean(traps)), len(traps), "≤ .05"),
        Measure("cases: all named values right", float(np.mean(named)), len(named), "≥ .93"),
    ]


def _per_route(cases: Sequence[Case], parsed: list[dict[str, Any]]) -> dict[str, tuple[float, int]]:
    found: dict[str, list[bool]] = defaultdict(list)
    for case, each in zip(cases, parsed, strict=True):
        if case.route:
            found[case.route].append(_got(each) == case.route)
    return {
        route: (float(np.mean(found[route])), len(found[route]))
        for route in route_order(list(found))
    }


def _baselines(learnt: Learnt, cases: Sequence[Case]) -> list[Measure]:
    owned = [case for case in cases if case.route]
    asked = [normalize(case.text).text for case in owned]
    known = [normalize(str(each.get(TEXT))).text for each in load_data(str(DATA)).intent_examples]
    labels = learnt.labels[: learnt.examples]
    guesses = {
        "nearest sentence vector": nearest_vectors(
            learnt.vectors[: learnt.examples], labels, encode_examples(asked)
        ),
        "BM25 over words": nearest_bm25(known, labels, asked),
        "character n-grams, nearest": nearest_grams(known, labels, asked),
    }
    found = []
    for name, guess in guesses.items():
        routes = ["chitchat" if each in DIALOGUE else each for each in guess]
        right = [got == case.route for got, case in zip(routes, owned, strict=True)]
        found.append(Measure(f"baseline on the cases: {name}", float(np.mean(right)), len(owned)))
    return found


def _confusions(
    cases: Sequence[Case], parsed: list[dict[str, Any]]
) -> list[tuple[str, str, list[str]]]:
    wrong: dict[tuple[str, str], list[str]] = defaultdict(list)
    for case, each in zip(cases, parsed, strict=True):
        if case.route and _got(each) != case.route:
            wrong[case.route, _got(each)].append(case.text)
    ordered = sorted(wrong.items(), key=lambda item: (-len(item[1]), item[0]))
    return [(a, b, texts) for (a, b), texts in ordered[:WORST]]


def _page(
    measures: list[Measure],
    routes: dict[str, tuple[float, int]],
    confusions: list[tuple[str, str, list[str]]],
) -> str:
    day = clock.local_now().date().isoformat()
    lines = ["# How well owners are understood", "", f"Measured {day} by `make evaluate`.", ""]
    lines += ["| what | figure | of | aim |", "| --- | --- | --- | --- |"]
    lines += [f"| {m.name} | {m.value:.3f} | {m.count} | {m.aim} |" for m in measures]
    lines += ["", "## Each route's recall on the cases", "", "| route | recall | cases |"]
    lines += ["| --- | --- | --- |"]
    lines += [f"| {route} | {value:.2f} | {count} |" for route, (value, count) in routes.items()]
    lines += ["", "## Worst confusions", "", "| meant | understood | sentences |"]
    lines += ["| --- | --- | --- |"]
    lines += [f"| {a} | {b} | {' · '.join(t).replace('|', '/')} |" for a, b, t in confusions]
    notes = (
        "The weights of the features were chosen, and some of the examples written, after these "
        "cases had been read: the figures on the cases are better than on words nobody has seen. "
        "The folds are drawn from the examples themselves, which were written to differ from each "
        "other; they count intents, not routes."
    )
    return "\n".join([*lines, "", notes, ""])


def _picture(cases: Sequence[Case], parsed: list[dict[str, Any]], path: Path) -> None:
    import matplotlib  # type: ignore[import-untyped]

    matplotlib.use("Agg")
    from matplotlib import pyplot

    pairs = [(c.route, _got(e)) for c, e in zip(cases, parsed, strict=True) if c.route]
    names = route_order([each for pair in pairs for each in pair])
    counts = Counter(pairs)
    table = np.array([[counts[a, b] for b in names] for a in names])
    figure, axes = pyplot.subplots(figsize=(11, 10))
    axes.imshow(table, cmap="Blues")
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("understood")
    axes.set_ylabel("meant")
    for y, x in zip(*np.nonzero(table), strict=True):
        colour = "white" if table[y, x] > table.max() / 2 else "black"
        axes.text(x, y, table[y, x], ha="center", va="center", color=colour)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _show(console: Console, measures: list[Measure], routes: dict[str, tuple[float, int]]) -> None:
    table = Table("what", "figure", "of", "aim")
    for each in measures:
        table.add_row(each.name, f"{each.value:.3f}", str(each.count), each.aim)
    for route, (value, count) in routes.items():
        table.add_row(f"recall {route}", f"{value:.2f}", str(count), "≥ .80")
    console.print(table)
    console.print(f"written: {PAGE.relative_to(ROOT)}, {REPORTS.relative_to(ROOT)}/")
