"""Surveys: a rating from 1 to 5 when a person has ended a conversation or a service is done.

After a service the owner is also asked whether it is solved; a bad answer has somebody call (see
`aftercare`). Satisfaction is told together with the share that answered: 满意率 and 参评率.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import aftercare
from pitstop.care.case_views import CaseView
from pitstop.care.tables import Booking, Handoff, Survey
from pitstop.care.telling import tell
from pitstop.care.texts import say
from pitstop.care.views import BookingView
from pitstop.care.workshop_texts import rule
from pitstop.conversation import log
from pitstop.conversation.tables import Conversation
from pitstop.conversation.wire import Choice, Reply
from pitstop.storage.events import emit

SCORES = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class SurveyView:
    """A survey and its answer. `first` is False if it had been answered before.

    One of `handoff_id` and `booking_id` is set. `callback` is the call that this answer led to.
    """

    id: str
    handoff_id: str | None
    score: int | None
    first: bool
    booking_id: str | None = None
    solved: bool | None = None
    callback: CaseView | None = None


@dataclass(frozen=True)
class Satisfaction:
    """What was asked and answered after services. `satisfied`: rated 4 or 5."""

    asked: int
    answered: int
    satisfied: int
    solved_yes: int
    solved_no: int

    @property
    def share(self) -> float | None:
        """满意率: the satisfied among those who answered; None if nobody did."""
        return self.satisfied / self.answered if self.answered else None

    @property
    def answered_share(self) -> float | None:
        """参评率: those who answered among those asked; None if nobody was."""
        return self.answered / self.asked if self.asked else None


async def ask(session: AsyncSession, handoff: Handoff, conversation: Conversation) -> Survey:
    """Ask the owner of a locked conversation how it was: a system line with five buttons."""
    survey = Survey(handoff_id=handoff.id, customer_id=handoff.customer_id)
    session.add(survey)
    await session.flush()
    reply = Reply(say("survey_ask"), _scores(survey))
    await log.append(session, conversation, "system", reply)
    return survey


async def ask_about(session: AsyncSession, booking: BookingView, customer_id: str) -> Survey:
    """Ask how a booking was that is done, once; the caller has locked it and the conversation."""
    query = select(Survey).where(Survey.booking_id == booking.id)
    known: Survey | None = (await session.execute(query)).scalar_one_or_none()
    if known is not None:
        return known
    survey = Survey(booking_id=booking.id, customer_id=customer_id)
    session.add(survey)
    await session.flush()
    await tell(session, customer_id, aftercare.question(booking), _scores(survey))
    return survey


def _scores(survey: Survey) -> tuple[Choice, ...]:
    return tuple(
        Choice(say(f"survey_score_{score}"), "rate", {"survey": survey.id, "score": score})
        for score in SCORES
    )


async def rate(
    session: AsyncSession, customer_id: str, *, survey_id: str, score: int, message_id: str
) -> SurveyView:
    """Store a rating. The first one stays: the buttons can be pressed again, or by accident.

    After a service the owner is then asked whether it is solved, and a bad rating (1 or 2) has
    somebody call: a system line says so, in this transaction.

    Raises `LookupError` for another customer's survey, `ValueError` for a score out of range.
    `message_id` names the press in the event; a repeat of it changes nothing.
    """
    if score not in SCORES:
        raise ValueError(f"score {score}: 1 to 5")
    survey = await _locked(session, customer_id, survey_id)
    if survey.score is not None:
        return _view(survey, first=False)
    survey.score = score
    survey.answered_at = clock.now()
    emit(session, "survey.answered", survey.id, score=score, message_id=message_id)
    if survey.booking_id is None:
        return _view(survey, first=True)
    return _view(survey, first=True, callback=await aftercare.answered(session, survey))


async def answer_solved(
    session: AsyncSession, customer_id: str, *, survey_id: str, solved: bool, message_id: str
) -> SurveyView:
    """Store whether a service solved what it was for; the first answer stays.

    A no has somebody call, unless a bad rating did already. Raises `LookupError` for another
    customer's survey and for one that does not ask this.
    """
    survey = await _locked(session, customer_id, survey_id)
    if survey.booking_id is None:
        raise LookupError(f"survey {survey_id} is not about a service")
    if survey.solved is not None:
        return _view(survey, first=False)
    survey.solved = solved
    emit(session, "survey.solved", survey.id, solved=solved, message_id=message_id)
    return _view(survey, first=True, callback=await aftercare.answered(session, survey))


async def _locked(session: AsyncSession, customer_id: str, survey_id: str) -> Survey:
    query = select(Survey).where(Survey.id == survey_id, Survey.customer_id == customer_id)
    survey: Survey | None = (await session.execute(query)).scalar_one_or_none()
    if survey is None:
        raise LookupError(f"no survey {survey_id} of this customer")
    if survey.booking_id is not None:
        # The answer is followed by a line of ours: the conversation is locked first.
        await log.conversation_of(session, customer_id)
    held: Survey = (
        await session.execute(query.with_for_update().execution_options(populate_existing=True))
    ).scalar_one()
    return held


def _view(survey: Survey, *, first: bool, callback: CaseView | None = None) -> SurveyView:
    return SurveyView(
        id=survey.id,
        handoff_id=survey.handoff_id,
        score=survey.score,
        first=first,
        booking_id=survey.booking_id,
        solved=survey.solved,
        callback=callback,
    )


async def satisfaction(
    session: AsyncSession, since: datetime, until: datetime, place_id: str | None = None
) -> Satisfaction:
    """Count the surveys about services asked from `since` on and before `until`, of one place."""
    score: Any = Survey.score
    query = (
        select(
            func.count(Survey.id),
            func.count(score),
            func.count(case((score >= rule("good_score"), 1))),
            func.count(case((Survey.solved.is_(True), 1))),
            func.count(case((Survey.solved.is_(False), 1))),
        )
        .join(Booking, Booking.id == Survey.booking_id)
        .where(Survey.created_at >= since, Survey.created_at < until)
    )
    if place_id is not None:
        query = query.where(Booking.place_id == place_id)
    return Satisfaction(*(await session.execute(query)).one())
