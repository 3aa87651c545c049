"""Dates by number: 11月25日, 25号, 11/25, 2026-11-25, 月底."""

from __future__ import annotations

import re
from dataclasses import replace

from pitstop.language.times.model import DateSpec
from pitstop.language.times.words import (
    AFTER_DOT_DATE,
    GLUE,
    HAN,
    LONG_PARTS,
    MONTH,
    NOT_DAY,
    NOT_MEASURE,
    NUM,
    WEEK,
    WEEKDAYS,
    YEAR,
    YEARS,
    Rule,
    as_int,
    as_shift,
    as_year,
    collect,
)

RULES: list[Rule] = []
_rule = collect(RULES)

NOT_COUNTED = (
    rf"(?![{HAN}\d百千万](?!\d?[:点时])|[.%/个名位块元公次辆度台天年周折期款岁分秒人倍笔条家件张项桶升斤米寸页多几月号日点时A-Za-z]|"
    r"\s?(?:小时|公里|\d+/))"
)
_START = r"(?<![\d\-/.A-Za-z])(?<!\d:)"
NOT_MONTHS = r"(?![次租供亮饼薪卡票费天还龄])"
_TIME_OF_DAY = re.compile(
    rf"[\s,]?的?(?:{LONG_PARTS}|\d{{1,2}}(?::\d|[点时](?!间)|\s?[aApP]\.?[mM])|[{HAN}]{{1,3}}点(?![{HAN}\d儿]))"
)


@_rule("date", rf"(?<![\d每]){YEAR}{GLUE}第(?P<nth>{NUM})个月", needs="月")
def _month_of_year(match: re.Match[str]) -> DateSpec:
    return DateSpec(
        "ymd",
        year=as_year(match["year"]),
        year_shift=as_shift(match["y"]),
        month=as_int(match["nth"]),
    )


@_rule(
    "date",
    rf"(?<![\d每农阴{HAN}百千万第路街弄巷道楼幢栋室线.])(?:(?:{YEARS}{GLUE})?{MONTH}{GLUE})?"
    rf"(?P<from>[一二三四五六七八])(?P<to>)(?P<until>[二三四五六七八九])[日号]{NOT_DAY}",
    needs="日号",
)
def _few_days(match: re.Match[str]) -> DateSpec | None:
    """二三号: both of them; but 二五号 is the 25th, read out."""
    first, last = as_int(match["from"]), as_int(match["until"])
    return _ymd(match, first) if first and last == first + 1 else None


@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEARS}{GLUE})?{MONTH}{GLUE}(?P<day>{NUM})[日号](?!内){NOT_DAY}",
    needs="月",
)
def _full_date(match: re.Match[str]) -> DateSpec:
    return _ymd(match, _number(match["day"]))


# 一月二十三, without 号: where nothing is counted.
@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEARS}{GLUE})?{MONTH}(?P<day>\d{{1,2}}(?!\d)|[{HAN}]{{2,4}}(?![{HAN}])|[{HAN}](?=$|[\s,。!?)到至]|上午|下午|(?<=\w月.)[去来能可行吧之我的要想就会在过]))"
    rf"{NOT_COUNTED}",
    needs="月",
)
def _bare_date(match: re.Match[str]) -> DateSpec:
    return _ymd(match, _number(match["day"]))


@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEARS}{GLUE})?{MONTH}{GLUE}(?P<from>{NUM})[日号]?(?P<to>[到至\-~])"
    rf"(?P<until>{NUM})[日号]{NOT_DAY}",
    needs="月",
)
def _date_to_day(match: re.Match[str]) -> DateSpec:
    return _ymd(match, _number(match["from"]))


@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEARS}{GLUE})?{MONTH}(?P<from>\d{{1,2}}|[{HAN}]{{1,3}})(?P<to>[到至\-~])"
    rf"(?P<until>\d{{1,2}}(?!\d)|[{HAN}]{{2,3}}(?![{HAN}])){NOT_COUNTED}",
    needs="月",
)
def _bare_to_day(match: re.Match[str]) -> DateSpec | None:
    """七月十三-十五."""
    first, last = as_int(match["from"]), as_int(match["until"])
    return _ymd(match, first) if first and last and first < last else None


@_rule(
    "date",
    rf"(?<![\d每农阴{HAN}个第几])(?:{YEARS}{GLUE})?{MONTH}(?![{HAN}\d]*[次租供亮饼薪卡票费天还])",
    needs="月",
)
def _month(match: re.Match[str]) -> DateSpec | None:
    said = match["month"] or ""
    # 七八月 are two.
    return None if re.fullmatch("[一二三四五六七八九]{2}", said) else _ymd(match, None)


def _number(text: str | None) -> int | None:
    """Return the number, 0 for one that cannot be read (十七八号): no calendar has it."""
    return as_int(text) or 0 if text else None


def _ymd(match: re.Match[str], day: int | None) -> DateSpec:
    groups = match.groupdict()
    return DateSpec(
        "ymd",
        year=as_year(groups.get("year") or groups.get("yy")),
        year_shift=as_shift(groups.get("y")),
        month=_number(groups["month"]),
        month_shift=as_shift(groups["m"]) if groups["m"] else None,
        day=day,
    )


