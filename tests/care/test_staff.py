"""Staff: signing in, and who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import get_args

import pytest

from pitstop.base import clock
from pitstop.care import staff, staff_permissions
from pitstop.care.staff import LoginRefused
from pitstop.care.staff_permissions import StaffAction, StaffNotAllowed
from pitstop.care.tables import Staff, StaffSession, StaffTicket
from pitstop.storage.database import Database
from tests.care.desk_help import add_agent, pass_time, stop_time

# role by action, as people expect it; whatever is not here is refused.
MAY: dict[str, set[str]] = {
    "agent": {
        "see_queue", "accept", "reply", "note", "transfer", "end", "reveal", "see_cases",
        "work_cases", "see_service", "work_service", "search_knowledge",
    },
    "editor": {"search_knowledge", "edit_knowledge", "publish_knowledge"},
    "supervisor": {
        "see_queue", "accept", "reply", "note", "transfer", "end", "reveal", "takeover",
        "see_cases", "work_cases", "see_service", "work_service", "search_knowledge",
        "see_reports", "see_audit", "manage_setup",
    },
    "admin": {
        "see_queue", "see_cases", "see_service", "search_knowledge", "edit_knowledge",
        "publish_knowledge", "see_reports", "see_audit", "manage_staff", "manage_setup",
    },
    "nobody": set(),
}  # fmt: skip


@pytest.fixture(autouse=True)
def stopped_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    stop_time(monkeypatch)
    yield
    clock.set_offset(timedelta())


@pytest.mark.parametrize("role", MAY)
@pytest.mark.parametrize("action", get_args(StaffAction))
def test_every_cell_of_the_table(role: str, action: StaffAction) -> None:
    person = Staff(username="x", name="x", role=role, password_hash="", active=True)
    if action in MAY[role]:
        staff_permissions.require(person, action)
    else:
        with pytest.raises(StaffNotAllowed):
            staff_permissions.require(person, action)
    person.active = False
    with pytest.raises(StaffNotAllowed):
        staff_permissions.require(person, action)


async def try_to_sign_in(
    database: Database, password: str, username: str = "li"
) -> tuple[Staff, str, str] | str:
    async with database.write() as session:
        try:
            return await staff.log_in(session, username, password)
        except LoginRefused as refusal:
            return refusal.code


async def test_signing_in_and_out(database: Database) -> None:
    agent = await add_agent(database)
    signed_in = await try_to_sign_in(database, "a-password")
    assert isinstance(signed_in, tuple)
    _, token, csrf = signed_in
    async with database.read() as session:
        found = await staff.by_token(session, token)
    assert found is not None
    assert (found[0].id, found[1].csrf_token) == (agent.id, csrf)
    assert token not in (found[1].token_hash, found[1].id)
    async with database.write() as session:
        await staff.log_out(session, token)
    async with database.read() as session:
        assert await staff.by_token(session, token) is None


async def test_a_password_is_never_kept(database: Database) -> None:
    agent = await add_agent(database)
    assert agent.password_hash.startswith("$argon2id$")
    assert "a-password" not in agent.password_hash


@pytest.mark.parametrize(
    ("username", "password"),
    [("li", "wrong"), ("nobody", "a-password"), ("li", ""), ("li", "a-password" * 50)],
)
async def test_wrong_names_and_passwords_look_alike(
    database: Database, username: str, password: str
) -> None:
    await add_agent(database)
    assert await try_to_sign_in(database, password, username) == "wrong_password"


async def test_five_failures_lock_for_a_quarter_of_an_hour(database: Database) -> None:
    await add_agent(database)
    for _ in range(5):
        assert await try_to_sign_in(database, "wrong") == "wrong_password"
    assert await try_to_sign_in(database, "a-password") == "locked"
    pass_time(minutes=14)
    assert await try_to_sign_in(database, "a-password") == "locked"
    pass_time(minutes=2)
    assert isinstance(await try_to_sign_in(database, "a-password"), tuple)


async def test_a_success_forgets_the_failures_before(database: Database) -> None:
    await add_agent(database)
    for _ in range(3):
        for _ in range(4):
            assert await try_to_sign_in(database, "wrong") == "wrong_password"
        assert isinstance(await try_to_sign_in(database, "a-password"), tuple)


async def test_who_has_left_is_signed_out_and_cannot_come_back(database: Database) -> None:
    agent = await add_agent(database)
    signed_in = await try_to_sign_in(database, "a-password")
    assert isinstance(signed_in, tuple)
    async with database.write() as session:
        leaver = await session.get(Staff, agent.id)
        assert leaver is not None
        leaver.active = False
    async with database.read() as session:
        assert await staff.by_token(session, signed_in[1]) is None
    assert await try_to_sign_in(database, "a-password") == "wrong_password"


async def test_a_demo_clock_that_jumps_signs_nobody_out(database: Database) -> None:
    await add_agent(database)
    signed_in = await try_to_sign_in(database, "a-password")
    assert isinstance(signed_in, tuple)
    pass_time(days=3)
    async with database.read() as session:
        assert await staff.by_token(session, signed_in[1]) is not None


async def test_a_session_ends_after_its_hours(database: Database) -> None:
    await add_agent(database)
    signed_in = await try_to_sign_in(database, "a-password")
    assert isinstance(signed_in, tuple)
    async with database.write() as session:
        found = await staff.by_token(session, signed_in[1])
        assert found is not None
        found[1].expires_at -= staff.SESSION_LASTS
    async with database.read() as session:
        assert await staff.by_token(session, signed_in[1]) is None


async def a_session(database: Database) -> StaffSession:
    await add_agent(database)
    signed_in = await try_to_sign_in(database, "a-password")
    assert isinstance(signed_in, tuple)
    async with database.read() as session:
        found = await staff.by_token(session, signed_in[1])
    assert found is not None
    return found[1]


async def spend(database: Database, ticket: str) -> bool:
    async with database.write() as session:
        return await staff.use_ticket(session, ticket) is not None


async def test_a_ticket_is_good_once(database: Database) -> None:
    signed_in = await a_session(database)
    async with database.write() as session:
        ticket = await staff.new_ticket(session, signed_in)
    assert await spend(database, "made-up") is False
    assert await spend(database, ticket) is True
    assert await spend(database, ticket) is False


async def test_a_ticket_is_good_for_half_a_minute(database: Database) -> None:
    signed_in = await a_session(database)
    async with database.write() as session:
        ticket = await staff.new_ticket(session, signed_in)
    async with database.write() as session:
        row = await session.get(StaffTicket, staff.fingerprint(ticket))
        assert row is not None
        row.expires_at -= staff.TICKET_LASTS
    assert await spend(database, ticket) is False
