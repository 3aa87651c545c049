"""Cases over HTTP: what is open, first contact, and the result."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.care import cases, clocks, staff_permissions
from pitstop.care.cases import CaseView
from pitstop.care.staff import audit
from pitstop.care.tables import Case, Customer
from pitstop.desk.errors import Problem, as_json, read_body, text_in
from pitstop.desk.session import me
from pitstop.storage.appkeys import DATABASE


async def _shown(session: AsyncSession, views: list[CaseView]) -> list[dict[str, Any]]:
    wanted = {view.customer_id for view in views if view.customer_id}
    rows = await session.execute(select(Customer.id, Customer.name).where(Customer.id.in_(wanted)))
    names = {row[0]: row[1] for row in rows}
    timed = await clocks.of_subjects(session, [view.id for view in views])
    now = clock.now()
    return [
        {
            **cases.case_wire(view, masked=True),
            "source": view.source,
            "customer": view.customer_id
            and {"id": view.customer_id, "name": names.get(view.customer_id, "")},
            "sla": {
                kind: clocks.wire(timed[view.id].get(kind), now)
                for kind in ("contact", "resolution")
            },
        }
        for view in views
    ]


async def listed(request: web.Request) -> web.Response:
    """``GET cases``: everybody's open cases, what is due first; ``?state=closed`` the others."""
    state = request.query.get("state", "open")
    if state not in ("open", "closed"):
        raise Problem("bad_request", field="state")
    async with request.app[DATABASE].read() as session:
        found = await cases.all_open(session, closed=state == "closed")
        return as_json({"cases": await _shown(session, found)})


async def detail(request: web.Request) -> web.Response:
    """``GET cases/{id}``: a case with its steps."""
    async with request.app[DATABASE].read() as session:
        view = await cases.find(session, request.match_info["id"])
        shown = (await _shown(session, [view]))[0]
        steps = await cases.steps_of(session, view.id)
    shown["steps"] = [
        {
            "step": step.step,
            "actor": step.actor,
            "note": step.note,
            "created_at": step.created_at.astimezone(clock.SHANGHAI).isoformat(),
        }
        for step in steps
    ]
    return as_json(shown)


async def contact(request: web.Request) -> web.Response:
    """``POST cases/{id}/contact {"note"?}``: somebody has spoken with the customer."""
    body = await read_body(request)
    note = text_in(body, "note", limit=2000) if body.get("note") is not None else None
    async with request.app[DATABASE].write() as session:
        view = await cases.contact(session, me(request).staff, request.match_info["id"], note=note)
        shown = await _shown(session, [view])
    return as_json(shown[0])


async def close(request: web.Request) -> web.Response:
    """``POST cases/{id}/close {"result"}``: the owner is told what came of it."""
    body = await read_body(request)
    async with request.app[DATABASE].write() as session:
        view = await cases.close(
            session,
            me(request).staff,
            request.match_info["id"],
            result=text_in(body, "result", limit=2000),
        )
        shown = await _shown(session, [view])
    return as_json(shown[0])


async def reveal(request: web.Request) -> web.Response:
    """``POST cases/{id}/reveal {"field"}``: contact, phone, text or wish, logged."""
    body = await read_body(request)
    field = text_in(body, "field", limit=20)
    staff = me(request).staff
    staff_permissions.require(staff, "reveal")
    async with request.app[DATABASE].write() as session:
        case: Case | None = await session.get(Case, request.match_info["id"])
        if case is None:
            raise Problem("not_found")
        if case.status == "closed":
            raise cases.CaseRefused("closed")
        if field == "phone":
            customer: Customer | None = (
                await session.get(Customer, case.customer_id) if case.customer_id else None
            )
            value = customer.phone if customer else None
        elif field in ("contact", "text", "wish"):
            value = getattr(case, field)
        else:
            raise Problem("bad_request", field="field")
        if not value:
            raise Problem("nothing_to_reveal")
        audit(session, staff.username, "reveal", case.id, field=field)
    return as_json({"field": field, "value": value})
