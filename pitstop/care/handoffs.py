"""Handoffs: from the bot to a person and back; what an agent does with one.

The owner's side is in `episodes`; both are offered here.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.care import clocks, policies, staff_permissions
from pitstop.care.episodes import (
    AlreadyTaken,
    HandoffRefused,
    close_episode,
    happened,
    locked,
    open_handoff,
    owner_wrote,
    system_line,
    withdraw,
)
from pitstop.care.handoff_views import (
    HandoffDetail,
    HandoffView,
    OwnerState,
    Standing,
    collected_for,
    detail,
    handoff_wire,
    last_ended,
    queue,
    standing,
    state_for_owner,
    view,
)
from pitstop.care.surveys import ask
from pitstop.care.tables import Handoff, HandoffNote, HandoffReply, Staff
from pitstop.care.texts import say
from pitstop.conversation import log, word
from pitstop.conversation.tables import Message
from pitstop.conversation.wire import Reply

__all__ = [
    "AlreadyTaken",
    "HandoffDetail",
    "HandoffRefused",
    "HandoffView",
    "OwnerState",
    "Standing",
    "accept",
    "collected_for",
    "detail",
    "end",
    "handoff_wire",
    "last_ended",
    "note",
    "open_handoff",
    "owner_wrote",
    "queue",
    "reply",
    "return_to_bot",
    "standing",
    "state_for_owner",
    "transfer",
    "withdraw",
]

MAX_TEXT = 2000


async def accept(session: AsyncSession, staff: Staff, handoff_id: str) -> HandoffView:
    """Give a queued handoff to this agent; raises `AlreadyTaken` for everybody after the first."""
    staff_permissions.require(staff, "accept")
    handoff, conversation = await locked(session, handoff_id)
    if handoff.state == "ended":
        raise HandoffRefused("ended")
    if handoff.state == "human":
        holder: Staff | None = await session.get(Staff, handoff.agent_id)
        raise AlreadyTaken(None if holder is None else holder.name)
    _assign(handoff, staff)
    await system_line(session, conversation, say("handoff_accepted", name=staff.name))
    word.give(session, conversation, "human")
    happened(session, "accepted", handoff)
    return await view(session, handoff)


def _assign(handoff: Handoff, staff: Staff) -> None:
    handoff.state = "human"
    handoff.agent_id = staff.id
    # The first person's moment: a later transfer is no new first.
    handoff.accepted_at = handoff.accepted_at or clock.now()
    handoff.reminded_at = None


def _require_holder(handoff: Handoff, staff: Staff, *, takeover: bool = False) -> None:
    if handoff.state == "ended":
        raise HandoffRefused("ended")
    if takeover and staff_permissions.allowed(staff.role, "takeover"):
        return
    if handoff.state == "queued":
        raise HandoffRefused("not_accepted")
    if handoff.agent_id != staff.id:
        raise HandoffRefused("not_yours")


def _written(text: str) -> str:
    text = text.strip()
    if not text:
        raise HandoffRefused("empty_text")
    if len(text) > MAX_TEXT:
        raise HandoffRefused("too_long", limit=MAX_TEXT)
    return text


async def reply(
    session: AsyncSession, staff: Staff, handoff_id: str, client_id: str, text: str
) -> Message:
    """Say something to the owner; only the agent who has the handoff may.

    The same `client_id` again: the first message, said once; with another text it is refused.
    """
    staff_permissions.require(staff, "reply")
    text = _written(text)
    handoff, conversation = await locked(session, handoff_id)
    body_hash = fingerprint(f"{staff.id}\n{text}")
    known = (
        await session.execute(
            select(HandoffReply).where(
                HandoffReply.handoff_id == handoff.id, HandoffReply.client_id == client_id
            )
        )
    ).scalar_one_or_none()
    if known is not None:
        if known.body_hash != body_hash:
            raise HandoffRefused("id_conflict")
        said: Message = (
            await session.execute(select(Message).where(Message.id == known.message_id))
        ).scalar_one()
        return said
    _require_holder(handoff, staff)
    message = await log.append(session, conversation, "agent", Reply(text), author=staff.name)
    session.add(
        HandoffReply(
            handoff_id=handoff.id,
            client_id=client_id,
            body_hash=body_hash,
            message_id=message.id,
        )
    )
    await clocks.stop(session, handoff.id, "next_response")
    if not policies.is_empty_reply(text):
        await clocks.stop(session, handoff.id, "first_response")
        await clocks.pause(session, handoff.id, "resolution")
    return message


async def note(
    session: AsyncSession,
    staff: Staff,
    handoff_id: str,
    text: str,
    client_id: str | None = None,
) -> HandoffNote:
    """Add a note that only staff see; a colleague may, and also after the end.

    The same `client_id` again: the first note.
    """
    staff_permissions.require(staff, "note")
    text = _written(text)
    handoff, _ = await locked(session, handoff_id)
    if client_id is not None:
        query = select(HandoffNote).where(
            HandoffNote.handoff_id == handoff.id, HandoffNote.client_id == client_id
        )
        known: HandoffNote | None = (await session.execute(query)).scalar_one_or_none()
        if known is not None:
            return known
    noted = HandoffNote(handoff_id=handoff.id, author=staff.name, text=text, client_id=client_id)
    session.add(noted)
    await session.flush()
    happened(session, "noted", handoff)
    return noted


async def transfer(session: AsyncSession, staff: Staff, handoff_id: str, to: str) -> HandoffView:
    """Hand over to a colleague (`to` is a username) or back into the "queue".

    The agent who has it may; a supervisor may at any time, to take it over or to assign it.
    """
    staff_permissions.require(staff, "transfer")
    handoff, conversation = await locked(session, handoff_id)
    _require_holder(handoff, staff, takeover=True)
    if to == "queue":
        if handoff.state == "queued":
            raise HandoffRefused("already_queued")
        handoff.state = "queued"
        handoff.agent_id = None
        await system_line(session, conversation, say("handoff_requeued"))
        word.give(session, conversation, "queued")
    else:
        target = await _colleague(session, to)
        if handoff.agent_id == target.id:
            raise HandoffRefused("already_theirs")
        _assign(handoff, target)
        await system_line(session, conversation, say("handoff_transferred", name=target.name))
        word.give(session, conversation, "human")
    await _wait_for_next_person(session, handoff)
    happened(session, "transferred", handoff)
    return await view(session, handoff)


async def _colleague(session: AsyncSession, username: str) -> Staff:
    target: Staff | None = (
        await session.execute(select(Staff).where(Staff.username == username))
    ).scalar_one_or_none()
    if target is None or not target.active or not staff_permissions.allowed(target.role, "accept"):
        raise HandoffRefused("unknown_target", to=username)
    return target


async def _wait_for_next_person(session: AsyncSession, handoff: Handoff) -> None:
    """After a transfer the owner waits for the new person, whoever wrote last."""
    await clocks.resume(session, handoff.id, "resolution")
    first = await clocks.find(session, handoff.id, "first_response")
    following = await clocks.find(session, handoff.id, "next_response")
    answered = first is not None and first.stopped_at is not None
    if answered and (following is None or following.stopped_at is not None):
        await clocks.start(session, handoff.id, "next_response", priority=handoff.priority)


async def return_to_bot(session: AsyncSession, staff: Staff, handoff_id: str) -> HandoffView:
    """Give the conversation back to the bot without a survey: there is more for it to do."""
    staff_permissions.require(staff, "end")
    handoff, conversation = await locked(session, handoff_id)
    _require_holder(handoff, staff, takeover=True)
    await system_line(session, conversation, say("handoff_returned", name=staff.name))
    await close_episode(session, handoff, conversation, "returned")
    return await view(session, handoff)


def read_summary(summary: dict[str, Any]) -> dict[str, Any]:
    """Return a summary with its three parts; raises `HandoffRefused` if it says nothing.

    `category` (as of a case), `result` (solved, promised, unsolved or words) and `text`; more
    fields are kept.
    """
    kept = {str(k): v for k, v in summary.items() if isinstance(v, (str, int, float, bool, list))}
    words = [v.strip() for v in kept.values() if isinstance(v, str) and v.strip()]
    if not words:
        raise HandoffRefused("empty_summary")
    text = str(kept.get("text") or "").strip() or "；".join(words)
    if len(text) > MAX_TEXT:
        raise HandoffRefused("too_long", limit=MAX_TEXT)
    return {
        **kept,
        "category": str(kept.get("category") or "other"),
        "result": str(kept.get("result") or "solved"),
        "text": text,
    }


async def end(
    session: AsyncSession, staff: Staff, handoff_id: str, summary: dict[str, Any]
) -> HandoffView:
    """End the conversation with a summary, ask for a rating, and give the bot the word."""
    staff_permissions.require(staff, "end")
    told = read_summary(summary)
    handoff, conversation = await locked(session, handoff_id)
    _require_holder(handoff, staff, takeover=True)
    handoff.summary = told
    await system_line(session, conversation, say("handoff_ended", name=staff.name))
    await ask(session, handoff, conversation)
    await close_episode(session, handoff, conversation, "ended")
    return await view(session, handoff)
