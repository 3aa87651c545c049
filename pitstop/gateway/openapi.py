"""The contract as OpenAPI, from `openapi.yml`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from pitstop.gateway.keys import SETTINGS

_FILE = Path(__file__).with_name("openapi.yml")


@lru_cache(maxsize=2)
def document(demo: bool) -> dict[str, Any]:
    """Return the description; without `demo`, the demo's paths do not exist."""
    described: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    if not demo:
        paths = described["paths"]
        described["paths"] = {
            path: item for path, item in paths.items() if not path.startswith("/api/demo/")
        }
    return described


async def get_openapi(request: web.Request) -> web.Response:
    """Serve the description."""
    return web.json_response(document(request.app[SETTINGS].demo))
