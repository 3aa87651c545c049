"""Live updates: what happens is pushed to every open desk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

from aiohttp import WSCloseCode, hdrs, web
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base.settings import settings
from pitstop.care import staff as accounts
from pitstop.care import staff_permissions
from pitstop.care.handoff_views import open_in
from pitstop.conversation import log as lines
from pitstop.conversation.tables import Message
from pitstop.desk.errors import Problem, as_json
from pitstop.desk.masked import for_staff
from pitstop.desk.session import me
from pitstop.storage.appkeys import BROADCAST, DATABASE
from pitstop.storage.broadcast import Broadcast
from pitstop.storage.database import Database
from pitstop.storage.events import Event

log = logging.getLogger(__name__)

HEARTBEAT = 25.0  # seconds
LOOK_AGAIN_EVERY = 30.0  # seconds; whoever was signed out meanwhile is cut off
MAX_WAITING = 200  # pushes; a desk that far behind is cut off and comes back
SIGNED_OUT = 4401

Push = dict[str, Any]


class DeskLive:
    """Turns events into pushes once, and copies them to every open desk of this process."""

    def __init__(self, database: Database, broadcast: Broadcast) -> None:
        self._database = database
        self._broadcast = broadcast
        self._desks: set[asyncio.Queue[Push | None]] = set()

    @contextlib.contextmanager
    def join(self) -> Iterator[asyncio.Queue[Push | None]]:
        """Give a desk's queue of pushes; None in it means: hang up."""
        desk: asyncio.Queue[Push | None] = asyncio.Queue()
        self._desks.add(desk)
        try:
            yield desk
        finally:
            self._desks.discard(desk)

    def hang_up(self) -> None:
        """Ask every open desk to close its connection."""
        for desk in self._desks:
            desk.put_nowait(None)

    async def run(self) -> None:
        """Push until cancelled."""
        async with self._broadcast.subscribe() as events:
            while True:
                event = await events.get()
                try:
                    pushes = await self._pushes(event)
                except (SQLAlchemyError, OSError):
                    # The desks read the state again; they must not miss that there is news.
                    log.warning("event %s not readable", event.id, exc_info=True)
                    pushes = [{"type": "queue"}]
                for push in pushes:
                    self._give(push)

    def _give(self, push: Push) -> None:
        for desk in self._desks:
            if desk.qsize() >= MAX_WAITING:
                desk.put_nowait(None)
            else:
                desk.put_nowait(push)

    async def _pushes(self, event: Event) -> list[Push]:
        if event.kind.startswith("handoff."):
            return [{"type": "queue", "handoff_id": event.subject}]
        if event.kind == "word":
            return [{"type": "queue"}]
        if event.kind.startswith("clock."):
            return [{"type": "clock", "subject": event.subject}]
        if event.kind.startswith(("booking.", "quote.", "journey.", "rescue.", "closure.")):
            return [{"type": "service", "subject": event.subject}]
        if event.kind.startswith("case."):
            return [{"type": "case", "case_id": event.subject}]
        if event.kind == "message" and self._desks:
            async with self._database.read() as session:
                return await self._message(session, event)
        return []

    async def _message(self, session: AsyncSession, event: Event) -> list[Push]:
        handoff = await open_in(session, event.conversation_id or "")
        if handoff is None:
            return []
        message = (
            await session.execute(select(Message).where(Message.id == event.subject))
        ).scalar_one_or_none()
        if message is None:
            return []
        shown = await lines.views(
            session, [message], masked=True, attachment_path="/api/desk/attachments/"
        )
        return [
            {"type": "message", "handoff_id": handoff.id, "message": for_staff(shown[0])},
            {"type": "clock", "subject": handoff.id},
        ]


LIVE = web.AppKey("desk_live", DeskLive)


def origin_allowed(request: web.Request) -> bool:
    """Say whether a page of ours opened this connection.

    A browser always names the page's origin; who names none is no page (and has a ticket).
    """
    origin = request.headers.get(hdrs.ORIGIN)
    if origin is None:
        return True
    return origin in settings().allowed_origins or urlsplit(origin).netloc == request.host


async def ticket(request: web.Request) -> web.Response:
    """``POST ws-ticket``: a ticket for one connection, good for 30 seconds."""
    async with request.app[DATABASE].write() as session:
        made = await accounts.new_ticket(session, me(request).session)
    return as_json({"ticket": made, "expires_in": int(accounts.TICKET_LASTS.total_seconds())})


async def connect(request: web.Request) -> web.StreamResponse:
    """``GET ws?ticket=``: pushes until one of the two hangs up."""
    if not origin_allowed(request):
        raise Problem("origin_refused")
    async with request.app[DATABASE].write() as session:
        found = await accounts.use_ticket(session, request.query.get("ticket", ""))
    if found is None:
        raise Problem("bad_ticket")
    staff, signed_in = found
    if not staff_permissions.allowed(staff.role, "see_queue"):
        raise Problem("forbidden")
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=4096)
    await socket.prepare(request)
    with request.app[LIVE].join() as desk:
        # What happened between reading the page's state and this moment.
        await socket.send_json({"type": "queue"})
        listening = asyncio.create_task(_until_they_hang_up(socket))
        sending = asyncio.create_task(_send(request, socket, desk, signed_in.id))
        try:
            await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            sending.cancel()
            _, why = await asyncio.gather(listening, sending, return_exceptions=True)
        if isinstance(why, int):
            await socket.close(code=why)
    return socket


async def _until_they_hang_up(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass  # A desk only listens; pings are answered by aiohttp.


async def _send(
    request: web.Request,
    socket: web.WebSocketResponse,
    desk: asyncio.Queue[Push | None],
    session_id: str,
) -> int:
    """Send what happens until there is a reason to hang up; return its code."""
    loop = asyncio.get_running_loop()
    look_at = loop.time() + LOOK_AGAIN_EVERY
    while True:
        push: Push | None = {}
        with contextlib.suppress(asyncio.TimeoutError):
            push = await asyncio.wait_for(desk.get(), max(0.05, look_at - loop.time()))
        if push is None:
            return int(WSCloseCode.TRY_AGAIN_LATER)
        if push:
            await socket.send_json(push)
        if loop.time() >= look_at:
            look_at = loop.time() + LOOK_AGAIN_EVERY
            async with request.app[DATABASE].read() as session:
                still = await accounts.by_session(session, session_id)
            if still is None:
                return SIGNED_OUT


async def run_live(app: web.Application) -> AsyncIterator[None]:
    """Push while the app runs; a clean-up context."""
    live = app[LIVE] = DeskLive(app[DATABASE], app[BROADCAST])
    task = asyncio.create_task(live.run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def hang_up(app: web.Application) -> None:
    """Let no open desk hold up the shutdown."""
    app[LIVE].hang_up()
