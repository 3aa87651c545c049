"""Handoffs over HTTP: the contract's endpoints, as an agent uses them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from pitstop.base import clock
from pitstop.care import cases, handoffs
from pitstop.care.tables import AuditEntry, Booking, Place
from pitstop.conversation import log
from pitstop.conversation.wire import Reply
from pitstop.storage.database import Database
from tests.care.desk_help import conversation_of, hand_over, owner_writes, pass_time, said
from tests.desk.conftest import Desk, SignIn


async def test_the_queue_lists_what_waits(agent: Desk, database: Database) -> None:
    empty = await agent.get("queue")
    assert empty["handoffs"] == []
    assert abs(datetime.fromisoformat(empty["now"]) - clock.now()) < timedelta(seconds=5)
    handoff = await hand_over(database)
    await owner_writes(database, handoff, "我的车牌沪A12345，急")
    danger = await hand_over(database, "owner-2", priority="P0")
    listed = (await agent.get("queue"))["handoffs"]
    assert [item["id"] for item in listed] == [danger.id, handoff.id]
    item = listed[1]
    assert item["customer"] == {"id": "owner-1", "name": "陈静"}
    assert (item["priority"], item["reason"], item["state"]) == ("P2", "asked", "queued")
    assert item["agent"] is None
    assert item["last_message"] == "我的车牌沪A***45，急"
    assert datetime.fromisoformat(item["waiting_since"]).utcoffset() is not None
    assert set(item["sla"]) == {"first_response", "next_response", "resolution"}
    assert item["sla"]["first_response"]["status"] == "running"
    due = datetime.fromisoformat(item["sla"]["first_response"]["due_at"])
    assert 0 < (due - clock.now()).total_seconds() <= 45


async def test_a_breach_shows_without_a_sweep(agent: Desk, database: Database) -> None:
    await hand_over(database)
    pass_time(seconds=46)
    listed = (await agent.get("queue"))["handoffs"]
    assert listed[0]["sla"]["first_response"]["status"] == "breached"


async def test_a_whole_conversation(agent: Desk, database: Database) -> None:
    handoff = await hand_over(database)
    path = f"handoffs/{handoff.id}"
    accepted = await agent.post(f"{path}/accept")
    assert (accepted["state"], accepted["agent"]) == ("human", {"username": "li", "name": "小li"})
    body = {"id": "c-1", "text": "您好，您的车明天可以取。"}
    first = await agent.post(f"{path}/reply", body)
    again = await agent.post(f"{path}/reply", body)
    assert first == again
    assert (first["message"]["sender"], first["message"]["author"]) == ("agent", "小li")
    await agent.post(f"{path}/reply", {"id": "c-1", "text": "另一句"}, 409)
    await owner_writes(database, handoff, "好的")
    await agent.post(f"{path}/note", {"text": "已核对订单"})
    detail = await agent.get(path)
    assert [m["sender"] for m in detail["messages"]] == ["system", "agent", "owner"]
    assert detail["collected"] == {"last_question": "保养多少钱"}
    assert [note["text"] for note in detail["notes"]] == ["已核对订单"]
    summary = {"category": "service", "result": "solved", "text": "已告知取车时间"}
    ended = await agent.post(f"{path}/end", {"summary": summary})
    assert (ended["state"], ended["summary"]) == ("ended", summary)
    assert ended["sla"]["first_response"]["status"] == "met"
    assert (await conversation_of(database)).word == "bot"
    assert len((await said(database))[-1]["buttons"]) == 5
    assert (await agent.get("queue"))["handoffs"] == []
    assert len((await agent.get("queue?state=ended"))["handoffs"]) == 1
    error = (await agent.post(f"{path}/reply", {"id": "c-2", "text": "还有"}, 409))["error"]
    assert (error["code"], error["message"]) == ("ended", "会话已结束。")


async def test_the_second_accept_is_a_conflict(
    agent: Desk, sign_in: SignIn, database: Database
) -> None:
    other = await sign_in("wang")
    handoff = await hand_over(database)

    async def accept(desk: Desk) -> int:
        answer = await desk.client.post(
            f"/api/desk/handoffs/{handoff.id}/accept", headers={"X-CSRF-Token": desk.csrf}
        )
        return answer.status

    statuses = await asyncio.gather(accept(agent), accept(other))
    assert sorted(statuses) == [200, 409]
    error = (await other.post(f"handoffs/{handoff.id}/accept", status=409))["error"]
    assert error["code"] == "already_taken"
    assert len(await said(database)) == 1


async def test_only_who_has_it_writes(agent: Desk, sign_in: SignIn, database: Database) -> None:
    other = await sign_in("wang")
    handoff = await hand_over(database)
    path = f"handoffs/{handoff.id}"
    await agent.post(f"{path}/reply", {"id": "c", "text": "您好"}, 409)
    await agent.post(f"{path}/accept")
    before = len(await said(database))
    await other.post(f"{path}/reply", {"id": "c", "text": "您好"}, 403)
    await other.post(f"{path}/end", {"summary": {"text": "好"}}, 403)
    await other.post(f"{path}/return-to-bot", status=403)
    await other.post(f"{path}/transfer", {"to": "wang"}, 403)
    assert len(await said(database)) == before
    assert (await conversation_of(database)).word == "human"


async def test_transfer_to_a_colleague_and_back_to_the_queue(
    agent: Desk, sign_in: SignIn, database: Database
) -> None:
    other = await sign_in("wang")
    listed = (await agent.get("staff"))["staff"]
    assert [(one["username"], one["signed_in"]) for one in listed] == [
        ("li", True),
        ("wang", True),
        ("zhou", False),
    ]
    handoff = await hand_over(database)
    path = f"handoffs/{handoff.id}"
    await agent.post(f"{path}/accept")
    assert (await agent.post(f"{path}/transfer", {"to": "fang"}, 422))["error"]["code"] == (
        "unknown_target"
    )
    moved = await agent.post(f"{path}/transfer", {"to": "wang"})
    assert moved["agent"]["username"] == "wang"
    await other.post(f"{path}/reply", {"id": "c-1", "text": "我来看"})
    queued = await other.post(f"{path}/transfer", {"to": "queue"})
    assert (queued["state"], queued["agent"]) == ("queued", None)
    assert (await conversation_of(database)).word == "queued"


async def test_back_to_the_bot(agent: Desk, database: Database) -> None:
    handoff = await hand_over(database)
    await agent.post(f"handoffs/{handoff.id}/accept")
    returned = await agent.post(f"handoffs/{handoff.id}/return-to-bot")
    assert (returned["state"], returned["ended_how"]) == ("ended", "returned")
    assert (await conversation_of(database)).word == "bot"
    assert (await said(database))[-1]["buttons"] == []


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("reply", {"text": "没有编号"}, 400),
        ("reply", {"id": "", "text": "空编号"}, 400),
        ("reply", {"id": "c", "text": ""}, 422),
        ("reply", {"id": "c", "text": 5}, 400),
        ("reply", {"id": "c", "text": "长" * 2001}, 422),
        ("note", {}, 400),
        ("transfer", {}, 400),
        ("end", {}, 422),
        ("end", {"summary": "好了"}, 422),
        ("end", {"summary": {"text": ""}}, 422),
        ("reveal", {"field": "everything"}, 400),
        ("reveal", {}, 400),
    ],
)
async def test_what_is_wrong_is_refused_and_changes_nothing(
    agent: Desk, database: Database, action: str, body: dict[str, Any], status: int
) -> None:
    handoff = await hand_over(database)
    await agent.post(f"handoffs/{handoff.id}/accept")
    error = (await agent.post(f"handoffs/{handoff.id}/{action}", body, status))["error"]
    assert error["message"]
    assert len(await said(database)) == 1
    assert (await conversation_of(database)).word == "human"


async def test_text_that_no_database_takes_is_mended(agent: Desk, database: Database) -> None:
    handoff = await hand_over(database)
    await agent.post(f"handoffs/{handoff.id}/accept")
    await agent.post(f"handoffs/{handoff.id}/reply", {"id": "c", "text": "好\ud83d的\x00"})
    assert (await said(database))[-1]["text"] == "好?的"


@pytest.mark.parametrize("path", ["handoffs/nothing", "cases/nothing", "attachments/nothing"])
async def test_what_does_not_exist_is_not_found(agent: Desk, path: str) -> None:
    assert (await agent.get(path, 404))["error"]["code"] == "not_found"
    if path.startswith("handoffs"):
        await agent.post(f"{path}/accept", status=404)


async def test_the_card_shows_who_it_is_masked(agent: Desk, database: Database) -> None:
    earlier = await hand_over(database)
    await agent.post(f"handoffs/{earlier.id}/accept")
    await agent.post(f"handoffs/{earlier.id}/end", {"summary": {"text": "回电13912345678，已解决"}})
    async with database.write() as session:
        session.add(
            Booking(
                reference="BY1", customer_id="owner-1", vehicle_id="car-1", kind="maintenance",
                start=clock.now(), end=clock.now(),
            )
        )  # fmt: skip
        await cases.file_case(
            session, text="电话13912345678没人回", customer_id="owner-1", external_id="e-1"
        )
        conversation = await log.conversation_of(session, "owner-1")
        card = {"type": "booking", "vehicle": {"plate": "沪A12345", "model": "YS6"}}
        await log.append(session, conversation, "bot", Reply("已约好", card=card))
    handoff = await hand_over(database)
    detail = await agent.get(f"handoffs/{handoff.id}")
    card = detail["customer"]
    assert (card["id"], card["name"], card["role"]) == ("owner-1", "陈静", "owner")
    assert card["phone"] == "139****5678"
    assert card["vehicles"][0]["plate"] == "沪A***45"
    assert card["vehicles"][0]["vin"] == "LYX**********2345"
    assert card["bookings"][0]["vehicle"]["plate"] == "沪A***45"
    assert card["cases"][0]["status"] == "open"
    assert card["handoffs"][0]["summary"]["result"] == "solved"
    whole = str(detail)
    for secret in ("13912345678", "沪A12345", "LYXTEST0000012345"):
        assert secret not in whole


@pytest.mark.parametrize(
    ("field", "value"),
    [("phone", "13912345678"), ("plate", "沪A12345"), ("vin", "LYXTEST0000012345")],
)
async def test_a_reveal_is_logged(agent: Desk, database: Database, field: str, value: str) -> None:
    handoff = await hand_over(database)
    await agent.post(f"handoffs/{handoff.id}/reveal", {"field": field}, 409)
    await agent.post(f"handoffs/{handoff.id}/accept")
    shown = await agent.post(f"handoffs/{handoff.id}/reveal", {"field": field})
    assert shown == {"field": field, "value": value}
    async with database.read() as session:
        entries = await session.execute(select(AuditEntry).where(AuditEntry.action == "reveal"))
        logged = list(entries.scalars())
    assert [(entry.actor, entry.detail["field"]) for entry in logged] == [("li", field)]
    assert value not in str(logged[0].detail)


async def test_a_reveal_is_for_who_has_the_conversation_while_it_lasts(
    agent: Desk, sign_in: SignIn, database: Database
) -> None:
    other = await sign_in("wang")
    handoff = await hand_over(database)
    await agent.post(f"handoffs/{handoff.id}/accept")
    await other.post(f"handoffs/{handoff.id}/reveal", {"field": "phone"}, 403)
    await agent.post(f"handoffs/{handoff.id}/return-to-bot")
    await agent.post(f"handoffs/{handoff.id}/reveal", {"field": "phone"}, 409)
    async with database.read() as session:
        entries = await session.execute(select(AuditEntry).where(AuditEntry.action == "reveal"))
        assert entries.first() is None


async def test_a_message_of_another_conversation_cannot_be_revealed(
    agent: Desk, database: Database
) -> None:
    mine, other = await hand_over(database), await hand_over(database, "owner-2")
    for handoff in (mine, other):
        await owner_writes(database, handoff, "打13700001111")
    await agent.post(f"handoffs/{mine.id}/accept")
    ids = [(await said(database, owner))[0]["id"] for owner in ("owner-1", "owner-2")]
    shown = await agent.post(
        f"handoffs/{mine.id}/reveal", {"field": "message", "message_id": ids[0]}
    )
    assert shown["value"] == "打13700001111"
    await agent.post(f"handoffs/{mine.id}/reveal", {"field": "message", "message_id": ids[1]}, 404)


async def test_what_the_bot_had_is_told_by_names(agent: Desk, database: Database) -> None:
    async with database.write() as session:
        session.add(
            Place(
                id="store-9",
                kind="service_centre",
                name="测试服务中心",
                city="上海",
                lat=31,
                lng=121,
            )
        )
        handoff = await handoffs.open_handoff(
            session,
            "owner-1",
            reason="owner_asked",
            priority="P2",
            collected={
                "form": "maintenance_form",
                "route": "talk_to_human",
                "slots": {
                    "place": "store-9",
                    "vehicle": "gone",
                    "service": "unlisted",
                    "options": {"places": ["store-9"]},
                    "window": {"start": "2026-11-24T09:00:00+08:00", "end": None, "day": None},
                    "offer": "01J",
                    "address": "-",
                    "note": "电话13900001234",
                },
                "wishes": [],
                "last_article": None,
            },
            message_id="names",
        )
    told = (await agent.get(f"handoffs/{handoff.id}"))["collected"]
    assert told["place"] == "测试服务中心"
    assert told["after"] == "2026-11-24T09:00:00+08:00"
    assert "13900001234" not in told["note"]
    assert not {"vehicle", "options", "offer", "window", "slots", "route", "address"} & told.keys()
