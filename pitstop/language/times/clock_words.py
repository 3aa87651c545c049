"""Clock times, parts of the day, and time from now: 三点半, 傍晚, 半小时后."""

from __future__ import annotations

import re
from typing import Literal

from pitstop.language.numerals import read_int
from pitstop.language.times.model import Clock, DateSpec, Offset
from pitstop.language.times.words import (
    HAN,
    LONG_PARTS,
    NUM,
    PARTS,
    UNIT,
    UNITS,
    Rule,
    as_int,
    collect,
)

RULES: list[Rule] = []
_rule = collect(RULES)


@_rule("part", rf"(?:{LONG_PARTS})(?!好|茶|安|饭)")
def _daypart(match: re.Match[str]) -> str:
    return PARTS[match.group()]


@_rule(
    "part",
    rf"(?<=[天日号一二三四五六末节])(?P<p>[早晚])(?!一?点(?![{HAN}\d半])|[饭餐会礼于些报班就已了])|"
    # 早九点, but 早一点 is "a bit earlier", and 最早九点 a limit.
    rf"(?<![最不太更较很快多么还])(?P<p2>[早晚])(?=(?!一点(?!半|钟|[{HAN}\d]))(?:\d{{1,2}}|[{HAN}]{{1,3}})(?:点|时|:\d|[到至\-~](?:\d{{1,2}}|[{HAN}]{{1,3}})点))",
)
def _short_daypart(match: re.Match[str]) -> str:
    return PARTS[match["p"] or match["p2"]]


_NO_HOUR = 99
_EARLY = frozenset({"dawn", "morning"})
_SINGLE = frozenset("一二两三四五六七八九")
_NOT_CLOCK = r"(?!儿|建议|意见|要求|原因|问题|疑问|方向|式|水|零配|个人|点)"
_ONE_TO_NINE = "一二三四五六七八九"
_HOUR = (
    rf"(?:\d{{1,2}}|[二两三四五六七八九]?十[{_ONE_TO_NINE}]?|廿[一二三四]?|[零两{_ONE_TO_NINE}])"
)
_MINUTE = (
    rf"(?:(?P<half>半)|过?(?P<quarter>[一两二三123])(?:刻钟?|个骨)|过?"
    rf"(?P<min>\d{{1,2}}|零[{_ONE_TO_NINE}]|[二三四五六七八九]?十[{_ONE_TO_NINE}]?|"
    rf"[廿卅][{_ONE_TO_NINE}]?|[{_ONE_TO_NINE}](?=分))"
    rf"(?:分(?:钟(?!后|内|之|以))?|(?![\d个人名位块元公万次辆度%台点.折月号日年天小周{HAN}]))|"
    r"搭(?P<dial>[一二三四五六七八九十]{1,2})|(?P<words>[一二三四五六七八九十]{1,2})个字)"
)


_BEFORE = r"(?<![A-Za-z])(?P<before>[aApP])\.?[mM]\.?\s?"
_AFTER = r"(?:\s?(?P<after>[aApP])\.?[mM]\.?(?![A-Za-z]))?"
_NOT_HOUR = "(?!间|候|速|代|长|效|常|刻|而|段|不|额|工|尚|机|空|下)"
# 周三三点, and 12/1三点: the number before it is of the day.
_AFTER_DAY = (
    rf"(?<=[周期拜][一二三四五六])|"
    rf"(?:(?<=\d[/\-]\d)|(?<=\d[/\-]\d\d)|(?<=月\d)|(?<=月\d\d))(?=[{HAN}])"
)
_SECONDS = rf"(?:(?<=[点时分半刻\d])(?:\d{{1,2}}|[{HAN}]{{1,3}})秒)?"


@_rule(
    "clock",
    rf"(?:{_BEFORE}|(?<![\d.第有这几{HAN}差百千万])(?<!\d:)|{_AFTER_DAY})(?P<h>{_HOUR})(?:点|时{_NOT_HOUR})"
    rf"钟?整?{_MINUTE}?{_SECONDS}(?:钟|整|正)?{_AFTER}{_NOT_CLOCK}",
    needs="点时",
)
def _clock(match: re.Match[str]) -> Clock | None:
    hour = as_int(match["h"])
    if hour is None or not _is_clock(match):
        return None
    return Clock(hour, _minutes(match), half=_half(match["before"] or match["after"]))


def _half(letter: str | None) -> Literal["am", "pm"] | None:
    return None if not letter else "am" if letter in "aA" else "pm"


def _half_of(part: str | None) -> Literal["am", "pm"] | None:
    return None if part is None else "am" if part in _EARLY else "pm"


def _minutes(match: re.Match[str]) -> int | None:
    if match["half"]:
        return 30
    if match["quarter"]:
        return 15 * (as_int(match["quarter"]) or 1)
    if match["min"]:
        return as_int(match["min"])
    fives = match["dial"] or match["words"]
    return (as_int(fives) or 0) * 5 if fives else None