@_rule(
    "date",
    rf"(?<![\d每农阴{HAN}个第几百千万分.\-])(?:{YEARS}{GLUE})?(?P<from>\d{{1,2}}|[{HAN}]{{1,3}})"
    rf"(?P<to>[到至\-~])(?P<until>\d{{1,2}}|[{HAN}]{{1,3}})(?P<m>)月份?{NOT_MONTHS}",
    needs="月",
)
def _month_to_month(match: re.Match[str]) -> DateSpec | None:
    return _some_months(match)


@_rule(
    "date",
    rf"(?<![\d每农阴{HAN}个第几百千万分.])(?:{YEARS}{GLUE})?"
    rf"(?:(?P<from>[一二三四五六七八九](?=[二三四五六七八九])|\d{{1,2}}(?=、)|十(?=十一)|十一(?=十二))(?P<to>、?)"
    rf"(?P<until>[二三四五六七八九]|\d{{1,2}}|十[一二]))(?P<m>)月份?{NOT_MONTHS}",
    needs="月",
)
def _months(match: re.Match[str]) -> DateSpec | None:
    """七八月, 7、8月: both of them."""
    first, last = as_int(match["from"]), as_int(match["until"])
    return _some_months(match) if first and last == first + 1 else None


def _some_months(match: re.Match[str]) -> DateSpec | None:
    first, last = as_int(match["from"]), as_int(match["until"])
    if not first or not last or not (first <= 12 and last <= 12):
        return None  # 12-36个月, 3-18月: a term, an age
    year, shift = as_year(match["year"] or match["yy"]), as_shift(match["y"])
    return DateSpec("ymd", year=year, year_shift=shift if match["y"] else None, month=first)


@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEAR}{GLUE})?{MONTH}{GLUE}(?:第(?P<nth>[一二三四五1-5])|最后一?)个?"
    rf"(?:{WEEK})(?P<wd>[一二三四五六日天])",
    needs="月",
)
def _nth_weekday(match: re.Match[str]) -> DateSpec:
    weekday = WEEKDAYS[match["wd"]]
    return replace(_ymd(match, None), kind="nth", count=as_int(match["nth"]) or -1, weekday=weekday)


@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEAR}{GLUE})?(?:{MONTH}{GLUE})?(?:第(?P<nth>{NUM})|最后一?)天",
    needs="天",
)
def _nth_day(match: re.Match[str]) -> DateSpec | None:
    """本月最后一天, 明年第一天."""
    spec, count = _ymd(match, None), as_int(match["nth"]) or -1
    if spec.month is None and spec.month_shift is None:
        if count > 31 or (spec.year is None and spec.year_shift is None):
            return None
        spec = replace(spec, month=12 if count < 0 else 1)
    return replace(spec, day=count) if count > 0 else replace(spec, kind="nth", count=count)


_EDGES = {"初": "初", "头": "初", "中": "中", "底": "底", "末": "底", "尾": "底"}


@_rule(
    "date",
    rf"(?:(?:{YEARS}{GLUE})?{MONTH}{GLUE})?(?P<edge>月初|月头|月中|月底|月末|月尾|上旬|中旬|下旬|(?<=月)[初头中底末尾])",
    needs="月旬",
)
def _month_edge(match: re.Match[str]) -> DateSpec:
    name = _EDGES.get(match["edge"][-1], match["edge"][0])
    if match["month"] is None and match["m"] is None:
        return DateSpec("edge", name=name)
    return replace(_ymd(match, None), kind="edge", name=name)


@_rule(
    "date",
    r"(?:(?P<y>[今明去本])|(?<!\d)(?P<yy>\d\d)|(?P<year>20\d\d))?年?年(?P<edge>[初底末])",
    needs="年",
)
def _year_edge(match: re.Match[str]) -> DateSpec:
    year, month = as_year(match["year"] or match["yy"]), 1 if match["edge"] == "初" else 12
    if year is None and match["y"] is None and month == 1:
        return DateSpec("ymd", month=1)
    shift = None if year else as_shift(match["y"] or "今")
    return DateSpec("ymd", year=year, month=month, year_shift=shift, name="edge")


@_rule(
    "date",
    rf"(?<![每\d{HAN}百千万第路街弄巷道楼幢栋室线.])(?P<from>{NUM})[日号]?(?P<to>[到至\-~、])"
    rf"(?P<until>{NUM})[日号]{NOT_DAY}",
    needs="日号",
)
def _day_to_day(match: re.Match[str]) -> DateSpec | None:
    first, last = as_int(match["from"]), as_int(match["until"])
    if match["to"] == "、" and (not first or last != first + 1):
        return None  # 25、28号 are two days, 25、26号 a stretch
    return DateSpec("ymd", day=_number(match["from"]))


@_rule(
    "date",
    rf"(?<![每\d{HAN}百千万第路街弄巷道楼幢栋室线.月])(?P<day>{NUM})(?:号{NOT_DAY}|日(?!之?内|以内|[游均本元产报]))",
    needs="日号",
)
def _day_of_month(match: re.Match[str]) -> DateSpec | None:
    day = as_int(match["day"])
    # 95号, 110号: fuel and house numbers; 32号 is a slip that must be asked about.
    known = day is not None and 0 < day <= 40
    return DateSpec("ymd", day=day or 0) if known or _goes_on(match) else None


