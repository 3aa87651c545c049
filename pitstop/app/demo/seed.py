"""The demo's data: written once, put back on request."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import blind_index
from pitstop.care import bookings, capacity, catalogue, places, reminders, slots
from pitstop.care.people import role_of, vehicles_of
from pitstop.care.service_tables import (
    Closure,
    Entitlement,
    EntitlementUse,
    Journey,
    PartClaim,
    PartUnit,
    Quote,
    QuoteLine,
    Reminder,
)
from pitstop.care.tables import (
    Booking,
    BookingChange,
    Case,
    CaseStep,
    Customer,
    Feedback,
    Handoff,
    HandoffNote,
    HandoffReply,
    Offer,
    Place,
    PlaceException,
    Resource,
    ResourceException,
    ServiceClock,
    Staff,
    Survey,
    Tick,
    Vehicle,
    VehicleLink,
)
from pitstop.care.wishes import Wish, wish_for
from pitstop.conversation import log, word
from pitstop.conversation.tables import (
    Attachment,
    Button,
    Conversation,
    InboxEntry,
    Message,
    OutboxEntry,
)
from pitstop.storage.events import emit

HERE = Path(__file__).parent
MAX_SHIFTS = 96  # how often a seeded booking makes way for one that is there already

# What a reset empties, those that refer to others first.
_PROGRESS: tuple[Any, ...] = (
    OutboxEntry,
    Button,
    InboxEntry,
    Message,
    Attachment,
    Survey,
    HandoffNote,
    HandoffReply,
    Handoff,
    ServiceClock,
    CaseStep,
    Case,
    Feedback,
    Tick,
    PartClaim,
    PartUnit,
    EntitlementUse,
    Entitlement,
    QuoteLine,
    Quote,
    Journey,
    Reminder,
    Closure,
    BookingChange,
    Booking,
    Offer,
    VehicleLink,
    PlaceException,
    ResourceException,
)


@lru_cache(maxsize=2)
def _read(name: str) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return data


async def seed(session: AsyncSession) -> None:
    """Write what is missing of the demo's data; what people did meanwhile stays."""
    await catalogue.load_services(session)
    await session.flush()
    await _seed_places(session)
    await _seed_people(session, restore=False)
    await _seed_entitlements(session)
    await _seed_bookings(session)
    await _seed_cases(session)
    await _seed_staff(session)


async def reset(session: AsyncSession) -> None:
    """Put every conversation back to the bot with nothing in progress, and the data as seeded.

    Staff who are signed in stay so. The conversations themselves stay, and their numbering goes
    on: a page that has read up to line 57 must see line 58.
    """
    # First whatever a turn locks before it writes: two that lock in one order never wait in a ring.
    query = select(Conversation.id).order_by(Conversation.id).with_for_update()
    ids = (await session.execute(query)).scalars().all()
    for table in (Offer, Booking):
        await session.execute(select(table.id).order_by(table.id).with_for_update())
    for table in _PROGRESS:
        await session.execute(delete(table).execution_options(synchronize_session=False))
    # What the session had read of those rows is not there any more.
    session.expunge_all()
    for conversation_id in ids:
        conversation = await log.locked(session, conversation_id)
        if not word.give(session, conversation, "bot"):
            # A turn that is under way belongs to the time before.
            conversation.epoch += 1
            conversation.epoch_cause = None
            emit(session, "word", conversation.id, conversation_id=conversation.id, word="bot")
    await session.flush()
    await _seed_people(session, restore=True)
    await seed(session)


