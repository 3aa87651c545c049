"""Old bookings keep their time when ticks change from moments to numbers."""

from __future__ import annotations

from datetime import datetime, timezone

from sqlalchemy import text

from pitstop.app import migrations
from pitstop.storage.database import Database

_MOMENT = "2026-11-24 02:00:00"
_ROWS = {
    "customer": {
        "id": "c",
        "name": "x",
        "points": 0,
        "tier": "standard",
        "created_at": _MOMENT,
    },
    "place": {
        "id": "p",
        "kind": "service_centre",
        "name": "p",
        "aliases": "[]",
        "city": "c",
        "lat": 0,
        "lng": 0,
        "hours": "[]",
    },
    "resource": {
        "id": "r",
        "place_id": "p",
        "kind": "bay",
        "label": "b",
        "skills": "[]",
        "active": True,
    },
    "booking": {
        "id": "b",
        "reference": "BK1",
        "customer_id": "c",
        "kind": "maintenance",
        "place_id": "p",
        "start": _MOMENT,
        "end": "2026-11-24 02:30:00",
        "mode": "in_store",
        "status": "confirmed",
        "step": "booked",
        "estimate": False,
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
    },
}
_TICKS = (_MOMENT, "2026-11-24 02:15:00")


async def _insert(session, table: str, values: dict) -> None:
    if session.bind.dialect.name != "sqlite":
        values = {name: _moment(value) for name, value in values.items()}
    names = ", ".join(f'"{name}"' for name in values)
    given = ", ".join(f":{name}" for name in values)
    await session.execute(text(f"INSERT INTO {table} ({names}) VALUES ({given})"), values)


def _moment(value):
    if isinstance(value, str) and value.startswith("2026-"):
        return datetime.fromisoformat(value).replace(tzinfo=timezone.utc)
    return value


async def test_ticks_survive_the_way_up_and_down(empty: Database) -> None:
    await migrations.upgrade(empty)
    await migrations.downgrade(empty, "0003")
    async with empty.write() as session:
        for table, values in _ROWS.items():
            await _insert(session, table, values)
        for moment in _TICKS:
            await _insert(
                session, "tick", {"resource_id": "r", "starts_at": moment, "booking_id": "b"}
            )
    await migrations.upgrade(empty)
    async with empty.read() as session:
        rows = (await session.execute(text("SELECT number FROM tick ORDER BY number"))).all()
    first = 1795485600 // 900  # 24 November 2026, 02:00 UTC
    assert [row[0] for row in rows] == [first, first + 1]
    await migrations.downgrade(empty, "0003")
    async with empty.read() as session:
        (count,) = (
            await session.execute(
                text("SELECT COUNT(*) FROM tick WHERE starts_at >= '2026-11-24 02:00:00'")
            )
        ).one()
    assert count == 2
