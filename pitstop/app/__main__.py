"""The command line: ``python -m pitstop.app serve|migrate|seed|makemigration``."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys

from aiohttp import web

from pitstop.app import logs, migrations
from pitstop.base.settings import SettingsError, database_url, settings
from pitstop.storage.database import Database


def serve() -> None:
    """Serve until SIGINT or SIGTERM."""
    from pitstop.app.main import init_app

    config = settings()
    logs.configure()
    web.run_app(
        init_app(config),
        host=config.host,
        port=config.port,
        access_log_class=logs.AccessLog,
        access_log=logging.getLogger("pitstop.access"),
        print=None,
        shutdown_timeout=5,
    )


async def migrate(revision: str) -> None:
    """Bring the database to a revision."""
    database = Database(database_url(os.environ))
    try:
        await migrations.upgrade(database, revision)
    finally:
        await database.close()


async def makemigration(message: str) -> None:
    """Write a migration for what the tables have and the database does not."""
    database = Database(database_url(os.environ))
    try:
        await migrations.upgrade(database)
        print(await migrations.make(database, message))
    finally:
        await database.close()


async def seed() -> None:
    """Put the demo's people, places and bookings into the database; twice is once."""
    from pitstop.app.demo import seed as demo

    database = Database(settings().database_url)
    try:
        async with database.write() as session:
            await demo.seed(session)
    finally:
        await database.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pitstop.app", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="serve gateway, desk and worker")
    to = commands.add_parser("migrate", help="bring the database up to date")
    to.add_argument("revision", nargs="?", default="head")
    commands.add_parser("seed", help="write the demo data")
    made = commands.add_parser("makemigration", help="write a migration from the tables")
    made.add_argument("-m", "--message", required=True)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 2 means that the settings cannot be used, and says which."""
    given = _parser().parse_args(arguments)
    try:
        if given.command == "serve":
            serve()
        elif given.command == "migrate":
            asyncio.run(migrate(given.revision))
        elif given.command == "makemigration":
            asyncio.run(makemigration(given.message))
        else:
            asyncio.run(seed())
    except SettingsError as error:
        print(f"pitstop: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