def _is_clock(match: re.Match[str]) -> bool:
    """Tell 一点 the hour from 一点 "a bit", and 三点五万 from 三点."""
    text, exact = match.string, match.end() > match.end("h") + 1
    before, after = text[: match.start()], text[match.end() :]
    if not exact and re.match(rf"[\d{HAN}]", after):  # 九十七点七, 三点五万
        return False
    said = text[match.start() : match.end()]
    if after.startswith("之间") and not re.search(r"[到至\-~、和与跟][^,。]{0,12}$", before):
        return False  # 两点之间
    if exact or not said.startswith(("一点", "两点", "1点", "2点")):
        return True
    if not said.startswith("一点") and re.search(
        r"[天日号今明后昨一二三四五六日末][早晚朝夜]$", before
    ):
        return True
    if re.search(rf"(?:{LONG_PARTS}|今晚)\s?$", before):
        return not re.match("[都也]", after)
    if re.search(r"[早晚快慢好大小多少近远低高宽轻有差便宜过]$", before):
        return False
    if not said.startswith("一点"):
        return True
    if re.match("[都也]", after):
        return False
    return bool(
        re.search(r"(?:[天日号约到至\-~]|周[一二三四五六日]|大概|大约)\s?$", before)
        or re.match(r"左右|以后|之后|之前|以前|到|至|[\-~]|见", after)
        or (re.match(r"[前后多]", after) and not before)
        # 那就一点吧, but 便宜一点吧: anything else before it is what there is more of.
        or (
            re.match(r"$|[,。!?)吧]|可以|行|过?[来去]", after)
            and re.search(r"(?:^|[,。:(、就想我是在])\s?$", before)
        )
    )


@_rule(
    "clock",
    rf"差(?P<m>{NUM}分钟?|一刻钟?)(?:就|不)?到?(?P<part_of>{LONG_PARTS})?(?P<h>{_HOUR})[点时]钟?整?|"
    rf"(?<![\d第{HAN}])(?P<h2>{_HOUR})点钟?差(?P<m2>{NUM}分钟?|一刻钟?)",
    needs="差",
)
def _clock_before(match: re.Match[str]) -> Clock | None:
    said = match["m"] or match["m2"]
    hour = as_int(match["h"] or match["h2"])
    minutes = 15 if said.startswith("一刻") else as_int(re.sub(r"分钟?$", "", said))
    if hour is None or minutes is None or not 0 < minutes < 60:
        return None
    # 差五分一点 is 12:55; of 差五分零点 nobody knows which day's it is.
    hour = 12 if hour == 1 else hour - 1 if hour else _NO_HOUR
    part = PARTS[match["part_of"]] if match["part_of"] else None
    if part == "noon":
        return Clock(hour, 60 - minutes, half="am" if hour in {10, 11} else "pm")
    return Clock(hour, 60 - minutes, half=_half_of(part))


@_rule(
    "clock",
    rf"(?:(?<![\d.第{HAN}百千万])(?<!\d:)|(?<=[周期拜][一二三四五六]))(?P<from>{_HOUR})(?P<to>[到至\-~])(?P<until>{_HOUR})点钟?(?P<half>半)?(?![{HAN}\d]|建议|意见)",
    needs="点",
)
def _clock_range(match: re.Match[str]) -> Clock | None:
    hour = as_int(match["from"])
    return Clock(hour) if hour is not None else None


@_rule(
    "clock",
    rf"(?:{_BEFORE}|(?<=\d-\d\dT)|(?<!\dT)(?<![\d.])(?<!\d:))(?P<h>\d{{1,2}}):(?P<m>\d\d)"
    rf"(?::\d\d(?:\.\d+)?)?(?:\+08:?00)?(?!\d|:){_AFTER}",
    needs=":",
)
def _digital(match: re.Match[str]) -> Clock:
    return Clock(
        int(match["h"]),
        int(match["m"]),
        half=_half(match["before"] or match["after"]),
        sure=match["h"].startswith("0") or int(match["h"]) > 12,
    )


@_rule(
    "clock",
    rf"(?<![\d.:第{HAN}])(?P<from>[一两二三四五六七八九](?=[二两三四五六七八九十])|\d{{1,2}}(?=、))(?P<to>、?)"
    rf"(?P<until>{_HOUR})点(?!建议|意见|要求|原因|问题)(?P<half>(?!))?(?:多|左右|钟|的样子)*",
    needs="点",
)
def _about(match: re.Match[str]) -> Clock | None:
    """三四点, 2、3点: between the two."""
    hour, until = as_int(match["from"]), as_int(match["until"])
    return Clock(hour) if hour and until and until == hour + 1 else None


@_rule(
    "clock", r"(?<![\dA-Za-z.:])(?P<h>\d{1,2})\s?(?P<half>[aApP])\.?[mM]\.?(?![A-Za-z])", needs="mM"
)
def _meridiem(match: re.Match[str]) -> Clock:
    return Clock(int(match["h"]), half=_half(match["half"]))


