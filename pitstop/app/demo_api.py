"""The demo's own addresses, mounted only with ``DEMO=1``."""

from __future__ import annotations

from aiohttp import web

from pitstop.app.demo import seed
from pitstop.base import clock
from pitstop.care.tables import Customer
from pitstop.gateway import requests
from pitstop.gateway.errors import ApiError
from pitstop.gateway.keys import MESSAGE_LIMIT, TOKENS, UPLOAD_LIMIT
from pitstop.storage.appkeys import DATABASE
from pitstop.storage.demo_clock import move_clock

TOKEN_LIFE = 12 * 3600  # seconds


async def get_fixtures(request: web.Request) -> web.Response:
    """Return who and what the demo has: customers, places, and the staff's log-ins."""
    async with request.app[DATABASE].read() as session:
        return web.json_response(await seed.fixtures(session))


async def post_reset(request: web.Request) -> web.Response:
    """Put every conversation, booking and case back to how the demo begins."""
    async with request.app[DATABASE].write() as session:
        await seed.reset(session)
    request.app[MESSAGE_LIMIT].clear()
    request.app[UPLOAD_LIMIT].clear()
    return web.json_response({"status": "ok"})


async def post_clock(request: web.Request) -> web.Response:
    """Put all processes to another time, or back with an empty body."""
    body = await requests.json_object(request, optional=True)
    given = body.get("now")
    target = None if given is None else requests.moment(given)
    await move_clock(request.app[DATABASE], target)
    offset = round(clock.offset().total_seconds(), 3)
    return web.json_response({"now": clock.local_now().isoformat(), "offset_seconds": offset})


async def post_token(request: web.Request) -> web.Response:
    """Sign an owner in without a brand's app around us: the demo's owner picker."""
    body = await requests.json_object(request)
    customer_id = body.get("customer_id")
    if not request.app[TOKENS].can_issue:
        raise ApiError(409, "no_demo_token")
    async with request.app[DATABASE].read() as session:
        known = None
        if isinstance(customer_id, str):
            known = await session.get(Customer, customer_id)
    if known is None:
        raise ApiError(404, "unknown_customer")
    token = request.app[TOKENS].issue(known.id, seconds=TOKEN_LIFE)
    return web.json_response({"token": token, "expires_in": TOKEN_LIFE})


def setup(app: web.Application) -> None:
    """Mount the demo's routes."""
    app.router.add_get("/api/demo/fixtures", get_fixtures)
    app.router.add_post("/api/demo/reset", post_reset)
    app.router.add_post("/api/demo/clock", post_clock)
    app.router.add_post("/api/demo/token", post_token)
