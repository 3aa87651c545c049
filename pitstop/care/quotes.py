"""Quotes: extra work that the workshop proposes and an owner decides on, line by line.

Nothing that nobody agreed to is done. Whoever pays decides: an owner or a company's manager,
never an authorised driver (增项确认 needs the amount, the items and who approved).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock, money
from pitstop.care import bookings, hearers, permissions
from pitstop.care.quote_views import (
    LineView,
    QuoteView,
    lines_of,
    quote_card,
    quote_view,
    quote_wire,
)
from pitstop.care.service_tables import Quote, QuoteLine
from pitstop.care.tables import Booking, BookingChange, Staff, VehicleLink
from pitstop.care.views import booking_view
from pitstop.care.workshop_jobs import Job, WorkshopRefused, begin, require_in, state
from pitstop.care.workshop_texts import amount, button, described, joined, rule, say
from pitstop.conversation.wire import Choice
from pitstop.storage.events import emit

__all__ = [
    "LineView",
    "LineWanted",
    "QuoteRefused",
    "QuoteView",
    "decide",
    "open_quotes",
    "quote",
    "quote_card",
    "quote_wire",
    "quotes_of",
    "withdraw",
]

# While the car is in one of these steps, extra work can still be proposed and decided on.
QUOTABLE = frozenset(
    {"checked_in", "inspecting", "quoting", "waiting_parts", "working", "checking"}
)
# Reported after a yes, these say that the work agreed to has begun.
_WORK = ("working", "checking")
MAX_NAME, MAX_LINE_REASON = 80, 200


class QuoteRefused(WorkshopRefused):
    """A decision that comes too late: withdrawn, begun, too_late. Nothing was written."""


@dataclass(frozen=True)
class LineWanted:
    """One piece of extra work to propose; prices in yuan, `reason` is what was found."""

    name: str
    parts_price: Decimal
    labour_price: Decimal
    reason: str | None = None


async def quote(
    session: AsyncSession,
    staff: Staff,
    booking_id: str,
    lines: Sequence[LineWanted],
    *,
    note: str | None = None,
    client_id: str,
) -> QuoteView:
    """Propose extra work on a car that is in; whoever may approve it is asked.

    A driver who brought the car hears that its owner was asked, and no prices. Raises
    `StaffNotAllowed`, `LookupError`, `WorkshopRefused` (wrong_kind, not_in, over, too_late,
    no_lines, too_many_lines, bad_value, no_approver).
    """
    job = await begin(session, staff, booking_id, client_id)
    if await job.repeated("quoted"):
        query = select(Quote).where(Quote.client_id == job.key)
        return await quote_view(session, (await session.execute(query)).scalar_one())
    booking = job.booking
    require_in(booking)
    if booking.step not in QUOTABLE:
        raise WorkshopRefused("too_late", step=booking.step)
    _check(lines)
    asked = await hearers.approvers(session, booking.vehicle_id)
    if not asked:
        raise WorkshopRefused("no_approver")
    before = state(booking)
    written = await _write(job, lines, note)
    booking.step = "quoting"
    await job.write("quoted", before, quote_id=written.id)
    view = await quote_view(session, written)
    described_booking = described(await job.view())
    ask, choices = _asks(view, described_booking)
    await hearers.tell_all(session, asked, ask, choices, quote_card(view))
    drivers = [person for person in job.people if person not in asked]
    await hearers.tell_all(
        session, drivers, say("quote", "driver", count=len(view.lines), **described_booking)
    )
    return view


def _check(lines: Sequence[LineWanted]) -> None:
    if not lines:
        raise WorkshopRefused("no_lines")
    if len(lines) > rule("most_lines"):
        raise WorkshopRefused("too_many_lines", limit=rule("most_lines"))
    for line in lines:
        named = 0 < len(line.name.strip()) <= MAX_NAME
        if not named or len(line.reason or "") > MAX_LINE_REASON:
            raise WorkshopRefused("bad_value", name=line.name)
        if min(line.parts_price, line.labour_price) < 0:
            raise WorkshopRefused("bad_value", name=line.name)


async def _write(job: Job, lines: Sequence[LineWanted], note: str | None) -> Quote:
    # The booking is locked: nobody takes the same number meanwhile.
    last = select(func.max(Quote.number)).where(Quote.booking_id == job.booking.id)
    number = ((await job.session.execute(last)).scalar_one() or 0) + 1
    written = Quote(
        booking_id=job.booking.id,
        number=number,
        note=note,
        created_by=job.actor,
        client_id=job.key,
    )
    job.session.add(written)
    await job.session.flush()
    for position, line in enumerate(lines, 1):
        job.session.add(
            QuoteLine(
                quote_id=written.id,
                position=position,
                name=line.name.strip(),
                reason=(line.reason or "").strip() or None,
                parts_price=money.yuan(line.parts_price),
                labour_price=money.yuan(line.labour_price),
            )
        )
    await job.session.flush()
    return written


def _asks(view: QuoteView, values: Mapping[str, str]) -> tuple[str, list[Choice]]:
    said = [say("quote", "ask", count=len(view.lines), **values)]
    for number, line in enumerate(view.lines, 1):
        why = say("quote", "line_reason", reason=line.reason) if line.reason else ""
        said.append(
            say(
                "quote",
                "line",
                number=number,
                name=line.name,
                parts=money.spoken(line.parts_price),
                labour=money.spoken(line.labour_price),
                total=money.spoken(line.total),
                reason=why,
            )
        )
    said.append(say("quote", "total", total=money.spoken(view.total)))
    if view.booking_price is not None:
        whole = amount(view.booking_price + view.total, estimate=view.estimate)
        said[-1] += say("quote", "more", amount=whole)
    if view.note:
        said.append(say("quote", "note", note=view.note))
    said.append(say("quote", "rule"))
    return "\n".join(said), _choices(view)


def _choices(view: QuoteView) -> list[Choice]:
    def decides(line: str | None, approve: bool) -> dict[str, Any]:
        return {"quote": view.id, "line": line, "approve": approve}

    if len(view.lines) == 1:
        return [
            button("quote_yes", "quote_decision", decides(None, True)),
            button("quote_no", "quote_decision", decides(None, False)),
        ]
    return [
        button("quote_all", "quote_decision", decides(None, True)),
        *(
            button("quote_line", "quote_decision", decides(line.id, True), name=line.name)
            for line in view.lines
        ),
        button("quote_none", "quote_decision", decides(None, False)),
    ]


# ---- the owner's side ---------------------------------------------------------------------------


async def decide(
    session: AsyncSession,
    customer_id: str,
    quote_id: str,
    decisions: Mapping[str, bool] | bool,
    *,
    message_id: str,
) -> QuoteView:
    """Keep an owner's yes or no, by line id or for all lines, with who and when.

    The booking's price follows in the same transaction. A decision can be changed as long as
    that costs nobody anything: a no after a yes until the workshop has reported work after it
    (the part is in the car then), a yes after a no until the booking is settled. A yes or no to
    all leaves alone the lines that are begun. The same decision again changes nothing.

    Raises `NotAllowed`, `LookupError` (no such quote or line), `QuoteRefused` (withdrawn, begun,
    too_late); then nothing is written.
    """
    booking, people = await hearers.locked(session, await _booking_of(session, quote_id))
    held = await _locked(session, quote_id)
    await permissions.require(session, customer_id, "approve_extra_work", booking.vehicle_id)
    key = bookings.message_key(message_id, quote_id)
    known = select(BookingChange.id).where(BookingChange.message_id == key)
    if (await session.execute(known)).first() is not None:
        return await quote_view(session, held)
    lines = await lines_of(session, quote_id)
    wanted = _wanted(lines, decisions)
    if held.status == "withdrawn":
        raise QuoteRefused("withdrawn")
    if not wanted:
        return await quote_view(session, held)
    if booking.status != "in_progress" or booking.step not in QUOTABLE:
        raise QuoteRefused("too_late", step=booking.step)
    begun = [line for line in wanted if line.approved and await _begun(session, booking, line)]
    if begun and (not isinstance(decisions, bool) or len(begun) == len(wanted)):
        raise QuoteRefused("begun", lines=[line.name for line in begun])
    before = state(booking)
    for line in begun:
        del wanted[line]
    for line, approve in wanted.items():
        _decide(booking, line, approve, customer_id)
    _close(held, lines, customer_id)
    await session.flush()
    await _step_on(session, booking)
    # An approved line is worked on before anything is checked.
    if booking.step == "checking" and any(wanted.values()):
        booking.step = "working"
    booking.updated_at = clock.now()
    session.add(
        BookingChange(
            booking_id=booking.id,
            change="decided",
            before=before,
            after={**state(booking), "quote_id": quote_id, "quote": held.status},
            actor=customer_id,
            message_id=key,
        )
    )
    emit(session, "quote.decided", quote_id, booking_id=booking.id, status=held.status)
    view = await quote_view(session, held)
    told = await _told(session, booking, "decided", lines=_answers(view))
    others = [person for person in people if person != customer_id]
    await hearers.tell_all(session, others, told)
    return view


async def _booking_of(session: AsyncSession, quote_id: str) -> str:
    query = select(Quote.booking_id).where(Quote.id == quote_id)
    found: str | None = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        raise LookupError(f"no quote {quote_id}")
    return found


def _wanted(
    lines: Sequence[QuoteLine], decisions: Mapping[str, bool] | bool
) -> dict[QuoteLine, bool]:
    """Return what changes of which line; raises `LookupError` for a line of another quote."""
    if isinstance(decisions, bool):
        decisions = {line.id: decisions for line in lines}
    if unknown := set(decisions) - {line.id for line in lines}:
        raise LookupError(f"no such lines: {sorted(unknown)}")
    return {
        line: decisions[line.id]
        for line in lines
        if line.id in decisions and decisions[line.id] != line.approved
    }


def _decide(booking: Booking, line: QuoteLine, approve: bool, customer_id: str) -> None:
    if line.approved or approve:
        _charge(booking, line, 1 if approve else -1)
    line.approved = approve
    line.decided_by = customer_id
    line.decided_at = clock.now()


def _charge(booking: Booking, line: QuoteLine, sign: int) -> None:
    """Add a line to what the booking costs, or take it off again; who pays the rest stays."""
    nothing = {"parts": "0.00", "labour": "0.00", "visit": "0.00", "total": "0.00"}
    price: dict[str, Any] = {**nothing, **(booking.price_parts or {})}
    extra = {
        "parts": sign * line.parts_price,
        "labour": sign * line.labour_price,
        "total": sign * (line.parts_price + line.labour_price),
    }
    for name, more in extra.items():
        price[name] = str(money.yuan(Decimal(price[name]) + more))
    booking.price_parts = price
    booking.price = Decimal(price["total"])


def _close(held: Quote, lines: Sequence[QuoteLine], customer_id: str) -> None:
    yes = [line.approved for line in lines]
    if None in yes:
        return
    held.status = "approved" if all(yes) else "partly" if any(yes) else "declined"
    held.decided_by = customer_id
    held.decided_at = clock.now()


async def _begun(session: AsyncSession, booking: Booking, line: QuoteLine) -> bool:
    """Say whether the workshop has reported work since the line was approved."""
    query = (
        select(BookingChange.id)
        .where(
            BookingChange.booking_id == booking.id,
            BookingChange.change.in_(_WORK),
            BookingChange.created_at > line.decided_at,
        )
        .limit(1)
    )
    return (await session.execute(query)).first() is not None


async def _step_on(session: AsyncSession, booking: Booking) -> None:
    """End the quoting once nothing is undecided: the car is where it was before."""
    waits = select(Quote.id).where(Quote.booking_id == booking.id, Quote.status == "open").limit(1)
    if booking.step != "quoting" or (await session.execute(waits)).first() is not None:
        return
    query = (
        select(BookingChange.before)
        .where(BookingChange.booking_id == booking.id, BookingChange.change == "quoted")
        .order_by(BookingChange.created_at.desc(), BookingChange.id.desc())
    )
    steps = [str(before.get("step")) for before in (await session.execute(query)).scalars().all()]
    booking.step = next((step for step in steps if step != "quoting"), "inspecting")


async def _told(session: AsyncSession, booking: Booking, key: str, **values: object) -> str:
    """Return a line about a quote, and what the booking costs now."""
    line = say("quote", key, **described(await booking_view(session, booking)), **values)
    if booking.price is None:
        return line
    return line + say("quote", "now", amount=amount(booking.price, estimate=booking.estimate))


def _answers(view: QuoteView) -> str:
    return joined(
        [
            say("quote", "decided_yes" if line.approved else "decided_no", name=line.name)
            for line in view.lines
            if line.approved is not None
        ]
    )


async def open_quotes(session: AsyncSession, customer_id: str) -> list[QuoteView]:
    """Return what waits for this customer's yes or no, the oldest first."""
    query = (
        select(Quote, Booking.vehicle_id)
        .join(Booking, Booking.id == Quote.booking_id)
        .where(
            Quote.status == "open",
            Booking.vehicle_id.in_(
                select(VehicleLink.vehicle_id).where(VehicleLink.customer_id == customer_id)
            ),
        )
        .order_by(Quote.created_at, Quote.id)
    )
    found = []
    for row, vehicle_id in (await session.execute(query)).all():
        try:
            await permissions.require(session, customer_id, "approve_extra_work", vehicle_id)
        except permissions.NotAllowed:
            continue
        found.append(await quote_view(session, row))
    return found


