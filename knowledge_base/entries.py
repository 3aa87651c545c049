"""What can be found: articles in the spelling that is searched, and their vectors."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np

from knowledge_base.content import Content
from knowledge_base.lens import Raw
from knowledge_base.regression import Ints
from pitstop.language.normalize import normalize

ANSWER_CHARS = 128
"""How much of an answer gets a vector: the rest costs five times as much and tells little."""


def prepare(text: str) -> str:
    """Return the spelling of a text that is encoded and compared."""
    return normalize(text).text


@dataclass(frozen=True)
class Spelled:
    """A live article as it is searched.

    `version` is the article's version. `title` is what people read; `questions` are prepared, each
    once; `answer` is the part that gets a vector; `document` is the lexicon's: the standard
    question's line, then the rest.
    """

    id: str
    version: int
    title: str
    questions: tuple[str, ...]
    answer: str
    document: str


def spell(content: Content, version: int) -> Spelled:
    """Return `content`, live as `version`, in the spelling that is searched."""
    words = prepare(" ".join([content.answer, *content.tags]))
    return Spelled(
        id=content.id,
        version=version,
        title=content.question,
        questions=tuple(dict.fromkeys(prepare(text) for text in content.questions())),
        answer=prepare(content.answer)[:ANSWER_CHARS],
        document=prepare(content.question).replace("\n", " ") + "\n" + words,
    )


def pack(articles: Iterable[Spelled]) -> bytes:
    """Return articles as compressed JSON."""
    rows = [astuple(each) for each in articles]
    # Quick rather than small: an editor waits for it.
    return zlib.compress(json.dumps(rows, ensure_ascii=False).encode(), 1)


def unpack(data: bytes) -> list[Spelled]:
    """Return the articles behind `pack`; raises ValueError if there are none."""
    try:
        rows = json.loads(zlib.decompress(data))
        return [
            Spelled(id, version, title, tuple(questions), answer, document)
            for id, version, title, questions, answer, document in rows
        ]
    except (zlib.error, TypeError) as error:
        raise ValueError(f"no packed articles: {error}") from error


def questions(articles: Iterable[Spelled]) -> list[str]:
    """Return every question, grouped by article."""
    return [text for each in articles for text in each.questions]


@dataclass(frozen=True)
class Entries:
    """Articles in order, and their questions grouped by article.

    `starts[i]` is the first row of article i in `texts` and `vectors`; `answers` has one row an
    article. Both hold raw rows, as stored.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    starts: Ints
    texts: tuple[str, ...]
    vectors: Raw
    answers: Raw
    documents: tuple[str, ...]

    def owners(self) -> Ints:
        """Return the article of each row."""
        sizes = np.diff(np.append(self.starts, len(self.texts)))
        return np.repeat(np.arange(len(self.ids)), sizes)


def enter(articles: Sequence[Spelled], rows: Raw) -> Entries:
    """Return articles with their raw rows: first every question's, then every answer's."""
    sizes = [len(each.questions) for each in articles]
    total = sum(sizes)
    return Entries(
        ids=tuple(each.id for each in articles),
        titles=tuple(each.title for each in articles),
        starts=np.cumsum([0, *sizes[:-1]]),
        texts=tuple(questions(articles)),
        vectors=rows[:total],
        answers=rows[total:],
        documents=tuple(each.document for each in articles),
    )


def to_encode(articles: Sequence[Spelled]) -> list[str]:
    """Return the texts whose rows `enter` takes, in its order."""
    return [*questions(articles), *(each.answer for each in articles)]
