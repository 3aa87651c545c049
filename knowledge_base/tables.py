"""The tables of what we know."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import deferred

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.storage.tables import Mapped, Table, column
from pitstop.storage.types import Json, UtcTime

ID_LENGTH = 80


def _large(*, nullable: bool) -> Any:
    """Return a column that is read only when it is asked for by name."""
    return deferred(column(LargeBinary, nullable=nullable))


class Article(Table):
    """An article as its editors see it.

    `version` counts its edits. `live_version` is the one that owners get: None for a draft and
    for a retired article, lower than `version` while an edit waits to be published.
    """

    __tablename__ = "kb_article"
    id: Mapped[str] = column(String(ID_LENGTH), primary_key=True)
    category: Mapped[str] = column(String(80), nullable=False, default="")
    question: Mapped[str] = column(Text, nullable=False)
    answer: Mapped[str] = column(Text, nullable=False)
    tags: Mapped[list[str]] = column(Json, nullable=False, default=list)
    next: Mapped[str] = column(String(40), nullable=False, default="none")
    status: Mapped[str] = column(String(12), nullable=False, default="draft", index=True)
    version: Mapped[int] = column(Integer, nullable=False, default=1)
    live_version: Mapped[int | None] = column(Integer)
    publish_at: Mapped[datetime | None] = column(UtcTime, index=True)
    updated_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    updated_by: Mapped[str] = column(String(60), nullable=False)


class SimilarQuestion(Table):
    """Another way to ask an article's question, in the editor's order."""

    __tablename__ = "kb_similar_question"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    article_id: Mapped[str] = column(
        String(ID_LENGTH), ForeignKey("kb_article.id", ondelete="CASCADE"), nullable=False
    )
    position: Mapped[int] = column(Integer, nullable=False)
    text: Mapped[str] = column(Text, nullable=False)
    __table_args__ = (Index("ix_kb_similar_question_article", "article_id", "position"),)


class ArticleVersion(Table):
    """What an article said at one of its versions, who wrote it and when."""

    __tablename__ = "kb_article_version"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    article_id: Mapped[str] = column(
        String(ID_LENGTH), ForeignKey("kb_article.id", ondelete="CASCADE"), nullable=False
    )
    version: Mapped[int] = column(Integer, nullable=False)
    snapshot: Mapped[dict[str, Any]] = column(Json, nullable=False)
    updated_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    updated_by: Mapped[str] = column(String(60), nullable=False)
    __table_args__ = (UniqueConstraint("article_id", "version"),)


class Vector(Table):
    """A text's vector under one encoder, as float16 bytes; the text itself is not kept."""

    __tablename__ = "kb_vector"
    text_hash: Mapped[str] = column(String(64), primary_key=True)
    encoder: Mapped[str] = column(String(64), primary_key=True)
    data: Mapped[bytes] = column(LargeBinary, nullable=False)


class Release(Table):
    """A published state of the whole knowledge base: what can be found, and how surely.

    `versions` says which version of each article it holds (compressed JSON), `content` what is
    searched (`entries.pack`), `model` holds the fitted weights (npz) and `lexicon` the counted
    terms (npz). `withdrawn` names articles retired since, while there is no delta: they are hidden
    at once. The large columns are read only when they are asked for by name.
    """

    __tablename__ = "kb_release"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    version: Mapped[int] = column(Integer, nullable=False, unique=True)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    created_by: Mapped[str] = column(String(60), nullable=False)
    encoder: Mapped[str] = column(String(64), nullable=False)
    content_hash: Mapped[str] = column(String(64), nullable=False)
    article_count: Mapped[int] = column(Integer, nullable=False)
    question_count: Mapped[int] = column(Integer, nullable=False)
    thresholds: Mapped[dict[str, Any]] = column(Json, nullable=False)
    withdrawn: Mapped[list[str]] = column(Json, nullable=False, default=list)
    # None in a release from before there were deltas, which is made anew.
    versions: Mapped[bytes | None] = _large(nullable=True)
    content: Mapped[bytes] = _large(nullable=False)
    model: Mapped[bytes] = _large(nullable=False)
    lexicon: Mapped[bytes | None] = _large(nullable=True)


class Delta(Table):
    """What was published since a release: the last one of a release holds all of it.

    `base` is the release's version. `content` has the articles changed or added since
    (`entries.pack`), `gone` names the release's articles that are live no more, `withdrawn` those
    retired since this was written.
    """

    __tablename__ = "kb_delta"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    base: Mapped[int] = column(Integer, nullable=False)
    number: Mapped[int] = column(Integer, nullable=False)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    created_by: Mapped[str] = column(String(60), nullable=False)
    article_count: Mapped[int] = column(Integer, nullable=False)
    question_count: Mapped[int] = column(Integer, nullable=False)
    gone: Mapped[list[str]] = column(Json, nullable=False, default=list)
    withdrawn: Mapped[list[str]] = column(Json, nullable=False, default=list)
    content: Mapped[bytes] = _large(nullable=False)
    __table_args__ = (UniqueConstraint("base", "number"),)


class Unanswered(Table):
    """A question that got no straight answer, masked; the same wording counts up."""

    __tablename__ = "kb_unanswered"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    text_hash: Mapped[str] = column(String(64), nullable=False, unique=True)
    text: Mapped[str] = column(Text, nullable=False)
    decision: Mapped[str] = column(String(10), nullable=False)
    best_score: Mapped[float | None] = column(Float)
    count: Mapped[int] = column(Integer, nullable=False, default=1)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    last_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
