"""Extra work: proposed by the workshop, decided by whoever pays, line by line."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, update

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.care import quotes
from pitstop.care.permissions import NotAllowed
from pitstop.care.quotes import LineWanted, QuoteRefused, QuoteView, quote_card, quote_wire
from pitstop.care.service_tables import QuoteLine
from pitstop.care.staff_permissions import StaffNotAllowed
from pitstop.care.tables import VehicleLink
from pitstop.care.workshop import WorkshopRefused
from pitstop.storage.database import Database

from .help import book, maintenance, swap
from .workshop_help import (
    PADS,
    WIPERS,
    adviser,
    booking_row,
    brought,
    changes,
    decided,
    events,
    everything,
    pressable,
    put,
    quoted,
    said,
    steps,
)


async def inspected(database: Database, customer: str = "owner-1", **wish: Any) -> str:
    inside = await brought(database, customer, **wish)
    await steps(database, inside.id, "inspecting")
    return inside.id


async def withdrawn(database: Database, quote: QuoteView, client_id: str = "") -> QuoteView:
    who = await adviser(database)
    async with database.write() as session:
        return await quotes.withdraw(session, who, quote.id, client_id=client_id or new_id())


async def open_for(database: Database, customer: str) -> list[str]:
    async with database.read() as session:
        return [view.id for view in await quotes.open_quotes(session, customer)]


async def now(database: Database, quote: QuoteView) -> QuoteView:
    async with database.read() as session:
        [found] = [q for q in await quotes.quotes_of(session, quote.booking_id) if q.id == quote.id]
    return found


async def sold(database: Database, vehicle_id: str = "car-1") -> None:
    async with database.write() as session:
        await session.execute(
            update(VehicleLink)
            .where(VehicleLink.vehicle_id == vehicle_id)
            .values(until=clock.now() - timedelta(minutes=1))
        )


# ---- proposing ----------------------------------------------------------------------------------


async def test_the_owner_sees_every_line_with_its_price(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await quoted(seeded, booking_id, note="先做刹车片")
    assert (await said(seeded))[-1]["text"] == (
        "YS6（沪AD20751）在上海闵行服务中心检测后，建议增加2项：\n"
        "1. 刹车片更换：材料费560元，工时费180元，共740元。原因：前轮只剩2毫米\n"
        "2. 雨刮更换：材料费168.5元，工时费20元，共188.5元。\n"
        "全部做共928.5元。全部做后，本单1227.5元。\n"
        "说明：先做刹车片\n"
        "您不确认，我们不施工；不做也可以取车。"
    )
    buttons = await pressable(seeded)
    assert [button.title for button in buttons] == [
        "全部同意", "做：刹车片更换", "做：雨刮更换", "都不做",
    ]  # fmt: skip
    assert {button.intent for button in buttons} == {"quote_decision"}
    assert [button.values for button in buttons] == [
        {"quote": quote.id, "line": None, "approve": True},
        {"quote": quote.id, "line": quote.lines[0].id, "approve": True},
        {"quote": quote.id, "line": quote.lines[1].id, "approve": True},
        {"quote": quote.id, "line": None, "approve": False},
    ]
    row = await booking_row(seeded, booking_id)
    assert (row.step, row.price) == ("quoting", Decimal("299.00"))
    assert (quote.number, quote.status, quote.note) == (1, "open", "先做刹车片")
    assert await open_for(seeded, "owner-1") == [quote.id]
    assert "booking.quoted" in await events(seeded, booking_id)


async def test_one_line_needs_two_buttons(seeded: Database) -> None:
    quote = await quoted(seeded, await inspected(seeded), PADS)
    assert [(b.title, b.values["line"], b.values["approve"]) for b in await pressable(seeded)] == [
        ("同意", None, True),
        ("不做", None, False),
    ]
    assert quote.total == Decimal("740.00")


async def test_the_card_and_the_desks_json(seeded: Database) -> None:
    quote = await quoted(seeded, await inspected(seeded))
    card = (await said(seeded))[-1]["card"]
    assert card == quote_card(quote)
    assert card["type"] == "quote"
    assert card["lines"][1] == {
        "id": quote.lines[1].id,
        "name": "雨刮更换",
        "reason": None,
        "parts": {"amount": "168.50", "currency": "CNY"},
        "labour": {"amount": "20.00", "currency": "CNY"},
        "total": {"amount": "188.50", "currency": "CNY"},
        "approved": None,
    }
    assert card["total"] == {"amount": "928.50", "currency": "CNY"}
    wire = quote_wire(await decided(seeded, "owner-1", quote, {quote.lines[0].id: True}))
    assert wire["lines"][0]["parts_price"]["amount"] == "560.00"
    assert (wire["lines"][0]["approved"], wire["lines"][0]["decided_by"]) == (True, "owner-1")
    assert wire["lines"][0]["decided_at"].endswith("+08:00")
    assert (wire["status"], wire["approved_total"]["amount"]) == ("open", "740.00")


async def test_the_driver_hears_that_the_owner_was_asked(seeded: Database) -> None:
    await quoted(seeded, await inspected(seeded, "driver-1"))
    line = (await said(seeded, "driver-1"))[-1]
    assert line["text"] == (
        "YS6（沪AD20751）在上海闵行服务中心检测后有2项建议增加的项目，已发给车主确认。"
        "车主不确认，不施工。"
    )
    assert line["buttons"] == []
    assert line["card"] is None
    assert "全部做共928.5元" in (await said(seeded))[-1]["text"]
    assert len(await pressable(seeded)) == 4


async def test_a_companys_manager_is_asked(seeded: Database) -> None:
    booking_id = await inspected(seeded, "company-driver-1", vehicle_id="car-12")
    quote = await quoted(seeded, booking_id)
    assert await open_for(seeded, "manager-1") == [quote.id]
    assert await open_for(seeded, "company-driver-1") == []
    assert len(await pressable(seeded, "manager-1")) == 4


async def test_the_same_press_is_one_quote(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    first = await quoted(seeded, booking_id, client_id="press")
    before = await everything(seeded)
    assert await quoted(seeded, booking_id, client_id="press") == first
    assert await everything(seeded) == before


async def test_two_advisers_quote_at_once(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    both = await asyncio.wait_for(
        asyncio.gather(quoted(seeded, booking_id, PADS), quoted(seeded, booking_id, WIPERS)), 30
    )
    assert sorted(quote.number for quote in both) == [1, 2]
    assert len(await open_for(seeded, "owner-1")) == 2


WRONG: list[tuple[tuple[LineWanted, ...], str]] = [
    ((PADS,) * 21, "too_many_lines"),
    ((LineWanted(" ", Decimal(1), Decimal(1)),), "bad_value"),
    ((LineWanted("长" * 81, Decimal(1), Decimal(1)),), "bad_value"),
    ((LineWanted("刹车片", Decimal(-1), Decimal(1)),), "bad_value"),
    ((LineWanted("刹车片", Decimal(1), Decimal(1), "长" * 201),), "bad_value"),
]


@pytest.mark.parametrize(("lines", "code"), WRONG)
async def test_quotes_that_are_none(
    seeded: Database, lines: tuple[LineWanted, ...], code: str
) -> None:
    booking_id = await inspected(seeded)
    before = await everything(seeded)
    with pytest.raises(WorkshopRefused) as refused:
        await quoted(seeded, booking_id, *lines)
    assert refused.value.code == code
    assert await everything(seeded) == before


async def test_a_quote_without_lines(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    before = await everything(seeded)
    who = await adviser(seeded)
    with pytest.raises(WorkshopRefused) as refused:
        async with seeded.write() as session:
            await quotes.quote(session, who, booking_id, [], client_id="x")
    assert refused.value.code == "no_lines"
    assert await everything(seeded) == before


async def test_only_while_the_car_is_in(seeded: Database) -> None:
    booked = await book(seeded, "owner-1", **maintenance(message_id="a"))
    swapped = await book(seeded, "owner-1", **swap(message_id="b"))
    inside = await inspected(seeded, "owner-8", message_id="c")
    await steps(seeded, inside, "working", "checking", "settling")
    before = await everything(seeded)
    for booking_id, code in (
        (booked.id, "not_in"),
        (swapped.id, "wrong_kind"),
        (inside, "too_late"),
        ("seed-booking-1", "over"),
    ):
        with pytest.raises(WorkshopRefused) as refused:
            await quoted(seeded, booking_id)
        assert refused.value.code == code
    assert await everything(seeded) == before


async def test_nobody_is_there_to_say_yes(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    await sold(seeded)
    before = await everything(seeded)
    with pytest.raises(WorkshopRefused) as refused:
        await quoted(seeded, booking_id)
    assert refused.value.code == "no_approver"
    assert await everything(seeded) == before


async def test_only_who_works_in_the_service(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    editor = await adviser(seeded, "editor1")
    quote = await quoted(seeded, booking_id)
    before = await everything(seeded)
    with pytest.raises(StaffNotAllowed):
        async with seeded.write() as session:
            await quotes.quote(session, editor, booking_id, [PADS], client_id="x")
    with pytest.raises(StaffNotAllowed):
        async with seeded.write() as session:
            await quotes.withdraw(session, editor, quote.id, client_id="x")
    assert await everything(seeded) == before


# ---- deciding -----------------------------------------------------------------------------------


async def test_all_is_approved(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await decided(seeded, "owner-1", await quoted(seeded, booking_id), True)
    assert quote.status == "approved"
    assert {line.approved for line in quote.lines} == {True}
    assert {line.decided_by for line in quote.lines} == {"owner-1"}
    assert all(line.decided_at is not None for line in quote.lines)
    assert (quote.approved_total, quote.booking_price) == (Decimal("928.50"), Decimal("1227.50"))
    row = await booking_row(seeded, booking_id)
    assert (row.price, row.step) == (Decimal("1227.50"), "inspecting")
    assert row.price_parts is not None
    assert (row.price_parts["parts"], row.price_parts["labour"]) == ("927.50", "300.00")
    assert row.price_parts["total"] == "1227.50"
    assert await events(seeded, quote.id) == ["quote.decided"]
    change = (await changes(seeded, booking_id))[-1]
    assert (change.change, change.actor, change.after["quote"]) == (
        "decided", "owner-1", "approved",
    )  # fmt: skip
    assert await open_for(seeded, "owner-1") == []


async def test_nothing_is_approved_and_nothing_costs_more(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await decided(seeded, "owner-1", await quoted(seeded, booking_id), False)
    assert (quote.status, quote.approved_total) == ("declined", Decimal(0))
    row = await booking_row(seeded, booking_id)
    assert (row.price, row.step) == (Decimal("299.00"), "inspecting")
    await steps(seeded, booking_id, "settling", "ready")


async def test_line_by_line(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await quoted(seeded, booking_id)
    [pads, wipers] = [line.id for line in quote.lines]
    half = await decided(seeded, "owner-1", quote, {pads: True})
    assert [line.approved for line in half.lines] == [True, None]
    assert half.status == "open"
    row = await booking_row(seeded, booking_id)
    assert (row.price, row.step) == (Decimal("1039.00"), "quoting")
    done = await decided(seeded, "owner-1", quote, {wipers: False})
    assert (done.status, done.decided_at is not None) == ("partly", True)
    row = await booking_row(seeded, booking_id)
    assert (row.price, row.step) == (Decimal("1039.00"), "inspecting")


async def test_the_whole_quote_with_one_line_settled_before(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await quoted(seeded, booking_id)
    await decided(seeded, "owner-1", quote, {quote.lines[1].id: True})
    done = await decided(seeded, "owner-1", quote, True)
    assert done.status == "approved"
    assert (await booking_row(seeded, booking_id)).price == Decimal("1227.50")


async def test_a_price_that_was_open_is_what_was_approved(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    await put(seeded, booking_id, price=None, price_parts=None, estimate=True)
    quote = await quoted(seeded, booking_id)
    assert "本单" not in (await said(seeded))[-1]["text"]
    done = await decided(seeded, "owner-1", quote, {quote.lines[0].id: True})
    assert done.booking_price == Decimal("740.00")


async def test_the_others_hear_what_was_decided(seeded: Database) -> None:
    quote = await quoted(seeded, await inspected(seeded, "driver-1"))
    owners = len(await said(seeded))
    await decided(seeded, "owner-1", quote, {quote.lines[0].id: True, quote.lines[1].id: False})
    assert (await said(seeded, "driver-1"))[-1]["text"] == (
        "YS6（沪AD20751）的增项：做刹车片更换、不做雨刮更换。本单1039元。"
    )
    # Whoever decided is answered by the bot.
    assert len(await said(seeded)) == owners


@pytest.mark.parametrize(
    ("customer", "code"),
    [
        ("driver-1", "driver_limit"),
        ("owner-8", "not_your_vehicle"),
        ("visitor-1", "visitor"),
    ],
)
async def test_who_may_not_decide(seeded: Database, customer: str, code: str) -> None:
    quote = await quoted(seeded, await inspected(seeded))
    before = await everything(seeded)
    with pytest.raises(NotAllowed) as refused:
        await decided(seeded, customer, quote, True)
    assert refused.value.code == code
    assert await everything(seeded) == before
    assert await open_for(seeded, customer) == []
    assert (await now(seeded, quote)).status == "open"


async def test_whoever_sold_the_car_may_not_decide(seeded: Database) -> None:
    quote = await quoted(seeded, await inspected(seeded))
    await sold(seeded)
    async with seeded.write() as session:
        session.add(VehicleLink(customer_id="owner-8", vehicle_id="car-1", relation="owner"))
    before = await everything(seeded)
    with pytest.raises(NotAllowed) as refused:
        await decided(seeded, "owner-1", quote, True)
    assert refused.value.code == "former_owner"
    assert await everything(seeded) == before
    assert await open_for(seeded, "owner-1") == []
    # The one who owns it now may.
    assert await open_for(seeded, "owner-8") == [quote.id]
    assert (await decided(seeded, "owner-8", quote, True)).status == "approved"


async def test_a_press_that_comes_twice_is_one(seeded: Database) -> None:
    quote = await quoted(seeded, await inspected(seeded))
    first = await decided(seeded, "owner-1", quote, True, "press")
    before = await everything(seeded)
    assert await decided(seeded, "owner-1", quote, True, "press") == first
    # Also with the other button's press under a new id: the same answer again.
    assert await decided(seeded, "owner-1", quote, True) == first
    assert await everything(seeded) == before


async def test_pressed_three_times_at_once_it_is_charged_once(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await quoted(seeded, booking_id)
    await asyncio.wait_for(
        asyncio.gather(*(decided(seeded, "owner-1", quote, True) for _ in range(3))), 30
    )
    assert (await booking_row(seeded, booking_id)).price == Decimal("1227.50")
    assert [c.change for c in await changes(seeded, booking_id)].count("decided") == 1


async def test_yes_and_no_at_once_end_in_one_of_them(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await quoted(seeded, booking_id)
    await asyncio.wait_for(
        asyncio.gather(
            decided(seeded, "owner-1", quote, True), decided(seeded, "owner-1", quote, False)
        ),
        30,
    )
    done = await now(seeded, quote)
    price = {"approved": Decimal("1227.50"), "declined": Decimal("299.00")}[done.status]
    assert (await booking_row(seeded, booking_id)).price == price


async def test_a_no_after_a_yes_before_the_work(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await decided(seeded, "owner-1", await quoted(seeded, booking_id), True)
    changed = await decided(seeded, "owner-1", quote, {quote.lines[0].id: False})
    assert changed.status == "partly"
    assert (await booking_row(seeded, booking_id)).price == Decimal("487.50")


async def test_no_no_after_a_yes_once_the_work_has_begun(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await decided(seeded, "owner-1", await quoted(seeded, booking_id), True)
    await steps(seeded, booking_id, "working")
    before = await everything(seeded)
    for no in ({quote.lines[0].id: False}, False):
        with pytest.raises(QuoteRefused) as refused:
            await decided(seeded, "owner-1", quote, no)
        assert refused.value.code == "begun"
        assert "刹车片更换" in refused.value.details["lines"]
    assert await everything(seeded) == before
    assert (await booking_row(seeded, booking_id)).price == Decimal("1227.50")


async def test_found_while_working_a_yes_is_not_begun_at_once(seeded: Database) -> None:
    """The base work goes on; what was agreed to last has not begun by that."""
    booking_id = await inspected(seeded)
    await steps(seeded, booking_id, "working")
    quote = await decided(seeded, "owner-1", await quoted(seeded, booking_id), True)
    assert (await booking_row(seeded, booking_id)).step == "working"
    assert (await decided(seeded, "owner-1", quote, False)).status == "declined"


async def test_a_no_to_all_leaves_what_is_begun(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await quoted(seeded, booking_id)
    await decided(seeded, "owner-1", quote, {quote.lines[0].id: True})
    await steps(seeded, booking_id, "working")
    done = await decided(seeded, "owner-1", quote, False)
    assert [line.approved for line in done.lines] == [True, False]
    assert done.status == "partly"


async def test_a_yes_after_a_no_until_it_is_settled(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await decided(seeded, "owner-1", await quoted(seeded, booking_id), False)
    await steps(seeded, booking_id, "working", "checking")
    again = await decided(seeded, "owner-1", quote, {quote.lines[1].id: True})
    assert again.status == "partly"
    row = await booking_row(seeded, booking_id)
    # It is worked on before it is checked.
    assert (row.price, row.step) == (Decimal("487.50"), "working")
    await steps(seeded, booking_id, "checking", "settling")
    before = await everything(seeded)
    with pytest.raises(QuoteRefused) as refused:
        await decided(seeded, "owner-1", quote, True)
    assert refused.value.code == "too_late"
    assert await everything(seeded) == before


async def test_two_quotes_end_when_both_are_decided(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    one = await quoted(seeded, booking_id, PADS)
    two = await quoted(seeded, booking_id, WIPERS)
    assert await open_for(seeded, "owner-1") == [one.id, two.id]
    await decided(seeded, "owner-1", one, True)
    assert (await booking_row(seeded, booking_id)).step == "quoting"
    await decided(seeded, "owner-1", two, True)
    row = await booking_row(seeded, booking_id)
    assert (row.step, row.price) == ("inspecting", Decimal("1227.50"))


async def test_no_such_quote_or_line(seeded: Database) -> None:
    quote = await quoted(seeded, await inspected(seeded))
    before = await everything(seeded)
    for line in ({"nothing": True}, {quote.lines[0].id: True, "nothing": True}):
        with pytest.raises(LookupError):
            await decided(seeded, "owner-1", quote, line)
    with pytest.raises(LookupError):
        async with seeded.write() as session:
            await quotes.decide(session, "owner-1", "nothing", True, message_id="x")
    assert await everything(seeded) == before


# ---- withdrawing --------------------------------------------------------------------------------


async def test_a_quote_is_taken_back(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    quote = await quoted(seeded, booking_id)
    await decided(seeded, "owner-1", quote, {quote.lines[0].id: True})
    assert (await withdrawn(seeded, quote)).status == "withdrawn"
    row = await booking_row(seeded, booking_id)
    assert (row.step, row.price) == ("inspecting", Decimal("299.00"))
    assert (await said(seeded))[-1]["text"] == (
        "门店已撤回YS6（沪AD20751）的增项报价（第1份），不用再确认。本单299元。"
    )
    assert "booking.withdrawn" in await events(seeded, booking_id)
    assert await open_for(seeded, "owner-1") == []
    before = await everything(seeded)
    with pytest.raises(QuoteRefused) as refused:
        await decided(seeded, "owner-1", quote, True)
    assert refused.value.code == "withdrawn"
    assert await everything(seeded) == before
    # Taking back what is taken back is nothing.
    await withdrawn(seeded, quote)
    assert await everything(seeded) == before


async def test_what_is_decided_or_begun_is_not_taken_back(seeded: Database) -> None:
    booking_id = await inspected(seeded)
    whole = await decided(seeded, "owner-1", await quoted(seeded, booking_id, PADS), True)
    part = await quoted(seeded, booking_id)
    await decided(seeded, "owner-1", part, {part.lines[1].id: True})
    await steps(seeded, booking_id, "working")
    before = await everything(seeded)
    for quote, code in ((whole, "decided"), (part, "begun")):
        with pytest.raises(WorkshopRefused) as refused:
            await withdrawn(seeded, quote)
        assert refused.value.code == code
    assert await everything(seeded) == before
    with pytest.raises(LookupError):
        async with seeded.write() as session:
            await quotes.withdraw(session, await adviser(seeded), "nothing", client_id="x")


async def test_approved_while_it_is_withdrawn(seeded: Database) -> None:
    """Whoever comes first; never a withdrawn quote that is charged for."""
    booking_id = await inspected(seeded)
    quote = await quoted(seeded, booking_id)

    async def press() -> str:
        try:
            return (await decided(seeded, "owner-1", quote, True)).status
        except QuoteRefused as error:
            return error.code

    async def take_back() -> str:
        try:
            return (await withdrawn(seeded, quote)).status
        except WorkshopRefused as error:
            return error.code

    both = await asyncio.wait_for(asyncio.gather(press(), take_back()), 30)
    assert tuple(both) in {("approved", "decided"), ("withdrawn", "withdrawn")}
    price = (await booking_row(seeded, booking_id)).price
    assert price == (Decimal("1227.50") if both[0] == "approved" else Decimal("299.00"))


async def test_the_lines_are_kept_in_their_order(seeded: Database) -> None:
    lines = [LineWanted(f"第{n}项", Decimal(n), Decimal(0)) for n in range(1, 6)]
    quote = await quoted(seeded, await inspected(seeded), *lines)
    assert [line.name for line in quote.lines] == [line.name for line in lines]
    async with seeded.read() as session:
        query = select(QuoteLine.position).where(QuoteLine.quote_id == quote.id)
        assert sorted((await session.execute(query)).scalars().all()) == [1, 2, 3, 4, 5]
