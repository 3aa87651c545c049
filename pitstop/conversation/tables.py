"""The tables of a conversation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)

from pitstop.base import clock
from pitstop.base.ids import new_id, new_token
from pitstop.storage.tables import Mapped, Table, column
from pitstop.storage.types import Encrypted, EncryptedJson, Json, UtcTime


class Conversation(Table):
    """One per owner, for ever. `word` says who speaks; each change of it raises `epoch`.

    `epoch_cause` is the id of the inbox entry whose turn made the last change, if one did: that
    turn's own replies are still wanted.
    """

    __tablename__ = "conversation"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    customer_id: Mapped[str] = column(String(40), nullable=False, unique=True)
    word: Mapped[str] = column(String(10), nullable=False, default="bot")
    epoch: Mapped[int] = column(Integer, nullable=False, default=1)
    epoch_cause: Mapped[str | None] = column(String(26))
    seq: Mapped[int] = column(Integer, nullable=False, default=0)
    channel: Mapped[str] = column(String(20), nullable=False, default="web")
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)


class Message(Table):
    """One line of the log. Text and card are encrypted; pages and search use `masked`."""

    __tablename__ = "message"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    conversation_id: Mapped[str] = column(
        String(26), ForeignKey("conversation.id", ondelete="CASCADE"), nullable=False
    )
    seq: Mapped[int] = column(Integer, nullable=False)
    sender: Mapped[str] = column(String(10), nullable=False)
    author: Mapped[str | None] = column(String(60))
    text: Mapped[str] = column(Encrypted, nullable=False)
    masked: Mapped[str] = column(Text, nullable=False)
    buttons: Mapped[list[dict[str, Any]]] = column(Json, nullable=False, default=list)
    card: Mapped[dict[str, Any] | None] = column(EncryptedJson)
    attachment_id: Mapped[str | None] = column(String(26))
    inbox_id: Mapped[str | None] = column(String(26))
    channel: Mapped[str] = column(String(20), nullable=False, default="web")
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    __table_args__ = (
        UniqueConstraint("conversation_id", "seq"),
        Index("ix_message_inbox_id", "inbox_id"),
    )


class InboxEntry(Table):
    """An owner's message as it came in, unique on the channel's key.

    `state`: waiting (for the bot), answered (by the bot), routed (to the agents).
    `epoch` is the one in which the bot is asked; `lease_until` (real time) says which process is
    at it. `position` ("lat,lng") is emptied when the turn that used it commits.
    """

    __tablename__ = "inbox"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    channel: Mapped[str] = column(String(20), nullable=False)
    customer_id: Mapped[str] = column(String(40), nullable=False)
    key: Mapped[str] = column(String(80), nullable=False)
    body_hash: Mapped[str] = column(String(64), nullable=False)
    conversation_id: Mapped[str] = column(
        String(26), ForeignKey("conversation.id", ondelete="CASCADE"), nullable=False
    )
    message_id: Mapped[str] = column(String(26), nullable=False)
    seq: Mapped[int] = column(Integer, nullable=False)
    kind: Mapped[str] = column(String(12), nullable=False, default="text")
    button_id: Mapped[str | None] = column(String(40))
    position: Mapped[str | None] = column(Encrypted)
    state: Mapped[str] = column(String(10), nullable=False, default="waiting")
    epoch: Mapped[int] = column(Integer, nullable=False)
    attempts: Mapped[int] = column(Integer, nullable=False, default=0)
    lease_holder: Mapped[str | None] = column(String(60))
    lease_until: Mapped[datetime | None] = column(UtcTime)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    __table_args__ = (
        UniqueConstraint("channel", "customer_id", "key"),
        Index("ix_inbox_state_conversation_id", "state", "conversation_id"),
    )


class OutboxEntry(Table):
    """A message on its way to the owner. `state`: pending, sent, unknown, failed."""

    __tablename__ = "outbox"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    message_id: Mapped[str] = column(
        String(26), ForeignKey("message.id", ondelete="CASCADE"), nullable=False, unique=True
    )
    conversation_id: Mapped[str] = column(String(26), nullable=False)
    seq: Mapped[int] = column(Integer, nullable=False)
    channel: Mapped[str] = column(String(20), nullable=False)
    state: Mapped[str] = column(String(10), nullable=False, default="pending")
    attempts: Mapped[int] = column(Integer, nullable=False, default=0)
    next_at: Mapped[datetime] = column(UtcTime, nullable=False)
    error: Mapped[str | None] = column(String(200))
    sent_at: Mapped[datetime | None] = column(UtcTime)
    __table_args__ = (Index("ix_outbox_state_next_at", "state", "next_at"),)


class Button(Table):
    """A button's meaning, kept on the server: the owner only ever holds its id."""

    __tablename__ = "button"
    id: Mapped[str] = column(String(40), primary_key=True, default=lambda: new_token(18))
    conversation_id: Mapped[str] = column(
        String(26), ForeignKey("conversation.id", ondelete="CASCADE"), nullable=False
    )
    message_id: Mapped[str] = column(String(26), nullable=False)
    title: Mapped[str] = column(String(80), nullable=False)
    intent: Mapped[str] = column(String(60), nullable=False)
    values: Mapped[dict[str, Any]] = column(Json, nullable=False, default=dict)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)


class Attachment(Table):
    """A picture, voice note or PDF; the bytes are encrypted. `kind`: image, voice, pdf."""

    __tablename__ = "attachment"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    customer_id: Mapped[str] = column(String(40), nullable=False)
    kind: Mapped[str] = column(String(10), nullable=False)
    content_type: Mapped[str] = column(String(60), nullable=False)
    size: Mapped[int] = column(Integer, nullable=False)
    body: Mapped[bytes] = column(LargeBinary, nullable=False)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