# ---- the desk's side ----------------------------------------------------------------------------


async def quotes_of(session: AsyncSession, booking_id: str) -> list[QuoteView]:
    """Return a booking's quotes in the order in which they were made."""
    query = select(Quote).where(Quote.booking_id == booking_id).order_by(Quote.number)
    return [
        await quote_view(session, row) for row in (await session.execute(query)).scalars().all()
    ]


async def withdraw(
    session: AsyncSession, staff: Staff, quote_id: str, *, client_id: str
) -> QuoteView:
    """Take an open quote back, also what was approved of it and is not begun; all are told.

    Raises `StaffNotAllowed`, `LookupError`, `WorkshopRefused` (decided, begun, over).
    """
    job = await begin(session, staff, await _booking_of(session, quote_id), client_id)
    held = await _locked(session, quote_id)
    if await job.repeated("withdrawn") or held.status == "withdrawn":
        return await quote_view(session, held)
    require_in(job.booking)
    if held.status != "open":
        raise WorkshopRefused("decided", status=held.status)
    taken_back = [line for line in await lines_of(session, quote_id) if line.approved]
    if any([await _begun(session, job.booking, line) for line in taken_back]):
        raise WorkshopRefused("begun")
    before = state(job.booking)
    for line in taken_back:
        _charge(job.booking, line, -1)
    held.status = "withdrawn"
    await session.flush()
    await _step_on(session, job.booking)
    await job.write("withdrawn", before, quote_id=quote_id)
    told = await _told(session, job.booking, "withdrawn", number=held.number)
    await hearers.tell_all(session, job.people, told)
    return await quote_view(session, held)


async def _locked(session: AsyncSession, quote_id: str) -> Quote:
    query = select(Quote).where(Quote.id == quote_id).with_for_update()
    held: Quote = (
        await session.execute(query.execution_options(populate_existing=True))
    ).scalar_one()
    return held
