"""Words and clauses of a Chinese text."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import jieba

DICTIONARY = Path(__file__).with_name("dictionary.txt")
_WORD_FREQUENCY = 200_000  # high enough that jieba never cuts one of our words in two
_lock = threading.Lock()
# jieba announces its cache on stderr at DEBUG; a library must be silent.
jieba.setLogLevel(logging.WARNING)

# Words that open another wish. Each must be followed by something to say.
_CONNECTIVES = (
    "还有就是|还有一个问题|还有个事|还有|另外|顺便|顺带|再就是|再一个|对了|然后|以及|同时|此外|"
    "除此之外|还想|还要|并且|而且|最后"
)
_BREAK = re.compile(rf"[。!?;！？；\n,，]+|\s(?=[\u4e00-\u9fff])|(?={_CONNECTIVES})")
# Punctuation that stands inside one thing: a date and its clock, a number, a
# correction that only makes sense with what it corrects.
_DATE_END = re.compile(
    r"(?:[号日点时天]|周[一二三四五六日天末]|星期[一二三四五六日天]|上午|下午|晚上|早上|中午|\d)$"
)
_DATE_START = re.compile(
    r"(?:[0-9一二两三四五六七八九十]+[点号日:月时]|上午|下午|晚上|早上|中午|傍晚|凌晨|周|星期|"
    r"到|至|[-~])"
)
# 还有两天, 还有多久, 还有没有: "still", not "and another thing".
_STILL = re.compile(r"还有(?:[0-9一二两三四五六七八九十几多没]|谁|什么用|时间|电)")
# These join nouns as well (会员权益以及积分): they break only before a wish.
_SOFT = re.compile(r"以及|同时|并且|而且|最后|然后")
_WISH = re.compile(r"[想要帮给查约换取改问]|投诉|怎么|什么|多少|吗|请|麻烦")
_MIN_CLAUSE = 2


@lru_cache(maxsize=1)
def tokenizer() -> jieba.Tokenizer:
    """Return this room's own jieba tokenizer, with our words in it."""
    own = jieba.Tokenizer()
    own.load_userdict(str(DICTIONARY))
    return own


def add_words(names: Iterable[str]) -> None:
    """Teach the tokenizer names that it must not cut in two."""
    own = tokenizer()
    with _lock:
        for name in names:
            if name.strip():
                own.add_word(name.strip(), _WORD_FREQUENCY)


def segment(text: str) -> list[tuple[str, int, int]]:
    """Return the words of `text` with their half-open spans, white space left out."""
    return [
        (word, start, end) for word, start, end in tokenizer().tokenize(text) if not word.isspace()
    ]


def clauses(text: str) -> list[tuple[str, int, int]]:
    """Split a message into clauses, each with its half-open span.

    Breaks at punctuation and before words that open another wish (还有, 另外,
    顺便 …), not inside a number, a date or a date range. A message that cannot
    be split comes back whole.
    """
    pieces: list[tuple[int, int]] = []
    start = 0
    for match in _BREAK.finditer(text):
        if _joins(text, match):
            continue
        pieces.append((start, match.start()))
        start = match.end()
    pieces.append((start, len(text)))
    found: list[tuple[str, int, int]] = []
    for begin, end in pieces:
        part = text[begin:end]
        begin += len(part) - len(part.lstrip())
        part = part.strip()
        if part:
            found.append((part, begin, begin + len(part)))
    merged = _merge_short(text, found)
    return merged or [(text, 0, len(text))]


def _joins(text: str, match: re.Match[str]) -> bool:
    """Tell whether the break at `match` stands inside one thing."""
    before, after = text[: match.start()], text[match.end() :]
    if not match.group():
        soft = _SOFT.match(after)
        return bool(_STILL.match(after)) or bool(soft and not _WISH.search(after))
    if match.group() in {",", "，", " "} and before and after:
        if before[-1].isdigit() and after[0].isdigit():
            return True
        return bool(_DATE_END.search(before) and _DATE_START.match(after))
    if match.group() == " ":
        # A space between a letter and a word, or within a place, cuts nothing.
        return not (before and "\u4e00" <= before[-1] <= "\u9fff")
    return False


def _merge_short(text: str, parts: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Join a scrap (好, 那) to the clause behind it: alone it says nothing."""
    merged: list[tuple[str, int, int]] = []
    for part in parts:
        previous = merged[-1] if merged else None
        if previous and len(previous[0]) < _MIN_CLAUSE:
            merged[-1] = (text[previous[1] : part[2]], previous[1], part[2])
        else:
            merged.append(part)
    if len(merged) > 1 and len(merged[-1][0]) < _MIN_CLAUSE:
        last = merged.pop()
        merged[-1] = (text[merged[-1][1] : last[2]], merged[-1][1], last[2])
    return merged
