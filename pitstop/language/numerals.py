"""Chinese and Arabic numerals."""

from __future__ import annotations

import re

_DIGITS = {
    "零": 0, "〇": 0, "○": 0, "一": 1, "壹": 1, "幺": 1, "二": 2, "两": 2, "贰": 2, "俩": 2,
    "三": 3, "叁": 3, "仨": 3, "四": 4, "肆": 4, "五": 5, "伍": 5, "六": 6, "陆": 6,
    "七": 7, "柒": 7, "八": 8, "捌": 8, "九": 9, "玖": 9,
}  # fmt: skip
_UNITS = {"十": 10, "百": 100, "千": 1000}

HAN = "零〇一二两三四五六七八九十百千万廿卅半"
"""The signs that a number said in Chinese is made of."""


def read_number(text: str) -> float | None:
    """Return the number that `text` is, or None if it is none.

    Knows 12, 1.5, 十二, 二十, 一百零五, 两万五 (25 000), 二零二六 (digit by
    digit), 廿三 and 半 (0.5).
    """
    text = text.strip()
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return float(text)
    if text == "半":
        return 0.5
    if not text or any(char not in HAN and char not in _DIGITS for char in text):
        return None
    text = text.replace("廿", "二十").replace("卅", "三十")
    if "半" in text:
        return None
    if "万" in text:
        return _myriads(text)
    if len(text) > 1 and all(char in _DIGITS for char in text):
        return float("".join(str(_DIGITS[char]) for char in text))
    return _below_myriad(text)


def read_int(text: str) -> int | None:
    """Return `read_number` as an integer, None for a fraction."""
    value = read_number(text)
    return int(value) if value is not None and value == int(value) else None


def _myriads(text: str) -> float | None:
    high_text, _, low_text = text.partition("万")
    high = read_number(high_text)
    if high is None:
        return None
    if not low_text:
        return high * 10_000
    if len(low_text) == 1 and low_text in _DIGITS:
        return high * 10_000 + _DIGITS[low_text] * 1000  # 两万五: the digit counts thousands
    low = _below_myriad(low_text)
    return None if low is None else high * 10_000 + low


def _below_myriad(text: str) -> float | None:
    total, digit, last_unit = 0, None, 0
    for char in text:
        if char in _DIGITS:
            if digit is not None and digit != 0:
                return None
            digit = _DIGITS[char]
        elif char in _UNITS:
            unit = _UNITS[char]
            if last_unit and unit >= last_unit:
                return None
            total += (1 if digit is None else digit) * unit
            digit, last_unit = None, unit
        else:
            return None
    if digit:
        # 一百五 says 150, 一百零五 says 105, 十五 says 15.
        spoken_short = last_unit > 10 and "零" not in text and "〇" not in text
        total += digit * (last_unit // 10 if spoken_short else 1)
    return float(total)
