"""A booking as a file for the calendar of a phone (iCalendar, RFC 5545).

The file has one event. Its UID is the booking's for ever and its SEQUENCE rises with each change,
so that a calendar that takes the file again moves the entry instead of adding one, and takes a
cancelled one out. It says no more than the booking's card does, and the plate is masked: other
apps read calendars.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from icalendar import Alarm, Calendar, Event, Timezone, TimezoneStandard
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.masking import mask_plate
from pitstop.care import reminders
from pitstop.care.navigation import COMES_TO_OWNER, full_name, map_url
from pitstop.care.tables import Booking, BookingChange, Place, Vehicle

_CHINA = timedelta(hours=8)


async def calendar_file(session: AsyncSession, booking_id: str) -> bytes:
    """Return the booking's file as it is now, UTF-8; raises `LookupError` if there is none."""
    booking: Booking | None = await session.get(Booking, booking_id)
    if booking is None:
        raise LookupError(f"no booking {booking_id}")
    calendar = Calendar()
    calendar.add("prodid", "-//Pitstop//Booking//ZH")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    # No METHOD: it would have to stand in the Content-Type too, and makes some calendars take
    # the file for an invitation.
    calendar.add_component(_zone())
    calendar.add_component(await _event(session, booking))
    return bytes(calendar.to_ical())


def _zone() -> Timezone:
    # Since 1991 China has kept one time all year: no rule is needed.
    standard = TimezoneStandard()
    standard.add("dtstart", datetime(1991, 9, 15, 1))  # noqa: DTZ001 - local time by RFC 5545
    standard.add("tzoffsetfrom", _CHINA)
    standard.add("tzoffsetto", _CHINA)
    standard.add("tzname", _words()["zone_name"])
    zone = Timezone()
    zone.add("tzid", clock.SHANGHAI.key)
    zone.add_component(standard)
    return zone


async def _event(session: AsyncSession, booking: Booking) -> Event:
    place: Place | None = None
    if booking.place_id is not None:
        place = await session.get(Place, booking.place_id)
    needed = await reminders.appointment(session, booking)
    what = await reminders.what(session, booking)
    cancelled = booking.status == "cancelled"
    summary = _summary(booking, what, place)
    event = Event()
    event.add("uid", f"{booking.id}@pitstop")
    event.add("sequence", await _changes(session, booking.id))
    # Without a METHOD this, too, is when the entry was last changed.
    event.add("dtstamp", booking.updated_at)
    event.add("last-modified", booking.updated_at)
    event.add("created", booking.created_at)
    event.add("dtstart", needed.start.astimezone(clock.SHANGHAI))
    event.add("dtend", needed.end.astimezone(clock.SHANGHAI))
    event.add("summary", summary)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    if place is not None and booking.mode not in COMES_TO_OWNER:
        event.add("location", " ".join(filter(None, (full_name(place), place.address))))
        event.add("geo", (place.lat, place.lng))
        event.add("url", map_url(place))
    event.add("description", await _description(session, booking, place))
    if booking.status == "confirmed" and booking.kind != "rescue":
        event.add_component(_alarm(booking, summary))
    return event


def _alarm(booking: Booking, summary: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", summary)
    alarm.add("trigger", -reminders.lead(booking.kind, booking.mode))
    return alarm


async def _changes(session: AsyncSession, booking_id: str) -> int:
    query = select(func.count()).where(
        BookingChange.booking_id == booking_id, BookingChange.change != "booked"
    )
    return int((await session.execute(query)).scalar_one())


def _summary(booking: Booking, what: str, place: Place | None) -> str:
    by_mode = _words()["summary"][booking.kind]
    text = by_mode.get(booking.mode, by_mode["default"])
    return str(text.format(what=what, place="" if place is None else full_name(place)))


async def _description(session: AsyncSession, booking: Booking, place: Place | None) -> str:
    words = _words()["lines"]
    lines = [words["cancelled"]] if booking.status == "cancelled" else []
    lines.append(words["reference"].format(reference=booking.reference))
    car: Vehicle | None = None
    if booking.vehicle_id is not None:
        car = await session.get(Vehicle, booking.vehicle_id)
    if car is not None:
        lines.append(words["car"].format(model=car.model, plate=mask_plate(car.plate)))
    if place is not None:
        lines.append(words["place"].format(place=full_name(place)))
    if booking.status == "confirmed" and booking.kind != "rescue":
        lines.append(reminders.bring(booking.kind, booking.mode))
        if place is not None and booking.mode not in COMES_TO_OWNER:
            lines.append(words["map"].format(url=map_url(place)))
        lines.append(words["change"])
    return "\n".join(lines)


@lru_cache(maxsize=1)
def _words() -> dict[str, Any]:
    path = Path(__file__).with_name("calendar_file.yml")
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded
