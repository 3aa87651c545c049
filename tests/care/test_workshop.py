"""The car is in: its steps, how a booking ends, and what the owner hears of it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, update

from pitstop.base import clock
from pitstop.care import workshop
from pitstop.care.service_tables import PartClaim
from pitstop.care.staff_permissions import StaffNotAllowed
from pitstop.care.tables import (
    Booking,
    Resource,
    ServiceItem,
    Survey,
    Tick,
    VehicleLink,
)
from pitstop.care.workshop import FOLLOWS, WorkshopRefused, next_steps, waits_for
from pitstop.storage.database import Database

from .help import at, book, maintenance, swap, ticks_of
from .workshop_help import (
    adviser,
    booking_row,
    brought,
    car,
    changes,
    do,
    events,
    everything,
    pressable,
    put,
    quoted,
    said,
    steps,
)

TO_READY = ("inspecting", "working", "checking", "settling", "ready")


async def refused(database: Database, name: str, booking_id: str, *rest: Any, **more: Any) -> str:
    """Return the code of a refusal, after which everything is as before."""
    before = await everything(database)
    row = await booking_row(database, booking_id)
    with pytest.raises(WorkshopRefused) as caught:
        await do(database, name, booking_id, *rest, **more)
    assert await everything(database) == before
    again = await booking_row(database, booking_id)
    assert (again.status, again.step, again.start, again.ready_at, again.price) == (
        row.status,
        row.step,
        row.start,
        row.ready_at,
        row.price,
    )
    return str(caught.value.code)


# ---- 接车 ---------------------------------------------------------------------------------------


async def test_checked_in_the_owner_hears_what_was_read(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    done = await do(seeded, "check_in", booked.id, mileage_km=18750, soc=44, note="左前门有划痕")
    assert (done.status, done.step) == ("in_progress", "checked_in")
    line = (await said(seeded))[-1]
    assert line["text"] == (
        "YS6（沪AD20751）已由上海闵行服务中心接车。接车时里程18750公里，电量44%。说明：左前门有划痕"
    )
    assert line["sender"] == "system"
    assert line["card"] is not None
    assert (line["card"]["type"], line["card"]["step"]) == ("booking", "checked_in")
    vehicle = await car(seeded)
    assert (vehicle.mileage_km, vehicle.soc) == (18750, 44)
    [_, change] = await changes(seeded, booked.id)
    assert (change.change, change.actor) == ("checked_in", "agent1")
    assert (change.before["step"], change.after["step"]) == ("booked", "checked_in")
    assert change.after["mileage_km"] == 18750
    assert await events(seeded, booked.id) == ["booking.booked", "booking.checked_in"]


async def test_where_the_car_stays_at_home(seeded: Database) -> None:
    inside = await brought(
        seeded, service="wipers", mode="on_site", pickup_address="上海市闵行区莘庄路1号"
    )
    assert (await said(seeded))[-1]["text"] == (
        "上海闵行服务中心的技师已接车，开始上门服务：YS6（沪AD20751）。"
    )
    await steps(seeded, inside.id, *TO_READY)
    assert (await said(seeded))[-1]["text"].startswith("YS6（沪AD20751）已经弄好。本单")
    await do(seeded, "finish", inside.id)
    assert (await said(seeded))[-2]["text"].startswith("YS6（沪AD20751）的雨刮更换已完成。本单")


async def test_a_mileage_never_goes_down(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    await do(seeded, "check_in", booked.id, mileage_km=12)
    assert (await car(seeded)).mileage_km == 18600
    assert (await changes(seeded, booked.id))[-1].after["mileage_km"] == 12
    assert (await said(seeded))[-1]["text"].endswith("接车时里程12公里。")


async def test_a_press_that_comes_twice_is_one(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    first = await do(seeded, "check_in", booked.id, client_id="press")
    before = await everything(seeded)
    assert await do(seeded, "check_in", booked.id, client_id="press") == first
    assert await everything(seeded) == before
    # Also long after: it is told what is now, and does nothing.
    await steps(seeded, booked.id, "inspecting")
    before = await everything(seeded)
    assert (await do(seeded, "check_in", booked.id, client_id="press")).step == "inspecting"
    assert await everything(seeded) == before


async def test_an_id_does_one_thing(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    await do(seeded, "check_in", booked.id, client_id="press")
    assert await refused(seeded, "progress", booked.id, "working", client_id="press") == (
        "id_conflict"
    )


@pytest.mark.parametrize(
    "read", [{"soc": 101}, {"soc": -1}, {"mileage_km": -1}, {"mileage_km": 3_000_000}]
)
async def test_what_cannot_have_been_read(seeded: Database, read: dict[str, int]) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    assert await refused(seeded, "check_in", booked.id, **read) == "bad_value"


async def test_who_cannot_be_checked_in(seeded: Database) -> None:
    swapped = await book(seeded, "owner-1", **swap(message_id="a"))
    assert await refused(seeded, "check_in", swapped.id) == "wrong_kind"
    inside = await brought(seeded, message_id="b")
    assert await refused(seeded, "check_in", inside.id) == "already_in"
    assert await refused(seeded, "check_in", "seed-booking-1") == "over"
    with pytest.raises(LookupError):
        await do(seeded, "check_in", "nothing")


async def test_only_who_works_in_the_service(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    editor = await adviser(seeded, "editor1")
    before = await everything(seeded)
    for name, more in (
        ("check_in", {}),
        ("progress", {"step": "working"}),
        ("finish", {}),
        ("no_show", {}),
        ("staff_cancel", {"reason": "停电"}),
        ("staff_move", {"reason": "停电", "start": at("24 15:00")}),
    ):
        with pytest.raises(StaffNotAllowed):
            async with seeded.write() as session:
                await getattr(workshop, name)(session, editor, booked.id, client_id="x", **more)
    assert await everything(seeded) == before


async def test_two_check_the_same_car_in_at_once(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())

    async def press(n: int) -> str:
        try:
            return (await do(seeded, "check_in", booked.id, client_id=f"press {n}")).step
        except WorkshopRefused as error:
            return error.code

    codes = await asyncio.wait_for(asyncio.gather(*(press(n) for n in range(3))), 30)
    assert sorted(codes) == ["already_in", "already_in", "checked_in"]
    assert len(await said(seeded)) == 1


# ---- who hears it -------------------------------------------------------------------------------


async def test_the_driver_and_the_owner_hear_it(seeded: Database) -> None:
    await brought(seeded, "driver-1")
    assert len(await said(seeded, "driver-1")) == 1
    assert (await said(seeded, "driver-1"))[0]["text"] == (await said(seeded))[0]["text"]


async def test_an_owner_who_books_hears_it_alone(seeded: Database) -> None:
    await brought(seeded, "owner-1")
    assert len(await said(seeded)) == 1
    assert await said(seeded, "driver-1") == []


async def test_a_companys_manager_hears_what_the_driver_booked(seeded: Database) -> None:
    await brought(seeded, "company-driver-1", vehicle_id="car-12")
    assert len(await said(seeded, "manager-1")) == 1
    assert len(await said(seeded, "company-driver-1")) == 1


async def test_whoever_sold_the_car_hears_no_more_of_it(seeded: Database) -> None:
    inside = await brought(seeded, "owner-1")
    async with seeded.write() as session:
        await session.execute(
            update(VehicleLink)
            .where(VehicleLink.customer_id == "owner-1")
            .values(until=clock.now() - timedelta(minutes=1))
        )
        session.add(VehicleLink(customer_id="owner-8", vehicle_id="car-1", relation="owner"))
    before = len(await said(seeded))
    await steps(seeded, inside.id, "inspecting")
    assert len(await said(seeded)) == before
    assert (await said(seeded, "owner-8"))[-1]["text"] == "YS6（沪AD20751）正在检测。"


# ---- step by step -------------------------------------------------------------------------------


async def test_all_the_way(seeded: Database) -> None:
    inside = await brought(seeded)
    await steps(seeded, inside.id, *TO_READY)
    done = await do(seeded, "finish", inside.id)
    assert (done.status, done.step) == ("done", "done")
    texts = [line["text"] for line in await said(seeded)]
    assert texts == [
        "YS6（沪AD20751）已由上海闵行服务中心接车。",
        "YS6（沪AD20751）正在检测。",
        "YS6（沪AD20751）正在施工。",
        "YS6（沪AD20751）正在质检。",
        "YS6（沪AD20751）正在结算，本单299元。",
        "YS6（沪AD20751）可以取车了，在上海闵行服务中心。本单299元。",
        "YS6（沪AD20751）的小保养已完成，车已交还。本单299元。",
        "小保养做完了，这次服务您满意吗？点一下就好：1分很不满意，5分很满意。",
    ]
    assert [change.change for change in await changes(seeded, inside.id)] == [
        "booked", "checked_in", *TO_READY, "done",
    ]  # fmt: skip
    assert await events(seeded, inside.id) == [
        f"booking.{name}" for name in ("booked", "checked_in", *TO_READY, "done")
    ]


@pytest.mark.parametrize(("step", "may"), FOLLOWS.items())
async def test_which_step_may_follow_which(
    seeded: Database, step: str, may: tuple[str, ...]
) -> None:
    inside = await brought(seeded)
    await put(seeded, inside.id, step=step)
    wrong = sorted({*FOLLOWS, "done", "booked", "nonsense"} - {*may, step})
    for other in wrong:
        assert await refused(seeded, "progress", inside.id, other, note="x") == "wrong_step"
    for other in may:
        await put(seeded, inside.id, step=step)
        assert (await do(seeded, "progress", inside.id, other, note="x")).step == other


async def test_what_the_page_offers_next(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    assert next_steps(await booking_row(seeded, booked.id)) == ()
    await do(seeded, "check_in", booked.id)
    assert next_steps(await booking_row(seeded, booked.id))[0] == "inspecting"
    await steps(seeded, booked.id, *TO_READY)
    assert next_steps(await booking_row(seeded, booked.id)) == ()


async def test_work_that_fails_the_check_is_done_again(seeded: Database) -> None:
    inside = await brought(seeded)
    await steps(seeded, inside.id, "inspecting", "working", "checking", "working")
    assert (await said(seeded))[-1]["text"] == "YS6（沪AD20751）质检没有通过，重新施工。"


async def test_not_before_the_car_is_in_nor_after(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    assert await refused(seeded, "progress", booked.id, "working") == "not_in"
    assert await refused(seeded, "progress", "seed-booking-1", "working") == "over"
    swapped = await book(seeded, "owner-1", **swap())
    assert await refused(seeded, "progress", swapped.id, "working") == "wrong_kind"


async def test_two_press_the_same_step_at_once(seeded: Database) -> None:
    inside = await brought(seeded)
    told = len(await said(seeded))
    both = await asyncio.wait_for(
        asyncio.gather(*(do(seeded, "progress", inside.id, "inspecting") for _ in range(3))), 30
    )
    assert {view.step for view in both} == {"inspecting"}
    assert len(await said(seeded)) == told + 1
    assert [c.change for c in await changes(seeded, inside.id)].count("inspecting") == 1


async def test_two_press_different_steps_at_once(seeded: Database) -> None:
    """Each is judged by where the car is when its turn comes."""
    inside = await brought(seeded)
    await steps(seeded, inside.id, "inspecting", "working", "checking")

    async def press(step: str) -> str:
        try:
            return (await do(seeded, "progress", inside.id, step)).step
        except WorkshopRefused as error:
            return error.code

    codes = await asyncio.wait_for(asyncio.gather(press("settling"), press("inspecting")), 30)
    assert list(codes) == ["settling", "wrong_step"]


async def test_waiting_for_a_part_says_which_and_until_when(seeded: Database) -> None:
    inside = await brought(seeded)
    await do(
        seeded,
        "progress",
        inside.id,
        "waiting_parts",
        note="前刹车片",
        part_expected_at=at("25 14:30"),
        ready_at=at("25 17:00"),
    )
    assert (await said(seeded))[-1]["text"] == (
        "YS6（沪AD20751）在等配件：前刹车片，预计后天11月25日（周三）14:30到。"
        "预计后天11月25日（周三）17:00可取。"
    )
    async with seeded.read() as session:
        waiting = await waits_for(session, await session.get(Booking, inside.id))
    assert waiting is not None
    assert (waiting.what, waiting.expected_at) == ("前刹车片", at("25 14:30"))
    # Later than thought: what is waited for need not be said again.
    await do(seeded, "progress", inside.id, "waiting_parts", part_expected_at=at("26 09:00"))
    assert (await said(seeded))[-1]["text"] == (
        "YS6（沪AD20751）在等配件：前刹车片，预计11月26日（周四）09:00到。"
    )
    # Nothing new, nothing said.
    before = await everything(seeded)
    await do(seeded, "progress", inside.id, "waiting_parts", part_expected_at=at("26 09:00"))
    assert await everything(seeded) == before
    await steps(seeded, inside.id, "working")
    async with seeded.read() as session:
        assert await waits_for(session, await session.get(Booking, inside.id)) is None


async def test_nobody_knows_when_the_part_comes(seeded: Database) -> None:
    inside = await brought(seeded)
    await do(seeded, "progress", inside.id, "waiting_parts", note="风挡")
    assert (await said(seeded))[-1]["text"] == (
        "YS6（沪AD20751）在等配件：风挡，到货时间还没定，定了再告诉您。"
    )


async def test_waiting_for_nothing_or_until_the_past(seeded: Database) -> None:
    inside = await brought(seeded)
    assert await refused(seeded, "progress", inside.id, "waiting_parts") == "part_needed"
    late = {"note": "风挡", "part_expected_at": at("20 10:00")}
    assert await refused(seeded, "progress", inside.id, "waiting_parts", **late) == "past"
    assert (
        await refused(seeded, "progress", inside.id, "inspecting", ready_at=at("20 10:00"))
        == "past"
    )


async def test_a_new_time_to_fetch_the_car_is_told(seeded: Database) -> None:
    inside = await brought(seeded)
    await do(seeded, "progress", inside.id, "inspecting", ready_at=at("24 17:00"))
    assert (await said(seeded))[-1]["text"].endswith(
        "正在检测。预计明天11月24日（周二）17:00可取。"
    )
    moved = await do(seeded, "progress", inside.id, "inspecting", ready_at=at("25 11:00"))
    assert moved.ready_at == at("25 11:00")
    line = (await said(seeded))[-1]
    assert line["text"] == (
        f"YS6（沪AD20751）的预约{moved.reference}有更新。"
        "预计取车时间改为后天11月25日（周三）11:00，原来是明天11月24日（周二）17:00。"
    )
    assert line["card"] is not None
    assert line["card"]["ready_at"] == "2026-11-25T11:00:00+08:00"
    # A step that does not name another time leaves it.
    assert (await steps(seeded, inside.id, "working")).ready_at == at("25 11:00")
    assert (await said(seeded))[-1]["text"] == "YS6（沪AD20751）正在施工。"


async def test_an_estimate_ends_with_the_bill(seeded: Database) -> None:
    inside = await brought(seeded, service="brake_pads")
    assert inside.estimate
    settled = await steps(seeded, inside.id, "inspecting", "working", "checking", "settling")
    assert not settled.estimate
    assert (await said(seeded))[-1]["text"] == "YS6（沪AD20751）正在结算，本单740元。"


async def test_nothing_is_done_and_the_car_goes_home(seeded: Database) -> None:
    inside = await brought(seeded)
    await steps(seeded, inside.id, "inspecting", "settling", "ready")
    assert (await do(seeded, "finish", inside.id)).status == "done"


async def test_work_on_what_is_undecided_is_not_checked(seeded: Database) -> None:
    inside = await brought(seeded)
    await steps(seeded, inside.id, "inspecting", "working")
    await quoted(seeded, inside.id)
    # What was agreed to before goes on meanwhile.
    await steps(seeded, inside.id, "working")
    assert await refused(seeded, "progress", inside.id, "checking") == "quote_open"
    for step in ("checking", "settling"):
        await put(seeded, inside.id, step=step)
        following = {"checking": "settling", "settling": "ready"}[step]
        assert await refused(seeded, "progress", inside.id, following) == "quote_open"


# ---- done ---------------------------------------------------------------------------------------


async def test_done_begins_the_interval_anew(seeded: Database) -> None:
    inside = await brought(seeded)
    await steps(seeded, inside.id, *TO_READY)
    before = (await car(seeded)).last_service_at
    await do(seeded, "finish", inside.id)
    after = (await car(seeded)).last_service_at
    assert before is not None and after is not None
    assert clock.now() - after < timedelta(minutes=1) < after - before


async def test_new_wipers_are_no_service(seeded: Database) -> None:
    inside = await brought(seeded, service="wipers")
    await steps(seeded, inside.id, *TO_READY)
    before = (await car(seeded)).last_service_at
    await do(seeded, "finish", inside.id)
    assert (await car(seeded)).last_service_at == before


async def claims(database: Database, booking_id: str) -> int:
    async with database.read() as session:
        query = select(func.count()).where(PartClaim.booking_id == booking_id)
        return int((await session.execute(query)).scalar_one())


async def test_done_its_parts_are_used_up_and_its_time_is_free(seeded: Database) -> None:
    inside = await brought(seeded)
    kept = await claims(seeded, inside.id)
    await steps(seeded, inside.id, *TO_READY)
    await do(seeded, "finish", inside.id)
    assert kept > 0
    assert await claims(seeded, inside.id) == kept
    # Its time was tomorrow: nobody needs the bay then any more.
    assert await ticks_of(seeded, inside.id) == []


async def test_not_done_before_it_is_ready(seeded: Database) -> None:
    inside = await brought(seeded)
    assert await refused(seeded, "finish", inside.id) == "wrong_step"
    booked = await book(seeded, "owner-8", **maintenance(message_id="b"))
    assert await refused(seeded, "finish", booked.id) == "not_in"


async def test_a_swap_and_a_test_drive_are_over(seeded: Database, pass_time: Any) -> None:
    swapped = await book(seeded, "owner-1", **swap(message_id="a"))
    drive = {"kind": "test_drive", "place_id": "store-2", "service": "YC6", "message_id": "b"}
    driven = await book(seeded, "visitor-1", **{**drive, "start": at("23 12:00")})
    assert await refused(seeded, "finish", swapped.id) == "too_early"
    pass_time(timedelta(hours=2))
    assert (await do(seeded, "finish", swapped.id)).status == "done"
    [done, asked] = [line["text"] for line in (await said(seeded))[-2:]]
    assert done.startswith("换电已完成，前滩太古里换电站，YS6（沪AD20751）。费用预估")
    assert done.endswith("元，以账单为准。")
    assert asked.startswith("换电做完了，这次服务您满意吗？")
    assert (await do(seeded, "finish", driven.id)).status == "done"
    assert (await said(seeded, "visitor-1"))[-1]["text"].startswith("试驾已结束，")
    async with seeded.read() as session:
        asked_about = (await session.execute(select(Survey.booking_id))).scalars().all()
    assert asked_about == [swapped.id]
    assert await refused(seeded, "finish", swapped.id) == "over"


async def test_finishing_twice_asks_once(seeded: Database) -> None:
    inside = await brought(seeded)
    await steps(seeded, inside.id, *TO_READY)
    await asyncio.wait_for(
        asyncio.gather(*(do(seeded, "finish", inside.id, client_id="press") for _ in range(3))), 30
    )
    asked = [line for line in await said(seeded) if "满意吗" in line["text"]]
    assert len(asked) == 1
    assert await refused(seeded, "finish", inside.id) == "over"


# ---- nobody came --------------------------------------------------------------------------------


async def test_nobody_came(seeded: Database, pass_time: Any) -> None:
    booked = await book(seeded, "owner-1", **maintenance(start=at("23 11:00")))
    pass_time(timedelta(minutes=80))
    assert await refused(seeded, "no_show", booked.id) == "too_early"
    pass_time(timedelta(minutes=10))
    assert await claims(seeded, booked.id) > 0
    gone = await do(seeded, "no_show", booked.id)
    assert (gone.status, gone.step) == ("no_show", "no_show")
    assert await ticks_of(seeded, booked.id) == []
    assert await claims(seeded, booked.id) == 0
    assert (await said(seeded))[-1]["text"] == (
        "今天11月23日（周一）11:00在上海闵行服务中心的小保养没有等到您，"
        f"预约{gone.reference}留的时间已经放开。还需要的话，重新约一次就行。"
    )
    assert [b.intent for b in await pressable(seeded)] == ["book_maintenance", "talk_to_human"]
    assert await refused(seeded, "no_show", booked.id) == "over"


async def test_a_swap_waits_less_long(seeded: Database, pass_time: Any) -> None:
    swapped = await book(seeded, "owner-1", **swap(start=at("23 11:00")))
    pass_time(timedelta(minutes=75))
    gone = await do(seeded, "no_show", swapped.id)
    assert gone.lock_until is None
    assert (await pressable(seeded))[0].intent == "book_swap"


async def test_a_promise_that_we_broke_is_no_no_show(seeded: Database, pass_time: Any) -> None:
    swapped = await book(seeded, "owner-1", **swap(start=at("23 11:00")))
    await put(seeded, swapped.id, step="broken")
    pass_time(timedelta(hours=3))
    assert await refused(seeded, "no_show", swapped.id) == "wrong_step"


async def test_whoever_is_in_has_come(seeded: Database, pass_time: Any) -> None:
    inside = await brought(seeded)
    pass_time(timedelta(days=2))
    assert await refused(seeded, "no_show", inside.id) == "already_in"


# ---- called off ---------------------------------------------------------------------------------


async def test_called_off_by_the_place(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    gone = await do(seeded, "staff_cancel", booked.id, reason="举升机坏了")
    assert (gone.status, gone.step) == ("cancelled", "cancelled")
    assert await ticks_of(seeded, booked.id) == []
    assert await claims(seeded, booked.id) == 0
    text = (await said(seeded))[-1]["text"]
    assert text == (
        "抱歉，明天11月24日（周二）10:00在上海闵行服务中心的小保养做不了了：举升机坏了。"
        f"预约{gone.reference}已取消。"
    )
    assert (await changes(seeded, booked.id))[-1].after["reason"] == "举升机坏了"
    assert await events(seeded, booked.id) == ["booking.booked", "booking.cancelled"]
    # The time is to be had again.
    other = await book(seeded, "owner-8", **maintenance(message_id="b"))
    assert other.start == booked.start


async def test_not_called_off_without_a_reason_nor_when_it_is_in(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    assert await refused(seeded, "staff_cancel", booked.id, reason="  ") == "empty_reason"
    assert await refused(seeded, "staff_cancel", booked.id, reason="长" * 201) == "too_long"
    await do(seeded, "check_in", booked.id)
    assert await refused(seeded, "staff_cancel", booked.id, reason="停电") == "already_in"
    assert await refused(seeded, "staff_cancel", "seed-booking-1", reason="停电") == "over"


# ---- moved --------------------------------------------------------------------------------------


async def test_moved_by_the_place(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance(note="轻点关门"))
    moved = await do(seeded, "staff_move", booked.id, start=at("24 15:00"), reason="技师请假")
    assert (moved.reference, moved.start) == (booked.reference, at("24 15:00"))
    assert (moved.note, moved.price) == ("轻点关门", booked.price)
    taken = {when for _, when in await ticks_of(seeded, booked.id)}
    assert min(taken) == at("24 15:00")
    line = (await said(seeded))[-1]
    assert line["text"] == (
        "抱歉，明天11月24日（周二）10:00在上海闵行服务中心的小保养改到"
        "明天11月24日（周二）15:00：技师请假。"
        f"预约号不变：{booked.reference}。不合适的话，可以改时间或取消。"
    )
    assert line["text"].count("抱歉") == 1
    buttons = await pressable(seeded)
    assert [(b.intent, b.values) for b in buttons] == [
        ("change_booking", {"booking": booked.id}),
        ("cancel_booking", {"booking": booked.id}),
    ]
    change = (await changes(seeded, booked.id))[-1]
    assert (change.change, change.actor) == ("moved", "agent1")
    assert change.after["reason"] == "技师请假"
    assert datetime.fromisoformat(change.after["start"]) == at("24 15:00")


async def test_moving_twice_with_one_press_is_moving_once(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    later = {"start": at("24 15:00"), "reason": "技师请假", "client_id": "press"}
    first = await do(seeded, "staff_move", booked.id, **later)
    before = await everything(seeded)
    assert await do(seeded, "staff_move", booked.id, **later) == first
    assert await everything(seeded) == before


@pytest.mark.parametrize(
    ("start", "code"),
    [("23 09:00", "past"), ("24 03:00", "closed"), ("2027-03-01 10:00", "too_far")],
)
async def test_times_it_cannot_be_moved_to(seeded: Database, start: str, code: str) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    more = {"start": at(start), "reason": "技师请假"}
    assert await refused(seeded, "staff_move", booked.id, **more) == code


async def test_it_is_not_moved_without_a_reason_nor_when_it_is_in(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    later = at("24 15:00")
    assert await refused(seeded, "staff_move", booked.id, start=later, reason="") == "empty_reason"
    await do(seeded, "check_in", booked.id)
    assert await refused(seeded, "staff_move", booked.id, start=later, reason="x") == "already_in"


async def only_one(database: Database, place_id: str = "store-1") -> str:
    """Leave a place one bay; return its id."""
    async with database.write() as session:
        query = (
            select(Resource.id)
            .where(Resource.place_id == place_id, Resource.kind == "bay")
            .order_by(Resource.id)
        )
        bays = (await session.execute(query)).scalars().all()
        await session.execute(
            update(Resource).where(Resource.id.in_(bays[1:])).values(active=False)
        )
        return str(bays[0])


async def test_a_time_that_is_taken_is_refused_with_free_ones(seeded: Database) -> None:
    await only_one(seeded)
    booked = await book(seeded, "owner-1", **maintenance())
    await book(seeded, "owner-8", **maintenance(start=at("24 15:00"), message_id="b"))
    more = {"start": at("24 15:00"), "reason": "技师请假"}
    assert await refused(seeded, "staff_move", booked.id, **more) == "full"
    with pytest.raises(WorkshopRefused) as caught:
        await do(seeded, "staff_move", booked.id, **more)
    assert caught.value.alternatives
    assert at("24 15:00") not in [slot.start for slot in caught.value.alternatives]


async def test_two_are_moved_to_the_last_free_time_at_once(seeded: Database) -> None:
    await only_one(seeded)
    one = await book(seeded, "owner-1", **maintenance(start=at("24 09:00"), message_id="a"))
    two = await book(seeded, "owner-8", **maintenance(start=at("24 11:00"), message_id="b"))

    async def press(booking_id: str) -> str:
        try:
            await do(seeded, "staff_move", booking_id, start=at("24 15:00"), reason="技师请假")
        except WorkshopRefused as error:
            return error.code
        return "moved"

    codes = await asyncio.wait_for(asyncio.gather(press(one.id), press(two.id)), 30)
    assert sorted(codes) == ["full", "moved"]
    async with seeded.read() as session:
        query = select(Tick.resource_id, Tick.number).group_by(Tick.resource_id, Tick.number)
        once = query.having(func.count() > 1)
        assert (await session.execute(once)).all() == []
    told = [len(await said(seeded, person)) for person in ("owner-1", "owner-8")]
    assert sorted(told) == [0, 1]


async def technicians(database: Database, place_id: str = "store-1") -> list[str]:
    async with database.read() as session:
        query = select(Resource).where(Resource.place_id == place_id, Resource.kind == "technician")
        rows = (await session.execute(query.order_by(Resource.id))).scalars().all()
    return [row.id for row in rows if "general" in row.skills]


async def test_whom_the_owner_asked_for_comes_along(seeded: Database) -> None:
    [first, second, *_] = await technicians(seeded)
    booked = await book(seeded, "owner-1", **maintenance(technician_id=second))
    moved = await do(seeded, "staff_move", booked.id, start=at("24 15:00"), reason="工位检修")
    assert moved.technician_id == second
    assert (await booking_row(seeded, booked.id)).person_asked
    # Unless somebody else is named, which the owner is told.
    moved = await do(
        seeded, "staff_move", booked.id, start=at("24 16:00"), reason="他请假", technician_id=first
    )
    assert moved.technician_id == first
    assert not (await booking_row(seeded, booked.id)).person_asked
    assert f"由{moved.technician}来做：他请假" in (await said(seeded))[-1]["text"]


async def test_whom_the_owner_asked_for_is_busy_then(seeded: Database) -> None:
    [first, *_] = await technicians(seeded)
    booked = await book(seeded, "owner-1", **maintenance(technician_id=first))
    later = {"start": at("24 15:00"), "message_id": "b", "technician_id": first}
    await book(seeded, "owner-8", **maintenance(**later))
    more = {"start": at("24 15:00"), "reason": "工位检修"}
    assert await refused(seeded, "staff_move", booked.id, **more) == "person_busy"


async def test_a_move_of_ours_makes_nothing_dearer(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    async with seeded.write() as session:
        await session.execute(
            update(ServiceItem)
            .where(ServiceItem.code == "minor_service")
            .values(parts_price=Decimal("999.00"))
        )
    moved = await do(seeded, "staff_move", booked.id, start=at("24 15:00"), reason="工位检修")
    assert moved.price == booked.price == Decimal("299.00")


async def test_a_rescue_is_not_the_workshops(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance())
    await put(seeded, booked.id, kind="rescue")
    for name, more in (("check_in", {}), ("no_show", {}), ("staff_cancel", {"reason": "x"})):
        assert await refused(seeded, name, booked.id, **more) == "wrong_kind"
