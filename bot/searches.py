"""Searching a knowledge base in several ways, and what the answers are worth."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.baselines import Bm25, Rows, Scores, cosines
from bot.bases import Base
from bot.measures import auc, share
from knowledge_base.entries import prepare
from knowledge_base.files import Row
from knowledge_base.lens import Ground
from knowledge_base.publish import Progress, publish
from knowledge_base.releases import load_index
from knowledge_base.schema import ensure_tables
from knowledge_base.seed import seed_articles
from knowledge_base.transfer import import_rows
from pitstop.language.encode import Encoder
from pitstop.storage.database import Database

LIMIT = 3
WHO = "evaluate"
SHOWN = (
    "left out top-1",
    "left out top-3",
    "hard top-1",
    "hard top-3",
    "easy top-1",
    "keyword top-1",
    "AUC",
    "straight",
    "straight right",
    "served",
    "intruders straight",
    "intruders shown a menu",
)
"""The figures of `measure` that are shown, in order."""


@dataclass(frozen=True)
class Found:
    """What a search came out with: its best articles, how good the best one is, and whether it is
    given as the answer, shown with others to choose from, or kept back ("" where nothing of the
    kind is decided)."""

    ids: tuple[str, ...]
    score: float
    decision: str = ""


Search = Callable[[Sequence[str]], list[Found]]


class Unground:
    """The same encoder by another name, so that the search engine looks without its lens."""

    name = "without a lens"

    def __init__(self, inner: Encoder) -> None:
        self._inner = inner
        self.dim = inner.dim

    def encode(self, texts: Sequence[str]) -> Rows:
        """Return the same rows."""
        return self._inner.encode(texts)

    def fingerprint(self) -> str:
        """Return the same fingerprint: the vectors are the same."""
        return self._inner.fingerprint()


@dataclass(frozen=True)
class Engine:
    """A published base, ready to be searched; `ground` tells whether its view has a lens."""

    search: Search
    ground: bool


class Shop:
    """Publishes bases in temporary databases, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0

    async def empty(self) -> str:
        """Return the URL of a new database with empty tables."""
        first = self._folder / "empty.db"
        if not first.exists():
            database = Database(_url(first))
            await ensure_tables(database)
            await database.close()
        self._count += 1
        copy = self._folder / f"base-{self._count}.db"
        shutil.copyfile(first, copy)
        return _url(copy)

    async def shipped(self, encoder: Encoder, progress: Progress | None = None) -> str:
        """Return the URL of a new database in which the shipped articles are published."""
        url = await self.empty()
        database = Database(url)
        try:
            await seed_articles(database, progress, encoder)
        finally:
            await database.close()
        return url

    async def open(self, base: Base, encoder: Encoder, progress: Progress | None = None) -> Engine:
        """Import, publish and load a base as an editor and a process would.

        Raises ValueError if an article is refused.
        """
        database = Database(await self.empty())
        try:
            rows = [Row(at, each.snapshot()) for at, each in enumerate(base.articles, 1)]
            report = await import_rows(database, rows, WHO, publish=True, all_or_nothing=True)
            if report.bad:
                raise ValueError(f"{base.name}: {report.bad[0]}")
            await publish(database, encoder, progress, who=WHO)
            index = await load_index(database, encoder)
        finally:
            await database.close()

        def search(texts: Sequence[str]) -> list[Found]:
            rows = encoder.encode([prepare(text) for text in texts])
            return [
                Found(
                    tuple(hit.article_id for hit in each.hits),
                    each.hits[0].score if each.hits else 0.0,
                    each.decision,
                )
                for each in index.search_many(rows, texts, LIMIT)
            ]

        return Engine(search, isinstance(index.model.view.lens, Ground))


def by_words(base: Base) -> Search:
    """Return a search by BM25 over all that an article says: its questions and its answer."""
    ids = [each.id for each in base.articles]
    engine = Bm25(["\n".join([*each.questions(), each.answer]) for each in base.articles])
    return lambda texts: [_best(ids, engine.scores(text)) for text in texts]


def by_neighbour(base: Base, encoder: Encoder) -> Search:
    """Return a search by the nearest of an article's questions, by cosine after centring."""
    ids = [each.id for each in base.articles]
    questions = [[prepare(text) for text in each.questions()] for each in base.articles]
    starts = np.cumsum([0, *(len(each) for each in questions[:-1])])
    known = encoder.encode([text for each in questions for text in each])

    def search(texts: Sequence[str]) -> list[Found]:
        near = cosines(known, encoder.encode([prepare(text) for text in texts]))
        return [_best(ids, row) for row in np.maximum.reduceat(near, starts, axis=1)]

    return search


def measure(base: Base, search: Search) -> dict[str, float]:
    """Return what the searches are worth, shares of 1; what does not apply is left out.

    `KIND top-1` and `KIND top-3` for each kind of query; `AUC`: of all queries against the
    intruders, by the best hit's score; where there are decisions: `straight` (queries answered
    straight), `straight right` (how many of these answers are right), `served` (queries answered
    rightly, or by a menu that holds the answer), `intruders straight`, `intruders shown a menu`.
    """
    found = search([each.text for each in base.queries])
    strangers = search(list(base.intruders)) if base.intruders else []
    return figures(
        [
            (query.kind, query.article, each)
            for query, each in zip(base.queries, found, strict=True)
        ],
        strangers,
    )


def figures(
    asked: Sequence[tuple[str, str, Found]], strangers: Sequence[Found]
) -> dict[str, float]:
    """Return the figures of `measure` from (kind, right article, what was found)."""
    result: dict[str, float] = {}
    for kind in dict.fromkeys(each for each, _, _ in asked):
        mine = [(right, found.ids) for each, right, found in asked if each == kind]
        result[f"{kind} top-1"] = share(ids[:1] == (right,) for right, ids in mine)
        result[f"{kind} top-3"] = share(right in ids[:3] for right, ids in mine)
    if strangers:
        result["AUC"] = auc(
            [each.score for _, _, each in asked], [each.score for each in strangers]
        )
    if not any(each.decision for _, _, each in asked):
        return result
    straight = [(right, each) for _, right, each in asked if each.decision == "answer"]
    result["straight"] = len(straight) / max(len(asked), 1)
    if straight:
        result["straight right"] = share(each.ids[:1] == (right,) for right, each in straight)
    result["served"] = share(_served(right, each) for _, right, each in asked)
    if strangers:
        result["intruders straight"] = share(each.decision == "answer" for each in strangers)
        result["intruders shown a menu"] = share(each.decision == "clarify" for each in strangers)
    return result


def mean(each: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of the figures that all have, in the first one's order."""
    names = [name for name in each[0] if all(name in other for other in each)] if each else []
    return {name: float(np.mean([other[name] for other in each])) for name in names}


def _served(right: str, found: Found) -> bool:
    if found.decision == "answer":
        return found.ids[:1] == (right,)
    return found.decision == "clarify" and right in found.ids[:LIMIT]


def _best(ids: Sequence[str], scores: Scores | Rows) -> Found:
    order = np.argsort(-scores, kind="stable")[:LIMIT]
    return Found(tuple(ids[int(at)] for at in order), float(scores[order[0]]))


def _url(path: Path) -> str:
    return f"sqlite+aiosqlite:///{path}"
