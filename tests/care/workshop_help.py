"""What the tests of the workshop need: a car that is in, and what owners were told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select, update

from pitstop.base.ids import new_id
from pitstop.care import quotes, staff, workshop
from pitstop.care.quotes import LineWanted, QuoteView
from pitstop.care.service_tables import PartClaim, Quote, QuoteLine
from pitstop.care.tables import Booking, BookingChange, Case, Staff, Survey, Tick, Vehicle
from pitstop.care.views import BookingView
from pitstop.conversation import log
from pitstop.conversation.tables import Button, Conversation, Message
from pitstop.conversation.wire import MessageView
from pitstop.storage.database import Database
from pitstop.storage.events import Event

from .help import book, maintenance, rows

# What a refusal must leave as it was.
WRITTEN = (
    Booking,
    BookingChange,
    Tick,
    PartClaim,
    Quote,
    QuoteLine,
    Survey,
    Case,
    Message,
    Button,
    Event,
)


async def adviser(database: Database, username: str = "agent1") -> Staff:
    async with database.read() as session:
        found = await staff.by_username(session, username)
    assert found is not None
    return found


async def do(
    database: Database, name: str, booking_id: str, *rest: Any, client_id: str = "", **more: Any
) -> BookingView:
    """Do one of the workshop's things, e.g. ``do(db, "progress", id, "working")``."""
    who = await adviser(database)
    async with database.write() as session:
        work = getattr(workshop, name)
        done: BookingView = await work(
            session, who, booking_id, *rest, client_id=client_id or new_id(), **more
        )
    return done


async def brought(database: Database, customer: str = "owner-1", **wish: Any) -> BookingView:
    """Book a maintenance and check the car in."""
    booked = await book(database, customer, **maintenance(**wish))
    return await do(database, "check_in", booked.id)


async def steps(database: Database, booking_id: str, *names: str) -> BookingView:
    """Report one step after the other."""
    for name in names:
        more = {"note": "刹车片"} if name == "waiting_parts" else {}
        done = await do(database, "progress", booking_id, name, **more)
    return done


PADS = LineWanted("刹车片更换", Decimal("560.00"), Decimal("180.00"), "前轮只剩2毫米")
WIPERS = LineWanted("雨刮更换", Decimal("168.50"), Decimal("20.00"))


async def quoted(
    database: Database, booking_id: str, *lines: LineWanted, client_id: str = "", **more: Any
) -> QuoteView:
    who = await adviser(database)
    async with database.write() as session:
        return await quotes.quote(
            session,
            who,
            booking_id,
            lines or (PADS, WIPERS),
            client_id=client_id or new_id(),
            **more,
        )


async def decided(
    database: Database, customer: str, quote: QuoteView, yes: Any, message_id: str = ""
) -> QuoteView:
    async with database.write() as session:
        return await quotes.decide(
            session, customer, quote.id, yes, message_id=message_id or new_id()
        )


async def said(database: Database, customer: str = "owner-1") -> list[MessageView]:
    """Return what a customer was told, oldest first; nothing if they never wrote."""
    async with database.read() as session:
        conversation = await log.find(session, customer)
        if conversation is None:
            return []
        return await log.views(session, await log.read_after(session, conversation.id))


async def pressable(database: Database, customer: str = "owner-1") -> list[Button]:
    """Return the buttons under the last line that a customer was told, in their order."""
    last = (await said(database, customer))[-1]
    async with database.read() as session:
        return [await session.get(Button, shown["payload"]) for shown in last["buttons"]]


async def booking_row(database: Database, booking_id: str) -> Booking:
    async with database.read() as session:
        return await session.get(Booking, booking_id)


async def car(database: Database, vehicle_id: str = "car-1") -> Vehicle:
    async with database.read() as session:
        return await session.get(Vehicle, vehicle_id)


async def changes(database: Database, booking_id: str) -> list[BookingChange]:
    async with database.read() as session:
        query = (
            select(BookingChange)
            .where(BookingChange.booking_id == booking_id)
            .order_by(BookingChange.id)
        )
        return list((await session.execute(query)).scalars().all())


async def events(database: Database, subject: str) -> list[str]:
    async with database.read() as session:
        query = select(Event.kind).where(Event.subject == subject).order_by(Event.id)
        return list((await session.execute(query)).scalars().all())


async def everything(database: Database) -> list[int]:
    return await rows(database, *WRITTEN)


async def put(database: Database, booking_id: str, **values: Any) -> None:
    """Set a booking's columns by hand."""
    async with database.write() as session:
        await session.execute(update(Booking).where(Booking.id == booking_id).values(**values))


async def begun(database: Database, customer: str) -> None:
    """Begin a customer's conversation."""
    async with database.write() as session:
        session.add(Conversation(id=new_id(), customer_id=customer))
