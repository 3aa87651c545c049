"""After a service: whether it is solved, and a call within 24 hours where it was bad."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.care import cases
from pitstop.care.case_views import CaseView, case_wire
from pitstop.care.judging import Judgement
from pitstop.care.tables import Booking, Customer, Survey
from pitstop.care.telling import tell
from pitstop.care.views import BookingView, booking_view
from pitstop.care.workshop_texts import button, described, joined, moment, rule, say
from pitstop.conversation.wire import Choice

# First contact of a P2 is promised within 24 hours by the clock on the wall (``clocks.yml``).
CALLBACK = Judgement("callback", "P2")


def question(booking: BookingView) -> str:
    """Return how an owner is asked how a booking was."""
    return say("survey", "ask", **described(booking))


async def answered(session: AsyncSession, survey: Survey) -> CaseView | None:
    """Go on after an answer to a locked survey about a service, whose conversation is locked.

    Whoever is not content is called; who has not said whether it is solved is asked. One line
    says both. Returns the call that was filed now, if one was.
    """
    filed = None
    if survey.callback_case_id is None and _is_bad(survey):
        filed = await _call_back(session, survey)
    asks = survey.solved is None
    said = []
    if filed is not None:
        said.append(say("survey", "callback", number=filed.number, time=moment(filed.respond_by)))
    if asks:
        said.append(say("survey", "solved"))
    if said:
        card = None if filed is None else {"type": "case", **case_wire(filed)}
        choices = _solved(survey) if asks else ()
        await tell(session, survey.customer_id, "".join(said), choices, card)
    return filed


def _is_bad(survey: Survey) -> bool:
    low = survey.score is not None and survey.score <= rule("bad_score")
    return low or survey.solved is False


def _solved(survey: Survey) -> tuple[Choice, ...]:
    return tuple(
        button(title, "solved", {"survey": survey.id, "solved": solved})
        for title, solved in (("solved", True), ("not_solved", False))
    )


async def _call_back(session: AsyncSession, survey: Survey) -> CaseView:
    """File the call. It stands for itself: the owner may complain about the same beside it."""
    booking: Booking | None = await session.get(Booking, survey.booking_id)
    assert booking is not None
    customer: Customer | None = await session.get(Customer, survey.customer_id)
    why = []
    if survey.score is not None:
        why.append(say("survey", "case_score", score=survey.score))
    if survey.solved is False:
        why.append(say("survey", "case_unsolved"))
    values = described(await booking_view(session, booking))
    filed = await cases.file_case(
        session,
        kind="request",
        text=say("survey", "case", said=joined(why), **values),
        contact=None if customer is None else customer.phone,
        customer_id=survey.customer_id,
        vehicle_id=booking.vehicle_id,
        booking_id=booking.id,
        external_id=survey.id,
        # Not the chat's: nobody has to ask leave to be called.
        source="survey",
        judged=CALLBACK,
    )
    survey.callback_case_id = filed.id
    return filed
