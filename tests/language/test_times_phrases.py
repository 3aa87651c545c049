"""Many ways to say a time, seen from several instants: `times.yml` says what each one means."""

from __future__ import annotations

import re
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import opencc
import pytest
import yaml

from pitstop.language.times import TimeSpan, read_time

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=SHANGHAI)
# Hours that a part of the day may start in.
PARTS = {
    "dawn": (0, 6), "morning": (4, 12), "noon": (11, 14), "afternoon": (12, 18),
    "dusk": (16, 20), "evening": (16, 24), "night": (16, 24), "midnight": (16, 24),
}  # fmt: skip

path = Path(__file__).with_name("times.yml")
GROUPS: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))


def instant(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M").removesuffix("T00:00")


def said(span: TimeSpan | None) -> str:
    """Write a span as the file does."""
    if span is None or span.problem is not None:
        return "no"
    start, end = instant(span.start), instant(span.end)
    match span.open:
        case "before":
            return f"until {end}"
        case "within":
            return f"within {end}"
        case "after":
            return f"{start} after"
    if span.end is not None:
        return f"{start} .. {end}"
    if span.grain in {"week", "month"}:
        return f"{span.grain} {start[:10] if span.grain == 'week' else start[:7]}"
    return start


def agrees(span: TimeSpan | None, meant: str) -> bool:
    part = re.fullmatch(rf"(\S+) ({'|'.join(PARTS)})(?:\|\w+)*", meant)
    if part is None:
        return said(span) == meant.replace("T00:00", "")
    if span is None or span.start is None or (span.problem or span.end or span.open):
        return False
    first, last = PARTS[part[2]]
    on_the_day = span.start.strftime("%Y-%m-%d") == part[1]
    return span.grain == "daypart" and on_the_day and first <= span.start.hour < last


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group['now']} {group['about']}")
def test_a_phrase_means_what_the_file_says(group: dict[str, Any]) -> None:
    now = datetime.fromisoformat(group["now"]).replace(tzinfo=SHANGHAI)

    wrong = [
        f"{text}: {said(span)}, not {meant}"
        for text, meant in group["say"].items()
        if not agrees(span := read_time(text, now), meant)
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("script", ["s2t", "s2hk"])
def test_the_script_does_not_matter(script: str) -> None:
    convert = opencc.OpenCC(script).convert

    wrong = [
        text
        for group in GROUPS
        for text in group["say"]
        if said(read_time(convert(text), NOW)) != said(read_time(text, NOW))
    ]

    assert not wrong


NO_DAYS = [
    "2月30号", "二月三十一日", "4月31日", "13月5号", "15月3日", "0月5号", "11月0号", "11月32日",
    "32号",
    "下个月32号", "这个月31号", "2/30", "11/31", "2026-02-30", "2026/13/1", "2026.2.30", "20260230",
    "2027年2月29日", "二〇二七年二月二十九日", "明年13月", "星期八", "下周九", "週八", "30/2/2027",
    "农历十三月初一", "正月三十一",
]  # fmt: skip
PAST_DAYS = [
    "昨天", "尋日", "琴日", "前天", "大前天", "上周三", "上個禮拜五", "上上周一", "上个月5号",
    "去年5月1号",
    "前年5月1号", "2025年5月1号", "2025-05-01", "25年5月1日", "去年国庆", "今年三月", "本周一",
    "三天前",
    "上周末", "去年年底",
]  # fmt: skip
TIMES = [
    "下午三点", "上午十点半", " 15:00", " 3pm", "早上", "晚8点", "的下午", "下午三点到五点",
    "，三点半",
]  # fmt: skip


@pytest.mark.parametrize(
    ("day", "time"), [*product(NO_DAYS, [*TIMES, "，我想下午三点去"]), *product(PAST_DAYS, TIMES)]
)
def test_the_time_of_a_day_that_cannot_be_is_not_today(day: str, time: str) -> None:
    span = read_time(day + time, NOW)

    assert span is None or span.problem is not None


@pytest.mark.parametrize(
    ("day", "clock"),
    product(
        ["", "明天", "周三", "11月25日", "12/1", "今天"],
        [" 25点", "的二十五点", " 24:30", " 9:60", "下午三点七十五分", "上午十五点", "早上18:30",
         " 13:30am", "的100点", " 9点到25点", " 9点到9点", "下午三点到两点", " 14:00-14:60"],
    ),
)  # fmt: skip
def test_a_clock_that_cannot_be_is_no_day_either(day: str, clock: str) -> None:
    span = read_time(day + clock, NOW)

    assert span is None or span.problem is not None


@pytest.mark.parametrize(
    "text",
    ["十几分钟后", "三四个小时后", "一个月零五天后", "一周八次", "周七八糟", "雨水进车里了",
    "外面大雪",
     "新年快乐", "小年轻", "宜家门口的站", "12-36个月", "早一点", "晚一点到", "便宜一点吧",
     "5个桩", "电量还有1/5", "提前年检", "一月一还", "前夜景"],
)  # fmt: skip
def test_what_only_looks_like_a_time_is_none(text: str) -> None:
    span = read_time(text, NOW)

    assert span is None


@pytest.mark.parametrize(
    ("now", "text", "start"),
    [
        ("2026-11-23T00:30", "三点", "2026-11-23T03:00"),
        ("2026-11-23T00:00", "三点", "2026-11-23T15:00"),
        ("2026-11-22T21:30", "十二点", "2026-11-23"),
        ("2026-11-22T12:30", "十二点", "2026-11-23T12:00"),
    ],
)
def test_a_bare_clock_depends_on_who_is_awake(now: str, text: str, start: str) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=SHANGHAI)

    assert said(read_time(text, moment)) == start
