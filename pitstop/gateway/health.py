"""Whether we live, whether we can serve, and figures for Prometheus."""

from __future__ import annotations

import asyncio

from aiohttp import web
from sqlalchemy.exc import SQLAlchemyError

from pitstop.gateway.bot_client import PROBE_TIMEOUT
from pitstop.gateway.keys import BOT, METRICS
from pitstop.storage.appkeys import DATABASE


async def livez(request: web.Request) -> web.Response:
    """Say that the process lives; asks nobody else."""
    return web.json_response({"status": "ok"})


async def healthz(request: web.Request) -> web.Response:
    """Answer 200 only if the model is loaded, the action server and the database answer."""
    bot = request.app[BOT]
    names = ("database", "rasa", "actions")
    found = await asyncio.gather(_database(request), bot.rasa_ready(), bot.actions_ready())
    checks = {name: wrong or "ok" for name, wrong in zip(names, found, strict=True)}
    failed = [name for name, wrong in zip(names, found, strict=True) if wrong is not None]
    body = {"status": "unavailable" if failed else "ok", "checks": checks, "failed": failed}
    return web.json_response(body, status=503 if failed else 200)


async def _database(request: web.Request) -> str | None:
    try:
        await asyncio.wait_for(request.app[DATABASE].ping(), PROBE_TIMEOUT)
    except asyncio.TimeoutError:
        return "timeout"
    except (SQLAlchemyError, OSError) as error:
        return type(error).__name__
    return None


async def metrics(request: web.Request) -> web.Response:
    """Return the metrics in Prometheus' text format."""
    async with request.app[DATABASE].read() as session:
        body = await request.app[METRICS].scrape(session)
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4"})
