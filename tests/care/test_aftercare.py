"""After a service: is it solved, and who calls whoever is not content."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import select

from pitstop.base import clock
from pitstop.care import cases, surveys
from pitstop.care.surveys import SurveyView
from pitstop.care.tables import Case, CaseStep, ServiceClock, Survey
from pitstop.care.workshop_texts import moment
from pitstop.storage.database import Database

from .workshop_help import brought, do, everything, pressable, said, steps


async def served(database: Database, customer: str = "owner-1", **wish: str) -> str:
    """Have a service done; return the survey's id."""
    inside = await brought(database, customer, **wish)
    await steps(database, inside.id, "working", "checking", "settling", "ready")
    await do(database, "finish", inside.id)
    async with database.read() as session:
        query = select(Survey.id).where(Survey.booking_id == inside.id)
        return str((await session.execute(query)).scalar_one())


async def rated(
    database: Database, survey_id: str, score: int, customer: str = "owner-1", message: str = "m"
) -> SurveyView:
    async with database.write() as session:
        return await surveys.rate(
            session, customer, survey_id=survey_id, score=score, message_id=message
        )


async def solved(
    database: Database, survey_id: str, yes: bool, customer: str = "owner-1"
) -> SurveyView:
    async with database.write() as session:
        return await surveys.answer_solved(
            session, customer, survey_id=survey_id, solved=yes, message_id="s"
        )


async def filed(database: Database) -> list[Case]:
    async with database.read() as session:
        query = select(Case).where(Case.category == "callback").order_by(Case.id)
        return list((await session.execute(query)).scalars().all())


async def survey_of(database: Database, survey_id: str) -> Survey:
    async with database.read() as session:
        return await session.get(Survey, survey_id)


async def test_a_good_rating_is_asked_whether_it_is_solved(seeded: Database) -> None:
    survey_id = await served(seeded)
    view = await rated(seeded, survey_id, 5)
    assert (view.score, view.first, view.callback) == (5, True, None)
    line = (await said(seeded))[-1]
    assert line["text"] == "这次要办的事，解决了吗？"
    assert [(b.title, b.intent, b.values) for b in await pressable(seeded)] == [
        ("解决了", "solved", {"survey": survey_id, "solved": True}),
        ("没解决", "solved", {"survey": survey_id, "solved": False}),
    ]
    told = len(await said(seeded))
    answered = await solved(seeded, survey_id, True)
    assert (answered.solved, answered.first, answered.callback) == (True, True, None)
    # The bot says thanks; there is nothing else to tell.
    assert len(await said(seeded)) == told
    assert await filed(seeded) == []


async def test_a_bad_rating_has_somebody_call_within_a_day(seeded: Database) -> None:
    survey_id = await served(seeded)
    view = await rated(seeded, survey_id, 2)
    [case] = await filed(seeded)
    assert view.callback is not None and view.callback.id == case.id
    assert (await survey_of(seeded, survey_id)).callback_case_id == case.id
    assert (case.kind, case.category, case.status) == ("request", "callback", "open")
    assert (case.customer_id, case.vehicle_id, case.contact) == (
        "owner-1", "car-1", "13900018801",
    )  # fmt: skip
    assert case.respond_by - case.created_at == timedelta(hours=24)
    assert "评分2分" in case.text and "小保养" in case.text
    line = (await said(seeded))[-1]
    assert line["text"] == (
        f"已记下，单号{case.number}，{moment(case.respond_by)}前有专人给您回电。"
        "这次要办的事，解决了吗？"
    )
    assert line["card"] is not None
    assert (line["card"]["type"], line["card"]["number"]) == ("case", case.number)
    assert [b.intent for b in await pressable(seeded)] == ["solved", "solved"]
    async with seeded.read() as session:
        clocks = (
            (await session.execute(select(ServiceClock.kind).filter_by(subject=case.id)))
            .scalars()
            .all()
        )
    assert sorted(clocks) == ["contact", "resolution"]


async def test_not_solved_after_a_good_rating_has_somebody_call(seeded: Database) -> None:
    survey_id = await served(seeded)
    await rated(seeded, survey_id, 4)
    view = await solved(seeded, survey_id, False)
    [case] = await filed(seeded)
    assert view.callback is not None and view.callback.number == case.number
    assert "评分4分、没有解决" in case.text
    line = (await said(seeded))[-1]
    assert line["text"] == (
        f"已记下，单号{case.number}，{moment(case.respond_by)}前有专人给您回电。"
    )
    assert line["buttons"] == []


async def test_bad_and_not_solved_is_one_call(seeded: Database) -> None:
    survey_id = await served(seeded)
    await rated(seeded, survey_id, 1)
    told = len(await said(seeded))
    view = await solved(seeded, survey_id, False)
    assert (view.solved, view.callback) == (False, None)
    assert len(await filed(seeded)) == 1
    assert len(await said(seeded)) == told
    async with seeded.read() as session:
        steps_taken = (await session.execute(select(CaseStep.step))).scalars().all()
    assert list(steps_taken).count("filed") >= 1


async def test_a_middling_rating_needs_no_call(seeded: Database) -> None:
    survey_id = await served(seeded)
    await rated(seeded, survey_id, 3)
    assert await filed(seeded) == []


async def test_pressed_twice_is_one_call(seeded: Database) -> None:
    survey_id = await served(seeded)
    await rated(seeded, survey_id, 1)
    await solved(seeded, survey_id, False)
    before = await everything(seeded)
    assert (await rated(seeded, survey_id, 1)).first is False
    assert (await rated(seeded, survey_id, 5, message="other")).score == 1
    assert (await solved(seeded, survey_id, True)).solved is False
    assert await everything(seeded) == before


async def test_pressed_three_times_at_once_is_one_call(seeded: Database) -> None:
    survey_id = await served(seeded)
    views = await asyncio.wait_for(
        asyncio.gather(*(rated(seeded, survey_id, 1, message=f"{n}") for n in range(3))), 30
    )
    assert sorted(view.first for view in views) == [False, False, True]
    assert len(await filed(seeded)) == 1
    assert sum("回电" in line["text"] for line in await said(seeded)) == 1


async def test_a_complaint_about_the_same_stands_beside_it(seeded: Database) -> None:
    survey_id = await served(seeded)
    booking_id = (await survey_of(seeded, survey_id)).booking_id
    async with seeded.write() as session:
        await cases.file_case(
            session,
            text="保养完还有异响",
            customer_id="owner-1",
            vehicle_id="car-1",
            booking_id=booking_id,
            external_id="complaint",
        )
    await rated(seeded, survey_id, 1)
    assert len(await filed(seeded)) == 1


async def test_whoever_booked_is_asked_the_owner_is_not(seeded: Database) -> None:
    survey_id = await served(seeded, "driver-1")
    assert (await survey_of(seeded, survey_id)).customer_id == "driver-1"
    assert not any("满意吗" in line["text"] for line in await said(seeded))
    await rated(seeded, survey_id, 1, "driver-1")
    [case] = await filed(seeded)
    assert case.customer_id == "driver-1"
    assert clock.now() < case.respond_by
