"""What the tests of the desk's side need: people, a handoff, and time that passes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo

import pytest
from sqlalchemy import func, select

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.care import clocks, handoffs, staff
from pitstop.care.handoffs import HandoffView
from pitstop.care.tables import Customer, Staff
from pitstop.conversation import log
from pitstop.conversation.tables import Conversation, Message, OutboxEntry
from pitstop.conversation.wire import MessageView, Reply
from pitstop.storage.database import Database


def stop_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time stand still but for `pass_time`, so that a busy machine changes no figure."""
    moment = datetime.now(timezone.utc)

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return moment

    monkeypatch.setattr(clock, "datetime", Stopped)


def pass_time(**much: float) -> None:
    """Let time go on, e.g. ``pass_time(seconds=30)``."""
    clock.set_offset(clock.offset() + timedelta(**much))


async def add_owner(database: Database, customer_id: str = "owner-1", name: str = "陈静") -> str:
    async with database.write() as session:
        session.add(Customer(id=customer_id, name=name, phone="13900001234"))
    return customer_id


async def add_agent(database: Database, username: str = "li", role: str = "agent") -> Staff:
    async with database.write() as session:
        return await staff.add_staff(
            session, username=username, name=f"小{username}", role=role, password="a-password"
        )


async def hand_over(
    database: Database,
    customer_id: str = "owner-1",
    priority: str = "P2",
    message_id: str | None = None,
) -> HandoffView:
    async with database.write() as session:
        return await handoffs.open_handoff(
            session,
            customer_id,
            reason="asked",
            priority=priority,
            collected={"last_question": "保养多少钱"},
            message_id=message_id or new_id(),
        )


async def take(database: Database, agent: Staff, handoff: HandoffView) -> None:
    async with database.write() as session:
        await handoffs.accept(session, agent, handoff.id)


async def answer(
    database: Database, agent: Staff, handoff: HandoffView, text: str, client_id: str | None = None
) -> Message:
    async with database.write() as session:
        return await handoffs.reply(session, agent, handoff.id, client_id or new_id(), text)


async def owner_writes(database: Database, handoff: HandoffView, text: str = "还在吗") -> None:
    async with database.write() as session:
        conversation = await log.locked(session, handoff.conversation_id)
        await log.append(session, conversation, "owner", Reply(text))
        await handoffs.owner_wrote(session, conversation.id)


async def sla(database: Database, handoff: HandoffView) -> dict[str, str]:
    """Return the status of each clock as the desk sees it now."""
    async with database.read() as session:
        found = await handoffs.detail(session, handoff.id)
    return {kind: wire["status"] for kind, wire in found.handoff.sla.items()}


async def seconds_left(database: Database, handoff: HandoffView, kind: clocks.Kind) -> int | None:
    async with database.read() as session:
        timed = (await clocks.of_subjects(session, [handoff.id]))[handoff.id]
        due = clocks.due_at(timed[kind], clock.now())
    return None if due is None else round((due - clock.now()).total_seconds())


async def sweep(database: Database) -> list[str]:
    async with database.write() as session:
        return [breached.kind for breached in await clocks.sweep(session)]


async def said(database: Database, customer_id: str = "owner-1") -> list[MessageView]:
    async with database.read() as session:
        conversation = await log.find(session, customer_id)
        assert conversation is not None
        return await log.views(session, await log.read_after(session, conversation.id))


async def conversation_of(database: Database, customer_id: str = "owner-1") -> Conversation:
    async with database.read() as session:
        found = await log.find(session, customer_id)
    assert found is not None
    return found


async def outbox_size(database: Database) -> int:
    async with database.read() as session:
        query = select(func.count()).select_from(OutboxEntry)
        return int((await session.execute(query)).scalar_one())
