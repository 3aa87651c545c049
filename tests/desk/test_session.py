"""Signing in: the cookie, the token against forged requests, and the throttle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from pitstop.care.tables import AuditEntry, Staff
from pitstop.desk import session as desk_session
from pitstop.desk.session import COOKIE, CSRF_HEADER
from pitstop.storage.database import Database
from tests.care.desk_help import conversation_of, hand_over, said
from tests.desk.conftest import PASSWORD, PEOPLE, Desk, SignIn


async def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(
    browsers: Callable[[], Desk],
) -> None:
    answer = await browsers().sign_in("li")
    cookie = answer.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_in_production_the_cookie_is_secure(
    browsers: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Secure:
        secure_cookies = True

    monkeypatch.setattr(desk_session, "settings", Secure)
    assert (await browsers().sign_in("li")).cookies[COOKIE]["secure"]


async def test_me_says_who_is_signed_in(agent: Desk) -> None:
    assert await agent.get("me") == {
        "user": {"username": "li", "name": "小li"},
        "role": "agent",
        "csrf_token": agent.csrf,
    }


async def test_nothing_without_signing_in(browsers: Callable[[], Desk]) -> None:
    desk = browsers()
    for path in ("me", "queue", "staff", "cases", "handoffs/x", "attachments/x"):
        error = (await desk.get(path, 401))["error"]
        assert error["code"] == "not_signed_in"
        assert error["message"] == "请先登录。"
    await desk.post("handoffs/x/accept", status=401)


async def test_a_wrong_password_is_refused_in_chinese(browsers: Callable[[], Desk]) -> None:
    desk = browsers()
    answer = await desk.sign_in("li", "wrong")
    assert answer.status == 401
    error = (await answer.json())["error"]
    assert (error["code"], error["details"]) == ("wrong_password", {})
    assert error["message"] == "账号或密码不对。"
    await desk.get("me", 401)


async def test_after_five_failures_the_account_is_locked(
    browsers: Callable[[], Desk], database: Database
) -> None:
    desk = browsers()
    for _ in range(5):
        assert (await desk.sign_in("li", "wrong")).status == 401
    answer = await desk.sign_in("li")
    assert answer.status == 429
    assert (await answer.json())["error"]["code"] == "locked"
    assert 800 < int(answer.headers["Retry-After"]) <= 900
    assert (await desk.sign_in("wang")).status == 200
    async with database.read() as session:
        locked = await session.execute(select(Staff.username).where(Staff.locked_until.isnot(None)))
        assert [row[0] for row in locked] == ["li"]


async def test_one_address_cannot_try_names_for_ever(browsers: Callable[[], Desk]) -> None:
    desk = browsers()
    statuses = [(await desk.sign_in(f"name-{n}", "x")).status for n in range(31)]
    assert statuses == [401] * 30 + [429]


async def test_signing_out_ends_the_session_on_the_server(
    agent: Desk, browsers: Callable[[], Desk]
) -> None:
    token = agent.client.session.cookie_jar.filter_cookies(agent.client.make_url("/"))[COOKIE].value
    await agent.post("logout")
    await agent.get("me", 401)
    thief = browsers()
    thief.client.session.cookie_jar.update_cookies({COOKIE: token})
    await thief.get("me", 401)


@pytest.mark.parametrize("forged", ["", "made-up", "令牌"])
async def test_a_write_without_the_csrf_token_does_nothing(
    agent: Desk, database: Database, forged: str
) -> None:
    handoff = await hand_over(database)
    agent.csrf = forged if forged.isascii() else forged.encode().decode("latin-1")
    for path in (f"handoffs/{handoff.id}/accept", "logout", "ws-ticket"):
        assert (await agent.post(path, status=403))["error"]["code"] == "csrf"
    assert (await conversation_of(database)).word == "queued"
    await agent.get("me")


async def test_another_sessions_csrf_token_does_not_help(sign_in: SignIn) -> None:
    first, second = await sign_in("li"), await sign_in("wang")
    first.csrf = second.csrf
    await first.post("logout", status=403)
    await first.get("me")


async def test_a_form_of_another_site_cannot_sign_anybody_in(
    browsers: Callable[[], Desk],
) -> None:
    desk = browsers()
    answer = await desk.client.post(
        "/api/desk/login", data={"username": "li", "password": PASSWORD}
    )
    assert answer.status == 415
    await desk.get("me", 401)


WRITES = ("accept", "reply", "note", "transfer", "return-to-bot", "end", "reveal")


@pytest.mark.parametrize("username", ["fang", "guan"])
@pytest.mark.parametrize("action", WRITES)
async def test_who_does_not_serve_owners_changes_nothing(
    sign_in: SignIn, database: Database, username: str, action: str
) -> None:
    handoff = await hand_over(database)
    desk = await sign_in(username)
    body = {"id": "c-1", "text": "您好", "to": "wang", "summary": {"text": "x"}, "field": "phone"}
    error = (await desk.post(f"handoffs/{handoff.id}/{action}", body, 403))["error"]
    assert (error["code"], error["details"]) == ("forbidden", {"role": PEOPLE[username]})
    assert (await conversation_of(database)).word == "queued"
    assert await said(database) == []
    async with database.read() as session:
        kinds = await session.execute(
            select(AuditEntry.action, func.count())
            .where(AuditEntry.actor == username)
            .group_by(AuditEntry.action)
        )
        assert dict(map(tuple, kinds)) == {"log_in": 1, "refused": 1}


@pytest.mark.parametrize(
    ("username", "path", "status"),
    [
        ("fang", "queue", 403),
        ("fang", "cases", 403),
        ("fang", "staff", 403),
        ("guan", "queue", 200),
        ("guan", "cases", 200),
        ("zhou", "queue", 200),
    ],
)
async def test_who_may_look(sign_in: SignIn, username: str, path: str, status: int) -> None:
    await (await sign_in(username)).get(path, status)


@pytest.mark.parametrize("raw", ["{", "[]", '"x"', "null", "\xff", "[" * 3000])
async def test_a_body_that_is_no_object_is_refused(agent: Desk, raw: str) -> None:
    answer = await agent.client.post(
        "/api/desk/handoffs/x/reply",
        data=raw.encode("latin-1"),
        headers={CSRF_HEADER: agent.csrf, "Content-Type": "application/json"},
    )
    assert answer.status == 400
    assert (await answer.json())["error"]["code"] == "bad_json"
