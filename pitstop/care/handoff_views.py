"""What a handoff looks like: to the desk, to the owner in the queue, to the bot afterwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import clocks, policies
from pitstop.care.clocks import ClockWire
from pitstop.care.tables import Customer, Handoff, HandoffNote, Staff
from pitstop.care.texts import say
from pitstop.conversation import log
from pitstop.conversation.tables import Attachment, Message
from pitstop.conversation.wire import MessageView

SLA_KINDS = ("first_response", "next_response", "resolution")
QUEUE_LIMIT = 200
ENDED_SHOWN = timedelta(hours=24)


@dataclass(frozen=True)
class Agent:
    """Who has a handoff."""

    username: str
    name: str


@dataclass(frozen=True)
class HandoffView:
    """One handoff as it stands. `last_message` is masked."""

    id: str
    conversation_id: str
    customer_id: str
    customer_name: str
    priority: str
    reason: str
    state: str
    agent: Agent | None
    waiting_since: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    ended_how: str | None
    last_message: str
    collected: dict[str, Any]
    summary: dict[str, Any] | None
    sla: dict[str, ClockWire]


@dataclass(frozen=True)
class Note:
    """What staff told each other."""

    author: str
    text: str
    created_at: datetime


@dataclass(frozen=True)
class HandoffDetail:
    """A handoff with its conversation (masked) and its notes."""

    handoff: HandoffView
    messages: list[MessageView]
    notes: list[Note]


@dataclass(frozen=True)
class Standing:
    """A place in the queue, from 1, and an estimate in seconds."""

    position: int
    estimated_wait_seconds: int


class OwnerState(TypedDict):
    """``GET /api/owner/conversation``."""

    state: str
    queue_position: int | None
    estimated_wait_seconds: int | None
    agent: dict[str, str] | None


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(clock.SHANGHAI).isoformat()


def handoff_wire(view: HandoffView) -> dict[str, Any]:
    """Return a handoff as ``GET /api/desk/queue`` lists it."""
    return {
        "id": view.id,
        "customer": {"id": view.customer_id, "name": view.customer_name},
        "priority": view.priority,
        "reason": view.reason,
        "state": view.state,
        "agent": view.agent and {"username": view.agent.username, "name": view.agent.name},
        "waiting_since": _when(view.waiting_since),
        "accepted_at": _when(view.accepted_at),
        "ended_at": _when(view.ended_at),
        "ended_how": view.ended_how,
        "last_message": view.last_message,
        "summary": view.summary,
        "sla": view.sla,
    }


async def views(session: AsyncSession, handoffs: Sequence[Handoff]) -> list[HandoffView]:
    """Return handoffs as they stand, in the order given."""
    now = clock.now()
    customers = {
        row.id: row.name
        for row in await session.execute(
            select(Customer.id, Customer.name).where(
                Customer.id.in_({h.customer_id for h in handoffs})
            )
        )
    }
    agents = {
        row.id: Agent(row.username, row.name)
        for row in await session.execute(
            select(Staff.id, Staff.username, Staff.name).where(
                Staff.id.in_({h.agent_id for h in handoffs if h.agent_id})
            )
        )
    }
    timed = await clocks.of_subjects(session, [h.id for h in handoffs])
    lines = await _last_lines(session, handoffs)
    return [
        HandoffView(
            id=h.id,
            conversation_id=h.conversation_id,
            customer_id=h.customer_id,
            customer_name=customers.get(h.customer_id, ""),
            priority=h.priority,
            reason=h.reason,
            state=h.state,
            agent=agents.get(h.agent_id or ""),
            waiting_since=h.waiting_since,
            accepted_at=h.accepted_at,
            ended_at=h.ended_at,
            ended_how=h.ended_how,
            last_message=lines.get(h.id, ""),
            collected=h.collected,
            summary=h.summary,
            sla={kind: clocks.wire(timed[h.id].get(kind), now) for kind in SLA_KINDS},
        )
        for h in handoffs
    ]


async def view(session: AsyncSession, handoff: Handoff) -> HandoffView:
    """Return one handoff as it stands."""
    return (await views(session, [handoff]))[0]


async def _last_lines(session: AsyncSession, handoffs: Sequence[Handoff]) -> dict[str, str]:
    """Return the last line of each handoff that a person wrote, the owner's or the agent's."""
    newest = (
        select(Handoff.id, func.max(Message.seq).label("seq"))
        .join(Message, Message.conversation_id == Handoff.conversation_id)
        .where(
            Handoff.id.in_([h.id for h in handoffs]),
            Message.sender.in_(("owner", "agent")),
            (Handoff.until_seq.is_(None)) | (Message.seq <= Handoff.until_seq),
        )
        .group_by(Handoff.id)
        .subquery()
    )
    rows = await session.execute(
        select(newest.c.id, Message.masked, Attachment.kind)
        .join(Handoff, Handoff.id == newest.c.id)
        .join(
            Message,
            (Message.conversation_id == Handoff.conversation_id) & (Message.seq == newest.c.seq),
        )
        .outerjoin(Attachment, Attachment.id == Message.attachment_id)
    )
    return {row[0]: row[1] or say(f"attachment_{row[2]}" if row[2] else "position") for row in rows}


async def get(session: AsyncSession, handoff_id: str) -> Handoff:
    """Return a handoff's row; raises `LookupError` if there is none."""
    found: Handoff | None = await session.get(Handoff, handoff_id)
    if found is None:
        raise LookupError(f"no handoff {handoff_id}")
    return found


