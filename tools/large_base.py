"""A made-up knowledge base of any size, to measure on.

Words are put together from the shipped articles, vectors from those of the shipped questions and
noise: of the same kind as real ones, at none of the cost of encoding a hundred thousand texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sqlalchemy import insert

from knowledge_base import shipped
from knowledge_base.content import Content
from knowledge_base.entries import prepare, spell
from knowledge_base.regression import Floats
from knowledge_base.tables import Article, ArticleVersion, SimilarQuestion, Vector
from knowledge_base.vectors import encoder_id, text_hash
from pitstop.language.encode import Encoder
from pitstop.storage.database import Database

WHO = "bench"
BATCH = 500
APART = 0.5
"""How far an article is from the shipped question that it is made from, and its ways of asking
from each other, in lengths of a vector."""


def make(articles: int, questions: int, seed: int = 1) -> Iterator[tuple[Content, int]]:
    """Yield made-up articles, and the shipped question (its number) that each is made from."""
    random = np.random.default_rng(seed)
    ways = [text for each in shipped.read_articles() for text in each.questions()]
    sentences = [
        part for each in shipped.read_articles() for part in each.answer.split("。") if part.strip()
    ]
    for number in range(articles):
        topic = int(random.integers(len(ways)))
        asked = [
            f"{ways[topic]}{ways[int(random.integers(len(ways)))][:6]}{number}-{way}"
            for way in range(questions)
        ]
        answer = "。".join(sentences[int(at)] for at in random.integers(len(sentences), size=6))
        yield (
            Content(
                id=f"made-{number:06d}",
                category="bench",
                question=asked[0],
                answer=f"{number}：{answer}",
                similar=tuple(asked[1:]),
            ),
            topic,
        )


async def fill(
    database: Database,
    encoder: Encoder,
    articles: int,
    questions: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write live articles and their vectors under `encoder`; nothing is released."""
    ways = [text for each in shipped.read_articles() for text in each.questions()]
    seeds = encoder.encode([prepare(text) for text in ways])
    random = np.random.default_rng(2)
    waiting: list[tuple[Content, Floats]] = []
    done = 0
    for content, topic in make(articles, questions):
        waiting.append((content, _around(random, seeds[topic], APART, 1)[0]))
        if len(waiting) == BATCH or done + len(waiting) == articles:
            await _write(database, encoder, waiting, random)
            done += len(waiting)
            waiting = []
            if progress is not None:
                progress(done, articles)


async def _write(
    database: Database,
    encoder: Encoder,
    part: list[tuple[Content, Floats]],
    random: np.random.Generator,
) -> None:
    rows: list[dict[str, Any]] = []
    versions: list[dict[str, Any]] = []
    similar: list[dict[str, Any]] = []
    vectors: dict[str, bytes] = {}
    for content, middle in part:
        rows.append(
            {
                "id": content.id,
                "category": content.category,
                "question": content.question,
                "answer": content.answer,
                "status": "published",
                "version": 1,
                "live_version": 1,
                "updated_by": WHO,
            }
        )
        snapshot = content.snapshot()
        versions.append(
            {"article_id": content.id, "version": 1, "snapshot": snapshot, "updated_by": WHO}
        )
        similar += [
            {"article_id": content.id, "position": at, "text": text}
            for at, text in enumerate(content.similar)
        ]
        spelled = spell(content, 1)
        texts = [*spelled.questions, spelled.answer]
        around = _around(random, middle, APART, len(texts)).astype(np.float16)
        vectors.update(
            (text_hash(text), row.tobytes()) for text, row in zip(texts, around, strict=True)
        )
    name = encoder_id(encoder)
    async with database.write() as session:
        await session.execute(insert(Article), rows)
        await session.execute(insert(ArticleVersion), versions)
        if similar:
            await session.execute(insert(SimilarQuestion), similar)
        await session.execute(
            insert(Vector),
            [{"text_hash": key, "encoder": name, "data": data} for key, data in vectors.items()],
        )


def _around(random: np.random.Generator, middle: Floats, far: float, count: int) -> Floats:
    """Return unit rows about `far` from `middle`."""
    noise = random.standard_normal((count, len(middle))).astype(np.float32)
    rows = middle + noise * np.float32(far / np.sqrt(len(middle)))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
