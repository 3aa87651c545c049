"""Cases: complaints and requests, from the first word to the result.

First contact is promised by the clock on the wall. What a customer is told (number, step, next
time) is always a committed row.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.ids import readable_number
from pitstop.base.masking import mask_text
from pitstop.care import clocks, permissions, policies, staff_permissions
from pitstop.care.case_views import (
    CaseView,
    ChaseView,
    all_open,
    case_wire,
    cases_of,
    find,
    open_cases,
    steps_of,
    view_of,
)
from pitstop.care.judging import Judgement, judge, more_serious
from pitstop.care.tables import Case, CaseStep, ServiceClock, Staff
from pitstop.care.texts import say
from pitstop.care.working_time import add_working_time, working_days
from pitstop.conversation import log
from pitstop.conversation.wire import Reply
from pitstop.storage.events import emit

__all__ = [
    "CaseRefused",
    "CaseView",
    "ChaseView",
    "Judgement",
    "all_open",
    "case_wire",
    "cases_of",
    "chase",
    "close",
    "contact",
    "file_case",
    "find",
    "judge",
    "open_cases",
    "recalculate_targets",
    "steps_of",
]

NUMBER_TRIES = 8


class CaseRefused(Exception):
    """It cannot be done as things stand. `code`: closed, not_contacted, empty_result."""

    def __init__(self, code: str, **details: Any) -> None:
        super().__init__(code)
        self.code = code
        self.details = details


async def file_case(
    session: AsyncSession,
    *,
    text: str,
    external_id: str,
    wish: str | None = None,
    contact: str | None = None,
    customer_id: str | None = None,
    vehicle_id: str | None = None,
    booking_id: str | None = None,
    kind: str = "complaint",
    source: str = "chat",
    judged: Judgement | None = None,
) -> CaseView:
    """File a complaint or request; the same source and external id again: the first case.

    Category and severity are judged from the words unless given. Raises
    `permissions.NotAllowed` if the customer in the chat may not complain about that vehicle.
    """
    known = await _known(session, source, external_id)
    if known is not None:
        return view_of(known)
    if source == "chat" and customer_id is not None:
        await permissions.require(session, customer_id, "complain", vehicle_id)
    judgement = judged or judge(text, wish)
    now = clock.now()
    respond_by = now + policies.target("contact", judgement.severity)
    values: dict[str, Any] = {
        "kind": kind,
        "category": judgement.category,
        "severity": judgement.severity,
        "text": text,
        "masked": mask_text(text),
        "wish": wish,
        "contact": contact,
        "customer_id": customer_id,
        "vehicle_id": vehicle_id,
        "booking_id": booking_id,
        "respond_by": respond_by,
        "next_at": respond_by,
        "source": source,
        "external_id": external_id,
        "created_at": now,
    }
    case, first = await _insert(session, values)
    if first:
        _step(session, case, "filed", actor=source)
        await clocks.start(
            session, case.id, "contact", priority=case.severity, due_at=case.respond_by
        )
        await clocks.start(session, case.id, "resolution", due_at=_close_by(now))
        emit(session, "case.filed", case.id, case_kind=kind, severity=case.severity)
    return view_of(case)


def _close_by(filed_at: datetime) -> datetime:
    """Return our own target for closing a case; no owner is promised it."""
    days = policies.seconds("case", "close_in_working_days")
    return add_working_time(filed_at, working_days(days))


async def recalculate_targets(session: AsyncSession) -> int:
    """Give every open case the target of today's calendar; return how many moved.

    To be called when the worker starts: an edited calendar counts for what is open too.
    """
    query = (
        select(ServiceClock, Case.created_at)
        .join(Case, Case.id == ServiceClock.subject)
        .where(ServiceClock.kind == "resolution", ServiceClock.status == "running")
        .with_for_update(of=ServiceClock)
    )
    moved = 0
    for running, filed_at in await session.execute(query):
        due = _close_by(filed_at)
        moved += running.due_at != due
        running.due_at = due
    return moved


async def _known(session: AsyncSession, source: str, external_id: str) -> Case | None:
    query = select(Case).where(Case.source == source, Case.external_id == external_id)
    found: Case | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def _insert(session: AsyncSession, values: dict[str, Any]) -> tuple[Case, bool]:
    """Write the case under a free number; False if another process filed it meanwhile."""
    for _ in range(NUMBER_TRIES):
        case = Case(number=readable_number("TS", values["created_at"]), **values)
        try:
            async with session.begin_nested():
                session.add(case)
            return case, True
        except IntegrityError:
            known = await _known(session, values["source"], values["external_id"])
            if known is not None:
                return known, False
    raise RuntimeError(f"no free case number in {NUMBER_TRIES} tries")


def _step(
    session: AsyncSession,
    case: Case,
    step: str,
    *,
    actor: str,
    note: str | None = None,
    message_id: str | None = None,
) -> None:
    session.add(
        CaseStep(
            case_id=case.id,
            step=step,
            actor=actor,
            note=note,
            message_id=message_id,
            created_at=clock.now(),
        )
    )


async def chase(
    session: AsyncSession,
    customer_id: str,
    *,
    message_id: str,
    case_id: str | None = None,
    note: str | None = None,
) -> ChaseView:
    """Note that the customer asks where their case is; the second time it is escalated.

    Without `case_id` it is their latest open one. Raises `LookupError` if there is none of
    theirs. The same `message_id` again: counted once.
    """
    case = await _to_chase(session, customer_id, case_id, message_id)
    last = await _last_step(session, case)
    repeat = await _chase_step(session, message_id)
    if repeat is None:
        case.chases += 1
        _step(session, case, "chased", actor="customer", note=note, message_id=message_id)
        if case.chases >= policies.seconds("chase", "escalates_at"):
            await _escalate(session, case)
        _promise_next(case)
        emit(session, "case.chased", case.id, chases=case.chases)
    return ChaseView(
        case=view_of(case),
        last_step=last.step,
        last_step_at=last.created_at,
        next_at=case.next_at or case.respond_by,
        chases=case.chases,
        escalated=case.escalated,
    )


async def _chase_step(session: AsyncSession, message_id: str) -> CaseStep | None:
    query = select(CaseStep).where(CaseStep.message_id == message_id)
    found: CaseStep | None = (await session.execute(query)).scalar_one_or_none()
    return found


async def _to_chase(
    session: AsyncSession, customer_id: str, case_id: str | None, message_id: str
) -> Case:
    query = select(Case).where(Case.customer_id == customer_id)
    repeat = await _chase_step(session, message_id)
    if repeat is not None:
        query = query.where(Case.id == repeat.case_id)
    else:
        query = query.where(Case.status != "closed")
        if case_id is not None:
            query = query.where(Case.id == case_id)
    query = query.order_by(Case.id.desc()).limit(1).with_for_update()
    result = await session.execute(query.execution_options(populate_existing=True))
    case: Case | None = result.scalar_one_or_none()
    if case is None:
        raise LookupError(f"no open case {case_id or ''} of customer {customer_id}")
    return case


async def _last_step(session: AsyncSession, case: Case) -> CaseStep:
    """Return the last thing that we did; what the customer did is no step of ours."""
    query = (
        select(CaseStep)
        .where(CaseStep.case_id == case.id, CaseStep.step.notin_(("chased", "escalated")))
        .order_by(CaseStep.id.desc())
        .limit(1)
    )
    last: CaseStep = (await session.execute(query)).scalar_one()
    return last


async def _escalate(session: AsyncSession, case: Case) -> None:
    if case.escalated:
        return
    case.escalated = True
    case.severity = more_serious(case.severity)
    _step(session, case, "escalated", actor="system")
    if case.responded_at is None:
        sooner = clock.now() + policies.target("contact", case.severity)
        case.respond_by = min(case.respond_by, sooner)
        await clocks.hasten(session, case.id, "contact", case.respond_by)
    emit(session, "case.escalated", case.id, severity=case.severity)


def _promise_next(case: Case) -> None:
    """Set when the customer hears from us next: never a time that has passed."""
    now = clock.now()
    setting = "escalated_contact" if case.escalated else "next_contact"
    soon = now + timedelta(seconds=policies.seconds("chase", setting))
    promised = case.next_at or case.respond_by
    if case.responded_at is None and case.respond_by > now:
        # The first contact is promised already; chasing never moves it back.
        case.next_at = min(promised, case.respond_by) if promised > now else case.respond_by
    else:
        case.next_at = min(promised, soon) if promised > now else soon


# ---- the desk's side ----------------------------------------------------------------------------


async def _locked(session: AsyncSession, case_id: str) -> Case:
    """Lock a case, and its customer's conversation before it: the order of every writer."""
    customer = await session.execute(select(Case.customer_id).where(Case.id == case_id))
    row = customer.one_or_none()
    if row is None:
        raise LookupError(f"no case {case_id}")
    if row[0] is not None:
        await log.conversation_of(session, row[0])
    query = select(Case).where(Case.id == case_id).with_for_update()
    case: Case = (
        await session.execute(query.execution_options(populate_existing=True))
    ).scalar_one()
    return case


