"""The lines that `care` itself writes into a conversation; the wording is in ``texts.yml``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml

_FILE = Path(__file__).with_name("texts.yml")


@lru_cache(maxsize=1)
def _texts() -> dict[str, str]:
    loaded: dict[str, str] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def say(key: str, **values: object) -> str:
    """Return the line `key` with its values; raises `KeyError` for an unknown line or value."""
    return _texts()[key].format(**values)
