"""Buttons as actions write them: a title and ``/intent{…}``, which never leaves the server."""

from __future__ import annotations

import json
from typing import Any

from bot.actions.context import words


def button(
    key: str, intent: str, values: dict[str, Any] | None = None, **fill: Any
) -> dict[str, str]:
    """Return a button whose title stands under `key` in ``words.yml``."""
    return titled(str(words()["buttons"][key]).format(**fill), intent, values)


def titled(title: str, intent: str, values: dict[str, Any] | None = None) -> dict[str, str]:
    """Return a button with a title of its own (a place's name, a time)."""
    tail = json.dumps(values, ensure_ascii=False) if values else ""
    return {"title": title, "payload": f"/{intent}{tail}"}


def human() -> dict[str, str]:
    """Return the button that is never far away."""
    return button("human", "talk_to_human")
