"""Festivals and month arithmetic."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from functools import lru_cache

import chinese_calendar
from lunar_python import Lunar, Solar

# Names said for a day, longest first when matched.
_SOLAR = {
    "元旦": (1, 1), "主显节": (1, 6), "情人节": (2, 14), "学雷锋日": (3, 5), "女生节": (3, 7),
    "妇女节": (3, 8), "三八节": (3, 8), "植树节": (3, 12), "白色情人节": (3, 14),
    "消费者权益日": (3, 15), "圣帕特里克节": (3, 17), "愚人节": (4, 1), "地球日": (4, 22),
    "读书日": (4, 23), "劳动节": (5, 1), "五一": (5, 1), "青年节": (5, 4),
    "五四": (5, 4), "护士节": (5, 12), "环境日": (6, 5), "儿童节": (6, 1), "六一": (6, 1),
    "建党节": (7, 1), "建军节": (8, 1), "八一": (8, 1), "教师节": (9, 10), "国庆": (10, 1),
    "国庆日": (10, 1), "十一": (10, 1), "双十节": (10, 10), "万圣节": (10, 31), "万圣夜": (10, 31),
    "光棍节": (11, 11), "双十一": (11, 11), "双11": (11, 11), "双十二": (12, 12), "双12": (12, 12),
    "平安夜": (12, 24), "圣诞前夜": (12, 24), "圣诞": (12, 25), "节礼日": (12, 26),
    "诸圣节": (11, 1), "万灵节": (11, 2), "记者节": (11, 8), "宪法日": (12, 4),
    "公祭日": (12, 13), "圣诞夜": (12, 24), "跨年夜": (12, 31), "新年": (1, 1),
}  # fmt: skip
_LUNAR = {
    "春节": (1, 1), "大年初一": (1, 1), "农历新年": (1, 1), "农历年": (1, 1), "农历春节": (1, 1),
    "中国新年": (1, 1), "旧历年": (1, 1), "元宵": (1, 15), "龙抬头": (2, 2), "龙擡头": (2, 2),
    "上巳节": (3, 3), "浴佛节": (4, 8), "佛诞": (4, 8), "端午": (5, 5), "七夕": (7, 7),
    "中国情人节": (7, 7), "七夕情人节": (7, 7), "中元节": (7, 15), "中秋": (8, 15), "重阳": (9, 9),
    "寒衣节": (10, 1), "下元节": (10, 15), "腊八": (12, 8), "小年": (12, 23),
}  # fmt: skip
# month, weekday (Monday 0), which one of the month
_NTH = {"母亲节": (5, 6, 2), "父亲节": (6, 6, 3), "感恩节": (11, 3, 4)}
# Days before New Year of the lunar calendar.
_EVES = {"除夕": 1, "大年三十": 1, "年三十": 1, "大年夜": 1}
# The twenty-four solar terms in the order of a year. Some are words of the weather as well.
TERMS = (
    "小寒", "大寒", "立春", "雨水", "惊蛰", "春分", "清明", "谷雨", "立夏", "小满", "芒种", "夏至",
    "小暑", "大暑", "立秋", "处暑", "白露", "秋分", "寒露", "霜降", "立冬", "小雪", "大雪", "冬至",
)  # fmt: skip
# Days after Easter Sunday.
_EASTER = {
    "忏悔星期二": -47, "圣灰星期三": -46, "棕枝主日": -7, "圣枝主日": -7, "濯足星期四": -3,
    "耶稣受难日": -2, "受难日": -2, "耶稣受难节": -2, "受难节": -2, "复活节": 0, "复活节星期一": 1,
    "耶稣升天节": 39, "升天节": 39, "圣灵降临节": 49, "五旬节": 49, "三一主日": 56,
}  # fmt: skip

# 国务院 2024-11-10 (全国年节及纪念日放假办法): statutory days, used as the length
# of the holiday in years whose working calendar is not announced yet.
_STATUTORY = {
    "元旦": (0, 1), "春节": (-1, 7), "清明": (0, 1), "五一": (0, 5), "劳动节": (0, 5),
    "端午": (0, 1), "中秋": (0, 1), "国庆": (0, 7), "十一": (0, 7), "除夕": (0, 8),
}  # fmt: skip

HOLIDAYS = tuple(sorted({*_SOLAR, *_LUNAR, *_NTH, *_EVES, *TERMS, *_EASTER}, key=len, reverse=True))
PUBLIC = ("元旦", "春节", "清明", "五一", "端午", "中秋", "国庆")


@lru_cache(maxsize=512)
def holiday(name: str, year: int) -> date | None:
    """Return the day of a festival in `year` (of the lunar year that starts in it).

    None where the calendar does not reach (lunar dates: 1900–2099).
    """
    if name in _SOLAR:
        return date(year, *_SOLAR[name])
    if name in _NTH:
        month, weekday, count = _NTH[name]
        return nth_weekday(year, month, weekday, count)
    if name in TERMS:
        return _terms(year)[name]
    if name in _EASTER:
        return _easter(year) + timedelta(days=_EASTER[name])
    if name in _EVES:
        new_year = lunar(year, 1, 1)
        return None if new_year is None else new_year - timedelta(days=_EVES[name])
    return lunar(year, *_LUNAR[name])


def days_off(name: str, year: int) -> tuple[date, date] | None:
    """Return the days off around a festival, end exclusive.

    From the announced working calendar where there is one, else the statutory days.
    """
    day = holiday(name, year)
    if day is None:
        return None
    try:
        start = end = day
        while _is_off(start - timedelta(days=1)):
            start -= timedelta(days=1)
        while _is_off(end):
            end += timedelta(days=1)
        return (start, end) if end > start else (day, day + timedelta(days=1))
    except NotImplementedError:  # that year's calendar is not announced yet
        before, after = _STATUTORY.get(name, (0, 1))
        start, end = day + timedelta(days=before), day + timedelta(days=after)
        # A single day off joins the weekend; long ones are paid for with make-up days.
        while after == 1 and start.weekday() in {0, 6}:
            start -= timedelta(days=1)
        while after == 1 and end.weekday() in {5, 6}:
            end += timedelta(days=1)
        return start, end


def lunar(year: int, month: int, day: int) -> date | None:
    """Return the solar date of a lunar one, None if there is none."""
    try:
        solar = Lunar.fromYmd(year, month, day).getSolar()
    # The library raises plain `Exception` for a day that the lunar year does not have.
    except Exception:
        return None
    return date(solar.getYear(), solar.getMonth(), solar.getDay())


def nth_weekday(year: int, month: int, weekday: int, count: int) -> date | None:
    """Return the `count`-th weekday (Monday 0) of a month, -1 the last; None if it has no such."""
    first = date(year, month, 1)
    if count < 0:
        last = add_months(first, 1) - timedelta(days=1)
        return last - timedelta(days=(last.weekday() - weekday) % 7)
    found = first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))
    return found if found.month == month else None


def add_months(day: date, months: int) -> date:
    """Return the same day `months` later; the last of the month where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


@lru_cache(maxsize=32)
def _terms(year: int) -> dict[str, date]:
    """Return the solar terms of a year."""
    table = Solar.fromYmd(year, 6, 1).getLunar().getJieQiTable()
    # The table begins in December before; what lies behind June's year has a spelt-out key.
    found = {name: table["DONG_ZHI" if name == "冬至" else name] for name in TERMS}
    return {n: date(s.getYear(), s.getMonth(), s.getDay()) for n, s in found.items()}


def _easter(year: int) -> date:
    """Return Easter Sunday (the anonymous Gregorian computus)."""
    a, b, c = year % 19, year // 100, year % 100
    h = (19 * a + b - b // 4 - (b - (b + 8) // 25 + 1) // 3 + 15) % 30
    gap = (32 + 2 * (b % 4) + 2 * (c // 4) - h - c % 4) % 7
    month, day = divmod(h + gap - 7 * ((a + 11 * h + 22 * gap) // 451) + 114, 31)
    return date(year, month, day + 1)


def _is_off(day: date) -> bool:
    off: bool = chinese_calendar.is_holiday(day)
    return off
