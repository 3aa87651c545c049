"""What an owner hears when the bot gave no answer: the truth, read from the rows there are."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care import bookings, cases, views
from pitstop.care.tables import Booking, BookingChange, Case, CaseStep
from pitstop.conversation.tables import Conversation, InboxEntry
from pitstop.gateway import lines
from pitstop.gateway.bot_client import Turn
from pitstop.gateway.fallback import need_of


async def explain(
    session: AsyncSession,
    conversation: Conversation,
    entry: InboxEntry,
    turn: Turn,
    reason: str,
) -> None:
    """Answer an entry whose turn failed, in the caller's write.

    Text that plainly asks for a person, or names a danger, goes to a person at once. Otherwise
    the owner may try again or ask for a person. An action may have committed before its answer
    was lost: then "nothing was booked" would be a lie, and what was done is shown instead.
    """
    need = need_of(turn.text) if turn.text else None
    if need == "danger":
        await lines.danger(session, conversation, entry)
        return
    if conversation.word != "bot":
        await lines.say(
            session, conversation, entry, "bot_late_handed", choices=lines.leave_queue()
        )
        return
    if need == "person":
        await lines.hand_over(session, conversation, entry, reason="owner_asked")
        return
    done, card = await _done_by(session, entry.customer_id, turn.message_id)
    if done:
        await lines.say(
            session, conversation, entry, "bot_late_done", card=card, choices=lines.person()
        )
        return
    key = "bot_silent" if reason == "silent" else "bot_failed"
    choices = lines.retry_or_person(turn.message_id)
    await lines.say(session, conversation, entry, key, choices=choices)


async def _done_by(
    session: AsyncSession, customer_id: str, message_id: str
) -> tuple[bool, dict[str, Any] | None]:
    """Say whether this message's turn committed anything, with its card."""
    booking_id = await _first(
        session,
        select(Booking.id).where(Booking.message_id.startswith(message_id)),
        select(BookingChange.booking_id).where(BookingChange.message_id.startswith(message_id)),
    )
    if booking_id is not None:
        for booking in await bookings.bookings_of(session, customer_id, active_only=False):
            if booking.id == booking_id:
                return True, views.booking_card(booking)
        return True, None
    case_id = await _first(
        session,
        select(Case.id).where(Case.source == "chat", Case.external_id.startswith(message_id)),
        select(CaseStep.case_id).where(CaseStep.message_id.startswith(message_id)),
    )
    if case_id is not None:
        for case in await cases.cases_of(session, customer_id):
            if case.id == case_id:
                return True, {"type": "case", **cases.case_wire(case)}
        return True, None
    return False, None


async def _first(session: AsyncSession, *queries: Any) -> str | None:
    for query in queries:
        found: str | None = (await session.execute(query.limit(1))).scalar_one_or_none()
        if found is not None:
            return found
    return None