async def _tell(session: AsyncSession, case: Case, text: str) -> None:
    if case.customer_id is not None:
        conversation = await log.conversation_of(session, case.customer_id)
        await log.append(session, conversation, "system", Reply(text))


async def contact(
    session: AsyncSession, staff: Staff, case_id: str, *, note: str | None = None
) -> CaseView:
    """Note that this member of staff has spoken with the customer; the owner's log says so."""
    staff_permissions.require(staff, "work_cases")
    case = await _locked(session, case_id)
    if case.status == "closed":
        raise CaseRefused("closed")
    now = clock.now()
    first = case.responded_at is None
    case.responded_at = case.responded_at or now
    case.status = "contacted"
    case.next_at = now + timedelta(seconds=policies.seconds("chase", "next_contact"))
    await clocks.stop(session, case.id, "contact")
    _step(session, case, "contacted", actor=staff.name, note=note)
    if first:
        await _tell(session, case, say("case_contacted", number=case.number, name=staff.name))
    emit(session, "case.contacted", case.id)
    return view_of(case)


async def close(session: AsyncSession, staff: Staff, case_id: str, *, result: str) -> CaseView:
    """Close a case with its result; the owner's log says so.

    Refused before the first contact: nobody's complaint ends without a word to them. Closing a
    closed case with the same result changes nothing.
    """
    staff_permissions.require(staff, "work_cases")
    result = result.strip()
    if not result:
        raise CaseRefused("empty_result")
    case = await _locked(session, case_id)
    if case.status == "closed":
        if case.result == result:
            return view_of(case)
        raise CaseRefused("closed")
    if case.responded_at is None:
        raise CaseRefused("not_contacted")
    case.status = "closed"
    case.result = result
    case.closed_at = clock.now()
    await clocks.void(session, case.id, "contact")
    await clocks.stop(session, case.id, "resolution")
    _step(session, case, "closed", actor=staff.name, note=result)
    await _tell(session, case, say("case_closed", number=case.number, result=result))
    emit(session, "case.closed", case.id)
    return view_of(case)
