"""Publishing: from the live articles to what every process finds.

`publish_changes` writes a delta: what changed since the release, judged by the release's model, is
found within a second however large the base is. `rebuild` makes a release of everything: fitted
anew, it takes the place of the last one and its delta. `publish` does one after the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base import articles, grinding, releases, shipped, vectors
from knowledge_base.content import Content
from knowledge_base.entries import (
    ANSWER_CHARS,
    Spelled,
    enter,
    pack,
    prepare,
    questions,
    spell,
    to_encode,
)
from knowledge_base.fit import VERSION, fit
from knowledge_base.lens import Lens, Raw
from knowledge_base.lexicon import Counted, Lexicon
from knowledge_base.releases import Changes, State, pack_versions
from knowledge_base.tables import Delta, Release
from pitstop.base.ids import new_token
from pitstop.language.encode import Encoder, default_encoder
from pitstop.storage import lease
from pitstop.storage.database import Database
from pitstop.storage.events import emit

KEPT = 5
"""Releases kept, to go back to and to compare."""
SHARE = 4
"""A delta changes at most one in so many of a release's articles: its model was not fitted on
them."""
MOST = 500
"""Articles that a delta changes at most: each search compares with all of their questions."""
MOST_QUESTIONS = 5000
FEW = 10
"""Articles that a delta may change however small the release is."""
TURN = 20.0
"""Seconds after which a process that died in its turn makes room for the next."""
_LEASE = "knowledge_release"

Stage = Literal["waiting", "lens", "encoding", "fitting"]
Progress = Callable[[Stage, int, int], None]


class NothingPublished(ValueError):
    """No article is live, so there is nothing to release."""


@dataclass(frozen=True)
class Published:
    """What is searchable: a release, and the number of the delta on top (0: none).

    `articles` and `questions` count the delta's, or, without one, the release's. `fresh` is False
    if it was there already. `figures` are the release's.
    """

    version: int
    delta: int
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
    """Make the live articles searchable, what changed at once, then all of it as a new release.

    Nothing is done if nothing changed. Raises `NothingPublished`.
    """
    encoder = encoder or default_encoder()
    await publish_changes(database, encoder, progress, who=who)
    return await rebuild(database, encoder, progress, who=who, force=force)


async def publish_changes(
    database: Database,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
    *,
    who: str = "system",
) -> Published | None:
    """Make what changed since the release searchable as a delta.

    None if that takes a release: there is none yet, it was made with another encoder, or too much
    changed.
    """
    encoder = encoder or default_encoder()
    while True:
        plan = await _plan(database, encoder)
        if plan is None:
            return None
        texts = to_encode(plan.changes.articles)
        await vectors.encode_missing(database, encoder, texts, _stage(progress, "encoding"))
        async with database.write() as session:
            await releases.alone(session)
            now = await releases.state(session)
            if now is None or (now.version, now.delta) != (plan.state.version, plan.state.delta):
                # Another release or delta came first, and may know of more.
                continue
            if plan.fresh:
                await _write_delta(session, now, plan.changes, who)
                now = await releases.state(session)
                assert now is not None
            return await _searchable(session, now, fresh=plan.fresh)


async def rebuild(
    database: Database,
    encoder: Encoder | None = None,
    progress: Progress | None = None,
    *,
    who: str = "system",
    force: bool = False,
) -> Published:
    """Make a release of everything that is live; nothing is done if nothing changed.

    Encoding and fitting run outside any transaction; the release is one. One process rebuilds at a
    time, the others wait for it. Raises `NothingPublished`.
    """
    encoder = encoder or default_encoder()
    async with turn(database, progress):
        async with database.read() as session:
            last = await releases.state(session)
            live = await articles.live_versions(session)
            if not live:
                raise NothingPublished("no article is live")
            if last is not None and not force and _same(last, live, encoder):
                return await _searchable(session, last, fresh=False)
            contents = await articles.published(session)
        made = await _make(database, encoder, contents, progress)
        async with database.write() as session:
            await releases.alone(session)
            await _write_release(session, made, encoder, who)
            now = await releases.state(session)
            assert now is not None
            found = await _searchable(session, now, fresh=True)
    return found


async def pending(database: Database, encoder: Encoder | None = None) -> bool:
    """Tell whether the last release should be followed by another, and nobody is at it: it has a
    delta, cannot be read with this encoder, or something went live that cannot be found."""
    encoder = encoder or default_encoder()
    async with database.read() as session:
        if await lease.held(session, _LEASE):
            return False
        last = await releases.state(session)
        live = await articles.live_versions(session)
    return bool(live) and last is not None and not _same(last, live, encoder)


@asynccontextmanager
async def turn(database: Database, progress: Progress | None = None) -> AsyncIterator[None]:
    """Wait until no other process makes a release or imports for one, and keep them waiting."""
    holder = new_token(6)
    while not await lease.hold(database, _LEASE, holder, TURN):
        if progress is not None:
            progress("waiting", 0, 1)
        await asyncio.sleep(TURN / 40)
    over = asyncio.Event()
    keeping = asyncio.create_task(_keep(database, holder, over))
    try:
        yield
    finally:
        # Not cancelled: in the middle of a transaction, that may leave its lock behind.
        over.set()
        await asyncio.gather(keeping, return_exceptions=True)
        with suppress(SQLAlchemyError, OSError):
            # It runs out by itself if it cannot be given back.
            await lease.release(database, _LEASE, holder)


def content_hash(live: Mapping[str, int], encoder: Encoder) -> str:
    """Return what changes when, and only when, a release of the articles live in these versions
    would come out otherwise."""
    digest = hashlib.sha256(f"{VERSION} {ANSWER_CHARS} {encoder.fingerprint()}\n".encode())
    digest.update(grinding.fingerprint(encoder, shipped.background()).encode())
    digest.update(json.dumps(sorted(live.items())).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Plan:
    state: State
    changes: Changes
    fresh: bool


async def _plan(database: Database, encoder: Encoder) -> _Plan | None:
    """Return what a delta would change, None if it takes a release."""
    async with database.read() as session:
        now = await releases.state(session)
        if now is None or not now.serves(encoder):
            return None
        released = await releases.versions(session, now.version)
        live = await articles.live_versions(session)
        present = await releases.changes(session, now)
        changed = {each for each, version in live.items() if released.get(each) != version}
        if len(changed) > min(MOST, max(len(released) // SHARE, FEW)):
            return None
        known = {
            each.id: each
            for each in present.articles
            if each.id in changed and each.version == live[each.id]
        }
        contents = await articles.published(session, changed - known.keys())
    spelled = await asyncio.to_thread(_spell, contents)
    found = sorted([*known.values(), *spelled], key=lambda each: each.id)
    if len(questions(found)) > MOST_QUESTIONS:
        return None
    gone = frozenset(released.keys() - live.keys())
    hidden = present.gone | now.withdrawn
    same = (
        not spelled
        and len(known) == len(present.articles)
        and gone == hidden & released.keys()
        and not now.withdrawn & live.keys()
    )
    return _Plan(now, Changes(tuple(found), gone), fresh=not same)


async def _write_delta(session: AsyncSession, now: State, changes: Changes, who: str) -> None:
    live = await articles.live_versions(session)
    released = await releases.versions(session, now.version)
    # Retired while it was encoded: left out.
    kept = [each for each in changes.articles if each.id in live]
    session.add(
        Delta(
            base=now.version,
            number=now.delta + 1,
            created_by=who,
            article_count=len(kept),
            question_count=len(questions(kept)),
            gone=sorted(released.keys() - live.keys()),
            content=pack(kept),
        )
    )
    await session.execute(
        delete(Delta)
        .where(Delta.base == now.version, Delta.number <= now.delta)
        .execution_options(synchronize_session=False)
    )
    await session.flush()
    subject = f"{now.version}+{now.delta + 1}"
    emit(session, "knowledge.changes_published", subject, articles=len(kept))


@dataclass(frozen=True)
class _Made:
    versions: dict[str, int]
    questions: int
    thresholds: dict[str, Any]
    content: bytes
    model: bytes
    lexicon: bytes


async def _make(
    database: Database,
    encoder: Encoder,
    contents: Sequence[tuple[int, Content]],
    progress: Progress | None,
) -> _Made:
    spelled = await asyncio.to_thread(_spell, contents)
    background = [prepare(text) for text in shipped.background()]
    texts = to_encode(spelled)
    lens = await asyncio.to_thread(grinding.ready, encoder, background, _stage(progress, "lens"))
    stage = _stage(progress, "encoding")
    await vectors.encode_missing(database, encoder, [*texts, *background], stage)
    name = vectors.encoder_id(encoder)
    async with database.read() as session:
        rows = await vectors.load(session, name, texts)
        unrelated = await vectors.load(session, name, background)
    stage = _stage(progress, "fitting")
    return await asyncio.to_thread(_fit, spelled, rows, background, unrelated, lens, stage)


def _fit(
    spelled: list[Spelled],
    rows: Raw,
    background: Sequence[str],
    unrelated: Raw,
    lens: Lens,
    report: Callable[[int, int], None] | None,
) -> _Made:
    entries = enter(spelled, rows)
    # An article may well say what the background says too; then it is no stranger.
    asked = set(entries.texts)
    kept = [i for i, text in enumerate(background) if text not in asked]
    counted = Counted.of(entries.documents)
    model, figures = fit(
        entries,
        unrelated[np.array(kept, dtype=np.int64)],
        [background[i] for i in kept],
        report,
        lens=lens,
        lexicon=Lexicon(counted),
    )
    # Packed here, off the event loop and before anything is locked.
    return _Made(
        versions={each.id: each.version for each in spelled},
        questions=len(entries.texts),
        thresholds={
            "answer": model.answer_from,
            "clarify": model.clarify_from,
            "figures": figures.as_json(),
        },
        content=pack(spelled),
        model=model.to_bytes(),
        lexicon=counted.to_bytes(),
    )


async def _write_release(session: AsyncSession, made: _Made, encoder: Encoder, who: str) -> None:
    last = await releases.state(session)
    versions = made.versions
    live = await articles.live_versions(session)
    number = 1 if last is None else last.version + 1
    # Retired while this was being fitted: hidden from the start.
    gone = sorted(versions.keys() - live.keys())
    session.add(
        Release(
            version=number,
            created_by=who,
            encoder=vectors.encoder_id(encoder),
            content_hash=content_hash(versions, encoder),
            article_count=len(versions),
            question_count=made.questions,
            thresholds=made.thresholds,
            withdrawn=gone,
            versions=pack_versions(versions),
            content=made.content,
            model=made.model,
            lexicon=made.lexicon,
        )
    )
    if last is not None and last.serves(encoder):
        # Published as a delta while this was being fitted: it stays searchable.
        present = await releases.changes(session, last)
        newer = [
            each
            for each in present.articles
            if live.get(each.id) == each.version and versions.get(each.id) != each.version
        ]
        if newer:
            session.add(
                Delta(
                    base=number,
                    number=1,
                    created_by=who,
                    article_count=len(newer),
                    question_count=len(questions(newer)),
                    gone=gone,
                    content=pack(newer),
                )
            )
    await session.execute(
        delete(Delta).where(Delta.base < number).execution_options(synchronize_session=False)
    )
    await session.execute(
        delete(Release)
        .where(Release.version <= number - KEPT)
        .execution_options(synchronize_session=False)
    )
    await session.flush()
    emit(session, "knowledge.published", str(number), articles=len(versions))


async def _searchable(session: AsyncSession, now: State, *, fresh: bool) -> Published:
    release = await releases.latest(session)
    assert release is not None
    on_top = await releases.latest_delta(session, now)
    return Published(
        version=release.version,
        delta=now.delta,
        articles=release.article_count if on_top is None else on_top.article_count,
        questions=release.question_count if on_top is None else on_top.question_count,
        figures=dict(release.thresholds["figures"]),
        fresh=fresh,
    )


def _same(last: State, live: Mapping[str, int], encoder: Encoder) -> bool:
    """Tell whether the release says all there is to say."""
    unchanged = last.content_hash == content_hash(live, encoder)
    return last.serves(encoder) and not last.delta and not last.withdrawn and unchanged


def _spell(contents: Sequence[tuple[int, Content]]) -> list[Spelled]:
    return [spell(content, version) for version, content in contents]


async def _keep(database: Database, holder: str, over: asyncio.Event) -> None:
    while not over.is_set():
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(over.wait(), TURN / 4)
            return
        with suppress(SQLAlchemyError, OSError):
            await lease.hold(database, _LEASE, holder, TURN)


def _stage(progress: Progress | None, stage: Stage) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(stage, done, total)
