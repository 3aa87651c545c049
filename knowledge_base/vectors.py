"""Vectors of texts, kept in the database: each text is encoded once per encoder."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base.regression import Floats
from knowledge_base.tables import Vector
from pitstop.language.encode import Encoder
from pitstop.storage.database import Database

BATCH = 64
"""Texts between two reports of progress, and in one write."""
_LOOK_UP = 400  # bound values a query
_WHOLE = 5000  # from here on, one scan of the encoder's rows is quicker than many look-ups

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
    wanted = {text_hash(text): text for text in texts}
    name = encoder_id(encoder)
    async with database.read() as session:
        known = await _known(session, name, wanted)
    missing = [(key, text) for key, text in wanted.items() if key not in known]
    for start in range(0, len(missing), BATCH):
        batch = missing[start : start + BATCH]
        rows = await asyncio.to_thread(encoder.encode, [text for _, text in batch])
        await _store(database, name, [key for key, _ in batch], rows)
        if progress is not None:
            progress(min(start + BATCH, len(missing)), len(missing))
    return len(missing)


async def load(session: AsyncSession, encoder: str, texts: Sequence[str]) -> Floats:
    """Return the stored vectors of `texts`, a row each; raises LookupError if one is missing."""
    keys = [text_hash(text) for text in texts]
    found: dict[str, bytes] = {}
    if len(keys) > _WHOLE:
        rows = await session.execute(
            select(Vector.text_hash, Vector.data).where(Vector.encoder == encoder)
        )
        wanted = set(keys)
        found = {key: data for key, data in rows if key in wanted}
    else:
        different = list(dict.fromkeys(keys))
        for start in range(0, len(different), _LOOK_UP):
            part = different[start : start + _LOOK_UP]
            rows = await session.execute(
                select(Vector.text_hash, Vector.data).where(
                    Vector.encoder == encoder,
                    Vector.text_hash.in_(part),
                )
            )
            found.update((key, data) for key, data in rows)
    missing = sum(key not in found for key in keys)
    if missing:
        raise LookupError(f"{missing} of {len(keys)} vectors are not stored for this encoder")
    joined = b"".join(found[key] for key in keys)
    return np.frombuffer(joined, dtype=np.float16).reshape(len(keys), -1).astype(np.float32)


async def _known(session: AsyncSession, encoder: str, wanted: Iterable[str]) -> set[str]:
    rows = await session.execute(select(Vector.text_hash).where(Vector.encoder == encoder))
    return set(rows.scalars()).intersection(wanted)


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
