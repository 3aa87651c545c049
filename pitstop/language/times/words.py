"""The vocabulary of time, and how a rule of the lexer is written down."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, Protocol

from pitstop.language.numerals import read_int
from pitstop.language.times.model import Clock, DateSpec, Offset

HAN = "零一二两三四五六七八九十廿卅"
NUM = rf"(?:\d{{1,2}}|[{HAN}]{{1,4}})"
WEEKDAYS = {**dict(zip("一二三四五六日", range(7), strict=True)), "天": 6, "七": 6}
WEEKDAYS |= {str(number): number - 1 for number in range(1, 8)}
WEEK = "周|星期|礼拜"
SHIFTS = {
    "": None, "这": 0, "本": 0, "今": 0, "当": 0, "下": 1, "下下": 2, "下下下": 3, "上": -1,
    "上上": -2, "上上上": -3, "后": 2, "去": -1, "前": -2, "明": 1, "来": 1, "呢": 0, "出": 1,
    "旧": -1,
}  # fmt: skip
DAYS = {
    "大大后": 4, "大后": 3, "后": 2, "後": 2, "明": 1, "听": 1, "今": 0, "昨": -1, "寻": -1,
    "琴": -1, "㖊": -1, "前": -2, "大前": -3, "即": 0,
}  # fmt: skip

DAYPARTS: dict[str, tuple[int, int, int]] = {
    # name: hour it starts, hour it is over, hour an appointment would start
    "dawn": (0, 6, 0),
    "morning": (5, 12, 8),
    "noon": (11, 14, 12),
    "afternoon": (12, 18, 13),
    "dusk": (16, 20, 18),
    "evening": (17, 24, 18),
    "night": (18, 24, 20),
    "midnight": (18, 24, 22),
}
PARTS = {
    "凌晨": "dawn", "黎明": "dawn", "拂晓": "dawn", "破晓": "dawn", "后半夜": "late",
    "下半夜": "late", "清早": "morning", "晨早": "morning", "朝头早": "morning",
    "大清早": "morning", "清晨": "morning", "早晨": "morning",
    "早上": "morning", "早间": "morning", "一早": "morning", "一大早": "morning",
    "大早上": "morning",
    "上午": "morning", "上昼": "morning", "朝早": "morning", "午前": "morning", "早": "morning",
    "朝": "morning", "中午": "noon", "正午": "noon", "晌午": "noon", "午间": "noon",
    "大中午": "noon",
    "下午": "afternoon", "午后": "afternoon", "下昼": "afternoon", "晏昼": "afternoon",
    "傍晚": "dusk", "黄昏": "dusk", "傍黑": "dusk", "挨晚": "dusk", "晚上": "evening",
    "晚间": "evening",
    "夜晚": "night", "晚": "evening", "夜间": "night", "夜里": "midnight", "深夜": "midnight",
    "半夜": "midnight", "夜半": "midnight", "子夜": "midnight", "夜": "night", "前半夜": "night",
    "上半夜": "night", "大晚上": "evening", "大半夜": "midnight", "午夜": "midnight",
}  # fmt: skip
LONG_PARTS = "|".join(sorted((p for p in PARTS if len(p) > 1), key=len, reverse=True))

# 3号桩, 1号线, 95号汽油 are things, not days.
NOT_DAY = (
    r"(?![保缸气喷螺线桩枪楼店位车门工机口电库院柜充航厅馆仓坑路文技客床房服站弹码汽柴油员窗铺"
    r"称型]|召[回唤])"
)
NOT_MEASURE = (
    r"(?!\d|\s?(?:\d(?!\d?(?:[:点时]|\s?[aApP]\.?[mM]))|[.:/%]|万|公里|千米|km|米|元|块|度|折|倍|升|L|V|v|w|W|kW|小时|分钟|秒|天|个|次|"
    r"年|寸|英|版|吨|匹|kg|斤|G|g|M|ms))"
)
# 2.5 is an engine, a discount or a price far more often than a day: it is a day
# only where a word for a day follows, or where it is the whole answer.
AFTER_DOT_DATE = (
    r"(?=[号日(]|\s?(?:上午|下午|早上|晚上|中午)|那天|当天|之前|以前|之后|以后|[周到至~\-](?:[一二三四五六日天]|\d\d?\.\d)|"
    r"\s?\d{1,2}[点:])"
)
UNITS = {
    "分钟": ("minute", 1), "分": ("minute", 1), "刻钟": ("minute", 15), "小时": ("minute", 60),
    "钟头": ("minute", 60), "个钟": ("minute", 60), "天": ("day", 1), "日": ("day", 1),
    "周": ("day", 7), "星期": ("day", 7), "礼拜": ("day", 7), "月": ("month", 1),
    "年": ("month", 12), "min": ("minute", 1), "h": ("minute", 60),
}  # fmt: skip
UNIT = "分钟|刻钟|小时|钟头|个钟|星期|礼拜|天|周|月|年|日|分|min|h"
YEAR = (
    rf"(?:(?P<year>\d{{4}}|[一二零]{{1,2}}[零一二三四五六七八九]{{2}}|[二两]千[{HAN}]{{1,4}})年|"
    r"(?P<y>[今明后去来本]|(?<![提之以])前|[下上](?=年(?![级检款度底]))|出|旧)年)"
)
YEARS = rf"(?:{YEAR}|(?<!\d)(?P<yy>\d\d)年(?=[\d{HAN}]))"
MONTH = rf"(?:(?P<month>{NUM})月份?|(?P<m>下下|下|这|本|今|当|上上|上|呢(?=个))(?:(?<=下)一)?个?月)"
GLUE = r"[的,，\s]?"

Kind = Literal["date", "part", "clock", "offset", "to"]
Value = DateSpec | Clock | Offset | str
Builder = Callable[[re.Match[str]], Value | None]
Rule = tuple[Kind, re.Pattern[str], Builder, frozenset[str]]
Decorator = Callable[[Builder], Builder]


class Collector(Protocol):
    """Makes a decorator out of a pattern."""

    def __call__(self, kind: Kind, pattern: str, *, needs: str = "") -> Decorator: ...


def collect(rules: list[Rule]) -> Collector:
    """Return a decorator that adds a pattern, and what it builds, to `rules`.

    A pattern with the groups `from`, `to` and `until` stands for two things
    that share their unit (五到六点); one with `part` ends in a part of the day.
    Only a text with one of the characters in `needs` is searched at all.
    """

    def rule(kind: Kind, pattern: str, *, needs: str = "") -> Decorator:
        compiled = re.compile(pattern)

        def add(build: Builder) -> Builder:
            rules.append((kind, compiled, build, frozenset(needs)))
            return build

        return add

    return rule


def as_int(text: str | None) -> int | None:
    """Return the whole number that `text` says, None for none."""
    return read_int(text) if text else None


def as_shift(text: str | None) -> int | None:
    """Return how many weeks, months or years 下, 这, 上 … go on."""
    return SHIFTS[(text or "").removesuffix("个").removesuffix("一")]


def as_year(text: str | None) -> int | None:
    """Return the year, two digits taken in this century."""
    year = as_int(text)
    return 2000 + year if year is not None and year < 100 else year
