"""Live updates: one ticket, one connection, every line once and in order."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import time_machine

from pitstop.base import clock
from pitstop.base.settings import Settings
from pitstop.care import handoffs
from pitstop.storage import tickets
from pitstop.storage.database import Database
from tests.gateway.conftest import Owner
from tests.gateway.fake_bot import FakeBot
from tests.gateway.test_router import accept, hand_over


async def ticket(owner: Owner) -> str:
    status, body = await owner.post({}, path="/api/owner/ws-ticket")
    assert status == 200
    return str(body["ticket"])


@asynccontextmanager
async def line(owner: Owner, query: str = "", **headers: str) -> Any:
    path = f"/api/owner/ws?ticket={await ticket(owner)}{query}"
    async with owner.client.ws_connect(path, headers=headers) as socket:
        yield socket


async def frame(socket: Any, kind: str) -> dict[str, Any]:
    """Return the next frame of a kind."""
    while True:
        found = await socket.receive_json(timeout=5)
        if found["type"] == kind:
            return found


async def refused(client: Any, path: str, **headers: str) -> int:
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await client.ws_connect(path, headers=headers)
    return caught.value.status


async def test_messages_and_states_are_pushed(owner: Owner, database: Database) -> None:
    async with line(owner) as socket:
        assert (await frame(socket, "conversation"))["state"] == "bot"
        answer = await owner.say("你好")
        said = [await frame(socket, "message") for _ in range(2)]
        assert [f["message"]["sender"] for f in said] == ["owner", "bot"]
        assert said[1]["message"] == answer["messages"][0]
        handoff = await hand_over(database, "owner-1")
        queued = await frame(socket, "conversation")
        assert (queued["state"], queued["queue_position"]) == ("queued", 1)
        await accept(database, handoff)
        human = await frame(socket, "conversation")
        assert (human["state"], human["agent"]) == ("human", {"name": "小李"})


async def test_the_agents_words_arrive(owner: Owner, database: Database) -> None:
    await owner.say("你好")
    handoff = await hand_over(database, "owner-1")
    await accept(database, handoff)
    async with line(owner) as socket:
        async with database.write() as session:
            staff = await session.get(handoffs.Staff, "agent-1")
            await handoffs.reply(session, staff, handoff, "r1", "我来看看您的预约。")
        pushed = (await frame(socket, "message"))["message"]
        assert (pushed["sender"], pushed["author"]) == ("agent", "小李")


async def test_a_place_moves_up_when_somebody_else_leaves(
    owner: Owner, other: Owner, database: Database
) -> None:
    await owner.say("你好")
    await other.say("你好")
    await hand_over(database, "owner-2", "first")
    await hand_over(database, "owner-1", "second")
    async with line(owner) as socket:
        assert (await frame(socket, "conversation"))["queue_position"] == 2
        async with database.write() as session:
            await handoffs.withdraw(session, "owner-2", message_id="w")
        assert (await frame(socket, "conversation"))["queue_position"] == 1


async def test_what_was_missed_comes_first(owner: Owner) -> None:
    for number in range(3):
        await owner.say(f"第{number}句")
    async with line(owner, "&after=2") as socket:
        seqs = [(await frame(socket, "message"))["message"]["seq"] for _ in range(4)]
        assert seqs == [3, 4, 5, 6]
        await owner.say("又一句")
        assert (await frame(socket, "message"))["message"]["seq"] == 7


async def test_without_after_only_news(owner: Owner) -> None:
    await owner.say("旧的")
    async with line(owner) as socket:
        await frame(socket, "conversation")
        await owner.say("新的")
        assert (await frame(socket, "message"))["message"]["text"] == "新的"


async def test_nobody_hears_another_owner(owner: Owner, other: Owner) -> None:
    async with line(other) as socket:
        await frame(socket, "conversation")
        await owner.say("只给我看")
        await other.say("我的")
        assert (await frame(socket, "message"))["message"]["text"] == "我的"


async def test_ticket_works_once(owner: Owner, client: Any) -> None:
    path = f"/api/owner/ws?ticket={await ticket(owner)}"
    async with client.ws_connect(path):
        assert await refused(client, path) == 401
    assert await refused(client, path) == 401
    assert await refused(client, "/api/owner/ws?ticket=made-up") == 401
    assert await refused(client, "/api/owner/ws") == 401


async def test_ticket_redeemed_by_many_at_once(owner: Owner, client: Any) -> None:
    path = f"/api/owner/ws?ticket={await ticket(owner)}"

    async def connect() -> bool:
        try:
            async with client.ws_connect(path):
                return True
        except aiohttp.WSServerHandshakeError:
            return False

    assert sum(await asyncio.gather(*(connect() for _ in range(6)))) == 1


async def test_ticket_from_another_app(start: Any, config: Settings, database: Database) -> None:
    one, two = await start(config), await start(config)
    path = f"/api/owner/ws?ticket={await ticket(Owner(one, 'owner-1'))}"
    async with two.ws_connect(path) as socket:
        assert (await frame(socket, "conversation"))["state"] == "bot"


async def test_ticket_is_late_after_30_seconds(database: Database) -> None:
    with time_machine.travel(clock.now(), tick=False) as travel:
        async with database.write() as session:
            made = await tickets.issue(session, "owner", "owner-1")
            late = await tickets.issue(session, "owner", "owner-1")
        travel.shift(29)
        async with database.write() as session:
            assert await tickets.redeem(session, "desk", made) is None, "of another kind"
            assert await tickets.redeem(session, "owner", made) == "owner-1"
        travel.shift(2)
        async with database.write() as session:
            assert await tickets.redeem(session, "owner", late) is None


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "http://localhost"]
)
async def test_another_sites_page_is_refused(owner: Owner, client: Any, origin: str) -> None:
    path = f"/api/owner/ws?ticket={await ticket(owner)}"
    assert await refused(client, path, Origin=origin) == 403
    # And it has not used the ticket up.
    async with client.ws_connect(path):
        pass


async def test_our_own_page_and_the_brands(
    start: Any, config: Settings, database: Database
) -> None:
    app = Settings(**{**vars(config), "allowed_origins": ("https://app.brand.example",)})
    client = await start(app)
    owner = Owner(client, "owner-1")
    own = f"http://{client.host}:{client.port}"
    for origin in (own, "https://app.brand.example"):
        async with line(owner, Origin=origin) as socket:
            assert (await frame(socket, "conversation"))["state"] == "bot"


async def test_stopping_the_app_hangs_up(start: Any, config: Settings, bot: FakeBot) -> None:
    client = await start(config)
    async with line(Owner(client, "owner-1")) as socket:
        await frame(socket, "conversation")
        closing = asyncio.create_task(client.server.close())
        message = await socket.receive(timeout=5)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        await closing
