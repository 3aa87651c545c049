"""One spelling for one text: width, script, invisible characters, white space.

Every rule keeps track of where a character came from, because entities are
found in the normalised text and reported by their place in what was written.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import opencc

MAX_CHARS = 2000
"""How many characters of a message are looked at; the rest is ignored."""

# A run of one of these says no more than one of it. Hyphens, stars, slashes
# and '=' stay as written: they stand in masked numbers, dates and links.
_SQUEEZED = frozenset("!?,;:~。、…·！？，；")
# Read as the ASCII character on the right wherever they stand.
_SAME_AS = {
    "〜": "~",
    "∼": "~",
    "–": "-",
    "—": "-",
    "−": "-",
    "‐": "-",
    "‑": "-",
    "•": "·",
    "・": "·",
    "‧": "·",
    "∙": "·",
    "⋅": "·",
    "〇": "零",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}
# Characters that a reader (or a program, after NFKC) takes for "/".
_SLASHES = frozenset("/\u2044\u2215\u29f8")


@dataclass(frozen=True)
class Normalized:
    """A text in one spelling, with the way back to what was written.

    `offsets[i]` is the index in `original` of the character that `text[i]`
    came from; it never decreases.
    """

    original: str
    text: str
    offsets: tuple[int, ...]

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """Map the half-open span `[start, end)` of `text` to one of `original`."""
        if not 0 <= start <= end <= len(self.text):
            raise ValueError(f"span {start}:{end} outside a text of {len(self.text)} characters")
        if start == end:
            where = self.offsets[start] if start < len(self.offsets) else len(self.original)
            return where, where
        return self.offsets[start], self.offsets[end - 1] + 1


@lru_cache(maxsize=512)
def normalize(text: str) -> Normalized:
    """Return `text` in half width, simplified script, with single spaces.

    Full-width punctuation becomes half width (，→ ","), so that one sign has
    one form; 。and 、have no half-width meaning and stay. Invisible, control
    and combining characters disappear. Only the first `MAX_CHARS` characters
    count.
    """
    pieces: list[tuple[str, int]] = []
    for index, char in enumerate(text[:MAX_CHARS]):
        for folded in _fold(char):
            if folded == " ":
                if pieces and pieces[-1][0] != " ":
                    pieces.append((" ", index))
            elif not (pieces and pieces[-1][0] == folded and _is_squeezed(folded)):
                pieces.append((folded, index))
    while pieces and pieces[-1][0] == " ":
        pieces.pop()
    chars = "".join(piece for piece, _ in pieces)
    return Normalized(text, simplify(chars), tuple(index for _, index in pieces))


def neutralize(text: str) -> str:
    """Return `text` without the leading slash that Rasa takes for a command.

    Rasa reads a message that starts with "/" as an intent. Invisible
    characters, white space and look-alike slashes in front go as well, so
    that nothing downstream can turn the rest into a command.
    """
    for index, char in enumerate(text):
        if not all(folded == " " or folded in _SLASHES for folded in _fold(char)):
            return text[index:]
    return ""


def simplify(text: str) -> str:
    """Return `text` in simplified script, character for character (same length)."""
    if not any(char in _traditional() for char in text):
        return text
    # Taiwan's words (軟體) come first; where a phrase changes length the
    # offsets would be lost, so the plain character mapping is taken.
    for config in ("tw2sp", "t2s"):
        converted: str = _converter(config).convert(text)
        if len(converted) == len(text):
            return converted
    table = _traditional()
    return "".join(table.get(char, char) for char in text)


@lru_cache(maxsize=8192)
def _fold(char: str) -> str:
    if unicodedata.category(char) in {"Cs", "Co", "Cf"}:
        return ""
    if char.isspace():
        return " "
    return "".join(
        " " if part.isspace() else _SAME_AS.get(part, part)
        for part in unicodedata.normalize("NFKC", char)
        if part.isspace() or not _is_invisible(part)
    )


def _is_invisible(char: str) -> bool:
    return unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Mn", "Me"}


@lru_cache(maxsize=8192)
def _is_squeezed(char: str) -> bool:
    return char in _SQUEEZED or unicodedata.category(char) in {"So", "Sk"}


@lru_cache(maxsize=2)
def _converter(config: str) -> opencc.OpenCC:
    return opencc.OpenCC(config)


@lru_cache(maxsize=1)
def _traditional() -> dict[str, str]:
    """Traditional characters with their first simplified form (OpenCC's own table)."""
    source = Path(opencc.__file__).parent / "dictionary" / "TSCharacters.txt"
    rows = re.findall(r"^(\S)\t(\S)", source.read_text(encoding="utf-8"), re.MULTILINE)
    return {written: simple for written, simple in rows if written != simple}
