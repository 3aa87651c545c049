"""The tables of the workshop: parts, work in progress, drivers, reminders, settings."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
)

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.storage.tables import Mapped, Table, column
from pitstop.storage.types import Encrypted, Json, Money, UtcTime

# ---- parts --------------------------------------------------------------------------------------


class Part(Table):
    """Something that a service uses up."""

    __tablename__ = "part"
    code: Mapped[str] = column(String(40), primary_key=True)
    name: Mapped[str] = column(String(40), nullable=False)


class PartUnit(Table):
    """One piece of a part at a place, there from `available_at` on (in the past: in stock)."""

    __tablename__ = "part_unit"
    id: Mapped[str] = column(String(40), primary_key=True, default=new_id)
    place_id: Mapped[str] = column(String(40), ForeignKey("place.id"), nullable=False)
    part: Mapped[str] = column(String(40), ForeignKey("part.code"), nullable=False)
    available_at: Mapped[datetime] = column(UtcTime, nullable=False)
    __table_args__ = (Index("ix_part_unit_place_id_part", "place_id", "part", "available_at"),)


class PartClaim(Table):
    """A piece that is kept for a booking, or was used up by it: never for two."""

    __tablename__ = "part_claim"
    unit_id: Mapped[str] = column(
        String(40), ForeignKey("part_unit.id", ondelete="CASCADE"), primary_key=True
    )
    booking_id: Mapped[str] = column(
        String(26), ForeignKey("booking.id", ondelete="CASCADE"), nullable=False, index=True
    )


# ---- what is paid for ---------------------------------------------------------------------------


class Entitlement(Table):
    """Something a car may have so many times without paying: a membership's, a warranty's.

    `kind`: a service item's code, ``swap``, ``pickup`` or ``on_site``. `source`: membership,
    warranty, campaign.
    """

    __tablename__ = "entitlement"
    id: Mapped[str] = column(String(40), primary_key=True, default=new_id)
    vehicle_id: Mapped[str] = column(
        String(40), ForeignKey("vehicle.id"), nullable=False, index=True
    )
    kind: Mapped[str] = column(String(40), nullable=False)
    source: Mapped[str] = column(String(20), nullable=False)
    total: Mapped[int] = column(Integer, nullable=False)
    expires_at: Mapped[datetime | None] = column(UtcTime)


class EntitlementUse(Table):
    """The n-th use of an entitlement: the database refuses a second one of the same number."""

    __tablename__ = "entitlement_use"
    entitlement_id: Mapped[str] = column(
        String(40), ForeignKey("entitlement.id", ondelete="CASCADE"), primary_key=True
    )
    ordinal: Mapped[int] = column(Integer, primary_key=True, autoincrement=False)
    booking_id: Mapped[str] = column(
        String(26), ForeignKey("booking.id", ondelete="CASCADE"), nullable=False, index=True
    )


# ---- work in progress ---------------------------------------------------------------------------


class Quote(Table):
    """Extra work that the workshop proposes. `status`: open, approved, partly, declined,
    withdrawn. `decided_by` is the customer's id; `client_id` the desk's own id."""

    __tablename__ = "quote"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    booking_id: Mapped[str] = column(
        String(26), ForeignKey("booking.id", ondelete="CASCADE"), nullable=False, index=True
    )
    number: Mapped[int] = column(Integer, nullable=False)
    status: Mapped[str] = column(String(12), nullable=False, default="open")
    note: Mapped[str | None] = column(Encrypted)
    created_by: Mapped[str] = column(String(60), nullable=False)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    decided_by: Mapped[str | None] = column(String(40))
    decided_at: Mapped[datetime | None] = column(UtcTime)
    client_id: Mapped[str] = column(String(80), nullable=False, unique=True)
    __table_args__ = (UniqueConstraint("booking_id", "number"),)


class QuoteLine(Table):
    """One piece of extra work with its price; `approved` is None until decided."""

    __tablename__ = "quote_line"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    quote_id: Mapped[str] = column(
        String(26), ForeignKey("quote.id", ondelete="CASCADE"), nullable=False, index=True
    )
    position: Mapped[int] = column(Integer, nullable=False)
    name: Mapped[str] = column(String(80), nullable=False)
    reason: Mapped[str | None] = column(String(200))
    parts_price: Mapped[Decimal] = column(Money, nullable=False)
    labour_price: Mapped[Decimal] = column(Money, nullable=False)
    approved: Mapped[bool | None] = column(Boolean)
    decided_by: Mapped[str | None] = column(String(40))
    decided_at: Mapped[datetime | None] = column(UtcTime)
    __table_args__ = (UniqueConstraint("quote_id", "position"),)


# ---- on the road --------------------------------------------------------------------------------


class Journey(Table):
    """A driver's or a van's way for a booking. `leg`: out (fetch the car), back, visit (on site).

    `status`: planned, on_the_way, arrived, finished, cancelled. `code` is what the owner asks the
    driver for. `mileage_km`, `soc` (per cent) and `photos` (attachment ids) at the hand-over.
    """

    __tablename__ = "journey"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    booking_id: Mapped[str] = column(
        String(26), ForeignKey("booking.id", ondelete="CASCADE"), nullable=False
    )
    leg: Mapped[str] = column(String(8), nullable=False)
    worker_id: Mapped[str | None] = column(String(40), ForeignKey("resource.id"))
    place_id: Mapped[str] = column(String(40), ForeignKey("place.id"), nullable=False)
    address: Mapped[str] = column(Encrypted, nullable=False)
    position: Mapped[str | None] = column(Encrypted)
    window_start: Mapped[datetime] = column(UtcTime, nullable=False)
    window_end: Mapped[datetime] = column(UtcTime, nullable=False)
    code: Mapped[str] = column(Encrypted, nullable=False)
    status: Mapped[str] = column(String(12), nullable=False, default="planned")
    mileage_km: Mapped[int | None] = column(Integer)
    soc: Mapped[int | None] = column(Integer)
    photos: Mapped[list[str]] = column(Json, nullable=False, default=list)
    belongings: Mapped[str | None] = column(Encrypted)
    set_off_at: Mapped[datetime | None] = column(UtcTime)
    arrived_at: Mapped[datetime | None] = column(UtcTime)
    finished_at: Mapped[datetime | None] = column(UtcTime)
    __table_args__ = (
        UniqueConstraint("booking_id", "leg"),
        Index("ix_journey_place_id_window_start", "place_id", "window_start"),
    )


# ---- what fails, what is due --------------------------------------------------------------------


class Closure(Table):
    """A stretch of time in which a place, or one thing of it, cannot be used.

    `reason`: maintenance (检修), power_limit (限电), weather, road_works, broken, other.
    """

    __tablename__ = "closure"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    place_id: Mapped[str] = column(String(40), ForeignKey("place.id"), nullable=False)
    resource_id: Mapped[str | None] = column(String(40), ForeignKey("resource.id"))
    start: Mapped[datetime] = column(UtcTime, nullable=False)
    end: Mapped[datetime] = column(UtcTime, nullable=False)
    reason: Mapped[str] = column(String(20), nullable=False)
    note: Mapped[str | None] = column(String(200))
    created_by: Mapped[str] = column(String(60), nullable=False)
    created_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
    lifted_at: Mapped[datetime | None] = column(UtcTime)
    __table_args__ = (Index("ix_closure_place_id_end", "place_id", "end"),)


class Reminder(Table):
    """Something to tell an owner about a booking at its time, once. `kind`: evening, before, lock,
    no_show … ; `sent_at` also where it was skipped, `skipped` then says why."""

    __tablename__ = "reminder"
    id: Mapped[str] = column(String(26), primary_key=True, default=new_id)
    booking_id: Mapped[str] = column(
        String(26), ForeignKey("booking.id", ondelete="CASCADE"), nullable=False
    )
    kind: Mapped[str] = column(String(20), nullable=False)
    due_at: Mapped[datetime] = column(UtcTime, nullable=False)
    sent_at: Mapped[datetime | None] = column(UtcTime)
    skipped: Mapped[str | None] = column(String(20))
    __table_args__ = (
        UniqueConstraint("booking_id", "kind"),
        Index("ix_reminder_sent_at_due_at", "sent_at", "due_at"),
    )


class Setting(Table):
    """A part of the settings that a supervisor has changed; the rest stands in its file."""

    __tablename__ = "setting"
    key: Mapped[str] = column(String(40), primary_key=True)
    value: Mapped[dict[str, Any]] = column(Json, nullable=False)
    updated_by: Mapped[str] = column(String(60), nullable=False)
    updated_at: Mapped[datetime] = column(UtcTime, nullable=False, default=clock.now)
