"""What a booking occupies: resources, in ticks of a quarter of an hour.

The database refuses a second booking of the same tick; nobody checks first. Whoever looks for
free time only saves the owner a disappointment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care.tables import Resource, Tick

TICK = timedelta(minutes=15)


class NoCapacity(Exception):
    """Nothing is left of something that the booking needs; its `kind` is the argument."""


@dataclass(frozen=True)
class Need:
    """One resource that a booking takes for its whole time."""

    kind: str
    skill: str | None = None
    pack_kwh: int | None = None

    def met_by(self, resource: Resource) -> bool:
        """Say whether this resource would do."""
        return (
            resource.kind == self.kind
            and resource.active
            and (self.skill is None or self.skill in resource.skills)
            and (self.pack_kwh is None or resource.pack_kwh == self.pack_kwh)
        )


@dataclass(frozen=True)
class Board:
    """What a place has, and what of it is taken in a stretch of time."""

    resources: Sequence[Resource]
    taken: frozenset[tuple[str, datetime]]

    def has(self, need: Need) -> bool:
        """Say whether the place has such a thing at all."""
        return any(need.met_by(resource) for resource in self.resources)

    def free(self, need: Need, start: datetime, end: datetime) -> list[Resource]:
        """Return what would do and is free all the time, in the order it is to be taken."""
        moments = ticks(start, end)
        return [
            resource
            for resource in self.resources
            if need.met_by(resource)
            and not any((resource.id, moment) in self.taken for moment in moments)
        ]

    def fits(self, needs: Sequence[Need], start: datetime, end: datetime) -> bool:
        """Say whether everything needed is free."""
        return all(self.free(need, start, end) for need in needs)


def ticks(start: datetime, end: datetime) -> list[datetime]:
    """Return the beginnings of the quarters that a stretch of time touches."""
    first = start - (start - datetime.min.replace(tzinfo=start.tzinfo)) % TICK
    moments = []
    while first < end:
        moments.append(first)
        first += TICK
    return moments


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
    taken = (
        select(Tick.resource_id, Tick.starts_at)
        .join(Resource, Resource.id == Tick.resource_id)
        .where(
            Resource.place_id == place_id,
            Tick.starts_at > start - TICK,
            Tick.starts_at < end,
        )
    )
    if ignoring is not None:
        taken = taken.where(Tick.booking_id != ignoring)
    rows = (await session.execute(taken)).all()
    return Board(resources, frozenset((row[0], row[1]) for row in rows))


async def take(
    session: AsyncSession,
    booking_id: str,
    place_id: str,
    needs: Sequence[Need],
    start: datetime,
    end: datetime,
) -> None:
    """Occupy one of each need for the booking; raises `NoCapacity`.

    Call it in a savepoint: what was taken before the exception goes with that.
    """
    now = await board(session, place_id, start, end)
    for need in needs:
        for resource in now.free(need, start, end):
            if await _take(session, booking_id, resource.id, start, end):
                break
        else:
            raise NoCapacity(need.kind)


async def _take(
    session: AsyncSession, booking_id: str, resource_id: str, start: datetime, end: datetime
) -> bool:
    rows = [
        {"resource_id": resource_id, "starts_at": moment, "booking_id": booking_id}
        for moment in ticks(start, end)
    ]
    try:
        async with session.begin_nested():
            await session.execute(insert(Tick), rows)
    except IntegrityError:
        # Somebody took it since we looked; there may be another one.
        return False
    return True


async def release(session: AsyncSession, booking_id: str) -> None:
    """Give back everything the booking occupies."""
    await session.execute(
        delete(Tick)
        .where(Tick.booking_id == booking_id)
        .execution_options(synchronize_session=False)
    )
