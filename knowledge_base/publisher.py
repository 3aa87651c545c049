"""Publishing behind a running application: whoever asks does not wait."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from knowledge_base.content import Content
from knowledge_base.entries import spell, to_encode
from knowledge_base.publish import NothingPublished, publish_changes, rebuild
from knowledge_base.vectors import encode_missing
from pitstop.language.encode import Encoder, default_encoder
from pitstop.storage.database import Database

log = logging.getLogger(__name__)

WHO = "desk"
PATIENCE = 2.0
"""Seconds that a stop waits for what is under way before it breaks it off."""


class Publisher:
    """Makes what is published searchable: the changes at once, then a release of everything, one
    after the other. What is asked for meanwhile shares the next one.

    `rebuilding`: a release is being made. `failed`: what was asked for could not be made
    searchable.
    """

    def __init__(self, database: Database, encoder: Encoder | None = None) -> None:
        self._database = database
        self._encoder = encoder or default_encoder()
        self._wanted = asyncio.Event()
        self._whole = asyncio.Event()
        self._changing = False
        # Too much changed, or there is nothing to put it on: found from the next release on, and
        # from the one that is being made.
        self._waits = False
        self._waited = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._readings: set[asyncio.Task[int]] = set()
        self._closing = False
        self.rebuilding = False
        self.failed = False

    @property
    def running(self) -> bool:
        """Tell whether something was asked for that cannot be found yet."""
        return self._wanted.is_set() or self._changing or self._waits or self._waited

    def ask(self) -> None:
        """Have what is live made searchable soon."""
        self._wanted.set()

    def expect(self, content: Content) -> None:
        """Encode what was saved: publishing it, soon, will not have to wait for that."""
        texts = to_encode([spell(content, 0)])
        reading = asyncio.create_task(encode_missing(self._database, self._encoder, texts))
        self._readings.add(reading)
        reading.add_done_callback(self._read)

    def start(self) -> None:
        """Publish from now on, until `close`."""
        self._tasks |= {
            asyncio.create_task(self._publish_changes()),
            asyncio.create_task(self._rebuild()),
        }

    async def close(self) -> None:
        """Stop: at once, or as soon as a transaction that is under way has ended."""
        self._closing = True
        self._wanted.set()
        self._whole.set()
        left: set[asyncio.Task[Any]] = {*self._tasks, *self._readings}
        if left:
            _, left = await asyncio.wait(left, timeout=PATIENCE)
        while left:
            # More than once: the database's driver may swallow it while it closes a connection.
            for task in left:
                task.cancel()
            _, left = await asyncio.wait(left, timeout=PATIENCE)

    def _read(self, reading: asyncio.Task[int]) -> None:
        self._readings.discard(reading)
        if not reading.cancelled() and reading.exception() is not None:
            log.warning("an article could not be encoded ahead", exc_info=reading.exception())

    async def _publish_changes(self) -> None:
        while not self._closing:
            await self._wanted.wait()
            if self._closing:
                return
            self._wanted.clear()
            self._changing = True
            try:
                if await publish_changes(self._database, self._encoder, who=WHO) is None:
                    self._waits = True
                self.failed = False
            except (SQLAlchemyError, OSError, LookupError, ValueError):
                self._waits = True
                log.exception("changes of the knowledge base wait for the next release")
            self._changing = False
            self._whole.set()

    async def _rebuild(self) -> None:
        while not self._closing:
            await self._whole.wait()
            if self._closing:
                return
            self._whole.clear()
            self._waited, self._waits = self._waits, False
            self.rebuilding, broke = True, False
            try:
                if (await rebuild(self._database, self._encoder, who=WHO)).delta:
                    # Published while it was made.
                    self._whole.set()
            except NothingPublished:
                log.info("nothing is live: the last release stays, with all of it hidden")
            except (SQLAlchemyError, OSError, LookupError, ValueError):
                # What was found stays; the editor sees what failed and may ask again.
                broke = True
                log.exception("release of the knowledge base failed")
            self.rebuilding = False
            if self._waited:
                self._waited, self.failed = False, broke
