"""What a member of staff does to a booking: once, written down, and told to whoever it concerns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.masking import mask_text
from pitstop.care import bookings, hearers, staff_permissions
from pitstop.care.refusals import RefusalCode
from pitstop.care.slots import Slot
from pitstop.care.tables import Booking, BookingChange, Staff
from pitstop.care.views import BookingView, booking_card, booking_view
from pitstop.care.workshop_texts import say
from pitstop.conversation import log
from pitstop.conversation.wire import Choice
from pitstop.storage.events import emit

Code = Literal[
    "already_in",
    "bad_value",
    "begun",
    "decided",
    "empty_reason",
    "id_conflict",
    "no_approver",
    "no_lines",
    "not_in",
    "over",
    "part_needed",
    "quote_open",
    "too_early",
    "too_late",
    "too_long",
    "too_many_lines",
    "withdrawn",
    "wrong_kind",
    "wrong_step",
]
_KINDS = frozenset({"maintenance", "swap", "test_drive"})


class WorkshopRefused(Exception):
    """It cannot be done as things stand; nothing was written.

    When moving, `code` may be any of a booking's refusals, and `alternatives` are free times.
    """

    def __init__(
        self, code: Code | RefusalCode, *, alternatives: Sequence[Slot] = (), **details: Any
    ) -> None:
        super().__init__(f"refused: {code} {details or ''}".rstrip())
        self.code: Code | RefusalCode = code
        self.alternatives: list[Slot] = list(alternatives)
        self.details: dict[str, Any] = details


@dataclass(frozen=True)
class Job:
    """One thing done to a booking, which is locked with the conversations of who hears of it."""

    session: AsyncSession
    booking: Booking
    people: Sequence[str]
    actor: str
    client_id: str

    @property
    def key(self) -> str:
        """What the change is unique on."""
        return bookings.message_key(self.client_id, self.booking.id)

    async def repeated(self, change: str) -> bool:
        """Say whether it was done before; raises `WorkshopRefused` if the id did another thing."""
        query = select(BookingChange.change).where(BookingChange.message_id == self.key)
        known = (await self.session.execute(query)).scalar_one_or_none()
        if known not in (None, change):
            raise WorkshopRefused("id_conflict", change=known)
        return known is not None

    async def write(self, change: str, before: dict[str, Any], **details: Any) -> None:
        """Write a change down, with what is not None of `details`, and emit its event."""
        booking = self.booking
        booking.updated_at = clock.now()
        said = {name: value for name, value in details.items() if value is not None}
        self.session.add(
            BookingChange(
                booking_id=booking.id,
                change=change,
                before=before,
                after={**state(booking), **said},
                actor=self.actor,
                message_id=self.key,
            )
        )
        own = await log.find(self.session, booking.customer_id)
        emit(
            self.session,
            f"booking.{change}",
            booking.id,
            conversation_id=None if own is None else own.id,
            booking_kind=booking.kind,
        )

    async def tell(self, text: str, choices: Sequence[Choice] = ()) -> BookingView:
        """Tell everybody concerned, with the booking as it is now; return it."""
        await self.session.flush()
        view = await self.view()
        await hearers.tell_all(self.session, self.people, text, choices, booking_card(view))
        return view

    async def view(self) -> BookingView:
        """Return the booking as it is now."""
        return await booking_view(self.session, self.booking)


async def begin(session: AsyncSession, staff: Staff, booking_id: str, client_id: str) -> Job:
    """Lock a booking for somebody's work on it; `client_id` is the desk's own id of it.

    Raises `StaffNotAllowed`, `LookupError`, `WorkshopRefused("wrong_kind")` for a rescue.
    """
    staff_permissions.require(staff, "work_service")
    booking, people = await hearers.locked(session, booking_id)
    if booking.kind not in _KINDS:
        raise WorkshopRefused("wrong_kind", kind=booking.kind)
    return Job(session, booking, people, staff.username, client_id)


def state(booking: Booking) -> dict[str, Any]:
    """Return what a change may change."""
    ready_at = booking.ready_at
    return {
        "status": booking.status,
        "step": booking.step,
        "start": booking.start.isoformat(),
        "technician_id": booking.technician_id,
        "ready_at": None if ready_at is None else ready_at.isoformat(),
        "price": None if booking.price is None else str(booking.price),
    }


def require_in(booking: Booking) -> None:
    """Raise `WorkshopRefused` unless it is a maintenance whose car is in."""
    if booking.kind != "maintenance":
        raise WorkshopRefused("wrong_kind", kind=booking.kind)
    if booking.status == "confirmed":
        raise WorkshopRefused("not_in")
    if booking.status != "in_progress":
        raise WorkshopRefused("over", status=booking.status)


def require_ahead(booking: Booking) -> None:
    """Raise `WorkshopRefused` unless it is still to come."""
    if booking.status == "in_progress":
        raise WorkshopRefused("already_in", step=booking.step)
    if booking.status != "confirmed":
        raise WorkshopRefused("over", status=booking.status)


def masked(note: str | None) -> str | None:
    """Return a note as it may stand in a change, which is not encrypted."""
    return mask_text(note) if note else None


def noted(note: str | None) -> str:
    """Return a note as an owner reads it."""
    return say("more", "note", note=note) if note else ""
