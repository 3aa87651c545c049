"""An owner writes: each message once, whatever is repeated, and nothing for nonsense."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pitstop.gateway.keys import MESSAGE_LIMIT
from pitstop.gateway.limits import RateLimit
from tests.gateway.conftest import Owner, bearer, texts
from tests.gateway.fake_bot import FakeBot, replies


async def test_answer_is_the_bots(owner: Owner, bot: FakeBot) -> None:
    answer = await owner.say("我的车该保养了吗")
    assert texts(answer) == ["听到：我的车该保养了吗"]
    assert answer["pending"] is False
    assert answer["messages"][0]["sender"] == "bot"
    assert bot.tokens == {"Bearer demo-rasa-token"}
    assert bot.turns[0]["kind"] == "text"
    said = await owner.log()
    assert [m["sender"] for m in said] == ["owner", "bot"]
    assert [m["seq"] for m in said] == [1, 2]


async def test_same_id_twice_is_one_message(owner: Owner, bot: FakeBot) -> None:
    body = {"id": "a", "text": "预约保养"}
    first, second = await owner.post(body), await owner.post(body)
    assert first == second
    assert len(bot.turns) == 1
    assert len(await owner.log()) == 2


async def test_same_id_while_the_first_is_running(owner: Owner, bot: FakeBot) -> None:
    asked, go = bot.hold()
    body = {"id": "a", "text": "预约保养"}
    posts = [asyncio.create_task(owner.post(body)) for _ in range(5)]
    await asyncio.wait_for(asked.wait(), 5)
    await asyncio.sleep(0.2)
    go.set()
    answers = await asyncio.gather(*posts)
    assert all(answer == answers[0] for answer in answers)
    assert texts(answers[0][1]) == ["听到：预约保养"]
    assert len(bot.turns) == 1


async def test_same_id_with_another_body_is_refused(owner: Owner, bot: FakeBot) -> None:
    await owner.post({"id": "a", "text": "约周五"})
    status, answer = await owner.post({"id": "a", "text": "约周六"})
    assert status == 409
    assert answer["error"]["code"] == "conflict"
    assert [m["text"] for m in await owner.log()] == ["约周五", "听到：约周五"]
    assert len(bot.turns) == 1


async def test_another_owner_may_use_the_same_id(owner: Owner, other: Owner) -> None:
    _, mine = await owner.post({"id": "a", "text": "我是陈一"})
    status, theirs = await other.post({"id": "a", "text": "我是王二"})
    assert status == 200
    assert texts(mine) == ["听到：我是陈一"]
    assert texts(theirs) == ["听到：我是王二"]
    assert len(await other.log()) == 2


async def test_messages_are_answered_in_their_order(owner: Owner, bot: FakeBot) -> None:
    asked, go = bot.hold()
    posts = []
    for text in ("一", "二", "三"):
        posts.append(asyncio.create_task(owner.post({"id": text, "text": text})))
        await asyncio.sleep(0.1)
    await asyncio.wait_for(asked.wait(), 5)
    assert len(bot.turns) == 1, "the second waits for the first"
    go.set()
    await asyncio.gather(*posts)
    assert [turn["text"] for turn in bot.turns] == ["一", "二", "三"]


async def test_unknown_owner_is_a_visitor(client: Any) -> None:
    stranger = Owner(client, "never-seen")
    assert texts(await stranger.say("想试驾")) == ["听到：想试驾"]
    assert (await stranger.get("/api/owner/me"))["role"] == "visitor"
    assert (await stranger.get("/api/owner/bookings")) == {"bookings": []}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"text": "好"}, "bad_id"),
        ({"id": "", "text": "好"}, "bad_id"),
        ({"id": 7, "text": "好"}, "bad_id"),
        ({"id": "x" * 81, "text": "好"}, "bad_id"),
        ({"id": "a\u0000b", "text": "好"}, "bad_id"),
        ({"id": "a"}, "bad_body"),
        ({"id": "a", "text": None}, "bad_body"),
        ({"id": "a", "text": "好", "payload": "b"}, "bad_body"),
        ({"id": "a", "text": {"not": "text"}}, "bad_body"),
        ({"id": "a", "text": ""}, "empty_text"),
        ({"id": "a", "text": " \n\u3000\u200b "}, "empty_text"),
        ({"id": "a", "text": "好" * 4001}, "text_too_long"),
        ({"id": "a", "text": "好\u0000"}, "bad_characters"),
        ({"id": "a", "text": "\ud800"}, "bad_characters"),
        ({"id": "a", "payload": ""}, "bad_payload"),
        ({"id": "a", "payload": "x" * 41}, "bad_payload"),
        ({"id": "a", "location": {"lat": 91, "lng": 0}}, "bad_location"),
        ({"id": "a", "location": {"lat": "31", "lng": "121"}}, "bad_location"),
        ({"id": "a", "location": {"lat": True, "lng": 0}}, "bad_location"),
        ({"id": "a", "location": {"lat": 10**400, "lng": 0}}, "bad_location"),
        (["id", "text"], "bad_request"),
    ],
)
async def test_nonsense_is_refused_and_leaves_nothing(
    owner: Owner, bot: FakeBot, body: Any, code: str
) -> None:
    status, answer = await owner.post(body)
    assert (status, answer["error"]["code"]) == (400, code)
    assert any("\u4e00" <= c <= "\u9fff" for c in answer["error"]["message"])
    assert await owner.log() == []
    assert bot.turns == []


async def test_longest_text_is_taken(owner: Owner) -> None:
    status, answer = await owner.post({"id": "a", "text": "好" * 4000})
    assert status == 200
    assert answer["pending"] is False


@pytest.mark.parametrize("raw", [b"{", b"", b"\xff\xfe", b'{"id": NaN' + b"[" * 5000])
async def test_broken_json_is_refused(client: Any, owner: Owner, raw: bytes) -> None:
    async with client.post("/api/owner/messages", data=raw, headers=bearer("owner-1")) as response:
        assert response.status == 400
        assert (await response.json())["error"]["code"] == "bad_json"


async def test_a_body_beyond_the_limit(client: Any, owner: Owner) -> None:
    big = b'{"id":"a","text":"' + b"x" * 2_000_000 + b'"}'
    async with client.post("/api/owner/messages", data=big, headers=owner.headers) as response:
        assert response.status == 413
        assert (await response.json())["error"]["code"] == "too_large"
    assert await owner.log() == []


async def test_location_reaches_the_bot_by_id_only(owner: Owner, bot: FakeBot) -> None:
    status, _ = await owner.post({"id": "a", "location": {"lat": 31.15, "lng": 121.47}})
    assert status == 200
    assert bot.turns[0]["kind"] == "location"
    assert "31.15" not in str(bot.turns[0])


async def test_too_many_messages(client: Any, owner: Owner, other: Owner, bot: FakeBot) -> None:
    client.app[MESSAGE_LIMIT].__init__(burst=3, per_minute=1)
    for _ in range(3):
        await owner.say("在吗")
    async with client.post(
        "/api/owner/messages", json={"id": "one-more", "text": "在吗"}, headers=owner.headers
    ) as response:
        assert response.status == 429
        assert int(response.headers["Retry-After"]) >= 1
    assert len(await owner.log()) == 6, "what is refused is not stored"
    # A repeat of what was taken is answered all the same, and others are not held up.
    assert (await owner.post({"id": "owner-1-1", "text": "在吗"}))[0] == 200
    assert texts(await other.say("在吗")) == ["听到：在吗"]


def test_rate_limit_fills_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("pitstop.gateway.limits.time.monotonic", lambda: now)
    limit = RateLimit(burst=2, per_minute=60)
    assert [limit.take("a") for _ in range(2)] == [0, 0]
    assert limit.take("a") == pytest.approx(1.0)
    assert limit.take("b") == 0
    now = 1001.1
    assert limit.take("a") == 0


async def test_messages_after(owner: Owner) -> None:
    for number in range(3):
        await owner.say(f"第{number}句")
    later = await owner.get("/api/owner/messages?after=4")
    assert [m["seq"] for m in later["messages"]] == [5, 6]
    async with owner.client.get("/api/owner/messages?after=-1", headers=owner.headers) as response:
        assert response.status == 400


async def test_pending_after_the_deadline(
    owner: Owner, bot: FakeBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pitstop.gateway.owner_api.ANSWER_WITHIN", 0.3)
    _, go = bot.hold()
    status, answer = await owner.post({"id": "a", "text": "慢慢来"})
    assert (status, answer) == (200, {"messages": [], "pending": True})
    go.set()
    await asyncio.sleep(0.5)
    status, answer = await owner.post({"id": "a", "text": "慢慢来"})
    assert texts(answer) == ["听到：慢慢来"]
    assert len(bot.turns) == 1


async def test_two_wishes_of_the_bot_come_in_order(owner: Owner, bot: FakeBot) -> None:
    async def two(_turn: dict[str, Any]) -> Any:
        return replies("第一句", "第二句")

    bot.answer = two
    assert texts(await owner.say("你好")) == ["第一句", "第二句"]
