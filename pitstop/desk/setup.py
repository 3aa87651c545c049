"""What supervisors change, over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import BodyPartReader, hdrs, web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.settings import Settings
from pitstop.care import places, setup_data, setup_files, setup_words
from pitstop.care.service_tables import Setting
from pitstop.care.setup_data import Given, SetupTable, Where
from pitstop.care.staff import audit
from pitstop.desk import setup_page
from pitstop.desk.errors import Problem, as_json, read_body, text_in
from pitstop.desk.session import Handler, guarded, me
from pitstop.desk.setup_wire import (
    BadBatch,
    batch_in,
    flag_in,
    ids_in,
    preview_json,
    refused,
    result_json,
    row_json,
    tables_json,
)
from pitstop.storage.appkeys import DATABASE

PREFIX = "/api/desk/setup"
MAX_PAGE = 500
MAX_OPTIONS = 256 * 1024  # bytes of what is said about a file
_ENVELOPE = 64 * 1024  # what multipart may add around the file
_TYPES = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def setup_routes() -> list[web.RouteDef]:
    """Return every route of ``/api/desk/setup``: a supervisor's and an admin's."""
    table = PREFIX + "/{table}"

    def mine(handler: Handler) -> Handler:
        return guarded(_told(handler), "manage_setup")

    return [
        web.get(PREFIX, mine(overview)),
        web.get(table, mine(listed)),
        web.post(table, mine(save)),
        web.post(table + "/check", mine(check)),
        web.get(table + "/export", mine(export)),
        web.post(table + "/import", mine(take_in)),
    ]


def setup(app: web.Application, config: Settings | None = None) -> None:
    """Add the API and the page ``/desk/setup`` to an app that has the desk and its pages."""
    app.add_routes(setup_routes())
    setup_page.setup(app, config)


def _told(handler: Handler) -> Handler:
    """Turn what only these routes refuse into the API's errors."""

    async def tell(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except BadBatch as error:
            return refused(error.code, error.status)
        except setup_data.PreviewOutdated as error:
            return refused(error.code, 409)
        except setup_data.IdConflict as error:
            raise Problem(error.code) from error
        except setup_files.FileProblem as error:
            body = {"code": f"file_{error.code}", "message": str(error), "details": {}}
            return as_json({"error": body}, status=413 if error.code == "too_large" else 422)

    return tell


def _table(request: web.Request) -> SetupTable:
    return setup_data.table_of(request.match_info["table"])


def _asked(request: web.Request, name: str) -> str | None:
    return request.query.get(name, "").replace("\x00", "").strip()[:100] or None


def _where(request: web.Request) -> Where:
    past = request.query.get("past") == "1"
    return Where(_asked(request, "place"), _asked(request, "city"), past)


async def overview(request: web.Request) -> web.Response:
    """``GET``: the tables with their columns, and the places to choose from."""
    async with request.app[DATABASE].read() as session:
        rows = await places.all_places(session)
        changed = await _changed(session)
    shown = [{"id": p.id, "name": p.name, "city": p.city, "kind": p.kind} for p in rows]
    groups = {name: dict(words) for name, words in setup_words.groups().items()}
    told = {"groups": groups, "now": clock.local_now().isoformat(), "rules": changed}
    return as_json({"tables": tables_json(), "places": shown, **told})


async def _changed(session: AsyncSession) -> dict[str, Any] | None:
    """Return who changed the prices and rules last."""
    query = select(Setting.updated_by, Setting.updated_at).where(Setting.key == "tariffs")
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return None
    return {"by": row[0], "at": row[1].astimezone(clock.SHANGHAI).isoformat()}


async def listed(request: web.Request) -> web.Response:
    """``GET {table}?place=&city=&q=&past=1&offset=&limit=``: rows, and what they may name."""
    table = _table(request)
    async with request.app[DATABASE].read() as session:
        rows = await setup_data.read(
            session, table.name, _where(request), _asked(request, "q") or ""
        )
        start = _number(request, "offset", 0, 10_000_000)
        page = rows[start : start + max(1, _number(request, "limit", 200, MAX_PAGE))]
        names = await setup_data.names_of(session, table, [row.values for row in page])
    found = {"rows": [row_json(row) for row in page], "total": len(rows), "offset": start}
    return as_json({**found, "names": names.labels})


def _number(request: web.Request, name: str, usual: int, most: int) -> int:
    raw = request.query.get(name, "")
    if not raw:
        return usual
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise Problem("bad_request", field=name)
    return min(int(raw), most)


async def check(request: web.Request) -> web.Response:
    """``POST {table}/check``: what the rows would change, nothing written."""
    table = _table(request)
    rows = batch_in(await read_body(request))
    return as_json(await _preview(request, table, rows, match=False))


async def _preview(
    request: web.Request, table: SetupTable, rows: list[Given], *, match: bool
) -> dict[str, Any]:
    async with request.app[DATABASE].read() as session:
        planned = await setup_data.preview(session, table.name, rows, match=match)
        names = await setup_data.names_of(session, table, [one.values for one in planned])
    return preview_json(table, planned, names)


async def save(request: web.Request) -> web.Response:
    """``POST {table}``: write the rows; what is refused is told with its reason.

    Refused rows are no error: the answer says what was saved and what was not.
    """
    table = _table(request)
    body = await read_body(request)
    client_id = text_in(body, "client_id", limit=80).strip()
    if not client_id:
        raise Problem("bad_request", field="client_id")
    rows = batch_in(body)
    if any(row.key is not None and row.digest is None for row in rows):
        # Whoever changes a row has read it: else two would undo each other's work.
        raise BadBatch
    async with request.app[DATABASE].write() as session:
        result = await setup_data.write(
            session,
            me(request).staff,
            table.name,
            rows,
            client_id=client_id,
            all_or_nothing=flag_in(body, "all_or_nothing", True),
            force=ids_in(body, "force"),
        )
    return as_json(result_json(result))


async def export(request: web.Request) -> web.Response:
    """``GET {table}/export?format=xlsx|csv&template=1&place=…``: a file to save."""
    table = _table(request)
    kind: setup_files.Format = "csv" if request.query.get("format") == "csv" else "xlsx"
    template = request.query.get("template") == "1"
    async with request.app[DATABASE].write() as session:
        rows = []
        if not template:
            rows = await setup_data.read(
                session, table.name, _where(request), _asked(request, "q") or ""
            )
        names = await setup_data.names_of(session, table, [row.values for row in rows])
        who = me(request).staff.username
        audit(session, who, "setup_exported", table.name, rows=len(rows), format=kind)
    data = await asyncio.to_thread(setup_files.export, table, rows, names, kind)
    stamp = "template" if template else f"{clock.local_now():%Y%m%d-%H%M}"
    return web.Response(
        body=data,
        content_type=_TYPES[kind],
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'attachment; filename="{table.name}-{stamp}.{kind}"',
            "X-Content-Type-Options": "nosniff",
        },
    )


