"""Old bookings keep their time when ticks change from moments to numbers."""

from __future__ import annotations

from sqlalchemy import text

from pitstop.app import migrations
from pitstop.storage.database import Database

_ROWS = (
    "INSERT INTO customer (id, name, points, tier, created_at) VALUES ('c', 'x', 0, 'standard', '2026-11-23 00:00:00')",
    "INSERT INTO place (id, kind, name, aliases, city, lat, lng, hours) VALUES ('p', 'service_centre', 'p', '[]', 'c', 0, 0, '[]')",
    "INSERT INTO resource (id, place_id, kind, label, skills, active) VALUES ('r', 'p', 'bay', 'b', '[]', true)",
    "INSERT INTO booking (id, reference, customer_id, kind, place_id, \"start\", \"end\", mode, status, step, estimate, created_at, updated_at)"
    " VALUES ('b', 'BK1', 'c', 'maintenance', 'p', '2026-11-24 02:00:00', '2026-11-24 03:00:00', 'in_store', 'confirmed', 'booked', false, '2026-11-23 00:00:00', '2026-11-23 00:00:00')",
    "INSERT INTO tick (resource_id, starts_at, booking_id) VALUES ('r', '2026-11-24 02:00:00', 'b'), ('r', '2026-11-24 02:15:00', 'b')",
)


async def test_ticks_survive_the_way_up_and_down(empty: Database) -> None:
    await migrations.upgrade(empty)
    await migrations.downgrade(empty, "0003")
    async with empty.write() as session:
        for row in _ROWS:
            await session.execute(text(row))
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
