"""Dates by number: 11月25日, 25号, 11/25, 2026-11-25, 月底."""

from __future__ import annotations

import re

from pitstop.language.times.model import DateSpec
from pitstop.language.times.words import (
    AFTER_DOT_DATE,
    GLUE,
    HAN,
    MONTH,
    NOT_DAY,
    NOT_MEASURE,
    NUM,
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


@_rule("date", rf"(?<![\d每]){YEAR}{GLUE}第(?P<nth>{NUM})个月")
def _month_of_year(match: re.Match[str]) -> DateSpec:
    return DateSpec(
        "ymd",
        year=as_year(match["year"]),
        year_shift=as_shift(match["y"]),
        month=as_int(match["nth"]),
    )


@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEARS}{GLUE})?{MONTH}{GLUE}(?P<day>{NUM})[日号](?!内){NOT_DAY}",
)
def _full_date(match: re.Match[str]) -> DateSpec:
    return _ymd(match, as_int(match["day"]))


# 一月二十三, without 号: only where a sentence could go on after a date.
@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEARS}{GLUE})?(?P<month>{NUM})(?P<m>)月(?P<day>{NUM})"
    r"(?=$|[\s,。!?到至~\-]|上午|下午|早上|晚上|中午|[早晚去来能可行吧那之]|[周(])",
)
def _bare_date(match: re.Match[str]) -> DateSpec:
    return _ymd(match, as_int(match["day"]))


@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEARS}{GLUE})?{MONTH}{GLUE}(?P<from>{NUM})[日号]?(?P<to>[到至\-~])"
    rf"(?P<until>{NUM})[日号]{NOT_DAY}",
)
def _date_to_day(match: re.Match[str]) -> DateSpec:
    return _ymd(match, as_int(match["from"]))


@_rule(
    "date",
    rf"(?<![\d每农阴{HAN}个第几])(?:{YEARS}{GLUE})?{MONTH}(?![{HAN}\d]*[次租供亮饼薪卡票费天还])",
)
def _month(match: re.Match[str]) -> DateSpec:
    return _ymd(match, None)


def _ymd(match: re.Match[str], day: int | None) -> DateSpec:
    groups = match.groupdict()
    return DateSpec(
        "ymd",
        year=as_year(groups.get("year") or groups.get("yy")),
        year_shift=as_shift(groups.get("y")),
        month=as_int(groups["month"]),
        month_shift=as_shift(groups["m"]) if groups["m"] else None,
        day=day,
    )


@_rule(
    "date",
    rf"(?<![\d每农阴])(?:{YEAR}{GLUE})?{MONTH}{GLUE}第(?P<nth>[一二三四五1-5])个?"
    r"(?:周|星期|礼拜)(?P<wd>[一二三四五六日天])",
)
def _nth_weekday(match: re.Match[str]) -> DateSpec:
    month = _ymd(match, None)
    return DateSpec(
        "nth",
        year=month.year,
        year_shift=month.year_shift,
        month=month.month,
        month_shift=month.month_shift,
        count=as_int(match["nth"]) or 1,
        weekday=WEEKDAYS[match["wd"]],
    )


_EDGES = {"初": "初", "头": "初", "中": "中", "底": "底", "末": "底", "尾": "底"}


@_rule(
    "date",
    rf"(?:(?:{MONTH}){GLUE})?(?P<edge>月初|月头|月中|月底|月末|月尾|上旬|中旬|下旬|(?<=月)[初头中底末尾])",
)
def _month_edge(match: re.Match[str]) -> DateSpec:
    return DateSpec(
        "edge",
        month=as_int(match["month"]),
        month_shift=as_shift(match["m"]),
        name=_EDGES.get(match["edge"][-1], match["edge"][0]),
    )


@_rule("date", r"(?:(?P<y>[今明去])|(?<!\d)(?P<yy>\d\d)|(?P<year>20\d\d))?年[底末]")
def _year_end(match: re.Match[str]) -> DateSpec:
    year = as_year(match["year"] or match["yy"])
    shift = None if year else as_shift(match["y"] or "今")
    return DateSpec("ymd", year=year, month=12, year_shift=shift, name="edge")


@_rule(
    "date",
    rf"(?<![每\d{HAN}第路街弄巷道楼幢栋室线.])(?P<from>{NUM})[日号]?(?P<to>[到至\-~、])(?P<until>{NUM})[日号]{NOT_DAY}",
)
def _day_to_day(match: re.Match[str]) -> DateSpec | None:
    first, last = as_int(match["from"]), as_int(match["until"])
    if match["to"] == "、" and (not first or last != first + 1):
        return None  # 25、28号 are two days, 25、26号 a stretch
    return DateSpec("ymd", day=as_int(match["from"]))


