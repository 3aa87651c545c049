"""One process's ear: reads each event once and hands it to whoever listens here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import SQLAlchemyError

from pitstop.storage.database import Database
from pitstop.storage.events import Event, Tail

log = logging.getLogger(__name__)

POLL_EVERY = 0.25  # seconds
MAX_WAITING = 1_000  # events; a listener that far behind is cut off


class Broadcast:
    """Follows the event table and copies each event into every subscriber's queue."""

    def __init__(self, database: Database, *, every: float = POLL_EVERY) -> None:
        self._database = database
        self._every = every
        self._queues: set[asyncio.Queue[Event]] = set()
        # Made here, not in `run`: what happens between building the app and its first look counts.
        self._tail = Tail()

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[asyncio.Queue[Event]]:
        """Give a queue that gets every event from now on, until the block ends.

        A subscriber that falls too far behind loses the oldest events: it should read the state
        again, and its connection is better closed than served stale.
        """
        queue: asyncio.Queue[Event] = asyncio.Queue(MAX_WAITING)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    async def poll(self) -> int:
        """Look once; return how many events were handed out."""
        async with self._database.read() as session:
            fresh = await self._tail.take(session)
        for event in fresh:
            for queue in self._queues:
                if queue.full():
                    queue.get_nowait()
                    log.warning("a listener is %d events behind", MAX_WAITING)
                queue.put_nowait(event)
        return len(fresh)

    async def run(self) -> None:
        """Hand out events until cancelled."""
        while True:
            look = asyncio.ensure_future(self._look())
            try:
                await asyncio.shield(look)
            except asyncio.CancelledError:
                # A connection dropped in the middle of a query is not closed cleanly.
                await look
                raise
            await asyncio.sleep(self._every)

    async def _look(self) -> None:
        try:
            await self.poll()
        except (SQLAlchemyError, OSError):
            # The tail keeps its place: what happened meanwhile is handed out afterwards.
            log.warning("events not readable", exc_info=True)
