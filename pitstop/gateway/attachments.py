"""Pictures, voice notes and PDFs: taken in, kept encrypted, given back to their owner alone."""

from __future__ import annotations

import asyncio

from aiohttp import BodyPartReader, web

from pitstop.base import crypto
from pitstop.base.ids import new_id
from pitstop.care import people
from pitstop.conversation.tables import Attachment
from pitstop.gateway import requests
from pitstop.gateway.errors import ApiError
from pitstop.gateway.files import ending_of, recognise
from pitstop.gateway.keys import UPLOAD_LIMIT
from pitstop.storage.appkeys import DATABASE

MAX_BYTES = 10 * 1024 * 1024
_ENVELOPE = 64 * 1024  # what multipart may add around the file

# A file of somebody's, opened from our address, must not be able to do anything there.
SAFE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


async def upload(request: web.Request) -> web.Response:
    """Keep one file of at most 10 MB; what it is, its bytes say."""
    customer_id = requests.owner(request)
    requests.count(request.app[UPLOAD_LIMIT], customer_id)
    if request.content_length is not None and request.content_length > MAX_BYTES + _ENVELOPE:
        raise ApiError(413, "file_too_large", details={"max_bytes": MAX_BYTES})
    data = await _file(request)
    if not data:
        raise ApiError(400, "empty_file")
    found = recognise(data)
    if found is None:
        raise ApiError(415, "unsupported_file")
    # Ten megabytes take long enough to encrypt for others to notice.
    sealed = await asyncio.get_running_loop().run_in_executor(None, crypto.encrypt_bytes, data)
    attachment_id = new_id()
    async with request.app[DATABASE].write() as session:
        await people.ensure_customer(session, customer_id)
        session.add(
            Attachment(
                id=attachment_id,
                customer_id=customer_id,
                kind=found.kind,
                content_type=found.content_type,
                size=len(data),
                body=sealed,
            )
        )
    url = f"/api/owner/attachments/{attachment_id}"
    return web.json_response({"id": attachment_id, "kind": found.kind, "url": url})


async def _file(request: web.Request) -> bytes:
    """Read the first file of a multipart body; raises `ApiError` 400 or 413."""
    if not request.content_type.startswith("multipart/"):
        raise ApiError(415)
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, BodyPartReader) and part.filename is not None:
                return await _read(part)
    except (ValueError, AssertionError, KeyError) as error:
        # aiohttp's reader says "not proper multipart" in each of these ways.
        raise ApiError(400, "no_file") from error
    raise ApiError(400, "no_file")


async def _read(part: BodyPartReader) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        data.extend(chunk)
        if len(data) > MAX_BYTES:
            raise ApiError(413, "file_too_large", details={"max_bytes": MAX_BYTES})
    return bytes(data)


async def download(request: web.Request) -> web.Response:
    """Return an owner's own file; somebody else's does not exist."""
    customer_id = requests.owner(request)
    async with request.app[DATABASE].read() as session:
        found = await session.get(Attachment, request.match_info["attachment_id"])
    if found is None or found.customer_id != customer_id:
        raise ApiError(404, "unknown_attachment")
    data = await asyncio.get_running_loop().run_in_executor(None, crypto.decrypt_bytes, found.body)
    name = f"{found.kind}.{ending_of(found.content_type)}"
    return web.Response(
        body=data,
        content_type=found.content_type,
        headers={**SAFE_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'},
    )
