"""How many charged packs a swap station will have, and how surely there is one to promise.

A pack that left comes back empty and is charged again for an hour or so. So what is missing at a
moment is what left within that hour: of cars that just come, a Poisson number with the mean
``m = sum of arrivals(u) * P(not charged again after t - u)``, as in a time-varying infinite-server
queue, cut off where the station has nothing left to give (the "modified offered load" of a loss
system, Massey and Whitt 1994). Days differ, so that the number is a mixture (negative binomial).
To it come what is charging now, which is known, and the bookings, each with its chance to have
come. Where few packs charge at once, or cars queue for the bay, the flow is held up accordingly.

Nothing is learned from; all it needs stands in `Place.station` (see `Pattern`) and the settings in
``stations.yml``. How far off it is, is measured against ``tools/station_simulation.py``.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import chinese_calendar
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import stations
from pitstop.care.service_tables import Closure
from pitstop.care.tables import Booking, Place, Resource, Vehicle

DayKind = Literal["weekday", "weekend", "holiday"]
Row = NDArray[np.float64]
Span = tuple[float, float]
_DAY = 24 * 60
_MINUTE = timedelta(minutes=1)
# What has been promised and is not over: `broken` is not promised any more.
PROMISED = ("booked", "planned", "locked")


@dataclass(frozen=True)
class Basis:
    """What a forecast rests on. `coming`: the packs that cars without a booking will have taken
    and that are not charged again; `promised`: what is kept then for bookings."""

    packs: int
    ready_now: int
    still_charging: int
    coming: float
    promised: int
    day: DayKind


@dataclass(frozen=True)
class Forecast:
    """`expected`: charged packs of the kind at that time. `chance`: of at least one beyond those
    promised, 0 to 1.

    `kept`: the chance that a promise made now would be kept. It is higher: a pack is kept for it
    as soon as one is charged, ``hold_minutes`` before, and the car waits ``waits_minutes``.
    """

    expected: float
    chance: float
    basis: Basis
    kept: float


@dataclass(frozen=True)
class Pattern:
    """A station as its records show it: `Place.station`, with defaults from ``stations.yml``.

    `arrivals`: cars an hour that come without a booking, hour by hour, on a weekday and on a
    weekend day; a public holiday is the latter times `holiday_factor`. `mix`: shares of the pack
    sizes they want. `charge_minutes`: from empty to full. `chargers`: how many charge at once.
    """

    arrivals: Mapping[str, Sequence[float]]
    holiday_factor: float
    mix: Mapping[int, float]
    charge_minutes: Mapping[int, float]
    chargers: int

    @classmethod
    def of(cls, station: Mapping[str, Any], packs: Sequence[int]) -> Pattern:
        """Read what is known of a station that has packs of these kWh."""
        known = {**stations.section("forecast")["station"], **station}
        sizes = set(packs)
        mix = {int(kwh): float(share) for kwh, share in known.get("mix", {}).items()}
        if not sum(mix.get(kwh, 0.0) for kwh in sizes):
            mix = {kwh: packs.count(kwh) / len(packs) for kwh in sizes}
        minutes = {int(kwh): float(long) for kwh, long in known["charge_minutes"].items()}
        return cls(
            arrivals=known["arrivals"],
            holiday_factor=float(known["holiday_factor"]),
            mix=mix,
            # At the same power twice the pack takes twice as long.
            charge_minutes={kwh: minutes.get(kwh, float(kwh)) for kwh in {*mix, *sizes}},
            chargers=int(known.get("chargers") or len(packs) or 1),
        )


@dataclass(frozen=True)
class Slot:
    """A pack's place at a station; `soc` in per cent. `gone`: when it cannot be used, in minutes
    from now."""

    kwh: int
    soc: float
    gone: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Promise:
    """A booking that is still to come, its window in minutes from now."""

    kwh: int | None
    start: float
    until: float


@dataclass(frozen=True)
class Stock:
    """A station at a moment, `now`. `shut`: nobody can swap; `dark`: nothing is charged either."""

    now: datetime
    pattern: Pattern
    slots: Sequence[Slot]
    promises: Sequence[Promise] = ()
    shut: Sequence[Span] = ()
    dark: Sequence[Span] = ()


async def ready_packs(
    session: AsyncSession,
    place: Place,
    pack_kwh: int,
    at: datetime,
    *,
    ignoring: str | None = None,
) -> Forecast:
    """Return how many charged packs of that size to expect at `at`, and the chance of a free one.

    `ignoring` is a booking about to be moved. A moment in the past counts as now.
    """
    return foresee(await stock_of(session, place, ignoring=ignoring), pack_kwh, at)


async def stock_of(session: AsyncSession, place: Place, *, ignoring: str | None = None) -> Stock:
    """Read a station as it is now; one reading serves many calls of `foresee`."""
    now = clock.now()
    # Columns, not rows of their own: this is called for every time that may be offered.
    query = (
        select(Resource.id, Resource.kind, Resource.pack_kwh, Resource.soc)
        .where(
            Resource.place_id == place.id,
            Resource.active.is_(True),
            Resource.kind.in_(("pack", "bay")),
        )
        .order_by(Resource.id)
    )
    resources = (await session.execute(query)).all()
    query = select(Closure.resource_id, Closure.start, Closure.end, Closure.reason).where(
        Closure.place_id == place.id, Closure.lifted_at.is_(None), Closure.end > now
    )
    closures = (await session.execute(query)).all()
    query = (
        select(Booking.id, Booking.start, Booking.end, Booking.lock_until, Vehicle.pack_kwh)
        .join(Vehicle, Vehicle.id == Booking.vehicle_id, isouter=True)
        .where(
            Booking.place_id == place.id,
            Booking.kind == "swap",
            Booking.status == "confirmed",
            Booking.step.in_(PROMISED),
            Booking.end > now - timedelta(days=1),
        )
    )
    promises = [
        Promise(kwh, _minutes(start, now), _minutes(until or stations.lock_until(end), now))
        for booking_id, start, end, until, kwh in (await session.execute(query)).all()
        if booking_id != ignoring
    ]
    gone: dict[str | None, list[Span]] = {}
    dark: list[Span] = []
    for resource_id, start, end, reason in closures:
        span = (_minutes(start, now), _minutes(end, now))
        gone.setdefault(resource_id, []).append(span)
        if resource_id is None and reason == "power_limit":
            dark.append(span)
    bays = [row.id for row in resources if row.kind == "bay"]
    shut = list(gone.get(None, []))
    if len(bays) == 1:
        shut += gone.get(bays[0], [])
    slots = [
        # A pack whose charge nobody has written down is taken for full.
        Slot(
            row.pack_kwh or 0,
            100.0 if row.soc is None else float(row.soc),
            tuple(gone.get(row.id, ())),
        )
        for row in resources
        if row.kind == "pack"
    ]
    pattern = Pattern.of(place.station or {}, [slot.kwh for slot in slots])
    return Stock(now, pattern, slots, promises, shut, dark)


def _minutes(moment: datetime, now: datetime) -> float:
    return (moment - now) / _MINUTE


def foresee(stock: Stock, pack_kwh: int, at: datetime) -> Forecast:
    """Return the forecast for one size of pack; about 0.3 ms, whatever the time ahead."""
    rules = stations.section("forecast")
    ahead = max(0.0, _minutes(at, stock.now))
    usable = [slot for slot in stock.slots if not _within(slot.gone, ahead)]
    own = [slot for slot in usable if slot.kwh == pack_kwh]
    charged = _charged_at(stock, usable, rules)
    still = sum(kwh == pack_kwh and when > ahead for kwh, when in charged)
    kept, gone, taken = _promised(stock, pack_kwh, ahead, rules)
    begins = max(0.0, ahead - rules["look_back_minutes"])
    count = math.ceil((ahead - begins) / rules["step_minutes"])
    coming = wait = 0.0
    if count and pack_kwh in stock.pattern.mix:
        step = (ahead - begins) / count
        times = begins + (np.arange(count) + 0.5) * step
        leaving = _through_the_bay(stock, _cars(stock, times, rules) * (step / 60), times, step)
        waits = _waits(stock, leaving, times, step, charged)
        wait = float(waits[-1])
        back = _not_back(stock.pattern, pack_kwh, ahead - times - waits, rules)
        coming = float(leaving @ back) * stock.pattern.mix[pack_kwh]
    room = len(own) - still - kept
    basis = Basis(
        packs=len(own),
        ready_now=sum(slot.soc >= rules["ready_soc"] for slot in own),
        still_charging=still,
        coming=coming,
        promised=kept,
        day=day_kind(at.astimezone(clock.SHANGHAI).date()),
    )
    if room < 0 or not own:
        return Forecast(max(0.0, room + kept - gone), 0.0, basis, 0.0)
    missing = _mixed(coming, room, rules["day_spread"])
    for chance in taken:
        missing = _one_more(missing, chance)
    total = float(missing.sum())
    missing = missing / total if total > 0 else np.eye(room + 1)[room]
    out = float(missing @ np.arange(room + 1))
    expected = max(0.0, room + kept - gone - out)
    if _within(stock.shut, ahead):
        return Forecast(expected, 0.0, basis, 0.0)
    chance = 1.0 - float(missing[room])
    # How many packs will be charged while one is kept: the first of them is for the promise.
    long = sum(_charging(stock.pattern, pack_kwh, rules)) / 2 + wait
    charged_soon = (still + out) * (rules["hold_minutes"] + rules["waits_minutes"]) / long
    return Forecast(expected, chance, basis, 1.0 - (1.0 - chance) * math.exp(-charged_soon))


@lru_cache(maxsize=1000)
def day_kind(day: date) -> DayKind:
    """Say how a day counts: a public holiday, a weekend, or a day of work (made-up ones too)."""
    try:
        off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        # The State Council announces a year at the end of the one before.
        return "weekend" if day.isoweekday() >= 6 else "weekday"
    if not off:
        return "weekday"
    return "holiday" if name else "weekend"


# ---- the cars -----------------------------------------------------------------------------------


def _cars(stock: Stock, times: Row, rules: Mapping[str, Any]) -> Row:
    """Return the cars an hour at these minutes from now: those that just come, and those that
    will yet book. None while the station is shut."""
    local = stock.now.astimezone(clock.SHANGHAI)
    since_midnight = local.hour * 60 + local.minute + local.second / 60
    hours = ((since_midnight + times) // 60).astype(int)
    pattern, rates = stock.pattern, np.empty(len(times))
    for hour in range(int(hours[0]), int(hours[-1]) + 1):
        kind = day_kind(local.date() + timedelta(days=hour // 24))
        rate = float(pattern.arrivals["weekday" if kind == "weekday" else "weekend"][hour % 24])
        rates[hours == hour] = rate * (pattern.holiday_factor if kind == "holiday" else 1.0)
    yet_to_book = 1 - np.exp(-times / rules["lead_minutes"])
    rates *= 1 + rules["bookings"] * (1 - rules["no_show"]) * yet_to_book
    for begins, ends in stock.shut:
        rates[(times >= begins) & (times < ends)] = 0.0
    return rates


def _through_the_bay(stock: Stock, cars: Row, times: Row, step: float) -> Row:
    """Return how many cars leave the bay in each step: one at a time; who waits long goes away."""
    most = step / stations.section("forecast")["swap_minutes"]
    if float(cars.max()) <= most:
        return cars
    left, line = np.empty(len(cars)), 0.0
    for at in range(len(cars)):
        line += cars[at]
        left[at] = min(line, most)
        line = (line - left[at]) * max(0.0, 1 - step / 60)
    return left


# ---- the packs ----------------------------------------------------------------------------------


def _charged_at(
    stock: Stock, slots: Sequence[Slot], rules: Mapping[str, Any]
) -> list[tuple[int, float]]:
    """Return for each pack that is not charged its size and the minute at which it will be.

    The fullest ones are on the chargers, the others wait for one.
    """
    minutes = stock.pattern.charge_minutes
    missing = sorted(
        ((rules["ready_soc"] - slot.soc) / 100 * minutes[slot.kwh], slot.kwh)
        for slot in slots
        if slot.soc < rules["ready_soc"]
    )
    chargers = [0.0] * max(1, stock.pattern.chargers)
    done = []
    for long, kwh in missing:
        when = heapq.heappop(chargers) + long
        heapq.heappush(chargers, when)
        done.append((kwh, _after(stock.dark, when)))
    return done


def _after(dark: Sequence[Span], when: float) -> float:
    """Put a moment off by what passes without power before it."""
    for begins, ends in sorted(dark):
        if begins < when:
            when += max(0.0, ends - max(0.0, begins))
    return when


def _waits(
    stock: Stock, leaving: Row, times: Row, step: float, charged: Sequence[tuple[int, float]]
) -> Row:
    """Return how many minutes a pack that comes back then waits for a charger."""
    rules, chargers = stations.section("forecast"), stock.pattern.chargers
    count = len(times)
    waits = np.zeros(count)
    if chargers >= len(stock.slots) and not stock.dark:
        return waits
    mixed = np.zeros(count)
    for kwh, share in stock.pattern.mix.items():
        mixed += share * _not_back(stock.pattern, kwh, np.arange(count) * step, rules)
    long = max(step, float(mixed.sum()) * step)
    ends = np.sort([when for _, when in charged])
    # Those that were on the chargers before.
    old = np.minimum(chargers, len(ends) - np.searchsorted(ends, times))
    begun, line = np.zeros(count), 0.0
    # No more can wait than there are packs.
    longest = max(0, len(stock.slots) - chargers)
    for at in range(count):
        free = chargers - float(begun[:at] @ mixed[at:0:-1]) - old[at]
        line += leaving[at]
        if free > 0 and not _within(stock.dark, times[at]):
            begun[at] = min(line, free)
        line = min(line - begun[at], longest)
        waits[at] = line * long / chargers
    for begins, over in stock.dark:
        inside = (times >= begins) & (times < over)
        waits[inside] += over - times[inside]
    return waits


def _not_back(pattern: Pattern, kwh: int, since: Row, rules: Mapping[str, Any]) -> Row:
    """Return the chance that a pack of that size is not charged again, so many minutes after the
    charged one left in its stead (less what it waited for a charger)."""
    least, most = _charging(pattern, kwh, rules)
    share: Row = np.clip((most - since) / max(most - least, 1e-9), 0.0, 1.0)
    return share


def _charging(pattern: Pattern, kwh: int, rules: Mapping[str, Any]) -> Span:
    """Return within how many minutes of a car's coming the pack it leaves is charged."""
    returned, minutes = rules["returned_soc"], pattern.charge_minutes[kwh] / 100
    least = rules["swap_minutes"] + (rules["ready_soc"] - returned["most"]) * minutes
    most = rules["swap_minutes"] + (rules["ready_soc"] - returned["least"]) * minutes
    return float(least), float(most)


