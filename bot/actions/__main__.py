"""``python -m bot.actions``: serve the actions on loopback."""

from __future__ import annotations

import logging

from aiohttp import web

from bot.actions.server import init_app
from pitstop.base.settings import settings

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    web.run_app(
        init_app(),
        host=settings().internal_host,
        port=settings().actions_port,
        access_log=None,
        print=None,
    )
