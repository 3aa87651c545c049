"""Pictures, voice notes and files that an owner sent, for who serves them."""

from __future__ import annotations

from aiohttp import web
from sqlalchemy import select

from pitstop.base.crypto import decrypt_bytes
from pitstop.care.staff import audit
from pitstop.care.tables import Handoff
from pitstop.conversation.tables import Attachment, Message
from pitstop.desk.errors import Problem
from pitstop.desk.session import me
from pitstop.storage.appkeys import DATABASE


async def show(request: web.Request) -> web.Response:
    """``GET attachments/{id}``: only what belongs to a conversation that staff had or have.

    Logged: pictures of vehicles and voices are sensitive (汽车数据安全管理若干规定, 3).
    """
    async with request.app[DATABASE].write() as session:
        attachment: Attachment | None = await session.get(Attachment, request.match_info["id"])
        if attachment is None:
            raise Problem("not_found")
        served = (
            select(Handoff.id)
            .join(Message, Message.conversation_id == Handoff.conversation_id)
            .where(
                Handoff.customer_id == attachment.customer_id,
                Message.attachment_id == attachment.id,
                # Sent to the bot after the end, or withdrawn from an unanswered queue: not ours.
                (Handoff.state != "ended")
                | (Handoff.accepted_at.isnot(None) & (Message.seq <= Handoff.until_seq)),
            )
            .limit(1)
        )
        handoff_id = (await session.execute(served)).scalar_one_or_none()
        if handoff_id is None:
            raise Problem("not_found")
        audit(session, me(request).staff.username, "attachment", attachment.id, handoff=handoff_id)
        body, content_type = attachment.body, attachment.content_type
        inline = attachment.kind in ("image", "voice")
    return web.Response(
        body=decrypt_bytes(body),
        content_type=content_type,
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": "inline" if inline else "attachment",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
        },
    )
