"""Closures: a place, or one thing of it, that cannot be used for a while.

What was promised in one is kept some other way or broken at once (see `promises`), in the
transaction that writes it. Nothing is offered in it: `hours.Calendar` and `capacity.board` read
the same rows.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.care import places, promises, staff_permissions
from pitstop.care.service_tables import Closure
from pitstop.care.tables import Resource, Staff
from pitstop.storage.events import emit

Reason = Literal["maintenance", "power_limit", "weather", "road_works", "broken", "other"]
REASONS: tuple[str, ...] = get_args(Reason)


class ClosureRefused(Exception):
    """It cannot be closed like that; nothing was written. `code`: bad_reason, end_before_start,
    over, id_conflict."""

    def __init__(self, code: str) -> None:
        super().__init__(f"refused: {code}")
        self.code = code


async def close(
    session: AsyncSession,
    staff: Staff,
    place_id: str,
    *,
    start: datetime,
    end: datetime,
    reason: str,
    note: str | None = None,
    resource_id: str | None = None,
    client_id: str,
) -> Closure:
    """Close a place, or one thing of it, and settle what was promised then.

    The same `client_id` finds the first closure. Raises `StaffNotAllowed`, `LookupError` for an
    unknown place or a thing of another one, `ClosureRefused`.
    """
    staff_permissions.require(staff, "work_service")
    await places.place(session, place_id)
    if resource_id is not None:
        resource: Resource | None = await session.get(Resource, resource_id)
        if resource is None or resource.place_id != place_id:
            raise LookupError(f"no {resource_id} at {place_id}")
    if reason not in REASONS:
        raise ClosureRefused("bad_reason")
    if end <= start:
        raise ClosureRefused("end_before_start")
    # The id is made of the page's own: the database refuses a second one.
    closure_id = fingerprint(f"closure:{client_id}")[:26]
    known: Closure | None = await session.get(Closure, closure_id)
    if known is not None:
        return _same(known, place_id, resource_id, start, end)
    if end <= clock.now():
        raise ClosureRefused("over")
    closure = Closure(
        id=closure_id,
        place_id=place_id,
        resource_id=resource_id,
        start=start,
        end=end,
        reason=reason,
        note=note,
        created_by=staff.username,
    )
    try:
        async with session.begin_nested():
            session.add(closure)
    except IntegrityError:
        # The same press in another process, and that one was faster.
        query = select(Closure).where(Closure.id == closure_id)
        first: Closure = (await session.execute(query)).scalar_one()
        return _same(first, place_id, resource_id, start, end)
    emit(session, "closure.made", closure.id, place_id=place_id)
    await promises.break_promises(session, closure)
    return closure


def _same(
    known: Closure, place_id: str, resource_id: str | None, start: datetime, end: datetime
) -> Closure:
    same = (known.place_id, known.resource_id, known.start, known.end)
    if same != (place_id, resource_id, start, end):
        raise ClosureRefused("id_conflict")
    return known


async def lift(session: AsyncSession, staff: Staff, closure_id: str, *, client_id: str) -> Closure:
    """Open again what was closed, and take up what can be of the promises it broke.

    Lifted already: as it is, whatever the `client_id`. Raises `StaffNotAllowed`, `LookupError`.
    """
    staff_permissions.require(staff, "work_service")
    query = select(Closure).where(Closure.id == closure_id).with_for_update()
    result = await session.execute(query.execution_options(populate_existing=True))
    closure: Closure | None = result.scalar_one_or_none()
    if closure is None:
        raise LookupError(f"no closure {closure_id}")
    if closure.lifted_at is not None:
        return closure
    closure.lifted_at = clock.now()
    await session.flush()
    emit(session, "closure.lifted", closure.id, place_id=closure.place_id, client_id=client_id)
    await promises.mend(session, closure)
    return closure


async def closures_of(session: AsyncSession, place_id: str) -> list[Closure]:
    """Return what is or will be closed at a place, the place itself and things of it."""
    query = (
        select(Closure)
        .where(
            Closure.place_id == place_id,
            Closure.lifted_at.is_(None),
            Closure.end > clock.now(),
        )
        .order_by(Closure.start, Closure.id)
    )
    return list((await session.execute(query)).scalars().all())


async def closed_at(
    session: AsyncSession,
    place_id: str,
    start: datetime,
    end: datetime,
    resource_ids: Collection[str] | None = None,
) -> Closure | None:
    """Return what keeps the place, or one of these things, shut in some of that time."""
    whole = Closure.resource_id.is_(None)
    things = sorted(resource_ids or ())
    query = (
        select(Closure)
        .where(
            Closure.place_id == place_id,
            Closure.lifted_at.is_(None),
            Closure.start < end,
            Closure.end > start,
            or_(whole, Closure.resource_id.in_(things)) if things else whole,
        )
        .order_by(Closure.start, Closure.id)
        .limit(1)
    )
    found: Closure | None = (await session.execute(query)).scalar_one_or_none()
    return found