async def fixtures(session: AsyncSession) -> dict[str, Any]:
    """Return who and what is in the demo, as the contract's ``GET /api/demo/fixtures``."""
    names = _read("names.yml")
    customers = []
    for row in _read("seed.yml")["customers"]:
        customer: Customer | None = await session.get(Customer, row["id"])
        if customer is None:
            continue
        cars = await vehicles_of(session, customer.id)
        customers.append(
            {
                "id": customer.id,
                "name": customer.name,
                "role": await role_of(session, customer.id),
                "vehicles": [
                    {"plate": car.plate, "model": car.model, "vin": car.vin} for car in cars
                ],
            }
        )
    stores = [row["name"] for row in names["stores"]]
    stations = [row["name"] for row in names["stations"]]
    known = {row.name: row for row in await places.all_places(session)}
    return {
        "customers": customers,
        "stores": [_brief(known[name]) for name in stores if name in known],
        "stations": [_brief(known[name]) for name in stations if name in known],
        "staff": [
            {
                "username": row["username"],
                "password": row["password"],
                "role": row["role"],
                "name": row["name"],
            }
            for row in _read("seed.yml")["staff"]
        ],
    }


def _brief(place: Place) -> dict[str, str]:
    return {"id": place.id, "name": place.name, "city": place.city}


def _station(name: str, kind: str) -> dict[str, Any]:
    """What is known of a swap station: how to get there, and how busy it is."""
    data = _read("seed.yml").get("stations", {})
    if kind != "swap_station" or not data:
        return {}
    own = data.get("of", {}).get(name, {})
    return {
        "access": own.get("access", {}),
        "station": {**data.get("usual", {}), **own.get("station", {})},
    }


async def _put(session: AsyncSession, table: Any, key: str, values: dict[str, Any]) -> None:
    row = await session.get(table, key)
    if row is None:
        primary = table.__table__.primary_key.columns.keys()[0]
        session.add(table(**{primary: key}, **values))
        return
    for name, value in values.items():
        setattr(row, name, value)


async def _seed_places(session: AsyncSession) -> None:
    data = _read("seed.yml")
    names = _read("names.yml")
    rows = [("store", data["kinds"], row) for row in names["stores"]]
    rows += [("station", {}, row) for row in names["stations"]]
    # Read at once and held on to: the session then looks up each row without asking for it.
    there = [(await session.execute(select(t))).scalars().all() for t in (Place, Resource)]
    counts: dict[str, int] = {}
    ids: dict[str, tuple[str, str]] = {}
    for prefix, kinds, row in rows:
        counts[prefix] = counts.get(prefix, 0) + 1
        place_id = f"{prefix}-{counts[prefix]}"
        kind = kinds.get(row.get("kind"), "swap_station")
        ids[row["name"]] = (place_id, kind)
        values = {
            "kind": kind,
            "name": row["name"],
            "aliases": row.get("alias", []),
            "city": row["city"],
            "lat": row["lat"],
            "lng": row["lng"],
            "side": row.get("side"),
            "reach_km": data["reach_km"].get(kind),
            **_station(row["name"], kind),
            "hours": data["hours_of"].get(row["name"], data["hours"][kind]),
        }
        await _put(session, Place, place_id, values)
    await session.flush()
    for name, (place_id, kind) in ids.items():
        extras = [extra for extra, owners in data["extras"].items() if name in owners]
        await _seed_resources(session, place_id, [kind, *extras])
        if kind in data["closed"]["kinds"]:
            await _seed_closed(session, place_id)
        await _seed_stock(session, place_id, kind, name)
    await session.flush()
    del there


async def _seed_resources(session: AsyncSession, place_id: str, profiles: list[str]) -> None:
    number: dict[str, int] = {}
    for profile in profiles:
        for row in _read("seed.yml")["resources"][profile]:
            for _ in range(row["count"]):
                kind = row["kind"]
                number[kind] = number.get(kind, 0) + 1
                values = {
                    "place_id": place_id,
                    "kind": kind,
                    "label": _label(place_id, kind, row["label"], number[kind]),
                    "skills": row.get("skills", []),
                    "pack_kwh": row.get("pack_kwh"),
                    "soc": _charge(row, number[kind]),
                    "hours": row.get("hours"),
                }
                await _put(session, Resource, f"{place_id}-{kind}-{number[kind]:02}", values)


