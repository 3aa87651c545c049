"""What an owner wants booked, checked against what the place, the service and the car allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import catalogue, places, tariffs
from pitstop.care.capacity import Board, Need, board
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
    """Something that can be booked at a place, but for the time. `service` is a service item's
    code or, for a test drive, the model (None: any)."""

    kind: Kind
    place: Place
    mode: str
    service: str | None
    service_name: str | None
    needs: tuple[Need, ...]
    length: timedelta
    price: Price | None
    estimate: bool

    @property
    def grid(self) -> timedelta:
        """The grid that such bookings begin on."""
        return tariffs.grid(self.kind)


async def wish_for(
    session: AsyncSession,
    *,
    kind: Kind,
    place_id: str,
    service: str | None = None,
    vehicle_id: str | None = None,
    mode: str | None = None,
) -> Wish:
    """Return what is wanted, ready to look for a time.

    Raises `LookupError` if place or vehicle do not exist, `Refused` (unknown_service,
    wrong_place, mode_not_available, not_swappable, pack_does_not_fit) if it can never be had.
    """
    place = await places.place(session, place_id)
    vehicle = None if vehicle_id is None else await session.get(Vehicle, vehicle_id)
    if vehicle_id is not None and vehicle is None:
        raise LookupError(f"no vehicle {vehicle_id}")
    if kind == "swap" and mode == "in_store":
        mode = None  # what is said of a store means the station here
    mode = mode or _DEFAULT_MODE[kind]
    # What is wanted is looked at before where: an unknown service is unknown everywhere.
    item = await _item(session, kind, service)
    if kind == "swap" and vehicle is not None and not vehicle.swappable:
        raise Refused("not_swappable", model=vehicle.model)
    if place.kind not in _KINDS[kind]:
        raise Refused("wrong_place", place=place.name)
    moment = clock.now()
    has = await board(session, place.id, moment, moment)
    if kind == "maintenance":
        assert item is not None
        return _maintenance(place, has, item, mode)
    if kind == "swap":
        return _swap(place, has, vehicle, mode)
    return _test_drive(place, has, service, mode)


async def _item(session: AsyncSession, kind: Kind, service: str | None) -> ServiceItem | None:
    if kind != "maintenance":
        return None
    item = await catalogue.service(session, service or catalogue.INSPECTION)
    if item is None:
        raise Refused("unknown_service", service=service)
    return item


def _maintenance(place: Place, has: Board, item: ServiceItem, mode: str) -> Wish:
    technician = Need("technician", skill=item.skill)
    if place.kind not in item.place_kinds or not has.has(technician):
        raise Refused("wrong_place", place=place.name, service=item.name)
    needs = {
        "in_store": (Need("bay"), technician),
        "pickup": (Need("bay"), technician, Need("driver")),
        "on_site": (technician, Need("driver")),
    }.get(mode)
    if needs is None or mode not in item.modes or not all(map(has.has, needs)):
        raise Refused("mode_not_available", mode=mode, modes=_modes(has, item))
    return Wish(
        kind="maintenance",
        place=place,
        mode=mode,
        service=item.code,
        service_name=item.name,
        needs=needs,
        length=timedelta(minutes=item.minutes) + tariffs.extra_time(mode),
        price=catalogue.price_of(item, mode, place),
        estimate=item.estimate,
    )


def _modes(has: Board, item: ServiceItem) -> list[str]:
    driver = has.has(Need("driver"))
    return [mode for mode in item.modes if mode == "in_store" or driver]


def _swap(place: Place, has: Board, vehicle: Vehicle | None, mode: str) -> Wish:
    pack = Need("pack", pack_kwh=None if vehicle is None else vehicle.pack_kwh)
    if not has.has(pack):
        raise Refused("pack_does_not_fit", pack_kwh=pack.pack_kwh, place=place.name)
    needs: tuple[Need, ...] = (Need("bay"), pack)
    if mode == "valet":
        needs = (*needs, Need("driver"))
    if mode not in _SWAP_MODES or not all(map(has.has, needs)):
        raise Refused("mode_not_available", mode=mode, modes=["station"])
    price = None if vehicle is None else tariffs.swap_price(vehicle.soc, vehicle.pack_kwh, mode)
    return Wish(
        kind="swap",
        place=place,
        mode=mode,
        service=None,
        service_name=None,
        needs=needs,
        length=timedelta(minutes=tariffs.tariffs()["swap"]["minutes"]),
        price=price,
        estimate=True,
    )


def _test_drive(place: Place, has: Board, model: str | None, mode: str) -> Wish:
    car = Need("demo_car", skill=model)
    if not has.has(car):
        raise Refused("wrong_place", place=place.name, service=model)
    if mode != "in_store":
        raise Refused("mode_not_available", mode=mode, modes=["in_store"])
    return Wish(
        kind="test_drive",
        place=place,
        mode=mode,
        service=model,
        service_name=model,
        needs=(car,),
        length=timedelta(minutes=tariffs.tariffs()["test_drive"]["minutes"]),
        price=None,
        estimate=False,
    )
