"""What the reader of times works with: atoms, moments, phrases, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Asia/Shanghai")

Prefer = Literal["future", "past"]
Problem = Literal["impossible", "past"]
DateKind = Literal[
    "ymd", "day", "days", "ahead", "weekday", "weekend", "week", "nth", "edge", "holiday", "lunar"
]


@dataclass(frozen=True)
class TimeSpan:
    """A time said in a text.

    `start` and `end` are in Asia/Shanghai; `end` is exclusive and set for a
    range or a limit alone. `grain` is minute, hour, daypart, day, week or
    month. `open` is "after" (from `start` on), "before" (until `end`) or
    "within" (between now and `end`). `span` counts in the original text.
    `problem` is "impossible" for a date or clock that does not exist and
    "past" for one that is over: such a time must not be booked.
    """

    start: datetime | None
    end: datetime | None
    grain: str
    open: str | None
    text: str
    span: tuple[int, int]
    problem: str | None
    daypart: str | None = None


@dataclass(frozen=True)
class DateSpec:
    """A date as it was said, not yet put into a calendar.

    A shift counts weeks, months or years from the present one; None where the
    speaker left it open ("周三" against "下周三").
    """

    kind: DateKind
    year: int | None = None
    month: int | None = None
    day: int | None = None
    year_shift: int | None = None
    month_shift: int | None = None
    week_shift: int | None = None
    weekday: int | None = None
    days: tuple[int, int] = (0, 0)
    count: int = 0
    unit: str = ""
    name: str = ""


@dataclass(frozen=True)
class Clock:
    """A clock time as it was said. `sure` means 24-hour: 03:30 is not 15:30."""

    hour: int
    minute: int | None = None
    half: Literal["am", "pm"] | None = None
    sure: bool = False

    @property
    def impossible(self) -> bool:
        return self.hour > 24 or (self.minute or 0) > 59 or (self.hour == 24 and bool(self.minute))


@dataclass(frozen=True)
class Offset:
    """Minutes from now: 半小时后; with `within`, 半小时内; with `vague`, 一会儿."""

    minutes: int
    within: bool = False
    vague: bool = False


@dataclass(frozen=True)
class Atom:
    """A word of time with its half-open span in the normalised text."""

    start: int
    end: int
    value: DateSpec | Clock | Offset | str
    kind: Literal["date", "part", "clock", "offset", "to"]


@dataclass
class Moment:
    """One point or unit of time, gathered from neighbouring atoms."""

    start: int
    end: int
    date: DateSpec | None = None
    second_date: DateSpec | None = None
    part: str | None = None
    clock: Clock | None = None
    offset: Offset | None = None

    @property
    def is_clockless(self) -> bool:
        return self.clock is None and self.part is None and self.offset is None


@dataclass
class Phrase:
    """A moment or a range of two, with what opens it to one side."""

    first: Moment
    last: Moment | None = None
    open: str | None = None
    inclusive: bool = False  # 最晚周五: Friday still counts
    start: int = field(default=0)
    end: int = field(default=0)


@dataclass(frozen=True)
class Days:
    """A date in the calendar: first day, day after the last, and the unit it is."""

    start: date
    end: date
    grain: str
    problem: Problem | None = None
    is_range: bool = False
