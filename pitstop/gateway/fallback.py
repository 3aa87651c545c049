"""What typed text means while the bot is down: a person, a danger, or nothing we can tell."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml

Need = Literal["danger", "person"]

_FILE = Path(__file__).with_name("fallback.yml")
_SKIP = re.compile(r"[\s\W_]+")


@lru_cache(maxsize=1)
def _words() -> dict[str, list[str]]:
    loaded: dict[str, list[str]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {name: [_fold(word) for word in words] for name, words in loaded.items()}


def _fold(text: str) -> str:
    return _SKIP.sub("", unicodedata.normalize("NFKC", text).lower())


def need_of(text: str) -> Need | None:
    """Return what a text plainly asks for by the word lists of `fallback.yml`, None if nothing.

    Danger goes before a person; told of the past, it is no danger.
    """
    folded, words = _fold(text), _words()

    def names(kind: str) -> bool:
        return any(word in folded for word in words[kind])

    if names("danger") and not names("past"):
        return "danger"
    if names("person"):
        return "person"
    return None
