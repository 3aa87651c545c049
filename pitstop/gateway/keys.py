"""Typed keys of what the gateway's handlers find in the application."""

from __future__ import annotations

from aiohttp import web

from pitstop.base.settings import Settings
from pitstop.gateway.bot_client import BotClient
from pitstop.gateway.limits import RateLimit
from pitstop.gateway.metrics import Metrics
from pitstop.gateway.router import Router
from pitstop.gateway.tokens import OwnerTokens

SETTINGS = web.AppKey("SETTINGS", Settings)
TOKENS = web.AppKey("TOKENS", OwnerTokens)
BOT = web.AppKey("BOT", BotClient)
ROUTER = web.AppKey("ROUTER", Router)
METRICS = web.AppKey("METRICS", Metrics)
MESSAGE_LIMIT = web.AppKey("MESSAGE_LIMIT", RateLimit)
UPLOAD_LIMIT = web.AppKey("UPLOAD_LIMIT", RateLimit)
COMPLAINT_LIMIT = web.AppKey("COMPLAINT_LIMIT", RateLimit)
