"""The message log: the one place where a line is added to a conversation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.ids import new_id, new_token
from pitstop.base.masking import mask_plate, mask_text
from pitstop.conversation.tables import Attachment, Button, Conversation, Message, OutboxEntry
from pitstop.conversation.wire import (
    AttachmentView,
    ButtonView,
    Choice,
    MessageView,
    Reply,
    Sender,
)
from pitstop.storage.events import emit


async def conversation_of(
    session: AsyncSession, customer_id: str, *, channel: str = "web"
) -> Conversation:
    """Return the customer's conversation, locked for this write; begin it if there is none."""
    found = await _locked(session, Conversation.customer_id == customer_id)
    if found is not None:
        return found
    try:
        async with session.begin_nested():
            begun = Conversation(id=new_id(), customer_id=customer_id, channel=channel)
            session.add(begun)
        return begun
    except IntegrityError:
        # Another process began it in the same moment.
        again = await _locked(session, Conversation.customer_id == customer_id)
        assert again is not None
        return again


async def locked(session: AsyncSession, conversation_id: str) -> Conversation:
    """Return the conversation, locked for this write; raises `LookupError` if there is none."""
    found = await _locked(session, Conversation.id == conversation_id)
    if found is None:
        raise LookupError(f"no conversation {conversation_id}")
    return found


async def _locked(session: AsyncSession, condition: object) -> Conversation | None:
    query = select(Conversation).where(condition).with_for_update()
    result = await session.execute(query.execution_options(populate_existing=True))
    found: Conversation | None = result.scalar_one_or_none()
    return found


async def find(session: AsyncSession, customer_id: str) -> Conversation | None:
    """Return the customer's conversation without locking it, None if it has not begun."""
    query = select(Conversation).where(Conversation.customer_id == customer_id)
    found: Conversation | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def append(
    session: AsyncSession,
    conversation: Conversation,
    sender: Sender,
    reply: Reply,
    *,
    author: str | None = None,
    inbox_id: str | None = None,
    attachment_id: str | None = None,
) -> Message:
    """Add a line to a conversation locked by this session, with its buttons, outbox and event.

    What an owner wrote needs no delivery; everything else gets an outbox row in the same
    transaction.
    """
    conversation.seq += 1
    message = Message(
        id=new_id(),
        conversation_id=conversation.id,
        seq=conversation.seq,
        sender=sender,
        author=author,
        text=reply.text,
        masked=mask_text(reply.text),
        buttons=[],
        card=reply.card,
        attachment_id=attachment_id,
        inbox_id=inbox_id,
        channel=conversation.channel,
        created_at=clock.now(),
    )
    session.add(message)
    await session.flush()
    message.buttons = _issue(session, conversation, message, reply.choices)
    if sender != "owner":
        session.add(
            OutboxEntry(
                message_id=message.id,
                conversation_id=conversation.id,
                seq=message.seq,
                channel=conversation.channel,
                next_at=clock.now(),
            )
        )
    emit(
        session,
        "message",
        message.id,
        conversation_id=conversation.id,
        seq=message.seq,
        sender=sender,
    )
    return message


def _issue(
    session: AsyncSession,
    conversation: Conversation,
    message: Message,
    choices: Iterable[Choice],
) -> list[dict[str, str]]:
    shown = []
    for choice in choices:
        button = Button(
            id=new_token(18),
            conversation_id=conversation.id,
            message_id=message.id,
            title=choice.title[:80],
            intent=choice.intent,
            values=choice.values,
        )
        session.add(button)
        shown.append({"title": button.title, "payload": button.id})
    return shown


async def pressed(session: AsyncSession, conversation_id: str, button_id: str) -> Button | None:
    """Return the button if it was issued in this conversation, else None."""
    button: Button | None = await session.get(Button, button_id)
    if button is None or button.conversation_id != conversation_id:
        return None
    return button


async def read_after(
    session: AsyncSession, conversation_id: str, seq: int = 0, *, limit: int = 500
) -> Sequence[Message]:
    """Return up to `limit` messages with a number above `seq`, oldest first."""
    query = (
        select(Message)
        .where(Message.conversation_id == conversation_id, Message.seq > seq)
        .order_by(Message.seq)
        .limit(limit)
    )
    rows: Sequence[Message] = (await session.execute(query)).scalars().all()
    return rows


async def replies_to(session: AsyncSession, inbox_id: str) -> Sequence[Message]:
    """Return what was said in answer to an inbox entry, oldest first."""
    query = (
        select(Message)
        .where(Message.inbox_id == inbox_id, Message.sender != "owner")
        .order_by(Message.seq)
    )
    rows: Sequence[Message] = (await session.execute(query)).scalars().all()
    return rows


async def views(
    session: AsyncSession,
    messages: Sequence[Message],
    *,
    masked: bool = False,
    attachment_path: str = "/api/owner/attachments/",
) -> list[MessageView]:
    """Return messages as the contract shows them; `masked` for staff pages."""
    ids = [m.attachment_id for m in messages if m.attachment_id]
    kinds: dict[str, str] = {}
    if ids:
        rows = await session.execute(
            select(Attachment.id, Attachment.kind).where(Attachment.id.in_(ids))
        )
        kinds = {row[0]: row[1] for row in rows}
    return [_view(m, masked, kinds, attachment_path) for m in messages]


def mask_card(card: dict[str, Any]) -> dict[str, Any]:
    """Return a card as staff pages show it: plates and whatever else is personal masked."""
    return {key: _mask_value(key, value) for key, value in card.items()}


def _mask_value(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return mask_card(value)
    if isinstance(value, list):
        return [_mask_value(key, item) for item in value]
    if isinstance(value, str) and key == "plate":
        return mask_plate(value)
    if key == "code":
        # What only the owner may tell the driver.
        return None
    return mask_text(value) if isinstance(value, str) and key == "text" else value


def _view(m: Message, masked: bool, kinds: dict[str, str], attachment_path: str) -> MessageView:
    attachment: AttachmentView | None = None
    if m.attachment_id and m.attachment_id in kinds:
        attachment = {
            "id": m.attachment_id,
            "kind": kinds[m.attachment_id],
            "url": attachment_path + m.attachment_id,
        }
    buttons: list[ButtonView] = [
        {"title": str(b["title"]), "payload": str(b["payload"])} for b in m.buttons
    ]
    sender: Sender = m.sender  # type: ignore[assignment]
    return {
        "id": m.id,
        "seq": m.seq,
        "sender": sender,
        "text": m.masked if masked else m.text,
        "buttons": buttons,
        "card": mask_card(m.card) if masked and m.card else m.card,
        "attachment": attachment,
        "created_at": m.created_at.astimezone(clock.SHANGHAI).isoformat(),
        "author": m.author,
        "reply_to": m.inbox_id if m.sender != "owner" else None,
    }
