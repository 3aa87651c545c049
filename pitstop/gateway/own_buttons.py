"""The router's own buttons: leave the queue, ask for a person, try again."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care import handoffs
from pitstop.conversation import log, word
from pitstop.conversation.tables import Button, Conversation, InboxEntry, Message
from pitstop.gateway import lines
from pitstop.gateway.bot_client import Turn


async def press(
    session: AsyncSession, conversation: Conversation, entry: InboxEntry, button: Button
) -> Turn | None:
    """Do what a router button says, in the caller's write.

    Returns the turn to ask the bot again (retry), or None: the answer is in the log.
    """
    if button.intent == lines.LEAVE_QUEUE:
        await _leave_queue(session, conversation, entry)
        return None
    if button.intent == lines.HANDOFF:
        reason = str(button.values.get("reason") or "button")
        await lines.hand_over(session, conversation, entry, reason=reason)
        return None
    if button.intent == lines.RETRY and conversation.word == "bot":
        turn = await _earlier(session, conversation, button)
        if turn is not None:
            return turn
        await lines.say(session, conversation, entry, "nothing_to_retry")
        return None
    if conversation.word == "queued":
        # The failed turn had handed over before its answer was lost.
        await lines.say(
            session, conversation, entry, "bot_late_handed", choices=lines.leave_queue()
        )
        return None
    key = "with_person" if conversation.word == "human" else "button_expired"
    await lines.say(session, conversation, entry, key)
    return None


async def _leave_queue(
    session: AsyncSession, conversation: Conversation, entry: InboxEntry
) -> None:
    before = conversation.seq
    if await handoffs.withdraw(session, entry.customer_id, message_id=entry.id) is None:
        await lines.say(session, conversation, entry, "not_queued")
        return
    # What was said on leaving is the answer to this button, so that a repeat finds it.
    for message in await log.read_after(session, conversation.id, before):
        if message.sender == "system" and message.inbox_id is None:
            message.inbox_id = entry.id


async def _earlier(
    session: AsyncSession, conversation: Conversation, button: Button
) -> Turn | None:
    """Return the failed turn once more, under its own id.

    The bot may have got further than we heard: under the same id it replays what it did, and
    every write of an action finds the first one. A new id would do things twice.
    """
    entry = await session.get(InboxEntry, str(button.values.get("message_id") or ""))
    if entry is None or entry.conversation_id != conversation.id:
        return None
    turn = await turn_of(session, entry)
    if not word.may_commit(conversation, entry.id, entry.epoch):
        return replace(turn, epoch=conversation.epoch)
    return turn


async def turn_of(session: AsyncSession, entry: InboxEntry) -> Turn:
    """Return the turn that asks the bot about an entry."""
    text: str | None = None
    if entry.kind == "text":
        message = await session.get(Message, entry.message_id)
        text = message.text if message is not None else None
    return Turn(
        conversation_id=entry.conversation_id,
        epoch=entry.epoch,
        message_id=entry.id,
        kind=entry.kind,
        text=text,
        button_id=entry.button_id,
    )
