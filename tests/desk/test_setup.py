"""What supervisors change, over HTTP: who may, what is refused, files in and out."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import FormData, web
from aiohttp.test_utils import TestServer
from openpyxl import load_workbook
from sqlalchemy import func, select

from pitstop.care import setup_files
from pitstop.care.capacity import numbers
from pitstop.care.tables import AuditEntry, Booking, Place, PlaceException, Resource, Tick
from pitstop.desk import routes
from pitstop.desk.session import CSRF_HEADER
from pitstop.desk.setup import PREFIX, setup_routes
from pitstop.storage.appkeys import BROADCAST, DATABASE
from pitstop.storage.broadcast import Broadcast
from pitstop.storage.database import Database
from tests.care.help import at
from tests.desk.conftest import Desk

HOURS = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "08:30", "closes": "19:00"}]


@pytest.fixture
async def server(database: Database) -> AsyncIterator[TestServer]:
    """The desk with these routes, whether or not it has them of its own."""
    app = web.Application(client_max_size=1024 * 1024)
    app[DATABASE] = database
    app[BROADCAST] = Broadcast(database, every=0.02)
    routes.setup(app)
    if not any(route.resource.canonical == PREFIX for route in app.router.routes()):
        app.add_routes(setup_routes())
    async with database.write() as session:
        for key, name, city in (("store-1", "闵行服务中心", "上海"), ("store-2", "亦庄店", "北京")):
            session.add(
                Place(
                    id=key,
                    kind="service_centre",
                    name=name,
                    city=city,
                    lat=31,
                    lng=121,
                    hours=HOURS,
                )
            )
        await session.flush()
        for number in (1, 2):
            session.add(
                Resource(id=f"bay-{number}", place_id="store-1", kind="bay", label=f"工位{number}")
            )
    started = TestServer(app)
    await started.start_server()
    yield started
    await started.close()


@pytest.fixture
async def boss(sign_in: Any) -> Desk:
    return await sign_in("zhou")


async def count(database: Database, table: Any) -> int:
    async with database.read() as session:
        return int((await session.execute(select(func.count()).select_from(table))).scalar_one())


async def known(boss: Desk, table: str, key: str) -> dict[str, Any]:
    found = await boss.get(f"setup/{table}?past=1")
    return next(row for row in found["rows"] if row["key"] == key)


async def upload(
    boss: Desk, table: str, name: str, data: bytes, status: int = 200, **options: Any
) -> Any:
    form = FormData()
    form.add_field("options", json.dumps(options), content_type="application/json")
    form.add_field("file", data, filename=name)
    answer = await boss.client.post(
        f"{PREFIX}/{table}/import", data=form, headers={CSRF_HEADER: boss.csrf}
    )
    assert answer.status == status, await answer.text()
    return await answer.json()


# ---- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["li", "fang"])
async def test_only_supervisors_and_admins(sign_in: Any, database: Database, who: str) -> None:
    desk = await sign_in(who)
    for path in ("setup", "setup/places", "setup/places/export"):
        assert (await desk.get(path, 403))["error"]["code"] == "forbidden"
    row = {"values": {"place_id": "store-1", "day": "2026-12-01", "reason": "x"}}
    await desk.post("setup/place_days", {"client_id": "a", "rows": [row]}, 403)
    assert await count(database, PlaceException) == 0


async def test_nobody_without_signing_in_or_the_token(
    browsers: Any, boss: Desk, database: Database
) -> None:
    assert (await browsers().client.get(PREFIX)).status == 401
    boss.csrf = "wrong"
    row = {"values": {"place_id": "store-1", "day": "2026-12-01", "reason": "x"}}
    await boss.post("setup/place_days", {"client_id": "a", "rows": [row]}, 403)
    await upload(boss, "places", "a.csv", b"x", 403)
    assert await count(database, PlaceException) == 0


# ---- rows ----------------------------------------------------------------------------------------


async def test_the_tables_and_their_columns(boss: Desk) -> None:
    found = await boss.get("setup")
    assert [table["label"] for table in found["tables"]][:2] == ["服务目录", "门店与换电站"]
    assert [place["id"] for place in found["places"]] == ["store-1", "store-2"]
    columns = {one["name"]: one for one in found["tables"][1]["columns"]}
    assert columns["hours"]["type"] == "week"
    assert columns["kind"]["choices"]["swap_station"] == "换电站"
    assert found["rules"] is None


async def test_rows_by_place_page_by_page(boss: Desk) -> None:
    found = await boss.get("setup/resources?place=store-1&limit=1&offset=1")
    assert (found["total"], [row["key"] for row in found["rows"]]) == (2, ["bay-2"])
    assert found["names"]["place"]["store-1"] == "闵行服务中心"
    assert (await boss.get("setup/resources?city=北京"))["rows"] == []
    await boss.get("setup/resources?limit=x", 400)
    await boss.get("setup/nothing", 404)


async def test_a_change_checked_and_saved(boss: Desk, database: Database) -> None:
    row = await known(boss, "places", "store-2")
    change = {"key": row["key"], "digest": row["digest"], "values": {"name": "亦庄服务中心"}}
    shown = await boss.post("setup/places/check", {"rows": [change]})
    assert shown["counts"] == {"add": 0, "change": 1, "remove": 0, "unchanged": 0, "bad": 0}
    assert shown["rows"][0]["changes"] == [
        {"column": "name", "before": "亦庄店", "after": "亦庄服务中心"}
    ]
    assert (await known(boss, "places", "store-2"))["values"]["name"] == "亦庄店"
    body = {"client_id": "a", "rows": [change]}
    saved = await boss.post("setup/places", body)
    assert (saved["saved"], saved["changed"]) == (True, ["store-2"])
    again = await boss.post("setup/places", body)
    assert (again["saved"], again["repeated"]) == (True, True)
    other = {"client_id": "a", "rows": [{**change, "values": {"name": "别的"}}]}
    assert (await boss.post("setup/places", other, 409))["error"]["code"] == "id_conflict"
    stale = {"client_id": "b", "rows": [{**change, "values": {"city": "天津"}}]}
    refused = await boss.post("setup/places", stale)
    assert (refused["saved"], refused["message"]) == (False, "有不合格的行，所以一行也没有改。")
    assert refused["refused"][0]["now"]["values"]["name"] == "亦庄服务中心"
    assert (await known(boss, "places", "store-2"))["values"]["city"] == "北京"


async def test_bookings_in_the_way_are_listed(boss: Desk, database: Database) -> None:
    start, end = at("2126-11-24 10:00"), at("2126-11-24 11:00")
    async with database.write() as session:
        session.add(
            Booking(
                id="b1", reference="BK1", customer_id="owner-1", kind="maintenance",
                place_id="store-1", start=start, end=end,
            )
        )  # fmt: skip
        await session.flush()
        for number in numbers(start, end):
            session.add(Tick(resource_id="bay-1", number=number, booking_id="b1"))
    row = await known(boss, "resources", "bay-1")
    change = {"key": "bay-1", "digest": row["digest"], "values": {"active": False}}
    refused = await boss.post("setup/resources", {"client_id": "a", "rows": [change]})
    assert refused["saved"] is False
    relying = refused["refused"][0]["relying"]
    assert [one["id"] for one in relying] == ["b1"]
    assert "陈静" not in json.dumps(refused, ensure_ascii=False)
    body = {"client_id": "b", "rows": [change], "force": ["b1"]}
    assert (await boss.post("setup/resources", body))["affected"] == ["b1"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"client_id": "a"},
        {"client_id": "a", "rows": []},
        {"client_id": "a", "rows": ["x"]},
        {"client_id": "a", "rows": [{"values": []}]},
        {"client_id": "a", "rows": [{"key": 7, "values": {}}]},
        {"client_id": "a", "rows": [{"key": "store-1", "values": {}}]},
        {"client_id": "a", "rows": [{"values": {}}], "force": "b1"},
        {"client_id": "a", "rows": [{"values": {}}], "all_or_nothing": 1},
        {"client_id": " ", "rows": [{"values": {}}]},
        {"client_id": "a", "rows": [{"values": {}}] * 1001},
    ],
)
async def test_a_request_that_does_not_hold_together(
    boss: Desk, database: Database, body: dict[str, Any]
) -> None:
    before = await count(database, AuditEntry)
    assert "error" in await boss.post("setup/places", body, 400)
    assert await count(database, AuditEntry) == before
    assert await count(database, Place) == 2


async def test_odd_values_are_refused_not_broken(boss: Desk, database: Database) -> None:
    odd: list[Any] = ["\x00", "\ud800", 1e308, -1, [], {}, [[]], {"a": {"b": [1]}}, True, "9" * 999]
    tables = (await boss.get("setup"))["tables"]
    for table in tables:
        for value in odd:
            values = {column["name"]: value for column in table["columns"]}
            await boss.post(f"setup/{table['name']}/check", {"rows": [{"values": values}]})
            gone = [{"key": "\x00x", "digest": "\ud800", "values": values, "remove": True}]
            await boss.post(f"setup/{table['name']}/check", {"rows": gone})
    assert await count(database, Place) == 2


# ---- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
async def test_out_changed_and_in_again(boss: Desk, database: Database, kind: str) -> None:
    answer = await boss.client.get(f"{PREFIX}/places/export?format={kind}&city=北京")
    assert answer.status == 200
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="places-')
    data = await answer.read()
    if kind == "csv":
        data = data.replace("亦庄店".encode(), "亦庄服务中心".encode())
    else:
        book = load_workbook(io.BytesIO(data))
        sheet = book.worksheets[0]
        (cell,) = [c for line in sheet.iter_rows() for c in line if c.value == "亦庄店"]
        cell.value = "亦庄服务中心"
        made = io.BytesIO()
        book.save(made)
        data = made.getvalue()
    shown = await upload(boss, "places", f"x.{kind}", data)
    assert shown["counts"]["change"] == 1
    assert shown["rows"][0]["title"] == "亦庄服务中心"
    assert (await known(boss, "places", "store-2"))["values"]["name"] == "亦庄店"
    options = {"client_id": "a", "seen": shown["seen"]}
    saved = await upload(boss, "places", f"x.{kind}", data, **options)
    assert saved["changed"] == ["store-2"]
    again = await upload(boss, "places", f"x.{kind}", data, **options)
    assert (again["repeated"], again["changed"]) == (True, ["store-2"])
    assert (await known(boss, "places", "store-2"))["values"]["name"] == "亦庄服务中心"


async def test_what_was_shown_is_what_is_written(boss: Desk, database: Database) -> None:
    data = "编号,城市\nstore-1,苏州\n".encode()
    shown = await upload(boss, "places", "x.csv", data)
    row = await known(boss, "places", "store-1")
    change = {"key": "store-1", "digest": row["digest"], "values": {"address": "别处"}}
    await boss.post("setup/places", {"client_id": "a", "rows": [change]})
    late = await upload(boss, "places", "x.csv", data, 409, client_id="b", seen=shown["seen"])
    assert late["error"]["code"] == "preview_outdated"
    assert (await known(boss, "places", "store-1"))["values"]["city"] == "上海"


async def test_bad_lines_are_named_and_good_ones_may_stay(boss: Desk, database: Database) -> None:
    data = "门店,日期,原因,心情\n闵行服务中心,2026/12/1,盘点,好\n哪里,2026-12-02,盘点,好\n".encode()
    shown = await upload(boss, "place_days", "x.csv", data)
    assert shown["warnings"] == ["不认识的列“心情”，没有导入。"]
    assert shown["counts"]["bad"] == 1
    (bad,) = [row for row in shown["rows"] if row["problems"]]
    assert (bad["row"], bad["problems"][0]["column"]) == (3, "place_id")
    none = await upload(boss, "place_days", "x.csv", data, client_id="a", seen=shown["seen"])
    assert (none["saved"], await count(database, PlaceException)) == (False, 0)
    some = await upload(
        boss, "place_days", "x.csv", data,
        client_id="a", seen=shown["seen"], all_or_nothing=False,
    )  # fmt: skip
    assert (len(some["added"]), await count(database, PlaceException)) == (1, 1)


async def test_files_that_cannot_be_used(boss: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    found = await upload(boss, "places", "x.pdf", b"x", 422)
    assert found["error"]["message"] == "只能导入 XLSX 或 CSV 文件。"
    await upload(boss, "places", "x.xlsx", b"x", 422)
    monkeypatch.setattr(setup_files, "MAX_BYTES", 1000)
    await upload(boss, "places", "x.csv", b"x" * 2000, 413)
    answer = await boss.client.post(
        f"{PREFIX}/places/import", data=b"x", headers={CSRF_HEADER: boss.csrf}
    )
    assert answer.status == 400
    form = FormData()
    form.add_field("options", "{", content_type="application/json")
    answer = await boss.client.post(
        f"{PREFIX}/places/import", data=form, headers={CSRF_HEADER: boss.csrf}
    )
    assert answer.status == 400


async def test_an_export_is_logged(boss: Desk, database: Database) -> None:
    answer = await boss.client.get(f"{PREFIX}/entitlements/export?template=1")
    assert answer.status == 200
    async with database.read() as session:
        query = select(AuditEntry).where(AuditEntry.action == "setup_exported")
        (entry,) = (await session.execute(query)).scalars().all()
    assert (entry.actor, entry.subject) == ("zhou", "entitlements")
