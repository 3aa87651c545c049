"""The application as a whole: what is mounted, what every response carries, health and figures."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import select

from pitstop.app import __main__ as command
from pitstop.app import migrations, worker
from pitstop.app.logs import JsonLines
from pitstop.app.main import init_app
from pitstop.app.tables import all_tables
from pitstop.base import clock
from pitstop.base.settings import Settings, SettingsError, read_settings
from pitstop.conversation.tables import OutboxEntry
from pitstop.gateway.metrics import Metrics
from pitstop.gateway.openapi import document
from pitstop.storage import lease
from pitstop.storage.database import Database
from tests.gateway.conftest import Owner, eventually
from tests.gateway.fake_bot import FakeBot

METHODS = {"get", "post", "put", "patch", "delete"}


def mounted(app: web.Application) -> set[tuple[str, str]]:
    return {
        (route.method.lower(), route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/api/")
        and route.method not in ("HEAD", "OPTIONS")
    }


def described(demo: bool) -> set[tuple[str, str]]:
    return {
        (method, path)
        for path, item in document(demo)["paths"].items()
        for method in item
        if method in METHODS and path.startswith("/api/")
    }


@pytest.mark.parametrize("demo", [True, False])
async def test_openapi_describes_what_is_mounted(config: Settings, demo: bool) -> None:
    found = mounted(init_app(replace(config, demo=demo)))
    told = described(demo)
    assert found - told == set(), "mounted but not described"
    assert told - found == set(), "described but not mounted"


def test_openapi_is_whole() -> None:
    whole = document(True)
    names = [
        item[method]["operationId"]
        for item in whole["paths"].values()
        for method in item
        if method in METHODS
    ]
    assert len(names) == len(set(names))
    for reference in set(re.findall(r'"#/([^"]+)"', json.dumps(whole))):
        found: Any = whole
        for step in reference.split("/"):
            found = found[step]
    for path, item in whole["paths"].items():
        given = {p.get("name", "id") for p in item.get("parameters", [])}
        for method in METHODS & set(item):
            wanted = set(re.findall(r"{(\w+)}", path))
            own = {p["name"] for p in item[method].get("parameters", []) if p["in"] == "path"}
            assert wanted == given | own, (method, path)


async def test_openapi_is_served(client: Any) -> None:
    async with client.get("/openapi.json") as response:
        assert (await response.json())["openapi"].startswith("3.0")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/demo/fixtures"),
        ("POST", "/api/demo/reset"),
        ("POST", "/api/demo/clock"),
        ("POST", "/api/demo/token"),
    ],
)
async def test_no_demo_without_demo(start: Any, config: Settings, method: str, path: str) -> None:
    client = await start(replace(config, demo=False))
    before = clock.offset()
    async with client.request(method, path, json={"now": "2030-01-01T00:00:00Z"}) as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "not_found"
    assert clock.offset() == before
    async with client.get("/openapi.json") as response:
        assert path not in (await response.json())["paths"]


async def test_demo_clock_moves_and_goes_back(client: Any, owner: Owner) -> None:
    try:
        async with client.post(
            "/api/demo/clock", json={"now": "2027-03-01T09:00:00+08:00"}
        ) as response:
            assert (await response.json())["now"].startswith("2027-03-01T09:00")
        await owner.say("现在几点")
        assert (await owner.log())[0]["created_at"].startswith("2027-03-01T09:00")
        for bad in ({"now": "tomorrow"}, {"now": "2027-03-01T09:00:00"}, {"now": 5}):
            async with client.post("/api/demo/clock", json=bad) as response:
                assert response.status == 400
        assert clock.offset() > timedelta()
    finally:
        async with client.post("/api/demo/clock", json={}) as response:
            assert (await response.json())["offset_seconds"] == 0


async def test_demo_token_signs_in(client: Any) -> None:
    async with client.post("/api/demo/token", json={"customer_id": "owner-1"}) as response:
        given = (await response.json())["token"]
    async with client.get(
        "/api/owner/me", headers={"Authorization": f"Bearer {given}"}
    ) as response:
        me = await response.json()
    assert (me["id"], me["role"]) == ("owner-1", "owner")
    assert me["vehicles"] == [{"plate": "沪AD10001", "model": "YS6", "relation": "owner"}]
    for unknown in ({"customer_id": "nobody"}, {"customer_id": 1}, {}):
        async with client.post("/api/demo/token", json=unknown) as response:
            assert response.status == 404


# ---- every response -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/api/nowhere", 404),
        ("DELETE", "/api/owner/messages", 405),
        ("GET", "/api/owner/messages", 401),
        ("GET", "/wechat", 404),
        ("POST", "/wechat", 404),
    ],
)
async def test_headers_and_shape(client: Any, method: str, path: str, status: int) -> None:
    async with client.request(method, path) as response:
        assert response.status == status
        assert response.headers["X-Request-Id"]
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        assert response.headers["Referrer-Policy"] == "no-referrer"
        if status >= 400 and path != "/nowhere":
            error = (await response.json())["error"]
            assert set(error) == {"code", "message", "details"}
        if status == 405:
            assert "POST" in response.headers["Allow"]


async def test_a_proxys_request_id_is_kept(client: Any) -> None:
    async with client.get("/livez", headers={"X-Request-Id": "abcdef-123456"}) as response:
        assert response.headers["X-Request-Id"] == "abcdef-123456"
    async with client.get("/livez", headers={"X-Request-Id": "<b>"}) as response:
        assert response.headers["X-Request-Id"] != "<b>"


async def test_a_bug_shows_no_trace(
    client: Any, owner: Owner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret detail 13800000001")

    monkeypatch.setattr("pitstop.gateway.owner_api.conversation_wire", broken)
    async with client.get("/api/owner/conversation", headers=owner.headers) as response:
        text = await response.text()
        assert response.status == 500
    assert "secret" not in text and "Traceback" not in text
    assert json.loads(text)["error"]["code"] == "internal"
    line = JsonLines().format(caplog.records[-1])
    assert "138****0001" in line and "13800000001" not in line


# ---- health and figures -------------------------------------------------------------------------


async def test_healthy(client: Any) -> None:
    async with client.get("/healthz") as response:
        assert response.status == 200
        body = await response.json()
    assert body["checks"] == {"database": "ok", "rasa": "ok", "actions": "ok"}


async def test_rasa_without_its_model(client: Any, bot: FakeBot) -> None:
    bot.ready = 503
    async with client.get("/healthz") as response:
        assert response.status == 503
        assert (await response.json())["failed"] == ["rasa", "actions"]
    async with client.get("/livez") as response:
        assert response.status == 200


async def test_nobody_listens(start: Any, config: Settings, unused_tcp_port: int) -> None:
    gone = f"http://127.0.0.1:{unused_tcp_port}"
    client = await start(replace(config, rasa_url=gone))
    async with client.get("/healthz") as response:
        assert response.status == 503
        assert (await response.json())["failed"] == ["rasa"]


async def test_metrics_count_turns(client: Any, owner: Owner, bot: FakeBot) -> None:
    await owner.say("你好")
    async with client.get("/metrics") as response:
        text = await response.text()
    assert 'pitstop_turns_total{outcome="answered"} 1.0' in text
    assert "pitstop_turn_seconds_count 1.0" in text
    assert 'pitstop_outbox{state="pending"} 1.0' in text
    assert 'pitstop_handoffs_open{state="queued"} 0.0' in text


# ---- the worker ---------------------------------------------------------------------------------


async def test_worker_marks_web_messages_as_sent(
    start: Any, config: Settings, database: Database
) -> None:
    owner = Owner(await start(replace(config, worker=True)), "owner-1")
    await owner.say("你好")

    async def sent() -> bool:
        async with database.read() as session:
            return (await session.execute(select(OutboxEntry.state))).scalars().all() == ["sent"]

    await eventually(sent)


async def test_one_job_failing_does_not_stop_the_others(database: Database) -> None:
    ran: list[str] = []

    async def broken() -> None:
        raise RuntimeError("no")

    async def fine() -> None:
        ran.append("fine")

    metrics = Metrics()
    jobs = [worker.Job("broken", 0.0, broken), worker.Job("fine", 0.0, fine)]
    await worker.Worker(database, jobs, metrics).once()
    assert ran == ["fine"]
    assert (
        metrics.registry.get_sample_value("pitstop_worker_failures_total", {"job": "broken"}) == 1
    )


async def test_of_two_workers_one_works(database: Database) -> None:
    ran: list[int] = []

    def one(number: int) -> worker.Worker:
        async def note() -> None:
            ran.append(number)

        return worker.Worker(database, [worker.Job("note", 0.0, note)], Metrics())

    tasks = [asyncio.create_task(one(number).run()) for number in (1, 2)]
    await asyncio.sleep(1)
    assert len(set(ran)) == 1
    first = ran[-1]
    tasks[first - 1].cancel()
    await asyncio.sleep(2.6)
    assert ran[-1] != first, "the lease is given back when a worker stops"
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert await lease.hold(database, "worker", "third", 1)


# ---- logs, command line, migrations -------------------------------------------------------------


def test_logs_are_masked_json() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "msg": "call %s", "args": ("13800000001",), "plate": "沪AD10001", "n": 3}
    )
    line = json.loads(JsonLines().format(record))
    assert line["message"] == "call 138****0001"
    assert line["n"] == 3
    assert "10001" not in line["plate"]


def test_bad_settings_stop_with_a_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> Settings:
        return read_settings({"DEMO": "0"})

    monkeypatch.setattr(command, "settings", refuse)
    assert command.main(["serve"]) == 2
    assert "OWNER_JWT_SECRET" in capsys.readouterr().err
    with pytest.raises(SettingsError):
        refuse()


async def test_migrations_make_the_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration written from the tables brings an empty database to them, and leaves nothing."""
    scripts = tmp_path / "migrations"
    (scripts / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        (scripts / name).write_text((migrations.SCRIPTS / name).read_text())
    monkeypatch.setattr(migrations, "SCRIPTS", scripts)
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'm.db'}")
    try:
        first = await migrations.make(database, "first")
        assert "import pitstop.storage.types" in first.read_text()
        await asyncio.gather(migrations.upgrade(database), migrations.upgrade(database))
        async with database.read() as session:
            rows = await session.execute(select(all_tables().tables["ws_ticket"].c.hash))
            assert rows.all() == []
        second = await migrations.make(database, "second")
        body = second.read_text().split("def upgrade")[1]
        assert "op." not in body, body
        second.unlink()
        await migrations.downgrade(database, "base")
    finally:
        await database.close()
