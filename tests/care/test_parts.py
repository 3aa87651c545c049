"""Parts: a slot without its part is not offered, and no piece is kept for two."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import delete, select

from pitstop.care import bookings, parts
from pitstop.care.refusals import Refused
from pitstop.care.service_tables import PartClaim, PartUnit
from pitstop.care.tables import Booking, Tick
from pitstop.storage.database import Database

from .help import accept, at, book, maintenance, propose, rows

FILTER = {"cabin_filter": 1}


async def leave(database: Database, part: str, count: int, *, coming_in: timedelta | None = None):
    """Let 闵行 have only so many pieces of a part, there now or coming."""
    async with database.write() as session:
        here = PartUnit.place_id == "store-1", PartUnit.part == part
        await session.execute(delete(PartUnit).where(*here))
        for number in range(count):
            session.add(
                PartUnit(
                    id=f"left-{number}",
                    place_id="store-1",
                    part=part,
                    available_at=at("23 10:00") + (coming_in or -timedelta(days=1)),
                )
            )


async def claims(database: Database, booking_id: str) -> list[str]:
    async with database.read() as session:
        query = select(PartClaim.unit_id).where(PartClaim.booking_id == booking_id)
        return sorted((await session.execute(query)).scalars().all())


async def test_a_booking_keeps_its_piece_and_a_cancelled_one_gives_it_back(
    seeded: Database,
) -> None:
    booked = await book(seeded, "owner-1", **maintenance(service="cabin_filter"))
    assert len(await claims(seeded, booked.id)) == 1
    async with seeded.write() as session:
        await bookings.cancel(session, "owner-1", booked.id, message_id="no")
    assert await claims(seeded, booked.id) == []


async def test_what_is_on_its_way_is_offered_from_the_day_it_comes(seeded: Database) -> None:
    await leave(seeded, "cabin_filter", 1, coming_in=timedelta(days=3))
    before = await rows(seeded, Booking, Tick, PartClaim)
    with pytest.raises(Refused) as refused:
        await propose(seeded, "owner-1", **maintenance(service="cabin_filter"))
    assert refused.value.code == "no_part"
    assert refused.value.details["ready_at"] == at("26 10:00")
    assert refused.value.alternatives[0].start >= at("26 10:00")
    assert await rows(seeded, Booking, Tick, PartClaim) == before
    later = maintenance(service="cabin_filter", start=at("26 10:00"), message_id="again")
    assert (await book(seeded, "owner-1", **later)).start == at("26 10:00")


async def test_no_piece_and_none_ordered(seeded: Database) -> None:
    await leave(seeded, "cabin_filter", 0)
    with pytest.raises(Refused) as refused:
        await propose(seeded, "owner-1", **maintenance(service="cabin_filter"))
    assert refused.value.code == "no_part"
    assert refused.value.details["ready_at"] is None
    # Another place nearby has it.
    assert {slot.place_id for slot in refused.value.alternatives} - {"store-1"}


async def test_the_last_piece_is_kept_for_one_of_two(seeded: Database) -> None:
    await leave(seeded, "cabin_filter", 1)
    one = await propose(seeded, "owner-1", **maintenance(service="cabin_filter"))
    other = await propose(
        seeded, "owner-2", **maintenance(service="cabin_filter", vehicle_id="car-2", message_id="b")
    )
    won = await asyncio.gather(
        accept(seeded, "owner-1", one, "yes-1"),
        accept(seeded, "owner-2", other, "yes-2"),
        return_exceptions=True,
    )
    (lost,) = [found for found in won if isinstance(found, Refused)]
    assert lost.code == "no_part"
    (kept,) = [found for found in won if not isinstance(found, BaseException)]
    assert await claims(seeded, kept.id) == ["left-0"]
    # The one who lost holds nothing: no bay, no technician.
    async with seeded.read() as session:
        holders = set((await session.execute(select(Tick.booking_id))).scalars().all())
        booked = (await session.execute(select(Booking.id))).scalars().all()
    assert holders <= set(booked)
    assert kept.id in holders


async def test_what_comes_last_but_in_time_is_taken_first(seeded: Database) -> None:
    await leave(seeded, "cabin_filter", 1)
    async with seeded.write() as session:
        session.add(
            PartUnit(
                id="coming",
                place_id="store-1",
                part="cabin_filter",
                available_at=at("25 08:00"),
            )
        )
    late = maintenance(service="cabin_filter", start=at("26 10:00"))
    booked = await book(seeded, "owner-1", **late)
    assert await claims(seeded, booked.id) == ["coming"]


async def test_what_nobody_keeps_account_of_is_no_obstacle(seeded: Database) -> None:
    async with seeded.read() as session:
        shelf = await parts.shelf(session, "store-1", {"screw": 4})
    assert shelf.has(at("23 10:05"))
