"""What Prometheus may scrape: turns as they happen, stocks as they are when asked."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care.tables import Handoff
from pitstop.conversation.tables import InboxEntry, OutboxEntry


class Metrics:
    """One registry per application, so that two in one process do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.turns = Counter(
            "pitstop_turns_total",
            "Owner messages settled, by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self.turn_seconds = Histogram(
            "pitstop_turn_seconds",
            "Seconds from taking an owner's message to settling it.",
            buckets=(0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20),
            registry=self.registry,
        )
        self.job_failures = Counter(
            "pitstop_worker_failures_total",
            "Failed runs of the worker's jobs.",
            ["job"],
            registry=self.registry,
        )
        self._inbox = self._gauge("pitstop_inbox", "Owner messages by state.")
        self._outbox = self._gauge("pitstop_outbox", "Messages to owners by state of delivery.")
        self._handoffs = self._gauge("pitstop_handoffs_open", "Open handoffs by state.")

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, ["state"], registry=self.registry)

    async def scrape(self, session: AsyncSession) -> bytes:
        """Count the stocks and return everything in Prometheus' text format."""
        stocks = (
            (self._inbox, InboxEntry.state, ("waiting", "answered", "routed")),
            (self._outbox, OutboxEntry.state, ("pending", "sent", "unknown", "failed")),
            (self._handoffs, Handoff.state, ("queued", "human")),
        )
        for gauge, state, shown in stocks:
            rows = await session.execute(select(state, func.count()).group_by(state))
            counts = {str(row[0]): int(row[1]) for row in rows}
            for name in shown:
                gauge.labels(name).set(counts.get(name, 0))
        return generate_latest(self.registry)
