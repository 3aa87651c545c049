"""What a booking occupies: resources, in ticks of a quarter of an hour.

The database refuses a second booking of the same tick; nobody checks first. Whoever looks for
free time only saves the owner a disappointment. A stretch of time is a whole number here, one bit
a quarter: a month of a busy place is compared in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care.hours import Calendar
from pitstop.care.service_tables import Closure
from pitstop.care.tables import Resource, ResourceException, Tick

TICK = timedelta(minutes=15)
_SECONDS = 900
_NONE = timedelta(0)
_DAY = timedelta(days=1)


class NoCapacity(Exception):
    """Nothing is left of something that the booking needs; its `kind` is the argument."""


def number_of(moment: datetime) -> int:
    """Return the number of the quarter that a moment lies in, counted from 1970 in UTC."""
    return int(moment.timestamp()) // _SECONDS


def moment_of(number: int) -> datetime:
    """Return the beginning of a quarter, in UTC."""
    return datetime.fromtimestamp(number * _SECONDS, timezone.utc)


def numbers(start: datetime, end: datetime) -> range:
    """Return the quarters that a stretch of time touches."""
    until = end.timestamp()
    last = int(until) // _SECONDS
    return range(number_of(start), last if last * _SECONDS == until else last + 1)


@dataclass(frozen=True)
class Need:
    """One resource that a booking takes: for its whole time, or for `length` from `offset` on.

    `id` is a certain one (the technician whom the owner asked for).
    """

    kind: str
    skills: frozenset[str] = frozenset()
    pack_kwh: int | None = None
    id: str | None = None
    offset: timedelta = _NONE
    length: timedelta | None = None

    def met_by(self, resource: Resource) -> bool:
        """Say whether this resource would do."""
        return (
            resource.kind == self.kind
            and resource.active
            and (self.id is None or resource.id == self.id)
            and self.skills <= set(resource.skills)
            and (self.pack_kwh is None or resource.pack_kwh == self.pack_kwh)
        )

    def when(self, start: datetime, end: datetime) -> range:
        """Return the quarters that it takes of a booking from `start` to `end`."""
        begins = start + self.offset
        return numbers(begins, end if self.length is None else begins + self.length)


@dataclass(frozen=True)
class Board:
    """What a place has, and what of it cannot be had in a stretch of time.

    Bit n of a mask is the quarter `first` + n. `taken` is in the database, `away` (shifts, leave,
    closures of one thing) is not: nobody may come to be booked outside their hours.
    """

    resources: Sequence[Resource]
    first: int
    last: int
    taken: Mapping[str, int] = field(default_factory=dict)
    away: Mapping[str, int] = field(default_factory=dict)
    _known: dict[Need, list[tuple[Resource, str, int]]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def _candidates(self, need: Need) -> list[tuple[Resource, str, int]]:
        """Return who would do for a need, each with what is not free of them; worked out once."""
        known = self._known.get(need)
        if known is None:
            known = self._known[need] = [
                (row, row.id, self.taken.get(row.id, 0) | self.away.get(row.id, 0))
                for row in self.resources
                if need.met_by(row)
            ]
        return known

    def has(self, need: Need) -> bool:
        """Say whether the place has such a thing at all."""
        return any(need.met_by(resource) for resource in self.resources)

    def has_all(self, needs: Sequence[Need]) -> bool:
        """Say whether the place has everything at once, were nothing taken."""
        moment = moment_of(self.first)
        empty = Board(self.resources, self.first, self.first)
        return empty.choose(needs, moment, moment + TICK) is not None

    def choose(
        self, needs: Sequence[Need], start: datetime, end: datetime
    ) -> list[Resource] | None:
        """Return a resource for each need, free and no one twice at a time; None: there is none.

        In the order in which they are to be taken: who can do least first. Tries all, so that
        somebody who can do one thing only is not passed over for somebody who can do both.
        """
        spans = [_mask(need.when(start, end), self.first) for need in needs]
        return self._choose(needs, spans, 0, {})

    def _choose(
        self, needs: Sequence[Need], spans: Sequence[int], at: int, used: dict[str, int]
    ) -> list[Resource] | None:
        if at == len(needs):
            return []
        span = spans[at]
        for resource, key, busy in self._candidates(needs[at]):
            taken = used.get(key, 0)
            if span & (busy | taken):
                continue
            rest = self._choose(needs, spans, at + 1, {**used, key: taken | span})
            if rest is not None:
                return [resource, *rest]
        return None

    def free(self, need: Need, start: datetime, end: datetime) -> list[Resource]:
        """Return what would do and is free all the time, in the order it is to be taken."""
        span = _mask(need.when(start, end), self.first)
        return [row for row, _, busy in self._candidates(need) if not span & busy]

    def fits(self, needs: Sequence[Need], start: datetime, end: datetime) -> bool:
        """Say whether everything needed is free."""
        return self.choose(needs, start, end) is not None


def _mask(quarters: range, first: int) -> int:
    """Return the bits of some quarters; those before `first` are left out."""
    low, high = max(quarters.start, first) - first, max(quarters.stop, first) - first
    return ((1 << (high - low)) - 1) << low if high > low else 0


async def board(
    session: AsyncSession,
    place_id: str,
    start: datetime,
    end: datetime,
    *,
    ignoring: str | None = None,
) -> Board:
    """Read what a place has and what is taken; `ignoring` is a booking about to be moved."""
    query = select(Resource).where(Resource.place_id == place_id, Resource.active.is_(True))
    resources: list[Resource] = list((await session.execute(query)).scalars().all())
    # Who can do least goes first, so that specialists stay free. The same order in every
    # process: two that take several rows each can then wait for one another only one way.
    resources.sort(key=lambda resource: (len(resource.skills), resource.id))
    first, last = number_of(start), numbers(start, end).stop
    if not resources or last <= first:
        return Board(resources, first, last)
    ids = [resource.id for resource in resources]
    query = select(Tick.resource_id, Tick.number).where(
        Tick.resource_id.in_(ids), Tick.number >= first, Tick.number < last
    )
    if ignoring is not None:
        query = query.where(Tick.booking_id != ignoring)
    marks: dict[str, bytearray] = {}
    for resource_id, number in (await session.execute(query)).all():
        mark = marks.get(resource_id)
        if mark is None:
            mark = marks[resource_id] = bytearray((last - first) // 8 + 1)
        mark[(number - first) >> 3] |= 1 << ((number - first) & 7)
    taken = {key: int.from_bytes(mark, "little") for key, mark in marks.items()}
    return Board(resources, first, last, taken, await _away(session, resources, first, last))


async def _away(
    session: AsyncSession, resources: Sequence[Resource], first: int, last: int
) -> dict[str, int]:
    start, end = moment_of(first), moment_of(last)
    away: dict[str, int] = {}
    ids = [resource.id for resource in resources]
    query = select(Closure).where(
        Closure.resource_id.in_(ids),
        Closure.lifted_at.is_(None),
        Closure.end > start,
        Closure.start < end,
    )
    for closure in (await session.execute(query)).scalars().all():
        assert closure.resource_id is not None
        span = _mask(numbers(max(closure.start, start), min(closure.end, end)), first)
        away[closure.resource_id] = away.get(closure.resource_id, 0) | span
    # Only people have shifts and leave.
    people = [row for row in resources if row.kind in {"technician", "driver", "van"}]
    if not people:
        return away
    leave = await _leave(session, [row.id for row in people], start, end)
    everything = (1 << (last - first)) - 1
    shifts: dict[str, int] = {}
    for row in people:
        if row.hours is None and row.id not in leave:
            continue
        always = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": "00:00", "closes": "24:00"}]
        # Most people of a place share a shift: it is worked out once.
        key = f"{row.hours}{leave.get(row.id)}"
        if key not in shifts:
            works = Calendar(always if row.hours is None else row.hours, leave.get(row.id, {}))
            shifts[key] = everything & ~_working(works, start, end, first)
        away[row.id] = away.get(row.id, 0) | shifts[key]
    return away


async def _leave(
    session: AsyncSession, ids: Iterable[str], start: datetime, end: datetime
) -> dict[str, dict[str, list[dict[str, str]]]]:
    query = select(ResourceException).where(
        ResourceException.resource_id.in_(list(ids)),
        ResourceException.day >= (start.astimezone(clock.SHANGHAI).date() - _DAY).isoformat(),
        ResourceException.day <= end.astimezone(clock.SHANGHAI).date().isoformat(),
    )
    found: dict[str, dict[str, list[dict[str, str]]]] = {}
    for row in (await session.execute(query)).scalars().all():
        found.setdefault(row.resource_id, {})[row.day] = row.windows
    return found


def _working(works: Calendar, start: datetime, end: datetime, first: int) -> int:
    day = start.astimezone(clock.SHANGHAI).date() - _DAY
    last = end.astimezone(clock.SHANGHAI).date()
    mask = 0
    while day <= last:
        for opens, closes in works.windows(day):
            # Only whole quarters: nobody is booked for a minute after their shift.
            begins = -(-int(opens.timestamp()) // _SECONDS)
            mask |= _mask(range(begins, number_of(closes)), first)
        day += _DAY
    return mask


async def take(
    session: AsyncSession,
    booking_id: str,
    place_id: str,
    needs: Sequence[Need],
    start: datetime,
    end: datetime,
) -> list[Resource]:
    """Occupy one of each need for the booking and return them; raises `NoCapacity`.

    Call it in a savepoint: what was taken before the exception goes with that.
    """
    for _ in range(_ATTEMPTS):
        chosen = (await board(session, place_id, start, end)).choose(needs, start, end)
        if chosen is None:
            break
        rows = [
            {"resource_id": resource.id, "number": number, "booking_id": booking_id}
            for need, resource in zip(needs, chosen, strict=True)
            for number in need.when(start, end)
        ]
        # In one order everywhere: two processes then never wait for one another in a ring.
        rows.sort(key=lambda row: (str(row["resource_id"]), int(str(row["number"]))))
        try:
            async with session.begin_nested():
                await session.execute(insert(Tick), rows)
                await _still_there(session, {resource.id for resource in chosen})
        except (IntegrityError, _Gone):
            # Somebody took it since we looked; there may be another one.
            continue
        return chosen
    raise NoCapacity(needs[0].kind if needs else "")


class _Gone(Exception):
    """What was chosen has been taken out of use since we looked."""


async def _still_there(session: AsyncSession, ids: set[str]) -> None:
    """Raise `_Gone` if a supervisor has taken one of these out of use meanwhile.

    Their change holds the row: the ticks' foreign keys have waited for it.
    """
    query = select(func.count()).where(Resource.id.in_(ids), Resource.active.is_(True))
    if int((await session.execute(query)).scalar_one()) != len(ids):
        raise _Gone


_ATTEMPTS = 200
"""How often we look again: each time somebody else was faster, so that there is progress."""


async def release(session: AsyncSession, booking_id: str) -> None:
    """Give back everything the booking occupies."""
    await session.execute(
        delete(Tick)
        .where(Tick.booking_id == booking_id)
        .execution_options(synchronize_session=False)
    )
