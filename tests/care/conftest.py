"""Databases for the tests of `care/`: each test on SQLite and, if one can be reached, PostgreSQL.

`database` is empty, `seeded` holds the demo's data. Both are copies of a template built once a
run. `monday` puts the clock to a working day on which the demo's stores are open.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

import pitstop.care.service_tables
import pitstop.care.tables
import pitstop.conversation.tables
import pitstop.storage.demo_clock
import pitstop.storage.events
import pitstop.storage.lease  # noqa: F401
from pitstop.app.demo.seed import seed
from pitstop.base import clock
from pitstop.storage.database import Database
from pitstop.storage.tables import metadata

POSTGRES = os.environ.get("TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
MONDAY = datetime(2026, 11, 23, 10, 5, tzinfo=clock.SHANGHAI)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    # Not `asyncio.run`: it takes the event loop away from the tests that follow.
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()


async def _admin(*statements: str) -> None:
    connection = await asyncpg.connect(POSTGRES, timeout=5)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres() -> bool:
    """Whether there is a PostgreSQL to test on."""
    try:
        _run(_admin("SELECT 1"))
    except (OSError, asyncpg.PostgresError, asyncio.TimeoutError):
        return False
    return True


def _postgres_url(name: str) -> str:
    base = POSTGRES.replace("postgresql://", "postgresql+asyncpg://", 1)
    return f"{base.rsplit('/', 1)[0]}/{name}"


async def _build(url: str, with_data: bool) -> None:
    database = Database(url)
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        if with_data:
            async with database.write() as session:
                await seed(session)
    finally:
        await database.close()


class _Templates:
    """Databases to copy, each built when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.built: set[str] = set()

    def sqlite(self, with_data: bool) -> Path:
        name = f"pitstop_seeded_{with_data}".lower()
        path = self.folder / f"{name}.db"
        if not path.exists():
            with _at(MONDAY):
                _run(_build(f"sqlite+aiosqlite:///{path}", with_data))
        return path

    def postgresql(self, with_data: bool) -> str:
        name = f"pitstop_test_{os.getpid()}_{with_data}".lower()
        if name not in self.built:
            _run(_admin(f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"))
            with _at(MONDAY):
                _run(_build(_postgres_url(name), with_data))
            self.built.add(name)
        return name


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Templates]:
    made = _Templates(tmp_path_factory.mktemp("templates"))
    yield made
    for name in made.built:
        _run(_admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


_COPIES = iter(range(1_000_000))


@contextmanager
def _copied(
    kind: str, templates: _Templates, tmp_path: Path, postgres: bool, with_data: bool
) -> Iterator[str]:
    if kind == "sqlite":
        path = tmp_path / "pitstop.db"
        shutil.copy(templates.sqlite(with_data), path)
        yield f"sqlite+aiosqlite:///{path}"
        return
    if not postgres:
        if os.environ.get("CI"):
            pytest.fail("CI tests on PostgreSQL too, and none can be reached")
        pytest.skip("no PostgreSQL (TEST_POSTGRES)")
    template = templates.postgresql(with_data)
    name = f"pitstop_test_{os.getpid()}_{next(_COPIES)}"
    _run(_admin(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield _postgres_url(name)
    finally:
        _run(_admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, templates: _Templates, tmp_path: Path, postgres: bool) -> Iterator[str]:
    with _copied(backend, templates, tmp_path, postgres, False) as url:
        yield url


@pytest.fixture
def seeded_url(
    backend: str, templates: _Templates, tmp_path: Path, postgres: bool
) -> Iterator[str]:
    with _copied(backend, templates, tmp_path, postgres, True) as url:
        yield url


@pytest.fixture
async def database(empty_url: str) -> AsyncIterator[Database]:
    """A database with every table and nothing in them."""
    opened = Database(empty_url)
    yield opened
    await opened.close()


@pytest.fixture
async def seeded(seeded_url: str, monday: datetime) -> AsyncIterator[Database]:
    """A database with the demo's data, as seeded on `monday`."""
    opened = Database(seeded_url)
    yield opened
    await opened.close()


@contextmanager
def _at(moment: datetime) -> Iterator[None]:
    before = clock.offset()
    clock.set_offset(moment - (clock.now() - before))
    try:
        yield
    finally:
        clock.set_offset(before)


@pytest.fixture
def monday() -> Iterator[datetime]:
    """Put the clock to Monday 23 November 2026, five past ten in Shanghai."""
    with _at(MONDAY):
        yield MONDAY


@pytest.fixture
def pass_time() -> Iterator[Any]:
    """Give a function that moves the clock on by a `timedelta`."""
    before = clock.offset()

    def move(by: timedelta) -> None:
        clock.set_offset(clock.offset() + by)

    yield move
    clock.set_offset(before)
