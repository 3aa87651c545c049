"""Roadside rescue."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from pitstop.base import clock
from pitstop.care import bookings, rescue
from pitstop.care.permissions import NotAllowed
from pitstop.care.refusals import Refused
from pitstop.care.tables import Booking, BookingChange
from pitstop.care.views import BookingView
from pitstop.storage.database import Database

from .help import rows


async def call(database: Database, customer: str, **more) -> BookingView:
    values = {"text": "车趴在路边了", "message_id": "sos", **more}
    async with database.write() as session:
        return await rescue.request_rescue(session, customer, **values)


async def test_somebody_is_sent_now(seeded: Database) -> None:
    view = await call(seeded, "owner-1", position=(31.2, 121.4))
    assert (view.kind, view.status, view.step) == ("rescue", "confirmed", "dispatching")
    assert view.place is None
    assert view.price is None
    assert abs(view.start - clock.now()) < timedelta(seconds=5)
    assert view.end - view.start == timedelta(minutes=60)
    assert view.vehicle is not None and view.vehicle.plate == "沪AD20751"
    assert view.position == (31.2, 121.4)
    assert view.note == "车趴在路边了"


async def test_the_same_message_sends_nobody_twice(seeded: Database) -> None:
    first = await call(seeded, "owner-1")
    again = await call(seeded, "owner-1")
    assert again.reference == first.reference
    assert await rows(seeded, BookingChange) == [1]


async def test_calling_three_times_in_fear_sends_one(seeded: Database) -> None:
    [before] = await rows(seeded, Booking)
    first = await call(seeded, "owner-1", message_id="a")
    for _ in range(2):
        await call(seeded, "owner-1", message_id="b", text="快来", position=(31.3, 121.5))
    last = await call(seeded, "owner-1", message_id="c", text="快来")
    assert last.reference == first.reference
    assert last.note == "车趴在路边了\n快来"
    assert last.position == (31.3, 121.5)
    assert await rows(seeded, Booking, BookingChange) == [before + 1, 3]


async def test_three_at_once_send_one(seeded: Database) -> None:
    [before] = await rows(seeded, Booking)
    views = await asyncio.gather(*(call(seeded, "owner-1", message_id=f"m{n}") for n in range(3)))
    assert len({view.reference for view in views}) == 1
    assert await rows(seeded, Booking) == [before + 1]


async def test_another_car_is_another_incident(seeded: Database) -> None:
    first = await call(seeded, "owner-2", vehicle_id="car-2", message_id="a")
    second = await call(seeded, "owner-2", vehicle_id="car-3", message_id="b")
    assert first.reference != second.reference


async def test_the_next_day_is_another_incident(seeded: Database, pass_time) -> None:
    first = await call(seeded, "owner-1", message_id="a")
    pass_time(timedelta(days=1))
    second = await call(seeded, "owner-1", message_id="b")
    assert first.reference != second.reference


async def test_two_cars_and_none_named_still_sends_somebody(seeded: Database) -> None:
    view = await call(seeded, "owner-2")
    assert view.vehicle is None


async def test_nobody_in_danger_is_asked_whose_car_it_is(seeded: Database) -> None:
    assert (await call(seeded, "visitor-1")).step == "dispatching"


async def test_not_for_a_car_of_others(seeded: Database) -> None:
    before = await rows(seeded, Booking)
    with pytest.raises(NotAllowed) as refused:
        await call(seeded, "former-1", vehicle_id="car-11")
    assert refused.value.code == "former_owner"
    assert await rows(seeded, Booking) == before


async def test_help_is_no_longer_needed(seeded: Database) -> None:
    view = await call(seeded, "owner-1", position=(31.2, 121.4))
    async with seeded.write() as session:
        gone = await bookings.cancel(session, "owner-1", view.id, message_id="no")
    assert gone.status == "cancelled"
    assert gone.position is None
    again = await call(seeded, "owner-1", message_id="later")
    assert again.reference != view.reference


async def test_not_once_somebody_is_on_the_way(seeded: Database) -> None:
    view = await call(seeded, "owner-1")
    async with seeded.write() as session:
        row = await session.get(Booking, view.id)
        row.step = "on_the_way"
    async with seeded.write() as session:
        with pytest.raises(Refused) as refused:
            await bookings.cancel(session, "owner-1", view.id, message_id="no")
        assert refused.value.code == "already_started"


async def test_the_position_is_not_readable_in_the_file(seeded: Database) -> None:
    await call(seeded, "owner-1", position=(31.234567, 121.4))
    async with seeded.read() as session:
        seen = str((await session.execute(text("SELECT * FROM booking"))).all())
        assert "31.234567" not in seen
        assert "路边" not in seen
