"""Databases filled with service centres, cars and bookings by the thousand, to measure with.

Rows go to the driver itself, past the ORM: a million bookings have some ten million rows.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg

from pitstop.app.tables import all_tables
from pitstop.base import clock
from pitstop.base.crypto import blind_index
from pitstop.care.service_tables import Part, PartUnit
from pitstop.care.tables import (
    Customer,
    Place,
    Resource,
    ServiceItem,
    Vehicle,
    VehicleLink,
)
from pitstop.storage.database import Database

POSTGRES = os.environ.get("TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
MONDAY = datetime(2026, 11, 23, 10, 5, tzinfo=clock.SHANGHAI)
OPENS, CLOSES = time(8, 30), time(18, 30)
HALF_HOUR = timedelta(minutes=30)
_DAY = timedelta(days=1)
_CHUNK = 20_000


@dataclass(frozen=True)
class Centre:
    """A service centre, open every day from `OPENS` to `CLOSES`."""

    id: str
    bays: tuple[str, ...]
    technicians: tuple[str, ...]


# ---- databases ----------------------------------------------------------------------------------


def put_clock(moment: datetime) -> timedelta:
    """Put this process's clock to a moment; return the offset, for other processes."""
    clock.set_offset(moment - (clock.now() - clock.offset()))
    return clock.offset()


@contextmanager
def clock_at(moment: datetime) -> Iterator[timedelta]:
    """Put this process's clock to a moment, and back afterwards."""
    before = clock.offset()
    try:
        yield put_clock(moment)
    finally:
        clock.set_offset(before)


async def postgres_reachable() -> bool:
    """Say whether there is a PostgreSQL to measure on (`TEST_POSTGRES`)."""
    try:
        await _admin("SELECT 1")
    except (OSError, asyncpg.PostgresError, asyncio.TimeoutError):
        return False
    return True


@asynccontextmanager
async def own_database(kind: str, folder: Path, name: str) -> AsyncIterator[str]:
    """Give the URL of a new empty database on SQLite or PostgreSQL, dropped afterwards."""
    if kind == "sqlite":
        path = folder / f"{name}.db"
        try:
            yield f"sqlite+aiosqlite:///{path}"
        finally:
            _remove(path)
        return
    full = f"pitstop_bench_{os.getpid()}_{name}"
    await _admin(f"DROP DATABASE IF EXISTS {full}", f"CREATE DATABASE {full}")
    try:
        base = POSTGRES.replace("postgresql://", "postgresql+asyncpg://", 1)
        yield f"{base.rsplit('/', 1)[0]}/{full}"
    finally:
        await _admin(f"DROP DATABASE IF EXISTS {full} WITH (FORCE)")


