"""What the gateway says, from `texts.yml`."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("texts.yml")


@lru_cache(maxsize=1)
def _texts() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def error_text(code: str) -> str:
    """Return the sentence for an error code; an unknown code gets the general one."""
    errors = _texts()["errors"]
    return errors.get(code, errors["internal"])


def line(key: str, **values: Any) -> str:
    """Return a line for the conversation; raises `KeyError` for an unknown key."""
    return _texts()["lines"][key].format(**values)


def button_title(key: str) -> str:
    """Return the title of one of the router's own buttons."""
    return _texts()["buttons"][key]


def duration(seconds: int) -> str:
    """Return a wait in words, rounded up: nobody minds being early."""
    words = _texts()["durations"]
    if seconds < 60:
        return words["seconds"].format(n=max(10, -(-seconds // 10) * 10))
    return words["minutes"].format(n=-(-seconds // 60))
