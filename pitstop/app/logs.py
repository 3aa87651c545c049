"""Logs: one JSON object a line, without personal data."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import datetime, timezone

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from sqlalchemy.exc import StatementError

from pitstop.base.masking import mask_text
from pitstop.gateway.errors import REQUEST_ID

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Formats a record with its extras. Texts are masked: a value may hide in any of them."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        shown: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, timezone.utc).isoformat(
                timespec="milliseconds"
            ),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": mask_text(record.getMessage()),
        }
        for name, value in vars(record).items():
            if name not in _STANDARD:
                plain = isinstance(value, bool | int | float) or value is None
                shown[name] = value if plain else mask_text(str(value))
        if record.exc_info and record.exc_info[1] is not None:
            shown["error"] = _described(record.exc_info[1])
            # Where, without the source's text: a literal in it may be anything.
            shown["trace"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}"
                for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return json.dumps(shown, ensure_ascii=False)


def _described(error: BaseException) -> str:
    # A statement's message carries its parameters: names, texts, phones.
    told = error.orig if isinstance(error, StatementError) else error
    return f"{type(error).__name__}: {mask_text(str(told))}"


class AccessLog(AbstractAccessLogger):
    """Logs each request without its query: tickets and searches are in there."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write one line."""
        self.logger.info(
            "request",
            extra={
                "method": request.method,
                "path": request.path,
                "status": response.status,
                "ms": round(time * 1000, 1),
                "request_id": request.get(REQUEST_ID),
            },
        )


def configure(level: int = logging.INFO) -> None:
    """Send every log of this process to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
