"""What the workshop's API says when something cannot be done: `service_texts.yml`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from pitstop.base import clock
from pitstop.care.closures import ClosureRefused
from pitstop.care.journeys import JourneyRefused
from pitstop.care.workshop import WorkshopRefused
from pitstop.desk.errors import Problem, as_json
from pitstop.desk.session import Handler

_FILE = Path(__file__).with_name("service_texts.yml")


@lru_cache(maxsize=1)
def texts() -> dict[str, dict[str, str]]:
    """Return the messages of malformed requests (`body`) and of refusals, by code."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def told(handler: Handler) -> Handler:
    """Turn refusals of the workshop into the API's errors; all others are the guard's to tell."""

    async def tell(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (WorkshopRefused, JourneyRefused, ClosureRefused) as refusal:
            return _refused(refusal)
        except Problem as problem:
            if problem.code not in texts()["body"]:
                raise
            message = texts()["body"][problem.code].format(**problem.details)
            return _answer(problem.code, message, problem.details, 422)

    return tell


def _refused(refusal: WorkshopRefused | JourneyRefused | ClosureRefused) -> web.Response:
    said = texts()["refusals"]
    known: Mapping[str, Any] = getattr(refusal, "details", {})
    details = {name: _plain(value) for name, value in known.items()}
    values: dict[str, Any] = dict(details)
    code = str(refusal.code)
    key = code
    if "earliest" in details:
        key, values["at"] = f"{code}_until", _hour(datetime.fromisoformat(details["earliest"]))
    message = said.get(key, said["other"]).format(**values)
    if free := getattr(refusal, "alternatives", ()):
        details["alternatives"] = [
            {"start": _plain(slot.start), "end": _plain(slot.end)} for slot in free
        ]
    return _answer(code, message, details, 409)


def _answer(code: str, message: str, details: Mapping[str, Any], status: int) -> web.Response:
    error = {"code": code, "message": message, "details": details}
    return as_json({"error": error}, status=status)


def _hour(moment: datetime) -> str:
    return f"{moment.astimezone(clock.SHANGHAI):%H:%M}"


def _plain(value: Any) -> Any:
    """Return what JSON can hold of a detail."""
    if isinstance(value, datetime):
        return value.astimezone(clock.SHANGHAI).isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, str | int | float | bool) or value is None:
        return value
    return str(value)
