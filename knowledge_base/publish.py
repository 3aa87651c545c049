"""Publishing: from the live articles to a release that every process can load."""

from __future__ import annotations

import asyncio
import hashlib
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base import articles, shipped, vectors
from knowledge_base.content import Content, from_snapshot
from knowledge_base.fit import VERSION, fit
from knowledge_base.index import Entries, Index, Model, prepare
from knowledge_base.tables import Release
from pitstop.language.encode import Encoder, default_encoder
from pitstop.storage.database import Database
from pitstop.storage.events import emit

ANSWER_CHARS = 128
"""How much of an answer gets a vector: the rest costs five times as much and tells little."""
KEPT = 5
"""Releases kept, to go back to and to compare."""

Stage = Literal["encoding", "fitting"]
Progress = Callable[[Stage, int, int], None]


class NothingPublished(ValueError):
    """No article is live, so there is nothing to release."""


class NoRelease(LookupError):
    """The knowledge base was never published."""


@dataclass(frozen=True)
class Published:
    """A release that was written, or found to say the same already (`fresh` is False)."""

    version: int
    articles: int
    questions: int
    figures: dict[str, Any]
    fresh: bool


async def publish(
    database: Database,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
    *,
    who: str = "system",
    force: bool = False,
) -> Published:
    """Make the live articles searchable as a new release; nothing is done if nothing changed.

    Encoding and fitting run outside any transaction; the release is one. Raises
    `NothingPublished`.
    """
    encoder = encoder or default_encoder()
    async with database.read() as session:
        contents = await articles.published(session)
        last = await latest(session)
    if not contents:
        raise NothingPublished("no article is live")
    digest = content_hash(contents, encoder)
    if last is not None and last.content_hash == digest and not last.withdrawn and not force:
        return _published(last, fresh=False)
    background = [prepare(text) for text in shipped.background()]
    entries_texts = _texts(contents)
    await vectors.encode_missing(
        database, encoder, [*entries_texts.all(), *background], _stage(progress, "encoding")
    )
    name = vectors.encoder_id(encoder)
    async with database.read() as session:
        entries = await _entries(session, name, contents, entries_texts)
        unrelated = await vectors.load(session, name, background)
    # An article may well say what the background says too; then it is no stranger.
    asked = set(entries.texts)
    kept = [i for i, text in enumerate(background) if text not in asked]
    model, figures = await asyncio.to_thread(
        fit,
        entries,
        unrelated[kept],
        [background[i] for i in kept],
        _stage(progress, "fitting"),
    )
    async with database.write() as session:
        last = await latest(session)
        live = await articles.live_many(session, entries.ids)
        release = Release(
            version=1 if last is None else last.version + 1,
            created_by=who,
            encoder=name,
            content_hash=digest,
            article_count=len(entries.ids),
            question_count=len(entries.texts),
            thresholds={
                "answer": model.answer_from,
                "clarify": model.clarify_from,
                "figures": figures.as_json(),
            },
            # Retired while this was being fitted: hidden from the start.
            withdrawn=[each for each in entries.ids if each not in live],
            content=_pack(contents),
            model=model.to_bytes(),
        )
        session.add(release)
        await session.execute(
            delete(Release)
            .where(Release.version <= release.version - KEPT)
            .execution_options(synchronize_session=False)
        )
        emit(session, "knowledge.published", str(release.version), articles=len(entries.ids))
    return _published(release, fresh=True)


async def latest(session: AsyncSession) -> Release | None:
    """Return the newest release."""
    found: Release | None = (
        await session.execute(select(Release).order_by(Release.version.desc()).limit(1))
    ).scalar_one_or_none()
    return found


async def load_index(database: Database, encoder: Encoder | None = None) -> Index:
    """Return the newest release as an index; raises `NoRelease`, or LookupError if it was made
    with another encoder (publish again)."""
    encoder = encoder or default_encoder()
    async with database.read() as session:
        release = await latest(session)
        if release is None:
            raise NoRelease("the knowledge base was never published")
        name = vectors.encoder_id(encoder)
        if release.encoder != name:
            raise LookupError(f"release {release.version} was made with another encoder")
        contents = _unpack(release.content)
        entries = await _entries(session, name, contents, _texts(contents))
    # Building the lexicon takes a while on a large knowledge base.
    index = await asyncio.to_thread(
        Index,
        entries,
        Model.from_bytes(release.model),
        version=release.version,
        encoder=encoder.fingerprint(),
    )
    return index.without(release.withdrawn)


def content_hash(contents: Sequence[Content], encoder: Encoder) -> str:
    """Return what changes when, and only when, a release of `contents` would come out otherwise."""
    digest = hashlib.sha256(f"{VERSION} {ANSWER_CHARS} {encoder.fingerprint()}\n".encode())
    digest.update("\n".join(shipped.background()).encode())
    for content in contents:
        digest.update(json.dumps(content.snapshot(), sort_keys=True).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Texts:
    questions: tuple[tuple[str, ...], ...]
    answers: tuple[str, ...]

    def rows(self) -> list[str]:
        return [text for group in self.questions for text in group]

    def all(self) -> list[str]:
        return [*self.rows(), *self.answers]


def _texts(contents: Sequence[Content]) -> _Texts:
    return _Texts(
        questions=tuple(
            tuple(dict.fromkeys(prepare(text) for text in each.questions())) for each in contents
        ),
        answers=tuple(prepare(each.answer)[:ANSWER_CHARS] for each in contents),
    )


async def _entries(
    session: AsyncSession, encoder: str, contents: Sequence[Content], texts: _Texts
) -> Entries:
    sizes = [len(group) for group in texts.questions]
    return Entries(
        ids=tuple(each.id for each in contents),
        titles=tuple(each.question for each in contents),
        starts=np.cumsum([0, *sizes[:-1]]),
        texts=tuple(texts.rows()),
        vectors=await vectors.load(session, encoder, texts.rows()),
        answers=await vectors.load(session, encoder, texts.answers),
        documents=tuple(
            prepare(each.question).replace("\n", " ")
            + "\n"
            + prepare(" ".join([each.answer, *each.tags]))
            for each in contents
        ),
    )


def _pack(contents: Sequence[Content]) -> bytes:
    return zlib.compress(json.dumps([each.snapshot() for each in contents]).encode())


def _unpack(data: bytes) -> list[Content]:
    return [from_snapshot(each) for each in json.loads(zlib.decompress(data))]


def _stage(progress: Progress | None, stage: Stage) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(stage, done, total)


def _published(release: Release, *, fresh: bool) -> Published:
    return Published(
        version=release.version,
        articles=release.article_count,
        questions=release.question_count,
        figures=dict(release.thresholds["figures"]),
        fresh=fresh,
    )
