"""The API of what supervisors change, in memory, for the page to talk to."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

from pitstop.care import setup_words
from pitstop.care.setup_columns import TABLES
from pitstop.care.setup_refs import References
from pitstop.care.setup_rows import digest_of
from pitstop.care.setup_text import to_text
from pitstop.care.setup_values import BadValue, read_value
from pitstop.desk.setup_wire import tables_json

EVERY_DAY = [1, 2, 3, 4, 5, 6, 7]
NAMES = {
    "place": {
        "store-1": "上海闵行服务中心",
        "store-2": "北京亦庄服务中心",
        "station-1": "前滩太古里换电站",
    },
    "part": {"cabin_filter": "空调滤芯", "brake_fluid": "制动液", "tyre": "轮胎"},
    "person": {"p-1": "上海闵行服务中心 王师傅", "p-2": "上海闵行服务中心 李师傅"},
    "benefit": {"swap": "换电", "pickup": "上门取送车", "minor_service": "小保养"},
    "vehicle": {"car-1": "沪A***45 YS6"},
}
PLACES = [
    {"id": "store-1", "name": "上海闵行服务中心", "city": "上海", "kind": "service_centre"},
    {"id": "store-2", "name": "北京亦庄服务中心", "city": "北京", "kind": "service_centre"},
    {"id": "station-1", "name": "前滩太古里换电站", "city": "上海", "kind": "swap_station"},
]
BOOKING = {
    "id": "b1",
    "reference": "BK261124K7Q2",
    "kind": "maintenance",
    "place_id": "store-1",
    "start": "2026-11-24T10:00:00+08:00",
    "end": "2026-11-24T11:00:00+08:00",
}


def week(*entries: tuple[list[int], str, str]) -> list[dict[str, Any]]:
    return [{"days": days, "opens": opens, "closes": closes} for days, opens, closes in entries]


def service(number: int, code: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": name,
        "aliases": [name, f"做{name}", f"{name}多少钱"],
        "minutes": 60,
        "parts_price": "199.00",
        "labour_price": "100.00",
        "modes": ["in_store", "pickup"],
        "place_kinds": ["service_centre", "authorised_station"],
        "position": number,
        **more,
    }


def shop(key: str, name: str, city: str, **more: Any) -> dict[str, Any]:
    return {
        "id": key,
        "name": name,
        "kind": "service_centre",
        "city": city,
        "lat": 31.11,
        "lng": 121.38,
        "aliases": [name[2:4] + "店"],
        "hours": week((EVERY_DAY, "08:30", "19:00")),
        **more,
    }


ROWS: dict[str, list[dict[str, Any]]] = {
    "services": [
        service(
            0, "minor_service", "小保养", kit={"cabin_filter": 1},
            prices={"YS8": {"parts": "239.00", "labour": "120.00"}},
            interval_km=10000, interval_months=12,
        ),
        service(1, "battery_12v", "12V小电瓶更换", skill="electrical",
                warranty={"months": 36, "km": 60000}),
        service(2, "bodywork", "钣金喷漆", skill="body", estimate=True, minutes=240),
        service(3, "car_wash", "洗车", active=False, modes=["in_store"]),
    ],
    "places": [
        shop("store-1", "上海闵行服务中心", "上海", address="虚构路100号", reach_km=20,
             hours=week(([1, 2, 3, 4, 5], "08:30", "12:00"), ([1, 2, 3, 4, 5], "13:00", "18:00"),
                        ([6, 7], "09:00", "17:00"))),
        shop("store-2", "北京亦庄服务中心", "北京", lat=39.8, lng=116.51),
        shop("station-1", "前滩太古里换电站", "上海", kind="swap_station", motorway="沪宁高速",
             inside=True, height_m=2.2, hours=week((EVERY_DAY, "00:00", "24:00")),
             station={"chargers": 13, "charge_minutes": {"75": 75},
                      "arrivals": {"weekday": [0.5] * 24, "weekend": [0.8] * 24}}),
    ],
    "place_days": [
        {"place_id": "store-1", "day": "2027-02-05", "windows": [], "reason": "春节放假"},
        {"place_id": "store-2", "day": "2026-12-24", "reason": "店庆",
         "windows": [{"opens": "08:30", "closes": "12:00"}, {"opens": "13:00", "closes": "22:00"}]},
    ],
    "resources": [
        {"id": "store-1-bay-01", "place_id": "store-1", "kind": "bay", "label": "工位1"},
        {"id": "p-1", "place_id": "store-1", "kind": "technician", "label": "王师傅",
         "skills": ["general", "tyre"], "hours": week(([1, 2, 3, 4, 5], "09:00", "18:00"))},
        {"id": "station-1-pack-01", "place_id": "station-1", "kind": "pack", "label": "75度电池1",
         "pack_kwh": 75, "soc": 90},
        {"id": "store-1-demo-01", "place_id": "store-1", "kind": "demo_car", "label": "试驾车1",
         "skills": ["YS6"], "active": False},
    ],
    "resource_days": [
        {"resource_id": "p-1", "day": "2026-11-30", "windows": [], "reason": "年假"},
    ],
    "parts": [{"code": code, "name": name} for code, name in NAMES["part"].items()],
    "stock": [
        {"place_id": "store-1", "part": "cabin_filter", "on_hand": 6, "kept": 2,
         "arrivals": [{"date": "2026-11-26", "count": 4}]},
        {"place_id": "store-1", "part": "tyre", "on_hand": 0, "kept": 0},
    ],
    "entitlements": [
        {"id": "right-1", "vehicle_id": "car-1", "kind": "swap", "source": "membership",
         "total": 4, "used": 1, "expires_on": "2026-12-31"},
    ],
    "tariffs": [
        {"key": "swap.service_fee", "label": "换电 · 服务费", "value": "30.00", "unit": "元",
         "shipped": "30.00", "kind": "decimal"},
        {"key": "swap.minutes", "label": "换电 · 占用时长", "value": 15, "unit": "分钟",
         "shipped": 15, "kind": "number"},
        {"key": "maintenance.entitlements_at", "label": "权益在哪类门店可用",
         "value": ["service_centre"], "shipped": ["service_centre"], "kind": "choices:place_kind"},
    ],
}  # fmt: skip


class FakeSetupApi:
    """One member of staff, and rows that are really checked value by value."""

    def __init__(self) -> None:
        self.role: str | None = None
        self.rows = {name: self._filled(name, rows) for name, rows in ROWS.items()}
        self.saves: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.relying: set[str] = set()  # keys that a booking relies on
        self.stale: set[str] = set()  # keys that somebody else changes before a save
        self.fail = 0
        self.slow = 0.0

    def _filled(self, name: str, rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        found = {}
        for number, values in enumerate(rows):
            whole = {
                one.name: values.get(one.name, one.empty if one.default is None else one.default)
                for one in TABLES[name].columns
            }
            key = str(values.get(TABLES[name].key or "", f"{name}-{number}"))
            found[key] = whole
        return found

    def setup(self, app: web.Application) -> None:
        """Add the routes."""
        desk = "/api/desk/"
        app.router.add_post(desk + "login", self.log_in)
        app.router.add_get(desk + "me", self.me)
        app.router.add_post(desk + "logout", self.log_out)
        app.router.add_get(desk + "setup", self.overview)
        app.router.add_get(desk + "setup/{table}", self.listed)
        app.router.add_post(desk + "setup/{table}", self.save)
        app.router.add_post(desk + "setup/{table}/check", self.check)
        app.router.add_get(desk + "setup/{table}/export", self.export)
        app.router.add_post(desk + "setup/{table}/import", self.take_in)

    async def log_in(self, _request: web.Request) -> web.Response:
        self.role = "supervisor"
        return web.json_response(self._me())

    async def log_out(self, _request: web.Request) -> web.Response:
        self.role = None
        return web.json_response({})

    def _me(self) -> dict[str, Any]:
        user = {"username": "zhuguan", "name": "周主管"}
        return {"user": user, "role": self.role, "csrf_token": "t"}

    async def me(self, _request: web.Request) -> web.Response:
        if self.role is None:
            return self._error("not_signed_in", "请先登录。", 401)
        return web.json_response(self._me())

    def _error(self, code: str, message: str, status: int) -> web.Response:
        return web.json_response({"error": {"code": code, "message": message}}, status=status)

    async def overview(self, _request: web.Request) -> web.Response:
        groups = {name: dict(words) for name, words in setup_words.groups().items()}
        return web.json_response(
            {
                "tables": tables_json(),
                "places": PLACES,
                "groups": groups,
                "now": "2026-11-23T10:05:00+08:00",
                "rules": {"by": "zhuguan", "at": "2026-11-20T18:00:00+08:00"},
            }
        )

    def _row(self, table: str, key: str) -> dict[str, Any]:
        values = self.rows[table][key]
        return {"key": key, "digest": digest_of(TABLES[table], values), "values": values}

    async def listed(self, request: web.Request) -> web.Response:
        table, query = request.match_info["table"], request.query
        await asyncio.sleep(self.slow)
        cities = {place["id"]: place["city"] for place in PLACES}
        names = References(NAMES)
        found = []
        for key, values in self.rows[table].items():
            place = values.get("id" if table == "places" else "place_id")
            if query.get("place") and place != query["place"]:
                continue
            if query.get("city") and cities.get(place) != query["city"]:
                continue
            cells = [to_text(one, values[one.name], names) for one in TABLES[table].columns]
            if query.get("q") and query["q"] not in " ".join(cells):
                continue
            found.append(self._row(table, key))
        start = int(query.get("offset", 0))
        page = found[start : start + int(query.get("limit", 200))]
        return web.json_response({"rows": page, "total": len(found), "names": NAMES})

    def _preview(self, table: str, rows: list[dict[str, Any]], first: int = 0) -> dict[str, Any]:
        told = [self._planned(table, first + at, row) for at, row in enumerate(rows)]
        counts = {"add": 0, "change": 0, "remove": 0, "unchanged": 0, "bad": 0}
        for one in told:
            counts["bad" if one["problems"] else one["action"]] += 1
        shown = [one for one in told if one["problems"] or one["action"] != "unchanged"]
        return {"counts": counts, "rows": shown, "seen": "seal"}

    def _planned(self, table: str, number: int, row: dict[str, Any]) -> dict[str, Any]:
        spec, key = TABLES[table], row.get("key")
        before = self.rows[table].get(key, {}) if key else {}
        problems, changes, names = [], [], References(NAMES)
        wanted = dict(row["values"])
        if not key:
            wanted = {
                **{c.name: c.default for c in spec.columns if c.required and c.default is None},
                **wanted,
            }
        for name, raw in wanted.items():
            column = spec.by_name[name]
            try:
                value = read_value(column, raw, names)
            except BadValue as error:
                problem = {"row": number, "column": name, "code": error.code}
                problems.append({**problem, "reason": error.reason})
                continue
            if value != before.get(name):
                old, new = (to_text(column, one, names) for one in (before.get(name), value))
                changes.append({"column": name, "before": old, "after": new})
        values = {**before, **wanted}
        title = [
            names.label(spec.by_name[n].refers or "", str(values.get(n, ""))) for n in spec.title
        ]
        action = "remove" if row.get("remove") else ("change" if key else "add")
        return {
            "row": number,
            "key": key,
            "action": action,
            "title": " · ".join(title),
            "changes": changes,
            "problems": problems,
            "relying": [BOOKING] if key in self.relying and (changes or action == "remove") else [],
        }

    async def check(self, request: web.Request) -> web.Response:
        body = await request.json()
        return web.json_response(self._preview(request.match_info["table"], body["rows"]))

    async def save(self, request: web.Request) -> web.Response:
        table, body = request.match_info["table"], await request.json()
        self.saves.append({"table": table, **body})
        if self.fail:
            self.fail -= 1
            return self._error("unavailable", "服务暂时不可用，请稍后再试。", 503)
        return web.json_response(self._write(table, body["rows"], body))

    def _write(
        self, table: str, rows: list[dict[str, Any]], options: dict[str, Any]
    ) -> dict[str, Any]:
        result: dict[str, Any] = {
            "added": [], "changed": [], "removed": [], "unchanged": 0, "affected": [], "broken": [],
            "refused": [], "repeated": False, "message": None,
        }  # fmt: skip
        planned = [self._planned(table, at, row) for at, row in enumerate(rows)]
        for at, (row, one) in enumerate(zip(rows, planned, strict=True)):
            unseen = [b for b in one["relying"] if b["id"] not in options.get("force", [])]
            now = None
            if row.get("key") in self.stale:
                self.stale.remove(row["key"])
                self.rows[table][row["key"]][
                    "reason" if "reason" in row["values"] else "minutes"
                ] = 90
                now = self._row(table, row["key"])
                problem = {"row": at, "column": None, "code": "changed_meanwhile"}
                one["problems"].append({**problem, "reason": setup_words.say("changed_meanwhile")})
            if one["problems"] or unseen:
                result["refused"].append(
                    {"row": at, "key": row.get("key"), "problems": one["problems"],
                     "now": now, "relying": unseen}
                )  # fmt: skip
        refused = {one["row"] for one in result["refused"]}
        stop = bool(refused) and options.get("all_or_nothing", True)
        for at, (row, one) in enumerate(zip(rows, planned, strict=True)):
            if at in refused or stop:
                continue
            key = row.get("key") or f"new-{len(self.rows[table])}"
            if one["action"] == "remove":
                del self.rows[table][key]
            elif one["action"] == "add":
                self.rows[table].update(self._filled(table, [{**row["values"]}]))
            else:
                for name, raw in row["values"].items():
                    column = TABLES[table].by_name[name]
                    self.rows[table][key][name] = read_value(column, raw, References(NAMES))
            kind = {"add": "added", "change": "changed", "remove": "removed"}[one["action"]]
            result[kind].append(key)
            for name in ("affected", "broken"):
                result[name] += [b["id"] for b in one["relying"]]
        result["saved"] = bool(result["added"] or result["changed"] or result["removed"])
        if refused and not result["saved"]:
            result["message"] = setup_words.say("all_or_nothing")
        return result

    async def export(self, _request: web.Request) -> web.Response:
        return web.Response(body=b"x", content_type="text/csv")

    async def take_in(self, request: web.Request) -> web.Response:
        """A file here is JSON: the rows that it stands for."""
        form = await request.post()
        options = json.loads(str(form["options"]))
        uploaded: Any = form["file"]
        table = request.match_info["table"]
        if not uploaded.filename.endswith((".csv", ".xlsx")):
            return self._error("file_format", "只能导入 XLSX 或 CSV 文件。", 422)
        rows = json.loads(uploaded.file.read())
        self.files.append({"table": table, **options})
        if "client_id" not in options:
            preview = self._preview(table, rows, 3)
            return web.json_response({**preview, "warnings": ["不认识的列“颜色”，没有导入。"]})
        return web.json_response(self._write(table, rows, options))
