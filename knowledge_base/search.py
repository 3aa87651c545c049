"""Searching from a process that has no index of its own yet: the app and the command line."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from knowledge_base import articles
from knowledge_base.follow import Follower
from knowledge_base.index import Result, prepare
from pitstop.language.encode import Encoder, default_encoder
from pitstop.storage.database import Database

_searchers: WeakKeyDictionary[Database, Searcher] = WeakKeyDictionary()


class Searcher:
    """Encodes and searches. The encoder loads in a thread, at the first search."""

    def __init__(self, database: Database, encoder: Encoder | None = None) -> None:
        self._database = database
        self._encoder = encoder or default_encoder()
        self._follower = Follower(database, self._encoder)
        self._lock = asyncio.Lock()

    async def search(self, text: str, limit: int = 3) -> Result:
        """Return what the newest release has for `text`; nothing before the first release."""
        async with self._lock:
            await self._follower.follow()
        index = self._follower.index
        if index is None:
            return Result("none", [])
        spelled = prepare(text)
        vector = (await asyncio.to_thread(self._encoder.encode, [spelled]))[0]
        result = await asyncio.to_thread(index.search, vector, text, limit)
        async with self._database.read() as session:
            live = await articles.live_many(session, [hit.article_id for hit in result.hits])
        hits = [hit for hit in result.hits if hit.article_id in live]
        if hits == result.hits:
            return result
        # Retired between the look and the search.
        return Result("clarify" if hits and result.decision != "none" else "none", hits)


async def search_text(
    database: Database, text: str, limit: int = 3, encoder: Encoder | None = None
) -> Result:
    """Search the newest release for `text`; one searcher is kept for each database."""
    searcher = _searchers.get(database)
    if searcher is None:
        searcher = _searchers[database] = Searcher(database, encoder)
    return await searcher.search(text, limit)
