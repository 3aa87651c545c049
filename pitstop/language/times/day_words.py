"""Days by name: 明天, 下周三, 周末, 国庆, 正月初五."""

from __future__ import annotations

import re

from pitstop.language.times.calendar import HOLIDAYS
from pitstop.language.times.model import DateSpec
from pitstop.language.times.words import (
    DAYS,
    HAN,
    NUM,
    WEEK,
    WEEKDAYS,
    YEAR,
    Rule,
    as_int,
    as_shift,
    as_year,
    collect,
)

RULES: list[Rule] = []
_rule = collect(RULES)

_SHIFT = (
    r"(?<!下)下下下|(?<!下)下下|(?:(?<!下)下|(?<!上)上)一(?=个?[周星礼])|(?<!下)下|"
    r"这|本|今|呢(?=个)|上上上|上上|上"
)
# 下周七点, 一周八次 count something else than days of the week.
_NO_COUNT = (
    rf"(?![点时次个天日折万千百十号月年座项度块元公寸遍回名位成%:.\d{HAN}]|"
    rf"\s?[到至\-~]\s?[\d{HAN}])"
)
# Words of the weather and greetings as well: only what stands around them makes them a day.
_WEATHER = frozenset({"雨水", "小雪", "大雪", "小寒", "大寒", "小满", "新年"})
_AFTER = "|".join(name for name in HOLIDAYS if name not in _WEATHER)
_PREFIX = "八月十五|五月初五|九月初九|正月十五|九九|五一|六一|八一|三八|五四|十一|七一"


@_rule(
    "date",
    rf"(?:(?:(?:农历|阴历|旧历)(?:{YEAR}的?)?(?P<month>{NUM}|正|腊|冬)|(?P<named>[正腊冬]))月初?|"
    rf"(?P<plain>[{HAN}]{{1,2}})月初)(?P<day>{NUM})[日号]?(?![个次天周万千百])",
    needs="月",
)
def _lunar_date(match: re.Match[str]) -> DateSpec | None:
    said = match["month"] or match["named"] or match["plain"]
    month = {"正": 1, "冬": 11, "腊": 12}.get(said) or as_int(said)
    return DateSpec("lunar", year=as_year(match["year"]), month=month, day=as_int(match["day"]))


@_rule(
    "date",
    r"(?:(?:大年|正月)初?|(?:农历)?年初(?!一个))(?P<day>十[一二三四五六七八九]?|[一二三四五六七八九])(?![十个月天周次])|大年(?P<last>三十)",
    needs="年月",
)
def _new_year_days(match: re.Match[str]) -> DateSpec | None:
    if match["last"]:
        return DateSpec("holiday", name="除夕")
    return DateSpec("lunar", month=1, day=as_int(match["day"]))


@_rule(
    "date",
    r"(?<![然以之最此往日大])(?P<d>大大后|大后|大前|[后明今昨前听])(?:天|日(?!头条)|儿个?|个(?=[上下早晚]))"
    r"(?!气|然|生|津|窗|幕|台|线|猫)|(?P<d3>[寻琴㖊]日|即日(?=起))|"
    r"(?<![然以之最此往])(?P<d2>[今明昨后听寻琴㖊]|(?<![提目面节庆旦诞])前)(?P<part>[早朝晚夜])"
    rf"(?!点(?![{HAN}\d半])|报|餐|会|礼|于|代|期|景)",
)
def _relative_day(match: re.Match[str]) -> DateSpec:
    days = DAYS[match["d"] or match["d2"] or match["d3"][0]]
    return DateSpec("day", days=(days, days))


@_rule("date", r"次日|翌日|隔天|(?<=[到至\-~])第二天")
def _next_day(match: re.Match[str]) -> DateSpec:
    return DateSpec("day", days=(1, 1), name="next")


@_rule("date", r"今明(?:两天|[天日])|明后(?:两天|[天日])")
def _two_days(match: re.Match[str]) -> DateSpec:
    return DateSpec("days", days=(0, 1) if match.group().startswith("今") else (1, 2))


@_rule(
    "date",
    rf"(?<![每逢])(?P<s>{_SHIFT})?(?P<g>个)?(?:{WEEK})(?:的?(?:{WEEK}))?"
    rf"(?P<wd>[一二三四五六日天](?![次遍回年刊个期易])|[1-6](?![\d:点年个])|[七7]{_NO_COUNT})",
    needs="周星礼",
)
def _weekday(match: re.Match[str]) -> DateSpec | None:
    weekday = WEEKDAYS[match["wd"]]
    return _of_week(match, DateSpec("weekday", weekday=weekday, week_shift=as_shift(match["s"])))


