"""The workshop's API as the pages see it, in memory: a store and a swap station on one Monday."""

from __future__ import annotations

from typing import Any

from aiohttp import web

DAY = "2026-11-23"
NOW = f"{DAY}T10:05:00+08:00"
PLACES = [
    {"id": "store-1", "name": "上海闵行服务中心", "kind": "service_centre", "city": "上海",
     "side": None},
    {"id": "station-1", "name": "前滩太古里换电站", "kind": "swap_station", "city": "上海",
     "side": None},
]  # fmt: skip
CODES = {
    "xiaoli": ("小李", "agent"),
    "guan": ("管理员", "admin"),
}


def at(hour: str, day: str = DAY) -> str:
    """Return a moment of that Monday."""
    return f"{day}T{hour}:00+08:00"


def span(start: str, end: str) -> dict[str, str]:
    return {"start": at(start), "end": at(end)}


def lane(key: str, kind: str, label: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key, "kind": kind, "label": label, "skills": [], "pack_kwh": None, "soc": None,
        "shifts": None, "away": None, **more,
    }  # fmt: skip


def booking(
    number: int, start: str, end: str, lanes: list[str], step: str = "booked", **more: Any
) -> dict[str, Any]:
    """Return a booking as the day lists it."""
    ended = step in ("done", "cancelled", "no_show")
    status = step if ended else "confirmed" if step in ("booked", "locked", "planned") else None
    return {
        "id": f"b{number}",
        "reference": f"BK261123{number:04}",
        "kind": "maintenance",
        "mode": "in_store",
        "status": status or "in_progress",
        "step": step,
        **span(start, end),
        "names": ["小保养"],
        "customer": f"车主{number}",
        "vehicle": {"plate": f"沪A***{number:02}", "model": "YS6", "pack_kwh": 100},
        "technician_id": next((one for one in lanes if one.startswith("t")), None),
        "person_asked": False,
        "ready_at": None,
        "lock_until": None,
        "parts_at": None,
        "asked": 0,
        "holds": [{"lane": one, **span(start, end)} for one in lanes],
        **more,
    }


def store() -> dict[str, Any]:
    """Return the store's Monday."""
    shift = [span("08:30", "17:30")]
    return {
        "place": PLACES[0],
        "day": DAY,
        "now": NOW,
        "drawn": span("08:00", "19:00"),
        "hours": [span("08:30", "19:00")],
        "closed": None,
        "lanes": [
            lane("bay-1", "bay", "工位1"),
            lane("bay-2", "bay", "工位2"),
            lane("bay-3", "bay", "工位3"),
            lane("t-1", "technician", "王建国", skills=["general", "tyre"], shifts=shift),
            lane("t-2", "technician", "李卫东", skills=["general", "electrical", "high_voltage"],
                 shifts=[span("09:00", "19:00")]),
            lane("t-3", "technician", "赵磊", skills=["body"], shifts=[], away="年假"),
            lane("d-1", "driver", "取送车专员1", shifts=shift),
        ],
        "closures": [
            {"id": "c1", "resource_id": "bay-3", **span("14:00", "16:00"), "reason": "maintenance",
             "note": "举升机年检"},
        ],
        "bookings": [
            booking(1, "08:30", "09:30", ["bay-1", "t-1"], "ready", customer="陈思远",
                    ready_at=at("09:30")),
            booking(2, "09:00", "11:00", ["bay-2", "t-1"], "quoting", customer="林晓雯", asked=1,
                    names=["故障检查"], person_asked=True,
                    holds=[{"lane": "bay-2", **span("09:00", "11:00")},
                           {"lane": "t-1", **span("09:30", "11:00")}]),
            booking(3, "10:00", "10:30", ["bay-1", "t-2"], "booked", customer="赵启明",
                    names=["空调滤芯更换"]),
            booking(4, "11:00", "13:00", ["bay-1", "t-1"], "booked", customer="沈若兰",
                    names=["大保养", "制动液更换"], parts_at=at("10:40")),
            booking(5, "13:00", "14:30", ["bay-2", "t-2"], "booked", customer="顾海峰",
                    mode="pickup", names=["刹车片更换"]),
            booking(6, "09:15", "10:00", ["bay-3", "t-2"], "working", customer="刘梦瑶",
                    names=["12V小电瓶更换"]),
            booking(7, "15:00", "15:30", ["bay-1", "t-2"], "cancelled", customer="孙立群",
                    holds=[]),
            {**booking(8, "09:00", "11:00", [], "waiting_parts", customer="徐佳宁",
                       names=["前风挡更换"]), "start": at("09:00", "2026-11-20"),
             "end": at("12:00", "2026-11-20")},
        ],
        "journeys": [
            {"id": "j1", "booking_id": "b5", "leg": "out", "worker_id": "d-1",
             "status": "on_the_way", **span("11:30", "12:15")},
            {"id": "j2", "booking_id": "b5", "leg": "back", "worker_id": None, "status": "planned",
             **span("15:00", "16:00")},
        ],
    }  # fmt: skip


