"""Offers: proposing, and why not; a yes books once."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, text

from pitstop.base import clock
from pitstop.care import bookings, offers
from pitstop.care.permissions import NotAllowed
from pitstop.care.refusals import Refused
from pitstop.care.tables import Booking, BookingChange, Offer, PlaceException, Tick, VehicleLink
from pitstop.care.views import BookingView, booking_card, offer_card
from pitstop.storage.database import Database

from .help import accept, at, book, maintenance, propose, rows, swap, ticks_of

WRITTEN = (Offer, Booking, BookingChange, Tick)


async def refusal(database: Database, customer: str, **wish) -> Refused:
    """Ask for something that is refused, and see that nothing was written."""
    before = await rows(database, *WRITTEN)
    with pytest.raises(Refused) as refused:
        await propose(database, customer, **wish)
    assert await rows(database, *WRITTEN) == before
    return refused.value


def shown(refused: Refused) -> list[str]:
    return [
        f"{slot.place_id} {slot.start.astimezone(clock.SHANGHAI):%d %H:%M}"
        for slot in refused.alternatives
    ]


# ---- proposing ----------------------------------------------------------------------------------


async def test_an_offer_shows_everything_and_reserves_nothing(seeded: Database) -> None:
    [taken] = await rows(seeded, Tick)
    offer = await propose(seeded, "owner-1", **maintenance(note="异响也看一下"))
    assert offer.place is not None and offer.place.name == "上海闵行服务中心"
    assert (offer.start, offer.end) == (at("24 10:00"), at("24 11:00"))
    assert offer.start.utcoffset() == timedelta(hours=8)
    assert offer.vehicle is not None and offer.vehicle.plate == "沪AD20751"
    assert (offer.service, offer.mode, offer.price) == ("小保养", "in_store", Decimal(299))
    assert offer.price_parts is not None and offer.price_parts.labour == 100
    assert not offer.estimate
    assert offer.status == "open"
    assert offer.expires_at is not None
    assert offer.expires_at - clock.now() <= timedelta(hours=2)
    assert await rows(seeded, Tick) == [taken]


async def test_a_swap_is_an_estimate(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **swap())
    assert offer.mode == "station"
    assert offer.estimate
    assert offer.price == Decimal("75.60")
    assert offer.end - offer.start == timedelta(minutes=15)


async def test_the_same_message_is_the_same_offer(seeded: Database) -> None:
    first = await propose(seeded, "owner-1", **maintenance())
    again = await propose(seeded, "owner-1", **maintenance(start=at("25 10:00")))
    assert again.id == first.id
    assert again.start == first.start


async def test_the_same_message_at_once_is_one_offer(seeded: Database) -> None:
    [before] = await rows(seeded, Offer)
    both = await asyncio.gather(*(propose(seeded, "owner-1", **maintenance()) for _ in range(4)))
    assert len({offer.id for offer in both}) == 1
    assert await rows(seeded, Offer) == [before + 1]


async def test_two_wishes_in_one_message_are_two_offers(seeded: Database) -> None:
    one = await propose(seeded, "owner-2", **maintenance(vehicle_id="car-2"))
    two = await propose(seeded, "owner-2", **maintenance(vehicle_id="car-3", ordinal=1))
    three = await propose(seeded, "owner-2", **swap(vehicle_id="car-2"))
    assert len({one.id, two.id, three.id}) == 3
    async with seeded.read() as session:
        assert len(await offers.open_offers(session, "owner-2")) == 3


async def test_a_new_offer_takes_the_old_one_back(seeded: Database) -> None:
    """An old button must not book a second time beside the new one."""
    old = await propose(seeded, "owner-1", **maintenance(message_id="a"))
    new = await propose(seeded, "owner-1", **maintenance(message_id="b", start=at("24 15:00")))
    booked = await accept(seeded, "owner-1", new)
    with pytest.raises(Refused) as refused:
        await accept(seeded, "owner-1", old)
    assert refused.value.code == "offer_expired"
    async with seeded.read() as session:
        found = await bookings.bookings_of(session, "owner-1")
        assert [view.id for view in found] == [booked.id]


async def test_the_time_said_is_moved_on_to_the_grid(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance(start=at("24 10:10")))
    assert offer.start == at("24 10:30")


async def test_pickup_takes_longer_costs_more_and_keeps_the_address_secret(
    seeded: Database,
) -> None:
    wish = maintenance(mode="pickup", pickup_address="莘松路八百八十八弄")
    offer = await propose(seeded, "owner-1", **wish)
    assert offer.end - offer.start == timedelta(hours=2)
    assert offer.price == Decimal(379)
    booked = await accept(seeded, "owner-1", offer)
    assert booked.pickup_address == "莘松路八百八十八弄"
    kinds = {resource.split("-")[2] for resource, _ in await ticks_of(seeded, booked.id)}
    assert kinds == {"bay", "technician", "driver"}
    async with seeded.read() as session:
        for table in ("offer", "booking", "event"):
            seen = str((await session.execute(text(f"SELECT * FROM {table}"))).all())
            assert "莘松路" not in seen


async def test_a_test_drive_needs_no_car_of_ones_own(seeded: Database) -> None:
    wish = swap(kind="test_drive", place_id="store-2", start=at("24 14:00"), service="YC6")
    booked = await book(seeded, "visitor-1", **wish)
    assert (booked.kind, booked.service, booked.vehicle) == ("test_drive", "YC6", None)
    assert booked.price is None
    assert booked.place is not None and booked.place.name == "上海徐汇体验店"


async def test_another_booking_of_the_car_at_that_time_is_pointed_out(seeded: Database) -> None:
    first = await book(seeded, "owner-1", **maintenance())
    offer = await propose(
        seeded, "owner-1", **maintenance(message_id="b", service="car_wash", start=at("24 10:30"))
    )
    assert offer.clashes_with == first.reference


# ---- refusals -----------------------------------------------------------------------------------


async def test_past(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-1", **maintenance(start=at("23 09:00")))
    assert refused.code == "past"
    assert shown(refused) == ["store-1 23 10:30", "store-1 23 11:00", "store-1 23 11:30"]


async def test_too_far(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-1", **maintenance(start=at("2027-03-01 10:00")))
    assert refused.code == "too_far"
    assert refused.details["limit"] > at("2027-01-22 10:00")
    assert refused.alternatives[0].start == at("2027-01-22 10:00")


async def test_a_swap_in_four_days_is_too_far(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-1", **swap(start=at("27 20:00")))
    assert refused.code == "too_far"
    assert shown(refused)[0] == "station-1 26 10:00"


async def test_closed_at_night(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-1", **maintenance(start=at("24 21:00")))
    assert refused.code == "closed"
    assert shown(refused) == ["store-1 24 18:00", "store-1 24 17:30", "store-1 24 17:00"]
    assert refused.details["windows"] == [(at("24 08:30"), at("24 19:00"))]


async def test_closed_because_it_would_not_be_done(seeded: Database) -> None:
    refused = await refusal(
        seeded, "owner-1", **maintenance(service="bodywork", start=at("24 16:00"))
    )
    assert refused.code == "closed"
    assert shown(refused)[0] == "store-1 24 15:00"


async def test_closed_on_its_own_holiday_only(seeded: Database) -> None:
    async with seeded.write() as session:
        session.add(PlaceException(place_id="store-1", day="2026-11-24", windows=[], reason="盘点"))
    refused = await refusal(seeded, "owner-1", **maintenance())
    assert refused.code == "closed"
    assert refused.details["windows"] == []
    # The rest of that day is gone: the nearest are this evening and the next morning.
    assert set(shown(refused)) <= {
        "store-1 23 18:00", "store-1 23 17:30", "store-1 23 17:00", "store-1 25 08:30",
    }  # fmt: skip
    other = await propose(seeded, "owner-1", **maintenance(place_id="store-3"))
    assert other.status == "open"


async def test_new_year_is_a_working_day(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance(start=at("2027-01-01 10:00")))
    assert offer.start == at("2027-01-01 10:00")


async def test_full(seeded: Database) -> None:
    await book(seeded, "owner-1", **swap())
    refused = await refusal(seeded, "owner-8", **swap(message_id="b"))
    assert refused.code == "full"
    assert shown(refused) == ["station-1 23 11:45", "station-1 23 12:15", "station-1 23 11:30"]


async def test_wrong_place(seeded: Database) -> None:
    """No maintenance in a showroom: the nearest that do it, with their first time."""
    refused = await refusal(seeded, "owner-1", **maintenance(place_id="store-2"))
    assert refused.code == "wrong_place"
    assert [slot.place_id for slot in refused.alternatives] == ["store-6", "store-4", "store-1"]
    assert {slot.start for slot in refused.alternatives} == {at("24 10:00")}


async def test_high_voltage_not_at_an_authorised_station(seeded: Database) -> None:
    refused = await refusal(
        seeded, "owner-1", **maintenance(place_id="store-5", service="traction_battery_check")
    )
    assert refused.code == "wrong_place"
    assert refused.alternatives[0].place_id == "store-1"


async def test_a_swap_in_a_store(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-1", **swap(place_id="store-1"))
    assert refused.code == "wrong_place"
    assert refused.alternatives[0].place_id == "station-8"  # 莘庄立交, across the road


async def test_the_pack_does_not_fit(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-9", **swap(place_id="station-7"))
    assert refused.code == "pack_does_not_fit"
    assert refused.details["pack_kwh"] == 150
    assert "station-6" in [slot.place_id for slot in refused.alternatives]


async def test_a_car_whose_battery_cannot_be_swapped(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-4", **swap(vehicle_id="car-6"))
    assert refused.code == "not_swappable"


async def test_an_unknown_service(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-1", **maintenance(service="rocket_science"))
    assert refused.code == "unknown_service"


async def test_body_work_is_not_done_at_home(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-1", **maintenance(service="bodywork", mode="on_site"))
    assert refused.code == "mode_not_available"
    assert refused.details["modes"] == ["in_store", "pickup"]


async def test_no_valet_where_nobody_drives(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-1", **swap(place_id="station-2", mode="valet"))
    assert refused.code == "mode_not_available"
    assert refused.details["modes"] == ["station"]
    offer = await propose(seeded, "owner-1", **swap(mode="valet", message_id="b"))
    assert offer.price == Decimal("135.60")


async def test_which_car(seeded: Database) -> None:
    refused = await refusal(seeded, "owner-2", **maintenance())
    assert refused.code == "vehicle_needed"
    assert refused.details["vehicles"] == ["car-2", "car-3"]


@pytest.mark.parametrize(
    ("customer", "car", "code"),
    [
        ("visitor-1", None, "visitor"),
        ("visitor-1", "car-1", "visitor"),
        ("former-1", "car-11", "former_owner"),
        ("former-1", None, "former_owner"),
        ("owner-1", "car-4", "not_your_vehicle"),
    ],
)
async def test_who_may_not(seeded: Database, customer: str, car: str | None, code: str) -> None:
    before = await rows(seeded, *WRITTEN)
    with pytest.raises(NotAllowed) as refused:
        await propose(seeded, customer, **maintenance(vehicle_id=car))
    assert refused.value.code == code
    assert await rows(seeded, *WRITTEN) == before


async def test_drivers_may_book(seeded: Database) -> None:
    assert (await book(seeded, "driver-1", **maintenance())).status == "confirmed"
    assert (await book(seeded, "company-driver-1", **maintenance(message_id="b"))).vehicle


async def test_an_unknown_place(seeded: Database) -> None:
    with pytest.raises(LookupError):
        await propose(seeded, "owner-1", **maintenance(place_id="store-99"))


# ---- accepting ----------------------------------------------------------------------------------


async def test_a_yes_books_what_was_shown(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    booked = await accept(seeded, "owner-1", offer)
    same = ("kind", "place", "start", "end", "vehicle", "service", "mode", "price", "price_parts")
    assert [getattr(booked, name) for name in same] == [getattr(offer, name) for name in same]
    assert booked.reference is not None and booked.reference.startswith("BK261123")
    taken = await ticks_of(seeded, booked.id)
    assert len(taken) == 8  # a bay and a technician, four quarters each
    assert {moment for _, moment in taken} == {
        at(f"24 10:{minute}") for minute in ("00", "15", "30", "45")
    }


async def test_the_price_shown_stays(seeded: Database) -> None:
    """What the owner said yes to is what is booked, whatever the catalogue says since."""
    offer = await propose(seeded, "owner-1", **maintenance())
    async with seeded.write() as session:
        await session.execute(text("UPDATE service_item SET parts_price = 99900"))
    assert (await accept(seeded, "owner-1", offer)).price == Decimal(299)


async def test_a_second_yes_finds_the_first_booking(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    first = await accept(seeded, "owner-1", offer, "yes")
    before = await rows(seeded, *WRITTEN)
    assert (await accept(seeded, "owner-1", offer, "yes")).id == first.id
    assert (await accept(seeded, "owner-1", offer, "yes again")).id == first.id
    assert await rows(seeded, *WRITTEN) == before


async def test_a_second_yes_after_the_offer_ran_out(seeded: Database, pass_time) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    first = await accept(seeded, "owner-1", offer)
    pass_time(timedelta(hours=3))
    assert (await accept(seeded, "owner-1", offer)).id == first.id


async def test_two_yes_at_once_make_one_booking(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    [before] = await rows(seeded, Booking)
    both = await asyncio.gather(*(accept(seeded, "owner-1", offer, f"yes {n}") for n in range(4)))
    assert len({booked.id for booked in both}) == 1
    assert await rows(seeded, Booking) == [before + 1]
    assert len(await ticks_of(seeded, both[0].id)) == 8


async def test_one_message_may_accept_two_offers(seeded: Database) -> None:
    one = await propose(seeded, "owner-1", **maintenance())
    two = await propose(seeded, "owner-1", **swap())
    assert (await accept(seeded, "owner-1", one)).kind == "maintenance"
    assert (await accept(seeded, "owner-1", two)).kind == "swap"


async def test_the_last_slot_goes_to_exactly_one(seeded: Database) -> None:
    """Five owners have been offered the same quarter at a station with one bay."""
    people = ["owner-1", "owner-3", "owner-5", "owner-7", "owner-8"]
    shown_to = [
        await propose(seeded, person, **swap(message_id=f"ask {person}")) for person in people
    ]
    [before] = await rows(seeded, Booking)

    async def yes(person: str, offer) -> BookingView | Refused:
        try:
            return await accept(seeded, person, offer, f"yes {person}")
        except Refused as refused:
            return refused

    results = await asyncio.gather(*map(yes, people, shown_to))
    won = [result for result in results if isinstance(result, BookingView)]
    lost = [result for result in results if isinstance(result, Refused)]
    assert len(won) == 1
    assert {refused.code for refused in lost} == {"full"}
    assert all(len(refused.alternatives) == 3 for refused in lost)
    assert at("23 12:00") not in [slot.start for refused in lost for slot in refused.alternatives]
    assert await rows(seeded, Booking) == [before + 1]
    assert len(await ticks_of(seeded, won[0].id)) == 2


async def test_three_bays_take_three_whoever_comes_first(seeded: Database) -> None:
    """Three general technicians and three bays; six want the same hour."""
    people = ["owner-1", "owner-3", "owner-5", "owner-7", "owner-8", "owner-9"]
    shown_to = [
        await propose(seeded, person, **maintenance(message_id=f"ask {person}"))
        for person in people
    ]

    async def yes(person: str, offer) -> BookingView | Refused:
        try:
            return await accept(seeded, person, offer, f"yes {person}")
        except Refused as refused:
            return refused

    results = await asyncio.gather(*map(yes, people, shown_to))
    won = [result for result in results if isinstance(result, BookingView)]
    assert len(won) == 3
    taken = [tick for booked in won for tick in await ticks_of(seeded, booked.id)]
    assert len(taken) == len(set(taken)) == 24


async def test_full_meanwhile_leaves_nothing_even_if_the_session_goes_on(
    seeded: Database,
) -> None:
    mine = await propose(seeded, "owner-1", **swap(message_id="a"))
    await book(seeded, "owner-8", **swap(message_id="b"))
    before = await rows(seeded, *WRITTEN)
    async with seeded.write() as session:
        with pytest.raises(Refused) as refused:
            await offers.accept(session, "owner-1", mine.id, message_id="yes")
        # The caller catches it and commits what else it had to write.
        assert refused.value.code == "full"
        assert len(refused.value.alternatives) == 3
    assert await rows(seeded, *WRITTEN) == before


async def test_an_offer_runs_out(seeded: Database, pass_time) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    pass_time(timedelta(hours=2, minutes=1))
    before = await rows(seeded, *WRITTEN)
    with pytest.raises(Refused) as refused:
        await accept(seeded, "owner-1", offer)
    assert refused.value.code == "offer_expired"
    assert refused.value.alternatives[0].start == at("24 10:00")
    assert await rows(seeded, *WRITTEN) == before


async def test_an_offer_does_not_outlive_its_own_time(seeded: Database, pass_time) -> None:
    offer = await propose(seeded, "owner-1", **swap(start=at("23 10:30")))
    pass_time(timedelta(minutes=30))
    with pytest.raises(Refused) as refused:
        await accept(seeded, "owner-1", offer)
    assert refused.value.code == "offer_expired"
    assert refused.value.alternatives[0].start == at("23 10:45")


async def test_closed_meanwhile(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    async with seeded.write() as session:
        session.add(
            PlaceException(place_id="store-1", day="2026-11-24", windows=[], reason="power cut")
        )
    with pytest.raises(Refused) as refused:
        await accept(seeded, "owner-1", offer)
    assert refused.value.code == "closed"


async def test_somebody_elses_offer(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    before = await rows(seeded, *WRITTEN)
    for person in ("owner-8", "driver-1", "visitor-1"):
        with pytest.raises(NotAllowed):
            await accept(seeded, person, offer)
        async with seeded.write() as session:
            with pytest.raises(NotAllowed):
                await offers.withdraw_offer(session, person, offer.id)
    assert await rows(seeded, *WRITTEN) == before
    assert (await accept(seeded, "owner-1", offer)).status == "confirmed"


async def test_the_car_was_sold_between_offer_and_yes(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    async with seeded.write() as session:
        query = select(VehicleLink).where(VehicleLink.customer_id == "owner-1")
        (await session.execute(query)).scalars().one().until = clock.now()
    before = await rows(seeded, Booking, Tick)
    with pytest.raises(NotAllowed) as refused:
        await accept(seeded, "owner-1", offer)
    assert refused.value.code == "former_owner"
    assert await rows(seeded, Booking, Tick) == before


async def test_withdrawn(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    for _ in range(2):
        async with seeded.write() as session:
            await offers.withdraw_offer(session, "owner-1", offer.id)
    with pytest.raises(Refused) as refused:
        await accept(seeded, "owner-1", offer)
    assert refused.value.code == "offer_expired"


async def test_withdrawing_what_is_booked_changes_nothing(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **maintenance())
    booked = await accept(seeded, "owner-1", offer)
    async with seeded.write() as session:
        await offers.withdraw_offer(session, "owner-1", offer.id)
    assert (await accept(seeded, "owner-1", offer)).id == booked.id


async def test_no_such_offer(seeded: Database) -> None:
    async with seeded.write() as session:
        with pytest.raises(LookupError):
            await offers.accept(session, "owner-1", "nothing", message_id="yes")
        with pytest.raises(LookupError):
            await offers.withdraw_offer(session, "owner-1", "nothing")


async def test_cards(seeded: Database) -> None:
    offer = await propose(seeded, "owner-1", **swap())
    card = offer_card(offer)
    assert card["type"] == "offer"
    assert card["price"] == {
        "amount": "75.60",
        "currency": "CNY",
        "estimate": True,
        "parts": "45.60",
        "labour": "30.00",
        "visit": "0.00",
        "covered": [],
    }
    assert card["start"] == "2026-11-23T12:00:00+08:00"
    booked = booking_card(await accept(seeded, "owner-1", offer))
    assert booked["type"] == "booking"
    assert {key: booked[key] for key in card if key in booked and key not in _DIFFER} == {
        key: card[key] for key in card if key in booked and key not in _DIFFER
    }


_DIFFER = {"id", "type", "status", "step", "reference", "expires_at"}
