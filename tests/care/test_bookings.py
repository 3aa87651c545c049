"""Bookings: listing, cancelling, moving."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from pitstop.base import clock
from pitstop.care import bookings, offers
from pitstop.care.permissions import NotAllowed
from pitstop.care.refusals import Refused
from pitstop.care.tables import Booking, BookingChange, Tick, VehicleLink
from pitstop.care.views import BookingView, booking_wire
from pitstop.storage.database import Database
from pitstop.storage.events import Event

from .help import accept, at, book, maintenance, propose, rows, swap, ticks_of

WRITTEN = (Booking, BookingChange, Tick)


async def listed(database: Database, customer: str, *, active_only: bool = True) -> list[str]:
    async with database.read() as session:
        found = await bookings.bookings_of(session, customer, active_only=active_only)
    return [view.id for view in found]


async def cancel(
    database: Database, customer: str, booking: BookingView, message_id: str = "no"
) -> BookingView:
    async with database.write() as session:
        return await bookings.cancel(session, customer, booking.id, message_id=message_id)


async def seeded_booking(database: Database, booking_id: str) -> BookingView:
    async with database.read() as session:
        row = await session.get(Booking, booking_id)
        from pitstop.care.views import booking_view

        return await booking_view(session, row)


# ---- listing ------------------------------------------------------------------------------------


async def test_the_contracts_fields(seeded: Database) -> None:
    wire = booking_wire(await book(seeded, "owner-1", **maintenance()))
    reference = wire.pop("reference")
    assert reference.startswith("BK")
    assert wire.pop("id")
    assert wire.pop("technician").endswith("师傅")
    assert wire == {
        "kind": "maintenance",
        "status": "confirmed",
        "step": "booked",
        "place": {
            "id": "store-1",
            "name": "上海闵行服务中心",
            "lat": 31.11,
            "lng": 121.38,
            "side": None,
        },
        "start": "2026-11-24T10:00:00+08:00",
        "end": "2026-11-24T11:00:00+08:00",
        "vehicle": {"plate": "沪AD20751", "model": "YS6"},
        "service": "小保养",
        "services": ["minor_service"],
        "mode": "in_store",
        "price": {
            "amount": "299.00",
            "currency": "CNY",
            "estimate": False,
            "parts": "199.00",
            "labour": "100.00",
            "visit": "0.00",
            "covered": [],
        },
        "notes": [],
    }


async def test_in_the_order_of_time_and_only_what_is_ahead(seeded: Database) -> None:
    late = await book(seeded, "owner-6", **maintenance(start=at("26 10:00"), message_id="a"))
    early = await book(seeded, "owner-6", **swap(message_id="b"))
    assert await listed(seeded, "owner-6") == [early.id, late.id]
    assert await listed(seeded, "owner-6", active_only=False) == [
        "seed-booking-1",
        early.id,
        late.id,
    ]


async def test_the_owner_sees_what_the_driver_booked_but_not_the_other_way_round(
    seeded: Database,
) -> None:
    by_driver = await book(seeded, "driver-1", **maintenance(message_id="a"))
    by_owner = await book(seeded, "owner-1", **swap(message_id="b"))
    assert await listed(seeded, "owner-1") == [by_owner.id, by_driver.id]
    assert await listed(seeded, "driver-1") == [by_driver.id]
    assert await listed(seeded, "owner-8") == ["seed-booking-3"]


async def test_the_manager_sees_the_companys(seeded: Database) -> None:
    booked = await book(seeded, "company-driver-1", **maintenance())
    assert await listed(seeded, "manager-1") == ["seed-booking-4", booked.id]


async def test_after_the_sale_bookings_are_the_new_owners(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    async with seeded.write() as session:
        query = select(VehicleLink).where(VehicleLink.customer_id == "owner-1")
        (await session.execute(query)).scalars().one().until = clock.now()
        session.add(
            VehicleLink(
                customer_id="visitor-1", vehicle_id="car-1", relation="owner", since=clock.now()
            )
        )
    assert await listed(seeded, "owner-1") == []
    assert await listed(seeded, "visitor-1") == [booked.id]
    with pytest.raises(NotAllowed) as refused:
        await cancel(seeded, "owner-1", booked)
    assert refused.value.code == "former_owner"
    assert (await cancel(seeded, "visitor-1", booked)).status == "cancelled"


# ---- cancelling ---------------------------------------------------------------------------------


async def test_cancelling_frees_the_time(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **swap(message_id="a"))
    gone = await cancel(seeded, "owner-1", booked)
    assert (gone.status, gone.reference) == ("cancelled", booked.reference)
    assert await ticks_of(seeded, booked.id) == []
    assert await listed(seeded, "owner-1") == []
    other = await book(seeded, "owner-8", **swap(message_id="b"))
    assert other.start == booked.start


async def test_cancelling_twice_is_cancelling_once(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    await cancel(seeded, "owner-1", booked, "no")
    before = await rows(seeded, *WRITTEN, Event)
    assert (await cancel(seeded, "owner-1", booked, "no")).status == "cancelled"
    assert (await cancel(seeded, "owner-1", booked, "no, I said")).status == "cancelled"
    assert await rows(seeded, *WRITTEN, Event) == before


async def test_two_cancel_at_once(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    both = await asyncio.gather(*(cancel(seeded, "owner-1", booked, f"{n}") for n in range(3)))
    assert {view.status for view in both} == {"cancelled"}
    async with seeded.read() as session:
        query = select(BookingChange.change).where(BookingChange.booking_id == booked.id)
        changes = (await session.execute(query)).scalars().all()
    assert sorted(changes) == ["booked", "cancelled"]


async def test_one_message_may_cancel_two(seeded: Database) -> None:
    one = await book(seeded, "owner-1", **maintenance(message_id="a"))
    two = await book(seeded, "owner-1", **swap(message_id="b"))
    await cancel(seeded, "owner-1", one, "both")
    await cancel(seeded, "owner-1", two, "both")
    assert await listed(seeded, "owner-1") == []


async def test_too_late(seeded: Database, pass_time) -> None:
    booked = await book(seeded, "owner-1", **swap())
    pass_time(timedelta(hours=2))
    before = await rows(seeded, *WRITTEN)
    with pytest.raises(Refused) as refused:
        await cancel(seeded, "owner-1", booked)
    assert refused.value.code == "already_started"
    assert await rows(seeded, *WRITTEN) == before


async def test_what_is_done_cannot_be_cancelled(seeded: Database) -> None:
    done = await seeded_booking(seeded, "seed-booking-1")
    with pytest.raises(Refused) as refused:
        await cancel(seeded, "owner-6", done)
    assert refused.value.code == "already_started"
    assert refused.value.details["status"] == "done"


async def test_who_may_cancel_what(seeded: Database) -> None:
    by_owner = await book(seeded, "owner-1", **maintenance(message_id="a"))
    by_driver = await book(seeded, "driver-1", **swap(message_id="b"))
    before = await rows(seeded, *WRITTEN)
    for person, booking, code in (
        ("driver-1", by_owner, "driver_limit"),
        ("owner-8", by_owner, "not_your_vehicle"),
        ("visitor-1", by_owner, "visitor"),
    ):
        with pytest.raises(NotAllowed) as refused:
            await cancel(seeded, person, booking)
        assert refused.value.code == code
    assert await rows(seeded, *WRITTEN) == before
    assert (await cancel(seeded, "owner-1", by_driver)).status == "cancelled"


async def test_somebody_elses_test_drive(seeded: Database) -> None:
    wish = swap(kind="test_drive", place_id="store-2", start=at("24 14:00"), service="YC6")
    booked = await book(seeded, "visitor-1", **wish)
    with pytest.raises(NotAllowed) as refused:
        await cancel(seeded, "owner-1", booked)
    assert refused.value.code == "not_your_vehicle"
    assert (await cancel(seeded, "visitor-1", booked)).status == "cancelled"


async def test_no_such_booking(seeded: Database) -> None:
    async with seeded.write() as session:
        with pytest.raises(LookupError):
            await bookings.cancel(session, "owner-1", "nothing", message_id="no")


# ---- moving -------------------------------------------------------------------------------------


async def move(database: Database, customer: str, booking: BookingView, **wish) -> BookingView:
    values = {"message_id": "move", "moves_booking_id": booking.id, **wish}
    return await accept(database, customer, await propose(database, customer, **values), "ok")


def later(**more):
    return {"kind": "maintenance", "place_id": "store-1", "start": at("24 15:00"), **more}


async def test_moved_keeps_its_reference_and_gives_its_time_back(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance(note="轻点关门"))
    [before] = await rows(seeded, Booking)
    moved = await move(seeded, "owner-1", booked, **later())
    assert (moved.id, moved.reference) == (booked.id, booked.reference)
    assert moved.start == at("24 15:00")
    assert (moved.service, moved.note, moved.price) == ("小保养", "轻点关门", booked.price)
    taken = {moment for _, moment in await ticks_of(seeded, booked.id)}
    assert min(taken) == at("24 15:00") and len(taken) == 4
    assert await rows(seeded, Booking) == [before]


async def test_moved_to_another_store_and_service(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    moved = await move(
        seeded, "owner-1", booked, **later(place_id="store-4", service="major_service")
    )
    assert moved.place is not None and moved.place.id == "store-4"
    assert moved.service == "大保养"
    assert moved.price == 969
    assert all(name.startswith("store-4-") for name, _ in await ticks_of(seeded, booked.id))


async def test_moved_by_half_its_own_length(seeded: Database) -> None:
    """It may take part of its own time, even where nothing else is free."""
    booked = await book(seeded, "owner-1", **maintenance(service="traction_battery_check"))
    moved = await move(seeded, "owner-1", booked, **later(start=at("24 10:30")))
    assert moved.start == at("24 10:30")
    assert {moment for _, moment in await ticks_of(seeded, booked.id)} == {
        at("24 10:30"), at("24 10:45"), at("24 11:00"), at("24 11:15"),
    }  # fmt: skip


async def test_a_second_yes_moves_once(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    offer = await propose(seeded, "owner-1", **later(message_id="move", moves_booking_id=booked.id))
    assert offer.reference == booked.reference
    first = await accept(seeded, "owner-1", offer, "ok")
    before = await rows(seeded, *WRITTEN)
    again = await accept(seeded, "owner-1", offer, "ok")
    assert again == first
    assert await rows(seeded, *WRITTEN) == before


async def test_full_meanwhile_it_stays_where_it_was(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **swap(message_id="a"))
    offer = await propose(
        seeded,
        "owner-1",
        **swap(start=at("23 13:00"), message_id="move", moves_booking_id=booked.id),
    )
    await book(seeded, "owner-8", **swap(start=at("23 13:00"), message_id="b"))
    before = await ticks_of(seeded, booked.id)
    async with seeded.write() as session:
        with pytest.raises(Refused) as refused:
            await offers.accept(session, "owner-1", offer.id, message_id="ok")
        assert refused.value.code == "full"
    assert await ticks_of(seeded, booked.id) == before
    [still] = [v for v in await _views(seeded, "owner-1") if v.id == booked.id]
    assert still.start == at("23 12:00")


async def test_two_that_want_to_change_places_do_not_hang(seeded: Database) -> None:
    one = await book(seeded, "owner-1", **swap(message_id="a"))
    two = await book(seeded, "owner-8", **swap(start=at("23 12:15"), message_id="b"))
    free = at("23 12:30")
    moves = [
        await propose(
            seeded,
            person,
            **swap(start=free, message_id=f"move {person}", moves_booking_id=booking.id),
        )
        for person, booking in (("owner-1", one), ("owner-8", two))
    ]

    async def yes(person: str, offer):
        try:
            return await accept(seeded, person, offer, f"ok {person}")
        except Refused as refused:
            return refused

    results = await asyncio.wait_for(
        asyncio.gather(yes("owner-1", moves[0]), yes("owner-8", moves[1])), 30
    )
    won = [result for result in results if isinstance(result, BookingView)]
    assert len(won) == 1
    assert [len(await ticks_of(seeded, booking.id)) for booking in (one, two)] == [2, 2]


async def test_a_cancelled_booking_cannot_be_moved(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    offer = await propose(seeded, "owner-1", **later(message_id="move", moves_booking_id=booked.id))
    await cancel(seeded, "owner-1", booked)
    before = await rows(seeded, *WRITTEN)
    with pytest.raises(Refused) as refused:
        await accept(seeded, "owner-1", offer)
    assert refused.value.code == "already_started"
    assert await rows(seeded, *WRITTEN) == before


async def test_only_ones_own_can_be_moved(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    for person in ("owner-8", "driver-1"):
        with pytest.raises(NotAllowed):
            await move(seeded, person, booked, **later())
    assert (await _views(seeded, "owner-1"))[0].start == at("24 10:00")


async def _views(database: Database, customer: str) -> list[BookingView]:
    async with database.read() as session:
        return await bookings.bookings_of(session, customer)
