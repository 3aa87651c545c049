"""The workshop over HTTP: a place's day, one booking, and what its advisers do with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.settings import Settings
from pitstop.care import (
    closures,
    day_views,
    day_wire,
    journeys,
    places,
    quotes,
    staff_permissions,
    workshop,
)
from pitstop.care.staff import audit
from pitstop.care.tables import Booking, Customer, Staff, Vehicle
from pitstop.desk import service_body as given
from pitstop.desk import service_page
from pitstop.desk.errors import Problem, as_json, read_body, text_in
from pitstop.desk.masked import masked_json
from pitstop.desk.service_errors import told
from pitstop.desk.session import guarded, me
from pitstop.storage.appkeys import DATABASE

PREFIX = "/api/desk/service/"
Work = Callable[[AsyncSession, Staff, str], Awaitable[Any]]
PartWork = Callable[[AsyncSession, Staff, str], Awaitable[str]]
# An owner who did not come, or whose car is home again, is still called.
REVEALED_FOR = timedelta(days=7)


def service_routes() -> list[web.RouteDef]:
    """Return every route of ``/api/desk/service/``, with what each needs."""
    booking = PREFIX + "bookings/{id}"
    journey = PREFIX + "journeys/{id}"
    quote = PREFIX + "quotes/{id}"
    return [
        web.get(PREFIX + "places", guarded(told(listed), "see_service")),
        web.get(PREFIX + "day", guarded(told(day), "see_service")),
        web.get(booking, guarded(told(detail), "see_service")),
        web.post(booking + "/reveal", guarded(told(reveal), "see_service")),
        web.post(booking + "/check-in", guarded(told(check_in), "work_service")),
        web.post(booking + "/progress", guarded(told(progress), "work_service")),
        web.post(booking + "/quote", guarded(told(propose), "work_service")),
        web.post(booking + "/finish", guarded(told(finish), "work_service")),
        web.post(booking + "/no-show", guarded(told(no_show), "work_service")),
        web.post(booking + "/cancel", guarded(told(cancel), "work_service")),
        web.post(booking + "/move", guarded(told(move), "work_service")),
        web.post(quote + "/withdraw", guarded(told(withdraw), "work_service")),
        web.post(journey + "/set-off", guarded(told(set_off), "work_service")),
        web.post(journey + "/arrive", guarded(told(arrive), "work_service")),
        web.post(journey + "/hand-over", guarded(told(hand_over), "work_service")),
        web.post(PREFIX + "closures", guarded(told(close), "work_service")),
        web.post(PREFIX + "closures/{id}/lift", guarded(told(lift), "work_service")),
    ]


def setup(app: web.Application, config: Settings | None = None) -> None:
    """Add the API and the page ``/desk/service`` to an app that has the desk and its pages."""
    app.add_routes(service_routes())
    service_page.setup(app, config)


# ---- looking ------------------------------------------------------------------------------------


async def listed(request: web.Request) -> web.Response:
    """``GET places``: every place that has a day to look at, and what time it is."""
    async with request.app[DATABASE].read() as session:
        found = await places.all_places(session)
    shown = [day_wire.place_wire(place) for place in found]
    return as_json({"places": shown, "now": clock.local_now().isoformat()})


async def day(request: web.Request) -> web.Response:
    """``GET day?place=&day=``: lanes, closures, bookings and journeys; without a day today's."""
    place_id = request.query.get("place", "")
    if not place_id:
        raise Problem("place_missing", field="place")
    wanted = given.day_in(request)
    async with request.app[DATABASE].read() as session:
        found = await day_views.day_of(session, place_id, wanted)
        return as_json(day_wire.day_wire(found))


async def detail(request: web.Request) -> web.Response:
    """``GET bookings/{id}``: all that the workshop knows of a booking, masked."""
    async with request.app[DATABASE].read() as session:
        return as_json(await _shown(session, request.match_info["id"]))


async def _shown(session: AsyncSession, booking_id: str) -> dict[str, Any]:
    sheet = await day_views.sheet_of(session, booking_id)
    asked = await quotes.quotes_of(session, booking_id)
    deciders = [line.decided_by for view in asked for line in view.lines]
    under_way = await journeys.journeys_of(session, booking_id)
    shown = day_wire.sheet_wire(sheet)
    return {
        **shown,
        "changes": masked_json(shown["changes"]),
        "quotes": [quotes.quote_wire(view) for view in asked],
        "names_of": await day_views.names_of(session, deciders),
        "journeys": [journeys.journey_wire(view) for view in under_way],
        "now": clock.local_now().isoformat(),
    }


