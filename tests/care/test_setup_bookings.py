"""What bookings rely on stays, or their owners are told; stock as counts; rules as rows."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as holds
from hypothesis import strategies as st
from sqlalchemy import select

from pitstop.care import setup_stock, tariffs
from pitstop.care.service_tables import PartClaim, PartUnit, Setting
from pitstop.care.setup_data import Given
from pitstop.care.tables import Booking, Place, PlaceException, Resource, Staff
from pitstop.storage.database import Database
from tests.care.help import at, rows, ticks_of
from tests.care.setup_help import (
    EVERY_DAY,
    audited,
    booked,
    codes,
    edit,
    furnish,
    row,
    said,
    save,
    use,
)


@pytest.fixture
async def boss(database: Database, monday: Any) -> Staff:
    return await furnish(database)


async def one(database: Database, table: Any, key: str) -> Any:
    async with database.read() as session:
        return await session.get(table, key)


# ---- what bookings rely on ----------------------------------------------------------------------


async def test_a_resource_with_bookings_stays_active(database: Database, boss: Staff) -> None:
    await booked(database, "soon", at("24 10:00"), "store-1-bay-01", "store-1-technician-01")
    await booked(database, "over", at("20 10:00"), "store-1-bay-01", status="done", step="done")
    off = {"active": False}
    result = await edit(database, boss, "resources", "store-1-bay-01", off)
    assert codes(result) == [(None, "bookings")]
    assert [booking.id for booking in result.refused[0].relying] == ["soon"]
    assert (await one(database, Resource, "store-1-bay-01")).active
    free = await edit(database, boss, "resources", "store-1-bay-02", off, client_id="two")
    assert free.changed == ("store-1-bay-02",)
    # Seen, and done all the same: told to whoever tells the owners.
    forced = await edit(
        database, boss, "resources", "store-1-bay-01", off, client_id="three", force=["soon"]
    )
    assert (forced.changed, forced.affected) == (("store-1-bay-01",), ("soon",))
    assert not (await one(database, Resource, "store-1-bay-01")).active
    assert (await audited(database))[-1]["bookings"] == ["soon"]


async def test_another_one_keeps_the_promise_else_the_owner_is_told(
    database: Database, boss: Staff
) -> None:
    work = ("store-1-bay-01", "store-1-technician-01")
    await booked(database, "b1", at("24 10:00"), *work, technician_id=work[1])
    off = {"active": False}
    result = await edit(database, boss, "resources", work[0], off, force=["b1"])
    assert (result.affected, result.broken) == (("b1",), ())
    assert {one for one, _ in await ticks_of(database, "b1")} == {"store-1-bay-02", work[1]}
    assert (await one(database, Booking, "b1")).step == "booked"
    assert await said(database) == []
    result = await edit(database, boss, "resources", work[1], off, client_id="two", force=["b1"])
    assert (result.affected, result.broken) == (("b1",), ("b1",))
    assert (await one(database, Booking, "b1")).step == "broken"
    assert await ticks_of(database, "b1") == []
    (line,) = await said(database)
    assert "11月24日" in line
    # The same once more: nobody is told twice.
    again = await edit(database, boss, "resources", work[1], off, client_id="three")
    assert again.unchanged == 1
    assert len(await said(database)) == 1


async def test_a_place_that_closes_tells_who_is_booked(database: Database, boss: Staff) -> None:
    await booked(database, "b1", at("24 10:00"), "store-1-bay-01")
    await booked(database, "in", at("24 10:00"), status="in_progress", step="working")
    closed = Given(0, values={"place_id": "store-1", "day": "2026-11-24", "reason": "停电"})
    result = await save(database, boss, "place_days", closed, force=["b1", "in"])
    assert (set(result.affected), result.broken) == ({"b1", "in"}, ("b1",))
    assert len(await said(database)) == 1
    assert (await one(database, Booking, "in")).step == "working"
    again = await save(database, boss, "place_days", closed, force=["b1", "in"])
    assert (again.repeated, again.broken) == (True, ("b1",))
    assert len(await said(database)) == 1


async def test_a_yes_is_only_for_the_bookings_that_were_seen(
    database: Database, boss: Staff
) -> None:
    await booked(database, "seen", at("24 10:00"), "store-1-bay-01")
    await booked(database, "unseen", at("24 12:00"), "store-1-bay-01")
    result = await edit(
        database, boss, "resources", "store-1-bay-01", {"active": False}, force=["seen"]
    )
    assert codes(result) == [(None, "bookings")]
    assert (await one(database, Resource, "store-1-bay-01")).active


async def test_hours_that_leave_a_booking_outside(database: Database, boss: Staff) -> None:
    await booked(database, "early", at("24 08:30"))
    await booked(database, "noon", at("24 12:00"))
    await booked(database, "night", at("24 22:00"))  # outside already: not this change's doing
    await booked(database, "lost", at("24 08:30"), kind="rescue", status="confirmed")
    later = [{**EVERY_DAY[0], "opens": "09:00"}]
    result = await edit(database, boss, "places", "store-1", {"hours": later})
    assert [booking.id for booking in result.refused[0].relying] == ["early"]
    assert (await one(database, Place, "store-1")).hours == EVERY_DAY
    closed = {"place_id": "store-1", "day": "2026-11-24", "reason": "停电"}
    result = await save(database, boss, "place_days", Given(0, values=closed), client_id="two")
    assert [booking.id for booking in result.refused[0].relying] == ["early", "noon"]
    assert await rows(database, PlaceException) == [0]
    short = {**closed, "windows": [{"opens": "08:30", "closes": "10:00"}]}
    result = await save(database, boss, "place_days", Given(0, values=short), client_id="two")
    assert [booking.id for booking in result.refused[0].relying] == ["noon"]
    other = {**closed, "day": "2026-11-26"}
    result = await save(database, boss, "place_days", Given(0, values=other), client_id="two")
    assert result.saved


async def test_taking_back_an_exception_counts_too(database: Database, boss: Staff) -> None:
    late = {
        "place_id": "store-1",
        "day": "2026-11-24",
        "windows": [{"opens": "08:30", "closes": "23:00"}],
        "reason": "夜场",
    }
    made = await save(database, boss, "place_days", Given(0, values=late))
    await booked(database, "night", at("24 21:00"))
    gone = Given(0, made.added[0], remove=True)
    result = await save(database, boss, "place_days", gone, client_id="two")
    assert [booking.id for booking in result.refused[0].relying] == ["night"]
    assert await rows(database, PlaceException) == [1]


async def test_two_days_are_weighed_together(database: Database, boss: Staff) -> None:
    """A night that either of two days would hold is lost when both go."""
    night = [{"opens": "18:00", "closes": "03:00"}]
    early = [{"opens": "00:00", "closes": "12:00"}]
    days = [
        Given(0, values={"place_id": "store-1", "day": day, "windows": windows, "reason": "夜场"})
        for day, windows in (("2026-11-24", night), ("2026-11-25", early))
    ]
    made = await save(database, boss, "place_days", *days)
    await booked(database, "night", at("25 01:00"))
    first, second = (Given(n, key, remove=True) for n, key in enumerate(made.added))
    result = await save(database, boss, "place_days", first, second, client_id="two")
    assert [refusal.row for refusal in result.refused] == [1]


async def test_shifts_and_leave_of_who_is_booked(database: Database, boss: Staff) -> None:
    who = "store-1-technician-01"
    await booked(database, "ten", at("24 10:00"), "store-1-bay-01", who)
    leave = {"resource_id": who, "day": "2026-11-24", "reason": "请假"}
    result = await save(database, boss, "resource_days", Given(0, values=leave))
    assert [booking.id for booking in result.refused[0].relying] == ["ten"]
    half = {**leave, "windows": [{"opens": "09:00", "closes": "12:00"}]}
    assert (await save(database, boss, "resource_days", Given(0, values=half))).saved
    afternoon = [{"days": [1, 2, 3, 4, 5], "opens": "13:00", "closes": "18:00"}]
    # That day keeps its own hours: the week's do not touch it.
    result = await edit(database, boss, "resources", who, {"hours": afternoon}, client_id="two")
    assert result.saved
    await booked(database, "wed", at("25 14:00"), who)
    morning = [{"days": [1, 2, 3, 4, 5], "opens": "08:30", "closes": "12:00"}]
    result = await edit(database, boss, "resources", who, {"hours": morning}, client_id="three")
    assert [booking.id for booking in result.refused[0].relying] == ["wed"]


async def test_a_skill_that_a_booking_needs(database: Database, boss: Staff) -> None:
    who = "store-1-technician-01"
    await booked(database, "ten", at("24 10:00"), who)
    result = await edit(database, boss, "resources", who, {"skills": ["tyre"]})
    assert [booking.id for booking in result.refused[0].relying] == ["ten"]
    result = await edit(database, boss, "resources", who, {"skills": ["general"]}, client_id="two")
    assert result.saved


async def test_used_benefits_stay(database: Database, boss: Staff) -> None:
    await use(database, 2)
    result = await edit(database, boss, "entitlements", "right-1", {"total": 1})
    assert codes(result) == [("total", "used_up")]
    result = await edit(
        database, boss, "entitlements", "right-1", {"total": 2, "expires_on": "2027-06-30"}
    )
    assert result.saved
    found = await row(database, "entitlements", "right-1")
    assert (found.values["used"], found.values["expires_on"]) == (2, "2027-06-30")
    car = {"vehicle_id": "沪a·67890", "kind": "小保养", "source": "活动", "total": 1}
    result = await save(database, boss, "entitlements", Given(0, values=car), client_id="two")
    assert (await row(database, "entitlements", result.added[0])).values["vehicle_id"] == "car-2"
    assert "67890" not in str(await audited(database))


# ---- stock --------------------------------------------------------------------------------------


async def units(database: Database) -> list[tuple[str, str]]:
    async with database.read() as session:
        query = select(PartUnit).where(PartUnit.place_id == "store-1")
        found = (await session.execute(query)).scalars().all()
        return sorted(
            (unit.available_at.astimezone(at("20 00:00").tzinfo).strftime("%d %H"), unit.id)
            for unit in found
        )


async def test_raising_and_lowering_a_count(database: Database, boss: Staff) -> None:
    await booked(database, "b1", at("24 10:00"), unit="unit-1")
    key = "store-1|filter"
    more = {"on_hand": 5, "arrivals": [{"date": "2026-11-25", "count": 1}]}
    assert (await edit(database, boss, "stock", key, more)).saved
    assert len(await units(database)) == 6
    less = await edit(database, boss, "stock", key, {"on_hand": 0}, client_id="two")
    assert codes(less) == [("on_hand", "kept")]
    assert "1" in less.refused[0].problems[0].reason
    assert len(await units(database)) == 6
    assert (await edit(database, boss, "stock", key, {"on_hand": 1}, client_id="two")).saved
    assert [unit for _, unit in await units(database)] == ["unit-1", "unit-9"]
    assert await rows(database, PartClaim) == [1]


async def test_a_part_that_a_place_had_none_of(database: Database, boss: Staff) -> None:
    new = {"place_id": "store-2", "part": "轮胎", "on_hand": 2}
    result = await save(database, boss, "stock", Given(0, values=new))
    assert result.added == ("store-2|tyre",)
    past = {
        "place_id": "store-2",
        "part": "filter",
        "arrivals": [{"date": "2026-11-22", "count": 1}],
    }
    result = await save(database, boss, "stock", Given(0, values=past), client_id="two")
    assert codes(result) == [("arrivals", "arrival_past")]


async def test_a_delivery_that_comes_later_names_who_waits_for_it(
    database: Database, boss: Staff
) -> None:
    await booked(database, "b1", at("26 10:00"), unit="unit-9")
    key = "store-1|filter"
    later = {"arrivals": [{"date": "2026-11-27", "count": 1}]}
    result = await edit(database, boss, "stock", key, later)
    assert [booking.id for booking in result.refused[0].relying] == ["b1"]
    assert ("25 12", "unit-9") in await units(database)
    result = await edit(database, boss, "stock", key, later, force=["b1"])
    assert result.affected == ("b1",)
    assert ("27 12", "unit-9") in await units(database)
    # Here already: it is still that booking's piece.
    here = {"on_hand": 4, "arrivals": []}
    assert (await edit(database, boss, "stock", key, here, client_id="two")).saved
    assert await rows(database, PartClaim) == [1]
    assert len(await units(database)) == 4


PIECES = st.lists(
    st.tuples(st.sampled_from(["", "2026-11-25", "2026-11-27"]), st.booleans()), max_size=9
)
WANTED = st.dictionaries(
    st.sampled_from(["", "2026-11-25", "2026-11-26"]), st.integers(0, 5), max_size=3
)


@holds(PIECES, WANTED)
def test_counts_come_true_and_nothing_kept_is_lost(
    pieces: list[tuple[str, bool]], wanted: dict[str, int]
) -> None:
    there = [
        setup_stock.Piece(f"{n:02}", day, f"b{n}" if kept else None, at("26 10:00"))
        for n, (day, kept) in enumerate(pieces)
    ]
    moves = setup_stock.rearranged(there, wanted)
    days = {piece.id: piece.day for piece in there}
    days.update({piece.id: day for piece, day in moves.moved})
    for piece in moves.removed:
        del days[piece.id]
    counts: dict[str, int] = dict(moves.added)
    for day in days.values():
        counts[day] = counts.get(day, 0) + 1
    assert {d: n for d, n in counts.items() if n} == {d: n for d, n in wanted.items() if n}
    lost = sum(1 for piece in moves.removed if piece.booking_id is not None)
    assert lost == moves.short
    # Only refused where there are more kept pieces than places for any.
    kept = sum(1 for piece in there if piece.booking_id is not None)
    assert moves.short == max(0, kept - sum(wanted.values())) or moves.short > 0


# ---- rules --------------------------------------------------------------------------------------


async def test_a_rule_is_kept_as_the_whole_document(database: Database, boss: Staff) -> None:
    result = await edit(database, boss, "tariffs", "swap.service_fee", {"value": "35"})
    assert result.changed == ("swap.service_fee",)
    setting: Setting = await one(database, Setting, "tariffs")
    assert setting.value["swap"]["service_fee"] == "35.00"
    assert setting.value["rescue"] == tariffs.shipped()["rescue"]
    assert setting.updated_by == "zhou"
    grid = "booking.grid_minutes.maintenance"
    for value, code in (("x", "not_number"), (-15, "too_small"), (20, "wrong_step")):
        refused = await edit(database, boss, "tariffs", grid, {"value": value}, client_id="two")
        assert codes(refused) == [("value", code)]
    unknown = Given(0, "swap.discount", values={"value": 1})
    assert codes(await save(database, boss, "tariffs", unknown, client_id="two")) == [
        (None, "gone")
    ]
    new = Given(0, values={"key": "swap.discount", "value": 1})
    refused = await save(database, boss, "tariffs", new, client_id="two")
    assert ("key", "unknown_key") in codes(refused)
    assert (await one(database, Setting, "tariffs")).value == setting.value
