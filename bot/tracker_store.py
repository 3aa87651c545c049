"""Rasa's memory of a conversation: persistent, encrypted, deletable by owner."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import SQLTrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

from pitstop.base import crypto
from pitstop.base.settings import settings


class EncryptedTrackerStore(SQLTrackerStore):
    """Rasa's SQL tracker store with encrypted events, off the event loop.

    `sender_id` is ``conversation:epoch``. Intent and action names stay readable: they are not
    personal, and Rasa's tools count them.
    """

    def __init__(
        self,
        domain: Domain | None = None,
        host: str | None = None,
        event_broker: EventBroker | None = None,
        **kwargs: Any,
    ) -> None:
        url = host or settings().tracker_database_url
        if url.startswith("sqlite"):
            settings().var.mkdir(parents=True, exist_ok=True)
        super().__init__(domain=domain, host=url, event_broker=event_broker, **kwargs)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _prepare_sqlite)

    async def _retrieve(
        self, sender_id: str, fetch_events_from_all_sessions: bool
    ) -> DialogueStateTracker | None:
        return await asyncio.to_thread(self._read, sender_id, fetch_events_from_all_sessions)

    def _read(self, sender_id: str, all_sessions: bool) -> DialogueStateTracker | None:
        with self.session_scope() as session:
            rows = self._event_query(session, sender_id, all_sessions).all()
            events = [json.loads(crypto.decrypt(row.data)) for row in rows]
        if not events or self.domain is None:
            return None
        return DialogueStateTracker.from_dict(sender_id, events, self.domain.slots)

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Store what is new in `tracker`; raises whatever the database raises."""
        await self.stream_events(tracker)
        await asyncio.to_thread(self._write, tracker)

    def _write(self, tracker: DialogueStateTracker) -> None:
        with self.session_scope() as session:
            for event in self._additional_events(session, tracker):
                data = event.as_dict()
                intent = (data.get("parse_data") or {}).get("intent") or {}
                session.add(
                    self.SQLEvent(
                        sender_id=tracker.sender_id,
                        type_name=event.type_name,
                        timestamp=data.get("timestamp"),
                        intent_name=intent.get("name"),
                        action_name=data.get("name"),
                        data=crypto.encrypt(json.dumps(data)),
                    )
                )
            session.commit()

    async def forget(self, conversation_id: str) -> int:
        """Delete everything kept of a conversation, all epochs; return how many events."""
        return await asyncio.to_thread(self._forget, conversation_id)

    def _forget(self, conversation_id: str) -> int:
        with self.session_scope() as session:
            count: int = (
                session.query(self.SQLEvent)
                .filter(self.SQLEvent.sender_id.startswith(f"{conversation_id}:", autoescape=True))
                .delete(synchronize_session=False)
            )
            session.commit()
            return count


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()
