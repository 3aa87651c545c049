"""Drivers and vans on the road: pick-up and return, work at the owner's, 一键加电.

A driver sees address and masked number only after the owner's separate yes (汽车数据安全管理若干
规定). The car changes hands against a code that only the owner has: whoever is told it stands at
the car. Planning is in `journey_plans`, the yes in `journey_consent`, the drivers' day in
`journey_sheet`; all are offered here.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.masking import mask_text
from pitstop.care import hearers, staff_permissions, travel
from pitstop.care.journey_consent import (
    ask_again,
    ask_consent,
    change_key,
    change_of,
    consent_missing,
    give_consent,
    write_change,
)
from pitstop.care.journey_plans import (
    ACTIVE,
    LEGS,
    MOVING,
    ON_THE_ROAD,
    Difference,
    JourneyView,
    drop,
    journey_wire,
    journeys_of,
    outside_reach,
    plan,
    reach,
    relay,
    replan,
    say,
    under_way,
    view_of,
)
from pitstop.care.journey_sheet import SheetLine, driver_sheet, sheet_wire
from pitstop.care.service_tables import Journey
from pitstop.care.tables import Booking, BookingChange, Place, Staff
from pitstop.care.telling import tell
from pitstop.conversation.tables import Attachment
from pitstop.conversation.wire import Choice
from pitstop.language.normalize import normalize
from pitstop.storage.events import emit

__all__ = [
    "LEGS",
    "MOVING",
    "ON_THE_ROAD",
    "Difference",
    "JourneyRefused",
    "JourneyView",
    "SheetLine",
    "arrive",
    "ask_again",
    "ask_consent",
    "consent_missing",
    "driver_sheet",
    "drop",
    "give_consent",
    "hand_over",
    "journey_wire",
    "journeys_of",
    "outside_reach",
    "plan",
    "reach",
    "relay",
    "replan",
    "set_off",
    "sheet_wire",
    "under_way",
]

Code = Literal[
    "already_done",
    "bad_value",
    "details_missing",
    "id_conflict",
    "mileage_lower",
    "no_consent",
    "no_worker",
    "not_arrived",
    "not_fetched",
    "not_on_the_way",
    "over",
    "photos_missing",
    "too_early",
    "unknown_photo",
    "wrong_code",
]
MAX_BELONGINGS = 200


class JourneyRefused(Exception):
    """It cannot be done as things stand; nothing was written."""

    def __init__(self, code: Code, **details: Any) -> None:
        super().__init__(f"refused: {code} {details or ''}".rstrip())
        self.code: Code = code
        self.details: dict[str, Any] = details


# ---- on the way ---------------------------------------------------------------------------------


async def set_off(
    session: AsyncSession, staff: Staff, journey_id: str, *, client_id: str
) -> JourneyView:
    """Note that the driver is on the way, and tell the owner who comes and the code.

    Raises `StaffNotAllowed`, `LookupError`, `JourneyRefused` (no_consent, no_worker, not_fetched,
    too_early, already_done, over).
    """
    step = await _begin(session, staff, journey_id, client_id)
    if await step.repeated("set_off"):
        return await step.view()
    row, booking = step.journey, step.booking
    step.require("planned", "already_done")
    if row.leg == "back":
        # A cancelled booking's car comes back too.
        if not await step.fetched():
            raise JourneyRefused("not_fetched")
    elif booking.status not in ACTIVE:
        raise JourneyRefused("over", status=booking.status)
    if booking.consent_at is None:
        raise JourneyRefused("no_consent")
    if row.worker_id is None:
        raise JourneyRefused("no_worker")
    earliest = row.window_start - timedelta(hours=travel.setting("early_hours"))
    if clock.now() < earliest:
        raise JourneyRefused("too_early", earliest=earliest.astimezone(clock.SHANGHAI).isoformat())
    row.status, row.set_off_at = "on_the_way", clock.now()
    await step.write("set_off")
    return await step.tell(f"{row.leg}_set_off")


async def arrive(
    session: AsyncSession,
    staff: Staff,
    journey_id: str,
    *,
    code: str | None = None,
    client_id: str,
) -> JourneyView:
    """Note that the driver is there. A right `code` now need not be given at the hand-over.

    Raises `StaffNotAllowed`, `LookupError`, `JourneyRefused` (not_on_the_way, wrong_code).
    """
    step = await _begin(session, staff, journey_id, client_id)
    if await step.repeated("arrived"):
        return await step.view()
    step.require("on_the_way", "not_on_the_way")
    if code is not None:
        step.check(code)
    step.journey.status, step.journey.arrived_at = "arrived", clock.now()
    await step.write("arrived", checked=code is not None)
    return await step.tell(f"{step.journey.leg}_arrived")


async def hand_over(
    session: AsyncSession,
    staff: Staff,
    journey_id: str,
    *,
    mileage_km: int | None = None,
    soc: int | None = None,
    photos: Sequence[str] = (),
    belongings: str | None = None,
    code: str | None = None,
    client_id: str,
) -> JourneyView:
    """Write down how the car changes hands, against the owner's code; tell the owner what was
    written. `photos` are attachments of theirs, `soc` is in per cent.

    At the return, what differs by more than is usual is shown to the owner and to the desk.
    Raises `StaffNotAllowed`, `LookupError`, `JourneyRefused` (not_arrived, wrong_code,
    details_missing, bad_value, mileage_lower, photos_missing, unknown_photo).
    """
    step = await _begin(session, staff, journey_id, client_id)
    if await step.repeated("handed_over"):
        return await step.view()
    row = step.journey
    step.require("arrived", "not_arrived")
    if code is not None or not await step.code_checked():
        step.check(code or "")
    belongings = (belongings or "").strip() or None
    await _check_record(step, mileage_km, soc, photos, belongings)
    out = await step.other("out") if row.leg == "back" else None
    row.mileage_km, row.soc, row.belongings = mileage_km, soc, belongings
    row.photos = list(photos)
    differs = None if out is None else await _difference(session, out, row)
    row.status, row.finished_at, row.position = "finished", clock.now(), None
    found = None if differs is None else {"mileage_km": differs.mileage_km, "soc": differs.soc}
    await step.write("handed_over", differs=found)
    if found is not None:
        emit(session, "journey.differs", row.id, booking=row.booking_id, differs=found)
    return await step.tell(f"{row.leg}_handed_over", differs=differs)


async def _check_record(
    step: _Step,
    mileage_km: int | None,
    soc: int | None,
    photos: Sequence[str],
    belongings: str | None,
) -> None:
    row = step.journey
    if row.leg != "visit" and (mileage_km is None or soc is None):
        raise JourneyRefused("details_missing")
    if mileage_km is not None and mileage_km < 0:
        raise JourneyRefused("bad_value", field="mileage_km")
    if soc is not None and not 0 <= soc <= 100:
        raise JourneyRefused("bad_value", field="soc")
    if belongings is not None and len(belongings) > MAX_BELONGINGS:
        raise JourneyRefused("bad_value", field="belongings")
    out = await step.other("out") if row.leg == "back" else None
    if out is not None and (mileage_km or 0) < (out.mileage_km or 0):
        raise JourneyRefused("mileage_lower", before=out.mileage_km)
    needed = int(travel.setting("photos_needed")[row.leg])
    if len(set(photos)) < needed:
        raise JourneyRefused("photos_missing", needed=needed)
    query = select(Attachment.id).where(
        Attachment.id.in_(list(photos)),
        Attachment.kind == "image",
        Attachment.customer_id.in_([step.booking.customer_id, *step.people]),
    )
    known = set((await step.session.execute(query)).scalars().all())
    if not set(photos) <= known:
        raise JourneyRefused("unknown_photo")


async def _difference(session: AsyncSession, out: Journey, back: Journey) -> Difference | None:
    """Compare return and hand-over; the way there and back by road is no difference."""
    rules = travel.setting("differs")
    place: Place | None = await session.get(Place, back.place_id)
    way = 0.0
    if place is not None:
        where = travel.at(back.position) or await travel.locate(session, back.address, place)
        here = (place.lat, place.lng)
        way = (place.reach_km or 0.0) if where is None else travel.km(here, where)
    driven = (back.mileage_km or 0) - (out.mileage_km or 0)
    used = (out.soc or 0) - (back.soc or 0)
    km = driven if driven > 2 * way + float(rules["mileage_km"]) else None
    points = used if used > int(rules["soc"]) else None
    return None if km is None and points is None else Difference(km, points)


@dataclass
class _Step:
    """One thing done to a journey, which is locked with its booking and who hears of it."""

    session: AsyncSession
    journey: Journey
    booking: Booking
    people: Sequence[str]
    actor: str
    key: str

    async def repeated(self, change: str) -> bool:
        """Say whether it was done before; raises `JourneyRefused` if the id did another thing."""
        known = await change_of(self.session, self.key)
        if known is not None and known.change != change:
            raise JourneyRefused("id_conflict", change=known.change)
        return known is not None

    def require(self, status: str, code: Code) -> None:
        """Refuse unless the journey is at that point."""
        if self.journey.status != status:
            raise JourneyRefused(code, status=self.journey.status)

    def check(self, code: str) -> None:
        """Refuse a wrong code; full-width digits are digits."""
        given = normalize(code).text.strip()
        if not hmac.compare_digest(given.encode(), self.journey.code.encode()):
            raise JourneyRefused("wrong_code")

    async def code_checked(self) -> bool:
        """Say whether the code was given on arriving."""
        query = select(BookingChange.after).where(
            BookingChange.booking_id == self.booking.id, BookingChange.change == "arrived"
        )
        changes = (await self.session.execute(query)).scalars().all()
        return any(
            after.get("journey") == self.journey.id and after.get("checked") for after in changes
        )

    async def other(self, leg: str) -> Journey | None:
        """Return another leg of the same booking."""
        query = select(Journey).where(Journey.booking_id == self.booking.id, Journey.leg == leg)
        found: Journey | None = (await self.session.execute(query)).scalar_one_or_none()
        return found

    async def fetched(self) -> bool:
        """Say whether the car was handed over to us."""
        out = await self.other("out")
        return out is not None and out.status == "finished"

    async def write(self, change: str, **details: Any) -> None:
        """Write a change down and emit its event."""
        row = self.journey
        said = {name: value for name, value in details.items() if value is not None}
        after = {"journey": row.id, "leg": row.leg, "status": row.status, **said}
        write_change(self.session, self.booking, change, {}, after, self.actor, self.key)
        emit(self.session, f"journey.{change}", row.id, booking=self.booking.id, leg=row.leg)
        await self.session.flush()

    async def tell(self, key: str, *, differs: Difference | None = None) -> JourneyView:
        """Tell the owner how things are now; return the journey.

        Staff who read the conversation see the line without the code.
        """
        view = await self.view(differs)
        values = {
            "name": view.worker,
            "relay": view.relay,
            "start": _clock(view.window_start),
            "end": _clock(view.window_end),
            "record": _record(view),
        }
        more = "" if differs is None else say("differs", what=_differing(differs))
        choices = [] if differs is None else [Choice(say("human"), "talk_to_human")]
        for customer_id in self.people:
            text = say(key, code=view.code, **values) + more
            line = await tell(self.session, customer_id, text, choices, self._card(view))
            line.masked = mask_text(say(key, code="****", **values) + more)
        return view

    def _card(self, view: JourneyView) -> dict[str, Any]:
        wire = journey_wire(view, for_owner=True)
        return {
            "type": "journey",
            "id": view.id,
            "booking": view.booking_id,
            "leg": view.leg,
            "status": view.status,
            "driver": {"name": view.worker, "phone": view.relay},
            "code": None if view.status == "finished" else view.code,
            "window": {"start": wire["window_start"], "end": wire["window_end"]},
            "reference": self.booking.reference,
        }

    async def view(self, differs: Difference | None = None) -> JourneyView:
        """Return the journey as it is now."""
        for view in await journeys_of(self.session, self.booking.id):
            if view.id == self.journey.id:
                return view
        return view_of(self.journey, None, differs)


async def _begin(session: AsyncSession, staff: Staff, journey_id: str, client_id: str) -> _Step:
    """Lock a journey after the conversations of who hears of it and its booking."""
    staff_permissions.require(staff, "work_service")
    query = select(Journey.booking_id).where(Journey.id == journey_id)
    booking_id = (await session.execute(query)).scalar_one_or_none()
    if booking_id is None:
        raise LookupError(f"no journey {journey_id}")
    booking, people = await hearers.locked(session, booking_id)
    query = select(Journey).where(Journey.id == journey_id).with_for_update()
    result = await session.execute(query.execution_options(populate_existing=True))
    key = change_key(client_id, journey_id)
    return _Step(session, result.scalar_one(), booking, people, staff.username, key)


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(clock.SHANGHAI):%H:%M}"


def _record(view: JourneyView) -> str:
    said = [
        None if view.mileage_km is None else say("record_mileage", km=view.mileage_km),
        None if view.soc is None else say("record_soc", soc=view.soc),
        say("record_photos", count=len(view.photos)) if view.photos else None,
        None if view.belongings is None else say("record_belongings", belongings=view.belongings),
    ]
    return say("comma").join(filter(None, said)) or say("record_none")


def _differing(differs: Difference) -> str:
    said = [
        None if differs.mileage_km is None else say("differs_mileage", km=differs.mileage_km),
        None if differs.soc is None else say("differs_soc", points=differs.soc),
    ]
    return say("comma").join(filter(None, said))
