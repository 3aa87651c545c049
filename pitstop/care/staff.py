"""Staff: accounts, sign-in and sessions of the desk.

Whether a session or ticket has run out goes by real time: a demo's clock that jumps must not sign
anybody out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.base.ids import new_id, new_token
from pitstop.care.tables import AuditEntry, Staff, StaffSession, StaffTicket

SESSION_LASTS = timedelta(hours=12)
TICKET_LASTS = timedelta(seconds=30)
MAX_FAILURES = 5
LOCKED_FOR = timedelta(minutes=15)
MAX_PASSWORD = 200

# OWASP's minimum for argon2id: 19 MiB, two passes, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class LoginRefused(Exception):
    """Not signed in. `code`: wrong_password (also for an unknown name), locked."""

    def __init__(self, code: str, until: datetime | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.until = until


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password, with its salt and parameters."""
    return _HASHER.hash(password)


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return hash_password(new_token())


def _matches(stored: str, password: str) -> bool:
    try:
        return _HASHER.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


def _real_now() -> datetime:
    return clock.now() - clock.offset()


async def add_staff(
    session: AsyncSession, *, username: str, name: str, role: str, password: str
) -> Staff:
    """Add somebody to the desk; the caller has checked who may."""
    staff = Staff(
        id=new_id(),
        username=username,
        name=name,
        role=role,
        password_hash=await asyncio.to_thread(hash_password, password),
    )
    session.add(staff)
    await session.flush()
    return staff


async def by_username(session: AsyncSession, username: str) -> Staff | None:
    """Return the member of staff with this name to sign in with."""
    query = select(Staff).where(Staff.username == username)
    found: Staff | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def colleagues(session: AsyncSession) -> Sequence[Staff]:
    """Return everybody who works here now, by name to sign in with."""
    query = select(Staff).where(Staff.active.is_(True)).order_by(Staff.username)
    rows: Sequence[Staff] = (await session.execute(query)).scalars().all()
    return rows


async def log_in(session: AsyncSession, username: str, password: str) -> tuple[Staff, str, str]:
    """Sign in; return the member of staff, the cookie's token and the CSRF token.

    Raises `LoginRefused`. Failures are counted in this session, so the caller must let the
    transaction commit: catch the refusal inside the `write()` block. An unknown name takes as
    long as a wrong password.
    """
    query = select(Staff).where(Staff.username == username).with_for_update()
    result = await session.execute(query.execution_options(populate_existing=True))
    staff: Staff | None = result.scalar_one_or_none()
    stored = _nobodys_hash() if staff is None else staff.password_hash
    right = len(password) <= MAX_PASSWORD and await asyncio.to_thread(_matches, stored, password)
    if staff is None or not staff.active:
        raise LoginRefused("wrong_password")
    now = clock.now()
    if staff.locked_until is not None and staff.locked_until > now:
        raise LoginRefused("locked", staff.locked_until)
    if not right:
        _count_failure(session, staff, now)
        raise LoginRefused("wrong_password")
    staff.failed_logins = 0
    staff.locked_until = None
    token, csrf = new_token(32), new_token(24)
    session.add(
        StaffSession(
            token_hash=fingerprint(token),
            csrf_token=csrf,
            staff_id=staff.id,
            expires_at=_real_now() + SESSION_LASTS,
        )
    )
    await session.execute(
        delete(StaffSession)
        .where(StaffSession.expires_at < _real_now())
        .execution_options(synchronize_session=False)
    )
    audit(session, staff.username, "log_in", staff.id)
    return staff, token, csrf


def _count_failure(session: AsyncSession, staff: Staff, now: datetime) -> None:
    staff.failed_logins += 1
    if staff.failed_logins >= MAX_FAILURES:
        staff.failed_logins = 0
        staff.locked_until = now + LOCKED_FOR
        audit(session, staff.username, "login_locked", staff.id)


async def by_token(session: AsyncSession, token: str) -> tuple[Staff, StaffSession] | None:
    """Return who is signed in with this token; None if nobody is, any more or ever was."""
    return await _signed_in(session, StaffSession.token_hash == fingerprint(token))


async def by_session(session: AsyncSession, session_id: str) -> tuple[Staff, StaffSession] | None:
    """Return who is signed in by this session's id, to look again later."""
    return await _signed_in(session, StaffSession.id == session_id)


async def _signed_in(session: AsyncSession, condition: Any) -> tuple[Staff, StaffSession] | None:
    query = (
        select(Staff, StaffSession)
        .join(StaffSession, StaffSession.staff_id == Staff.id)
        .where(condition, StaffSession.expires_at > _real_now(), Staff.active.is_(True))
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else (row[0], row[1])


async def log_out(session: AsyncSession, token: str) -> None:
    """End the session of this token, and the tickets made in it."""
    query = select(StaffSession).where(StaffSession.token_hash == fingerprint(token))
    found: StaffSession | None = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        return
    await session.execute(
        delete(StaffTicket)
        .where(StaffTicket.session_id == found.id)
        .execution_options(synchronize_session=False)
    )
    await session.delete(found)


async def new_ticket(session: AsyncSession, signed_in: StaffSession) -> str:
    """Return a ticket for one live connection of this session; good once, for 30 seconds."""
    ticket = new_token(24)
    session.add(
        StaffTicket(
            token_hash=fingerprint(ticket),
            session_id=signed_in.id,
            expires_at=_real_now() + TICKET_LASTS,
        )
    )
    return ticket


async def use_ticket(session: AsyncSession, ticket: str) -> tuple[Staff, StaffSession] | None:
    """Spend a ticket; return whose it was, None if it is unknown, spent or too old."""
    query = (
        select(StaffTicket).where(StaffTicket.token_hash == fingerprint(ticket)).with_for_update()
    )
    found: StaffTicket | None = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        return None
    alive = found.expires_at > _real_now()
    session_id = found.session_id
    spent: Any = await session.execute(
        delete(StaffTicket)
        .where(StaffTicket.token_hash == fingerprint(ticket))
        .execution_options(synchronize_session=False)
    )
    if not alive or spent.rowcount != 1:
        return None
    return await by_session(session, session_id)


def audit(session: AsyncSession, actor: str, action: str, subject: str, **detail: Any) -> None:
    """Write down who looked at or changed what; ids only, never the data itself."""
    session.add(AuditEntry(actor=actor, action=action, subject=subject, detail=detail))
