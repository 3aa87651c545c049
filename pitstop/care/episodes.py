"""An episode with a person, from the owner's side: into the queue, writing in it, out of it.

Every change takes the conversation's lock first, then looks at the handoff again: of two agents
who press at once, one gets it. Lines and clocks change in the same transaction.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import clocks, policies
from pitstop.care.handoff_views import HandoffView, open_in, view
from pitstop.care.tables import Handoff
from pitstop.care.texts import say
from pitstop.conversation import log, word
from pitstop.conversation.tables import Conversation, Message
from pitstop.conversation.wire import Reply
from pitstop.storage.events import emit


class HandoffRefused(Exception):
    """It cannot be done as things stand.

    `code`: ended, already_taken, not_accepted, not_yours, already_queued, already_theirs,
    unknown_target, empty_text, too_long, empty_summary, id_conflict.
    """

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


class AlreadyTaken(HandoffRefused):
    """Another agent was first."""

    def __init__(self, agent: str | None) -> None:
        super().__init__("already_taken", agent=agent)


async def locked(session: AsyncSession, handoff_id: str) -> tuple[Handoff, Conversation]:
    """Lock a handoff's conversation, then read the handoff as it is now."""
    where = await session.execute(select(Handoff.conversation_id).where(Handoff.id == handoff_id))
    conversation_id = where.scalar_one_or_none()
    if conversation_id is None:
        raise LookupError(f"no handoff {handoff_id}")
    conversation = await log.locked(session, conversation_id)
    query = (
        select(Handoff)
        .where(Handoff.id == handoff_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    handoff: Handoff = (await session.execute(query)).scalar_one()
    return handoff, conversation


def happened(session: AsyncSession, what: str, handoff: Handoff, **data: Any) -> None:
    emit(
        session,
        f"handoff.{what}",
        handoff.id,
        conversation_id=handoff.conversation_id,
        **data,
    )


async def system_line(session: AsyncSession, conversation: Conversation, text: str) -> Message:
    return await log.append(session, conversation, "system", Reply(text))


async def open_handoff(
    session: AsyncSession,
    customer_id: str,
    *,
    reason: str,
    priority: str,
    collected: dict[str, Any],
    message_id: str,
) -> HandoffView:
    """Put a customer into the queue and give it the word; no line in the log.

    `priority` is P0 (danger) to P3. If a handoff is open already it is that one, more urgent if
    need be, with what was collected since. The same `message_id` again: the first result.
    """
    conversation = await log.conversation_of(session, customer_id)
    again = (
        await session.execute(select(Handoff).where(Handoff.message_id == message_id))
    ).scalar_one_or_none()
    if again is not None:
        return await view(session, again)
    standing_open = await open_in(session, conversation.id)
    if standing_open is not None:
        await _raise_priority(session, standing_open, priority, reason)
        standing_open.collected = {**standing_open.collected, **collected}
        happened(session, "updated", standing_open)
        return await view(session, standing_open)
    handoff = Handoff(
        conversation_id=conversation.id,
        customer_id=customer_id,
        priority=priority,
        reason=reason[:40],
        collected=collected,
        from_seq=conversation.seq,
        waiting_since=clock.now(),
        message_id=message_id,
    )
    session.add(handoff)
    await session.flush()
    word.give(session, conversation, "queued", cause=message_id)
    await clocks.start(session, handoff.id, "first_response", priority=priority)
    await clocks.start(session, handoff.id, "resolution", priority=priority)
    happened(session, "opened", handoff, priority=priority)
    return await view(session, handoff)


async def _raise_priority(
    session: AsyncSession, handoff: Handoff, priority: str, reason: str
) -> None:
    if priority >= handoff.priority:
        return
    handoff.priority = priority
    handoff.reason = reason[:40]
    due = clock.now() + policies.target("first_response", priority)
    await clocks.hasten(session, handoff.id, "first_response", due)


async def withdraw(
    session: AsyncSession, customer_id: str, *, message_id: str
) -> HandoffView | None:
    """Let the owner go back to the bot, from the queue or from a person; None if nothing is open.

    The same `message_id` again: the handoff that it ended.
    """
    conversation = await log.conversation_of(session, customer_id)
    again = (
        await session.execute(select(Handoff).where(Handoff.ended_message_id == message_id))
    ).scalar_one_or_none()
    if again is not None:
        return await view(session, again)
    handoff = await open_in(session, conversation.id)
    if handoff is None:
        return None
    handoff.ended_message_id = message_id
    await system_line(session, conversation, say("handoff_withdrawn"))
    how = "withdrawn" if handoff.accepted_at is None else "left"
    await close_episode(session, handoff, conversation, how, cause=message_id)
    return await view(session, handoff)


async def owner_wrote(session: AsyncSession, conversation_id: str) -> None:
    """Time the answer to a message that goes to the queue or to a person.

    Until somebody has answered at all, that is the first response and its clock runs already.
    """
    handoff = await open_in(session, conversation_id)
    if handoff is None:
        return
    handoff.reminded_at = None
    await clocks.resume(session, handoff.id, "resolution")
    first = await clocks.find(session, handoff.id, "first_response")
    if first is not None and first.stopped_at is not None:
        await clocks.start(session, handoff.id, "next_response", priority=handoff.priority)


async def close_episode(
    session: AsyncSession,
    handoff: Handoff,
    conversation: Conversation,
    how: str,
    *,
    cause: str | None = None,
) -> None:
    """Write down that a handoff is over: word, clocks, where in the log it ended."""
    handoff.state = "ended"
    handoff.ended_at = clock.now()
    handoff.ended_how = how
    handoff.until_seq = conversation.seq
    # Nothing may go on counting afterwards. Whoever leaves was not answered: no verdict is "met".
    await clocks.void(session, handoff.id, "first_response")
    await clocks.void(session, handoff.id, "next_response")
    if how in ("withdrawn", "left"):
        await clocks.void(session, handoff.id, "resolution")
    else:
        await clocks.stop(session, handoff.id, "resolution")
    word.give(session, conversation, "bot", cause=cause)
    happened(session, "ended", handoff, how=how)
