"""What an owner wants booked, checked against what the place, the service and the car allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import catalogue, coverage, places, tariffs
from pitstop.care.capacity import Board, Need, board
from pitstop.care.reach import refusal
from pitstop.care.refusals import Refused
from pitstop.care.tables import Place, ServiceItem, Vehicle
from pitstop.care.tariffs import Price

Kind = Literal["maintenance", "swap", "test_drive"]

_DEFAULT_MODE = {"maintenance": "in_store", "swap": "station", "test_drive": "in_store"}
_SWAP_MODES = frozenset({"station", "valet"})
_KINDS = {
    "maintenance": frozenset(places.SERVICE_KINDS),
    "swap": frozenset(places.STATION_KINDS),
    "test_drive": frozenset(places.TEST_DRIVE_KINDS),
}


@dataclass(frozen=True)
class Wish:
    """Something that can be booked at a place, but for the time.

    `services` are service items' codes; a test drive's is the model (none: any). `names` are how
    they are called. `kit` are the parts it uses up. `plan_needs` are what a swap further ahead
    than `lock_within` takes: the bay, while the pack is a forecast.
    """

    kind: Kind
    place: Place
    mode: str
    services: tuple[str, ...]
    names: tuple[str, ...]
    needs: tuple[Need, ...]
    length: timedelta
    price: Price | None
    estimate: bool
    kit: dict[str, int] = field(default_factory=dict)
    plan_needs: tuple[Need, ...] = ()
    lock_within: timedelta | None = None
    pack_kwh: int | None = None
    person: str | None = None

    @property
    def service(self) -> str | None:
        """The first of the services."""
        return self.services[0] if self.services else None

    @property
    def service_name(self) -> str | None:
        """The names of all services in one, None where there is none."""
        return "、".join(self.names) or None

    @property
    def grid(self) -> timedelta:
        """The grid that such bookings begin on."""
        return tariffs.grid(self.kind)

    def is_plan(self, start: datetime) -> bool:
        """Say whether a booking for then would be a plan: no pack is kept that long."""
        return self.lock_within is not None and start - clock.now() > self.lock_within

    def needs_at(self, start: datetime) -> tuple[Need, ...]:
        """Return what a booking that starts then takes."""
        return self.plan_needs if self.is_plan(start) else self.needs


async def wish_for(
    session: AsyncSession,
    *,
    kind: Kind,
    place_id: str,
    service: str | None = None,
    services: Sequence[str] = (),
    vehicle_id: str | None = None,
    mode: str | None = None,
    technician_id: str | None = None,
    moving: str | None = None,
) -> Wish:
    """Return what is wanted, ready to look for a time. `moving` is a booking about to be moved.

    Raises `LookupError` if place or vehicle do not exist, `Refused` (unknown_service,
    not_for_model, wrong_place, mode_not_available, not_swappable, pack_does_not_fit and the other
    reasons of `reach.refusal`, person_unknown, too_long) if it can never be had.
    """
    await tariffs.refresh(session)
    place = await places.place(session, place_id)
    vehicle = None if vehicle_id is None else await session.get(Vehicle, vehicle_id)
    if vehicle_id is not None and vehicle is None:
        raise LookupError(f"no vehicle {vehicle_id}")
    if kind == "swap" and mode == "in_store":
        mode = None  # what is said of a store means the station here
    mode = mode or _DEFAULT_MODE[kind]
    # What is wanted is looked at before where: an unknown service is unknown everywhere.
    codes = list(dict.fromkeys([*([service] if service else []), *services]))
    items = await _items(session, kind, codes, vehicle)
    if kind == "swap" and vehicle is not None and not vehicle.swappable:
        raise Refused("not_swappable", model=vehicle.model)
    if place.kind not in _KINDS[kind]:
        raise Refused("wrong_place", place=place.name)
    moment = clock.now()
    has = await board(session, place.id, moment, moment)
    if kind == "maintenance":
        price = await coverage.priced(session, items, mode, place, vehicle, ignoring=moving)
        return _maintenance(place, has, items, mode, price, technician_id)
    if kind == "swap":
        cost = None
        if vehicle is not None:
            cost = await coverage.swap_priced(session, mode, vehicle, ignoring=moving)
        return _swap(place, has, vehicle, mode, cost)
    return _test_drive(place, has, codes[0] if codes else None, mode)


async def _items(
    session: AsyncSession, kind: Kind, codes: Sequence[str], vehicle: Vehicle | None
) -> list[ServiceItem]:
    if kind != "maintenance":
        return []
    items = []
    held = {part for code in codes for part in catalogue.contains(code)}
    for code in [code for code in codes if code not in held] or [catalogue.INSPECTION]:
        item = await catalogue.service(session, code)
        if item is None or not item.active:
            raise Refused("unknown_service", service=code)
        if vehicle is not None and item.models and vehicle.model not in item.models:
            raise Refused("not_for_model", service=item.name, model=vehicle.model)
        items.append(item)
    return items


def _maintenance(
    place: Place,
    has: Board,
    items: Sequence[ServiceItem],
    mode: str,
    price: Price,
    technician_id: str | None,
) -> Wish:
    for item in items:
        if place.kind not in item.place_kinds:
            raise Refused("wrong_place", place=place.name, service=item.name)
    work = timedelta(minutes=sum(item.minutes for item in items))
    if work > timedelta(minutes=tariffs.tariffs()["maintenance"]["longest_minutes"]):
        raise Refused("too_long", services=[item.name for item in items])
    people = _people(has, items, technician_id)
    if not has.has_all([Need("bay"), *people]):
        if technician_id is not None:
            raise Refused("person_unknown", place=place.name)
        raise Refused("wrong_place", place=place.name, service=items[0].name)
    length = work + tariffs.extra_time(mode)
    needs = _with_the_way(mode, people, work, length)
    modes = [m for m in items[0].modes if all(m in item.modes for item in items)]
    if needs is None or mode not in modes or not has.has_all(needs):
        driver = has.has(Need("driver"))
        possible = [m for m in modes if m == "in_store" or driver]
        raise Refused("mode_not_available", mode=mode, modes=possible)
    kit: dict[str, int] = {}
    for item in items:
        for part, count in item.kit.items():
            kit[part] = kit.get(part, 0) + count
    return Wish(
        kind="maintenance",
        place=place,
        mode=mode,
        services=tuple(item.code for item in items),
        names=tuple(item.name for item in items),
        needs=needs,
        length=length,
        price=price,
        estimate=any(item.estimate for item in items),
        kit=kit,
        person=technician_id,
    )


def _people(
    has: Board, items: Sequence[ServiceItem], technician_id: str | None
) -> tuple[Need, ...]:
    """Return who has to work on it: one who can do everything, else one for each skill."""
    skills = frozenset(item.skill for item in items)
    one = Need("technician", skills=skills)
    needs = [one] if has.has(one) else [Need("technician", frozenset({s})) for s in sorted(skills)]
    if technician_id is not None:
        first = needs[0]
        chosen = next((r for r in has.resources if r.id == technician_id), None)
        if chosen is not None and len(needs) > 1:
            able = [need for need in needs if need.skills <= set(chosen.skills)]
            first = able[0] if able else first
        needs[needs.index(first)] = Need("technician", first.skills, id=technician_id)
    # Some work takes two who are certified for it.
    for item in items:
        alike = [need for need in needs if item.skill in need.skills]
        more = item.technicians - len(alike)
        needs += [Need("technician", frozenset({item.skill}))] * max(0, more)
    return tuple(needs)


def _with_the_way(
    mode: str, people: Sequence[Need], work: timedelta, length: timedelta
) -> tuple[Need, ...] | None:
    way = (length - work) / 2
    if mode == "in_store":
        return (Need("bay"), *people)
    if mode == "pickup":
        # The driver is free while the car is on the ramp.
        inside = [
            Need(n.kind, n.skills, id=n.id, offset=way, length=work) for n in (Need("bay"), *people)
        ]
        return (
            *inside,
            Need("driver", length=way),
            Need("driver", offset=length - way, length=way),
        )
    return (*people, Need("driver")) if mode == "on_site" else None


def _swap(
    place: Place, has: Board, vehicle: Vehicle | None, mode: str, price: Price | None
) -> Wish:
    pack = Need("pack", pack_kwh=None if vehicle is None else vehicle.pack_kwh)
    if vehicle is not None and (why := refusal(vehicle, place, has.has(pack))) is not None:
        raise Refused(why, pack_kwh=pack.pack_kwh, place=place.name)
    driver = (Need("driver"),) if mode == "valet" else ()
    if mode not in _SWAP_MODES or not has.has_all((Need("bay"), pack, *driver)):
        raise Refused("mode_not_available", mode=mode, modes=["station"])
    rules = tariffs.tariffs()["swap"]
    return Wish(
        kind="swap",
        place=place,
        mode=mode,
        services=(),
        names=(),
        needs=(Need("bay"), pack, *driver),
        length=timedelta(minutes=rules["minutes"]),
        price=price,
        estimate=True,
        plan_needs=(Need("bay"), *driver),
        lock_within=timedelta(hours=rules["lock_hours"]),
        pack_kwh=pack.pack_kwh,
    )


def _test_drive(place: Place, has: Board, model: str | None, mode: str) -> Wish:
    car = Need("demo_car", skills=frozenset({model} if model else ()))
    if not has.has(car):
        raise Refused("wrong_place", place=place.name, service=model)
    if mode != "in_store":
        raise Refused("mode_not_available", mode=mode, modes=["in_store"])
    return Wish(
        kind="test_drive",
        place=place,
        mode=mode,
        services=(model,) if model else (),
        names=(model,) if model else (),
        needs=(car,),
        length=timedelta(minutes=tariffs.tariffs()["test_drive"]["minutes"]),
        price=None,
        estimate=False,
    )
