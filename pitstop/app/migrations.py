"""Bringing the schema up to date, from code: no ini file, no manual step."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from pitstop.app.tables import all_tables
from pitstop.base.settings import ROOT
from pitstop.storage.database import Database

SCRIPTS = ROOT / "pitstop" / "storage" / "migrations"

# Any number that no other program uses for a lock in the same PostgreSQL database.
_LOCK = 7_746_786


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    # Alembic interpolates per cent signs, which a path may have.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = all_tables()
    return config


async def _run(database: Database, act: Callable[[Config], object]) -> None:
    """Run Alembic on one connection, in one transaction, while no other process does."""
    writing = database.engine.execution_options(pitstop_write=True, pitstop_schema=True)
    async with writing.begin() as connection:
        await _alone(connection, database)
        await connection.run_sync(lambda sync: act(_config(sync)))
        if database.sqlite:
            broken = (await connection.execute(text("PRAGMA foreign_key_check"))).all()
            if broken:
                raise RuntimeError(f"the migration would break references: {broken[:5]}")


async def _alone(connection: AsyncConnection, database: Database) -> None:
    # On SQLite the transaction has begun IMMEDIATE, which is the same.
    if not database.sqlite:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


async def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to `revision`."""
    await _run(database, lambda config: command.upgrade(config, revision))


async def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to `revision`; data in dropped columns is gone."""
    await _run(database, lambda config: command.downgrade(config, revision))


async def make(database: Database, message: str) -> Path:
    """Write a migration from the difference between the database and the tables.

    The database has to be at the head: `upgrade` it first.
    """
    made: list[Path] = []

    def act(config: Config) -> None:
        script = command.revision(config, message=message, autogenerate=True)
        assert script is not None and not isinstance(script, list)
        made.append(Path(script.path))

    await _run(database, act)
    return made[0]


def head() -> str | None:
    """Return the newest revision, None while there is no migration."""
    return ScriptDirectory.from_config(_config()).get_current_head()
