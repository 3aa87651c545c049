"""Signing in to the desk: the cookie, the CSRF token, and who may call what."""

from __future__ import annotations

import hmac
import math
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from aiohttp import hdrs, web

from pitstop.base import clock
from pitstop.base.settings import settings
from pitstop.care import cases, handoffs, staff_permissions
from pitstop.care import staff as accounts
from pitstop.care.staff_permissions import StaffAction, StaffNotAllowed
from pitstop.care.tables import Staff, StaffSession
from pitstop.desk.errors import Problem, answer, as_json, read_body, text_in
from pitstop.storage.appkeys import DATABASE

COOKIE = "pitstop_desk"
CSRF_HEADER = "X-CSRF-Token"

# An account locks after five failures; this holds off whoever tries many names from one place.
ATTEMPTS = 30
ATTEMPTS_WINDOW = 60.0  # seconds
MANY_ADDRESSES = 10_000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class SignedIn:
    """Who is calling, and in which session."""

    staff: Staff
    session: StaffSession


class Throttle:
    """How many failed sign-ins came from one address lately (this process)."""

    def __init__(self, limit: int = ATTEMPTS, window: float = ATTEMPTS_WINDOW) -> None:
        self._limit = limit
        self._window = window
        self._failures: dict[str, deque[float]] = {}

    def retry_after(self, address: str) -> int:
        """Return the seconds to wait; 0 if there is nothing to wait for."""
        failures = self._failures.get(address)
        if failures is None:
            return 0
        now = monotonic()
        while failures and failures[0] <= now - self._window:
            failures.popleft()
        if not failures:
            del self._failures[address]
        if len(failures) < self._limit:
            return 0
        return math.ceil(failures[0] + self._window - now)

    def failed(self, address: str) -> None:
        """Count one failure."""
        if len(self._failures) >= MANY_ADDRESSES:
            for known in list(self._failures):
                self.retry_after(known)  # forgets who has not tried lately
        self._failures.setdefault(address, deque()).append(monotonic())


THROTTLE = web.AppKey("login_throttle", Throttle)
SIGNED_IN = "pitstop.desk.signed_in"


async def who(request: web.Request) -> SignedIn | None:
    """Return who is signed in with the request's cookie; for pages too."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    async with request.app[DATABASE].read() as session:
        found = await accounts.by_token(session, token)
    return None if found is None else SignedIn(*found)


def me(request: web.Request) -> SignedIn:
    """Return who is calling a guarded handler."""
    signed_in: SignedIn = request[SIGNED_IN]
    return signed_in


def guarded(handler: Handler, action: StaffAction | None = None) -> Handler:
    """Let only signed-in staff whose role may do `action` through to `handler`.

    Every method but GET needs the session's CSRF token. Turns refusals into the API's errors.
    """

    async def guard(request: web.Request) -> web.StreamResponse:
        signed_in = await who(request)
        if signed_in is None:
            return answer("not_signed_in")
        request[SIGNED_IN] = signed_in
        if request.method not in (hdrs.METH_GET, hdrs.METH_HEAD):
            given = request.headers.get(CSRF_HEADER, "")
            if not hmac.compare_digest(given.encode(), signed_in.session.csrf_token.encode()):
                return answer("csrf")
        try:
            if action is not None:
                staff_permissions.require(signed_in.staff, action)
            return await handler(request)
        except StaffNotAllowed as refusal:
            await _note_refusal(request, signed_in.staff, refusal)
            return answer("forbidden", {"role": refusal.role})
        except (handoffs.HandoffRefused, cases.CaseRefused, Problem) as refusal:
            return answer(refusal.code, refusal.details)
        except LookupError:
            return answer("not_found")

    return guard


def unguarded(handler: Handler) -> Handler:
    """Turn refusals of a handler that needs no sign-in into the API's errors."""

    async def guard(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Problem as refusal:
            return answer(refusal.code, refusal.details)

    return guard


async def _note_refusal(request: web.Request, staff: Staff, refusal: StaffNotAllowed) -> None:
    async with request.app[DATABASE].write() as session:
        subject = request.match_info.get("id", request.path)[:60]
        accounts.audit(session, staff.username, "refused", subject, wanted=refusal.action)


async def log_in(request: web.Request) -> web.Response:
    """``POST login``: set the cookie."""
    body = await read_body(request)
    username = text_in(body, "username", limit=40)
    password = text_in(body, "password", limit=accounts.MAX_PASSWORD)
    throttle = request.app[THROTTLE]
    address = request.remote or ""
    wait = throttle.retry_after(address)
    if wait:
        return _later("too_many_attempts", wait)
    refused: accounts.LoginRefused | None = None
    async with request.app[DATABASE].write() as session:
        try:
            staff, token, csrf = await accounts.log_in(session, username, password)
        except accounts.LoginRefused as refusal:
            # Caught in here, so that the failure that was counted is committed.
            refused = refusal
    if refused is not None:
        throttle.failed(address)
        if refused.until is not None:
            left = (refused.until - clock.now()).total_seconds()
            return _later(refused.code, max(1, math.ceil(left)))
        return answer(refused.code)
    response = as_json(_me(staff, csrf))
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(accounts.SESSION_LASTS.total_seconds()),
        path="/",
        httponly=True,
        samesite="Strict",
        secure=settings().secure_cookies,
    )
    return response


def _later(code: str, seconds: int) -> web.Response:
    response = answer(code, {"retry_after": seconds})
    response.headers["Retry-After"] = str(seconds)
    return response


def _me(staff: Staff, csrf: str) -> dict[str, object]:
    return {
        "user": {"username": staff.username, "name": staff.name},
        "role": staff.role,
        "csrf_token": csrf,
    }


async def show_me(request: web.Request) -> web.Response:
    """``GET me``: who is signed in."""
    signed_in = me(request)
    return as_json(_me(signed_in.staff, signed_in.session.csrf_token))


async def log_out(request: web.Request) -> web.Response:
    """``POST logout``: end the session and drop the cookie."""
    async with request.app[DATABASE].write() as session:
        await accounts.log_out(session, request.cookies.get(COOKIE, ""))
        accounts.audit(session, me(request).staff.username, "log_out", me(request).staff.id)
    response = as_json({})
    response.del_cookie(COOKIE, path="/")
    return response
