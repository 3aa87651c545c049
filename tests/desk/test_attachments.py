"""Attachments: shown to who serves the owner, and to nobody for what the bot alone was sent."""

from __future__ import annotations

from sqlalchemy import select

from pitstop.base.crypto import encrypt_bytes
from pitstop.care.tables import AuditEntry
from pitstop.conversation import log
from pitstop.conversation.tables import Attachment
from pitstop.conversation.wire import Reply
from pitstop.storage.database import Database
from tests.care.desk_help import hand_over
from tests.desk.conftest import Desk, SignIn

PICTURE = b"\x89PNG\r\n\x1a\n a picture"


async def send_picture(database: Database, customer_id: str = "owner-1") -> str:
    async with database.write() as session:
        attachment = Attachment(
            customer_id=customer_id,
            kind="image",
            content_type="image/png",
            size=len(PICTURE),
            body=encrypt_bytes(PICTURE),
        )
        session.add(attachment)
        await session.flush()
        conversation = await log.conversation_of(session, customer_id)
        await log.append(session, conversation, "owner", Reply(""), attachment_id=attachment.id)
        return str(attachment.id)


async def status_of(desk: Desk, attachment_id: str) -> int:
    return (await desk.client.get(f"/api/desk/attachments/{attachment_id}")).status


async def test_an_agent_sees_the_picture_and_it_is_logged(agent: Desk, database: Database) -> None:
    picture = await send_picture(database)
    assert await status_of(agent, picture) == 404
    handoff = await hand_over(database)
    item = (await agent.get("queue"))["handoffs"][0]
    assert item["last_message"] == "【图片】"
    detail = await agent.get(f"handoffs/{handoff.id}")
    url = detail["messages"][0]["attachment"]["url"]
    assert url == f"/api/desk/attachments/{picture}"
    answer = await agent.client.get(url)
    assert await answer.read() == PICTURE
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]
    async with database.read() as session:
        entries = await session.execute(
            select(AuditEntry.actor, AuditEntry.subject).where(AuditEntry.action == "attachment")
        )
        assert [tuple(row) for row in entries] == [("li", picture)]


async def test_what_was_sent_to_the_bot_afterwards_stays_between_them(
    agent: Desk, database: Database
) -> None:
    handoff = await hand_over(database)
    during = await send_picture(database)
    await agent.post(f"handoffs/{handoff.id}/accept")
    await agent.post(f"handoffs/{handoff.id}/return-to-bot")
    after = await send_picture(database)
    assert await status_of(agent, during) == 200
    assert await status_of(agent, after) == 404


async def test_another_customers_picture_is_not_shown(agent: Desk, database: Database) -> None:
    await hand_over(database)
    assert await status_of(agent, await send_picture(database, "owner-2")) == 404


async def test_an_editor_sees_no_pictures(sign_in: SignIn, database: Database) -> None:
    await hand_over(database)
    picture = await send_picture(database)
    assert await status_of(await sign_in("fang"), picture) == 403
