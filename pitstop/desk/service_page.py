"""The workshop's page: one template on the desk's static files."""

from __future__ import annotations

import aiohttp_jinja2
from aiohttp import web

from pitstop.base.settings import Settings, settings
from pitstop.care import staff_permissions
from pitstop.conversation import labels
from pitstop.desk import pages


def setup(app: web.Application, config: Settings | None = None) -> None:
    """Add ``/desk/service`` to an application that has the desk's pages.

    The permissions only decide what the page offers; the API refuses on its own.
    """
    config = config or settings()
    words = labels.read_labels(pages.TEMPLATES / "labels.yml")
    own = labels.read_labels(pages.TEMPLATES / "service_labels.yml")
    permissions = {role: sorted(may) for role, may in staff_permissions.TABLE.items()}
    context = {
        "static": f"/static/desk/{labels.version_of(pages.STATIC, labels.STATIC)}",
        "labels": {**words, **own},
        "config": {"demo": config.demo, "permissions": permissions},
    }

    async def page(request: web.Request) -> web.StreamResponse:
        response = aiohttp_jinja2.render_template(
            "service.html", request, context, app_key=pages.ENVIRONMENT
        )
        # The page names the release's static files: an old copy would ask for files that are gone.
        response.headers["Cache-Control"] = "no-cache"
        return response

    app.router.add_get("/desk/service", page)
