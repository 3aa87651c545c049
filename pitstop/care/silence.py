"""An owner who falls silent is reminded, then the conversation is ended kindly.

Silent is only an owner whom we wait for: never one who waits for us.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import policies
from pitstop.care.episodes import close_episode, happened, locked, system_line
from pitstop.care.surveys import ask
from pitstop.care.tables import Handoff, ServiceClock
from pitstop.care.texts import say
from pitstop.conversation.tables import Message


async def sweep_silence(session: AsyncSession) -> int:
    """Remind or end where an owner has been silent for long enough; return how many."""
    open_ones = await session.execute(select(Handoff.id).where(Handoff.state == "human"))
    touched = 0
    for handoff_id in [row[0] for row in open_ones]:
        if await _silent_since(session, await _reread(session, handoff_id)) is not None:
            touched += await _act(session, handoff_id)
    return touched


async def _reread(session: AsyncSession, handoff_id: str) -> Handoff:
    query = select(Handoff).where(Handoff.id == handoff_id)
    found: Handoff = (
        await session.execute(query.execution_options(populate_existing=True))
    ).scalar_one()
    return found


async def _silent_since(session: AsyncSession, handoff: Handoff) -> datetime | None:
    """Return since when we have waited for the owner, if that is long enough to do something."""
    query = (
        select(Message)
        .where(
            Message.conversation_id == handoff.conversation_id,
            Message.seq > handoff.from_seq,
            Message.sender.in_(("owner", "agent")),
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    last: Message | None = (await session.execute(query)).scalar_one_or_none()
    if last is None or last.sender == "owner" or policies.is_empty_reply(last.text):
        return None
    # Read without a lock: a conversation is always locked before its clocks.
    running = select(ServiceClock.id).where(
        ServiceClock.subject == handoff.id,
        ServiceClock.kind == "next_response",
        ServiceClock.stopped_at.is_(None),
    )
    if (await session.execute(running)).first() is not None:
        # Transferred meanwhile: the owner waits for the new person's first word.
        return None
    waited_from = handoff.reminded_at or last.created_at
    setting = "end_after" if handoff.reminded_at else "remind_after"
    waits = timedelta(seconds=policies.seconds("silence", setting))
    return waited_from if clock.now() - waited_from >= waits else None


async def _act(session: AsyncSession, handoff_id: str) -> int:
    handoff, conversation = await locked(session, handoff_id)
    # Between the look and the lock the owner may have written, or the agent ended it.
    if handoff.state != "human" or await _silent_since(session, handoff) is None:
        return 0
    if handoff.reminded_at is None:
        handoff.reminded_at = clock.now()
        await system_line(session, conversation, say("handoff_silent"))
        happened(session, "reminded", handoff)
        return 1
    await system_line(session, conversation, say("handoff_silent_ended"))
    await ask(session, handoff, conversation)
    await close_episode(session, handoff, conversation, "silent")
    return 1
