"""A booking's calendar file: ``GET /calendar/{token}.ics``, without a log-in.

The app that fetches it is a phone's calendar, and sends no header: the token is the key
(`pitstop.care.calendar_tokens`).
"""

from __future__ import annotations

from aiohttp import web

from pitstop.care.calendar_file import calendar_file
from pitstop.care.calendar_tokens import booking_id_of
from pitstop.storage.appkeys import DATABASE

HEADERS = {
    # A moved booking must be seen moved, and no proxy need keep it.
    "Cache-Control": "private, no-cache",
    "Content-Disposition": 'inline; filename="booking.ics"',
    "X-Robots-Tag": "noindex",
}


async def get_calendar(request: web.Request) -> web.Response:
    """Return the file; 404 for a token that is not ours and a booking that is gone."""
    booking_id = booking_id_of(request.match_info["token"])
    if booking_id is None:
        raise web.HTTPNotFound
    async with request.app[DATABASE].read() as session:
        try:
            body = await calendar_file(session, booking_id)
        except LookupError:
            raise web.HTTPNotFound from None
    return web.Response(body=body, content_type="text/calendar", charset="utf-8", headers=HEADERS)
