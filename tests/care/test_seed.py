"""The demo's data: what the contract promises of it, and putting it back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from pitstop.app.demo.seed import fixtures, reset, seed
from pitstop.base import clock
from pitstop.base.masking import mask_text
from pitstop.care import bookings, rescue, staff
from pitstop.care.cases import file_case, open_cases
from pitstop.care.people import ensure_customer, role_of, vehicles_of
from pitstop.care.tables import (
    Booking,
    Case,
    Customer,
    Handoff,
    PlaceException,
    Resource,
    StaffSession,
    Tick,
    Vehicle,
    VehicleLink,
)
from pitstop.conversation import inbox, log, word
from pitstop.conversation.tables import Button, Conversation, InboxEntry, Message, OutboxEntry
from pitstop.conversation.wire import Choice, IncomingMessage, Reply
from pitstop.language.entities import find_plates, find_vins
from pitstop.storage.database import Database
from pitstop.storage.tables import metadata

from .help import book, maintenance, rows, swap

SEEDED = (Customer, Vehicle, VehicleLink, Resource, PlaceException, Booking, Tick, Case)


async def test_what_the_contract_promises(seeded: Database) -> None:
    async with seeded.read() as session:
        found = await fixtures(session)
    people = found["customers"]
    assert len(people) >= 10
    eight = people[:8]
    assert {person["role"] for person in eight} == {"owner"}
    assert len({person["name"] for person in eight}) == 8
    assert sum(len(person["vehicles"]) == 2 for person in eight) == 2
    assert [person["role"] for person in people[8:10]] == ["authorised_driver", "visitor"]
    assert {person["role"] for person in people} == {
        "owner", "authorised_driver", "visitor", "company_manager", "company_driver",
        "former_owner",
    }  # fmt: skip
    roles = [person["role"] for person in found["staff"]]
    assert roles.count("agent") >= 3
    assert [roles.count(role) for role in ("supervisor", "editor", "admin")] == [1, 2, 1]
    assert [len(found["stores"]), len(found["stations"])] == [14, 36]
    assert found["stores"][0] == {"id": "store-1", "name": "上海闵行服务中心", "city": "上海"}
    for person in people:
        for car in person["vehicles"]:
            assert set(car) == {"plate", "model", "vin"}


async def test_everybody_shown_can_sign_in(seeded: Database) -> None:
    async with seeded.read() as session:
        found = await fixtures(session)
    for row in found["staff"]:
        async with seeded.write() as session:
            person, token, _ = await staff.log_in(session, row["username"], row["password"])
            assert (person.role, person.name) == (row["role"], row["name"])
            assert token


async def test_plates_and_vins_are_what_the_product_recognises_and_masks(seeded: Database) -> None:
    async with seeded.read() as session:
        cars = (await session.execute(select(Vehicle))).scalars().all()
        people = (await session.execute(select(Customer))).scalars().all()
    assert len({car.plate for car in cars}) == len({car.vin for car in cars}) == len(cars)
    for car in cars:
        assert [found.value for found in find_plates(f"车牌{car.plate}")] == [car.plate]
        assert [found.value for found in find_vins(car.vin)] == [car.vin]
        assert car.plate not in mask_text(f"我的车{car.plate}")
        assert car.vin not in mask_text(car.vin)
    for person in people:
        if person.phone:
            assert person.phone not in mask_text(f"电话{person.phone}")


async def test_seeding_again_changes_nothing(seeded: Database) -> None:
    await book(seeded, "owner-1", **maintenance())
    before = await rows(seeded, *SEEDED)
    async with seeded.write() as session:
        await seed(session)
    assert await rows(seeded, *SEEDED) == before


async def test_seeding_again_keeps_what_people_did(seeded: Database) -> None:
    async with seeded.write() as session:
        (await session.get(Customer, "owner-1")).city = "南京"
        await bookings.cancel(session, "owner-8", "seed-booking-3", message_id="no")
    async with seeded.write() as session:
        await seed(session)
    async with seeded.read() as session:
        assert (await session.get(Customer, "owner-1")).city == "南京"
        assert (await session.get(Booking, "seed-booking-3")).status == "cancelled"


async def test_seeded_bookings_are_real(seeded: Database) -> None:
    """They occupy what they need, and begin where a booking may begin."""
    async with seeded.read() as session:
        ahead = (
            (await session.execute(select(Booking).where(Booking.status == "confirmed")))
            .scalars()
            .all()
        )
        assert len(ahead) == 2
        for booking in ahead:
            assert booking.start > clock.now()
            query = select(Tick).where(Tick.booking_id == booking.id)
            assert (await session.execute(query)).scalars().all()
        cases = await open_cases(session, "owner-6")
        assert len(cases) == 1


@pytest.mark.parametrize("hours", [0, 7, 13, 25, 24 * 80])
async def test_seeded_at_any_hour(database: Database, monday, pass_time, hours: int) -> None:
    pass_time(timedelta(hours=hours))
    async with database.write() as session:
        await seed(session)
    async with database.read() as session:
        found = (await session.execute(select(Booking))).scalars().all()
        assert len(found) == 4
        assert sum(booking.start > clock.now() for booking in found) == 2


async def test_a_reset_puts_everything_back(seeded: Database) -> None:
    before = await rows(seeded, *SEEDED)
    signed_in = await _progress(seeded)
    async with seeded.write() as session:
        await reset(session)
    assert await rows(seeded, *SEEDED) == [before[0] + 1, *before[1:]]  # the visitor stays
    assert await rows(seeded, Message, InboxEntry, OutboxEntry, Button, Handoff) == [0] * 5
    async with seeded.read() as session:
        assert (await session.get(Customer, "owner-1")).city == "上海"
        assert await role_of(session, "owner-1") == "owner"
        assert [car.id for car in await vehicles_of(session, "owner-1")] == ["car-1"]
        assert await bookings.bookings_of(session, "owner-1") == []
        assert (await session.get(Booking, "seed-booking-3")).status == "confirmed"
        assert (await session.get(Vehicle, "car-1")).soc == 62
        assert (await session.get(StaffSession, signed_in)) is not None


async def test_after_a_reset_the_bot_has_the_word_and_the_numbers_go_on(seeded: Database) -> None:
    await _progress(seeded)
    async with seeded.read() as session:
        old = {row.customer_id: row for row in (await _conversations(session))}
    async with seeded.write() as session:
        await reset(session)
    async with seeded.read() as session:
        for conversation in await _conversations(session):
            assert conversation.word == "bot"
            assert conversation.epoch > old[conversation.customer_id].epoch
            assert conversation.seq == old[conversation.customer_id].seq


async def test_a_late_bot_says_nothing_after_a_reset(seeded: Database) -> None:
    async with seeded.write() as session:
        received = await inbox.receive(
            session, IncomingMessage("web", "owner-1", "k1", text="约保养")
        )
    entry = received.entry
    async with seeded.write() as session:
        await reset(session)
    async with seeded.write() as session:
        conversation = await log.locked(session, entry.conversation_id)
        assert not word.may_commit(conversation, entry.id, entry.epoch)


async def test_a_reset_twice_is_a_reset_once(seeded: Database) -> None:
    async with seeded.write() as session:
        await reset(session)
    before = await rows(seeded, *SEEDED)
    async with seeded.write() as session:
        await reset(session)
    assert await rows(seeded, *SEEDED) == before


async def test_the_same_client_id_is_a_new_message_after_a_reset(seeded: Database) -> None:
    said = IncomingMessage("web", "owner-1", "k1", text="你好")
    async with seeded.write() as session:
        first = await inbox.receive(session, said)
    async with seeded.write() as session:
        await reset(session)
    async with seeded.write() as session:
        again = await inbox.receive(session, said)
    assert again.first
    assert again.entry.id != first.entry.id


# Every table of care and conversation is either emptied by a reset or kept for a reason.
KEPT = {
    "customer", "vehicle", "place", "resource", "service_item",  # put back as seeded
    "conversation",  # given back to the bot; its numbering goes on
    "staff", "staff_session", "staff_ticket",  # who is signed in stays so
    "audit",  # who looked at what is not undone
}  # fmt: skip


def test_no_table_is_forgotten() -> None:
    from pitstop.app.demo import seed as module
    from pitstop.care import tables as care
    from pitstop.conversation import tables as conversation

    emptied = {table.__tablename__ for table in module._PROGRESS}
    ours = {
        mapper.class_.__tablename__
        for mapper in care.Table.registry.mappers
        if mapper.class_.__module__ in (care.__name__, conversation.__name__)
    }
    assert ours - emptied == KEPT
    assert emptied <= set(metadata.tables)


async def _conversations(session) -> list[Conversation]:
    return list((await session.execute(select(Conversation))).scalars().all())


async def _progress(database: Database) -> str:
    """Let a lot happen; return the id of a session that somebody is signed in with."""
    await book(database, "owner-1", **maintenance())
    await book(database, "driver-1", **swap(message_id="b"))
    async with database.write() as session:
        await rescue.request_rescue(session, "owner-1", text="抛锚", message_id="sos")
        await bookings.cancel(session, "owner-8", "seed-booking-3", message_id="no")
        await file_case(session, text="不满意", customer_id="owner-1", external_id="x1")
        await ensure_customer(session, "app-user-77")
        (await session.get(Customer, "owner-1")).city = "南京"
        (await session.get(Vehicle, "car-1")).soc = 3
        query = select(VehicleLink).where(VehicleLink.customer_id == "owner-1")
        (await session.execute(query)).scalars().one().until = clock.now()
        session.add(PlaceException(place_id="store-1", day="2026-11-30", windows=[], reason="x"))
        for person in ("owner-1", "app-user-77"):
            conversation = await log.conversation_of(session, person)
            await log.append(session, conversation, "bot", Reply("好的", (Choice("是", "affirm"),)))
        await inbox.receive(session, IncomingMessage("web", "owner-1", "k1", text="转人工"))
        conversation = await log.conversation_of(session, "owner-1")
        word.give(session, conversation, "queued")
        session.add(
            Handoff(
                conversation_id=conversation.id,
                customer_id="owner-1",
                priority="P2",
                reason="asked",
            )
        )
        await staff.log_in(session, "agent1", "pitstop-agent1")
    async with database.read() as session:
        return (await session.execute(select(StaffSession.id))).scalars().one()