def _promised(
    stock: Stock, kwh: int, ahead: float, rules: Mapping[str, Any]
) -> tuple[int, float, list[float]]:
    """Return how many packs are kept for bookings at that time, how many of those cars will have
    come already, and for each earlier booking the chance that its pack is still being charged."""
    kept, gone, taken = 0, 0.0, []
    comes = 1 - rules["no_show"]
    early, late = rules["early_minutes"], rules["late_minutes"]
    for promise in stock.promises:
        if promise.kwh != kwh or promise.until <= 0:
            continue
        if promise.until <= ahead:
            since = np.array([ahead - promise.start])
            taken.append(comes * float(_not_back(stock.pattern, kwh, since, rules)[0]))
        elif promise.start - rules["hold_minutes"] <= ahead:
            kept += 1
            share = (ahead - promise.start + early) / (early + late)
            gone += comes * min(1.0, max(0.0, share))
    return kept, gone, taken


def _within(spans: Sequence[Span], moment: float) -> bool:
    return any(begins <= moment < ends for begins, ends in spans)


# ---- the number that is missing -----------------------------------------------------------------


def _mixed(mean: float, most: int, spread: float) -> Row:
    """Return the chances of 0 to `most` of a Poisson number whose mean is itself spread."""
    chances = np.zeros(most + 1)
    if mean <= 0:
        chances[0] = 1.0
        return chances
    if spread <= 0:
        chances[0] = math.exp(-mean)
        for n in range(1, most + 1):
            chances[n] = chances[n - 1] * mean / n
        return chances
    shape = spread**-2
    share = mean / (mean + shape)
    chances[0] = (1 - share) ** shape
    for n in range(1, most + 1):
        chances[n] = chances[n - 1] * share * (shape + n - 1) / n
    return chances


def _one_more(chances: Row, chance: float) -> Row:
    """Add something that is missing with that chance; what is beyond the end is cut off."""
    moved: Row = chances * (1 - chance)
    moved[1:] += chances[:-1] * chance
    return moved
