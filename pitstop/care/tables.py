"""The tables of what we do for owners."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.storage.tables import Mapped, Table, column
from pitstop.storage.types import Encrypted, EncryptedJson, Json, Money, UtcTime

# ---- people and vehicles ------------------------------------------------------------------------


class Customer(Table):
    """A person who talks to us. What they may do depends on their `VehicleLink`s."""

    __tablename__ = "customer"
    id: Mapped[str] = column(String(40), primary_key=True)
    name: Mapped[str] = column(Encrypted, nullable=False)
    phone: Mapped[str | None] = column(Encrypted)
    phone_index: Mapped[str | None] = column(String(64), index=True)
    city: Mapped[str | None] = column(String(40))
    usual_place_id: Mapped[str | None] = column(String(40))
    points: Mapped[int] = column(Integer, nullable=False, default=0)
    tier: Mapped[str] = column(String(20), nullable=False, default="standard")
    referral_code: Mapped[str | None] = column(String(20))
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)


class Vehicle(Table):
    """A car. `soc` and `soh` in per cent, `range_km` at that charge.

    `arrears`: its battery contract is not paid. `conditions` a swap station must know of:
    bottomed, flooded, high_voltage_fault, commercial, old_software.
    """

    __tablename__ = "vehicle"
    id: Mapped[str] = column(String(40), primary_key=True, default=new_id)
    plate: Mapped[str] = column(Encrypted, nullable=False)
    plate_index: Mapped[str] = column(String(64), nullable=False, index=True)
    vin: Mapped[str] = column(Encrypted, nullable=False)
    vin_index: Mapped[str] = column(String(64), nullable=False, unique=True)
    model: Mapped[str] = column(String(10), nullable=False)
    pack_kwh: Mapped[int] = column(Integer, nullable=False)
    swappable: Mapped[bool] = column(Boolean, nullable=False, default=True)
    mileage_km: Mapped[int] = column(Integer, nullable=False, default=0)
    soc: Mapped[int] = column(Integer, nullable=False, default=60)
    soh: Mapped[int] = column(Integer, nullable=False, default=98)
    range_km: Mapped[int] = column(Integer, nullable=False, default=300)
    delivered_at: Mapped[datetime | None] = column(UtcTime)
    last_service_at: Mapped[datetime | None] = column(UtcTime)
    battery_contract: Mapped[str] = column(String(20), nullable=False, default="owned")
    arrears: Mapped[bool] = column(Boolean, nullable=False, default=False)
    conditions: Mapped[list[str]] = column(Json, nullable=False, default=list)
    company: Mapped[str | None] = column(String(80))


class VehicleLink(Table):
    """What a customer is to a vehicle, from when until when.

    `relation`: owner, authorised_driver, company_manager, company_driver, former_owner.
    """

    __tablename__ = "vehicle_link"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    customer_id: Mapped[str] = column(String(40), ForeignKey("customer.id"), nullable=False)
    vehicle_id: Mapped[str] = column(String(40), ForeignKey("vehicle.id"), nullable=False)
    relation: Mapped[str] = column(String(20), nullable=False)
    since: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    until: Mapped[datetime | None] = column(UtcTime)
    __table_args__ = (UniqueConstraint("customer_id", "vehicle_id", "relation"),)


# ---- places, capacity, catalogue ----------------------------------------------------------------


class Place(Table):
    """A store or swap station. `hours`: list of {"days": [1..7], "opens": "09:00", "closes"}.

    `access` is how to get there: {"motorway", "direction", "inside": bool, "parking", "height_m"},
    each only if it matters. `reach_km`: how far its vans and drivers go; None: not at all.
    `station` is what a swap station is forecast from: see `forecast`.
    """

    __tablename__ = "place"
    id: Mapped[str] = column(String(40), primary_key=True)
    kind: Mapped[str] = column(String(20), nullable=False)
    name: Mapped[str] = column(String(60), nullable=False, unique=True)
    aliases: Mapped[list[str]] = column(Json, nullable=False, default=list)
    city: Mapped[str] = column(String(20), nullable=False)
    lat: Mapped[float] = column(Float, nullable=False)
    lng: Mapped[float] = column(Float, nullable=False)
    address: Mapped[str | None] = column(String(120))
    side: Mapped[str | None] = column(String(60))
    access: Mapped[dict[str, Any]] = column(Json, nullable=False, default=dict)
    reach_km: Mapped[float | None] = column(Float)
    station: Mapped[dict[str, Any]] = column(Json, nullable=False, default=dict)
    hours: Mapped[list[dict[str, Any]]] = column(Json, nullable=False, default=list)


class PlaceException(Table):
    """A day on which a place keeps other hours; no windows: closed."""

    __tablename__ = "place_exception"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    place_id: Mapped[str] = column(String(40), ForeignKey("place.id"), nullable=False)
    day: Mapped[str] = column(String(10), nullable=False)
    windows: Mapped[list[dict[str, str]]] = column(Json, nullable=False, default=list)
    reason: Mapped[str] = column(String(80), nullable=False)
    __table_args__ = (UniqueConstraint("place_id", "day"),)


class Resource(Table):
    """Something that a booking occupies. `kind`: bay, technician, pack, demo_car, driver, van.

    `hours` are a person's shifts, in the form of `Place.hours`; None: whenever the place is open.
    `soc` is a pack's charge in per cent.
    """

    __tablename__ = "resource"
    id: Mapped[str] = column(String(40), primary_key=True, default=new_id)
    place_id: Mapped[str] = column(String(40), ForeignKey("place.id"), nullable=False)
    kind: Mapped[str] = column(String(20), nullable=False)
    label: Mapped[str] = column(String(40), nullable=False)
    skills: Mapped[list[str]] = column(Json, nullable=False, default=list)
    pack_kwh: Mapped[int | None] = column(Integer)
    soc: Mapped[int | None] = column(Integer)
    hours: Mapped[list[dict[str, Any]] | None] = column(Json(none_as_null=True))
    active: Mapped[bool] = column(Boolean, nullable=False, default=True)
    __table_args__ = (Index("ix_resource_place_id_kind", "place_id", "kind"),)


class ResourceException(Table):
    """A day on which somebody works other hours than their shifts; no windows: away."""

    __tablename__ = "resource_exception"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    resource_id: Mapped[str] = column(String(40), ForeignKey("resource.id"), nullable=False)
    day: Mapped[str] = column(String(10), nullable=False)
    windows: Mapped[list[dict[str, str]]] = column(Json, nullable=False, default=list)
    reason: Mapped[str] = column(String(80), nullable=False)
    __table_args__ = (UniqueConstraint("resource_id", "day"),)


class Tick(Table):
    """A quarter of an hour of one resource, taken by one booking: the database refuses a second.

    `number` counts quarters since 1970 in UTC (see `capacity`): a month of a busy place is some
    thousand rows, and whole numbers are read many times faster than moments.
    """

    __tablename__ = "tick"
    resource_id: Mapped[str] = column(String(40), ForeignKey("resource.id"), primary_key=True)
    number: Mapped[int] = column(Integer, primary_key=True, autoincrement=False)
    booking_id: Mapped[str] = column(
        String(26), ForeignKey("booking.id", ondelete="CASCADE"), nullable=False, index=True
    )


class ServiceItem(Table):
    """What can be booked. Minutes are working time; `aliases` are how owners call it.

    `kit` is what it uses up, part by part: {"filter_cabin": 1}. `prices` are a model's own:
    {"YS8": {"parts": "899.00", "labour": "360.00"}}. `models`: who can have it; empty: all.
    `technicians`: how many certified people it needs at once. `warranty`: until when the maker
    pays for it, {"months", "km"} from delivery, whichever comes first; empty: never.
    """

    __tablename__ = "service_item"
    code: Mapped[str] = column(String(40), primary_key=True)
    name: Mapped[str] = column(String(40), nullable=False)
    aliases: Mapped[list[str]] = column(Json, nullable=False, default=list)
    minutes: Mapped[int] = column(Integer, nullable=False)
    parts_price: Mapped[Decimal] = column(Money, nullable=False)
    labour_price: Mapped[Decimal] = column(Money, nullable=False)
    estimate: Mapped[bool] = column(Boolean, nullable=False, default=False)
    skill: Mapped[str] = column(String(20), nullable=False, default="general")
    technicians: Mapped[int] = column(Integer, nullable=False, default=1)
    kit: Mapped[dict[str, int]] = column(Json, nullable=False, default=dict)
    prices: Mapped[dict[str, dict[str, str]]] = column(Json, nullable=False, default=dict)
    warranty: Mapped[dict[str, int]] = column(Json, nullable=False, default=dict)
    models: Mapped[list[str]] = column(Json, nullable=False, default=list)
    modes: Mapped[list[str]] = column(Json, nullable=False, default=list)
    place_kinds: Mapped[list[str]] = column(Json, nullable=False, default=list)
    interval_km: Mapped[int | None] = column(Integer)
    interval_months: Mapped[int | None] = column(Integer)
    active: Mapped[bool] = column(Boolean, nullable=False, default=True)
    position: Mapped[int] = column(Integer, nullable=False, default=0)


# ---- offers and bookings ------------------------------------------------------------------------


class Offer(Table):
    """A proposal waiting for a yes. Unique on what asked for it; books at most once.

    `terms` holds what was shown: service, place, start and end, vehicle, mode, price.
    `state`: open, taken, withdrawn.
    """

    __tablename__ = "offer"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    customer_id: Mapped[str] = column(String(40), ForeignKey("customer.id"), nullable=False)
    kind: Mapped[str] = column(String(20), nullable=False)
    terms: Mapped[dict[str, Any]] = column(Json, nullable=False)
    note: Mapped[str | None] = column(Encrypted)
    pickup_address: Mapped[str | None] = column(Encrypted)
    moves_booking_id: Mapped[str | None] = column(String(26))
    state: Mapped[str] = column(String(12), nullable=False, default="open")
    expires_at: Mapped[datetime] = column(UtcTime, nullable=False)
    message_id: Mapped[str] = column(String(80), nullable=False)
    skill: Mapped[str] = column(String(40), nullable=False)
    ordinal: Mapped[int] = column(Integer, nullable=False, default=0)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    __table_args__ = (UniqueConstraint("message_id", "skill", "ordinal"),)


class Booking(Table):
    """A booking. `kind`: maintenance, swap, test_drive, rescue.

    `services` are the codes of all that is to be done, `service` the first of them (a test
    drive's model). `technician_id` is who will do it, `person_asked` that the owner chose them.
    `ready_at`: when the car is promised back. `lock_until`: how long a swap's pack is kept.

    `status`: confirmed, in_progress, done, cancelled, no_show. `step` is the finer progress.
    `consent_at`: when the owner agreed that a driver gets address and (masked) number.
    `position` ("lat,lng") is a rescue's, emptied when it is over. `price_parts`: yuan as text.
    `offer_id` is unique: a yes pressed twice finds the first booking.
    """

    __tablename__ = "booking"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    reference: Mapped[str] = column(String(20), nullable=False, unique=True)
    customer_id: Mapped[str] = column(String(40), ForeignKey("customer.id"), nullable=False)
    vehicle_id: Mapped[str | None] = column(String(40), ForeignKey("vehicle.id"))
    kind: Mapped[str] = column(String(20), nullable=False)
    service: Mapped[str | None] = column(String(40))
    services: Mapped[list[str]] = column(Json, nullable=False, default=list)
    technician_id: Mapped[str | None] = column(String(40), ForeignKey("resource.id"))
    person_asked: Mapped[bool] = column(Boolean, nullable=False, default=False)
    note: Mapped[str | None] = column(Encrypted)
    place_id: Mapped[str | None] = column(String(40), ForeignKey("place.id"))
    start: Mapped[datetime] = column(UtcTime, nullable=False)
    end: Mapped[datetime] = column(UtcTime, nullable=False)
    mode: Mapped[str] = column(String(12), nullable=False, default="in_store")
    pickup_address: Mapped[str | None] = column(Encrypted)
    status: Mapped[str] = column(String(12), nullable=False, default="confirmed")
    step: Mapped[str] = column(String(30), nullable=False, default="booked")
    price: Mapped[Decimal | None] = column(Money)
    price_parts: Mapped[dict[str, str] | None] = column(Json)
    estimate: Mapped[bool] = column(Boolean, nullable=False, default=False)
    ready_at: Mapped[datetime | None] = column(UtcTime)
    lock_until: Mapped[datetime | None] = column(UtcTime)
    consent_at: Mapped[datetime | None] = column(UtcTime)
    position: Mapped[str | None] = column(Encrypted)
    offer_id: Mapped[str | None] = column(String(26), unique=True)
    message_id: Mapped[str | None] = column(String(80), unique=True)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    updated_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    __table_args__ = (
        Index("ix_booking_customer_id_start", "customer_id", "start"),
        Index("ix_booking_place_id_start", "place_id", "start"),
    )


class BookingChange(Table):
    """One thing done to a booking, unique on what asked for it: a repeat finds it."""

    __tablename__ = "booking_change"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    booking_id: Mapped[str] = column(
        String(26), ForeignKey("booking.id", ondelete="CASCADE"), nullable=False
    )
    change: Mapped[str] = column(String(20), nullable=False)
    before: Mapped[dict[str, Any]] = column(Json, nullable=False, default=dict)
    after: Mapped[dict[str, Any]] = column(Json, nullable=False, default=dict)
    actor: Mapped[str] = column(String(60), nullable=False)
    message_id: Mapped[str | None] = column(String(80), unique=True)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)


# ---- cases --------------------------------------------------------------------------------------


class Case(Table):
    """A complaint or request. `severity` P1 to P3 is ours to judge.

    `status`: open, contacted, in_progress, closed. `respond_by`: first contact, by the clock on
    the wall. `next_at`: when the customer was last told to expect to hear from us.
    """

    __tablename__ = "case_file"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    number: Mapped[str] = column(String(20), nullable=False, unique=True)
    kind: Mapped[str] = column(String(12), nullable=False)
    category: Mapped[str] = column(String(40), nullable=False)
    severity: Mapped[str] = column(String(2), nullable=False)
    status: Mapped[str] = column(String(12), nullable=False, default="open")
    text: Mapped[str] = column(Encrypted, nullable=False)
    masked: Mapped[str] = column(Text, nullable=False)
    wish: Mapped[str | None] = column(Encrypted)
    contact: Mapped[str | None] = column(Encrypted)
    customer_id: Mapped[str | None] = column(String(40), ForeignKey("customer.id"), index=True)
    vehicle_id: Mapped[str | None] = column(String(40), ForeignKey("vehicle.id"))
    booking_id: Mapped[str | None] = column(String(26))
    respond_by: Mapped[datetime] = column(UtcTime, nullable=False)
    responded_at: Mapped[datetime | None] = column(UtcTime)
    next_at: Mapped[datetime | None] = column(UtcTime)
    result: Mapped[str | None] = column(Encrypted)
    closed_at: Mapped[datetime | None] = column(UtcTime)
    chases: Mapped[int] = column(Integer, nullable=False, default=0)
    escalated: Mapped[bool] = column(Boolean, nullable=False, default=False)
    source: Mapped[str] = column(String(40), nullable=False, default="chat")
    external_id: Mapped[str] = column(String(80), nullable=False)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    __table_args__ = (UniqueConstraint("source", "external_id"),)


class CaseStep(Table):
    """One step of a case: filed, chased, contacted, note, escalated, closed."""

    __tablename__ = "case_step"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    case_id: Mapped[str] = column(
        String(26), ForeignKey("case_file.id", ondelete="CASCADE"), nullable=False, index=True
    )
    step: Mapped[str] = column(String(20), nullable=False)
    note: Mapped[str | None] = column(Encrypted)
    actor: Mapped[str] = column(String(60), nullable=False)
    message_id: Mapped[str | None] = column(String(80), unique=True)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)


# ---- handoff, clocks, surveys -------------------------------------------------------------------


class Handoff(Table):
    """One episode with a person. `state`: queued, human, ended (also when withdrawn).

    `collected` is what the bot had gathered (a half-filled form, the last question), for the desk
    and for the bot when it takes over again. The episode is the log from `from_seq` to
    `until_seq` (None while it lasts).
    """

    __tablename__ = "handoff"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    conversation_id: Mapped[str] = column(
        String(26), ForeignKey("conversation.id", ondelete="CASCADE"), nullable=False, index=True
    )
    customer_id: Mapped[str] = column(String(40), nullable=False)
    priority: Mapped[str] = column(String(2), nullable=False)
    reason: Mapped[str] = column(String(40), nullable=False)
    state: Mapped[str] = column(String(10), nullable=False, default="queued", index=True)
    agent_id: Mapped[str | None] = column(String(40), ForeignKey("staff.id"))
    collected: Mapped[dict[str, Any]] = column(EncryptedJson, nullable=False, default=dict)
    from_seq: Mapped[int] = column(Integer, nullable=False, default=0)
    waiting_since: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    accepted_at: Mapped[datetime | None] = column(UtcTime)
    ended_at: Mapped[datetime | None] = column(UtcTime)
    ended_how: Mapped[str | None] = column(String(20))
    ended_message_id: Mapped[str | None] = column(String(80), unique=True)
    until_seq: Mapped[int | None] = column(Integer)
    reminded_at: Mapped[datetime | None] = column(UtcTime)
    summary: Mapped[dict[str, Any] | None] = column(EncryptedJson)
    message_id: Mapped[str | None] = column(String(80), unique=True)
    __table_args__ = (Index("ix_handoff_customer_id", "customer_id"),)


class HandoffReply(Table):
    """An agent's reply by the id that the desk gave it: a repeat finds the message it made."""

    __tablename__ = "handoff_reply"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    handoff_id: Mapped[str] = column(
        String(26), ForeignKey("handoff.id", ondelete="CASCADE"), nullable=False
    )
    client_id: Mapped[str] = column(String(80), nullable=False)
    body_hash: Mapped[str] = column(String(64), nullable=False)
    message_id: Mapped[str] = column(String(26), nullable=False)
    __table_args__ = (UniqueConstraint("handoff_id", "client_id"),)


class HandoffNote(Table):
    """A note that only staff see; `client_id` is the desk's own id, if it gave one."""

    __tablename__ = "handoff_note"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    handoff_id: Mapped[str] = column(
        String(26), ForeignKey("handoff.id", ondelete="CASCADE"), nullable=False, index=True
    )
    author: Mapped[str] = column(String(60), nullable=False)
    text: Mapped[str] = column(Encrypted, nullable=False)
    client_id: Mapped[str | None] = column(String(80))
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    __table_args__ = (UniqueConstraint("handoff_id", "client_id"),)


class ServiceClock(Table):
    """A promise that is being timed. `kind`: first_response, next_response, resolution, contact.

    `subject` is a handoff's or a case's id. `status`: running, paused, met, breached. `left_ms`
    is what was left when it was paused. A clock that runs again for the next message counts its
    `rounds`, and its `breaches` among them. `stopped_at` with `paused`: stopped without a verdict.
    """

    __tablename__ = "service_clock"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    subject: Mapped[str] = column(String(26), nullable=False)
    kind: Mapped[str] = column(String(16), nullable=False)
    started_at: Mapped[datetime] = column(UtcTime, nullable=False)
    due_at: Mapped[datetime] = column(UtcTime, nullable=False)
    status: Mapped[str] = column(String(10), nullable=False, default="running")
    stopped_at: Mapped[datetime | None] = column(UtcTime)
    breached_at: Mapped[datetime | None] = column(UtcTime)
    left_ms: Mapped[int | None] = column(BigInteger)
    paused_at: Mapped[datetime | None] = column(UtcTime)
    rounds: Mapped[int] = column(Integer, nullable=False, default=1)
    breaches: Mapped[int] = column(Integer, nullable=False, default=0)
    __table_args__ = (
        UniqueConstraint("subject", "kind"),
        Index("ix_service_clock_status_due_at", "status", "due_at"),
    )


class Survey(Table):
    """A rating asked for after a handoff or a service (1 to 5); None until answered.

    `solved` is the answer to "is it solved?"; `callback_case_id` the call that a bad one led to.
    """

    __tablename__ = "survey"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    handoff_id: Mapped[str | None] = column(
        String(26), ForeignKey("handoff.id", ondelete="CASCADE"), unique=True
    )
    booking_id: Mapped[str | None] = column(
        String(26), ForeignKey("booking.id", ondelete="CASCADE"), unique=True
    )
    customer_id: Mapped[str] = column(String(40), nullable=False)
    solved: Mapped[bool | None] = column(Boolean)
    callback_case_id: Mapped[str | None] = column(String(26))
    score: Mapped[int | None] = column(Integer)
    answered_at: Mapped[datetime | None] = column(UtcTime)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)


