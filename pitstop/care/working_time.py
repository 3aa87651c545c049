"""Working time, for internal targets only: several windows a day, holidays, make-up days.

What an owner is promised runs by the clock on the wall and has nothing to do with this.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import chinese_calendar

from pitstop.base.clock import SHANGHAI
from pitstop.care import policies

LOOKS_AHEAD = 400  # days; a calendar that is closed for longer is a mistake


def is_working_day(day: date) -> bool:
    """Say whether we work on `day`: our own calendar first, then the public one."""
    calendar = policies.section("working_time")
    if day.isoformat() in map(str, calendar["closed"]):
        return False
    if day.isoformat() in map(str, calendar["open"]):
        return True
    if calendar["public_holidays"]:
        try:
            working: bool = chinese_calendar.is_workday(day)
            return working
        except NotImplementedError:
            # The State Council announces a year at the end of the one before.
            pass
    return day.isoweekday() in calendar["weekdays"]


def windows_on(day: date) -> list[tuple[datetime, datetime]]:
    """Return when we work on `day`, in Shanghai time; empty on a day off."""
    if not is_working_day(day):
        return []
    windows: list[dict[str, Any]] = policies.section("working_time")["windows"]
    return [(_at(day, window["opens"]), _at(day, window["closes"])) for window in windows]


def _at(day: date, text: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(text), SHANGHAI)


def add_working_time(start: datetime, working: timedelta) -> datetime:
    """Return the moment by which `working` time has passed since `start`.

    Raises `ValueError` if the calendar has no such moment within a year.
    """
    left = working
    for opens, closes in _windows_from(start):
        begins = max(opens, start)
        if begins >= closes:
            continue
        if left <= closes - begins:
            return begins + left
        left -= closes - begins
    raise ValueError(f"no {working} of working time in {LOOKS_AHEAD} days after {start}")


def working_days(count: int) -> timedelta:
    """Return the working time of `count` full days."""
    windows: list[dict[str, Any]] = policies.section("working_time")["windows"]
    day = date(2000, 1, 1)
    return count * sum(
        (_at(day, window["closes"]) - _at(day, window["opens"]) for window in windows),
        timedelta(),
    )


def _windows_from(start: datetime) -> Iterator[tuple[datetime, datetime]]:
    first = start.astimezone(SHANGHAI).date()
    for ahead in range(LOOKS_AHEAD):
        yield from windows_on(first + timedelta(days=ahead))
