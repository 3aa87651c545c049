"""Handoffs over HTTP: the queue, one conversation, and what an agent does in it."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy import select

from pitstop.base import clock
from pitstop.care import handoffs, staff_permissions
from pitstop.care import staff as accounts
from pitstop.care.handoff_views import HandoffView, handoff_wire
from pitstop.care.tables import StaffSession
from pitstop.conversation import log
from pitstop.desk.collected import readable
from pitstop.desk.customers import card
from pitstop.desk.errors import Problem, as_json, read_body, text_in
from pitstop.desk.masked import for_staff, masked_json
from pitstop.desk.session import me
from pitstop.storage.appkeys import DATABASE

STATES = ("open", "queued", "human", "ended")


def _shown(view: HandoffView) -> dict[str, Any]:
    wire = handoff_wire(view)
    wire["summary"] = masked_json(view.summary)
    return wire


async def queue(request: web.Request) -> web.Response:
    """``GET queue``: what is open, the most urgent first; ``?state=`` queued, human or ended."""
    state = request.query.get("state", "open")
    if state not in STATES:
        raise Problem("bad_request", field="state")
    async with request.app[DATABASE].read() as session:
        views = await handoffs.queue(session, state)
    # The server's time: a demo's clock may stand far from the browser's.
    now = clock.local_now().isoformat()
    return as_json({"handoffs": [_shown(view) for view in views], "now": now})


async def detail(request: web.Request) -> web.Response:
    """``GET handoffs/{id}``: the conversation, what the bot had, the customer's card, the notes."""
    async with request.app[DATABASE].read() as session:
        found = await handoffs.detail(session, request.match_info["id"])
        customer = await card(session, found.handoff.customer_id, handoff_id=found.handoff.id)
        collected = await readable(session, found.handoff.collected)
    return as_json(
        {
            **_shown(found.handoff),
            "customer": customer,
            "messages": [for_staff(message) for message in found.messages],
            "collected": collected,
            "notes": [
                {
                    "author": note.author,
                    "text": masked_json(note.text),
                    "created_at": note.created_at.astimezone(clock.SHANGHAI).isoformat(),
                }
                for note in found.notes
            ],
        }
    )


async def accept(request: web.Request) -> web.Response:
    """``POST handoffs/{id}/accept``; 409 for everybody after the first."""
    async with request.app[DATABASE].write() as session:
        view = await handoffs.accept(session, me(request).staff, request.match_info["id"])
    return as_json(_shown(view))


async def reply(request: web.Request) -> web.Response:
    """``POST handoffs/{id}/reply {"id", "text"}``; the same id again says nothing twice."""
    body = await read_body(request)
    client_id = text_in(body, "id", limit=80)
    if not client_id:
        raise Problem("bad_request", field="id")
    async with request.app[DATABASE].write() as session:
        message = await handoffs.reply(
            session,
            me(request).staff,
            request.match_info["id"],
            client_id,
            text_in(body, "text"),
        )
        shown = await log.views(session, [message], masked=True)
    return as_json({"message": for_staff(shown[0])})


async def note(request: web.Request) -> web.Response:
    """``POST handoffs/{id}/note {"text", "id"?}``: for staff only; the same id again: one note."""
    body = await read_body(request)
    client_id = text_in(body, "id", limit=80) if body.get("id") is not None else None
    async with request.app[DATABASE].write() as session:
        noted = await handoffs.note(
            session,
            me(request).staff,
            request.match_info["id"],
            text_in(body, "text"),
            client_id,
        )
    return as_json(
        {
            "note": {
                "author": noted.author,
                "text": masked_json(noted.text),
                "created_at": noted.created_at.astimezone(clock.SHANGHAI).isoformat(),
            }
        }
    )


async def transfer(request: web.Request) -> web.Response:
    """``POST handoffs/{id}/transfer {"to"}``: a username, or "queue"."""
    body = await read_body(request)
    async with request.app[DATABASE].write() as session:
        view = await handoffs.transfer(
            session, me(request).staff, request.match_info["id"], text_in(body, "to", limit=40)
        )
    return as_json(_shown(view))


async def return_to_bot(request: web.Request) -> web.Response:
    """``POST handoffs/{id}/return-to-bot``."""
    async with request.app[DATABASE].write() as session:
        view = await handoffs.return_to_bot(session, me(request).staff, request.match_info["id"])
    return as_json(_shown(view))


async def end(request: web.Request) -> web.Response:
    """``POST handoffs/{id}/end {"summary": {"category", "result", "text"}}``."""
    body = await read_body(request)
    summary = body.get("summary")
    if not isinstance(summary, dict):
        raise Problem("empty_summary")
    async with request.app[DATABASE].write() as session:
        view = await handoffs.end(session, me(request).staff, request.match_info["id"], summary)
    return as_json(_shown(view))


async def staff(request: web.Request) -> web.Response:
    """``GET staff``: to whom a conversation can be transferred."""
    async with request.app[DATABASE].read() as session:
        people = await accounts.colleagues(session)
        real_now = clock.now() - clock.offset()
        here = {
            row[0]
            for row in await session.execute(
                select(StaffSession.staff_id).where(StaffSession.expires_at > real_now)
            )
        }
    return as_json(
        {
            "staff": [
                {
                    "username": one.username,
                    "name": one.name,
                    "role": one.role,
                    "signed_in": one.id in here,
                }
                for one in people
                if staff_permissions.allowed(one.role, "accept")
            ]
        }
    )