@_rule(
    "date",
    rf"(?:{_START}|(?<=[./\-]\d\d-)|(?<=[./\-]\d-))(?P<year>20\d\d)"
    r"(?:(?P<s>[\-/.])(?P<month>\d{1,2})(?P=s)(?P<day>\d{1,2})|"
    r" (?P<month2>[01]\d) (?P<day2>[0-3]\d))"
    r"(?![\d/.])",
    needs="0",
)
def _iso(match: re.Match[str]) -> DateSpec:
    month, day = match["month"] or match["month2"], match["day"] or match["day2"]
    return DateSpec("ymd", year=int(match["year"]), month=int(month), day=int(day))


@_rule(
    "date",
    rf"{_START}(?P<month>\d{{1,2}})(?P<s>[/\-.])(?P<day>\d{{1,2}})(?P=s)(?P<year>20\d\d)(?![\d/.\-])",
    needs="0",
)
def _year_last(match: re.Match[str]) -> DateSpec:
    """12/19/2026, or 19/12/2026 where that is the only way to read it."""
    month, day = int(match["month"]), int(match["day"])
    if month > 12 >= day:
        month, day = day, month
    return DateSpec("ymd", year=int(match["year"]), month=month, day=day)


@_rule(
    "date",
    r"(?<![\d\-/.:A-Za-z])(?P<year>20\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d)(?![\dA-Za-z.\-])",
    needs="0",
)
def _compact(match: re.Match[str]) -> DateSpec | None:
    month = int(match["month"])
    if not 1 <= month <= 12 and not _goes_on(match):
        return None
    return DateSpec("ymd", year=int(match["year"]), month=month, day=int(match["day"]))


@_rule(
    "date",
    rf"(?:{_START}|(?<=/\d-)|(?<=/\d\d-))(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}}){NOT_MEASURE}(?!-\d+/)",
    needs="/",
)
def _slashed(match: re.Match[str]) -> DateSpec | None:
    before = match.string[: match.start()]
    # 流量用了1/4 is a share, 4/5到店 a date.
    share = int(match["month"]) < int(match["day"]) <= 10 and re.search(
        r"[了剩占去成有的]$|大约$|约占$", before
    )
    return None if share else _short(match)


@_rule(
    "date",
    r"(?:(?<![\d\-/.:A-Za-z])|(?<=/\d-)|(?<=/\d\d-))(?P<month>\d{1,2})/(?P<day>\d{1,2})(?=-\d+/\d)",
    needs="/",
)
def _slashed_range(match: re.Match[str]) -> DateSpec | None:
    return _short(match)


@_rule(
    "date",
    rf"{_START}(?:(?P<month>[01]\d)-(?P<day>[0-3]\d)(?![\d\-/.:%])"
    r"(?!\s?(?:公里|km|元|天|个|次|度|万|点|号|年|款|月))|"
    rf"(?P<month2>\d\d?)-(?P<day2>\d\d?)(?=\s?(?:{LONG_PARTS})))",
    needs="-",
)
def _dashed(match: re.Match[str]) -> DateSpec | None:
    return _short(match)


@_rule(
    "date",
    rf"(?:(?<![\d\-/.A-Za-z本])(?<!\d:)|(?<=\.\d-)|(?<=\.\d\d-))(?P<month>\d{{1,2}})\.(?P<day>\d{{1,2}})(?!\d)"
    rf"{AFTER_DOT_DATE}[号日]?",
    needs=".",
)
def _dotted(match: re.Match[str]) -> DateSpec | None:
    return _short(match)


@_rule(
    "date",
    r"^[约改到在就那要想定是]*(?P<month>\d{1,2})\.(?P<day>\d{1,2})(?=(?:[去来吧呢可以行吗能约好的]|到店)*[,。!?]?$)",
    needs=".",
)
def _dotted_answer(match: re.Match[str]) -> DateSpec | None:
    return _short(match)


@_rule(
    "date",
    r"(?<=\d\.\d[\-~到至])(?P<month>\d{1,2})\.(?P<day>\d{1,2})(?![\d.])|(?<=\d\.\d\d[\-~到至])(?P<month2>\d{1,2})\.(?P<day2>\d{1,2})(?![\d.])",
    needs=".",
)
def _dotted_end(match: re.Match[str]) -> DateSpec | None:
    return _short(match)


def _short(match: re.Match[str]) -> DateSpec | None:
    groups = match.groupdict()
    month = int(match["month"] or groups["month2"])
    day = int(match["day"] or groups["day2"])
    known = 1 <= month <= 12 and 1 <= day <= 31
    return DateSpec("ymd", month=month, day=day) if known or _goes_on(match) else None


def _goes_on(match: re.Match[str]) -> bool:
    """Tell whether a time of day follows: then it was a date, if one that does not exist."""
    return _TIME_OF_DAY.match(match.string, match.end()) is not None
