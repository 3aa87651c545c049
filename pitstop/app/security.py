"""Headers that every response carries."""

from __future__ import annotations

from aiohttp import web

from pitstop.gateway.errors import REQUEST_ID

HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'self'",
            # Attachments are read with the owner's token and shown from memory.
            "img-src 'self' blob: data:",
            "media-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(self), geolocation=(self)",
    "Cross-Origin-Opener-Policy": "same-origin-allow-popups",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add what the handler did not set itself, also to refusals and WebSockets."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
    # Which library in which version answers is nobody's business.
    response.headers["Server"] = "pitstop"
    if REQUEST_ID in request:
        response.headers["X-Request-Id"] = request[REQUEST_ID]