# ---- small requests -----------------------------------------------------------------------------


class Feedback(Table):
    """Praise or a suggestion, unique on the message that brought it."""

    __tablename__ = "feedback"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    customer_id: Mapped[str] = column(String(40), nullable=False)
    text: Mapped[str] = column(Encrypted, nullable=False)
    masked: Mapped[str] = column(Text, nullable=False)
    message_id: Mapped[str] = column(String(80), nullable=False, unique=True)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)


# ---- staff --------------------------------------------------------------------------------------


class Staff(Table):
    """Somebody who works at the desk. `role`: agent, editor, supervisor, admin."""

    __tablename__ = "staff"
    id: Mapped[str] = column(String(40), primary_key=True, default=new_id)
    username: Mapped[str] = column(String(40), nullable=False, unique=True)
    name: Mapped[str] = column(String(40), nullable=False)
    role: Mapped[str] = column(String(12), nullable=False)
    password_hash: Mapped[str] = column(String(200), nullable=False)
    active: Mapped[bool] = column(Boolean, nullable=False, default=True)
    failed_logins: Mapped[int] = column(Integer, nullable=False, default=0)
    locked_until: Mapped[datetime | None] = column(UtcTime)


class StaffSession(Table):
    """A signed-in browser; the cookie's token is kept only as a hash."""

    __tablename__ = "staff_session"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    token_hash: Mapped[str] = column(String(64), nullable=False, unique=True)
    csrf_token: Mapped[str] = column(String(64), nullable=False)
    staff_id: Mapped[str] = column(String(40), ForeignKey("staff.id"), nullable=False)
    expires_at: Mapped[datetime] = column(UtcTime, nullable=False)


class StaffTicket(Table):
    """A one-time ticket for a live connection, kept only as a hash. Times are real time."""

    __tablename__ = "staff_ticket"
    token_hash: Mapped[str] = column(String(64), primary_key=True)
    session_id: Mapped[str] = column(
        String(26), ForeignKey("staff_session.id", ondelete="CASCADE"), nullable=False
    )
    expires_at: Mapped[datetime] = column(UtcTime, nullable=False)


class AuditEntry(Table):
    """Who looked at or changed what: reveals of personal data, log-ins, refusals."""

    __tablename__ = "audit"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    actor: Mapped[str] = column(String(60), nullable=False)
    action: Mapped[str] = column(String(40), nullable=False)
    subject: Mapped[str] = column(String(60), nullable=False)
    detail: Mapped[dict[str, Any]] = column(Json, nullable=False, default=dict)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
