"""How serious a complaint is and what it is about, judged by the words in ``severity.yml``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pitstop.language.normalize import normalize

_FILE = Path(__file__).with_name("severity.yml")
ORDER = ("P1", "P2", "P3")
DEFAULT_SEVERITY = "P2"
DEFAULT_CATEGORY = "other"


@dataclass(frozen=True)
class Judgement:
    """A case's category and severity (P1, P2 or P3)."""

    category: str
    severity: str


@lru_cache(maxsize=1)
def _words() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def categories() -> tuple[str, ...]:
    """Return every category that a case can have."""
    return (*_words()["categories"], DEFAULT_CATEGORY)


def judge(text: str, wish: str | None = None) -> Judgement:
    """Judge a complaint by what was said and what is wanted; a wish can make it more serious."""
    said = normalize(f"{text}\n{wish or ''}").text.upper()
    meant = said
    for phrase in _words()["not_meant"]:
        meant = meant.replace(phrase, "")
    return Judgement(_category(said), _severity(meant))


def _severity(said: str) -> str:
    for severity, words in _words()["severity"].items():
        if any(_says(said, word) for word in words):
            return str(severity)
    return DEFAULT_SEVERITY


def _says(said: str, word: str) -> bool:
    if word.isdigit():
        # The hotline 12345 also stands in the middle of many phone numbers.
        return re.search(rf"(?<!\d){word}(?!\d)", said) is not None
    return word in said


def _category(said: str) -> str:
    best, most = DEFAULT_CATEGORY, 0
    for category, words in _words()["categories"].items():
        hits = sum(word in said for word in words)
        if hits > most:
            best, most = category, hits
    return best


def more_serious(severity: str) -> str:
    """Return the severity one step up; P1 stays P1."""
    return ORDER[max(ORDER.index(severity) - 1, 0)]
