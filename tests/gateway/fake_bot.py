"""A scripted bot on a real socket, in place of Rasa: only for what Rasa would not do on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Answer = Callable[[dict[str, Any]], Awaitable[web.Response]]


def replies(*texts: str, choices: list[dict[str, Any]] | None = None) -> web.Response:
    """Return the channel's answer with these texts; the buttons are the last one's."""
    said: list[dict[str, Any]] = [{"text": text, "choices": [], "card": None} for text in texts]
    if choices:
        said[-1]["choices"] = choices
    return web.json_response({"replies": said})


def refusal(status: int, code: str) -> web.Response:
    """Return the channel's error."""
    return web.json_response({"error": {"code": code}}, status=status)


class FakeBot:
    """Answers turns as the test says and remembers what it was asked."""

    def __init__(self) -> None:
        self.turns: list[dict[str, Any]] = []
        self.answer: Answer = self.echo
        self.ready = 200
        self.tokens: set[str] = set()
        app = web.Application()
        app.router.add_post("/webhooks/pitstop/turn", self._turn)
        app.router.add_get("/webhooks/pitstop/ready", self._health)
        app.router.add_get("/health", self._health)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        """Return the address, without a slash at the end."""
        return str(self.server.make_url("")).rstrip("/")

    async def echo(self, turn: dict[str, Any]) -> web.Response:
        """Say back what was written."""
        return replies(f"听到：{turn['text'] or turn['button_id'] or turn['kind']}")

    async def _turn(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers.get("Authorization", ""))
        turn = await request.json()
        self.turns.append(turn)
        return await self.answer(turn)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"}, status=self.ready)

    def hold(self) -> tuple[asyncio.Event, asyncio.Event]:
        """Let the next turns wait; returns (asked, go)."""
        asked, go = asyncio.Event(), asyncio.Event()

        async def wait(turn: dict[str, Any]) -> web.Response:
            asked.set()
            await go.wait()
            return await self.echo(turn)

        self.answer = wait
        return asked, go
