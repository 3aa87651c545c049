"""Promises that cannot be kept: who is told what, and what they can have instead."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from pitstop.care import capacity, hearers, promises
from pitstop.care.places import place
from pitstop.care.reach import way_of
from pitstop.care.service_tables import Closure
from pitstop.care.tables import Booking, BookingChange, Place, Resource, Tick
from pitstop.conversation import log
from pitstop.conversation.tables import Button, Message
from pitstop.storage.database import Database

from .help import accept, at, book, maintenance, propose, rows, swap, ticks_of
from .test_closures import close, lift


async def told(database: Database, customer: str) -> list[Message]:
    """Return what the system told a customer, the latest last."""
    async with database.read() as session:
        conversation = await log.find(session, customer)
        if conversation is None:
            return []
        query = (
            select(Message)
            .where(Message.conversation_id == conversation.id, Message.sender == "system")
            .order_by(Message.seq)
        )
        return list((await session.execute(query)).scalars().all())


async def buttons(database: Database, message: Message) -> list[Button]:
    async with database.read() as session:
        query = select(Button).where(Button.message_id == message.id)
        found = {row.id: row for row in (await session.execute(query)).scalars().all()}
    return [found[shown["payload"]] for shown in message.buttons]


async def booking(database: Database, key: str) -> Booking:
    async with database.read() as session:
        found = await session.get(Booking, key)
        assert found is not None
        return found


async def sweep(database: Database) -> int:
    async with database.write() as session:
        return await promises.sweep_promises(session)


async def add_closure(database: Database, **more) -> Closure:
    """Write a closure as if a booking had been committed in the same moment."""
    values = {"place_id": "station-1", "start": at("23 11:00"), "end": at("23 14:00")}
    closure = Closure(**{**values, "reason": "broken", "created_by": "x", **more})
    async with database.write() as session:
        session.add(closure)
    return closure


async def test_the_owner_hears_it_first_and_can_choose(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    await close(seeded)
    row = await booking(seeded, view.id)
    assert (row.status, row.step, row.lock_until) == ("confirmed", "broken", None)
    assert await ticks_of(seeded, view.id) == []
    [message] = await told(seeded, "owner-1")
    first, *lines = message.text.split("\n")
    assert first == ("抱歉，给您留的电池现在用不了，是我们的问题。前滩太古里换电站限电。最近可换：")
    assert len(lines) == 3
    assert message.text.count("抱歉") == 1
    shown = await buttons(seeded, message)
    assert [b.intent for b in shown] == [
        *["take_slot"] * 3,
        "change_booking",
        "cancel_booking",
        "talk_to_human",
    ]
    for button, line in zip(shown, lines, strict=False):
        values = button.values
        assert values["booking"] == view.id
        start = datetime.fromisoformat(values["start"])
        assert abs(start - at("23 12:00")) <= timedelta(hours=4)
        async with seeded.read() as session:
            other = await place(session, values["place"])
        assert other.name in line and f"{start:%H:%M}" in line
        # Near, and not in a service area: the owner is in town.
        assert other.city == "上海"
        assert way_of(other).motorway is None
    assert len({b.values["place"] for b in shown[:3]}) == 3


async def test_a_choice_can_be_had(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    await close(seeded)
    [message] = await told(seeded, "owner-1")
    values = (await buttons(seeded, message))[0].values
    offer = await propose(
        seeded,
        "owner-1",
        kind="swap",
        place_id=values["place"],
        start=datetime.fromisoformat(values["start"]),
        moves_booking_id=view.id,
        message_id="press",
    )
    moved = await accept(seeded, "owner-1", offer, "pressed")
    assert (moved.reference, moved.status) == (view.reference, "confirmed")
    assert moved.step in {"locked", "planned"}
    assert moved.place is not None and moved.place.id == values["place"]
    # It is kept now: nobody is told again.
    assert await sweep(seeded) == 0
    assert len(await told(seeded, "owner-1")) == 1


async def test_nobody_is_told_twice(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    closure = await close(seeded)
    async with seeded.write() as session:
        assert await promises.break_promises(session, closure) == 0
        row, _ = await hearers.locked(session, view.id)
        assert await promises.keep(session, row) is False
    assert await sweep(seeded) == 0
    assert len(await told(seeded, "owner-1")) == 1


async def test_only_what_lies_in_the_closure_breaks(seeded: Database) -> None:
    earlier = await book(seeded, "owner-1", **swap(start=at("23 10:45")))
    later = await book(
        seeded,
        "owner-1",
        **swap(start=at("23 14:00"), message_id="b"),
    )
    elsewhere = await book(seeded, "owner-8", **swap(place_id="station-2", message_id="c"))
    await close(seeded)
    for view in (earlier, later, elsewhere):
        assert (await booking(seeded, view.id)).step == view.step
        assert await ticks_of(seeded, view.id)
    assert await told(seeded, "owner-1") == await told(seeded, "owner-8") == []


async def test_another_pack_will_do(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    [pack] = {key for key, _ in await ticks_of(seeded, view.id) if "pack" in key}
    await close(seeded, resource_id=pack, reason="broken")
    row = await booking(seeded, view.id)
    assert row.step == "locked" and row.lock_until is not None
    [other] = {key for key, _ in await ticks_of(seeded, view.id) if "pack" in key}
    assert other != pack
    async with seeded.read() as session:
        assert (await session.get(Resource, other)).pack_kwh == 100
        changes = select(BookingChange.change).where(BookingChange.booking_id == view.id)
        assert "kept" in (await session.execute(changes)).scalars().all()
    assert await told(seeded, "owner-1") == []


async def test_without_its_bay_a_station_swaps_nothing(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    await close(seeded, resource_id="station-1-bay-01", reason="broken")
    assert (await booking(seeded, view.id)).step == "broken"
    [message] = await told(seeded, "owner-1")
    places = {b.values["place"] for b in (await buttons(seeded, message))[:3]}
    assert "station-1" not in places


async def test_after_a_short_closure_the_same_station_is_a_choice(seeded: Database) -> None:
    await book(seeded, "owner-1", **swap())
    await close(seeded, start=at("23 11:45"), end=at("23 12:15"))
    [message] = await told(seeded, "owner-1")
    shown = [b.values for b in await buttons(seeded, message) if b.intent == "take_slot"]
    [same] = [values for values in shown if values["place"] == "station-1"]
    assert datetime.fromisoformat(same["start"]) == at("23 12:15")


async def test_on_a_motorway_what_its_direction_reaches(seeded: Database) -> None:
    async with seeded.read() as session:
        query = select(Place).where(Place.name.like("阳澄湖服务区%"))
        north, south = sorted((await session.execute(query)).scalars(), key=lambda row: row.name)
    view = await book(seeded, "owner-5", **swap(place_id=north.id))
    await close(seeded, place_id=north.id)
    assert (await booking(seeded, view.id)).step == "broken"
    [message] = await told(seeded, "owner-5")
    offered = [
        b.values["place"] for b in (await buttons(seeded, message)) if b.intent == "take_slot"
    ]
    assert offered
    assert south.id not in offered and north.id not in offered


async def test_maintenance_moves_to_the_nearest_times(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **maintenance())
    await close(
        seeded,
        place_id="store-1",
        start=at("24 08:00"),
        end=at("24 20:00"),
        reason="maintenance",
    )
    row = await booking(seeded, view.id)
    assert (row.status, row.step) == ("confirmed", "broken")
    [message] = await told(seeded, "owner-1")
    assert message.text.startswith(
        "抱歉，明天11月24日（周二）10:00在上海闵行服务中心的保养维修做不了了，是我们的问题。"
        "上海闵行服务中心检修。最近可约：\n1. 上海闵行服务中心，"
    )
    shown = (await buttons(seeded, message))[:3]
    assert {b.values["place"] for b in shown} == {"store-1"}
    days = {datetime.fromisoformat(b.values["start"]).day for b in shown}
    assert days <= {23, 25}


async def test_two_are_not_sent_to_the_same_place_first(seeded: Database) -> None:
    await book(seeded, "owner-1", **swap())
    await book(seeded, "owner-8", **swap(start=at("23 12:15"), message_id="b"))
    await close(seeded)
    first = []
    for customer in ("owner-1", "owner-8"):
        [message] = await told(seeded, customer)
        values = (await buttons(seeded, message))[0].values
        first.append((values["place"], values["start"]))
    assert len(set(first)) == 2


async def test_whoever_owns_the_car_hears_of_it_too(seeded: Database) -> None:
    await book(seeded, "driver-1", **swap(vehicle_id="car-1"))
    await close(seeded)
    assert len(await told(seeded, "driver-1")) == 1
    assert len(await told(seeded, "owner-1")) == 1


async def test_nothing_near_is_said_so(seeded: Database) -> None:
    """In Harbin there is one station."""
    async with seeded.read() as session:
        query = select(Place.id).where(Place.name == "松北换电站")
        station = (await session.execute(query)).scalar_one()
    await book(seeded, "owner-7", **swap(place_id=station))
    await close(seeded, place_id=station, end=at("24 22:00"))
    [message] = await told(seeded, "owner-7")
    assert "附近暂时没有可换的" in message.text
    intents = [b.intent for b in await buttons(seeded, message)]
    assert intents == ["change_booking", "cancel_booking", "talk_to_human"]


async def test_lifted_in_time_it_is_taken_up_again(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    closure = await close(seeded)
    await lift(seeded, closure)
    row = await booking(seeded, view.id)
    assert (row.step, row.lock_until) == ("locked", at("23 12:25"))
    assert {key.split("-")[2] for key, _ in await ticks_of(seeded, view.id)} == {"bay", "pack"}
    assert (await told(seeded, "owner-1"))[-1].text == (
        "前滩太古里换电站恢复了：您今天12:00的换电照常，不用重约。电池保留到12:25。"
    )
    await lift(seeded, closure)
    assert len(await told(seeded, "owner-1")) == 2


async def test_what_was_given_to_others_stays_broken(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    closure = await close(seeded)
    async with seeded.write() as session:
        bay = Tick(
            resource_id="station-1-bay-01",
            number=capacity.number_of(at("23 12:00")),
            booking_id="seed-booking-3",
        )
        session.add(bay)
    await lift(seeded, closure)
    assert (await booking(seeded, view.id)).step == "broken"
    assert len(await told(seeded, "owner-1")) == 1


async def test_a_cancelled_one_stays_cancelled(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    async with seeded.write() as session:
        (await session.get(Booking, view.id)).status = "cancelled"
    closure = await close(seeded)
    await lift(seeded, closure)
    assert (await booking(seeded, view.id)).status == "cancelled"
    assert await told(seeded, "owner-1") == []


async def test_the_sweep_finds_what_was_booked_in_the_same_moment(seeded: Database) -> None:
    view = await book(seeded, "owner-1", **swap())
    async with seeded.read() as session:
        assert not await promises.any_due(session)
    await add_closure(seeded)
    async with seeded.read() as session:
        assert await promises.any_due(session)
    found = await asyncio.gather(sweep(seeded), sweep(seeded))
    assert sorted(found) == [0, 1]
    assert (await booking(seeded, view.id)).step == "broken"
    assert len(await told(seeded, "owner-1")) == 1
    async with seeded.read() as session:
        assert not await promises.any_due(session)


@pytest.mark.parametrize("lifted", [True, False])
async def test_what_is_lifted_or_over_breaks_nothing(seeded: Database, lifted: bool) -> None:
    await book(seeded, "owner-1", **swap())
    when = at("23 10:00")
    more = {"lifted_at": when} if lifted else {"start": at("23 08:00"), "end": when}
    await add_closure(seeded, **more)
    before = await rows(seeded, Message, BookingChange, Tick)
    assert await sweep(seeded) == 0
    assert await rows(seeded, Message, BookingChange, Tick) == before


async def test_a_broken_one_that_nobody_took_up_is_over(seeded: Database, pass_time) -> None:
    view = await book(seeded, "owner-1", **swap())
    await close(seeded)
    pass_time(timedelta(hours=3))
    assert await sweep(seeded) == 0
    row = await booking(seeded, view.id)
    assert row.status == "confirmed"
    pass_time(timedelta(minutes=30))
    await sweep(seeded)
    row = await booking(seeded, view.id)
    assert (row.status, row.step) == ("cancelled", "cancelled")
    assert len(await told(seeded, "owner-1")) == 1
