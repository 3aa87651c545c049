"""The way to Rasa: one turn asked, its replies or a plain failure back."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

from pitstop.base.settings import Settings
from pitstop.conversation.wire import Reply
from pitstop.gateway.fallback import need_of

log = logging.getLogger(__name__)

RETRY_AFTER = 0.25  # seconds between two tries inside one turn
PROBE_TIMEOUT = 3.0  # seconds for a health check
TURNS_AT_ONCE = 4
"""Rasa works on one message at a time: with more inside, every turn waits for all the others
until each runs out of time, and a rush would be answered by nothing but failures."""


@dataclass(frozen=True)
class Turn:
    """What the bot is asked. `message_id` makes it replayable: asked twice, handled once."""

    conversation_id: str
    epoch: int
    message_id: str
    kind: str
    text: str | None = None
    button_id: str | None = None


class UnknownButton(Exception):
    """The bot does not know this button any more."""


class BotUnavailable(Exception):
    """The bot gave no answer; `reason` is for logs and metrics."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Bot(Protocol):
    """Whoever answers turns."""

    async def ask(self, turn: Turn) -> list[Reply]:
        """Return the replies; raises `UnknownButton` or `BotUnavailable`."""


class Breaker:
    """Stops asking a bot that hangs, so that owners hear the truth at once and not after 10 s.

    After `limit` failures in a row nothing is asked for `pause` seconds; then one turn tries.
    """

    def __init__(self, *, limit: int = 3, pause: float = 3.0) -> None:
        self._limit = limit
        self._pause = pause
        self._failures = 0
        self._until = 0.0

    def check(self) -> None:
        """Raise `BotUnavailable` while the pause lasts."""
        now = time.monotonic()
        if self._failures < self._limit:
            return
        if now < self._until:
            raise BotUnavailable("breaker_open")
        # This one turn tries; the others go on waiting for its outcome.
        self._until = now + self._pause

    def succeeded(self) -> None:
        """Note that the bot is alive."""
        self._failures = 0

    def failed(self) -> None:
        """Note that the bot could not be reached or hung."""
        self._failures += 1
        self._until = time.monotonic() + self._pause


class BotClient:
    """Asks Rasa's `pitstop` channel over HTTP."""

    def __init__(self, settings: Settings, *, breaker: Breaker | None = None) -> None:
        self._settings = settings
        self._timeout = settings.turn_timeout
        self._breaker = breaker or Breaker()
        self._session: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(TURNS_AT_ONCE)

    async def open(self) -> None:
        """Open the connection pool; needs a running loop."""
        self._session = aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._settings.rasa_token}"},
            timeout=aiohttp.ClientTimeout(total=self._timeout),
        )

    async def close(self) -> None:
        """Close the connection pool."""
        if self._session is not None:
            await self._session.close()

    async def ask(self, turn: Turn) -> list[Reply]:
        """Ask one turn within the turn's time-out; raises `UnknownButton` or `BotUnavailable`.

        In a rush a turn waits for its place first, at most as long as the contract lets the owner
        wait twice over; a danger waits for nobody. A refused or broken connection and a busy
        conversation are tried again while there is time: a turn is replayable, so asking twice
        does nothing twice.
        """
        if turn.text and need_of(turn.text) == "danger":
            return await self._ask(turn)
        try:
            await asyncio.wait_for(self._slots.acquire(), self._timeout * 2)
        except asyncio.TimeoutError as error:
            raise BotUnavailable("overloaded") from error
        try:
            return await self._ask(turn)
        finally:
            self._slots.release()

    async def _ask(self, turn: Turn) -> list[Reply]:
        self._breaker.check()
        deadline = time.monotonic() + self._timeout
        try:
            while True:
                try:
                    replies = await self._ask_once(turn, deadline)
                except _TryAgain as error:
                    # Most of the time is left to the answer itself.
                    if time.monotonic() - (deadline - self._timeout) > self._timeout / 5:
                        raise BotUnavailable(error.reason) from error
                    await asyncio.sleep(RETRY_AFTER)
                else:
                    self._breaker.succeeded()
                    return replies
        except UnknownButton:
            self._breaker.succeeded()
            raise
        except BotUnavailable as error:
            # A bot that says "my action failed" is alive; only silence counts.
            if error.reason in {"timeout", "connection"}:
                self._breaker.failed()
            else:
                self._breaker.succeeded()
            raise

    async def _ask_once(self, turn: Turn, deadline: float) -> list[Reply]:
        left = deadline - time.monotonic()
        if left <= 0:
            raise BotUnavailable("timeout")
        body = {
            "conversation_id": turn.conversation_id,
            "epoch": turn.epoch,
            "message_id": turn.message_id,
            "kind": turn.kind,
            "text": turn.text,
            "button_id": turn.button_id,
        }
        assert self._session is not None, "the client is not open"
        try:
            async with self._session.post(
                f"{self._settings.rasa_url}/webhooks/pitstop/turn",
                json=body,
                timeout=aiohttp.ClientTimeout(total=left),
            ) as response:
                return await _replies(response)
        except asyncio.TimeoutError as error:
            raise BotUnavailable("timeout") from error
        except aiohttp.ClientError as error:
            raise _TryAgain("connection") from error

    async def rasa_ready(self) -> str | None:
        """Return None if Rasa has its model loaded, else what is wrong."""
        return await self._probe(
            f"{self._settings.rasa_url}/webhooks/pitstop/ready", self._settings.rasa_token
        )

    async def actions_ready(self) -> str | None:
        """Return None if the action server answers, else what is wrong."""
        return await self._probe(
            f"{self._settings.actions_url}/health", self._settings.actions_token
        )

    async def _probe(self, url: str, token: str) -> str | None:
        assert self._session is not None, "the client is not open"
        try:
            async with self._session.get(
                url,
                headers={"Authorization": f"Bearer {token}"},
                timeout=aiohttp.ClientTimeout(total=PROBE_TIMEOUT),
            ) as response:
                return None if response.status == 200 else f"status {response.status}"
        except asyncio.TimeoutError:
            return "timeout"
        except aiohttp.ClientError as error:
            return type(error).__name__


class _TryAgain(Exception):
    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


async def _replies(response: aiohttp.ClientResponse) -> list[Reply]:
    if response.status == 200:
        try:
            body: dict[str, Any] = await response.json()
            return [Reply.from_json(item) for item in body["replies"]]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BotUnavailable("bad_answer") from error
    code = await _error_code(response)
    if response.status == 409 and code == "unknown_button":
        raise UnknownButton
    if response.status == 503 and code == "busy":
        raise _TryAgain("busy")
    log.warning("bot refused a turn", extra={"status": response.status, "code": code})
    raise BotUnavailable(code or f"status_{response.status}")


async def _error_code(response: aiohttp.ClientResponse) -> str | None:
    try:
        body = await response.json(content_type=None)
        code = body["error"]["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return str(code)
