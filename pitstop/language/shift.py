"""How much later or earlier something is to be: "晚一个小时", "提前半小时", "往后推两天"."""

from __future__ import annotations

import re
from datetime import timedelta

from pitstop.language.normalize import normalize

_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九十")} | {"两": 2, "俩": 2}
_LATER = "晚到|晚|推迟|延后|往后推|往后挪|往后|推后|顺延|迟到|迟|后延|延"
_EARLIER = "提前|往前挪|往前|提早|早到|早"
_AMOUNT = (
    r"(?P<half>半)(?P<half_unit>个?小时|个?钟头?|天)|"
    r"(?P<number>[0-9]+|[一二两俩三四五六七八九十]+)(?P<and_half>个半|个)?"
    r"(?P<unit>小时|钟头|刻钟|分钟|分|天|周|礼拜|星期)(?P<plus>半)?"
)
_SHIFT = re.compile(rf"(?P<way>{_LATER}|{_EARLIER})(?:来|去|了|大概|差不多|个把)?(?:{_AMOUNT})")
_UNITS = {
    "小时": timedelta(hours=1),
    "钟头": timedelta(hours=1),
    "钟": timedelta(hours=1),
    "刻钟": timedelta(minutes=15),
    "分钟": timedelta(minutes=1),
    "分": timedelta(minutes=1),
    "天": timedelta(days=1),
    "周": timedelta(days=7),
    "礼拜": timedelta(days=7),
    "星期": timedelta(days=7),
}


def read_shift(text: str) -> timedelta | None:
    """Return by how much a message wants something moved, negative: earlier; None: not said.

    Only an amount beside a word for later or earlier counts: "晚上八点" names a time, no shift.
    """
    match = _SHIFT.search(normalize(text).text)
    if match is None:
        return None
    if match.group("half"):
        unit = _UNITS[match.group("half_unit").removeprefix("个")]
        amount = unit / 2
    else:
        unit = _UNITS[match.group("unit")]
        amount = unit * _number(match.group("number"))
        if match.group("and_half") == "个半" or match.group("plus"):
            amount += unit / 2
    later = re.fullmatch(_LATER, match.group("way")) is not None
    return amount if later else -amount


def _number(text: str) -> int:
    if text.isdigit():
        return int(text)
    tens, _, ones = text.partition("十")
    if "十" not in text:
        return _DIGITS[text[0]]
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)