@_rule(
    "clock",
    r"(?<=[天日号午晚上早的一二三四五六\d])\s?(?<!\d)(?:\d{3,4}|[一二三四五六七八九]百)点(?=$|[\s,。!?]|钟|整|半|到|至)",
    needs="点",
)
def _no_clock(match: re.Match[str]) -> Clock:
    """明天100点: a slip that must be asked about."""
    return Clock(_NO_HOUR)


@_rule(
    "clock",
    r"(?<=[午上晚早昼])(?P<h>\d{1,2})\.(?P<m>[0-5]\d)(?![\d.]|\s?(?:万|公里|千米|km|元|块|度|折|倍|小时|天|号|日))",
    needs=".",
)
def _pointed(match: re.Match[str]) -> Clock:
    """下午3.30: a stop for the colon, behind a part of the day."""
    return Clock(int(match["h"]), int(match["m"]))


@_rule("to", r"到|至|[\-~―]+|ー|直到|(?:和|与|跟)(?=[^,。!?;]{2,12}之间)")
def _to(match: re.Match[str]) -> str:
    return "到"


@_rule(
    "offset",
    rf"(?P<lead>再?(?<![超经通不])过|未来的?|接下来的?|今后的?|往后的?)?"
    rf"(?<![\d./几数{HAN}百千万])(?:(?P<days>\d{{1,3}}|[{HAN}]{{1,4}})天[零又加]?)?"
    rf"(?P<n>半|\d{{1,3}}(?:\.5)?|[{HAN}百]{{1,6}})(?P<g>个?)(?P<h>半)?(?P<u>{UNIT})(?P<h2>半)?(?:(?<=[时头])[零又加]?(?P<more>{NUM})分钟?)?"
    r"(?:左右)?(?P<after>以后|之后|过后|后(?![排备面轮天视挡座续悔台杠尾]))?(?P<within>之内|以内|内)?(?P<past>之前|以前|前)?",
)
def _ahead(match: re.Match[str]) -> DateSpec | Offset | None:
    before = match.string[max(0, match.start() - 2) : match.start()]
    unit, size = UNITS[match["u"]]
    if match["n"] == "半" and match["u"] in {"天", "日"}:
        return None  # 半天后 is "in a good while"
    if unit == "month" and match["u"] == "月" and not match["g"]:
        return None  # 三月后 is March, 三个月后 is not
    if re.search(
        r"(?:小时|钟头|分钟?|天|月|周|星期|礼拜|年)[零又加再]?$", match.string[: match.start()]
    ):
        return None  # 一个月零五天后: half of a time is a wrong time
    if len(match["n"]) > 1 and set(match["n"]) <= _SINGLE:
        return None  # 三四个小时后: more or less
    if match["days"] and (unit != "minute" or match["u"] == "分"):
        return None
    if match["n"] not in {"半"} and before.endswith(("第", "提前", "每", "最近", "满")):
        return None
    within = bool(match["within"]) or bool(
        match["lead"] and match["lead"][0] in "未接今往" and not match["after"]
    )
    after = bool(match["after"]) or bool(match["lead"] and "过" in match["lead"])
    if not (within or after or match["past"]):
        return None
    if (match["u"] == "分" and not after) or (match["u"] == "日" and before.endswith(("月", "号"))):
        return None
    count = 0.5 if match["n"] == "半" else _decimal(match["n"])
    if count is None:
        return None
    count += 0.5 if match["h"] or match["h2"] else 0
    sign = -1 if match["past"] and not within and not after else 1
    if unit == "minute":
        minutes = round(count * size) + (as_int(match["more"]) or 0)
        return Offset(sign * (minutes + (as_int(match["days"]) or 0) * 24 * 60), within)
    if unit == "day" and count == int(count):
        return DateSpec("ahead", count=sign * int(count) * size, unit="within" if within else "day")
    if unit == "month" and count * size == int(count * size):
        unit = "within-month" if within else "month"
        return DateSpec("ahead", count=sign * int(count * size), unit=unit)
    if unit == "day" and size == 1 and not within:
        return Offset(sign * round(count * 24 * 60))  # 一天半后
    if unit == "month" and size == 1 and count == 0.5:
        return DateSpec("ahead", count=sign * 15, unit="within" if within else "day")
    return None


def _decimal(text: str) -> float | None:
    return float(text) if text[0].isdigit() else read_int(text)


@_rule(
    "offset",
    r"(?<![体出表展实呈发再])现在|这会儿?|此时此刻|此刻|眼下|马上|立刻|立马|立即|即刻|而家|依家|"
    r"^(?:当前|此时|目前|宜家)$",  # within a sentence they tell of a state, and 宜家 is a shop
)
def _now(match: re.Match[str]) -> Offset:
    return Offset(0)


@_rule(
    "offset",
    r"(?<![停呆看开用坐睡玩聊跑放歇息了])(?:[等待过]一?|一)会儿?(?!员|计|议|.{0,4}一会)|[等待]会(?!员)|稍后|晚些时候|晚点儿?(?=[去来到再])",
)
def _soon(match: re.Match[str]) -> Offset:
    return Offset(0, vague=True)  # from now on: how long "a while" is nobody knows
