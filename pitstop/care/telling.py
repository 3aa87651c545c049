"""Telling an owner something that they did not ask for just now: a system line with buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.conversation import log
from pitstop.conversation.tables import Message
from pitstop.conversation.wire import Choice, Reply


async def tell(
    session: AsyncSession,
    customer_id: str,
    text: str,
    choices: Sequence[Choice] = (),
    card: dict[str, Any] | None = None,
) -> Message:
    """Write a system line into the owner's conversation, which it locks; begin it if need be.

    Call it in the transaction that did what the line tells of: neither is there without the other.
    """
    conversation = await log.conversation_of(session, customer_id)
    return await log.append(session, conversation, "system", Reply(text, tuple(choices), card))
