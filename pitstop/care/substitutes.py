"""What an owner can have instead of what we promised and cannot keep, and how it is put."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import places, reach, slots, stations
from pitstop.care.positions import distance_km
from pitstop.care.refusals import Refused
from pitstop.care.slots import Asked, Slot
from pitstop.care.stations import say
from pitstop.care.tables import Booking, Place
from pitstop.care.wishes import Kind, Wish
from pitstop.conversation.wire import Choice

Given = Collection[tuple[str, datetime]]


@dataclass(frozen=True)
class Substitute:
    """A free time at a place; `km` from where it was booked, 0 for the same place."""

    place: Place
    slot: Slot
    km: float

    @property
    def key(self) -> tuple[str, datetime]:
        """Place and time: what only one owner can have."""
        return self.place.id, self.slot.start


def asked_of(booking: Booking) -> Asked:
    """Return what a booking books, to look for it at another time or place."""
    kind: Kind = booking.kind  # type: ignore[assignment]
    services = tuple(booking.services or ([booking.service] if booking.service else ()))
    return Asked(
        kind,
        services=services,
        vehicle_id=booking.vehicle_id,
        mode=booking.mode,
        technician_id=booking.technician_id if booking.person_asked else None,
        moving=booking.id,
    )


async def substitutes(
    session: AsyncSession, booking: Booking, given: Given = ()
) -> list[Substitute]:
    """Return up to ``choices`` of the next best, the best first.

    A swap: at stations that can be reached, with a pack that fits, about the same time; a little
    way counts as much as a little waiting. Anything else: the nearest times at the same place,
    else elsewhere. What is `given` to others comes last.
    """
    here = await places.place(session, booking.place_id or "")
    if booking.kind == "swap":
        found = await _swaps(session, booking, here)
    else:
        found = await _times(session, booking, here)
    found.sort(key=lambda one: one.key in given)
    return found[: int(stations.section("promises")["choices"])]


async def _swaps(session: AsyncSession, booking: Booking, here: Place) -> list[Substitute]:
    rules, asked, now = stations.section("promises"), asked_of(booking), clock.now()
    near = await places.nearest(session, (here.lat, here.lng), places.STATION_KINDS, limit=1000)
    near = [(row, km) for row, km in near if km <= rules["within_km"]]
    way = reach.way_of(here)
    can = {row.id for row in reach.suggested([row for row, _ in near], way)}
    found: list[tuple[float, Substitute]] = []
    for row, km in near:
        if row.id not in can:
            continue
        try:
            wish = await asked.at(session, row.id)
        except Refused:
            continue
        there = now + timedelta(minutes=km * rules["km_minutes"])
        for slot in await _around(session, booking, wish, there):
            wait = abs(slot.start - booking.start) / timedelta(minutes=1)
            found.append((wait + km * rules["km_minutes"], Substitute(row, slot, km)))
    found.sort(key=lambda pair: (pair[0], pair[1].slot.start))
    # The best of each station first: three times at one station are hardly a choice.
    ranked = [one for _, one in found]
    best = {one.place.id: one for one in reversed(ranked)}
    return [*(one for one in ranked if best[one.place.id] is one)] + [
        one for one in ranked if best[one.place.id] is not one
    ]


async def _around(
    session: AsyncSession, booking: Booking, wish: Wish, soonest: datetime
) -> list[Slot]:
    """Return a few free times a little before and after what was booked."""
    rules, limit = stations.section("promises"), int(stations.section("promises")["choices"])
    earliest = max(soonest, booking.start - timedelta(minutes=rules["before_minutes"]))
    latest = booking.start + timedelta(minutes=rules["after_minutes"])
    found: list[Slot] = []
    if earliest < booking.start:
        before = await slots.first_free(
            session, wish, earliest, booking.start, 10 * limit, ignoring=booking.id
        )
        found += before[-1:]
    after = max(soonest, booking.start)
    return found + await slots.first_free(session, wish, after, latest, limit, ignoring=booking.id)


async def _times(session: AsyncSession, booking: Booking, here: Place) -> list[Substitute]:
    wanted, asked = max(booking.start, clock.now()), asked_of(booking)
    limit = 2 * int(stations.section("promises")["choices"])
    # If not with whom the owner asked for, then with anybody.
    for one in dict.fromkeys((asked, replace(asked, technician_id=None))):
        try:
            wish = await one.at(session, here.id)
        except Refused:
            continue
        found = await slots.nearest_free(session, wish, wanted, limit, ignoring=booking.id)
        if found:
            return await _placed(session, here, found)
    asked = replace(asked, technician_id=None)
    return await _placed(session, here, await slots.elsewhere(session, asked, here.id, wanted))


async def _placed(session: AsyncSession, here: Place, found: Iterable[Slot]) -> list[Substitute]:
    rows = []
    for slot in found:
        place = await places.place(session, slot.place_id)
        km = distance_km((here.lat, here.lng), (place.lat, place.lng))
        rows.append(Substitute(place, slot, km))
    return rows


# ---- how it is put ------------------------------------------------------------------------------


async def apology(session: AsyncSession, booking: Booking, found: Sequence[Substitute]) -> str:
    """Return what an owner is told of a broken promise, with the choices there are."""
    here = await places.place(session, booking.place_id or "")
    days = await slots.open_days(session, here, booking.start, booking.end)
    closure = days.closed_by(booking.start, booking.end)
    why = ""
    if closure is not None:
        reason = stations.section("closures")["reasons"][closure.reason]
        why = say("broken", "why", place=here.name, reason=reason)
    swap = booking.kind == "swap"
    if swap:
        text = say("broken", "swap", what=why)
    else:
        text = say(
            "broken",
            "other",
            day=stations.day(booking.start),
            start=stations.time(booking.start),
            place=here.name,
            kind=stations.section("broken")["kinds"][booking.kind],
            what=why,
        )
    if not found:
        return text + say("broken", "none")
    lines = [_line(number, one) for number, one in enumerate(found, 1)]
    return "\n".join([text + say("broken", "choices" if swap else "choices_other"), *lines])


def _line(number: int, one: Substitute) -> str:
    remarks = reach.notes(one.place)
    return say(
        "broken",
        "line",
        number=number,
        place=one.place.name,
        far=say("broken", "far", km=round(one.km)) if one.km >= 1 else "",
        day=stations.day(one.slot.start),
        start=stations.time(one.slot.start),
        notes=say("broken", "notes", notes=stations.joined(remarks)) if remarks else "",
    )


def buttons(booking: Booking, found: Sequence[Substitute]) -> list[Choice]:
    """Return the buttons: what can be had instead, and changing, cancelling, a person."""
    taken = [
        Choice(
            say(
                "broken",
                "choice",
                place=one.place.name,
                day=stations.day(one.slot.start),
                start=stations.time(one.slot.start),
            ),
            "take_slot",
            {
                "booking": booking.id,
                "place": one.place.id,
                "start": one.slot.start.astimezone(clock.SHANGHAI).isoformat(),
            },
        )
        for one in found
    ]
    return [*taken, *change_buttons(booking), Choice(say("buttons", "human"), "talk_to_human", {})]


def change_buttons(booking: Booking) -> list[Choice]:
    """Return the buttons that change or cancel a booking."""
    return [
        Choice(say("buttons", "change"), "change_booking", {"booking": booking.id}),
        Choice(say("buttons", "cancel"), "cancel_booking", {"booking": booking.id}),
    ]
