"""Errors as the contract writes them: a code, a sentence in Chinese, never a stack trace."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from pitstop.base.ids import new_token
from pitstop.gateway.texts import error_text

log = logging.getLogger(__name__)

REQUEST_ID = "request_id"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many",
    503: "unavailable",
}
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class ApiError(Exception):
    """A refusal with its HTTP status and machine code."""

    def __init__(
        self,
        status: int,
        code: str | None = None,
        *,
        details: Any = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.status = status
        self.code = code or _CODES.get(status, "internal")
        self.details = details
        self.headers = headers or {}
        super().__init__(f"{status} {self.code}")


def error_response(
    status: int, code: str, *, details: Any = None, headers: dict[str, str] | None = None
) -> web.Response:
    """Return the contract's error body with its status."""
    body = {"error": {"code": code, "message": error_text(code), "details": details}}
    return web.json_response(body, status=status, headers=headers)


@web.middleware
async def request_id(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Give every request an id, or keep the one that a proxy in front gave it."""
    given = request.headers.get("X-Request-Id", "")
    request[REQUEST_ID] = given if _GIVEN_ID.fullmatch(given) else new_token(12)
    return await handler(request)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever goes wrong into the contract's error JSON; the details go to the log."""
    try:
        return await handler(request)
    except ApiError as error:
        return error_response(
            error.status, error.code, details=error.details, headers=error.headers
        )
    except web.HTTPException as error:
        if error.status < 400 or error.content_type == "application/json":
            raise
        if not is_api(request) and error.status < 500:
            raise
        allow = error.headers.get("Allow")
        return error_response(
            error.status,
            _CODES.get(error.status, "internal" if error.status >= 500 else "bad_request"),
            headers={"Allow": allow} if allow else None,
        )
    except (ConnectionResetError, ConnectionAbortedError):
        raise
    except Exception:
        log.exception("request failed", extra={"request_id": request.get(REQUEST_ID)})
        return error_response(500, "internal", details={"request_id": request.get(REQUEST_ID)})


def is_api(request: web.Request) -> bool:
    """Say whether a program rather than a browser's address bar asked."""
    return request.path.startswith(("/api/", "/wechat", "/openapi"))
