"""Names written by ear: 闽行店 for 闵行店, 前摊 for 前滩."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

_READINGS = 2
"""How many readings of a sign count: the rare ones make names of anything."""

# What southern speakers and their keyboards mix up is made one.
_FOLDED = ((re.compile(r"^([zcs])h"), r"\1"), (re.compile(r"([aei]n)g$"), r"\1"))


class SoundIndex:
    """Names by their syllables, in a tree, so that a text is gone through once."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._tree: dict[str, Any] | None = None

    def find(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Yield `(name, start, end)` for what sounds like a name, the longest first at each place.

        What is written as the name is left out.
        """
        if self._tree is None:
            self._tree = self._grow()
        heard = [sounds(char) for char in text]
        for start, first in enumerate(heard):
            if not any(sound in self._tree for sound in first):
                continue
            found: list[tuple[str, int, int]] = []
            level = [self._tree]
            for end in range(start, len(heard)):
                level = [node[s] for node in level for s in heard[end] if s in node]
                if not level:
                    break
                found += [(name, start, end + 1) for node in level for name in node.get("", ())]
            # A name with two readings is met on two ways.
            yield from (
                each
                for each in dict.fromkeys(reversed(found))
                if text[each[1] : each[2]] != each[0]
            )

    def _grow(self) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for name in self._names:
            level = [tree]
            for char in name:
                level = [node.setdefault(s, {}) for node in level for s in sounds(char)]
            for node in level:
                node.setdefault("", []).append(name)
        return tree


@lru_cache(maxsize=8192)
def sounds(char: str) -> tuple[str, ...]:
    """Return the toneless syllables that a sign is read as; anything but Han stays itself."""
    if not "\u4e00" <= char <= "\u9fff":
        return (char,)
    from pypinyin.constants import PINYIN_DICT  # tables that a process without owners never needs

    readings = PINYIN_DICT.get(ord(char), char).split(",")[:_READINGS]
    return tuple(dict.fromkeys(_fold(reading) for reading in readings))


def _fold(reading: str) -> str:
    plain = "".join(
        sign for sign in unicodedata.normalize("NFD", reading) if not unicodedata.combining(sign)
    )
    for pattern, replacement in _FOLDED:
        plain = pattern.sub(replacement, plain)
    return plain
