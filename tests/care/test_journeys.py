"""Drivers and vans: the ways of a booking, the owner's yes, and the car changing hands."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from pitstop.base import clock
from pitstop.care import bookings, journeys
from pitstop.care.journeys import JourneyRefused
from pitstop.care.refusals import Refused
from pitstop.care.service_tables import Journey
from pitstop.care.staff_permissions import StaffNotAllowed
from pitstop.care.tables import AuditEntry, Booking, BookingChange, Customer, Place
from pitstop.conversation import log
from pitstop.conversation.tables import Attachment, Button, Message
from pitstop.storage.database import Database
from pitstop.storage.events import Event

from .help import accept, at, book, maintenance, propose, rows
from .road_help import (
    HOME,
    arrive,
    booking_row,
    changes,
    consent,
    events,
    fetched,
    hand_over,
    held,
    on_site,
    pickup,
    rows_of,
    said,
    set_off,
    staff,
    valet,
    ways,
)

WRITTEN = (Booking, BookingChange, Journey, Message, Event)
TO_PICKUP = timedelta(hours=23, minutes=30)  # from `monday` until shortly before tomorrow's


async def cancel(database: Database, customer: str, booking, **more):
    async with database.write() as session:
        return await bookings.cancel(session, customer, booking.id, message_id="no", **more)


async def move(database: Database, booking, **wish):
    values = {**pickup(message_id="move"), "moves_booking_id": booking.id, **wish}
    return await accept(database, "owner-1", await propose(database, "owner-1", **values), "ok")


async def sheet(database: Database, day: str = "24 00:00"):
    person = await staff(database)
    async with database.write() as session:
        return await journeys.driver_sheet(session, person, "store-1", at(day).date())


# ---- the ways of a booking ----------------------------------------------------------------------


async def test_a_fetched_car_has_two_ways_around_the_work(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **pickup())
    found = await ways(seeded, booked)
    assert list(found) == ["out", "back"]
    out, back = found["out"], found["back"]
    assert (out.window_start, out.window_end) == (at("24 10:00"), at("24 10:30"))
    assert (back.window_start, back.window_end) == (at("24 11:30"), at("24 12:00"))
    assert {out.worker_id, back.worker_id} == await held(seeded, booked, "driver")
    assert out.worker and out.status == back.status == "planned"
    assert all(len(one.code) == 4 and one.code.isdigit() for one in found.values())
    assert (await rows_of(seeded, booked))["out"].address == HOME


async def test_work_at_the_owners_is_one_way_of_the_technician(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **on_site())
    visit = (await ways(seeded, booked))["visit"]
    assert (visit.window_start, visit.window_end) == (at("24 10:00"), at("24 10:30"))
    row = await booking_row(seeded, booked)
    assert visit.worker_id == row.technician_id
    assert visit.worker_id in await held(seeded, booked, "technician")


async def test_one_driver_takes_a_car_to_be_swapped_and_back(seeded: Database) -> None:
    found = await ways(seeded, await book(seeded, "owner-1", **valet()))
    assert list(found) == ["out", "back"]
    assert found["out"].worker_id == found["back"].worker_id == "station-1-driver-01"


async def test_in_store_nobody_drives(seeded: Database) -> None:
    assert await ways(seeded, await book(seeded, "owner-1", **maintenance())) == {}


async def test_a_moved_booking_moves_its_ways_and_keeps_their_codes(seeded: Database) -> None:
    booked = await fetched(seeded)
    before = await ways(seeded, booked)
    await move(seeded, booked, start=at("25 14:00"))
    after = await ways(seeded, booked)
    assert after["out"].window_start == at("25 14:00")
    assert after["back"].window_end == at("25 16:00")
    assert {leg: one.code for leg, one in after.items()} == {
        leg: one.code for leg, one in before.items()
    }
    assert await rows(seeded, Journey) == [2]


async def test_brought_after_all_and_fetched_once_more(seeded: Database) -> None:
    booked = await fetched(seeded)
    codes = {one.code for one in (await ways(seeded, booked)).values()}
    await move(seeded, booked, mode="in_store", start=at("25 10:00"))
    assert await ways(seeded, booked) == {}
    assert {row.status for row in (await rows_of(seeded, booked)).values()} == {"cancelled"}
    await move(seeded, booked, mode="pickup", start=at("26 10:00"), message_id="again")
    again = await ways(seeded, booked)
    assert again["out"].window_start == at("26 10:00")
    # The old codes were told to somebody.
    assert {one.code for one in again.values()} != codes
    assert await rows(seeded, Journey) == [2]


async def test_cancelling_calls_the_ways_off(seeded: Database) -> None:
    booked = await fetched(seeded)
    await cancel(seeded, "owner-1", booked)
    found = await rows_of(seeded, booked)
    assert {row.status for row in found.values()} == {"cancelled"}
    assert len(await events(seeded, "journey.cancelled")) == 2


# ---- the owner's yes ----------------------------------------------------------------------------


async def test_the_question_stands_by_itself_with_two_buttons(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **pickup())
    async with seeded.write() as session:
        await journeys.ask_consent(session, await session.get(Booking, booked.id))
    [line] = await said(seeded, "owner-1")
    assert "139****8801" in line.text and "13900018801" not in line.text
    async with seeded.read() as session:
        query = select(Button).where(Button.message_id == line.id).order_by(Button.title)
        buttons = (await session.execute(query)).scalars().all()
    assert {button.intent for button in buttons} == {"booking_consent"}
    assert [button.values["give"] for button in buttons if button.title == "同意"] == [True]
    assert {button.values["booking"] for button in buttons} == {booked.id}


async def test_without_a_yes_the_sheet_has_no_address(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **pickup())
    out, back = await sheet(seeded)
    for line in (out, back):
        assert line.waiting == "待车主同意"
        assert (line.address, line.phone, line.relay, line.owner) == (None, None, None, None)
        assert line.plate == "沪A***51"
        wire = str(journeys.sheet_wire(line))
        assert "七宝" not in wire and "8801" not in wire and "陈" not in wire
    assert await rows(seeded, AuditEntry) == [0]
    await consent(seeded, "owner-1", booked)
    out, back = await sheet(seeded)
    assert (out.address, out.phone, out.waiting) == (HOME, "139****8801", None)
    assert out.owner == "陈车主" and out.relay
    async with seeded.read() as session:
        logged = (await session.execute(select(AuditEntry))).scalars().all()
    assert {(row.actor, row.action) for row in logged} == {("agent1", "reveal_address")}
    assert {row.subject for row in logged} == {out.id, back.id}
    assert "七宝" not in str([row.detail for row in logged])


async def test_a_yes_taken_back_empties_the_sheet(seeded: Database) -> None:
    booked = await fetched(seeded)
    assert (await consent(seeded, "owner-1", booked, False, "no")).consent is False
    assert [line.address for line in await sheet(seeded)] == [None, None]
    # The first message again, late: it has been answered.
    await consent(seeded, "owner-1", booked, True, f"consent {booked.id}")
    assert [line.address for line in await sheet(seeded)] == [None, None]


async def test_only_whose_address_it_is_can_say_yes(seeded: Database) -> None:
    booked = await book(seeded, "driver-1", **pickup())
    before = await rows(seeded, *WRITTEN)
    for person in ("owner-1", "owner-8", "visitor-1"):
        with pytest.raises(LookupError):
            await consent(seeded, person, booked)
    assert await rows(seeded, *WRITTEN) == before
    assert (await booking_row(seeded, booked)).consent_at is None
    await consent(seeded, "driver-1", booked)
    assert (await booking_row(seeded, booked)).consent_at is not None


async def test_a_booking_that_is_over_has_nothing_to_consent_to(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **pickup())
    await cancel(seeded, "owner-1", booked)
    with pytest.raises(LookupError):
        await consent(seeded, "owner-1", booked)
    with pytest.raises(LookupError):
        await consent(seeded, "owner-1", await book(seeded, "owner-1", **maintenance()))


async def test_who_has_not_answered_is_asked_once_more(seeded: Database, pass_time) -> None:
    booked = await book(seeded, "owner-1", **pickup())
    await fetched(seeded, "owner-8", place_id="store-6", message_id="other")

    async def missing() -> list[str]:
        async with seeded.read() as session:
            return await journeys.consent_missing(session)

    async def again() -> bool:
        async with seeded.write() as session:
            return await journeys.ask_again(session, booked.id)

    assert await missing() == []  # asked five minutes ago
    pass_time(timedelta(hours=4))
    assert await missing() == [booked.id]
    assert [await again(), await again()] == [True, False]
    assert await missing() == []
    assert len(await said(seeded, "owner-1")) == 1
    pass_time(timedelta(hours=9))
    assert clock.local_now().hour == 23
    assert await missing() == []


# ---- on the way ---------------------------------------------------------------------------------


async def test_nobody_sets_off_without_the_yes(seeded: Database, pass_time) -> None:
    booked = await book(seeded, "owner-1", **pickup())
    out = (await ways(seeded, booked))["out"]
    pass_time(TO_PICKUP)
    before = await rows(seeded, *WRITTEN)
    with pytest.raises(JourneyRefused) as refused:
        await set_off(seeded, out)
    assert refused.value.code == "no_consent"
    assert await rows(seeded, *WRITTEN) == before


async def test_a_car_goes_and_comes_back(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded)
    found = await ways(seeded, booked)
    out, back = found["out"], found["back"]
    pass_time(TO_PICKUP)
    gone = await set_off(seeded, out)
    assert gone.status == "on_the_way" and gone.set_off_at is not None
    [line] = await said(seeded, "owner-1")
    for word in (out.worker, out.code, out.relay, "10:00", "10:30"):
        assert word in line.text
    assert line.card["code"] == out.code and line.card["driver"]["phone"] == out.relay
    # Staff read the conversation too, and drivers are staff.
    assert f"取车码{out.code}" in line.text and "取车码****" in line.masked
    async with seeded.read() as session:
        [shown] = await log.views(session, [line], masked=True)
    assert shown["card"]["code"] is None
    await arrive(seeded, out)
    taken = await hand_over(seeded, out, belongings="后备箱婴儿推车")
    assert (taken.status, taken.mileage_km, taken.soc) == ("finished", 18_600, 60)
    assert taken.belongings == "后备箱婴儿推车"
    line = (await said(seeded, "owner-1"))[-1]
    assert "18600公里" in line.text and "60%" in line.text and "婴儿推车" in line.text
    pass_time(timedelta(hours=1, minutes=30))
    await set_off(seeded, back, "back-off")
    await arrive(seeded, back, "back-there")
    done = await hand_over(seeded, back, "back-hand", mileage_km=18_612, soc=57)
    assert done.status == "finished" and done.differs is None
    line = (await said(seeded, "owner-1"))[-1]
    assert "18612公里" in line.text and line.card["code"] is None
    told = " ".join(one.text for one in await said(seeded, "owner-1"))
    async with seeded.read() as session:
        phones = (await session.execute(select(Customer.phone))).scalars().all()
    assert not any(phone in told for phone in phones if phone)
    assert await changes(seeded, booked) == [
        *("booked", "consent_given"),
        *("set_off", "arrived", "handed_over") * 2,
    ]
    # What nobody needs any more is not kept.
    assert {row.position for row in (await rows_of(seeded, booked)).values()} == {None}


async def test_a_return_that_differs_is_shown_to_both(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded)
    found = await ways(seeded, booked)
    pass_time(TO_PICKUP)
    for leg, mileage, soc in (("out", 18_600, 60), ("back", 18_671, 41)):
        way = found[leg]
        await set_off(seeded, way, f"{leg} off")
        await arrive(seeded, way, f"{leg} there")
        await hand_over(seeded, way, f"{leg} hand", mileage_km=mileage, soc=soc)
        pass_time(timedelta(hours=1, minutes=30))
    line = (await said(seeded, "owner-1"))[-1]
    assert "71公里" in line.text and "19个百分点" in line.text
    assert [button["title"] for button in line.buttons] == ["转人工"]
    back = (await ways(seeded, booked))["back"]
    assert journeys.journey_wire(back)["differs"] == {"mileage_km": 71, "soc": 19}
    assert len(await events(seeded, "journey.differs")) == 1


@pytest.mark.parametrize("code", ["wrong", None, ""])
async def test_without_the_code_no_car_changes_hands(
    seeded: Database, pass_time, code: str | None
) -> None:
    booked = await fetched(seeded)
    out = (await ways(seeded, booked))["out"]
    pass_time(TO_PICKUP)
    await set_off(seeded, out)
    await arrive(seeded, out)
    before = await rows(seeded, *WRITTEN)
    given = f"{(int(out.code) + 1) % 10_000:04d}" if code == "wrong" else code
    with pytest.raises(JourneyRefused) as refused:
        await hand_over(seeded, out, code=given)
    assert refused.value.code == "wrong_code"
    assert await rows(seeded, *WRITTEN) == before
    row = (await rows_of(seeded, booked))["out"]
    assert (row.status, row.mileage_km, row.soc, row.finished_at) == ("arrived", None, None, None)
    full_width = out.code.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    assert (await hand_over(seeded, out, code=f" {full_width} ")).status == "finished"


async def test_a_code_given_on_arriving_is_not_asked_for_again(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded)
    out = (await ways(seeded, booked))["out"]
    pass_time(TO_PICKUP)
    await set_off(seeded, out)
    with pytest.raises(JourneyRefused) as refused:
        await arrive(seeded, out, code="x")
    assert refused.value.code == "wrong_code"
    assert (await rows_of(seeded, booked))["out"].status == "on_the_way"
    await arrive(seeded, out, code=out.code)
    assert (await hand_over(seeded, out, code=None)).status == "finished"


async def test_the_desk_never_sees_the_code(seeded: Database) -> None:
    out = (await ways(seeded, await book(seeded, "owner-1", **pickup())))["out"]
    assert "code" not in journeys.journey_wire(out)
    assert journeys.journey_wire(out, for_owner=True)["code"] == out.code
    assert not any(out.code == str(value) for value in journeys.journey_wire(out).values())


async def test_each_step_once(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded)
    out = (await ways(seeded, booked))["out"]
    pass_time(TO_PICKUP)
    await asyncio.gather(*(set_off(seeded, out) for _ in range(3)))
    await arrive(seeded, out)
    first = await hand_over(seeded, out)
    before = await rows(seeded, *WRITTEN)
    assert await hand_over(seeded, out, mileage_km=99_999) == first
    assert (await arrive(seeded, out)).status == "finished"
    with pytest.raises(JourneyRefused) as refused:
        await hand_over(seeded, out, "there")
    assert refused.value.code == "id_conflict"
    assert await rows(seeded, *WRITTEN) == before
    assert len(await said(seeded, "owner-1")) == 3


async def test_steps_out_of_order_are_refused(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded)
    found = await ways(seeded, booked)
    with pytest.raises(JourneyRefused) as refused:
        await set_off(seeded, found["out"])
    assert refused.value.code == "too_early"
    pass_time(TO_PICKUP)
    before = await rows(seeded, *WRITTEN)
    for act, leg, code in (
        (set_off, "back", "not_fetched"),
        (arrive, "out", "not_on_the_way"),
        (hand_over, "out", "not_arrived"),
    ):
        with pytest.raises(JourneyRefused) as refused:
            await act(seeded, found[leg])
        assert refused.value.code == code
    assert await rows(seeded, *WRITTEN) == before
    await set_off(seeded, found["out"])
    with pytest.raises(JourneyRefused) as refused:
        await set_off(seeded, found["out"], "another press")
    assert refused.value.code == "already_done"


async def test_what_is_written_at_the_hand_over_makes_sense(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded)
    found = await ways(seeded, booked)
    async with seeded.write() as session:
        for key, customer in (("mine", "owner-1"), ("theirs", "owner-8")):
            session.add(
                Attachment(
                    id=key,
                    customer_id=customer,
                    kind="image",
                    content_type="image/jpeg",
                    size=1,
                    body=b"x",
                )
            )
    pass_time(TO_PICKUP)
    await set_off(seeded, found["out"])
    await arrive(seeded, found["out"])
    before = await rows(seeded, *WRITTEN)
    for wrong, code in (
        ({"mileage_km": None}, "details_missing"),
        ({"soc": None}, "details_missing"),
        ({"soc": 101}, "bad_value"),
        ({"mileage_km": -1}, "bad_value"),
        ({"photos": ["theirs"]}, "unknown_photo"),
        ({"photos": ["mine", "nothing"]}, "unknown_photo"),
        ({"belongings": "x" * 201}, "bad_value"),
    ):
        with pytest.raises(JourneyRefused) as refused:
            await hand_over(seeded, found["out"], **wrong)
        assert refused.value.code == code
    assert await rows(seeded, *WRITTEN) == before
    assert (await hand_over(seeded, found["out"], photos=["mine"])).photos == ("mine",)
    pass_time(timedelta(hours=1))
    await set_off(seeded, found["back"], "b1")
    await arrive(seeded, found["back"], "b2")
    with pytest.raises(JourneyRefused) as refused:
        await hand_over(seeded, found["back"], "b3", mileage_km=18_599)
    assert refused.value.code == "mileage_lower"


async def test_only_who_works_in_service_may(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded)
    out = (await ways(seeded, booked))["out"]
    editor = await staff(seeded, "editor1")
    pass_time(TO_PICKUP)
    before = await rows(seeded, *WRITTEN, AuditEntry)
    async with seeded.write() as session:
        with pytest.raises(StaffNotAllowed):
            await journeys.set_off(session, editor, out.id, client_id="x")
        with pytest.raises(StaffNotAllowed):
            await journeys.driver_sheet(session, editor, "store-1", at("24 00:00").date())
    assert await rows(seeded, *WRITTEN, AuditEntry) == before


async def test_owner_and_driver_both_hear_of_it(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded, "driver-1")
    out = (await ways(seeded, booked))["out"]
    pass_time(TO_PICKUP)
    await set_off(seeded, out)
    assert len(await said(seeded, "driver-1")) == len(await said(seeded, "owner-1")) == 1


# ---- calling it off on the way ------------------------------------------------------------------


async def test_cancelling_on_the_way_costs_and_is_said_first(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded)
    out = (await ways(seeded, booked))["out"]
    async with seeded.read() as session:
        assert await journeys.under_way(session, booked.id) is None
    pass_time(timedelta(hours=23))
    await set_off(seeded, out)
    async with seeded.read() as session:
        assert (await journeys.under_way(session, booked.id)).id == out.id
    before = await rows(seeded, *WRITTEN)
    with pytest.raises(Refused) as refused:
        await cancel(seeded, "owner-1", booked)
    assert refused.value.code == "driver_on_way"
    assert await rows(seeded, *WRITTEN) == before
    gone = await cancel(seeded, "owner-1", booked, at_a_price=True)
    assert gone.status == "cancelled"
    assert gone.price is not None and gone.price > Decimal(0)
    assert {row.status for row in (await rows_of(seeded, booked)).values()} == {"cancelled"}
    told = await events(seeded, "journey.cancelled")
    assert {event.data["was"] for event in told} == {"on_the_way", "planned"}


async def test_a_car_that_we_have_comes_back_all_the_same(seeded: Database, pass_time) -> None:
    booked = await fetched(seeded)
    found = await ways(seeded, booked)
    pass_time(TO_PICKUP)
    await set_off(seeded, found["out"])
    await arrive(seeded, found["out"])
    await hand_over(seeded, found["out"])
    async with seeded.read() as session:
        assert await journeys.under_way(session, booked.id) is not None
    async with seeded.write() as session:
        await journeys.drop(session, booked.id)
    found = await rows_of(seeded, booked)
    assert {leg: row.status for leg, row in found.items()} == {"out": "finished", "back": "planned"}
    assert found["back"].worker_id is None
    [event] = await events(seeded, "dispatch.unassigned")
    assert event.subject == found["back"].id


async def test_a_way_that_nobody_has_time_for_is_told_the_desk(seeded: Database) -> None:
    async with seeded.write() as session:
        booking = Booking(
            reference="BK1",
            customer_id="owner-1",
            vehicle_id="car-1",
            kind="maintenance",
            service="minor_service",
            place_id="store-1",
            start=at("24 10:00"),
            end=at("24 12:00"),
            mode="pickup",
            pickup_address=HOME,
        )
        session.add(booking)
        await session.flush()
        place = await session.get(Place, "store-1")
        out, back = await journeys.plan(session, booking, place, position=(31.16, 121.35))
    assert (out.worker_id, back.worker_id) == (None, None)
    assert (out.window_start, back.window_end) == (at("24 10:00"), at("24 12:00"))
    assert out.position == "31.160000,121.350000"
    assert len(await events(seeded, "dispatch.unassigned")) == 2
