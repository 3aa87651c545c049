"""Days by name: 明天, 下周三, 周末, 国庆, 正月初五."""

from __future__ import annotations

import re

from pitstop.language.times.calendar import HOLIDAYS
from pitstop.language.times.model import DateSpec
from pitstop.language.times.words import (
    DAYS,
    HAN,
    NUM,
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


@_rule("date", rf"(?:农历|阴历)(?P<month>{NUM}|正|腊|冬)月初?(?P<day>{NUM})[日号]?")
def _lunar_date(match: re.Match[str]) -> DateSpec | None:
    month = {"正": 1, "冬": 11, "腊": 12}.get(match["month"]) or as_int(match["month"])
    return DateSpec("lunar", month=month, day=as_int(match["day"]))


@_rule(
    "date",
    r"(?:大年|正月)初?(?P<day>十[一二三四五六七八九]?|[一二三四五六七八九])(?!十)|大年(?P<last>三十)",
)
def _new_year_days(match: re.Match[str]) -> DateSpec | None:
    if match["last"]:
        return DateSpec("holiday", name="除夕")
    return DateSpec("lunar", month=1, day=as_int(match["day"]))


@_rule(
    "date",
    r"(?<![然以之最此往日])(?P<d>大大后|大后|大前|[后明今昨前听])(?:天|日(?!头条)|儿个?|个(?=[上下早晚]))"
    r"(?!气|然|生|津|窗|幕|台|线|猫)|"
    rf"(?<![然以之最此往])(?P<d2>[今明昨后听寻琴])(?P<part>[早朝晚夜])(?!点(?![{HAN}\d半])|报|餐|会|礼|于|代)",
)
def _relative_day(match: re.Match[str]) -> DateSpec:
    days = DAYS[match["d"] or match["d2"]]
    return DateSpec("day", days=(days, days))


@_rule("date", r"次日|翌日|隔天|(?<=[到至\-~])第二天")
def _next_day(match: re.Match[str]) -> DateSpec:
    return DateSpec("day", days=(1, 1), name="next")


@_rule("date", r"今明(?:两天|[天日])|明后(?:两天|[天日])")
def _two_days(match: re.Match[str]) -> DateSpec:
    return DateSpec("days", days=(0, 1) if match.group().startswith("今") else (1, 2))


@_rule(
    "date",
    r"(?<![每逢])(?P<s>下下下|下下|下|这|本|今|上上|上)?(?P<g>个)?(?P<u>周|星期|礼拜)(?P<g2>的?(?:周|星期|礼拜))?"
    r"(?P<wd>[一二三四五六日天](?![次遍回年刊个期易])|[1-6](?![\d:点年个]))",
)
def _weekday(match: re.Match[str]) -> DateSpec | None:
    before = match.string[max(0, match.start() - 1) : match.start()]
    if match["s"] is None and (match["g"] or (before and before in f"{HAN}半几0123456789每")):
        return None  # 一周一次, 两个星期一
    return DateSpec("weekday", weekday=WEEKDAYS[match["wd"]], week_shift=as_shift(match["s"]))


@_rule("date", r"(?<![每逢])(?:(?P<s>下下|下|这|本|今|上)个?)?(?:周|星期|礼拜)末|双休日")
def _weekend(match: re.Match[str]) -> DateSpec:
    return DateSpec("weekend", week_shift=as_shift(match["s"]))


@_rule(
    "date",
    r"(?P<s>下下|下|这|本|今|上上|上)一?个?(?:周|星期|礼拜)(?![一二三四五六日天末年期岁])|下一?周(?=内|$)",
)
def _week(match: re.Match[str]) -> DateSpec:
    return DateSpec("week", week_shift=as_shift(match["s"] or "下"))


@_rule(
    "date",
    rf"(?<![{HAN}第周双\d])(?:{YEAR}的?)?(?P<name>{'|'.join(HOLIDAYS)})(?![{HAN}月号日点个路:大楼次建])"
    r"(?!广场|街|店|届|级|年)节?(?P<off>长假|假期|放假期间|放假|期间|小长假|黄金周)?"
    rf"(?:当天|那天|的?第(?P<nth>{NUM})天|的?(?P<eve>前一[天晚日]))?",
)
def _festival(match: re.Match[str]) -> DateSpec | None:
    name = match["name"]
    rest = match.string[match.end("name") :]
    # 十一, 五一, 六一 … are numbers unless the sentence is about the day.
    if name in {"十一", "五四", "六一", "八一"} and not re.match(
        r"$|节|[,。!?、\s]|长假|假期|放假|期间|黄金周|前|后|之|那|当天|去|回|来|过|的?时候|想|能|我|要|可|到|小|儿童|青年|建军",
        rest,
    ):
        return None
    return DateSpec(
        "holiday",
        name=name,
        year=as_year(match["year"]),
        year_shift=as_shift(match["y"]),
        unit="off" if match["off"] and not match["nth"] else "",
        count=-1 if match["eve"] else (as_int(match["nth"]) or 1) - 1,
    )


@_rule(
    "date",
    rf"(?:(?P<name>{'|'.join(HOLIDAYS)})?节|(?P<name2>{'|'.join(HOLIDAYS)}))(?:假期|长假|放假)?(?:之后|以后|过后|后|过完)(?:的?(?P<first>第一[天个]?(?:工作日|天)?))?(?!备)",
)
def _after_festival(match: re.Match[str]) -> DateSpec:
    return DateSpec(
        "holiday",
        name=match["name"] or match["name2"] or "",
        unit="first" if match["first"] else "after",
    )