async def open_in(session: AsyncSession, conversation_id: str) -> Handoff | None:
    """Return the conversation's handoff that has not ended, if there is one."""
    query = (
        select(Handoff)
        .where(Handoff.conversation_id == conversation_id, Handoff.state != "ended")
        .order_by(Handoff.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    )
    found: Handoff | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def queue(session: AsyncSession, state: str = "open") -> list[HandoffView]:
    """Return the handoffs in a state, the most urgent and longest waiting first.

    `state`: queued, human, open (both), or ended (within the last day, the latest first).
    """
    query = select(Handoff).limit(QUEUE_LIMIT)
    if state == "ended":
        query = query.where(
            Handoff.state == "ended", Handoff.ended_at >= clock.now() - ENDED_SHOWN
        ).order_by(Handoff.ended_at.desc())
    else:
        states = ("queued", "human") if state == "open" else (state,)
        query = query.where(Handoff.state.in_(states)).order_by(
            Handoff.priority, Handoff.waiting_since, Handoff.id
        )
    rows: Sequence[Handoff] = (await session.execute(query)).scalars().all()
    return await views(session, rows)


async def detail(session: AsyncSession, handoff_id: str) -> HandoffDetail:
    """Return a handoff with what was said until it ended; raises `LookupError`."""
    handoff = await get(session, handoff_id)
    newest_first = (
        select(Message)
        .where(Message.conversation_id == handoff.conversation_id)
        .order_by(Message.seq.desc())
        .limit(500)
    )
    if handoff.until_seq is not None:
        # What the owner says to the bot afterwards is not this agent's to read.
        newest_first = newest_first.where(Message.seq <= handoff.until_seq)
    rows: Sequence[Message] = (await session.execute(newest_first)).scalars().all()
    noted = await session.execute(
        select(HandoffNote).where(HandoffNote.handoff_id == handoff.id).order_by(HandoffNote.id)
    )
    return HandoffDetail(
        handoff=await view(session, handoff),
        messages=await log.views(
            session, rows[::-1], masked=True, attachment_path="/api/desk/attachments/"
        ),
        notes=[Note(n.author, n.text, n.created_at) for n in noted.scalars()],
    )


async def earlier(
    session: AsyncSession, customer_id: str, *, before: str | None = None, limit: int = 10
) -> list[HandoffView]:
    """Return a customer's ended handoffs, the latest first, without the one named."""
    query = (
        select(Handoff)
        .where(Handoff.customer_id == customer_id, Handoff.state == "ended")
        .order_by(Handoff.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(Handoff.id < before)
    rows: Sequence[Handoff] = (await session.execute(query)).scalars().all()
    return await views(session, rows)


async def standing(session: AsyncSession, handoff: Handoff | HandoffView) -> Standing:
    """Return a queued handoff's place and the wait to expect.

    More urgent ones go first, then whoever waits longest. The estimate is the pace at which
    people were accepted lately, times the place.
    """
    ahead = await session.execute(
        select(func.count())
        .select_from(Handoff)
        .where(
            Handoff.state == "queued",
            Handoff.id != handoff.id,
            (Handoff.priority < handoff.priority)
            | (
                (Handoff.priority == handoff.priority)
                & (
                    (Handoff.waiting_since < handoff.waiting_since)
                    | ((Handoff.waiting_since == handoff.waiting_since) & (Handoff.id < handoff.id))
                )
            ),
        )
    )
    position = int(ahead.scalar_one()) + 1
    return Standing(position, math.ceil(position * await _seconds_each(session)))


async def _seconds_each(session: AsyncSession) -> float:
    now = clock.now()
    since = now - timedelta(seconds=policies.seconds("queue", "looks_back"))
    row = (
        await session.execute(
            select(func.count(), func.min(Handoff.accepted_at)).where(
                Handoff.accepted_at >= since, Handoff.accepted_at <= now
            )
        )
    ).one()
    count, first = int(row[0]), row[1]
    if count < policies.seconds("queue", "least_accepts") or first is None:
        return policies.seconds("queue", "seconds_each")
    pace = (now - first).total_seconds() / count
    shortest = policies.seconds("queue", "shortest_each")
    longest = policies.seconds("queue", "longest_each")
    return float(min(max(pace, shortest), longest))


async def state_for_owner(session: AsyncSession, customer_id: str) -> OwnerState:
    """Return who has the word, and what an owner in the queue wants to know."""
    conversation = await log.find(session, customer_id)
    state: OwnerState = {
        "state": "bot" if conversation is None else conversation.word,
        "queue_position": None,
        "estimated_wait_seconds": None,
        "agent": None,
    }
    if conversation is None or conversation.word == "bot":
        return state
    handoff = await open_in(session, conversation.id)
    if handoff is None:
        return state
    if handoff.state == "queued":
        place = await standing(session, handoff)
        state["queue_position"] = place.position
        state["estimated_wait_seconds"] = place.estimated_wait_seconds
    else:
        agent: Staff | None = await session.get(Staff, handoff.agent_id)
        state["agent"] = None if agent is None else {"name": agent.name}
    return state


async def last_ended(session: AsyncSession, conversation_id: str) -> HandoffView | None:
    """Return the conversation's last ended handoff, for the bot's memory of it."""
    query = (
        select(Handoff)
        .where(Handoff.conversation_id == conversation_id, Handoff.state == "ended")
        .order_by(Handoff.id.desc())
        .limit(1)
    )
    found: Handoff | None = (await session.execute(query)).scalar_one_or_none()
    return None if found is None else await view(session, found)


async def collected_for(session: AsyncSession, conversation_id: str) -> dict[str, Any]:
    """Return what the bot had gathered when it last handed over; empty if it never did."""
    query = (
        select(Handoff)
        .where(Handoff.conversation_id == conversation_id)
        .order_by(Handoff.id.desc())
        .limit(1)
    )
    found: Handoff | None = (await session.execute(query)).scalar_one_or_none()
    return {} if found is None else dict(found.collected)
