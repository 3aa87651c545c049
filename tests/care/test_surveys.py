"""Ratings after a handoff and after a service, and feedback."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from pitstop.base import clock
from pitstop.base.ids import new_id
from pitstop.care import feedback, handoffs, surveys
from pitstop.care.surveys import Satisfaction
from pitstop.care.tables import Booking, Feedback, Survey
from pitstop.storage.database import Database
from tests.care.desk_help import add_agent, add_owner, hand_over, said, take

from .help import at
from .workshop_help import everything


async def ended_survey(database: Database) -> str:
    agent = await add_agent(database)
    await add_owner(database)
    handoff = await hand_over(database)
    await take(database, agent, handoff)
    async with database.write() as session:
        await handoffs.end(session, agent, handoff.id, {"text": "好了"})
    async with database.read() as session:
        return str((await session.execute(select(Survey.id))).scalar_one())


async def test_a_rating_is_stored_and_the_first_one_stays(database: Database) -> None:
    survey_id = await ended_survey(database)
    async with database.write() as session:
        first = await surveys.rate(
            session, "owner-1", survey_id=survey_id, score=4, message_id="m-1"
        )
    async with database.write() as session:
        again = await surveys.rate(
            session, "owner-1", survey_id=survey_id, score=1, message_id="m-2"
        )
    assert (first.score, first.first) == (4, True)
    assert (again.score, again.first) == (4, False)
    async with database.read() as session:
        assert (await session.execute(select(Survey.score))).scalar_one() == 4


@pytest.mark.parametrize(
    ("customer", "score", "error"),
    [("owner-2", 5, LookupError), ("owner-1", 0, ValueError), ("owner-1", 6, ValueError)],
)
async def test_a_rating_that_is_not_theirs_or_out_of_range_changes_nothing(
    database: Database, customer: str, score: int, error: type[Exception]
) -> None:
    survey_id = await ended_survey(database)
    with pytest.raises(error):
        async with database.write() as session:
            await surveys.rate(
                session, customer, survey_id=survey_id, score=score, message_id="m-1"
            )
    async with database.read() as session:
        assert (await session.execute(select(Survey.score))).scalar_one() is None


async def test_feedback_is_kept_once_and_masked_beside(database: Database) -> None:
    for _ in range(2):
        async with database.write() as session:
            noted = await feedback.note_feedback(
                session, "owner-1", "师傅很好，电话13812345678", "m-1"
            )
    assert noted.masked == "师傅很好，电话138****5678"
    async with database.read() as session:
        count = (await session.execute(select(func.count()).select_from(Feedback))).scalar_one()
    assert count == 1


# ---- after a service ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("customer", "score", "error"),
    [("owner-2", 5, LookupError), ("owner-1", 0, ValueError), ("owner-1", 6, ValueError)],
)
async def test_a_services_survey_that_is_not_theirs_or_out_of_range(
    seeded: Database, customer: str, score: int, error: type[Exception]
) -> None:
    survey_id = await add_survey(seeded, "store-1")
    before = await everything(seeded)
    with pytest.raises(error):
        async with seeded.write() as session:
            await surveys.rate(
                session, customer, survey_id=survey_id, score=score, message_id="m-1"
            )
    assert await everything(seeded) == before


async def test_whether_it_is_solved_is_not_anybodys_to_say(seeded: Database) -> None:
    survey_id = await add_survey(seeded, "store-1")
    before = await everything(seeded)
    for customer, survey in (("owner-2", survey_id), ("owner-1", "nothing")):
        with pytest.raises(LookupError):
            async with seeded.write() as session:
                await surveys.answer_solved(
                    session, customer, survey_id=survey, solved=False, message_id="m-1"
                )
    assert await everything(seeded) == before


async def test_a_handoffs_survey_does_not_ask_what_is_solved(database: Database) -> None:
    survey_id = await ended_survey(database)
    before = len(await said(database))
    async with database.write() as session:
        bad = await surveys.rate(session, "owner-1", survey_id=survey_id, score=1, message_id="m-1")
    assert (bad.booking_id, bad.callback) == (None, None)
    assert len(await said(database)) == before
    with pytest.raises(LookupError):
        async with database.write() as session:
            await surveys.answer_solved(
                session, "owner-1", survey_id=survey_id, solved=False, message_id="m-2"
            )


async def add_survey(
    database: Database,
    place_id: str,
    score: int | None = None,
    solved: bool | None = None,
    asked: datetime | None = None,
) -> str:
    """Add a finished booking with its survey by hand."""
    asked = asked or clock.now()
    async with database.write() as session:
        booking = Booking(
            id=new_id(),
            reference=new_id()[-20:],
            customer_id="owner-1",
            vehicle_id="car-1",
            kind="maintenance",
            service="minor_service",
            place_id=place_id,
            start=asked - timedelta(hours=2),
            end=asked - timedelta(hours=1),
            status="done",
            step="done",
        )
        session.add(booking)
        await session.flush()
        survey = Survey(
            id=new_id(),
            booking_id=booking.id,
            customer_id="owner-1",
            score=score,
            solved=solved,
            answered_at=None if score is None else asked,
            created_at=asked,
        )
        session.add(survey)
    return survey.id


async def test_satisfaction_by_place_and_day(seeded: Database) -> None:
    today, yesterday = at("23 00:00"), at("22 00:00")
    for place_id, score, solved, asked in (
        ("store-1", 5, True, at("23 09:00")),
        ("store-1", 4, False, at("23 00:00")),
        ("store-1", 3, None, at("23 08:00")),
        ("store-1", None, None, at("23 08:30")),
        ("store-1", 1, True, at("22 23:59")),
        ("store-4", 2, False, at("23 09:00")),
    ):
        await add_survey(seeded, place_id, score, solved, asked)
    async with seeded.read() as session:
        here = await surveys.satisfaction(session, today, at("24 00:00"), "store-1")
        assert here == Satisfaction(asked=4, answered=3, satisfied=2, solved_yes=1, solved_no=1)
        assert (here.share, here.answered_share) == (2 / 3, 3 / 4)
        both = await surveys.satisfaction(session, yesterday, at("24 00:00"))
        assert both == Satisfaction(asked=6, answered=5, satisfied=2, solved_yes=2, solved_no=2)
        before = await surveys.satisfaction(session, yesterday, today, "store-1")
        assert before == Satisfaction(asked=1, answered=1, satisfied=0, solved_yes=1, solved_no=0)
        nobody = await surveys.satisfaction(session, yesterday, today, "store-4")
        assert nobody == Satisfaction(0, 0, 0, 0, 0)
        assert (nobody.share, nobody.answered_share) == (None, None)


async def test_a_handoffs_rating_is_no_places(database: Database) -> None:
    survey_id = await ended_survey(database)
    async with database.write() as session:
        await surveys.rate(session, "owner-1", survey_id=survey_id, score=5, message_id="m-1")
    since, until = clock.now() - timedelta(days=1), clock.now() + timedelta(days=1)
    async with database.read() as session:
        assert await surveys.satisfaction(session, since, until) == Satisfaction(0, 0, 0, 0, 0)
