"""The web channel: the app's JSON to an `IncomingMessage`, and an answer back."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any, TypedDict

from pitstop.conversation.wire import IncomingMessage, MessageView
from pitstop.gateway.errors import ApiError

CHANNEL = "web"
MAX_ID = 80
MAX_TEXT = 4000
MAX_PAYLOAD = 40  # as long as the ids of our buttons can be
_KINDS = ("text", "payload", "location", "attachment_id")


class Answer(TypedDict):
    """What ``POST /api/owner/messages`` answers."""

    messages: list[MessageView]
    pending: bool


def read_message(customer_id: str, body: object) -> IncomingMessage:
    """Check a message as it came; raises `ApiError` 400 naming what is wrong with it."""
    if not isinstance(body, Mapping):
        raise ApiError(400, "bad_request")
    key = body.get("id")
    if not isinstance(key, str) or not 0 < len(key) <= MAX_ID or not key.isprintable():
        raise ApiError(400, "bad_id")
    given = [name for name in _KINDS if body.get(name) is not None]
    if len(given) != 1:
        raise ApiError(400, "bad_body")
    kind, value = given[0], body[given[0]]
    if kind == "text":
        return IncomingMessage(CHANNEL, customer_id, key, text=read_text(value))
    if kind == "payload":
        return IncomingMessage(CHANNEL, customer_id, key, button=_opaque(value, "bad_payload"))
    if kind == "location":
        return IncomingMessage(CHANNEL, customer_id, key, location=_location(value))
    return IncomingMessage(
        CHANNEL, customer_id, key, attachment_id=_opaque(value, "unknown_attachment")
    )


def read_text(value: object) -> str:
    """Return typed text; raises `ApiError` 400 if it is empty, too long or not text."""
    if not isinstance(value, str):
        raise ApiError(400, "bad_body")
    if len(value) > MAX_TEXT:
        raise ApiError(400, "text_too_long", details={"max": MAX_TEXT})
    # Lone surrogates cannot be encoded and NUL cannot be stored; both come out of valid JSON.
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\r\t" for c in value):
        raise ApiError(400, "bad_characters")
    if not any(unicodedata.category(c) not in {"Cf", "Zs", "Zl", "Zp", "Cc"} for c in value):
        raise ApiError(400, "empty_text")
    return value


def _opaque(value: object, code: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_PAYLOAD or not value.isprintable():
        raise ApiError(400, code)
    return value


def _location(value: object) -> tuple[float, float]:
    if not isinstance(value, Mapping):
        raise ApiError(400, "bad_location")
    lat, lng = _degrees(value.get("lat"), 90), _degrees(value.get("lng"), 180)
    return lat, lng


def _degrees(value: Any, limit: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ApiError(400, "bad_location")
    # Compared before the conversion: JSON numbers may be larger than a float.
    if not -limit <= value <= limit or not math.isfinite(value):
        raise ApiError(400, "bad_location")
    return float(value)