@_rule(
    "date",
    rf"(?<![每逢])(?P<s>{_SHIFT})?(?P<g>个)?(?:{WEEK})(?:的?(?:{WEEK}))?[八九十零890]{_NO_COUNT}",
    needs="周星礼",
)
def _no_weekday(match: re.Match[str]) -> DateSpec | None:
    """星期八: a slip that must be asked about, not passed over."""
    return _of_week(match, DateSpec("weekday", weekday=7))


def _of_week(match: re.Match[str], spec: DateSpec) -> DateSpec | None:
    before = match.string[max(0, match.start() - 1) : match.start()]
    if match["s"] is not None or (before == "一" and match.group().startswith("个周")):
        return spec  # 约一个周四
    if match["g"] or (before and before in f"{HAN}半几0123456789每"):
        return None  # 一周一次, 两个星期一
    return spec


@_rule(
    "date",
    rf"(?<![每逢])(?:(?P<s>{_SHIFT})个?)?(?:{WEEK})(?:末|六日(?!\d)|六[和、]?(?:{WEEK})[日天])|双休日",
    needs="周星礼双",
)
def _weekend(match: re.Match[str]) -> DateSpec:
    return DateSpec("weekend", week_shift=as_shift(match["s"]))


@_rule(
    "date",
    rf"(?P<s>{_SHIFT})一?个?(?:{WEEK})(?![一二三四五六日天末年期岁])|下一?周(?=内|$)",
    needs="周星礼",
)
def _week(match: re.Match[str]) -> DateSpec:
    return DateSpec("week", week_shift=as_shift(match["s"] or "下"))


@_rule(
    "date",
    rf"(?:{YEAR}的?)?(?:(?<![{HAN}\d])(?:{_PREFIX})的?)?(?P<name>{'|'.join(HOLIDAYS)})(?![{HAN}](?![{HAN}]{{0,2}}[点时])|[月号日点个路:大楼次建])"
    rf"(?!广场|街|店|届|级|年)节?(?:夜(?!\s?[{HAN}\d]))?(?P<off>长假|假期|放假期间|放假|期间|小长假|黄金周)?"
    rf"(?:当天|那天|的?第(?P<nth>{NUM})天|的?(?P<eve>前一[天晚日夜]|前[夜夕])|的?(?P<next>后一天|次日|翌日|隔天)|(?P<part>夜))?",
)
def _festival(match: re.Match[str]) -> DateSpec | None:
    name = match["name"]
    before, rest = match.string[: match.start()], match.string[match.end("name") :]
    if name == "小年" and rest[:1] in {"轻", "龄", "纪", "夜", "糕"}:
        return None
    if set(name) <= {*HAN, *"双12"} and re.search(rf"[{HAN}第周双\d]$", before):
        return None
    if name in _WEATHER and not re.match(
        r"那天|当天|节气|前一|后一天|的?第一天"
        if before
        else r"$|[,。]|那天|当天|节气|前一|后一天|的?第一天",
        rest,
    ):
        return None
    # 十一, 五一, 六一 … are numbers unless the sentence is about the day.
    if name in {"十一", "五四", "六一", "八一"} and not re.match(
        r"$|节|[,。!?、\s()吧行可]|长假|假期|放假|期间|黄金周|前|后|之|那|当天|去|回|来|过|的?时候|想|能|我|要|可|到|小|儿童|青年|建军",
        rest,
    ):
        return None
    return DateSpec(
        "holiday",
        name=name,
        year=as_year(match["year"]),
        year_shift=as_shift(match["y"]),
        unit="off" if match["off"] and not match["nth"] else "",
        count=-1 if match["eve"] else 1 if match["next"] else (as_int(match["nth"]) or 1) - 1,
    )


@_rule(
    "date",
    rf"(?:(?P<name>{_AFTER})?节|(?P<name2>{_AFTER}))(?:假期|长假|放假)?(?:之后|以后|过后|后|过完)(?:的?(?P<first>第一[天个]?(?:工作日|天)?))?(?!备)",
    needs="后完",
)
def _after_festival(match: re.Match[str]) -> DateSpec:
    return DateSpec(
        "holiday",
        name=match["name"] or match["name2"] or "",
        unit="first" if match["first"] else "after",
    )
