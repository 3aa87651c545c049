"""The desk's page: one template, its static files, and what each role may do."""

from __future__ import annotations

from pathlib import Path

import aiohttp_jinja2
import jinja2
from aiohttp import web

from pitstop.base.settings import Settings, settings
from pitstop.care import staff_permissions
from pitstop.conversation import labels

HERE = Path(__file__).parent
TEMPLATES = HERE / "templates"
STATIC = HERE / "static"
# Gateway and desk share an application but not their templates.
ENVIRONMENT = web.AppKey("desk_templates", jinja2.Environment)


def setup(app: web.Application, config: Settings | None = None) -> None:
    """Add ``/desk`` and the static files below ``/static/desk/`` to an application.

    The permissions only decide what the page offers; the API refuses on its own.
    """
    config = config or settings()
    static = f"/static/desk/{labels.version_of(STATIC, labels.STATIC)}"
    words = labels.read_labels(TEMPLATES / "labels.yml")
    environment = aiohttp_jinja2.setup(
        app,
        app_key=ENVIRONMENT,
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    permissions = {role: sorted(may) for role, may in staff_permissions.TABLE.items()}
    context = {
        "static": static,
        "labels": words,
        "config": {"demo": config.demo, "permissions": permissions},
    }

    async def desk(request: web.Request) -> web.StreamResponse:
        response = aiohttp_jinja2.render_template(
            "desk.html", request, context, app_key=ENVIRONMENT
        )
        # The page names the release's static files: an old copy would ask for files that are gone.
        response.headers["Cache-Control"] = "no-cache"
        return response

    app.router.add_get("/desk", desk)
    app.router.add_static(f"{static}/shared", labels.STATIC)
    app.router.add_static(static, STATIC)
