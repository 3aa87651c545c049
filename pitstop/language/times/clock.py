"""Puts a clock time or a part of the day onto a date."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from pitstop.language.times.model import ZONE, Clock
from pitstop.language.times.words import DAYPARTS

_DAY = timedelta(days=1)
_MORNING = time(6)
_EVENING = 18


def midnight(day: date) -> datetime:
    """Return the start of `day` in Asia/Shanghai."""
    return datetime.combine(day, time(), tzinfo=ZONE)


def part_bounds(day: date, part: str) -> tuple[datetime, datetime]:
    """Return when a part of `day` starts, for an appointment, and when it is over."""
    if part == "late":
        return part_bounds(day + _DAY, "dawn")
    _, until, start = DAYPARTS[part]
    return midnight(day) + timedelta(hours=start), midnight(day) + timedelta(hours=until)


def readings(clock: Clock, part: str | None, now: datetime | None = None) -> list[int]:
    """Return the hours after midnight that `clock` may mean, the likeliest first.

    24 and more lie in the next day (晚上十二点). Empty where clock and part of
    the day contradict each other (上午15点). Without either, hours from one to
    six are in the afternoon: nobody books a workshop at three in the night.
    Give `now` for a clock of today: who writes at one in the night does mean
    three in the night, and in the evening twelve is midnight.
    """
    hour = clock.hour
    if clock.half is not None:
        if hour > 12:
            return [hour] if clock.half == "pm" else []
        return [hour % 12 + (12 if clock.half == "pm" else 0)]
    if part is not None:
        found = _with_part(hour, part)
        return [] if found is None else [found]
    if clock.sure or hour > 12 or hour == 0:
        return [hour]
    if hour == 12:
        return [12, 24] if now is not None and now.hour >= _EVENING else [12]
    # The very first instant stands for a day as a whole, not for someone awake.
    awake = now is not None and time() < now.time() < _MORNING
    return [hour, hour + 12] if hour >= _MORNING.hour + 1 or awake else [hour + 12]


def _with_part(hour: int, part: str) -> int | None:
    match part:
        case "dawn":
            return hour % 12 if hour <= 12 else 24 if hour == 24 else None
        case "late":
            return hour % 12 + 24 if hour <= 12 else None
        case "morning":
            return hour if hour <= 12 else None
        case "noon":
            return hour + 12 if 1 <= hour <= 3 else hour if 10 <= hour <= 15 else None
        case "afternoon":
            return hour + 12 if 1 <= hour < 12 else hour if 12 <= hour < 24 else None
        case "dusk":
            return hour + 12 if 3 <= hour <= 8 else hour if 15 <= hour <= 20 else None
        case _:
            if hour in {0, 12, 24}:
                return 24
            if hour < 5 or (hour == 5 and part == "midnight"):
                return hour + 24
            return hour + 12 if hour < 12 else hour


def place(day: date, hour: int, clock: Clock) -> datetime:
    """Return `hour` hours after the start of `day`, with the clock's minutes."""
    return midnight(day) + timedelta(hours=hour, minutes=clock.minute or 0)


def grain(clock: Clock) -> str:
    """Return "hour" on the hour, else "minute"."""
    return "minute" if clock.minute else "hour"
