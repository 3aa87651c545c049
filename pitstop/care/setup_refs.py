"""What the rows of a table may name: places, parts, people, cars, benefits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base.crypto import blind_index
from pitstop.base.masking import mask_plate
from pitstop.care import setup_words
from pitstop.care.service_tables import Part
from pitstop.care.setup_columns import SetupTable
from pitstop.care.tables import Place, Resource, ServiceItem, Vehicle

# Only people and what they drive have shifts: see `capacity`.
PEOPLE = ("technician", "driver", "van")
_CHUNK = 500


class UnknownReference(ValueError):
    """Nothing, or more than one thing, is called that; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class References:
    """Ids with what people call them, by what they are: place, part, person, vehicle, benefit."""

    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # What somebody may write instead of an id and is no label: a plate, a VIN.
    also: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def find(self, kind: str, text: str) -> str:
        """Return the id behind an id, a label, or ``label [id]``; raises `UnknownReference`."""
        known = self.labels.get(kind, {})
        if text in known:
            return text
        if _inside(text) in known:
            return _inside(text)
        if text in self.also.get(kind, {}):
            return self.also[kind][text]
        called = [one for one, label in known.items() if label == text]
        if len(called) == 1:
            return called[0]
        raise UnknownReference("ambiguous_ref" if called else "unknown_ref")

    def label(self, kind: str, one: str) -> str:
        """Return what something is called; its id if nobody knows it."""
        return self.labels.get(kind, {}).get(one, one)


async def references(
    session: AsyncSession, table: SetupTable, named: Iterable[Any] = ()
) -> References:
    """Read what the rows of a table may name. `named` are the cars that are looked for."""
    labels: dict[str, dict[str, str]] = {}
    also: dict[str, dict[str, str]] = {}
    for kind in sorted({one.refers for one in table.columns if one.refers}):
        if kind == "vehicle":
            labels[kind], also[kind] = await _vehicles(session, named)
        else:
            labels[kind] = await _READ[kind](session)
    return References(labels, also)


async def _places(session: AsyncSession) -> dict[str, str]:
    rows = await session.execute(select(Place.id, Place.name).order_by(Place.id))
    return {row[0]: row[1] for row in rows.all()}


async def _parts(session: AsyncSession) -> dict[str, str]:
    rows = await session.execute(select(Part.code, Part.name).order_by(Part.code))
    return {row[0]: row[1] for row in rows.all()}


async def _people(session: AsyncSession) -> dict[str, str]:
    query = (
        select(Resource.id, Place.name, Resource.label)
        .join(Place, Place.id == Resource.place_id)
        .where(Resource.kind.in_(PEOPLE))
        .order_by(Resource.place_id, Resource.id)
    )
    return {row[0]: f"{row[1]} {row[2]}" for row in (await session.execute(query)).all()}


async def _benefits(session: AsyncSession) -> dict[str, str]:
    query = select(ServiceItem.code, ServiceItem.name).order_by(
        ServiceItem.position, ServiceItem.code
    )
    items = {row[0]: row[1] for row in (await session.execute(query)).all()}
    return {**setup_words.choices("benefit"), **items}


_READ = {"place": _places, "part": _parts, "person": _people, "benefit": _benefits}


async def _vehicles(
    session: AsyncSession, named: Iterable[Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return cars by id with a masked plate, and which of the words given mean which car."""
    texts = sorted({text.strip() for text in named if isinstance(text, str) and text.strip()})
    labels: dict[str, str] = {}
    also: dict[str, str] = {}
    for at in range(0, len(texts), _CHUNK):
        chunk = texts[at : at + _CHUNK]
        indexes: dict[str, list[str]] = {}
        for text in chunk:
            plain = text.replace(" ", "").replace("·", "").upper()
            indexes.setdefault(blind_index(plain), []).append(text)
        query = select(Vehicle).where(
            or_(
                Vehicle.id.in_([_inside(text) for text in chunk]),
                Vehicle.plate_index.in_(list(indexes)),
                Vehicle.vin_index.in_(list(indexes)),
            )
        )
        for car in (await session.execute(query)).scalars().all():
            labels[car.id] = f"{mask_plate(car.plate)} {car.model}"
            for index in (car.plate_index, car.vin_index):
                also.update(dict.fromkeys(indexes.get(index, ()), car.id))
    return labels, also


def _inside(text: str) -> str:
    return text[text.rindex("[") + 1 : -1].strip() if text.endswith("]") and "[" in text else text
