"""The owner's API as the contract has it, in memory, for pages to talk to."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

from aiohttp import web

from tests.pages.fake_desk import STAFF

SHANGHAI = timezone(timedelta(hours=8))
CUSTOMERS = [
    {
        "id": "owner-1",
        "name": "林晓",
        "role": "owner",
        "vehicles": [{"plate": "沪A·D12345", "model": "YS6", "vin": "LYX00000000000001"}],
    },
    {"id": "visitor-1", "name": "周游", "role": "visitor", "vehicles": []},
]
START = datetime.now(SHANGHAI).replace(microsecond=0)


class FakeOwnerApi:
    """One conversation. So many sends get 503: `drop` before they are stored, `fail` after."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.answers: dict[str, list[dict[str, Any]]] = {}
        self.posts: list[dict[str, Any]] = []
        self.senders: list[str] = []
        self.sockets: set[web.WebSocketResponse] = set()
        self.state: dict[str, Any] = {
            "state": "bot",
            "queue_position": None,
            "estimated_wait_seconds": None,
            "agent": None,
        }
        self.connected = asyncio.Event()
        self.fail = 0
        self.drop = 0
        self.delay = 0.0
        self.script: dict[str, list[dict[str, Any]]] = {}

    def setup(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/api/demo/fixtures", self.fixtures)
        app.router.add_post("/api/demo/token", self.token)
        app.router.add_post("/api/owner/messages", self.send)
        app.router.add_get("/api/owner/messages", self.history)
        app.router.add_get("/api/owner/conversation", self.conversation)
        app.router.add_post("/api/owner/ws-ticket", self.ticket)
        app.router.add_get("/api/owner/ws", self.ws)
        app.router.add_post("/api/owner/attachments", self.upload)
        app.router.add_get("/api/owner/attachments/{id}", self.attachment)
        self.files: dict[str, bytes] = {}

    def add(self, sender: str, text: str, **more: Any) -> dict[str, Any]:
        """Add a line to the log without pushing it."""
        seq = len(self.lines) + 1
        minutes = more.pop("ago", 0)
        line = {
            "id": f"m{seq}",
            "seq": seq,
            "sender": sender,
            "text": text,
            "buttons": [],
            "card": None,
            "attachment": None,
            "created_at": (datetime.now(SHANGHAI) - timedelta(minutes=minutes)).isoformat(),
            "author": None,
            **more,
        }
        self.lines.append(line)
        return line

    async def push(self, frame: dict[str, Any]) -> None:
        """Send a frame to every open page."""
        for socket in list(self.sockets):
            await socket.send_json(frame)

    async def hang_up(self) -> None:
        """Cut every line."""
        self.connected.clear()
        for socket in list(self.sockets):
            await socket.close()

    async def fixtures(self, _request: web.Request) -> web.Response:
        body = {"customers": CUSTOMERS, "stores": [], "stations": [], "staff": STAFF}
        return web.json_response(body)

    async def token(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response({"token": f"demo.{body['customer_id']}.x"})

    async def send(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.posts.append(body)
        self.senders.append(request.headers["Authorization"])
        if self.drop > 0:
            self.drop -= 1
            return web.json_response({"error": {"code": "unavailable", "message": "x"}}, status=503)
        if body["id"] not in self.answers:
            self.answers[body["id"]] = []
            self._take(body)
            await asyncio.sleep(self.delay)
            said = body.get("text") or body.get("payload") or "*"
            for reply in self.script.get(said, [{"text": f"收到：{said}"}]):
                self.answers[body["id"]].append(self.add("bot", **reply))
        if self.fail > 0:
            self.fail -= 1
            return web.json_response({"error": {"code": "unavailable", "message": "x"}}, status=503)
        return web.json_response({"messages": self.answers[body["id"]], "pending": False})

    def _take(self, body: dict[str, Any]) -> None:
        titles = {b["payload"]: b["title"] for line in self.lines for b in line["buttons"]}
        attachment = body.get("attachment_id")
        self.add(
            "owner",
            body.get("text") or titles.get(body.get("payload", ""), ""),
            attachment=attachment
            and {"id": attachment, "kind": "image", "url": f"/api/owner/attachments/{attachment}"},
        )

    async def history(self, request: web.Request) -> web.Response:
        after = int(request.query["after"])
        return web.json_response({"messages": [m for m in self.lines if m["seq"] > after]})

    async def conversation(self, _request: web.Request) -> web.Response:
        return web.json_response(self.state)

    async def ticket(self, _request: web.Request) -> web.Response:
        return web.json_response({"ticket": "t"})

    async def ws(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.add(socket)
        self.connected.set()
        try:
            async for _ in socket:
                pass
        finally:
            self.sockets.discard(socket)
        return socket

    async def upload(self, request: web.Request) -> web.Response:
        async for part in await request.multipart():
            body = await part.read()
            name = f"a{len(self.files) + 1}"
            self.files[name] = bytes(body)
            url = f"/api/owner/attachments/{name}"
            return web.json_response({"id": name, "kind": "image", "url": url})
        raise web.HTTPBadRequest

    async def attachment(self, request: web.Request) -> web.Response:
        body = self.files.get(request.match_info["id"])
        if body is None or "Authorization" not in request.headers:
            raise web.HTTPNotFound
        return web.Response(body=body, content_type="image/png")


def booking(**more: Any) -> dict[str, Any]:
    """Return a booking as a card has it."""
    start = START + timedelta(days=2)
    return {
        "type": "booking",
        "id": "b1",
        "reference": "BY-7K2M",
        "kind": "maintenance",
        "status": "confirmed",
        "step": "booked",
        "place": {
            "id": "store-1",
            "name": "上海闵行服务中心",
            "lat": 31.11,
            "lng": 121.38,
            "side": None,
        },
        "start": start.replace(hour=9, minute=30, second=0).isoformat(),
        "end": start.replace(hour=11, minute=0, second=0).isoformat(),
        "vehicle": {"plate": "沪A·D12345", "model": "YS6"},
        "service": "小保养",
        "mode": "in_store",
        "price": {"amount": "398.00", "currency": "CNY", "estimate": False},
        **more,
    }
