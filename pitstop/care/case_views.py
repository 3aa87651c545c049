"""What a case looks like: to the owner, to the desk, one or many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.masking import mask_text
from pitstop.care.tables import Case, CaseStep

LIST_LIMIT = 200


@dataclass(frozen=True)
class CaseView:
    """A case as it stands. `masked` is the text that pages show."""

    id: str
    number: str
    kind: str
    category: str
    severity: str
    status: str
    text: str
    masked: str
    wish: str | None
    customer_id: str | None
    vehicle_id: str | None
    booking_id: str | None
    respond_by: datetime
    responded_at: datetime | None
    next_at: datetime
    closed_at: datetime | None
    result: str | None
    chases: int
    escalated: bool
    source: str
    created_at: datetime


@dataclass(frozen=True)
class ChaseView:
    """What a customer who chases is told: the case, its last step, and the next time."""

    case: CaseView
    last_step: str
    last_step_at: datetime
    next_at: datetime
    chases: int
    escalated: bool


@dataclass(frozen=True)
class StepView:
    """One step of a case. `note` is masked."""

    step: str
    actor: str
    note: str | None
    created_at: datetime


def view_of(case: Case) -> CaseView:
    return CaseView(
        id=case.id,
        number=case.number,
        kind=case.kind,
        category=case.category,
        severity=case.severity,
        status=case.status,
        text=case.text,
        masked=case.masked,
        wish=case.wish,
        customer_id=case.customer_id,
        vehicle_id=case.vehicle_id,
        booking_id=case.booking_id,
        respond_by=case.respond_by,
        responded_at=case.responded_at,
        next_at=case.next_at or case.respond_by,
        closed_at=case.closed_at,
        result=case.result,
        chases=case.chases,
        escalated=case.escalated,
        source=case.source,
        created_at=case.created_at,
    )


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(clock.SHANGHAI).isoformat()


def case_wire(view: CaseView, *, masked: bool = False) -> dict[str, Any]:
    """Return a case as ``GET /api/owner/complaints`` shows it; `masked` for staff pages."""
    return {
        "id": view.id,
        "number": view.number,
        "kind": view.kind,
        "category": view.category,
        "severity": view.severity,
        "status": view.status,
        "wish": mask_text(view.wish) if masked and view.wish else view.wish,
        "respond_by": _when(view.respond_by),
        "text": view.masked if masked else view.text,
        "next_at": _when(view.next_at) if view.status != "closed" else None,
        "chases": view.chases,
        "escalated": view.escalated,
        "result": mask_text(view.result) if masked and view.result else view.result,
        "created_at": _when(view.created_at),
    }


async def open_cases(session: AsyncSession, customer_id: str) -> list[CaseView]:
    """Return a customer's cases that are not closed, the latest first."""
    return [case for case in await cases_of(session, customer_id) if case.status != "closed"]


async def cases_of(session: AsyncSession, customer_id: str) -> list[CaseView]:
    """Return all of a customer's cases, the latest first."""
    query = select(Case).where(Case.customer_id == customer_id).order_by(Case.id.desc())
    rows: Sequence[Case] = (await session.execute(query)).scalars().all()
    return [view_of(row) for row in rows]


async def find(session: AsyncSession, case_id: str) -> CaseView:
    """Return a case; raises `LookupError` if there is none."""
    case: Case | None = await session.get(Case, case_id)
    if case is None:
        raise LookupError(f"no case {case_id}")
    return view_of(case)


async def all_open(session: AsyncSession, *, closed: bool = False) -> list[CaseView]:
    """Return everybody's open cases, what is due next first; or the closed ones, latest first."""
    query = select(Case).limit(LIST_LIMIT)
    if closed:
        query = query.where(Case.status == "closed").order_by(Case.closed_at.desc())
    else:
        query = query.where(Case.status != "closed").order_by(Case.next_at, Case.id)
    rows: Sequence[Case] = (await session.execute(query)).scalars().all()
    return [view_of(row) for row in rows]


async def steps_of(session: AsyncSession, case_id: str) -> list[StepView]:
    """Return what has happened to a case, oldest first."""
    query = select(CaseStep).where(CaseStep.case_id == case_id).order_by(CaseStep.id)
    return [
        StepView(s.step, s.actor, mask_text(s.note) if s.note else None, s.created_at)
        for s in (await session.execute(query)).scalars()
    ]