def _label(place_id: str, kind: str, label: str, number: int) -> str:
    """People have names, so that owners can ask for them; things have numbers."""
    if kind not in {"technician", "driver"}:
        return f"{label}{number}"
    surnames = _read("seed.yml")["surnames"]
    place = int(place_id.rpartition("-")[2])
    offset = 11 if kind == "driver" else 0
    return f"{surnames[(place * 7 + offset + number) % len(surnames)]}{label}"


def _charge(row: dict[str, Any], number: int) -> int | None:
    """Packs stand in every state of charge; the first of a type are full."""
    if row["kind"] != "pack":
        return None
    charges = row.get("soc") or [100]
    return int(charges[(number - 1) % len(charges)])


async def _seed_stock(session: AsyncSession, place_id: str, kind: str, name: str) -> None:
    data = _read("seed.yml")
    missing = data["no_stock"].get(name, [])
    moment = clock.now()
    rows: list[tuple[str, int, datetime]] = [
        (part, count, moment - timedelta(days=1))
        for part, count in data["stock"].get(kind, {}).items()
        if part not in missing
    ]
    rows += [
        (part, coming["count"], moment + timedelta(days=coming["days"]))
        for part, coming in data["arrivals"].get(kind, {}).items()
    ]
    query = select(PartUnit.id).where(PartUnit.place_id == place_id)
    known = set((await session.execute(query)).scalars().all())
    numbers: dict[str, int] = {}
    for part, count, at in rows:
        for _ in range(count):
            numbers[part] = numbers.get(part, 0) + 1
            key = f"{place_id}-{part}-{numbers[part]:02}"
            if key not in known:
                session.add(PartUnit(id=key, place_id=place_id, part=part, available_at=at))


async def _seed_entitlements(session: AsyncSession) -> None:
    for row in _read("seed.yml")["entitlements"]:
        if await session.get(Entitlement, row["id"]) is None:
            session.add(
                Entitlement(
                    id=row["id"],
                    vehicle_id=row["vehicle"],
                    kind=row["kind"],
                    source=row["source"],
                    total=row["total"],
                    expires_at=clock.now() + timedelta(days=row["days"]),
                )
            )
    await session.flush()


async def _seed_closed(session: AsyncSession, place_id: str) -> None:
    closed = _read("seed.yml")["closed"]
    query = select(PlaceException.day).where(PlaceException.place_id == place_id)
    known = set((await session.execute(query)).scalars().all())
    for day in closed["days"]:
        if day not in known:
            session.add(
                PlaceException(place_id=place_id, day=day, windows=[], reason=closed["reason"])
            )


async def _seed_people(session: AsyncSession, *, restore: bool) -> None:
    data = _read("seed.yml")
    moment = clock.now()
    for row in data["vehicles"]:
        if restore or await session.get(Vehicle, row["id"]) is None:
            await _put(session, Vehicle, row["id"], _vehicle(row, moment))
    await session.flush()
    usual = {place.name: place.id for place in await places.all_places(session)}
    for row in data["customers"]:
        if not restore and await session.get(Customer, row["id"]) is not None:
            continue
        await _put(session, Customer, row["id"], _customer(row, usual))
        await session.flush()
        for link in row["vehicles"]:
            session.add(_link(row["id"], link, moment))
    await session.flush()


def _vehicle(row: dict[str, Any], moment: datetime) -> dict[str, Any]:
    serviced = row.get("serviced_days_ago")
    return {
        "plate": row["plate"],
        "plate_index": blind_index(row["plate"]),
        "vin": row["vin"],
        "vin_index": blind_index(row["vin"]),
        "model": row["model"],
        "pack_kwh": row["pack_kwh"],
        "swappable": row["swappable"],
        "mileage_km": row["mileage_km"],
        "soc": row["soc"],
        "soh": row["soh"],
        "range_km": row["range_km"],
        "battery_contract": row["battery_contract"],
        "company": row.get("company"),
        "delivered_at": moment - timedelta(days=row["delivered_days_ago"]),
        "last_service_at": None if serviced is None else moment - timedelta(days=serviced),
    }


