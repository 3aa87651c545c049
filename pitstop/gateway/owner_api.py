"""What an owner's app may ask: ``/api/owner/…`` of the contract, except files and live updates."""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import bookings, cases, handoffs, people, views
from pitstop.conversation import inbox, log
from pitstop.conversation.tables import InboxEntry
from pitstop.conversation.wire import IncomingMessage
from pitstop.gateway import requests
from pitstop.gateway.channels.web import Answer, read_message
from pitstop.gateway.errors import ApiError
from pitstop.gateway.keys import MESSAGE_LIMIT, ROUTER
from pitstop.storage.appkeys import DATABASE

# The contract answers "at the latest after 10 s"; the rest is for the way back.
ANSWER_WITHIN = 9.7


async def post_message(request: web.Request) -> web.Response:
    """Take a message; answer when the bot has, or after ten seconds with ``pending``."""
    began = time.monotonic()
    customer_id = requests.owner(request)
    incoming = read_message(customer_id, await requests.json_body(request))
    async with request.app[DATABASE].read() as session:
        known = await _is_known(session, incoming)
    if not known:
        # A repeat costs nothing: whoever asks again after a lost answer must get it.
        requests.count(request.app[MESSAGE_LIMIT], customer_id)
    router = request.app[ROUTER]
    try:
        entry = (await router.receive(incoming)).entry
    except inbox.InboxConflict:
        raise ApiError(409) from None
    except inbox.UnknownAttachment:
        raise ApiError(404, "unknown_attachment") from None
    if entry.state == "waiting":
        router.kick(entry.conversation_id)
        await router.settled(entry.id, ANSWER_WITHIN - (time.monotonic() - began))
    async with request.app[DATABASE].read() as session:
        return web.json_response(await _answer(session, entry.id))


async def _is_known(session: AsyncSession, incoming: IncomingMessage) -> bool:
    query = select(InboxEntry.id).where(
        InboxEntry.channel == incoming.channel,
        InboxEntry.customer_id == incoming.customer_id,
        InboxEntry.key == incoming.key,
    )
    return (await session.execute(query)).first() is not None


async def _answer(session: AsyncSession, entry_id: str) -> Answer:
    query = select(InboxEntry.state).where(InboxEntry.id == entry_id)
    state = (await session.execute(query)).scalar_one_or_none()
    replies = await log.replies_to(session, entry_id)
    return {"messages": await log.views(session, replies), "pending": state == "waiting"}


async def get_messages(request: web.Request) -> web.Response:
    """Return the conversation after ``after``, oldest first, at most 500 lines at once."""
    customer_id = requests.owner(request)
    after = requests.after_seq(request) or 0
    async with request.app[DATABASE].read() as session:
        conversation = await log.find(session, customer_id)
        if conversation is None:
            return web.json_response({"messages": []})
        rows = await log.read_after(session, conversation.id, after)
        return web.json_response({"messages": await log.views(session, rows)})


async def get_conversation(request: web.Request) -> web.Response:
    """Return who has the word, and the place in the queue."""
    customer_id = requests.owner(request)
    async with request.app[DATABASE].read() as session:
        return web.json_response(await conversation_wire(session, customer_id))


async def conversation_wire(session: AsyncSession, customer_id: str) -> dict[str, Any]:
    """Return an owner's conversation state as the contract writes it, with the server's time."""
    state = await handoffs.state_for_owner(session, customer_id)
    return {**state, "now": clock.local_now().isoformat()}


async def get_bookings(request: web.Request) -> web.Response:
    """Return the owner's bookings, past and cancelled ones too."""
    customer_id = requests.owner(request)
    async with request.app[DATABASE].read() as session:
        found = await bookings.bookings_of(session, customer_id, active_only=False)
        return web.json_response({"bookings": [views.booking_wire(one) for one in found]})


async def get_complaints(request: web.Request) -> web.Response:
    """Return the owner's complaints."""
    return await _cases(request, "complaints", kind="complaint")


async def get_cases(request: web.Request) -> web.Response:
    """Return the owner's cases of every kind."""
    return await _cases(request, "cases", kind=None)


async def _cases(request: web.Request, name: str, *, kind: str | None) -> web.Response:
    customer_id = requests.owner(request)
    async with request.app[DATABASE].read() as session:
        found = await cases.cases_of(session, customer_id)
        shown = [cases.case_wire(one) for one in found if kind is None or one.kind == kind]
        return web.json_response({name: shown})


async def get_me(request: web.Request) -> web.Response:
    """Return who the token says the caller is, and their vehicles."""
    customer_id = requests.owner(request)
    async with request.app[DATABASE].write() as session:
        customer = await people.ensure_customer(session, customer_id)
        vehicles = await people.vehicles_of(session, customer_id)
        role = await people.role_of(session, customer_id)
    return web.json_response(
        {
            "id": customer.id,
            "name": customer.name,
            "role": role,
            "vehicles": [
                {"plate": v.plate, "model": v.model, "relation": v.relation} for v in vehicles
            ],
        }
    )