def _remove(path: Path) -> None:
    for tail in ("", "-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)


async def _admin(*statements: str) -> None:
    connection = await asyncpg.connect(POSTGRES, timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def create_tables(database: Database) -> None:
    """Create every table there is."""
    async with database.engine.begin() as connection:
        await connection.run_sync(all_tables().create_all)


# ---- rows ---------------------------------------------------------------------------------------


async def pour(database: Database, table: Any, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows as fast as the driver can and return how many; what a row leaves out gets the
    column's default. Foreign keys are not checked."""
    columns, binds = columns_of(database, table)

    def ready(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(
            bind(value) if bind is not None else value
            for bind, value in zip(binds, (value_of(row, each) for each in columns), strict=True)
        )

    return await pour_ready(
        database, table.__tablename__, [each.name for each in columns], map(ready, rows)
    )


async def pour_ready(
    database: Database, table: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> int:
    """Write rows that are as the database wants them."""
    waiting = iter(rows)
    chunks = iter(lambda: list(islice(waiting, _CHUNK)), [])
    if database.sqlite:
        return await _into_sqlite(database, table, columns, chunks)
    async with _postgres(database) as driver:
        # No keys are looked up in other tables: they are there.
        await driver.execute("SET session_replication_role = replica")
        written = 0
        for chunk in chunks:
            await driver.copy_records_to_table(table, records=chunk, columns=list(columns))
            written += len(chunk)
    return written


async def _into_sqlite(
    database: Database, table: str, columns: Sequence[str], chunks: Iterable[list[Any]]
) -> int:
    names = ", ".join(f'"{name}"' for name in columns)  # "end" is a word of SQL
    statement = f'INSERT INTO "{table}" ({names}) VALUES ({", ".join("?" * len(columns))})'
    written = 0
    async with database.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        await driver.execute("PRAGMA foreign_keys=OFF")
        await driver.execute("PRAGMA synchronous=OFF")
        await driver.execute("BEGIN IMMEDIATE")
        for chunk in chunks:
            await driver.executemany(statement, chunk)
            written += len(chunk)
        await driver.execute("COMMIT")
    return written


@asynccontextmanager
async def _postgres(database: Database) -> AsyncIterator[Any]:
    driver = await asyncpg.connect(database.url.replace("+asyncpg", "", 1))
    try:
        yield driver
    finally:
        await driver.close()


def columns_of(database: Database, table: Any) -> tuple[list[Any], list[Any]]:
    """Return a table's columns, and what makes a value of each ready for the driver."""
    columns = list(table.__table__.columns)
    dialect = database.engine.dialect
    return columns, [each.type.dialect_impl(dialect).bind_processor(dialect) for each in columns]


def value_of(row: dict[str, Any], each: Any) -> Any:
    """Return a row's value in a column, or the column's default."""
    if each.name in row:
        return row[each.name]
    default = each.default
    if default is None:
        return None
    return default.arg(None) if default.is_callable else default.arg


async def settle(database: Database) -> None:
    """Let PostgreSQL do what it does by itself after a while; SQLite never does."""
    if not database.sqlite:
        async with _postgres(database) as driver:
            await driver.execute("VACUUM (ANALYZE)")


# ---- places, services, owners -------------------------------------------------------------------


def centre(number: int, bays: int, technicians: int) -> Centre:
    """Return what the centre of that number is called, with its bays and people."""
    name = f"store-{number:03}"
    return Centre(
        name,
        tuple(f"{name}-bay-{n:02}" for n in range(bays)),
        tuple(f"{name}-technician-{n:02}" for n in range(technicians)),
    )


async def write_centres(
    database: Database, centres: Sequence[Centre], *, shift: Sequence[dict[str, Any]] | None = None
) -> None:
    """Write the centres with their bays and technicians; `shift` is everybody's, as
    `Resource.hours`."""
    week = [{"days": [1, 2, 3, 4, 5, 6, 7], "opens": f"{OPENS:%H:%M}", "closes": f"{CLOSES:%H:%M}"}]
    await pour(
        database,
        Place,
        (
            {
                "id": each.id,
                "kind": "service_centre",
                "name": each.id,
                "city": "Shanghai",
                "lat": 31.0 + number * 0.01,
                "lng": 121.0,
                "hours": week,
            }
            for number, each in enumerate(centres)
        ),
    )

    def resources() -> Iterator[dict[str, Any]]:
        for each in centres:
            for bay in each.bays:
                yield {"id": bay, "place_id": each.id, "kind": "bay", "label": bay, "hours": None}
            for person in each.technicians:
                yield {
                    "id": person,
                    "place_id": each.id,
                    "kind": "technician",
                    "label": person,
                    "skills": ["general"],
                    "hours": None if shift is None else list(shift),
                }

    await pour(database, Resource, resources())


async def write_service(
    database: Database, code: str, minutes: int, kit: dict[str, int] | None = None
) -> None:
    """Write a service that anybody in a service centre can do."""
    await pour(
        database,
        ServiceItem,
        [
            {
                "code": code,
                "name": code,
                "minutes": minutes,
                "parts_price": Decimal(100),
                "labour_price": Decimal(50),
                "kit": kit or {},
                "modes": ["in_store"],
                "place_kinds": ["service_centre"],
            }
        ],
    )


async def write_parts(
    database: Database, part: str, centres: Sequence[Centre], pieces: int
) -> None:
    """Write a part and so many pieces of it in stock at each centre."""
    await pour(database, Part, [{"code": part, "name": part}])
    there = clock.now() - _DAY
    await pour(
        database,
        PartUnit,
        (
            {
                "id": f"{each.id}-{part}-{n:05}",
                "place_id": each.id,
                "part": part,
                "available_at": there,
            }
            for each in centres
            for n in range(pieces)
        ),
    )


def owner(number: int) -> str:
    """Return the id of an owner that `write_owners` wrote."""
    return f"owner-{number:06}"


def car(number: int) -> str:
    """Return the id of that owner's only car."""
    return f"car-{number:06}"


async def write_owners(database: Database, count: int) -> None:
    """Write owners, each with one car."""
    since = clock.now() - 400 * _DAY
    await pour(database, Customer, ({"id": owner(n), "name": owner(n)} for n in range(count)))
    await pour(
        database,
        Vehicle,
        (
            {
                "id": car(n),
                "plate": car(n),
                "plate_index": blind_index(car(n)),
                "vin": car(n),
                "vin_index": blind_index(f"vin {n}"),
                "model": "YC6",
                "pack_kwh": 75,
            }
            for n in range(count)
        ),
    )
    await pour(
        database,
        VehicleLink,
        (
            {"customer_id": owner(n), "vehicle_id": car(n), "relation": "owner", "since": since}
            for n in range(count)
        ),
    )