async def reveal(request: web.Request) -> web.Response:
    """``POST bookings/{id}/reveal {"field"}``: phone, plate, vin, address or note; logged.

    The value itself is not written down.
    """
    body = await read_body(request)
    field = text_in(body, "field", limit=20)
    staff = me(request).staff
    staff_permissions.require(staff, "reveal")
    async with request.app[DATABASE].write() as session:
        booking: Booking | None = await session.get(Booking, request.match_info["id"])
        if booking is None:
            raise Problem("not_found")
        over = booking.status not in ("confirmed", "in_progress")
        if over and max(booking.end, booking.updated_at) < clock.now() - REVEALED_FOR:
            raise Problem("booking_over")
        value = await _original(session, booking, field)
        if not value:
            raise Problem("nothing_to_reveal")
        audit(session, staff.username, "reveal", booking.id, field=field)
    return as_json({"field": field, "value": value})


async def _original(session: AsyncSession, booking: Booking, field: str) -> str | None:
    if field == "phone":
        customer: Customer | None = await session.get(Customer, booking.customer_id)
        return None if customer is None else customer.phone
    if field in ("plate", "vin"):
        car: Vehicle | None = await session.get(Vehicle, booking.vehicle_id or "")
        return None if car is None else str(getattr(car, field))
    if field == "address":
        return booking.pickup_address
    if field == "note":
        return booking.note
    raise Problem("bad_request", field="field")


# ---- doing --------------------------------------------------------------------------------------


async def _do(request: web.Request, work: Work) -> web.Response:
    """Do something to the request's booking and answer with what the booking is now."""
    booking_id = request.match_info["id"]
    async with request.app[DATABASE].write() as session:
        await work(session, me(request).staff, booking_id)
        shown = await _shown(session, booking_id)
    return as_json(shown)


async def _do_part(request: web.Request, work: PartWork) -> web.Response:
    """Do something to a quote or journey and answer with what its booking is now."""
    async with request.app[DATABASE].write() as session:
        booking_id = await work(session, me(request).staff, request.match_info["id"])
        shown = await _shown(session, booking_id)
    return as_json(shown)


async def check_in(request: web.Request) -> web.Response:
    """``POST bookings/{id}/check-in {"client_id", "mileage_km"?, "soc"?, "note"?}``: 接车."""
    body = await read_body(request)
    client_id, note = given.client_id_in(body), given.note_in(body)
    mileage_km, soc = given.mileage_in(body), given.soc_in(body)
    return await _do(
        request,
        lambda session, staff, key: workshop.check_in(
            session, staff, key, mileage_km=mileage_km, soc=soc, note=note, client_id=client_id
        ),
    )


async def progress(request: web.Request) -> web.Response:
    """``POST bookings/{id}/progress {"client_id", "step", "note"?, "ready_at"?,
    "part_expected_at"?}``: the next step, 待料 and 可交车 too."""
    body = await read_body(request)
    client_id, note = given.client_id_in(body), given.note_in(body)
    step = text_in(body, "step", limit=30)
    ready_at = given.moment_in(body, "ready_at")
    expected = given.moment_in(body, "part_expected_at")
    return await _do(
        request,
        lambda session, staff, key: workshop.progress(
            session,
            staff,
            key,
            step,
            note=note,
            ready_at=ready_at,
            part_expected_at=expected,
            client_id=client_id,
        ),
    )


async def propose(request: web.Request) -> web.Response:
    """``POST bookings/{id}/quote {"client_id", "lines": [{"name", "reason"?, "parts_price",
    "labour_price"}], "note"?}``: 增项报价, in yuan; the owner decides line by line."""
    body = await read_body(request)
    client_id, note = given.client_id_in(body), given.note_in(body)
    lines = [quotes.LineWanted(**line) for line in given.lines_in(body)]
    return await _do(
        request,
        lambda session, staff, key: quotes.quote(
            session, staff, key, lines=lines, note=note, client_id=client_id
        ),
    )


async def finish(request: web.Request) -> web.Response:
    """``POST bookings/{id}/finish {"client_id", "note"?}``: the car is handed back."""
    body = await read_body(request)
    client_id, note = given.client_id_in(body), given.note_in(body)
    return await _do(
        request,
        lambda session, staff, key: workshop.finish(
            session, staff, key, note=note, client_id=client_id
        ),
    )


