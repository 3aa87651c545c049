"""Masking of documents: whatever a card or the bot's notes hold, pages see the masked form."""

from __future__ import annotations

from typing import Any

from pitstop.base.masking import mask_text
from pitstop.conversation.wire import MessageView


def masked_json(value: Any) -> Any:
    """Return a JSON value with phones, plates, VINs and the like masked in every text."""
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, list):
        return [masked_json(item) for item in value]
    if isinstance(value, dict):
        return {key: masked_json(item) for key, item in value.items()}
    return value


def for_staff(message: MessageView) -> MessageView:
    """Return a message (its text is masked already) with its card masked too.

    Buttons keep their titles only: their ids are the owner's to press.
    """
    shown = message.copy()
    shown["card"] = masked_json(message["card"])
    shown["buttons"] = [{"title": button["title"], "payload": ""} for button in message["buttons"]]
    return shown
