"""Keeping a process's index at the newest release."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from knowledge_base.index import Index
from knowledge_base.publish import NoRelease, load_index
from knowledge_base.tables import Release
from pitstop.language.encode import Encoder
from pitstop.storage.database import Database

log = logging.getLogger(__name__)

FOLLOW_EVERY = 0.5  # seconds


class Follower:
    """Holds the newest index; `index` is replaced as a whole, so that a search sees one release.

    What goes wrong leaves the index as it was and is logged: an old answer beats none.
    """

    def __init__(self, database: Database, encoder: Encoder) -> None:
        self._database = database
        self._encoder = encoder
        self.index: Index | None = None
        self._failed: int | None = None

    async def refresh(self) -> bool:
        """Look once; True if the index was replaced. Raises what loading raises."""
        async with self._database.read() as session:
            row = (
                await session.execute(
                    select(Release.version, Release.withdrawn)
                    .order_by(Release.version.desc())
                    .limit(1)
                )
            ).one_or_none()
        if row is None:
            return False
        version, withdrawn = row
        if self.index is None or self.index.version != version:
            if self._failed == version:
                return False
            try:
                self.index = await load_index(self._database, self._encoder)
            except (LookupError, KeyError, ValueError):
                # This release will not get better: wait for the next.
                self._failed = version
                raise
            return True
        if self.index.withdrawn != frozenset(withdrawn):
            self.index = self.index.without(withdrawn)
            return True
        return False

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self.refresh()
            except NoRelease:
                log.debug("no release of the knowledge base yet")
            except (LookupError, KeyError, ValueError):
                log.exception("the newest release cannot be used; the index stays as it is")
            except (SQLAlchemyError, OSError):
                log.warning("knowledge base not readable; the index stays as it is", exc_info=True)
            await asyncio.sleep(FOLLOW_EVERY)
