"""Alembic's environment: runs on the connection that the caller hands over.

There is no ini file and no second way to find the database: `pitstop.app.migrations` gives the
connection and the metadata.
"""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext


def _render(kind: str, thing: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Import our own column types where a migration names them."""
    module = type(thing).__module__
    if kind == "type" and not module.startswith("sqlalchemy"):
        autogen.imports.add(f"import {module}")
    return False


def run() -> None:
    """Run what Alembic was asked for."""
    given = context.config.attributes
    connection = given["connection"]
    context.configure(
        connection=connection,
        target_metadata=given["metadata"],
        # SQLite alters a table by copying it.
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        render_item=_render,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
