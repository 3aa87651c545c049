"""The gateway's addresses."""

from __future__ import annotations

from aiohttp import web

from pitstop.gateway import (
    attachments,
    calendar,
    complaints_api,
    health,
    openapi,
    owner_api,
    owner_live,
)
from pitstop.gateway.errors import ApiError
from pitstop.gateway.keys import COMPLAINT_LIMIT, MESSAGE_LIMIT, UPLOAD_LIMIT
from pitstop.gateway.limits import RateLimit

# Nobody types this fast for long; a client that does is stuck. The burst leaves room for
# somebody who taps through a whole booking.
MESSAGES_PER_MINUTE = 60
MESSAGE_BURST = 60
UPLOADS_PER_MINUTE = 10
UPLOAD_BURST = 20
COMPLAINTS_PER_MINUTE = 300
COMPLAINT_BURST = 300


async def wechat_off(request: web.Request) -> web.Response:
    """Answer for the WeChat channel where no token is set."""
    raise ApiError(404)


def setup(app: web.Application) -> None:
    """Mount the gateway's routes and the limits that they share."""
    app[MESSAGE_LIMIT] = RateLimit(burst=MESSAGE_BURST, per_minute=MESSAGES_PER_MINUTE)
    app[UPLOAD_LIMIT] = RateLimit(burst=UPLOAD_BURST, per_minute=UPLOADS_PER_MINUTE)
    app[COMPLAINT_LIMIT] = RateLimit(burst=COMPLAINT_BURST, per_minute=COMPLAINTS_PER_MINUTE)
    app[owner_live.SOCKETS] = owner_live.Sockets()
    # aiosignal and aiohttp 3.9 disagree about the type of a signal.
    app.on_shutdown.append(owner_live.hang_up)  # type: ignore[arg-type]
    app.add_routes(
        [
            web.post("/api/owner/messages", owner_api.post_message),
            web.get("/api/owner/messages", owner_api.get_messages),
            web.get("/api/owner/conversation", owner_api.get_conversation),
            web.get("/api/owner/bookings", owner_api.get_bookings),
            web.get("/api/owner/complaints", owner_api.get_complaints),
            web.get("/api/owner/cases", owner_api.get_cases),
            web.get("/api/owner/me", owner_api.get_me),
            web.post("/api/owner/attachments", attachments.upload),
            web.get("/api/owner/attachments/{attachment_id}", attachments.download),
            web.post("/api/owner/ws-ticket", owner_live.post_ticket),
            web.get("/api/owner/ws", owner_live.get_socket, allow_head=False),
            web.post("/api/complaints", complaints_api.post_complaint),
            web.get("/calendar/{token}.ics", calendar.get_calendar),
            web.get("/healthz", health.healthz),
            web.get("/livez", health.livez),
            web.get("/metrics", health.metrics),
            web.get("/openapi.json", openapi.get_openapi),
            web.get("/wechat", wechat_off),
            web.post("/wechat", wechat_off),
        ]
    )
