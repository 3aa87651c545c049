"""Releases and the deltas on top of them, as rows: what is searchable now.

A release is whole. What is published after it is searchable through its delta until the next
release: each delta holds all that was published since, so that the last one is enough.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import and_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base import vectors
from knowledge_base.entries import Spelled, enter, to_encode, unpack
from knowledge_base.index import Index
from knowledge_base.lexicon import Counted, Lexicon
from knowledge_base.model import Model
from knowledge_base.tables import Delta, Release
from pitstop.language.encode import Encoder, default_encoder
from pitstop.storage.database import Database

# Any number that no other program uses for a lock in the same PostgreSQL database.
_LOCK = 7_746_787


class NoRelease(LookupError):
    """The knowledge base was never published."""


class Outdated(LookupError):
    """The release was made with another encoder, or before there were deltas: publish again."""


@dataclass(frozen=True)
class State:
    """What is searchable: release `version` with its delta number `delta` (0: none).

    `withdrawn` names what was retired since the newer of the two was written; `usable` is False
    for a release that this version of the product does not read.
    """

    version: int
    delta: int
    encoder: str
    content_hash: str
    withdrawn: frozenset[str]
    usable: bool

    def serves(self, encoder: Encoder) -> bool:
        """Tell whether a process with this encoder can search it."""
        return self.usable and self.encoder == vectors.encoder_id(encoder)


@dataclass(frozen=True)
class Changes:
    """What a delta changes: articles as they are now, and those that are live no more."""

    articles: tuple[Spelled, ...] = ()
    gone: frozenset[str] = frozenset()

    def after(self, earlier: Changes) -> Changes:
        """Return both: where the two speak of one article, these hold."""
        here = {each.id for each in self.articles}
        kept = earlier.without(self.gone | here)
        return Changes((*kept.articles, *self.articles), (kept.gone - here) | self.gone)

    def without(self, ids: Collection[str]) -> Changes:
        """Return the same with these articles gone."""
        kept = tuple(each for each in self.articles if each.id not in ids)
        return Changes(kept, self.gone | frozenset(ids))


async def state(session: AsyncSession) -> State | None:
    """Return what is searchable, None before the first release; cheap."""
    newest = (
        select(
            Release.version,
            Release.encoder,
            Release.content_hash,
            Release.withdrawn,
            Release.versions.isnot(None),
            Delta.number,
            Delta.withdrawn,
        )
        .outerjoin(Delta, Delta.base == Release.version)
        .order_by(Release.version.desc(), Delta.number.desc())
        .limit(1)
    )
    row = (await session.execute(newest)).one_or_none()
    if row is None:
        return None
    version, encoder, content_hash, hidden, usable, number, hidden_since = row
    return State(
        version=version,
        delta=number or 0,
        encoder=encoder,
        content_hash=content_hash,
        withdrawn=frozenset(hidden if number is None else hidden_since),
        usable=bool(usable),
    )


async def alone(session: AsyncSession) -> None:
    """Wait until no other transaction changes releases or deltas; holds until this one ends."""
    # On SQLite the transaction has begun IMMEDIATE, which is the same.
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


async def withdraw(session: AsyncSession, article_id: str) -> None:
    """Hide an article from searches at once, whatever is searchable now."""
    await alone(session)
    now = await state(session)
    if now is None or article_id in now.withdrawn:
        return
    names = sorted({*now.withdrawn, article_id})
    if now.delta:
        change = update(Delta).where(Delta.base == now.version, Delta.number == now.delta)
    else:
        change = update(Release).where(Release.version == now.version)
    await session.execute(
        change.values(withdrawn=names).execution_options(synchronize_session=False)
    )


async def latest(session: AsyncSession) -> Release | None:
    """Return the newest release, without its large columns."""
    found: Release | None = (
        await session.execute(select(Release).order_by(Release.version.desc()).limit(1))
    ).scalar_one_or_none()
    return found


async def latest_delta(session: AsyncSession, now: State) -> Delta | None:
    """Return the delta that is searchable, without its large column."""
    chosen = select(Delta).where(Delta.base == now.version, Delta.number == now.delta)
    found: Delta | None = (await session.execute(chosen)).scalar_one_or_none()
    return found


async def versions(session: AsyncSession, version: int) -> dict[str, int]:
    """Return which version of each article a release holds."""
    chosen = select(Release.versions).where(Release.version == version)
    return unpack_versions((await session.execute(chosen)).scalar_one())


async def changes(session: AsyncSession, now: State) -> Changes:
    """Return what the delta changes that is searchable."""
    if not now.delta:
        return Changes()
    row = (
        await session.execute(
            select(Delta.content, Delta.gone).where(
                and_(Delta.base == now.version, Delta.number == now.delta)
            )
        )
    ).one_or_none()
    # A release that took its place meanwhile has removed it: whoever follows sees that next.
    return Changes() if row is None else Changes(tuple(unpack(row[0])), frozenset(row[1]))


def pack_versions(found: Mapping[str, int]) -> bytes:
    """Return versions by article as compressed JSON."""
    return zlib.compress(json.dumps(found, ensure_ascii=False).encode(), 1)


def unpack_versions(data: bytes) -> dict[str, int]:
    """Return the versions behind `pack_versions`."""
    found: dict[str, int] = json.loads(zlib.decompress(data))
    return found


@dataclass(frozen=True)
class Loaded:
    """An index, the state that it shows, and what that has on top of the release."""

    index: Index
    state: State
    on_top: Changes


async def load_index(database: Database, encoder: Encoder | None = None) -> Index:
    """Return what is searchable as an index; raises what `load` raises."""
    return (await load(database, encoder)).index


async def load(database: Database, encoder: Encoder | None = None) -> Loaded:
    """Load what is searchable, off the event loop, all but the reading of rows.

    Raises `NoRelease`, `Outdated`, or LookupError if vectors are missing (publish again).
    """
    encoder = encoder or default_encoder()
    async with database.read() as session:
        now = await state(session)
        if now is None:
            raise NoRelease("the knowledge base was never published")
        if not now.serves(encoder):
            raise Outdated(f"release {now.version} was made with another encoder")
        content, model, lexicon = (
            await session.execute(
                select(Release.content, Release.model, Release.lexicon).where(
                    Release.version == now.version
                )
            )
        ).one()
        articles = await asyncio.to_thread(unpack, content)
        rows = await vectors.load(session, now.encoder, to_encode(articles))

    def build() -> Index:
        return Index(
            enter(articles, rows),
            Model.from_bytes(model),
            version=now.version,
            encoder=encoder.fingerprint(),
            lexicon=Lexicon(Counted.from_bytes(lexicon)) if lexicon else None,
        )

    bare = Loaded(await asyncio.to_thread(build), replace(now, delta=0), Changes())
    return await put_on(database, bare, now)


async def put_on(database: Database, loaded: Loaded, now: State) -> Loaded:
    """Return the loaded release with what is searchable `now` on top of it.

    That may be the delta of a newer release, which then comes on top of what the loaded one had
    last. Raises LookupError if vectors are missing.
    """
    before = loaded.state
    if (now.version, now.delta) == (before.version, before.delta):
        return Loaded(loaded.index.without(now.withdrawn), now, loaded.on_top)
    async with database.read() as session:
        on_top = await changes(session, now)
        if now.version != before.version:
            on_top = on_top.after(loaded.on_top.without(before.withdrawn))
        rows = await vectors.load(session, now.encoder, to_encode(on_top.articles))

    def build() -> Index:
        entries = enter(on_top.articles, rows) if on_top.articles else None
        return loaded.index.with_delta(now.delta, entries, on_top.gone).without(now.withdrawn)

    return Loaded(await asyncio.to_thread(build), now, on_top)