def station() -> dict[str, Any]:
    """Return the station's Monday."""
    packs = [
        lane(f"p-{kwh}-{n}", "pack", f"{kwh}度电池{n}", pack_kwh=kwh, soc=soc)
        for kwh, socs in ((75, (100, 96, 71, 40)), (100, (100, 88, 52, 30)))
        for n, soc in enumerate(socs, 1)
    ]
    swap: dict[str, Any] = {"kind": "swap", "mode": "station", "names": []}
    return {
        "place": PLACES[1],
        "day": DAY,
        "now": NOW,
        "drawn": {"start": at("00:00"), "end": at("00:00", "2026-11-24")},
        "hours": [{"start": at("00:00"), "end": at("00:00", "2026-11-24")}],
        "closed": None,
        "lanes": [lane("s-1", "bay", "换电仓1"), *packs],
        "closures": [
            {"id": "c2", "resource_id": None, **span("13:00", "14:00"), "reason": "power_limit",
             "note": None},
        ],
        "bookings": [
            booking(21, "10:15", "10:30", ["s-1", "p-100-1"], "locked", lock_until=at("10:45"),
                    customer="陈思远", **swap),
            booking(22, "10:45", "11:00", ["s-1"], "planned", customer="林晓雯", **swap),
            booking(23, "11:30", "11:45", [], "broken", status="confirmed", customer="赵启明",
                    vehicle={"plate": "京A***74", "model": "YT5", "pack_kwh": 75}, **swap),
            booking(24, "09:00", "09:15", ["s-1", "p-75-2"], "done", customer="沈若兰",
                    vehicle={"plate": "浙A***85", "model": "YT5", "pack_kwh": 75}, **swap),
        ],
        "journeys": [],
    }  # fmt: skip


NEXT: dict[str, list[str]] = {
    "checked_in": ["inspecting", "working", "waiting_parts", "settling"],
    "quoting": ["working", "inspecting", "waiting_parts"],
    "working": ["checking", "inspecting", "waiting_parts"],
    "waiting_parts": ["working", "inspecting", "waiting_parts"],
    "inspecting": ["working", "waiting_parts", "checking", "settling"],
}


