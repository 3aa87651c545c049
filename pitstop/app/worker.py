"""The worker: what has to happen without anybody asking.

One process at a time sweeps (a lease in the database). Each job stands alone: one that fails is
logged and counted, and the others go on.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base import articles
from knowledge_base.publish import pending
from pitstop.base.ids import new_token
from pitstop.care import clocks, dispatch, journeys, locks, promises, reminders, silence
from pitstop.conversation import inbox, outbox
from pitstop.conversation.tables import OutboxEntry
from pitstop.gateway.channels.web import CHANNEL as WEB
from pitstop.gateway.metrics import Metrics
from pitstop.gateway.router import Router
from pitstop.storage import lease
from pitstop.storage.database import Database

log = logging.getLogger(__name__)

TICK = 0.25  # seconds
# A process that was killed is replaced after at most this long.
LEASE = 6.0
RENEW = 2.0


@dataclass
class Job:
    """Something to do every so many seconds."""

    name: str
    every: float
    run: Callable[[], Awaitable[None]]
    next_at: float = field(default=0.0)


class Worker:
    """Runs jobs while it holds the lease."""

    def __init__(self, database: Database, jobs: Sequence[Job], metrics: Metrics) -> None:
        self._database = database
        self._jobs = list(jobs)
        self._metrics = metrics
        self._holder = f"{os.getpid()}-{new_token(6)}"
        self._held_until = 0.0
        self._renew_at = 0.0

    async def run(self) -> None:
        """Work until cancelled; then give the lease back."""
        try:
            while True:
                if await self._holds():
                    await self.once()
                await asyncio.sleep(TICK)
        finally:
            await asyncio.shield(self._release())

    async def once(self) -> None:
        """Run each job whose time has come."""
        for job in self._jobs:
            now = time.monotonic()
            if now < job.next_at:
                continue
            job.next_at = now + job.every
            try:
                await job.run()
            except Exception:
                self._metrics.job_failures.labels(job.name).inc()
                log.exception("job failed", extra={"job": job.name})

    async def _holds(self) -> bool:
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew_at = now + RENEW
            try:
                held = await lease.hold(self._database, "worker", self._holder, LEASE)
            except (SQLAlchemyError, OSError):
                log.warning("lease not renewed", exc_info=True)
            else:
                self._held_until = now + LEASE if held else 0.0
        return time.monotonic() < self._held_until

    async def _release(self) -> None:
        try:
            await lease.release(self._database, "worker", self._holder)
        except (SQLAlchemyError, OSError):
            log.warning("lease not given back; it runs out by itself", exc_info=True)


def jobs(
    database: Database, router: Router, on_published: Callable[[], object] | None = None
) -> list[Job]:
    """Return everything there is to sweep; `on_published` is told that articles went live."""
    dispatcher = dispatch.Dispatcher(database)
    return [
        Job("inbox", 1.0, lambda: take_up_stranded(database, router)),
        Job("outbox_web", 0.5, lambda: send_web(database)),
        Job("clocks", 1.0, lambda: sweep_clocks(database)),
        Job("silence", 5.0, lambda: sweep_silent(database)),
        Job("reminders", 1.0, lambda: sweep_if(database, reminders.any_due, reminders.sweep)),
        Job("locks", 5.0, lambda: sweep_if(database, locks.any_due, locks.sweep_locks)),
        Job("dispatch", 60.0, lambda: sweep_dispatch(dispatcher)),
        Job("consent", 300.0, lambda: ask_consent_again(database)),
        Job("promises", 5.0, lambda: sweep_if(database, promises.any_due, promises.sweep_promises)),
        Job("publish", 5.0, lambda: publish_articles(database, on_published)),
        Job("knowledge", 30.0, lambda: finish_publishing(database, on_published)),
    ]


async def take_up_stranded(database: Database, router: Router) -> None:
    """Process the messages whose process died, or that nobody came to."""
    async with database.read() as session:
        waiting = await inbox.stranded(session)
    for conversation_id in waiting:
        router.kick(conversation_id)


async def send_web(database: Database) -> None:
    """Mark the web channel's messages as sent.

    Their event was written with them: open pages have it, and others read the log when they come
    back. There is nothing to push again.
    """
    pending = select(OutboxEntry.id).where(
        OutboxEntry.state == "pending", OutboxEntry.channel == WEB
    )
    async with database.read() as session:
        if (await session.execute(pending.limit(1))).first() is None:
            # Most of the time: no write for nothing.
            return
    async with database.write() as session:
        for entry in await outbox.due(session, WEB):
            outbox.mark_sent(entry)


async def sweep_clocks(database: Database) -> None:
    """Mark the promises that have run out."""
    async with database.write() as session:
        await clocks.sweep(session)


async def sweep_silent(database: Database) -> None:
    """Remind owners who fell silent, and end the conversation kindly in the end."""
    async with database.write() as session:
        await silence.sweep_silence(session)


async def sweep_if(
    database: Database,
    due: Callable[[AsyncSession], Awaitable[bool]],
    sweep: Callable[[AsyncSession], Awaitable[int]],
) -> None:
    """Do what is due about bookings; no write where nothing is."""
    async with database.read() as session:
        if not await due(session):
            return
    async with database.write() as session:
        await sweep(session)


async def sweep_dispatch(dispatcher: dispatch.Dispatcher) -> None:
    """Deal the days out to drivers and vans."""
    await dispatcher.sweep()


async def ask_consent_again(database: Database) -> None:
    """Ask those whose driver still may not know where to go."""
    async with database.read() as session:
        missing = await journeys.consent_missing(session)
    for booking_id in missing:
        async with database.write() as session:
            await journeys.ask_again(session, booking_id)


async def publish_articles(database: Database, on_published: Callable[[], object] | None) -> None:
    """Publish the articles whose time has come, and have a release made of them."""
    async with database.write() as session:
        published = await articles.publish_due(session)
    if published and on_published is not None:
        on_published()


async def finish_publishing(database: Database, on_published: Callable[[], object] | None) -> None:
    """Have a release made if one is due: a process died over it, or the encoder is another now."""
    if on_published is not None and await pending(database):
        on_published()
