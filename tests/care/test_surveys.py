"""Ratings after a handoff, and feedback."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from pitstop.care import feedback, handoffs, surveys
from pitstop.care.tables import Feedback, Survey
from pitstop.storage.database import Database
from tests.care.desk_help import add_agent, add_owner, hand_over, take


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
