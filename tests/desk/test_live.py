"""Live updates: one-time tickets, the page's origin, and what is pushed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from pitstop.storage.database import Database
from tests.care.desk_help import hand_over, owner_writes, pass_time, sweep
from tests.desk.conftest import Desk, SignIn


async def connect(desk: Desk, **headers: str) -> ClientWebSocketResponse:
    ticket = (await desk.post("ws-ticket"))["ticket"]
    socket = await desk.client.ws_connect(f"/api/desk/ws?ticket={ticket}", headers=headers)
    assert (await socket.receive_json(timeout=2))["type"] == "queue"
    return socket


async def next_of(socket: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    async def wait() -> dict[str, Any]:
        while True:
            push: dict[str, Any] = await socket.receive_json()
            if push["type"] == kind:
                return push

    return await asyncio.wait_for(wait(), 5)


async def test_the_desk_hears_of_a_handoff_and_of_each_message(
    agent: Desk, sign_in: SignIn, database: Database
) -> None:
    other = await sign_in("zhou")
    sockets = [await connect(agent), await connect(other)]
    handoff = await hand_over(database)
    for socket in sockets:
        await next_of(socket, "queue")
    await owner_writes(database, handoff, "电话13812345678")
    for socket in sockets:
        push = await next_of(socket, "message")
        assert push["handoff_id"] == handoff.id
        assert (push["message"]["sender"], push["message"]["text"]) == (
            "owner",
            "电话138****5678",
        )
    for socket in sockets:
        await socket.close()


async def test_the_desk_hears_of_a_breach(agent: Desk, database: Database) -> None:
    socket = await connect(agent)
    handoff = await hand_over(database)
    await next_of(socket, "queue")
    pass_time(seconds=50)
    assert await sweep(database) == ["first_response"]
    assert (await next_of(socket, "clock"))["subject"] == handoff.id
    await socket.close()


async def test_what_an_owner_says_to_the_bot_is_not_pushed(agent: Desk, database: Database) -> None:
    socket = await connect(agent)
    handoff = await hand_over(database)
    await agent.post(f"handoffs/{handoff.id}/accept")
    await agent.post(f"handoffs/{handoff.id}/return-to-bot")
    await asyncio.sleep(0.2)
    await owner_writes(database, handoff, "只和小驿说的话")
    later = await hand_over(database, "owner-2")
    await owner_writes(database, later, "找人工")
    seen = []
    while "找人工" not in str(seen):
        seen.append(await asyncio.wait_for(socket.receive_json(), 5))
    assert "只和小驿说的话" not in str(seen)
    await socket.close()


async def test_a_ticket_is_good_for_one_connection(agent: Desk) -> None:
    ticket = (await agent.post("ws-ticket"))["ticket"]
    socket = await agent.client.ws_connect(f"/api/desk/ws?ticket={ticket}")
    await socket.close()
    for spent in (ticket, "made-up", ""):
        with pytest.raises(WSServerHandshakeError) as refused:
            await agent.client.ws_connect(f"/api/desk/ws?ticket={spent}")
        assert refused.value.status == 401


async def test_a_ticket_dies_with_its_session(agent: Desk) -> None:
    ticket = (await agent.post("ws-ticket"))["ticket"]
    await agent.post("logout")
    with pytest.raises(WSServerHandshakeError) as refused:
        await agent.client.ws_connect(f"/api/desk/ws?ticket={ticket}")
    assert refused.value.status == 401


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil"])
async def test_another_sites_page_is_refused_and_spends_nothing(agent: Desk, origin: str) -> None:
    ticket = (await agent.post("ws-ticket"))["ticket"]
    with pytest.raises(WSServerHandshakeError) as refused:
        await agent.client.ws_connect(f"/api/desk/ws?ticket={ticket}", headers={"Origin": origin})
    assert refused.value.status == 403
    own = str(agent.client.make_url("/")).rstrip("/")
    socket = await agent.client.ws_connect(f"/api/desk/ws?ticket={ticket}", headers={"Origin": own})
    await socket.close()


async def test_an_editor_gets_no_ticket(sign_in: SignIn) -> None:
    await (await sign_in("fang")).post("ws-ticket", status=403)


async def test_whoever_is_signed_out_is_cut_off(
    agent: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pitstop.desk.live.LOOK_AGAIN_EVERY", 0.1)
    socket = await connect(agent)
    await agent.post("logout")
    while (message := await socket.receive(timeout=5)).type is WSMsgType.TEXT:
        pass
    assert message.type is WSMsgType.CLOSE
    assert message.data == 4401
