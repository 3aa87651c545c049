"""The action server: rasa-sdk's executor behind a token, with the database's life cycle.

rasa-sdk's own server listens on every address and knows no token.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.typedefs import Handler
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import ActionExecutionRejection, ActionNotFoundException

from bot.actions.context import use_database
from bot.actions.registry import all_actions
from pitstop.base.settings import settings
from pitstop.storage.database import Database
from pitstop.storage.demo_clock import follow_clock

log = logging.getLogger(__name__)

EXECUTOR: web.AppKey[ActionExecutor] = web.AppKey("executor", ActionExecutor)
DATABASE: web.AppKey[Database] = web.AppKey("database", Database)

MAX_BODY = 20 * 2**20
"""Bytes; a request carries the whole tracker of a session."""


@web.middleware
async def _token(request: web.Request, handler: Handler) -> web.StreamResponse:
    given = request.headers.get("Authorization", "")
    wanted = f"Bearer {settings().actions_token}"
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        return web.json_response({"error": "unauthorised"}, status=401)
    return await handler(request)


async def _run(request: web.Request) -> web.Response:
    call = await request.json()
    try:
        result = await request.app[EXECUTOR].run(call)
    except ActionExecutionRejection as rejection:
        return web.json_response(
            {"error": str(rejection), "action_name": rejection.action_name}, status=400
        )
    except ActionNotFoundException as missing:
        return web.json_response(
            {"error": str(missing), "action_name": missing.action_name}, status=404
        )
    except Exception:
        # The channel gives the turn up and the owner hears so; here is why, without their words.
        log.exception("action %s failed", call.get("next_action"))
        return web.json_response({"error": "action failed"}, status=500)
    return web.json_response(result or {"events": [], "responses": []})


async def _health(request: web.Request) -> web.Response:
    await request.app[DATABASE].ping()
    return web.json_response({"status": "ok"})


async def _resources(app: web.Application) -> AsyncIterator[None]:
    database = Database(settings().database_url)
    app[DATABASE] = database
    use_database(database)
    clock = asyncio.create_task(follow_clock(database)) if settings().demo else None
    yield
    if clock is not None:
        clock.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await clock
    use_database(None)
    await database.close()


def init_app() -> web.Application:
    """Return the action server's application."""
    app = web.Application(middlewares=[_token], client_max_size=MAX_BODY)
    executor = ActionExecutor()
    for action in all_actions():
        executor.register_action(action)
    app[EXECUTOR] = executor
    app.router.add_post("/webhook", _run)
    app.router.add_get("/health", _health)
    app.cleanup_ctx.append(_resources)
    return app
