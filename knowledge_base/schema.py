"""The tables in a database that lacks them: the command line works on an empty one."""

from __future__ import annotations

import asyncio
import os
import sys

from sqlalchemy import inspect

from knowledge_base.tables import Delta
from pitstop.base.settings import ROOT
from pitstop.storage.database import Database


async def ensure_tables(database: Database) -> None:
    """Bring a database that lacks any of our tables to the newest schema, by the app's own
    migrations.

    A database that has them stays as it is: the newest of them stands for all. The migrations run
    in a process of their own: they know every room's tables, and this room knows only what is
    below it. Raises OSError with their message if they fail.
    """
    async with database.engine.connect() as connection:
        there = await connection.run_sync(lambda sync: inspect(sync).has_table(Delta.__tablename__))
    if there:
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "pitstop.app", "migrate"),
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database.url},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode:
        raise OSError(said.decode("utf-8", "replace").strip() or "the migrations failed")
