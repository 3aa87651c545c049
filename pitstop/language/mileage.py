"""How far a car has run, told from all the other numbers that a message may hold.

A distance to a store, a range, a speed, a warranty and a price look alike; the
words in front and behind tell. Works on normalised text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pitstop.language.numerals import read_number

_HAN = "零一二两三四五六七八九十百千"
# Lengths are bounded, and a match starts where a number starts: else a message
# of two thousand digits takes a second.
_NUMBER = re.compile(
    rf"(?<![\d.A-Za-z{_HAN}万几])"
    rf"(?P<high>\d{{1,3}}(?:,\d{{3}}){{1,2}}(?!\d)|\d{{1,7}}(?:\.\d{{1,3}})?(?!\d)|"
    rf"[{_HAN}]{{1,4}}点[{_HAN}]{{1,2}}(?=万)|[{_HAN}]{{1,9}}(?:万[{_HAN}]{{0,8}})?)"
    rf"\s?(?:(?P<unit>[万wW千]|[kK](?![mM]))(?P<low>\d{{1,4}}(?!\d)|[{_HAN}]{{1,7}})?(?P<kilo>千|[kK](?![mM]))?)?\+?"
    r"(?P<vague>多|来|几|余|出头|左右|上下)?(?:个)?\s?"
    r"(?P<km>公里|千米|里程|[kK][mM](?![A-Za-z]))?"
)
_UNITS = {"万": 10_000, "w": 10_000, "千": 1_000, "k": 1_000}
_SOME = re.compile(r"[一二两三四五六七八九]{2}[万千百]")  # 三四万: which?

_ABOUT = (
    r"(?:了|过|到|满|是|有|为|显示|上|已|经|都|也|大概|大约|差不多|快|将近|接近|近|才|刚|好|就|约|"
    r"总共|一共|共|超|整|小|不到|没到|估计|可能|应该|现在|目前|得|[:,\s])*$"
)
# What an odometer shows, and what was driven.
_SHOWN = re.compile(
    rf"(?<!续航)(?<!剩余)(?<!可用)(?:里程|公里数|表显|表上|码表|仪表)[表数盘板的里]*{_ABOUT}"
)
_DRIVEN = re.compile(rf"(?<!能)(?<!以)(?<!够)(?<!再)(?:跑|开|行驶){_ABOUT}")
_NEW = re.compile(rf"(?:新车|提车|刚提|落地|买来|到手)[^。;!?]{{0,5}}?{_ABOUT}")
_ELSE = re.compile(
    r"(?:离[^,。]{0,6}|距[^,。]{0,6}|还有|还剩|[只仅就]剩|剩[余下]?(?:里程)?|续航[^,。]{0,6}?|"
    r"(?:能|可以|够|再|还要?|最多)(?:[跑开走])?|差|超了|超出|多跑|前[方面边]|后[方面边]|方圆|周[围边]|"
    r"附近|半径|[时限车]速|速度|每隔?|百|质保|保修|三包|走|拖车?|往返|来回|单程|全程|路程|通勤|"
    r"一天|每天|天天|日均|掉|少|送|免费|范围|[Kk]|高速|绕|长途|平均|目标|(?:每|一)(?:年|个?月|周|天)[^,。了]{0,4}跑(?!了))"
    r"(?:了|大概|大约|差不多|是|有|到|约|也就|才|得|要|不到|超过|[:\s])*$"
)
_YEARS = re.compile(r"(?<![跑开])(?<!了)[\d一二三四五六七八两十]年(?:或者?|[/、])*$")
_BEHIND = re.compile(
    r"\s?(?:的?(?:范围)?以?[之]?内|处|[以开]?外|每小时|一?小时|/(?:[Hh]|小?时)|加速|电耗|油耗|百公里|耗|续航|远|"
    r"的?路程?|的?距离|的?地方|就(?:到|是)|(?:的|免费)?(?:质保|保修|三包|包换)|范围)"
)
_TRIP = re.compile(
    r"今[天早]|昨[天晚]|上午|下午|早上|一路|这趟|高速|长途|充满|满电|一次电|换完|换了|刚换|回家|出发|"
    r"[去到回][\u4e00-\u9fff]{2,4}(?:要|有|得|大概|将近|,)?$"
)
_TRIP_AT_MOST = 2_000
_NOT_KM = re.compile(
    r"\s?(?:块|元|钱|次|趟|天|年|个|月|遍|回|分|圈|家|店|小时|点|号|辆|度|%|人|积分|步|米|里路|的?发票|"
    r"的?单|的?票|的?价|年|[.:/-]\d|英里|层|转|[A-Za-z])"
)
_PAPER = re.compile(r"发票|收据|单据|价|药|证明")
# 两万出头该做什么保养: said of the car, in a sentence about maintenance, and not of money.
_OF_THE_CAR = re.compile(
    r"(?:^|[,。;!?\s]|车子?|现在|目前|已经?|都|快|刚过?|刚满|才|也)(?:不到|小)?$"
)
_SO_FAR = re.compile(r"\s?(?:了|该|要做|做|可以|[,。]|保养|首保|的(?:车|保养)|$)")
_UPKEEP = re.compile(r"保养|[首二三]保|机油|刹车[油片]|滤芯|轮胎|四轮|动平衡")
_MONEY = re.compile(r"[块元钱价贵费赔花收坑便宜贷]|预算|优惠|落地|补偿|积分")
_LEAST_BARE, _LEAST, _LEAST_DRIVEN, _MOST = 3_000, 1_000, 100, 2_000_000
_WINDOW = 16


def kilometres(text: str) -> Iterator[tuple[int, int, int]]:
    """Yield each mileage in `text`: whole kilometres, start, end."""
    for match in _NUMBER.finditer(text):
        value = _value(match)
        if value is not None and 0 < value <= _MOST and _is_mileage(text, match, value):
            yield value, match.start(), match.start() + len(match.group().rstrip())


def _is_mileage(text: str, match: re.Match[str], value: int) -> bool:
    start, end = match.span()
    before, behind = text[max(0, start - _WINDOW) : start], text[end : end + _WINDOW]
    driven = _DRIVEN.search(before)
    if _ELSE.search(before) or _BEHIND.match(behind):
        return False
    if _YEARS.search(before) and not driven:
        return False
    if _SHOWN.search(before):
        return value >= _LEAST_DRIVEN and bool(match["km"] or not _NOT_KM.match(behind))
    if match["km"]:
        if value < _TRIP_AT_MOST and _TRIP.search(before):
            return False
        return value >= _LEAST or bool((driven or _NEW.search(before)) and value >= _LEAST_DRIVEN)
    if value < _LEAST or _NOT_KM.match(behind):
        return False
    if driven:
        return not _PAPER.search(before) and not (value < _TRIP_AT_MOST and _TRIP.search(before))
    return (
        value >= _LEAST_BARE
        and bool(match["unit"] or match["vague"] or "万" in match["high"])
        and bool(_OF_THE_CAR.search(before) and _SO_FAR.match(behind))
        and bool(_UPKEEP.search(text) and not _MONEY.search(text))
    )


def _value(match: re.Match[str]) -> int | None:
    high, unit, low = match["high"].replace(",", ""), match["unit"], match["low"]
    if _SOME.search(high + (unit or "")):
        return None
    whole, _, tenths = high.partition("点")
    value = read_number(whole)
    if value is None:
        return None
    if tenths:
        fraction = read_number(tenths)
        value += (fraction or 0) / 10 ** len(tenths)
    if unit is None:
        return round(value)
    scale = _UNITS[unit.lower()]
    total = value * scale
    if low:
        more = read_number(low)
        if more is None:
            return None
        if match["kilo"]:
            more *= 1_000
        elif len(low) == 1:
            more *= scale / 10  # 两万五: the digit counts thousands
        total += more
    return round(total)
