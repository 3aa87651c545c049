"""``/api/kb/``: who may do what, and what an editor's change does."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import pitstop.care.tables
import pitstop.conversation.tables
from knowledge_base import unanswered
from knowledge_base.publish import publish
from knowledge_base.search import Searcher
from pitstop.care import staff
from pitstop.desk import knowledge, session
from pitstop.desk.session import CSRF_HEADER, unguarded
from pitstop.storage.appkeys import DATABASE
from pitstop.storage.tables import metadata

PASSWORD = "a-long-password"
PEOPLE = {"li": "agent", "fang": "editor"}


@pytest.fixture
async def client(filled, encoder, monkeypatch):
    async with filled.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    async with filled.write() as rows:
        hashed = staff.hash_password(PASSWORD)
        for name, role in PEOPLE.items():
            rows.add(
                pitstop.care.tables.Staff(username=name, name=name, role=role, password_hash=hashed)
            )
    monkeypatch.setattr(knowledge, "Searcher", lambda database: Searcher(database, encoder))
    publisher = knowledge.Publisher
    monkeypatch.setattr(knowledge, "Publisher", lambda database: publisher(database, encoder))
    app = web.Application()
    app[DATABASE] = filled
    app[session.THROTTLE] = session.Throttle()
    app.add_routes([web.post("/api/desk/login", unguarded(session.log_in))])
    knowledge.setup(app)
    async with TestClient(TestServer(app)) as opened:
        yield opened


async def sign_in(client, name):
    body = {"username": name, "password": PASSWORD}
    answer = await client.post("/api/desk/login", json=body)
    return {CSRF_HEADER: (await answer.json())["csrf_token"]}


async def test_search_needs_a_sign_in_and_follows_the_contract(client, filled, encoder):
    assert (await client.get("/api/kb/search", params={"q": "换电"})).status == 401
    await publish(filled, encoder)
    await sign_in(client, "li")
    answer = await client.get("/api/kb/search", params={"q": "换电怎么收费", "limit": "2"})
    body = await answer.json()
    assert body["decision"] == "answer"
    assert len(body["hits"]) == 2
    assert set(body["hits"][0]) == {"article_id", "question", "score"}
    assert body["hits"][0]["article_id"] == "swap-price"
    for params in ({}, {"q": " "}, {"q": "x", "limit": "many"}):
        assert (await client.get("/api/kb/search", params=params)).status == 400


async def test_agent_changes_nothing(client, rows):
    headers = await sign_in(client, "li")
    for method, path in (
        ("PUT", "articles/points"),
        ("POST", "articles/points/publish"),
        ("POST", "articles/points/retire"),
        ("POST", "release"),
    ):
        answer = await client.request(method, f"/api/kb/{path}", json=rows[0], headers=headers)
        assert answer.status == 403
    shown = await (await client.get("/api/kb/articles/points")).json()
    assert (shown["version"], shown["status"]) == (1, "published")
    assert (await client.get("/api/kb/unanswered")).status == 403


async def test_edit_publish_retire(client, rows):
    headers = await sign_in(client, "fang")
    path = "/api/kb/articles/points"
    edit = {**rows[7], "answer": "改过的说法。", "version": 1}
    saved = await (await client.put(path, json=edit, headers=headers)).json()
    assert (saved["version"], saved["pending"], saved["updated_by"]) == (2, True, "fang")
    # Somebody else still has version 1 open: their edit is refused and nothing is lost.
    assert (await client.put(path, json=edit, headers=headers)).status == 409
    assert (await client.put(path, json=edit)).status == 403
    bad = await client.put(path, json={**edit, "version": 2, "question": ""}, headers=headers)
    assert bad.status == 400
    published = await (await client.post(f"{path}/publish", headers=headers)).json()
    assert (published["pending"], published["live_version"]) == (False, 2)
    retired = await (await client.post(f"{path}/retire", headers=headers)).json()
    assert (retired["status"], retired["live_version"]) == ("retired", None)
    shown = await (await client.get(path)).json()
    assert [each["version"] for each in shown["history"]] == [2, 1]
    listed = await (await client.get("/api/kb/articles", params={"status": "retired"})).json()
    assert [each["id"] for each in listed["articles"]] == ["points"]
    assert (await client.get("/api/kb/articles/unknown")).status == 404


async def test_a_published_change_is_found_and_a_release_follows(client, filled, encoder, rows):
    await publish(filled, encoder)
    headers = await sign_in(client, "fang")
    text = "车顶可以放帐篷吗"
    edit = {**rows[10], "similar_questions": [text], "version": 1}
    await client.put("/api/kb/articles/key", json=edit, headers=headers)
    await client.post("/api/kb/articles/key/publish", headers=headers)
    seen = []
    for _ in range(200):
        shown = await (await client.get("/api/kb/release")).json()
        seen.append(shown)
        if not shown["running"] and not shown["rebuilding"] and shown["release"]["version"] == 2:
            break
        await asyncio.sleep(0.02)
    assert not any(each["failed"] for each in seen)
    # First the change alone, on top of the release that was there.
    deltas = [each["release"]["delta"] for each in seen if each["release"]["version"] == 1]
    assert {"number": 1, "articles": 1}.items() <= deltas[-1].items()
    assert seen[-1]["release"]["delta"] is None
    answer = await client.get("/api/kb/search", params={"q": text})
    body = await answer.json()
    assert (body["decision"], body["hits"][0]["article_id"]) == ("answer", "key")


async def test_a_saved_edit_is_encoded_before_it_is_published(client, filled, encoder, rows):
    await publish(filled, encoder)
    headers = await sign_in(client, "fang")
    encoder.texts.clear()
    edit = {**rows[10], "similar_questions": ["车顶可以放帐篷吗"], "version": 1}
    await client.put("/api/kb/articles/key", json=edit, headers=headers)
    for _ in range(100):
        if encoder.texts:
            break
        await asyncio.sleep(0.02)
    assert encoder.texts == ["车顶可以放帐篷吗"]


async def test_unanswered_are_counted_and_settled(client, filled):
    async with filled.write() as rows:
        for text in ("能不能带狗", "能不能带狗 ", "会飞吗"):
            await unanswered.note(rows, text, "none", 0.2)
    headers = await sign_in(client, "fang")
    body = await (await client.get("/api/kb/unanswered")).json()
    assert [(each["text"], each["count"]) for each in body["unanswered"]] == [
        ("能不能带狗", 2),
        ("会飞吗", 1),
    ]
    item = body["unanswered"][0]["id"]
    assert (await client.delete(f"/api/kb/unanswered/{item}", headers=headers)).status == 200
    assert (await (await client.get("/api/kb/unanswered")).json())["total"] == 1
