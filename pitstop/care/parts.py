"""Parts: what is in stock at a place, what is on its way, and what is kept for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care.capacity import NoCapacity
from pitstop.care.service_tables import Part, PartClaim, PartUnit

Kit = Mapping[str, int]


@dataclass(frozen=True)
class Shelf:
    """What is free of some parts at a place: when each piece can be had, the earliest first."""

    kit: Kit
    units: Mapping[str, Sequence[datetime]]

    def ready_at(self) -> datetime | None:
        """Return from when on the whole kit is there; None: not within what is ordered."""
        moments = []
        for part, count in self.kit.items():
            free = self.units.get(part, ())
            if len(free) < count:
                return None
            moments.append(free[count - 1])
        return max(moments, default=datetime.min.replace(tzinfo=timezone.utc))

    def has(self, start: datetime) -> bool:
        """Say whether the whole kit is there when work begins."""
        ready = self.ready_at()
        return ready is not None and ready <= start


async def tracked(session: AsyncSession, kit: Kit) -> dict[str, int]:
    """Return the parts of a kit that are kept account of: a brand may leave screws out."""
    if not kit:
        return {}
    query = select(Part.code).where(Part.code.in_(list(kit)))
    known = set((await session.execute(query)).scalars().all())
    return {part: count for part, count in kit.items() if part in known and count > 0}


async def shelf(
    session: AsyncSession, place_id: str, kit: Kit, *, ignoring: str | None = None
) -> Shelf:
    """Read what is free of a kit at a place; what `ignoring`, a booking, keeps counts as free."""
    kit = await tracked(session, kit)
    units: dict[str, list[datetime]] = {part: [] for part in kit}
    for unit in await _free(session, place_id, kit, ignoring):
        units[unit.part].append(unit.available_at)
    return Shelf(kit, units)


async def _free(
    session: AsyncSession, place_id: str, kit: Kit, ignoring: str | None
) -> Sequence[PartUnit]:
    if not kit:
        return []
    kept = select(PartClaim.unit_id)
    if ignoring is not None:
        kept = kept.where(PartClaim.booking_id != ignoring)
    query = (
        select(PartUnit)
        .where(
            PartUnit.place_id == place_id,
            PartUnit.part.in_(list(kit)),
            PartUnit.id.not_in(kept.where(PartClaim.unit_id == PartUnit.id).correlate(PartUnit)),
        )
        .order_by(PartUnit.available_at, PartUnit.id)
    )
    rows: Sequence[PartUnit] = (await session.execute(query)).scalars().all()
    return rows


async def claim(
    session: AsyncSession, booking_id: str, place_id: str, kit: Kit, start: datetime
) -> None:
    """Keep the kit for a booking that begins at `start`; raises `NoCapacity("part")`.

    Takes what comes in last but in time, so that what is in stock stays for who comes sooner.
    Call it in a savepoint.
    """
    kit = await tracked(session, kit)
    for _ in range(_ATTEMPTS):
        rows = []
        free = [u for u in await _free(session, place_id, kit, None) if u.available_at <= start]
        for part, count in sorted(kit.items()):
            pieces = [unit for unit in free if unit.part == part][-count:]
            if len(pieces) < count:
                raise NoCapacity("part")
            rows += [{"unit_id": unit.id, "booking_id": booking_id} for unit in pieces]
        if not rows:
            return
        rows.sort(key=lambda row: str(row["unit_id"]))
        try:
            async with session.begin_nested():
                await session.execute(insert(PartClaim), rows)
        except IntegrityError:
            continue
        return
    raise NoCapacity("part")


_ATTEMPTS = 200  # each time somebody else was faster, so that there is progress


async def release(session: AsyncSession, booking_id: str) -> None:
    """Put what was kept for a booking back on the shelf."""
    await session.execute(
        delete(PartClaim)
        .where(PartClaim.booking_id == booking_id)
        .execution_options(synchronize_session=False)
    )


async def kept_for(session: AsyncSession, booking_id: str) -> list[tuple[str, datetime]]:
    """Return the names of the parts kept for a booking, each with when it is there."""
    query = (
        select(Part.name, PartUnit.available_at)
        .join(PartUnit, PartUnit.part == Part.code)
        .join(PartClaim, PartClaim.unit_id == PartUnit.id)
        .where(PartClaim.booking_id == booking_id)
        .order_by(Part.name, PartUnit.available_at)
    )
    return [(row[0], row[1]) for row in (await session.execute(query)).all()]
