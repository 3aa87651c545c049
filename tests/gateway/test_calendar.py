"""A booking's calendar file over HTTP, as a phone's calendar fetches it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from pitstop.base import clock
from pitstop.care.calendar_tokens import calendar_path, token_of
from pitstop.care.tables import Booking, BookingChange, Place
from pitstop.storage.database import Database
from tests.care import ics

START = datetime(2027, 3, 5, 10, 0, tzinfo=clock.SHANGHAI)


@pytest.fixture
async def booking_id(database: Database) -> str:
    async with database.write() as session:
        session.add(
            Place(
                id="store-1",
                kind="service_centre",
                name="上海闵行服务中心",
                city="上海",
                lat=31.11,
                lng=121.38,
            )
        )
        await session.flush()
        session.add(
            Booking(
                id="b-1",
                reference="BK270305K7Q2",
                customer_id="owner-1",
                vehicle_id="car-1",
                kind="maintenance",
                place_id="store-1",
                start=START,
                end=START + timedelta(hours=1),
            )
        )
    return "b-1"


async def get(client: Any, path: str) -> tuple[int, bytes, Any]:
    async with client.get(path) as response:
        return response.status, await response.read(), response.headers


async def test_a_phone_fetches_it_without_a_login(client: Any, booking_id: str) -> None:
    status, body, headers = await get(client, calendar_path(booking_id))
    assert status == 200
    assert headers["Content-Type"].lower() == "text/calendar; charset=utf-8"
    assert headers["Content-Disposition"].startswith("inline")
    assert headers["Cache-Control"] == "private, no-cache"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in headers
    calendar = ics.read(body)
    (event,) = calendar.within("VEVENT")
    assert ics.moment(calendar, event.one("DTSTART")) == START
    whole = body.decode().replace("\r\n ", "")
    assert "沪A***01" in whole
    for personal in ("沪AD10001", "13800000001", "陈一"):
        assert personal not in whole


async def test_it_follows_the_booking(client: Any, database: Database, booking_id: str) -> None:
    path = calendar_path(booking_id)
    later = START + timedelta(days=2)
    async with database.write() as session:
        await session.execute(
            update(Booking).values(start=later, end=later + timedelta(hours=1), status="cancelled")
        )
        session.add(BookingChange(booking_id=booking_id, change="moved", actor="owner-1"))
    _, body, _ = await get(client, path)
    calendar = ics.read(body)
    (event,) = calendar.within("VEVENT")
    assert ics.moment(calendar, event.one("DTSTART")) == later
    assert event.one("SEQUENCE").raw == "1"
    assert event.one("STATUS").raw == "CANCELLED"


async def test_anything_else_is_not_there(client: Any, database: Database, booking_id: str) -> None:
    good = token_of(booking_id)
    paths = [
        f"/calendar/{booking_id}.ics",
        f"/calendar/{booking_id}..ics",
        f"/calendar/{good[:-1]}.ics",
        f"/calendar/{good}0.ics",
        f"/calendar/{good}",
        f"/calendar/{good.upper()}.ics",
        f"/calendar/{token_of('b-2')}.ics",
        f"/calendar/b-2.{good.rpartition('.')[2]}.ics",
        "/calendar/%FF%FE.ics",
        "/calendar/%E9%A9%BF.ics",
        "/calendar/%00.ics",
        f"/calendar/{'a' * 3000}.ics",
        "/calendar/.ics",
        "/calendar/",
    ]
    for path in paths:
        status, body, _ = await get(client, path)
        assert status == 404, path
        assert b"VEVENT" not in body and b"Traceback" not in body
    async with database.write() as session:
        await session.execute(delete(Booking))
    assert (await get(client, calendar_path(booking_id)))[0] == 404


async def test_reading_changes_nothing(client: Any, database: Database, booking_id: str) -> None:
    first = await get(client, calendar_path(booking_id))
    second = await get(client, calendar_path(booking_id))
    assert first[1] == second[1]
    async with database.read() as session:
        assert (await session.execute(select(BookingChange))).first() is None
    async with client.post(calendar_path(booking_id)) as response:
        assert response.status == 405
