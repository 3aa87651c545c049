"""What every handler does with a request first: who asks, and what they sent."""

from __future__ import annotations

import json
import logging
import math
from datetime import datetime
from typing import Any

from aiohttp import web

from pitstop.gateway.errors import ApiError
from pitstop.gateway.keys import TOKENS
from pitstop.gateway.limits import RateLimit
from pitstop.gateway.tokens import BadToken

log = logging.getLogger(__name__)


def owner(request: web.Request) -> str:
    """Return the customer id of the request's token; raises `ApiError` 401."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise ApiError(401, headers={"WWW-Authenticate": "Bearer"})
    try:
        return request.app[TOKENS].subject(token.strip())
    except BadToken as error:
        log.info("owner token refused", extra={"reason": str(error)})
        raise ApiError(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'}) from None


async def json_body(request: web.Request, *, optional: bool = False) -> Any:
    """Return the request's JSON; raises `ApiError` 400, or 413 beyond the application's limit."""
    raw = await request.read()
    if optional and not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise ApiError(400, "bad_json") from None


async def json_object(request: web.Request, *, optional: bool = False) -> dict[str, Any]:
    """Return the request's JSON object; raises `ApiError` 400 for anything else."""
    body = await json_body(request, optional=optional)
    if not isinstance(body, dict):
        raise ApiError(400, "bad_request")
    return body


def after_seq(request: web.Request) -> int | None:
    """Return the query's `after`, None if it is not there; raises `ApiError` 400."""
    raw = request.query.get("after")
    if raw is None or raw == "":
        return None
    if not (raw.isascii() and raw.isdigit()) or len(raw) > 9:
        raise ApiError(400, "bad_cursor")
    return int(raw)


def count(limit: RateLimit, subject: str) -> None:
    """Count one against a rate limit; raises `ApiError` 429 with `Retry-After`."""
    wait = limit.take(subject)
    if wait > 0:
        seconds = max(1, math.ceil(wait))
        raise ApiError(429, details={"retry_after": seconds}, headers={"Retry-After": str(seconds)})


def moment(value: object) -> datetime:
    """Return an ISO 8601 time with its zone; raises `ApiError` 400."""
    if not isinstance(value, str):
        raise ApiError(400, "bad_time")
    text = value.strip()
    if text[-1:] in {"Z", "z"}:
        # Python 3.10 does not know the short form of UTC.
        text = text[:-1] + "+00:00"
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ApiError(400, "bad_time") from None
    if found.tzinfo is None:
        raise ApiError(400, "bad_time")
    return found
