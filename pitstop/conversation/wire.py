"""What gateway and bot exchange, and what a message looks like to whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict

Sender = Literal["owner", "bot", "agent", "system"]
Word = Literal["bot", "queued", "human"]


@dataclass(frozen=True)
class IncomingMessage:
    """One message of an owner, whichever channel it came by.

    Exactly one of `text`, `button`, `location`, `attachment_id` is set. `key` is the channel's
    own id of the message: with channel and customer it makes the message unique.
    """

    channel: str
    customer_id: str
    key: str
    text: str | None = None
    button: str | None = None
    location: tuple[float, float] | None = None
    attachment_id: str | None = None

    def body(self) -> str:
        """Return what two deliveries of the same message must agree in."""
        return repr((self.text, self.button, self.location, self.attachment_id))


@dataclass(frozen=True)
class Choice:
    """A button as the bot means it: an intent with values, resolved by the server alone."""

    title: str
    intent: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """One message that the bot wants to send."""

    text: str
    choices: tuple[Choice, ...] = ()
    card: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the reply as JSON for the way from bot to gateway."""
        return {
            "text": self.text,
            "choices": [
                {"title": c.title, "intent": c.intent, "values": c.values} for c in self.choices
            ],
            "card": self.card,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Reply:
        """Read what `to_json` wrote."""
        return cls(
            text=str(data.get("text") or ""),
            choices=tuple(
                Choice(str(c["title"]), str(c["intent"]), dict(c.get("values") or {}))
                for c in data.get("choices") or ()
            ),
            card=data.get("card"),
        )


class ButtonView(TypedDict):
    """A button as the public contract shows it: the payload is an opaque id."""

    title: str
    payload: str


class AttachmentView(TypedDict):
    """An attachment as the public contract shows it."""

    id: str
    kind: str
    url: str


class MessageView(TypedDict):
    """A message as the public contract shows it (``GET /api/owner/messages``)."""

    id: str
    seq: int
    sender: Sender
    text: str
    buttons: list[ButtonView]
    card: dict[str, Any] | None
    attachment: AttachmentView | None
    created_at: str
    author: str | None
    reply_to: str | None
