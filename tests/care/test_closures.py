"""A place, or one thing of it, that cannot be used for a while."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from pitstop.base import clock
from pitstop.care import closures, slots
from pitstop.care.closures import ClosureRefused
from pitstop.care.service_tables import Closure
from pitstop.care.staff_permissions import StaffNotAllowed
from pitstop.care.tables import Booking, BookingChange, Staff
from pitstop.conversation.tables import Message
from pitstop.storage.database import Database

from .help import at, book, rows, swap

AGENT = Staff(id="staff-agent1", username="agent1", name="小李", role="agent", active=True)
EDITOR = Staff(id="staff-editor1", username="editor1", name="方编辑", role="editor", active=True)


async def close(database: Database, who: Staff = AGENT, **more) -> Closure:
    values = {
        "place_id": "station-1",
        "start": at("23 11:00"),
        "end": at("23 14:00"),
        "reason": "power_limit",
        "client_id": "press-1",
        **more,
    }
    async with database.write() as session:
        return await closures.close(session, who, values.pop("place_id"), **values)


async def lift(database: Database, closure: Closure) -> Closure:
    async with database.write() as session:
        return await closures.lift(session, AGENT, closure.id, client_id="lift")


async def free(database: Database, place: str = "station-1") -> list[str]:
    async with database.read() as session:
        found = await slots.free_slots(
            session,
            kind="swap",
            place_id=place,
            vehicle_id="car-1",
            after=at("23 10:45"),
            before=at("23 14:30"),
            limit=20,
        )
    return [f"{slot.start.astimezone(clock.SHANGHAI):%H:%M}" for slot in found]


async def test_nothing_is_offered_in_a_closure(seeded: Database) -> None:
    closure = await close(seeded, note="电网检修")
    assert (closure.reason, closure.note, closure.created_by) == (
        "power_limit",
        "电网检修",
        "agent1",
    )
    assert await free(seeded) == ["10:45", "14:00", "14:15"]
    lifted = await lift(seeded, closure)
    assert lifted.lifted_at is not None
    assert len(await free(seeded)) == 15


async def test_the_same_press_closes_once(seeded: Database) -> None:
    first = await close(seeded)
    again = await close(seeded)
    assert again.id == first.id
    assert await rows(seeded, Closure) == [1]
    with pytest.raises(ClosureRefused) as refused:
        await close(seeded, place_id="station-2")
    assert refused.value.code == "id_conflict"
    assert await rows(seeded, Closure) == [1]


async def test_two_at_once_close_once_and_tell_once(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    before = await rows(seeded, Message)
    found = await asyncio.gather(*(close(seeded) for _ in range(3)))
    assert len({one.id for one in found}) == 1
    assert await rows(seeded, Closure) == [1]
    async with seeded.read() as session:
        assert (await session.get(Booking, view.id)).step == "broken"
    assert await rows(seeded, Message) == [before[0] + 1]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"who": EDITOR}, StaffNotAllowed),
        ({"place_id": "station-999"}, LookupError),
        ({"resource_id": "station-2-bay-01"}, LookupError),
        ({"reason": "no reason"}, ClosureRefused),
        ({"end": at("23 11:00")}, ClosureRefused),
        ({"start": at("22 11:00"), "end": at("22 12:00")}, ClosureRefused),
    ],
)
async def test_what_is_refused_closes_nothing(seeded: Database, more: dict, error: type) -> None:
    await book(seeded, "owner-1", **swap())
    before = await rows(seeded, Closure, Message, BookingChange)
    with pytest.raises(error):
        await close(seeded, **more)
    assert await rows(seeded, Closure, Message, BookingChange) == before


async def test_what_is_closed_and_when(seeded: Database) -> None:
    whole = await close(seeded)
    pack = await close(
        seeded,
        client_id="press-2",
        resource_id="station-1-pack-01",
        start=at("23 16:00"),
        end=at("23 20:00"),
        reason="broken",
    )

    async def found(start: str, end: str, *things: str) -> str | None:
        async with seeded.read() as session:
            closure = await closures.closed_at(
                session, "station-1", at(f"23 {start}"), at(f"23 {end}"), things
            )
        return None if closure is None else closure.id

    assert await found("10:30", "11:00") is None
    assert await found("10:45", "11:15") == whole.id
    assert await found("14:00", "14:15") is None
    assert await found("17:00", "17:15") is None
    assert await found("17:00", "17:15", "station-1-pack-02") is None
    assert await found("17:00", "17:15", "station-1-pack-01") == pack.id
    async with seeded.read() as session:
        assert [one.id for one in await closures.closures_of(session, "station-1")] == [
            whole.id,
            pack.id,
        ]
        assert await closures.closures_of(session, "station-2") == []
    await lift(seeded, whole)
    assert await found("11:00", "12:00") is None
    assert (await lift(seeded, whole)).lifted_at is not None
    with pytest.raises(LookupError):
        await lift(seeded, Closure(id="none"))


async def test_what_is_over_is_not_listed(seeded: Database, monday: datetime, pass_time) -> None:
    await close(seeded)
    pass_time(timedelta(hours=5))
    async with seeded.read() as session:
        assert await closures.closures_of(session, "station-1") == []
