"""A lease: of several processes, one does the sweeping."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import String, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.storage.database import Database
from pitstop.storage.tables import Mapped, Table, column
from pitstop.storage.types import UtcTime


class Lease(Table):
    """Who holds what until when (real time; the demo clock may jump)."""

    __tablename__ = "lease"
    name: Mapped[str] = column(String(40), primary_key=True)
    holder: Mapped[str] = column(String(60), nullable=False)
    until: Mapped[datetime] = column(UtcTime, nullable=False)


async def hold(database: Database, name: str, holder: str, seconds: float) -> bool:
    """Take or renew the lease `name` for `holder`; False while another holds it."""
    real = clock.now() - clock.offset()
    until = real + timedelta(seconds=seconds)
    async with database.write() as session:
        taken: Any = await session.execute(
            update(Lease)
            .where(Lease.name == name, or_(Lease.holder == holder, Lease.until < real))
            .values(holder=holder, until=until)
            .execution_options(synchronize_session=False)
        )
        if taken.rowcount:
            return True
        try:
            async with session.begin_nested():
                session.add(Lease(name=name, holder=holder, until=until))
        except IntegrityError:
            return False
        return True


async def held(session: AsyncSession, name: str) -> bool:
    """Tell whether anybody holds the lease `name`."""
    real = clock.now() - clock.offset()
    chosen = select(Lease.until).where(Lease.name == name)
    until: datetime | None = (await session.execute(chosen)).scalar_one_or_none()
    return until is not None and until >= real


async def release(database: Database, name: str, holder: str) -> None:
    """Give the lease back, so that the next process need not wait for it to run out."""
    real = clock.now() - clock.offset()
    async with database.write() as session:
        await session.execute(
            update(Lease)
            .where(Lease.name == name, Lease.holder == holder)
            .values(until=real - timedelta(seconds=1))
            .execution_options(synchronize_session=False)
        )
