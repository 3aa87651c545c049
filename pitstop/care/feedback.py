"""Feedback: praise and suggestions, kept for whoever can act on them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base.masking import mask_text
from pitstop.care.tables import Feedback
from pitstop.storage.events import emit


async def note_feedback(
    session: AsyncSession, customer_id: str, text: str, message_id: str
) -> Feedback:
    """Store what an owner praised or suggested; the same message again: the first row."""
    query = select(Feedback).where(Feedback.message_id == message_id)
    known: Feedback | None = (await session.execute(query)).scalar_one_or_none()
    if known is not None:
        return known
    noted = Feedback(
        customer_id=customer_id, text=text, masked=mask_text(text), message_id=message_id
    )
    try:
        async with session.begin_nested():
            session.add(noted)
    except IntegrityError:
        # Another process stored the same message in the same moment.
        stored: Feedback = (await session.execute(query)).scalar_one()
        return stored
    emit(session, "feedback.noted", noted.id)
    return noted
