"""Keeping a process's index at what is searchable."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy.exc import SQLAlchemyError

from knowledge_base import releases
from knowledge_base.index import Index
from knowledge_base.releases import Loaded, NoRelease, Outdated, State, load, put_on
from pitstop.language.encode import Encoder
from pitstop.storage.database import Database

log = logging.getLogger(__name__)

FOLLOW_EVERY = 0.25  # seconds


class Follower:
    """Holds the newest index; `index` is replaced as a whole, so that a search sees one state.

    What goes wrong leaves the index as it was and is logged: an old answer beats none.
    """

    def __init__(self, database: Database, encoder: Encoder) -> None:
        self._database = database
        self._encoder = encoder
        self.index: Index | None = None
        # What was loaded, as it was while its release was the newest, and the last state seen.
        self._loaded: Loaded | None = None
        self._seen: State | None = None
        self._failed: int | None = None
        self._loading: asyncio.Task[bool] | None = None

    async def refresh(self) -> bool:
        """Look once; True if the index was replaced. Raises what loading raises."""
        now = await self._look()
        if now is None or now == self._seen:
            return False
        if self.index is None or self.index.version != now.version:
            return await self._load(now)
        return await self._put_on(now)

    async def keep_up(self) -> bool:
        """As `refresh`, but a new release is loaded behind the searches, which takes seconds where
        it is large. What is published on top of it is found on top of the old one meanwhile."""
        if self.index is None:
            return await self.refresh()
        if self._loading is not None and self._loading.done():
            loading, self._loading = self._loading, None
            try:
                return loading.result()
            except (SQLAlchemyError, OSError):
                # The database may be back at the next look.
                self._seen = None
                raise
        now = await self._look()
        if now is None or now == self._seen:
            return False
        if self.index.version != now.version and self._loading is None:
            self._loading = asyncio.create_task(self._load(now))
        return await self._put_on(now)

    async def follow(self) -> None:
        """Keep up; what goes wrong is logged."""
        try:
            await self.keep_up()
        except NoRelease:
            log.debug("no release of the knowledge base yet")
        except Outdated as error:
            log.warning("%s: waiting for the next", error)
        except (LookupError, ValueError):
            log.exception("the newest release cannot be used; the index stays as it is")
        except (SQLAlchemyError, OSError):
            log.warning("knowledge base not readable; the index stays as it is", exc_info=True)

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            while True:
                await self.follow()
                await asyncio.sleep(FOLLOW_EVERY)
        finally:
            if self._loading is not None:
                self._loading.cancel()

    async def _look(self) -> State | None:
        async with self._database.read() as session:
            return await releases.state(session)

    async def _load(self, now: State) -> bool:
        if self._failed == now.version:
            return False
        try:
            loaded = await load(self._database, self._encoder)
        except (LookupError, ValueError):
            # This release will not get better: wait for the next.
            self._failed = now.version
            raise
        later = await self._look()
        if later is not None and later.version == loaded.state.version and later != loaded.state:
            # Published while it was loaded; the old index may have it already.
            loaded = await put_on(self._database, loaded, later)
        self._loaded, self._seen, self.index = loaded, loaded.state, loaded.index
        return True

    async def _put_on(self, now: State) -> bool:
        assert self._loaded is not None
        try:
            loaded = await put_on(self._database, self._loaded, now)
        except (LookupError, ValueError):
            # Nor will this delta: said once, not at each look.
            self._seen = now
            raise
        if now.version == self._loaded.state.version:
            self._loaded = loaded
        self._seen, self.index = now, loaded.index
        return True