def yuan(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def details(row: dict[str, Any]) -> dict[str, Any]:
    """Return a booking as its own page part shows it."""
    may = {"confirmed": ["check_in", "move", "cancel"], "in_progress": ["quote"]}.get(row["status"])
    quotes = []
    if row["step"] == "quoting":
        line = {
            "id": "l1", "name": "前刹车片更换", "reason": "厚度2mm，低于下限",
            "parts_price": yuan("560.00"), "labour_price": yuan("180.00"), "approved": True,
            "decided_by": "owner-2", "decided_at": at("10:01"),
        }  # fmt: skip
        other = {**line, "id": "l2", "name": "轮胎换位", "reason": None,
                 "parts_price": yuan("0.00"),
                 "labour_price": yuan("100.00"), "approved": None, "decided_by": None,
                 "decided_at": None}  # fmt: skip
        quotes = [{"id": "q1", "number": 1, "status": "open", "total": yuan("840.00"),
                   "lines": [line, other], "note": None}]  # fmt: skip
    journeys = []
    if row["mode"] == "pickup":
        own = {
            "id": "j1", "leg": "out", "status": "on_the_way", "window_start": at("11:30"),
            "window_end": at("12:15"), "worker": {"id": "d-1", "label": "取送车专员1"},
            "relay": "95013-204518", "differs": None,
            "set_off_at": at("11:20"), "arrived_at": None, "finished_at": None,
            "mileage_km": None, "soc": None, "photos": [], "belongings": None,
        }  # fmt: skip
        journeys = [own, {**own, "id": "j2", "leg": "back", "status": "planned", "worker": None,
                          "set_off_at": None, "window_start": at("15:00"),
                          "window_end": at("16:00")}]  # fmt: skip
    return {
        **row,
        "place": PLACES[0],
        "technician": row["technician_id"] and {"id": row["technician_id"], "label": "王建国"},
        "phone": "139****8801",
        "mileage_km": 18600,
        "soc": 62,
        "note": "右前轮有异响",
        "address": "上海市闵行区****" if row["mode"] == "pickup" else None,
        "consent_at": None,
        "price": {**yuan("299.00"), "estimate": False,
                  "parts": {"parts": "199.00", "labour": "100.00", "visit": "0.00"}},
        "parts": [
            {"name": "空调滤芯", "count": 1, "available_at": at("08:00")},
            {"name": "制动液", "count": 2, "available_at": at("10:40")},
        ],
        "waits": {"what": "前风挡玻璃", "expected_at": at("14:00", "2026-11-25")}
        if row["step"] == "waiting_parts" else None,
        "next": NEXT.get(row["step"], []),
        "may": may or [],
        "changes": [
            {"change": "booked", "who": row["customer"], "before": {},
             "after": {"status": "confirmed"}, "created_at": at("09:00", "2026-11-21")},
            *([] if row["status"] == "confirmed" else [
                {"change": "checked_in", "who": "小李", "before": {"status": "confirmed"},
                 "after": {"status": "in_progress", "mileage_km": 18620, "soc": 58,
                           "note": "左后门有旧划痕"}, "created_at": at("08:50")}]),
        ],
        "quotes": quotes,
        "names_of": {"owner-2": "林晓雯"},
        "journeys": journeys,
        "now": NOW,
    }  # fmt: skip


class FakeServiceApi:
    """Two places on one day. `calls` are the writes; `refuse` answers the next ones."""

    def __init__(self) -> None:
        self.user: str | None = "xiaoli"
        self.days = {"store-1": store(), "station-1": station()}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.refuse: list[tuple[int, dict[str, Any]]] = []
        self.reads = 0
        self.down = False
        self.sockets: set[web.WebSocketResponse] = set()

    def setup(self, app: web.Application) -> None:
        """Add the routes."""
        desk, own = "/api/desk/", "/api/desk/service/"
        app.router.add_post(desk + "login", self.log_in)
        app.router.add_get(desk + "me", self.me)
        app.router.add_post(desk + "ws-ticket", self.ticket)
        app.router.add_get(desk + "ws", self.ws)
        app.router.add_get(own + "places", self.places)
        app.router.add_get(own + "day", self.day)
        app.router.add_get(own + "bookings/{id}", self.detail)
        app.router.add_post(own + "{group}/{id}/{what}", self.act)
        app.router.add_post(own + "closures", self.close)

    def _me(self) -> web.Response:
        if self.user is None:
            return web.json_response({"error": {"code": "not_signed_in"}}, status=401)
        name, role = CODES[self.user]
        user = {"username": self.user, "name": name}
        return web.json_response({"user": user, "role": role, "csrf_token": "c"})

    async def log_in(self, request: web.Request) -> web.Response:
        self.user = (await request.json())["username"]
        return self._me()

    async def me(self, _request: web.Request) -> web.Response:
        return self._me()

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
        for socket in list(self.sockets):
            await socket.send_json(frame)

    async def hang_up(self) -> None:
        for socket in list(self.sockets):
            await socket.close()

    async def places(self, _request: web.Request) -> web.Response:
        return self._said({"places": PLACES, "now": NOW})

    async def day(self, request: web.Request) -> web.Response:
        self.reads += 1
        found = self.days[request.query["place"]]
        if request.query["day"] != DAY:
            day = request.query["day"]
            moved = {"start": at("08:00", day), "end": at("19:00", day)}
            found = {**found, "day": day, "bookings": [], "journeys": [], "closures": [],
                     "drawn": moved, "hours": [moved]}  # fmt: skip
        return self._said(found)

    def _said(self, data: Any) -> web.Response:
        if self.user is None:
            return web.json_response({"error": {"code": "not_signed_in"}}, status=401)
        if self.down:
            return web.json_response(
                {"error": {"code": "unavailable", "message": "服务暂时不可用。"}}, status=503
            )
        return web.json_response(data)

    def _row(self, key: str) -> dict[str, Any]:
        return next(
            row for day in self.days.values() for row in day["bookings"] if row["id"] == key
        )

    async def detail(self, request: web.Request) -> web.Response:
        return self._said(details(self._row(request.match_info["id"])))

    async def act(self, request: web.Request) -> web.Response:
        group, key, what = (request.match_info[name] for name in ("group", "id", "what"))
        body = await request.json()
        self.calls.append((f"{group}/{key}/{what}", body))
        if request.headers.get("X-CSRF-Token") != "c":
            return web.json_response({"error": {"code": "csrf"}}, status=403)
        if self.user is None:
            return web.json_response({"error": {"code": "not_signed_in"}}, status=401)
        if self.refuse:
            status, error = self.refuse.pop(0)
            return web.json_response({"error": error}, status=status)
        if what == "reveal":
            return web.json_response({"field": body["field"], "value": "13900018801"})
        if what == "lift":
            return web.json_response({"id": key})
        row = self._row(key if group == "bookings" else {"q1": "b2"}.get(key, "b5"))
        changed = {
            "check-in": {"status": "in_progress", "step": "checked_in"},
            "progress": {"step": body.get("step")},
            "quote": {"step": "quoting", "asked": 1},
            "no-show": {"status": "no_show", "step": "no_show", "holds": []},
            "cancel": {"status": "cancelled", "step": "cancelled", "holds": []},
        }
        row.update(changed.get(what, {}))
        return web.json_response(details(row))

    async def close(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.calls.append(("closures", body))
        new = {name: body[name] for name in ("resource_id", "start", "end", "reason", "note")}
        self.days[body["place_id"]]["closures"].append({"id": "c9", **new})
        return web.json_response({"id": "c9", **new})
