"""The settings of the desk's promises: ``clocks.yml``, read once."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pitstop.language.normalize import normalize

_FILE = Path(__file__).with_name("clocks.yml")
_NOT_A_WORD = re.compile(r"[\W_]+")


@lru_cache(maxsize=1)
def _policies() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def target(kind: str, priority: str | None = None) -> timedelta:
    """Return how long a clock of `kind` runs for this priority or severity."""
    targets = _policies()["targets"][kind]
    return timedelta(seconds=targets.get(priority, targets["default"]))


def longest_pause(kind: str) -> timedelta | None:
    """Return how long a clock of `kind` may stand still; None: it never has to."""
    seconds = _policies()["longest_pause"].get(kind)
    return None if seconds is None else timedelta(seconds=seconds)


def seconds(part: str, name: str) -> int:
    """Return a number of ``queue``, ``chase``, ``silence`` or ``case``; times are seconds."""
    return int(_policies()[part][name])


def section(name: str) -> dict[str, Any]:
    """Return a whole part of the settings."""
    found: dict[str, Any] = _policies()[name]
    return found


@lru_cache(maxsize=1)
def _empty_words() -> re.Pattern[str]:
    words = sorted(map(str, _policies()["empty_words"]), key=len, reverse=True)
    return re.compile("(?:" + "|".join(map(re.escape, words)) + ")+")


def is_empty_reply(text: str) -> bool:
    """Say whether an agent's line only asks to wait ("您好，请稍等"), and answers nothing."""
    bare = _NOT_A_WORD.sub("", normalize(text).text)
    return not bare or _empty_words().fullmatch(bare) is not None
