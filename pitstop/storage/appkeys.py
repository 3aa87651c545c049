"""The application's keys: what every room finds in the aiohttp app."""

from __future__ import annotations

from aiohttp import web

from pitstop.storage.broadcast import Broadcast
from pitstop.storage.database import Database

DATABASE = web.AppKey("database", Database)
BROADCAST = web.AppKey("broadcast", Broadcast)
