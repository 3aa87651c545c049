"""One-time tickets: what a page shows a WebSocket instead of its credentials.

A browser cannot send headers when it opens a WebSocket, and a token in the address would stay in
logs. A ticket is worth nothing after 30 seconds or its first use. Kept in the database, because
the process that redeems one need not be the one that issued it; only its hash is stored.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.base.ids import new_token
from pitstop.storage.tables import Mapped, Table, column
from pitstop.storage.types import UtcTime

LIFE = timedelta(seconds=30)


class WsTicket(Table):
    """An unused ticket. `expires_at` is real time: the demo clock may jump."""

    __tablename__ = "ws_ticket"
    hash: Mapped[str] = column(String(64), primary_key=True)
    kind: Mapped[str] = column(String(20), nullable=False)
    subject: Mapped[str] = column(String(60), nullable=False)
    expires_at: Mapped[datetime] = column(UtcTime, nullable=False, index=True)


def _real_now() -> datetime:
    return clock.now() - clock.offset()


async def issue(session: AsyncSession, kind: str, subject: str) -> str:
    """Return a ticket of `kind` ("owner", "desk") for `subject` (a customer's or staff id)."""
    token = new_token()
    # Whoever asks for a ticket sweeps the ones that nobody used.
    await session.execute(
        delete(WsTicket)
        .where(WsTicket.expires_at < _real_now())
        .execution_options(synchronize_session=False)
    )
    session.add(
        WsTicket(hash=fingerprint(token), kind=kind, subject=subject, expires_at=_real_now() + LIFE)
    )
    return token


async def redeem(session: AsyncSession, kind: str, token: str) -> str | None:
    """Use a ticket up; return its subject, or None if it is unknown, used, late or of another kind.

    Needs a writing session: the deleted row is what makes it one-time, also between processes.
    """
    condition = (
        WsTicket.hash == fingerprint(token),
        WsTicket.kind == kind,
        WsTicket.expires_at >= _real_now(),
    )
    found: str | None = (
        await session.execute(select(WsTicket.subject).where(*condition))
    ).scalar_one_or_none()
    if found is None:
        return None
    used: Any = await session.execute(
        delete(WsTicket).where(*condition).execution_options(synchronize_session=False)
    )
    return found if used.rowcount == 1 else None
