"""What warranty and membership pay of a booking, and what that uses up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import delete, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import tariffs
from pitstop.care.capacity import NoCapacity
from pitstop.care.service_tables import Entitlement, EntitlementUse
from pitstop.care.tables import Place, ServiceItem, Vehicle
from pitstop.care.tariffs import Covered, Price, make_price

_DAYS_A_MONTH = 30.44
_ROUNDS = 50


async def priced(
    session: AsyncSession,
    items: Sequence[ServiceItem],
    mode: str,
    place: Place,
    vehicle: Vehicle | None,
    *,
    ignoring: str | None = None,
) -> Price:
    """Return what several services cost together, with what is paid by others taken off.

    The way is paid once. `ignoring` is a booking about to be moved: what it uses counts as left.
    """
    model = None if vehicle is None else vehicle.model
    prices = [tariffs.maintenance_price(item, mode, place, model) for item in items]
    parts = sum((price.parts for price in prices), Decimal(0))
    labour = sum((price.labour for price in prices), Decimal(0))
    visit = tariffs.visit_fee(mode)
    if vehicle is None:
        return make_price(parts, labour, visit)
    covered: list[Covered] = []
    left = await _left(session, vehicle.id, ignoring) if _honours(place) else []
    for item, price in zip(items, prices, strict=True):
        amount = price.parts + price.labour
        if amount <= 0:
            continue
        if under_warranty(item, vehicle, clock.now()):
            covered.append(Covered(item.code, "warranty", amount))
        elif used := _take(left, item.code):
            covered.append(Covered(item.code, used.source, amount, used.id))
    if visit > 0 and (used := _take(left, mode)):
        covered.append(Covered(mode, used.source, visit, used.id))
    return make_price(parts, labour, visit, covered)


async def swap_priced(
    session: AsyncSession, mode: str, vehicle: Vehicle, *, ignoring: str | None = None
) -> Price:
    """Return what a swap would cost, an estimate, with a free one taken off if there is one."""
    price = tariffs.swap_price(vehicle.soc, vehicle.pack_kwh, mode)
    used = _take(await _left(session, vehicle.id, ignoring), "swap")
    covered = []
    if used is not None:
        # A free swap is the service fee: energy is always paid by what was used.
        covered.append(Covered("swap", used.source, price.labour, used.id))
    return make_price(price.parts, price.labour, price.visit, covered)


def under_warranty(item: ServiceItem, vehicle: Vehicle, now: datetime) -> bool:
    """Say whether the catalogue has the maker pay for this at the car's age and mileage."""
    rule = item.warranty
    if not rule or vehicle.delivered_at is None:
        return False
    age = timedelta(days=float(rule.get("months", 0)) * _DAYS_A_MONTH)
    return now < vehicle.delivered_at + age and vehicle.mileage_km < rule.get("km", 0)


def _honours(place: Place) -> bool:
    return place.kind in tariffs.tariffs()["maintenance"]["entitlements_at"]


class _Left:
    def __init__(self, row: Entitlement, count: int) -> None:
        self.id, self.kind, self.source, self.count = row.id, row.kind, row.source, count


async def _left(session: AsyncSession, vehicle_id: str, ignoring: str | None) -> list[_Left]:
    now = clock.now()
    query = (
        select(Entitlement)
        .where(
            Entitlement.vehicle_id == vehicle_id,
            or_(Entitlement.expires_at.is_(None), Entitlement.expires_at > now),
        )
        # What expires first is used first.
        .order_by(Entitlement.expires_at.is_(None), Entitlement.expires_at, Entitlement.id)
    )
    rows: Sequence[Entitlement] = (await session.execute(query)).scalars().all()
    if not rows:
        return []
    uses = (
        select(EntitlementUse.entitlement_id, func.count())
        .where(EntitlementUse.entitlement_id.in_([row.id for row in rows]))
        .group_by(EntitlementUse.entitlement_id)
    )
    if ignoring is not None:
        uses = uses.where(EntitlementUse.booking_id != ignoring)
    used = {row[0]: int(row[1]) for row in (await session.execute(uses)).all()}
    return [_Left(row, row.total - used.get(row.id, 0)) for row in rows]


def _take(left: Sequence[_Left], kind: str) -> _Left | None:
    for entry in left:
        if entry.kind == kind and entry.count > 0:
            entry.count -= 1
            return entry
    return None


async def use(session: AsyncSession, booking_id: str, covered: Iterable[Covered]) -> None:
    """Use up what pays for a booking; raises `NoCapacity("entitlement")` if it is gone.

    Call it in a savepoint.
    """
    for item in covered:
        if item.entitlement_id is not None:
            await _use(session, booking_id, item.entitlement_id)


async def _use(session: AsyncSession, booking_id: str, entitlement_id: str) -> None:
    row: Entitlement | None = await session.get(Entitlement, entitlement_id)
    for _ in range(_ROUNDS):
        query = select(EntitlementUse.ordinal).where(
            EntitlementUse.entitlement_id == entitlement_id
        )
        used = set((await session.execute(query)).scalars().all())
        free = [number for number in range(0 if row is None else row.total) if number not in used]
        if not free:
            break
        values = {"entitlement_id": entitlement_id, "ordinal": free[0], "booking_id": booking_id}
        try:
            async with session.begin_nested():
                await session.execute(insert(EntitlementUse), [values])
        except IntegrityError:
            continue
        return
    raise NoCapacity("entitlement")


async def release(session: AsyncSession, booking_id: str) -> None:
    """Give back what a booking would have used up."""
    await session.execute(
        delete(EntitlementUse)
        .where(EntitlementUse.booking_id == booking_id)
        .execution_options(synchronize_session=False)
    )
