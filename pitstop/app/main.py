"""The application: gateway, desk and worker in one aiohttp process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from aiohttp import web

from pitstop.app import security, worker
from pitstop.base import clock
from pitstop.base.settings import Settings, settings
from pitstop.desk import knowledge, service
from pitstop.desk import pages as desk_pages
from pitstop.desk import routes as desk
from pitstop.desk import setup as desk_setup
from pitstop.gateway import keys
from pitstop.gateway import pages as owner_pages
from pitstop.gateway import routes as gateway
from pitstop.gateway.bot_client import BotClient
from pitstop.gateway.errors import errors, request_id
from pitstop.gateway.metrics import Metrics
from pitstop.gateway.router import Router
from pitstop.gateway.tokens import OwnerTokens
from pitstop.storage.appkeys import BROADCAST, DATABASE
from pitstop.storage.broadcast import Broadcast
from pitstop.storage.database import Database
from pitstop.storage.demo_clock import follow_clock, read_offset

log = logging.getLogger(__name__)

RESTART_AFTER = 1.0  # seconds
MAX_BODY = 1024 * 1024  # bytes of a body that is read at once; uploads are read in pieces


def init_app(config: Settings | None = None) -> web.Application:
    """Build the application; it opens nothing before it is started.

    Raises `SettingsError` if the environment cannot be used.
    """
    config = config or settings()
    app = web.Application(middlewares=[request_id, errors], client_max_size=MAX_BODY)
    database = Database(config.database_url)
    metrics = Metrics()
    bot = BotClient(config)
    app[DATABASE] = database
    app[BROADCAST] = Broadcast(database)
    app[keys.SETTINGS] = config
    app[keys.TOKENS] = OwnerTokens(config)
    app[keys.METRICS] = metrics
    app[keys.BOT] = bot
    app[keys.ROUTER] = Router(database, bot, turn_timeout=config.turn_timeout, metrics=metrics)
    # aiosignal and aiohttp 3.9 disagree about the type of a signal.
    app.on_response_prepare.append(security.add_headers)  # type: ignore[arg-type]
    # Closed in the opposite order: the worker first, the database last.
    app.cleanup_ctx.extend([_database, _clock, _broadcast, _bot, _router])
    gateway.setup(app)
    if config.demo:
        from pitstop.app import demo_api

        demo_api.setup(app)
    desk.setup(app)
    knowledge.setup(app)
    owner_pages.setup(app, config)
    desk_pages.setup(app, config)
    service.setup(app, config)
    desk_setup.setup(app, config)
    if config.worker:
        # Last: what it sweeps has to be there.
        app.cleanup_ctx.append(_worker)
    return app


@contextlib.asynccontextmanager
async def _running(work: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Keep something running in the background for as long as the block lasts."""
    task = asyncio.create_task(_again_and_again(work))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _again_and_again(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Start work anew should it ever break: an app whose ear or worker died looks healthy."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("background work broke")
        await asyncio.sleep(RESTART_AFTER)


async def _database(app: web.Application) -> AsyncIterator[None]:
    await app[DATABASE].ping()
    yield
    await app[DATABASE].close()


async def _clock(app: web.Application) -> AsyncIterator[None]:
    # Set before anything asks what time it is; then followed.
    clock.set_offset(await read_offset(app[DATABASE]))
    async with _running(lambda: follow_clock(app[DATABASE])):
        yield


async def _broadcast(app: web.Application) -> AsyncIterator[None]:
    async with _running(app[BROADCAST].run):
        yield


async def _bot(app: web.Application) -> AsyncIterator[None]:
    await app[keys.BOT].open()
    yield
    await app[keys.BOT].close()


async def _router(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[keys.ROUTER].close()


async def _worker(app: web.Application) -> AsyncIterator[None]:
    database, router = app[DATABASE], app[keys.ROUTER]
    publisher = app[knowledge.PUBLISHER]
    sweeps = worker.jobs(database, router, publisher.ask)
    sweeper = worker.Worker(database, sweeps, app[keys.METRICS])
    async with _running(sweeper.run):
        yield
