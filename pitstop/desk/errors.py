"""Errors of the desk's API: one shape, Chinese for people, a code for programs."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

_FILE = Path(__file__).with_name("texts.yml")

# Everything that is refused as things stand is a conflict, unless said otherwise here.
STATUS = {
    "not_signed_in": 401,
    "wrong_password": 401,
    "bad_ticket": 401,
    "locked": 429,
    "too_many_attempts": 429,
    "csrf": 403,
    "forbidden": 403,
    "origin_refused": 403,
    "not_yours": 403,
    "not_found": 404,
    "nothing_to_reveal": 404,
    "bad_json": 400,
    "bad_request": 400,
    "json_only": 415,
    "too_large": 413,
    "empty_text": 422,
    "too_long": 422,
    "empty_summary": 422,
    "empty_result": 422,
    "unknown_target": 422,
}


class Problem(Exception):
    """An answer that is an error; raised anywhere in a handler."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


@lru_cache(maxsize=1)
def _messages() -> dict[str, str]:
    loaded: dict[str, str] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))["errors"]
    return loaded


def answer(code: str, details: dict[str, Any] | None = None) -> web.Response:
    """Return the error `code` as ``{"error": {"code", "message", "details"}}``."""
    body = {"error": {"code": code, "message": _messages()[code], "details": details or {}}}
    return as_json(body, status=STATUS.get(code, 409))


def as_json(data: Any, *, status: int = 200) -> web.Response:
    """Return a JSON answer that no cache keeps: nearly all of it is about people."""
    return web.Response(
        text=json.dumps(data, ensure_ascii=False),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def read_body(request: web.Request) -> dict[str, Any]:
    """Return the request's JSON object; an empty body is an empty object.

    Only ``application/json``: what a form on another site can send without asking is refused.
    """
    if not request.can_read_body:
        return {}
    if request.content_type != "application/json":
        raise Problem("json_only")
    try:
        data = await request.json()
    except web.HTTPRequestEntityTooLarge as error:
        raise Problem("too_large") from error
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise Problem("bad_json") from error
    if not isinstance(data, dict):
        raise Problem("bad_json")
    return data


def text_in(body: dict[str, Any], name: str, *, limit: int = 4000) -> str:
    """Return a text of the body; raises `Problem` if it is missing, no text, or too long."""
    value = body.get(name)
    if not isinstance(value, str):
        raise Problem("bad_request", field=name)
    if len(value) > limit:
        raise Problem("too_long", field=name, limit=limit)
    # Half a surrogate pair is valid JSON, but no database takes it.
    return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
