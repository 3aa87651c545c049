"""Live updates for an owner: the same messages and states as the API, pushed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, WSMsgType, web
from sqlalchemy.exc import SQLAlchemyError

from pitstop.conversation import log
from pitstop.gateway import requests
from pitstop.gateway.errors import ApiError
from pitstop.gateway.keys import SETTINGS
from pitstop.gateway.owner_api import conversation_wire
from pitstop.storage import tickets
from pitstop.storage.appkeys import BROADCAST, DATABASE
from pitstop.storage.events import Event

logger = logging.getLogger(__name__)

KIND = "owner"
PING_EVERY = 20.0  # seconds; proxies close what is silent for a minute
LOOK_EVERY = 15.0  # seconds; also without news, in case one was lost


class Sockets(set[web.WebSocketResponse]):
    """The sockets that this process holds open."""


SOCKETS = web.AppKey("SOCKETS", Sockets)


async def post_ticket(request: web.Request) -> web.Response:
    """Give a ticket for one WebSocket, good for 30 seconds."""
    customer_id = requests.owner(request)
    async with request.app[DATABASE].write() as session:
        ticket = await tickets.issue(session, KIND, customer_id)
    return web.json_response(
        {"ticket": ticket, "expires_in": int(tickets.LIFE.total_seconds())},
        headers={"Cache-Control": "no-store"},
    )


async def get_socket(request: web.Request) -> web.StreamResponse:
    """Push an owner's messages and states until they hang up; ``after`` says what they have."""
    check_origin(request)
    after = requests.after_seq(request)
    ticket = request.query.get("ticket", "")
    async with request.app[DATABASE].write() as session:
        customer_id = await tickets.redeem(session, KIND, ticket) if ticket else None
    if customer_id is None:
        raise ApiError(401, "bad_ticket")
    socket = web.WebSocketResponse(heartbeat=PING_EVERY, max_msg_size=4096)
    await socket.prepare(request)
    feed = OwnerFeed(request.app, socket, customer_id, after)
    request.app[SOCKETS].add(socket)
    pushing = asyncio.create_task(feed.run())
    try:
        # Nothing is expected from this side; reading is how a hang-up is noticed.
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                break
    finally:
        request.app[SOCKETS].discard(socket)
        pushing.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await pushing
    return socket


async def hang_up(app: web.Application) -> None:
    """Close every socket when the application stops: pages come back to the next process."""
    sockets = app[SOCKETS]
    for socket in list(sockets):
        await socket.close(code=WSCloseCode.GOING_AWAY)


def check_origin(request: web.Request) -> None:
    """Refuse another site's page; raises `ApiError` 403.

    Browsers always send `Origin` and let no page choose it. A program that sends none holds the
    ticket by itself, not by what a browser would add for it.
    """
    origin = request.headers.get("Origin")
    if origin is None or origin in request.app[SETTINGS].allowed_origins:
        return
    if urlsplit(origin).netloc.lower() != request.host.lower():
        raise ApiError(403, "bad_origin")


class OwnerFeed:
    """One owner's socket: sends each line once and in order, and each change of state."""

    def __init__(
        self,
        app: web.Application,
        socket: web.WebSocketResponse,
        customer_id: str,
        after: int | None,
    ) -> None:
        self._app = app
        self._socket = socket
        self._customer_id = customer_id
        self._seq = after
        self._conversation_id: str | None = None
        self._state: dict[str, Any] | None = None

    async def run(self) -> None:
        """Push until cancelled or the connection breaks."""
        try:
            # Listening begins before the first look, so that nothing falls in between.
            async with self._app[BROADCAST].subscribe() as events:
                await self._look(state=True)
                while not self._socket.closed:
                    await self._wait(events)
        except ConnectionError:
            # They are gone; there is nobody to tell.
            return
        except (SQLAlchemyError, OSError):
            # The page comes back with what it has read, and misses nothing.
            logger.warning("owner's feed broke off", exc_info=True)
        finally:
            if not self._socket.closed:
                await self._socket.close(code=1011)

    async def _wait(self, events: asyncio.Queue[Event]) -> None:
        try:
            batch = [await asyncio.wait_for(events.get(), LOOK_EVERY)]
        except asyncio.TimeoutError:
            await self._look(state=True)
            return
        while not events.empty():
            batch.append(events.get_nowait())
        await self._take(batch)

    async def _take(self, batch: Sequence[Event]) -> None:
        if self._conversation_id is None and any(event.conversation_id for event in batch):
            await self._look(state=True)
            return
        mine = any(event.conversation_id == self._conversation_id for event in batch)
        # Somebody else's handoff moves this owner's place in the queue.
        queued = self._state is not None and self._state["state"] == "queued"
        moved = queued and any(event.kind.startswith(("handoff.", "word")) for event in batch)
        if mine or moved:
            await self._look(state=moved or any(event.kind != "message" for event in batch))

    async def _look(self, *, state: bool) -> None:
        """Send what is new since the last look."""
        async with self._app[DATABASE].read() as session:
            if self._conversation_id is None:
                conversation = await log.find(session, self._customer_id)
                if conversation is not None:
                    self._conversation_id = conversation.id
                    if self._seq is None:
                        # Without `after`, the page reads the past itself.
                        self._seq = conversation.seq if self._state is None else 0
            rows = []
            if self._conversation_id is not None:
                rows = list(await log.read_after(session, self._conversation_id, self._seq or 0))
            views = await log.views(session, rows)
            now = await conversation_wire(session, self._customer_id) if state else None
        for view in views:
            await self._socket.send_json({"type": "message", "message": view})
            self._seq = view["seq"]
        if now is not None and _differs(now, self._state):
            await self._socket.send_json({"type": "conversation", **now})
            self._state = now


def _differs(now: dict[str, Any], before: dict[str, Any] | None) -> bool:
    if before is None:
        return True
    return any(now[name] != before[name] for name in now if name != "now")
