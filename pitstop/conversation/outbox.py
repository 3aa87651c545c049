"""The outbox: messages on their way to the owner; retried with back-off, never sent blindly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.conversation.tables import OutboxEntry

MAX_ATTEMPTS = 8


async def due(session: AsyncSession, channel: str, *, limit: int = 100) -> Sequence[OutboxEntry]:
    """Claim the pending entries of a channel whose moment has come, in the order of writing."""
    query = (
        select(OutboxEntry)
        .where(
            OutboxEntry.state == "pending",
            OutboxEntry.channel == channel,
            OutboxEntry.next_at <= clock.now(),
        )
        .order_by(OutboxEntry.conversation_id, OutboxEntry.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows: Sequence[OutboxEntry] = (await session.execute(query)).scalars().all()
    return rows


def mark_sent(entry: OutboxEntry) -> None:
    """Say that the channel took the message."""
    entry.state = "sent"
    entry.sent_at = clock.now()
    entry.error = None


def mark_unknown(entry: OutboxEntry, why: str) -> None:
    """Say that the channel may have taken it (a time-out): it is not sent again."""
    entry.state = "unknown"
    entry.error = why[:200]


def mark_failed(entry: OutboxEntry, why: str, *, final: bool = False) -> None:
    """Say that the channel did not take it; tried again later unless `final` or tried enough."""
    entry.attempts += 1
    entry.error = why[:200]
    if final or entry.attempts >= MAX_ATTEMPTS:
        entry.state = "failed"
        return
    entry.next_at = clock.now() + timedelta(seconds=min(2**entry.attempts, 300))
