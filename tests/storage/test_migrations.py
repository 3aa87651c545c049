"""The migrations make exactly the tables that the code has, and can be run again."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from pitstop.app import migrations
from pitstop.app.tables import all_tables
from pitstop.storage.database import Database


async def test_migrated_tables_are_the_code_s_tables(empty: Database) -> None:
    await migrations.upgrade(empty)
    await migrations.upgrade(empty)

    def differences(connection) -> list:
        return compare_metadata(MigrationContext.configure(connection), all_tables())

    async with empty.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_migration_can_be_taken_back(empty: Database) -> None:
    await migrations.upgrade(empty)
    await migrations.downgrade(empty, "base")
    await migrations.upgrade(empty)
    async with empty.read() as session:
        assert (await session.execute(text("SELECT COUNT(*) FROM conversation"))).scalar() == 0
