"""The desk's API as the contract has it, in memory, for pages to talk to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from aiohttp import web

SHANGHAI = timezone(timedelta(hours=8))
STAFF = [
    {"username": "xiaoli", "password": "demo", "role": "agent", "name": "小李"},
    {"username": "bianji", "password": "demo", "role": "editor", "name": "小文"},
]


def at(seconds: float) -> str:
    """Return the moment `seconds` from now."""
    return (datetime.now(SHANGHAI) + timedelta(seconds=seconds)).isoformat()


def clock(seconds: float | None, status: str = "running") -> dict[str, Any]:
    """Return a clock of the API."""
    return {"due_at": None if seconds is None else at(seconds), "status": status}


def handoff(number: int, **more: Any) -> dict[str, Any]:
    """Return a waiting handoff as the queue lists it."""
    return {
        "id": f"h{number}",
        "customer": {"id": f"owner-{number}", "name": f"车主{number}"},
        "priority": "P2",
        "reason": "owner_asked",
        "state": "queued",
        "agent": None,
        "waiting_since": at(-20),
        "accepted_at": None,
        "ended_at": None,
        "ended_how": None,
        "last_message": "转人工",
        "summary": None,
        "sla": {
            "first_response": clock(25),
            "next_response": clock(None, "paused"),
            "resolution": clock(1780),
        },
        **more,
    }


def line(seq: int, sender: str, text: str, ago: float, **more: Any) -> dict[str, Any]:
    """Return a line of a transcript."""
    return {
        "id": f"l{seq}",
        "seq": seq,
        "sender": sender,
        "text": text,
        "buttons": [],
        "card": None,
        "attachment": None,
        "created_at": at(-ago),
        "author": None,
        **more,
    }


class FakeDeskApi:
    """One member of staff and some handoffs."""

    def __init__(self) -> None:
        self.role: str | None = None
        self.handoffs = {h["id"]: h for h in (handoff(1), handoff(2))}
        self.lines: dict[str, list[dict[str, Any]]] = {}
        self.notes: dict[str, list[dict[str, Any]]] = {}
        self.extra: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.cases: list[dict[str, Any]] = []
        self.articles: dict[str, dict[str, Any]] = {}
        self.sockets: set[web.WebSocketResponse] = set()
        self.fail_replies = 0

    def setup(self, app: web.Application) -> None:
        """Add the routes."""
        desk = "/api/desk/"
        app.router.add_post(desk + "login", self.log_in)
        app.router.add_get(desk + "me", self.me)
        app.router.add_post(desk + "logout", self.log_out)
        app.router.add_post(desk + "ws-ticket", self.ticket)
        app.router.add_get(desk + "ws", self.ws)
        app.router.add_get(desk + "queue", self.queue)
        app.router.add_get(desk + "staff", self.staff)
        app.router.add_get(desk + "cases", self.all_cases)
        app.router.add_get(desk + "handoffs/{id}", self.detail)
        app.router.add_post(desk + "handoffs/{id}/{what}", self.act)
        app.router.add_get("/api/kb/articles", self.all_articles)
        app.router.add_get("/api/kb/articles/{id}", self.article)
        app.router.add_put("/api/kb/articles/{id}", self.save)
        app.router.add_post("/api/kb/articles/{id}/publish", self.publish)
        app.router.add_get("/api/kb/release", self.release)
        app.router.add_get("/api/kb/search", self.search)
        app.router.add_get("/api/kb/unanswered", self.unanswered)

    async def log_in(self, request: web.Request) -> web.Response:
        body = await request.json()
        for one in STAFF:
            if (one["username"], one["password"]) == (body["username"], body["password"]):
                self.role = one["role"]
                return web.json_response(self._me())
        error = {"code": "wrong_password", "message": "账号或密码不对。"}
        return web.json_response({"error": error}, status=401)

    def _me(self) -> dict[str, Any]:
        one = next(s for s in STAFF if s["role"] == self.role)
        user = {"username": one["username"], "name": one["name"]}
        return {"user": user, "role": one["role"], "csrf_token": "c"}

    async def me(self, _request: web.Request) -> web.Response:
        if self.role is None:
            return web.json_response({"error": {"code": "not_signed_in"}}, status=401)
        return web.json_response(self._me())

    async def log_out(self, _request: web.Request) -> web.Response:
        self.role = None
        return web.json_response({})

    async def ticket(self, _request: web.Request) -> web.Response:
        return web.json_response({"ticket": "t"})

    async def ws(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets.add(socket)
        try:
            async for _ in socket:
                pass
        finally:
            self.sockets.discard(socket)
        return socket

    async def push(self, frame: dict[str, Any]) -> None:
        """Send a frame to every open desk."""
        for socket in list(self.sockets):
            await socket.send_json(frame)

    async def hang_up(self) -> None:
        """Cut every line."""
        for socket in list(self.sockets):
            await socket.close()

    async def queue(self, _request: web.Request) -> web.Response:
        there = [h for h in self.handoffs.values() if h["state"] != "ended"]
        return web.json_response({"handoffs": there})

    async def staff(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "staff": [
                    {"username": "xiaoli", "name": "小李", "role": "agent", "signed_in": True},
                    {"username": "xiaowang", "name": "小王", "role": "agent", "signed_in": True},
                    {"username": "zhang", "name": "张敏", "role": "supervisor", "signed_in": False},
                ]
            }
        )

    async def all_cases(self, _request: web.Request) -> web.Response:
        return web.json_response({"cases": self.cases})

    async def detail(self, request: web.Request) -> web.Response:
        found = self.handoffs[request.match_info["id"]]
        return web.json_response(
            {
                **found,
                "customer": {
                    **found["customer"],
                    "role": "owner",
                    "phone": "138****5678",
                    "vehicles": [],
                    "bookings": [],
                    "cases": [],
                    "handoffs": [],
                },
                "messages": self.lines.get(found["id"], []),
                "collected": {},
                "notes": self.notes.get(found["id"], []),
                **self.extra.get(found["id"], {}),
            }
        )

    async def act(self, request: web.Request) -> web.Response:
        found, what = self.handoffs[request.match_info["id"]], request.match_info["what"]
        body = await request.json()
        self.calls.append((what, body))
        if request.headers.get("X-CSRF-Token") != "c":
            return web.json_response({"error": {"code": "csrf"}}, status=403)
        if what == "accept":
            if found["state"] != "queued":
                error = {"code": "already_taken", "message": "已被其他客服接入。"}
                return web.json_response({"error": error}, status=409)
            found["state"] = "human"
            found["agent"] = self._me()["user"]
        elif what == "reply":
            return self._reply(found, body)
        elif what == "note":
            noted = {"author": "小李", "text": body["text"], "created_at": at(0)}
            self.notes.setdefault(found["id"], []).append(noted)
        elif what == "reveal":
            return web.json_response({"field": body["field"], "value": "13812345678"})
        elif what == "end":
            found["state"] = "ended"
        return web.json_response(found)

    def _reply(self, found: dict[str, Any], body: dict[str, Any]) -> web.Response:
        lines = self.lines.setdefault(found["id"], [])
        said = next((one for one in lines if one.get("client_id") == body["id"]), None)
        if said is None:
            said = line(len(lines) + 1, "agent", body["text"], 0, author="小李")
            said["client_id"] = body["id"]
            lines.append(said)
        if self.fail_replies > 0:
            self.fail_replies -= 1
            error = {"code": "unavailable", "message": "服务暂时不可用。"}
            return web.json_response({"error": error}, status=503)
        return web.json_response({"message": said})

    async def all_articles(self, _request: web.Request) -> web.Response:
        found = list(self.articles.values())
        return web.json_response({"total": len(found), "articles": found, "categories": ["购车"]})

    async def save(self, request: web.Request) -> web.Response:
        article = self.articles.setdefault(request.match_info["id"], {"status": "draft"})
        body = await request.json()
        self.calls.append(("save", body))
        article.update(body, id=request.match_info["id"], version=(body.get("version") or 0) + 1)
        return web.json_response(article)

    async def publish(self, request: web.Request) -> web.Response:
        article = self.articles[request.match_info["id"]]
        article.update(status="published", live_version=article["version"])
        return web.json_response(article)

    async def release(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "running": False,
                "rebuilding": True,
                "failed": False,
                "release": {"version": 12, "delta": {"number": 3}},
            }
        )

    async def article(self, request: web.Request) -> web.Response:
        return web.json_response(self.articles[request.match_info["id"]])

    async def search(self, _request: web.Request) -> web.Response:
        hits = [
            {"article_id": a["id"], "question": a["question"], "score": 0.9}
            for a in self.articles.values()
        ]
        return web.json_response({"decision": "answer", "hits": hits[:1]})

    async def unanswered(self, _request: web.Request) -> web.Response:
        asked = {"id": "u1", "text": "能不能装拖车钩", "decision": "none", "count": 3}
        return web.json_response({"total": 1, "unanswered": [{**asked, "last_at": at(-60)}]})
