"""The engine and its two kinds of session: one that reads, one that writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import sessionmaker
from sqlalchemy.pool import NullPool

BUSY_TIMEOUT_MS = 15_000


class Database:
    """One async engine on SQLite or PostgreSQL.

    `read()` and `write()` give sessions; a `write()` commits when its block ends without an
    error and rolls back otherwise. On SQLite a write begins IMMEDIATE: a deferred one that
    upgrades while another process writes fails at once, busy time-out or not.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        # A failing statement's values are people's words and numbers: not for a log.
        options: dict[str, Any] = {"future": True, "hide_parameters": True}
        if self.sqlite:
            path = url.split("///", 1)[1] if "///" in url else ""
            if path and path != ":memory:":
                Path(path).parent.mkdir(parents=True, exist_ok=True)
            # A connection per session: SQLite connections are cheap, and a pooled one that a
            # cancelled task left in a transaction would hold the write lock.
            options["poolclass"] = NullPool
        else:
            options.update(pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True)
        self.engine: AsyncEngine = create_async_engine(url, **options)
        if self.sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        self._sessions: Any = sessionmaker(
            self.engine, class_=AsyncSession, expire_on_commit=False, future=True
        )
        self._writers: Any = sessionmaker(
            self.engine.execution_options(pitstop_write=True),
            class_=AsyncSession,
            expire_on_commit=False,
            future=True,
        )

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Give a session that only reads; what it changes is rolled back."""
        async with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Give a session in one transaction, committed at the end of the block.

        Never wait on a network in it: on SQLite nobody else can write meanwhile.
        """
        async with self._writers() as session, session.begin():
            yield session

    async def ping(self) -> None:
        """Raise whatever the driver raises if the database cannot be reached."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[AsyncConnection]:
        """Give a bare connection, for LISTEN and the like."""
        async with self.engine.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions on its own; `_begin_sqlite` does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    options = connection.get_execution_options()
    write = options.get("pitstop_write")
    if options.get("pitstop_schema"):
        # SQLite changes a table by making it anew, which other tables' references forbid. The
        # connection is thrown away afterwards (NullPool).
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
