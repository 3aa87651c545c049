"""Lines that the gateway itself writes into a conversation, and handing over without the bot."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care import handoffs
from pitstop.conversation import log
from pitstop.conversation.tables import Conversation, InboxEntry
from pitstop.conversation.wire import Choice, Reply
from pitstop.gateway.texts import button_title, duration, line

# Intents of buttons that the router handles itself; Rasa never sees them.
LEAVE_QUEUE = "router:leave_queue"
HANDOFF = "router:handoff"
RETRY = "router:retry"
OWN = "router:"


async def say(
    session: AsyncSession,
    conversation: Conversation,
    entry: InboxEntry,
    key: str,
    *,
    choices: tuple[Choice, ...] = (),
    card: dict[str, Any] | None = None,
    **values: Any,
) -> None:
    """Answer an entry with a system line of `texts.yml`."""
    reply = Reply(line(key, **values), choices, card)
    await log.append(session, conversation, "system", reply, inbox_id=entry.id)


def retry_or_person(message_id: str) -> tuple[Choice, ...]:
    """Return the two ways on after a failure; `message_id` is the turn to try again."""
    return (
        Choice(button_title("retry"), RETRY, {"message_id": message_id}),
        Choice(button_title("handoff"), HANDOFF, {"reason": "bot_unavailable"}),
    )


def person() -> tuple[Choice, ...]:
    """Return the way to a person alone."""
    return (Choice(button_title("handoff"), HANDOFF, {"reason": "bot_unavailable"}),)


def leave_queue() -> tuple[Choice, ...]:
    """Return the way out of the queue."""
    return (Choice(button_title("leave_queue"), LEAVE_QUEUE),)


async def hand_over(
    session: AsyncSession,
    conversation: Conversation,
    entry: InboxEntry,
    *,
    reason: str,
    priority: str = "P2",
) -> None:
    """Queue the owner for a person and say where they stand. Nothing is said before it is so."""
    handoff = await handoffs.open_handoff(
        session,
        entry.customer_id,
        reason=reason,
        priority=priority,
        collected={},
        message_id=entry.id,
    )
    if conversation.word == "human":
        await say(session, conversation, entry, "with_person")
        return
    if priority == "P0":
        await say(session, conversation, entry, "handed_urgent", choices=leave_queue())
        return
    standing = await handoffs.standing(session, handoff)
    ahead = (standing.position or 1) - 1
    await say(
        session,
        conversation,
        entry,
        "handed" if ahead else "handed_first",
        choices=leave_queue(),
        ahead=ahead,
        wait=duration(standing.estimated_wait_seconds or 0),
    )


async def danger(session: AsyncSession, conversation: Conversation, entry: InboxEntry) -> None:
    """Say the safety words before anything else, then fetch a person first of all."""
    await say(session, conversation, entry, "danger")
    await hand_over(session, conversation, entry, reason="danger", priority="P0")
