"""Short ways to say what the tests of drivers and vans say often."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from pitstop.care import journeys
from pitstop.care.journeys import JourneyView
from pitstop.care.service_tables import Journey
from pitstop.care.tables import Booking, BookingChange, Resource, Staff, Tick
from pitstop.care.views import BookingView
from pitstop.conversation.tables import Conversation, Message
from pitstop.storage.database import Database
from pitstop.storage.events import Event

from .help import book, maintenance, swap

HOME = "上海市闵行区七宝镇青年路100号"
WEST = "上海市松江区文诚路8号"
EAST = "上海市浦东新区张杨路500号"


def pickup(**more: Any) -> dict[str, Any]:
    return maintenance(mode="pickup", pickup_address=HOME, **more)


def on_site(**more: Any) -> dict[str, Any]:
    values = {"service": "cabin_filter", "mode": "on_site", "pickup_address": HOME}
    return maintenance(**{**values, **more})


def valet(**more: Any) -> dict[str, Any]:
    return swap(mode="valet", pickup_address=HOME, **more)


async def staff(database: Database, username: str = "agent1") -> Staff:
    async with database.read() as session:
        query = select(Staff).where(Staff.username == username)
        return (await session.execute(query)).scalar_one()


async def ways(database: Database, booking: BookingView) -> dict[str, JourneyView]:
    async with database.read() as session:
        return {view.leg: view for view in await journeys.journeys_of(session, booking.id)}


async def rows_of(database: Database, booking: BookingView) -> dict[str, Journey]:
    async with database.read() as session:
        query = select(Journey).where(Journey.booking_id == booking.id)
        return {row.leg: row for row in (await session.execute(query)).scalars().all()}


async def booking_row(database: Database, booking: BookingView) -> Booking:
    async with database.read() as session:
        return await session.get(Booking, booking.id)


async def consent(
    database: Database,
    customer: str,
    booking: BookingView,
    give: bool = True,
    message_id: str = "consent",
) -> BookingView:
    async with database.write() as session:
        return await journeys.give_consent(
            session, customer, booking.id, give, message_id=message_id
        )


async def set_off(database: Database, way: JourneyView, client_id: str = "off") -> JourneyView:
    person = await staff(database)
    async with database.write() as session:
        return await journeys.set_off(session, person, way.id, client_id=client_id)


async def arrive(
    database: Database, way: JourneyView, client_id: str = "there", **more: Any
) -> JourneyView:
    person = await staff(database)
    async with database.write() as session:
        return await journeys.arrive(session, person, way.id, client_id=client_id, **more)


async def hand_over(
    database: Database, way: JourneyView, client_id: str = "hand", **more: Any
) -> JourneyView:
    person = await staff(database)
    values = {"mileage_km": 18_600, "soc": 60, "code": way.code, **more}
    async with database.write() as session:
        return await journeys.hand_over(session, person, way.id, client_id=client_id, **values)


async def said(database: Database, customer: str) -> list[Message]:
    """Return the system lines of a customer's conversation, oldest first."""
    async with database.read() as session:
        query = (
            select(Message)
            .join(Conversation, Conversation.id == Message.conversation_id)
            .where(Conversation.customer_id == customer, Message.sender == "system")
            .order_by(Message.seq)
        )
        return list((await session.execute(query)).scalars().all())


async def events(database: Database, kind: str) -> list[Event]:
    async with database.read() as session:
        query = select(Event).where(Event.kind == kind).order_by(Event.id)
        return list((await session.execute(query)).scalars().all())


async def changes(database: Database, booking: BookingView) -> list[str]:
    async with database.read() as session:
        query = (
            select(BookingChange.change)
            .where(BookingChange.booking_id == booking.id)
            .order_by(BookingChange.id)
        )
        return list((await session.execute(query)).scalars().all())


async def held(database: Database, booking: BookingView, kind: str) -> set[str]:
    """Return which resources of a kind have ticks for a booking."""
    async with database.read() as session:
        query = (
            select(Tick.resource_id)
            .join(Resource, Resource.id == Tick.resource_id)
            .where(Tick.booking_id == booking.id, Resource.kind == kind)
        )
        return set((await session.execute(query)).scalars().all())


async def fetched(database: Database, customer: str = "owner-1", **more: Any) -> BookingView:
    """Book a pick-up for tomorrow at ten, with the owner's yes."""
    booked = await book(database, customer, **pickup(**more))
    await consent(database, customer, booked, message_id=f"consent {booked.id}")
    return booked
