"""The owner's page: one template, its static files, and the settings that it needs to know."""

from __future__ import annotations

from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from pitstop.base.settings import Settings, settings
from pitstop.conversation import labels

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
# Gateway and desk share an application but not their templates.
ENVIRONMENT = web.AppKey("owner_templates", jinja2.Environment)


def setup(app: web.Application, config: Settings | None = None) -> None:
    """Add ``/``, ``/chat`` and the static files below ``/static/owner/`` to an application."""
    config = config or settings()
    static = f"/static/owner/{labels.version_of(STATIC, labels.STATIC)}"
    words = labels.read_labels(TEMPLATES / "labels.yml")
    environment = aiohttp_jinja2.setup(
        app,
        app_key=ENVIRONMENT,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    context = {
        "static": static,
        "labels": words,
        "config": {"demo": config.demo, "allowed_origins": list(config.allowed_origins)},
    }

    async def front(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/chat")

    async def chat(request: web.Request) -> web.StreamResponse:
        response = aiohttp_jinja2.render_template(
            "chat.html", request, context, app_key=ENVIRONMENT
        )
        # The page names the release's static files: an old copy would ask for files that are gone.
        response.headers["Cache-Control"] = "no-cache"
        return response

    app.router.add_get("/", front)
    app.router.add_get("/chat", chat)
    app.router.add_static(f"{static}/shared", labels.STATIC)
    app.router.add_static(static, STATIC)
