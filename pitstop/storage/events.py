"""What happened, as rows written in the transaction that did it.

Events carry ids, never personal data. Two ways to consume them: `Tail` for whoever wants to see
all of them (live pages, one per process), `claim` for work that must be done once (webhooks, the
broker's relay). Neither uses "id greater than the last": a transaction that commits late would be
lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, String, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.storage.tables import Mapped, Table, column
from pitstop.storage.types import Json, UtcTime


class Event(Table):
    """One thing that happened. `real_at` is real time: the demo clock may jump backwards."""

    __tablename__ = "event"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    kind: Mapped[str] = column(String(60), nullable=False)
    subject: Mapped[str] = column(String(40), nullable=False)
    conversation_id: Mapped[str | None] = column(String(26))
    data: Mapped[dict[str, Any]] = column(Json, nullable=False, default=dict)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    real_at: Mapped[datetime] = column(UtcTime, nullable=False)
    __table_args__ = (Index("ix_event_real_at", "real_at"),)


class EventMark(Table):
    """That a consumer has taken an event; the unique pair is the claim."""

    __tablename__ = "event_mark"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    consumer: Mapped[str] = column(String(40), nullable=False)
    event_id: Mapped[str] = column(String(26), nullable=False)
    __table_args__ = (UniqueConstraint("consumer", "event_id"),)


def _real_now() -> datetime:
    return clock.now() - clock.offset()


def emit(
    session: AsyncSession,
    kind: str,
    subject: str,
    *,
    conversation_id: str | None = None,
    **data: Any,
) -> None:
    """Add an event to the session's transaction. `subject` is the id of what it is about."""
    session.add(
        Event(
            kind=kind,
            subject=subject,
            conversation_id=conversation_id,
            data=data,
            real_at=_real_now(),
        )
    )


class Tail:
    """Follows all events from now on, each once, late commits included.

    Looks back over a window wide enough for the longest transaction and remembers what it has
    seen inside it.
    """

    WINDOW = timedelta(seconds=30)

    def __init__(self) -> None:
        self._seen: dict[str, datetime] = {}
        self._since = _real_now()

    async def take(self, session: AsyncSession) -> Sequence[Event]:
        """Return the events that this tail has not returned before, oldest first."""
        now = _real_now()
        floor = max(self._since, now - self.WINDOW)
        rows = (
            (await session.execute(select(Event).where(Event.real_at >= floor).order_by(Event.id)))
            .scalars()
            .all()
        )
        fresh = [row for row in rows if row.id not in self._seen]
        for row in fresh:
            self._seen[row.id] = row.real_at
        horizon = now - 2 * self.WINDOW
        self._seen = {key: at for key, at in self._seen.items() if at >= horizon}
        return fresh


async def claim(session: AsyncSession, consumer: str, event_id: str) -> bool:
    """Mark the event as taken by `consumer`; False if it already was."""
    try:
        async with session.begin_nested():
            session.add(EventMark(consumer=consumer, event_id=event_id))
    except IntegrityError:
        return False
    return True
