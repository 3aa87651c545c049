"""Complaints from elsewhere: ``POST /api/complaints`` with an API key."""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.crypto import fingerprint
from pitstop.care import cases, people
from pitstop.care.tables import CaseStep, VehicleLink
from pitstop.gateway import requests
from pitstop.gateway.channels.web import read_text
from pitstop.gateway.errors import ApiError
from pitstop.gateway.keys import COMPLAINT_LIMIT, SETTINGS
from pitstop.storage.appkeys import DATABASE

_PHONE = re.compile(r"1[3-9]\d{9}")
_PLATE = re.compile(r"[\u4e00-\u9fff][A-Z][A-Z0-9]{5,6}")


@dataclass(frozen=True)
class Incoming:
    """A checked complaint."""

    source: str
    text: str
    external_id: str
    phone: str | None
    plate: str | None


async def post_complaint(request: web.Request) -> web.Response:
    """File a complaint; the same external id with the same key again finds the first."""
    source = _source(request)
    requests.count(request.app[COMPLAINT_LIMIT], source)
    incoming = _read(await requests.json_object(request))
    async with request.app[DATABASE].write() as session:
        customer_id, vehicle_id = await _whose(session, incoming)
        case = await cases.file_case(
            session,
            text=incoming.text,
            contact=incoming.phone,
            customer_id=customer_id,
            vehicle_id=vehicle_id,
            source=source,
            external_id=incoming.external_id,
        )
        await _note_source(session, case.id, source, incoming.source)
    wire = cases.case_wire(case)
    return web.json_response(
        {name: wire[name] for name in ("number", "category", "severity", "respond_by")}
    )


def _source(request: web.Request) -> str:
    """Return whose key it is; raises `ApiError` 401.

    A key configured without a name gets one of its own: two partners must not meet in one
    number range and be shown each other's complaints.
    """
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    given = request.headers.get("X-API-Key") or (bearer if scheme.lower() == "bearer" else "")
    found = None
    for key, name in request.app[SETTINGS].complaints_api_keys.items():
        # Every key is compared, so that the time taken tells nothing.
        if hmac.compare_digest(key.encode(), given.strip().encode("utf-8", "replace")):
            found = name if name != "api" else f"api:{fingerprint(key)[:8]}"
    if found is None or not given:
        raise ApiError(401, "bad_api_key")
    return found[:40]


def _read(body: dict[str, Any]) -> Incoming:
    source, external_id = body.get("source"), body.get("external_id")
    if not isinstance(source, str) or not 0 < len(source.strip()) <= 40:
        raise ApiError(400, "bad_source")
    if isinstance(external_id, int) and not isinstance(external_id, bool):
        external_id = str(external_id)
    if (
        not isinstance(external_id, str)
        or not 0 < len(external_id) <= 80
        or not external_id.isprintable()
    ):
        raise ApiError(400, "bad_external_id")
    created_at = body.get("created_at")
    if created_at is not None:
        requests.moment(created_at)
    return Incoming(
        source=source.strip(),
        text=read_text(body.get("text")),
        external_id=external_id,
        phone=_phone(_inner(body, "customer", "phone")),
        plate=_plate(_inner(body, "vehicle", "plate")),
    )


def _inner(body: dict[str, Any], name: str, field: str) -> str | None:
    inner = body.get(name)
    if inner is None:
        return None
    if not isinstance(inner, dict):
        raise ApiError(400, "bad_request", details={"field": name})
    value = inner.get(field)
    if value is not None and not isinstance(value, str):
        raise ApiError(400, f"bad_{field}")
    return value or None


def _phone(raw: str | None) -> str | None:
    if raw is None:
        return None
    digits = re.sub(r"[\s\-()]+", "", unicodedata.normalize("NFKC", raw))
    digits = re.sub(r"^(\+|00)?86(?=1\d{10}$)", "", digits)
    if not _PHONE.fullmatch(digits):
        raise ApiError(400, "bad_phone")
    return digits


def _plate(raw: str | None) -> str | None:
    if raw is None:
        return None
    plate = re.sub(r"[\s·•.\-]+", "", unicodedata.normalize("NFKC", raw)).upper()
    if not _PLATE.fullmatch(plate):
        raise ApiError(400, "bad_plate")
    return plate


async def _note_source(session: AsyncSession, case_id: str, partner: str, source: str) -> None:
    """Keep where the partner had it from (a platform, a hotline), once."""
    mark = f"source:{case_id}"
    query = select(CaseStep.id).where(CaseStep.message_id == mark)
    if (await session.execute(query)).first() is None:
        session.add(
            CaseStep(case_id=case_id, step="note", note=source, actor=partner, message_id=mark)
        )


async def _whose(session: AsyncSession, incoming: Incoming) -> tuple[str | None, str | None]:
    """Return the customer and vehicle that a complaint belongs to, as far as we know them.

    The phone says who complains. Only without one is it taken to be the car's owner: a plate
    alone may come from somebody whom the car has hit.
    """
    customer = vehicle = None
    if incoming.phone is not None:
        customer = await people.customer_by_phone(session, incoming.phone)
    if incoming.plate is not None:
        vehicle = await people.vehicle_by_plate(session, incoming.plate)
    vehicle_id = None if vehicle is None else vehicle.id
    if incoming.phone is not None or vehicle_id is None:
        return (None if customer is None else customer.id), vehicle_id
    now = clock.now()
    query = (
        select(VehicleLink.customer_id)
        .where(
            VehicleLink.vehicle_id == vehicle_id,
            VehicleLink.relation == "owner",
            (VehicleLink.until.is_(None)) | (VehicleLink.until > now),
        )
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none(), vehicle_id
