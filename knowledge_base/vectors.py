"""Vectors of texts, kept in the database: each text is encoded once per encoder."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base.regression import Floats
from knowledge_base.tables import Vector
from pitstop.language.encode import Encoder
from pitstop.storage.database import Database

BATCH = 3000
"""Characters between two reports of progress, and in one write: enough short texts to keep two
cores busy, few enough long ones to see it move."""
_LOOK_UP = 400  # bound values a query
_WHOLE = 5000  # from here on, one scan of the encoder's rows is quicker than many look-ups
_PART = 2000  # rows taken at once from a scan, so that others get their turn in between

Progress = Callable[[int, int], None]


def encoder_id(encoder: Encoder) -> str:
    """Return the encoder's fingerprint, at a fixed length."""
    return hashlib.sha256(encoder.fingerprint().encode()).hexdigest()


def text_hash(text: str) -> str:
    """Return the key of a text that is encoded."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def encode_missing(
    database: Database, encoder: Encoder, texts: Iterable[str], progress: Progress | None = None
) -> int:
    """Encode and store what has no vector yet, off the event loop; returns how many.

    Whatever was stored stays: a run that is broken off goes on from there.
    """
    wanted = await asyncio.to_thread(lambda: {text_hash(text): text for text in texts})
    name = encoder_id(encoder)
    known: set[str] = set()
    async with database.read() as session:
        async for part in _rows(session, name, wanted, Vector.text_hash):
            known.update(key for (key,) in part)
    missing = [(key, text) for key, text in wanted.items() if key not in known]
    done = 0
    for batch in _batches(missing):
        rows = await asyncio.to_thread(encoder.encode, [text for _, text in batch])
        await _store(database, name, [key for key, _ in batch], rows)
        done += len(batch)
        if progress is not None:
            progress(done, len(missing))
    return done


async def load(session: AsyncSession, encoder: str, texts: Sequence[str]) -> NDArray[np.float16]:
    """Return the stored vectors of `texts`, a row each; raises LookupError if one is missing."""
    keys = await asyncio.to_thread(lambda: [text_hash(text) for text in texts])
    places: dict[str, int] = {}
    for key in keys:
        places.setdefault(key, len(places))
    rows = np.zeros((len(places), 0), dtype=np.float16)
    found = 0
    async for part in _rows(session, encoder, places, Vector.text_hash, Vector.data):
        for key, data in part:
            place = places.get(key)
            if place is None:
                continue
            if not found:
                rows = np.empty((len(places), len(data) // 2), dtype=np.float16)
            rows[place] = np.frombuffer(data, dtype=np.float16)
            found += 1
    if found < len(places):
        missing = len(places) - found
        raise LookupError(f"{missing} of {len(places)} vectors are not stored for this encoder")
    if len(places) == len(keys):
        return rows
    return rows[[places[key] for key in keys]]


def _batches(texts: Sequence[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    batch: list[tuple[str, str]] = []
    size = 0
    for key, text in texts:
        batch.append((key, text))
        size += len(text)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def _rows(
    session: AsyncSession, encoder: str, keys: Collection[str], *columns: Any
) -> AsyncIterator[Sequence[Any]]:
    """Yield the encoder's rows in parts: those with these keys or, if they are many, all."""
    every = select(*columns).where(Vector.encoder == encoder)
    if len(keys) > _WHOLE:
        result: Any = await session.stream(every)
        async for part in result.partitions(_PART):
            yield part
        return
    listed = list(keys)
    for start in range(0, len(listed), _LOOK_UP):
        found = await session.execute(
            every.where(Vector.text_hash.in_(listed[start : start + _LOOK_UP]))
        )
        yield found.all()


async def _store(database: Database, encoder: str, keys: Sequence[str], rows: Floats) -> None:
    vectors = [
        {"text_hash": key, "encoder": encoder, "data": row.astype(np.float16).tobytes()}
        for key, row in zip(keys, rows, strict=True)
    ]
    try:
        async with database.write() as session:
            session.add_all(Vector(**each) for each in vectors)
    except IntegrityError:
        # Another process encoded some of them meanwhile: take what is still missing one by one.
        for each in vectors:
            async with database.write() as session:
                if await session.get(Vector, (each["text_hash"], each["encoder"])) is None:
                    session.add(Vector(**each))
