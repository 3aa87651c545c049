"""Surveys: a rating from 1 to 5, asked for when a person has ended a conversation."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care.tables import Handoff, Survey
from pitstop.care.texts import say
from pitstop.conversation import log
from pitstop.conversation.tables import Conversation
from pitstop.conversation.wire import Choice, Reply
from pitstop.storage.events import emit

SCORES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class SurveyView:
    """A survey and its answer. `first` is False if it had been answered before."""

    id: str
    handoff_id: str
    score: int
    first: bool


async def ask(session: AsyncSession, handoff: Handoff, conversation: Conversation) -> Survey:
    """Ask the owner of a locked conversation how it was: a system line with five buttons."""
    survey = Survey(handoff_id=handoff.id, customer_id=handoff.customer_id)
    session.add(survey)
    await session.flush()
    choices = tuple(
        Choice(say(f"survey_score_{score}"), "rate", {"survey": survey.id, "score": score})
        for score in SCORES
    )
    await log.append(session, conversation, "system", Reply(say("survey_ask"), choices))
    return survey


async def rate(
    session: AsyncSession, customer_id: str, *, survey_id: str, score: int, message_id: str
) -> SurveyView:
    """Store a rating. The first one stays: the buttons can be pressed again, or by accident.

    Raises `LookupError` for another customer's survey, `ValueError` for a score out of range.
    `message_id` names the press in the event; a repeat of it changes nothing.
    """
    if score not in SCORES:
        raise ValueError(f"score {score}: 1 to 5")
    query = (
        select(Survey)
        .where(Survey.id == survey_id, Survey.customer_id == customer_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    survey: Survey | None = (await session.execute(query)).scalar_one_or_none()
    if survey is None:
        raise LookupError(f"no survey {survey_id} of this customer")
    if survey.score is not None:
        return SurveyView(survey.id, survey.handoff_id, survey.score, first=False)
    survey.score = score
    survey.answered_at = clock.now()
    emit(session, "survey.answered", survey.id, score=score, message_id=message_id)
    return SurveyView(survey.id, survey.handoff_id, score, first=True)
