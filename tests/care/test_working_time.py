"""Working time: lunch breaks, weekends, holidays, make-up days, and calendars that change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from pitstop.base import clock
from pitstop.base.clock import SHANGHAI
from pitstop.care import cases, clocks, policies
from pitstop.care.working_time import add_working_time, is_working_day, working_days
from pitstop.storage.database import Database
from tests.care.desk_help import add_agent, pass_time, stop_time


@pytest.fixture(autouse=True)
def stopped_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    stop_time(monkeypatch)
    yield
    clock.set_offset(timedelta())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-11-23 10:00", 60, "2026-11-23 11:00"),
        ("2026-11-23 11:30", 60, "2026-11-23 14:00"),  # over the lunch break
        ("2026-11-23 12:30", 30, "2026-11-23 14:00"),  # begun in it
        ("2026-11-23 17:30", 60, "2026-11-24 09:30"),  # over night
        ("2026-11-27 17:30", 60, "2026-11-30 09:30"),  # over a weekend
        ("2026-11-28 03:00", 60, "2026-11-30 10:00"),  # filed in it
        ("2026-09-30 17:30", 60, "2026-10-08 09:30"),  # over 国庆, with its days in lieu
        ("2026-02-13 17:30", 60, "2026-02-14 09:30"),  # a Saturday, made up for 春节
        ("2026-11-23 09:00", 450, "2026-11-23 18:00"),  # exactly a day
    ],
)
def test_working_time_passes_only_while_we_work(start: str, minutes: int, end: str) -> None:
    assert add_working_time(at(start), timedelta(minutes=minutes)) == at(end)


def test_five_working_days_end_at_the_same_hour_a_week_later() -> None:
    assert add_working_time(at("2026-11-23 10:00"), working_days(5)) == at("2026-11-30 10:00")


def test_a_year_that_is_not_announced_has_its_weekdays() -> None:
    assert is_working_day(date(2031, 3, 3))
    assert not is_working_day(date(2031, 3, 2))


def test_our_own_calendar_overrules_the_public_one(monkeypatch: pytest.MonkeyPatch) -> None:
    close_on(monkeypatch, closed=["2026-11-24"], open=["2026-10-01"])
    assert not is_working_day(date(2026, 11, 24))
    assert is_working_day(date(2026, 10, 1))


def close_on(monkeypatch: pytest.MonkeyPatch, **days: Any) -> None:
    changed = {**policies.section("working_time"), **days}
    original = policies.section
    monkeypatch.setattr(
        policies, "section", lambda name: changed if name == "working_time" else original(name)
    )


async def resolution(database: Database, case_id: str) -> Any:
    async with database.read() as session:
        return (await clocks.of_subjects(session, [case_id]))[case_id]["resolution"]


async def test_a_case_has_a_target_of_its_own_in_working_days(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.set_offset(at("2026-11-23 10:00") - clock.now())
    async with database.write() as session:
        case = await cases.file_case(session, text="没人理", source="api", external_id="1")
    expected = at("2026-11-30 10:00")
    assert abs((await resolution(database, case.id)).due_at - expected) < timedelta(seconds=5)
    # A calendar edited meanwhile counts for what is open too.
    close_on(monkeypatch, closed=["2026-11-24"])
    async with database.write() as session:
        assert await cases.recalculate_targets(session) == 1
    async with database.write() as session:
        assert await cases.recalculate_targets(session) == 0
    moved = at("2026-12-01 10:00")
    assert abs((await resolution(database, case.id)).due_at - moved) < timedelta(seconds=5)


async def test_a_case_closed_in_time_is_met(database: Database) -> None:
    agent = await add_agent(database)
    async with database.write() as session:
        case = await cases.file_case(session, text="没人理", source="api", external_id="1")
        await cases.contact(session, agent, case.id)
    pass_time(hours=2)
    async with database.write() as session:
        await cases.close(session, agent, case.id, result="已处理")
    assert (await resolution(database, case.id)).status == "met"
    async with database.write() as session:
        assert await cases.recalculate_targets(session) == 0