@_rule(
    "date",
    rf"(?<![每\d{HAN}第路街弄巷道楼幢栋室线.月])(?P<day>{NUM})(?:号{NOT_DAY}|日(?![内游均本元产报]))",
)
def _day_of_month(match: re.Match[str]) -> DateSpec | None:
    day = as_int(match["day"])
    # 95号, 110号: fuel and house numbers; 32号 is a slip that must be asked about.
    return DateSpec("ymd", day=day) if day is not None and 0 < day <= 40 else None


@_rule(
    "date",
    r"(?:(?<![\d\-/.:A-Za-z])|(?<=[./\-]\d\d-)|(?<=[./\-]\d-))(?P<year>20\d\d)(?P<s>[\-/.])(?P<month>\d{1,2})(?P=s)(?P<day>\d{1,2})(?![\d/.])",
)
def _iso(match: re.Match[str]) -> DateSpec:
    return DateSpec(
        "ymd", year=int(match["year"]), month=int(match["month"]), day=int(match["day"])
    )


@_rule(
    "date",
    r"(?<![\d\-/.:A-Za-z])(?P<year>20\d\d)(?P<month>[01]\d)(?P<day>[0-3]\d)(?![\dA-Za-z.\-])",
)
def _compact(match: re.Match[str]) -> DateSpec | None:
    return _iso(match) if 1 <= int(match["month"]) <= 12 else None  # type: ignore[return-value]


@_rule(
    "date",
    rf"(?:(?<![\d\-/.:A-Za-z])|(?<=/\d-)|(?<=/\d\d-))(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}}){NOT_MEASURE}(?!-\d+/)",
)
def _slashed(match: re.Match[str]) -> DateSpec | None:
    before = match.string[: match.start()]
    # 流量用了1/4 is a share, 4/5到店 a date.
    share = int(match["month"]) < int(match["day"]) <= 10 and re.search(
        r"[了剩占去成有约的]$", before
    )
    return None if share else _short(match)


@_rule(
    "date",
    r"(?:(?<![\d\-/.:A-Za-z])|(?<=/\d-)|(?<=/\d\d-))(?P<month>\d{1,2})/(?P<day>\d{1,2})(?=-\d+/\d)",
)
def _slashed_range(match: re.Match[str]) -> DateSpec | None:
    return _short(match)


@_rule(
    "date",
    r"(?<![\d\-/.:A-Za-z])(?P<month>[01]\d)-(?P<day>[0-3]\d)(?![\d\-/.:%])(?!\s?(?:公里|km|元|天|个|次|度|万|点|号|年|款|月))",
)
def _dashed(match: re.Match[str]) -> DateSpec | None:
    return _short(match)


@_rule(
    "date",
    rf"(?:(?<![\d\-/.:A-Za-z本])|(?<=\.\d-)|(?<=\.\d\d-))(?P<month>\d{{1,2}})\.(?P<day>\d{{1,2}})(?!\d)"
    rf"{AFTER_DOT_DATE}[号日]?",
)
def _dotted(match: re.Match[str]) -> DateSpec | None:
    return _short(match)


@_rule(
    "date",
    r"^[约改到在就那要想定是]*(?P<month>\d{1,2})\.(?P<day>\d{1,2})(?=(?:[去来吧呢可以行吗能约好的]|到店)*[,。!?]?$)",
)
def _dotted_answer(match: re.Match[str]) -> DateSpec | None:
    return _short(match)


@_rule(
    "date",
    r"(?<=\d\.\d[\-~到至])(?P<month>\d{1,2})\.(?P<day>\d{1,2})(?![\d.])|(?<=\d\.\d\d[\-~到至])(?P<month2>\d{1,2})\.(?P<day2>\d{1,2})(?![\d.])",
)
def _dotted_end(match: re.Match[str]) -> DateSpec | None:
    month, day = int(match["month"] or match["month2"]), int(match["day"] or match["day2"])
    return DateSpec("ymd", month=month, day=day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _short(match: re.Match[str]) -> DateSpec | None:
    month, day = int(match["month"]), int(match["day"])
    return DateSpec("ymd", month=month, day=day) if 1 <= month <= 12 and 1 <= day <= 31 else None
