"""Knowledge bases to be searched: articles, questions asked of them, and sentences that are none
of their business."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from knowledge_base import shipped
from knowledge_base.content import Content, read_content
from pitstop.base.settings import ROOT

FOREIGN = ROOT / "tests" / "knowledge_base" / "foreign"
LEFT_OUT = "left out"
"""The kind of the queries of `own`."""


@dataclass(frozen=True)
class Query:
    """A question, the id of the article that answers it, and how it is worded."""

    text: str
    article: str
    kind: str


@dataclass(frozen=True)
class Base:
    """A knowledge base with what is asked of it."""

    name: str
    articles: tuple[Content, ...]
    queries: tuple[Query, ...]
    intruders: tuple[str, ...]


def foreign(folder: Path = FOREIGN) -> list[Base]:
    """Read the bases that the search engine was not made for.

    Raises ValueError if a query names an article that is not there.
    """
    found = []
    for path in sorted(folder.glob("*.yml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        articles = tuple(
            read_content({**row, "similar_questions": row["similar"]}) for row in data["articles"]
        )
        queries = tuple(
            Query(str(row["text"]), str(row["article"]), str(row["kind"]))
            for row in data["queries"]
        )
        unknown = {each.article for each in queries} - {each.id for each in articles}
        if unknown:
            raise ValueError(f"{path.name}: no article {sorted(unknown)}")
        found.append(Base(path.stem, articles, queries, tuple(map(str, data["intruders"]))))
    return found


def own() -> Base:
    """Return the shipped articles, each without one of its similar questions, which is asked.

    Which one depends on the article's id alone.
    """
    articles, queries = [], []
    for each in shipped.read_articles():
        if each.similar:
            at = zlib.crc32(each.id.encode()) % len(each.similar)
            queries.append(Query(each.similar[at], each.id, LEFT_OUT))
            each = replace(each, similar=(*each.similar[:at], *each.similar[at + 1 :]))
        articles.append(each)
    return Base("own articles", tuple(articles), tuple(queries), ())