async def take_in(request: web.Request) -> web.Response:
    """``POST {table}/import``: multipart with ``options`` (JSON) and ``file``.

    Without a ``client_id`` among the options it is a preview; with one, and the preview's
    ``seen``, the file is written.
    """
    table = _table(request)
    options, name, data = await _parts(request)
    read = await asyncio.to_thread(setup_files.read_file, table, name, data)
    rows = list(read.rows)
    if "client_id" not in options:
        shown = await _preview(request, table, rows, match=True)
        return as_json({**shown, "warnings": list(read.warnings)})
    async with request.app[DATABASE].write() as session:
        result = await setup_data.write(
            session,
            me(request).staff,
            table.name,
            rows,
            client_id=text_in(options, "client_id", limit=80),
            all_or_nothing=flag_in(options, "all_or_nothing", True),
            match=True,
            force=ids_in(options, "force"),
            seen=text_in(options, "seen", limit=40),
        )
    return as_json(result_json(result))


async def _parts(request: web.Request) -> tuple[dict[str, Any], str, bytes]:
    """Read options and file, in pieces: neither may grow past its bound."""
    most = setup_files.MAX_BYTES + MAX_OPTIONS + _ENVELOPE
    if request.content_length is not None and request.content_length > most:
        raise setup_files.FileProblem("too_large", limit=setup_files.MAX_BYTES // 1024 // 1024)
    if request.content_type != "multipart/form-data":
        raise BadBatch("no_file")
    options: Any = {}
    found: tuple[str, bytes] | None = None
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "options":
                options = json.loads(await _whole(part, MAX_OPTIONS))
            elif part.name == "file" and found is None:
                found = part.filename or "", await _whole(part, setup_files.MAX_BYTES)
    except (ValueError, AssertionError, KeyError, RecursionError) as error:
        if isinstance(error, setup_files.FileProblem):
            raise
        # aiohttp's reader says "not proper multipart" in each of these ways.
        raise BadBatch("no_file") from error
    if found is None or not isinstance(options, dict):
        raise BadBatch("no_file")
    return options, found[0], found[1]


async def _whole(part: BodyPartReader, most: int) -> bytes:
    if hdrs.CONTENT_ENCODING in part.headers:
        raise BadBatch("no_file")
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        data.extend(chunk)
        if len(data) > most:
            raise setup_files.FileProblem("too_large", limit=most // 1024 // 1024 or 1)
    return bytes(data)
