"""The inbox: every owner message once, whatever the channel repeats."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.base.ids import new_id
from pitstop.conversation import log
from pitstop.conversation.tables import Attachment, Conversation, InboxEntry
from pitstop.conversation.wire import IncomingMessage, Reply


class InboxConflict(Exception):
    """The same key came with another body."""


class UnknownAttachment(Exception):
    """The attachment does not exist or is somebody else's."""


@dataclass(frozen=True)
class Received:
    """An entry, and whether this delivery was the first."""

    entry: InboxEntry
    first: bool


def _real_now() -> datetime:
    return clock.now() - clock.offset()


async def receive(session: AsyncSession, incoming: IncomingMessage) -> Received:
    """Store an owner's message and show it in the log; a repeat returns the first entry.

    Raises `InboxConflict` if the key is known with another body, `UnknownAttachment` if it
    refers to a file that is not this customer's.
    """
    body_hash = fingerprint(incoming.body())
    known = await _known(session, incoming)
    if known is not None:
        return _repeat(known, body_hash)
    conversation = await log.conversation_of(
        session, incoming.customer_id, channel=incoming.channel
    )
    # Between the first look and the lock, another process may have stored the same message.
    known = await _known(session, incoming)
    if known is not None:
        return _repeat(known, body_hash)
    conversation.channel = incoming.channel
    kind, text = await _shown(session, conversation, incoming)
    entry_id = new_id()
    message = await log.append(
        session,
        conversation,
        "owner",
        Reply(text),
        inbox_id=entry_id,
        attachment_id=incoming.attachment_id,
    )
    entry = InboxEntry(
        id=entry_id,
        channel=incoming.channel,
        customer_id=incoming.customer_id,
        key=incoming.key,
        body_hash=body_hash,
        conversation_id=conversation.id,
        message_id=message.id,
        seq=message.seq,
        kind=kind,
        button_id=incoming.button,
        position=None if incoming.location is None else _position(incoming.location),
        state="waiting",
        epoch=conversation.epoch,
    )
    try:
        async with session.begin_nested():
            session.add(entry)
    except IntegrityError as error:  # pragma: no cover - the lock above makes it unreachable
        raise InboxConflict(incoming.key) from error
    return Received(entry, True)


def _repeat(entry: InboxEntry, body_hash: str) -> Received:
    if entry.body_hash != body_hash:
        raise InboxConflict(entry.key)
    return Received(entry, False)


async def _known(session: AsyncSession, incoming: IncomingMessage) -> InboxEntry | None:
    query = select(InboxEntry).where(
        InboxEntry.channel == incoming.channel,
        InboxEntry.customer_id == incoming.customer_id,
        InboxEntry.key == incoming.key,
    )
    found: InboxEntry | None = (await session.execute(query)).scalar_one_or_none()
    return found


def _position(location: tuple[float, float]) -> str:
    return f"{location[0]:.6f},{location[1]:.6f}"


async def _shown(
    session: AsyncSession, conversation: Conversation, incoming: IncomingMessage
) -> tuple[str, str]:
    """Return the kind of the message and the text that the log shows for it."""
    if incoming.button is not None:
        button = await log.pressed(session, conversation.id, incoming.button)
        return "button", button.title if button else ""
    if incoming.location is not None:
        return "location", ""
    if incoming.attachment_id is not None:
        attachment = await session.get(Attachment, incoming.attachment_id)
        if attachment is None or attachment.customer_id != incoming.customer_id:
            raise UnknownAttachment(incoming.attachment_id)
        return attachment.kind, ""
    return "text", incoming.text or ""


async def claim_next(
    session: AsyncSession, conversation_id: str, holder: str, seconds: float
) -> InboxEntry | None:
    """Lease the oldest waiting entry of a conversation for `holder`.

    None if there is none, or if another holder is at it: messages are answered in their order,
    so nobody takes a later one before.
    """
    query = (
        select(InboxEntry)
        .where(InboxEntry.conversation_id == conversation_id, InboxEntry.state == "waiting")
        .order_by(InboxEntry.seq)
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    entry: InboxEntry | None = (await session.execute(query)).scalar_one_or_none()
    real = _real_now()
    if entry is None:
        return None
    if entry.lease_until is not None and entry.lease_until > real and entry.lease_holder != holder:
        return None
    entry.lease_holder = holder
    entry.lease_until = real + timedelta(seconds=seconds)
    entry.attempts += 1
    return entry


async def stranded(session: AsyncSession, *, limit: int = 50) -> list[str]:
    """Return conversations with a waiting entry that no process is at any more."""
    real = _real_now()
    query = (
        select(InboxEntry.conversation_id)
        .where(
            InboxEntry.state == "waiting",
            (InboxEntry.lease_until.is_(None)) | (InboxEntry.lease_until < real),
        )
        .distinct()
        .limit(limit)
    )
    return [row[0] for row in await session.execute(query)]


def settle(entry: InboxEntry, state: str) -> None:
    """Mark an entry as answered or routed; forget the position it carried."""
    entry.state = state
    entry.position = None
    entry.lease_holder = None
    entry.lease_until = None