def _customer(row: dict[str, Any], usual: dict[str, str]) -> dict[str, Any]:
    return {
        "name": row["name"],
        "phone": row["phone"],
        "phone_index": blind_index(row["phone"]),
        "city": row["city"],
        "usual_place_id": usual.get(row.get("usual_place", "")),
        "points": row["points"],
        "tier": row.get("tier", "standard"),
        "referral_code": f"YX{row['phone'][-4:]}",
    }


def _link(customer_id: str, link: dict[str, Any], moment: datetime) -> VehicleLink:
    ended = link.get("ended_days_ago")
    return VehicleLink(
        customer_id=customer_id,
        vehicle_id=link["id"],
        relation=link["relation"],
        since=moment - timedelta(days=link.get("since_days_ago", 365)),
        until=None if ended is None else moment - timedelta(days=ended),
    )


async def _seed_bookings(session: AsyncSession) -> None:
    for row in _read("seed.yml")["bookings"]:
        if await session.get(Booking, row["id"]) is None:
            await _seed_booking(session, row)


async def _seed_booking(session: AsyncSession, row: dict[str, Any]) -> None:
    place = await places.by_name(session, row["place"])
    assert place is not None
    wish = await wish_for(
        session,
        kind=row["kind"],
        place_id=place.id,
        service=row.get("service"),
        vehicle_id=row["vehicle"],
    )
    start = _when(row, wish.grid)
    booking = await bookings.insert(
        session,
        {
            "id": row["id"],
            "customer_id": row["customer"],
            "vehicle_id": row["vehicle"],
            "kind": row["kind"],
            "service": wish.service,
            "services": list(wish.services),
            "place_id": place.id,
            "start": start,
            "end": start + wish.length,
            "mode": wish.mode,
            "status": row.get("status", "confirmed"),
            "step": row.get("step", _first_step(wish, start)),
            "technician_id": _technician(place.id, row.get("technician")),
            "price": None if wish.price is None else wish.price.total,
            "price_parts": None if wish.price is None else wish.price.to_json(),
            "estimate": wish.estimate and row.get("status") != "done",
        },
    )
    if booking.status != "confirmed":
        return
    needs = wish.needs_at(start)
    for _ in range(MAX_SHIFTS):
        try:
            async with session.begin_nested():
                await capacity.take(
                    session, booking.id, place.id, needs, start, start + wish.length
                )
        except capacity.NoCapacity:
            start += wish.grid
        else:
            booking.start, booking.end = start, start + wish.length
            await reminders.schedule(session, booking)
            await session.flush()
            return
    raise RuntimeError(f"no room for {row['id']}")


def _first_step(wish: Wish, start: datetime) -> str:
    if wish.kind != "swap":
        return "booked"
    return "planned" if wish.is_plan(start) else "locked"


def _technician(place_id: str, number: int | None) -> str | None:
    return None if number is None else f"{place_id}-technician-{number:02}"


def _when(row: dict[str, Any], grid: timedelta) -> datetime:
    if "hours" in row:
        return slots.align(clock.now() + timedelta(hours=row["hours"]), grid)
    day = clock.local_now().date() + timedelta(days=row["days"])
    return datetime.combine(day, time.fromisoformat(row["at"]), clock.SHANGHAI)


async def _seed_cases(session: AsyncSession) -> None:
    from pitstop.care.cases import file_case

    for row in _read("seed.yml")["cases"]:
        await file_case(
            session,
            text=row["text"],
            wish=row["wish"],
            customer_id=row["customer"],
            vehicle_id=row["vehicle"],
            kind=row["kind"],
            source="seed",
            external_id=row["external_id"],
        )


async def _seed_staff(session: AsyncSession) -> None:
    from pitstop.care.staff import hash_password

    for row in _read("seed.yml")["staff"]:
        query = select(Staff.id).where(Staff.username == row["username"])
        if (await session.execute(query)).scalar_one_or_none() is None:
            session.add(
                Staff(
                    id=f"staff-{row['username']}",
                    username=row["username"],
                    name=row["name"],
                    role=row["role"],
                    password_hash=hash_password(row["password"]),
                )
            )
    await session.flush()