async def no_show(request: web.Request) -> web.Response:
    """``POST bookings/{id}/no-show {"client_id"}``: 未到店."""
    client_id = given.client_id_in(await read_body(request))
    return await _do(
        request,
        lambda session, staff, key: workshop.no_show(session, staff, key, client_id=client_id),
    )


async def cancel(request: web.Request) -> web.Response:
    """``POST bookings/{id}/cancel {"client_id", "reason"}``: the owner is told the reason."""
    body = await read_body(request)
    client_id = given.client_id_in(body)
    reason = given.needed_in(body, "reason", "reason_missing")
    return await _do(
        request,
        lambda session, staff, key: workshop.staff_cancel(
            session, staff, key, reason=reason, client_id=client_id
        ),
    )


async def move(request: web.Request) -> web.Response:
    """``POST bookings/{id}/move {"client_id", "start", "technician_id"?, "reason"}``."""
    body = await read_body(request)
    client_id = given.client_id_in(body)
    start = given.moment_needed(body, "start")
    technician_id = given.note_in(body, "technician_id", 40)
    reason = given.needed_in(body, "reason", "reason_missing")
    return await _do(
        request,
        lambda session, staff, key: workshop.staff_move(
            session,
            staff,
            key,
            start=start,
            technician_id=technician_id,
            reason=reason,
            client_id=client_id,
        ),
    )


async def withdraw(request: web.Request) -> web.Response:
    """``POST quotes/{id}/withdraw {"client_id"}``: what is not decided yet is off the table."""
    client_id = given.client_id_in(await read_body(request))

    async def work(session: AsyncSession, staff: Staff, key: str) -> str:
        return (await quotes.withdraw(session, staff, key, client_id=client_id)).booking_id

    return await _do_part(request, work)


async def set_off(request: web.Request) -> web.Response:
    """``POST journeys/{id}/set-off {"client_id"}``."""
    client_id = given.client_id_in(await read_body(request))

    async def work(session: AsyncSession, staff: Staff, key: str) -> str:
        return (await journeys.set_off(session, staff, key, client_id=client_id)).booking_id

    return await _do_part(request, work)


async def arrive(request: web.Request) -> web.Response:
    """``POST journeys/{id}/arrive {"client_id"}``."""
    client_id = given.client_id_in(await read_body(request))

    async def work(session: AsyncSession, staff: Staff, key: str) -> str:
        return (await journeys.arrive(session, staff, key, client_id=client_id)).booking_id

    return await _do_part(request, work)


async def hand_over(request: web.Request) -> web.Response:
    """``POST journeys/{id}/hand-over {"client_id", "mileage_km"?, "soc"?, "belongings"?,
    "code"?}``: the car changes hands."""
    body = await read_body(request)
    client_id = given.client_id_in(body)
    mileage_km, soc = given.mileage_in(body), given.soc_in(body)
    belongings, code = given.note_in(body, "belongings"), given.note_in(body, "code", 20)

    async def work(session: AsyncSession, staff: Staff, key: str) -> str:
        view = await journeys.hand_over(
            session,
            staff,
            key,
            mileage_km=mileage_km,
            soc=soc,
            belongings=belongings,
            code=code,
            client_id=client_id,
        )
        return view.booking_id

    return await _do_part(request, work)


async def close(request: web.Request) -> web.Response:
    """``POST closures {"client_id", "place_id", "resource_id"?, "start", "end", "reason",
    "note"?}``: a place or one thing of it cannot be used; whose booking breaks is told."""
    body = await read_body(request)
    client_id, note = given.client_id_in(body), given.note_in(body, "note", 200)
    place_id, reason = text_in(body, "place_id", limit=40), text_in(body, "reason", limit=20)
    resource_id = given.note_in(body, "resource_id", 40)
    start, end = given.moment_needed(body, "start"), given.moment_needed(body, "end")
    if end <= start:
        raise Problem("end_before_start", field="end")
    async with request.app[DATABASE].write() as session:
        closure = await closures.close(
            session,
            me(request).staff,
            place_id,
            start=start,
            end=end,
            reason=reason,
            note=note,
            resource_id=resource_id,
            client_id=client_id,
        )
        shown = day_wire.closure_wire(closure)
    return as_json(shown)


async def lift(request: web.Request) -> web.Response:
    """``POST closures/{id}/lift {"client_id"}``: it can be used again."""
    client_id = given.client_id_in(await read_body(request))
    async with request.app[DATABASE].write() as session:
        closure = await closures.lift(
            session, me(request).staff, request.match_info["id"], client_id=client_id
        )
        shown = day_wire.closure_wire(closure)
    return as_json(shown)
