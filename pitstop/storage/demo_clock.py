"""The demo clock: one offset row that every process follows."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Integer, select
from sqlalchemy.exc import SQLAlchemyError

from pitstop.base import clock
from pitstop.storage.database import Database
from pitstop.storage.tables import Mapped, Table, column

log = logging.getLogger(__name__)

FOLLOW_EVERY = 0.25  # seconds; the contract promises all processes within one


class ClockOffset(Table):
    """How far the demo stands from the real time, in milliseconds. Row 1 or none."""

    __tablename__ = "clock_offset"
    id: Mapped[int] = column(Integer, primary_key=True)
    offset_ms: Mapped[int] = column(BigInteger, nullable=False, default=0)


async def move_clock(database: Database, target: datetime | None) -> None:
    """Put every process to `target` (aware), from where time goes on; None goes back."""
    real = clock.now() - clock.offset()
    offset = timedelta() if target is None else target - real
    async with database.write() as session:
        row = await session.get(ClockOffset, 1)
        if row is None:
            row = ClockOffset(id=1)
            session.add(row)
        row.offset_ms = int(offset / timedelta(milliseconds=1))
    clock.set_offset(offset)


async def read_offset(database: Database) -> timedelta:
    """Return the stored offset."""
    async with database.read() as session:
        value = (
            await session.execute(select(ClockOffset.offset_ms).where(ClockOffset.id == 1))
        ).scalar_one_or_none()
    return timedelta(milliseconds=value or 0)


async def follow_clock(database: Database) -> None:
    """Keep this process's clock at the stored offset, until cancelled."""
    while True:
        try:
            clock.set_offset(await read_offset(database))
        except (SQLAlchemyError, OSError):
            # The clock stays where it is; whoever needs the database will notice and say so.
            log.debug("demo clock not readable", exc_info=True)
        await asyncio.sleep(FOLLOW_EVERY)
