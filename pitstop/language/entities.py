"""Things with a fixed form: plates, VINs, phones, order numbers; mileage beside them.

All finders take a text as it was written, full width and all, and report
half-open spans in that text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps

from pitstop.language.mileage import kilometres
from pitstop.language.normalize import normalize

_DIGITS = {
    char: str(digit)
    for digit, chars in enumerate(
        ("零洞", "一幺", "二两", "三", "四", "五", "六", "七拐", "八", "九勾")
    )
    for char in chars
}
_SPOKEN = "".join(_DIGITS)
_AS_DIGITS = str.maketrans(_DIGITS)

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_OFFICE = (
    rf"(?P<province>[{_PROVINCES}])(?:牌照?)?[\s·.\-]?(?P<office>[A-Za-z])"
    r"(?:[\s·.\-_]{0,2}|点|杠)"
)
_GAP = r"[\s·.\-_]?"
_NO_SIGN = r"(?![A-Za-z0-9])"
# GA 36-2018: province, a letter, then five signs, or six for new energy; I and
# O do not occur after the letter of the office. Lower case and full width are
# what thumbs write.
_SIGN = "[A-HJ-NP-Za-hj-np-z0-9]"
_PLATES = (
    re.compile(rf"{_OFFICE}(?P<tail>(?:{_SIGN}{_GAP}){{5}}{_SIGN}){_NO_SIGN}"),
    re.compile(rf"{_OFFICE}(?P<tail>(?:{_SIGN}{_GAP}){{4}}(?:{_SIGN}{_NO_SIGN}|[挂学警港澳]))"),
)
# Dictated: 沪A D 二零七五一. Only digits are said, never a mixture of both ways.
_SAID_SIGN = rf"(?:[A-HJ-NP-Za-hj-np-z]|[{_SPOKEN}])"
_SAID_GAP = r"(?:[\s·.\-_]|点|杠)?"
_SAID_PLATES = (
    re.compile(rf"{_OFFICE}(?P<tail>(?:{_SAID_SIGN}{_SAID_GAP}){{5}}{_SAID_SIGN}){_NO_SIGN}"),
    re.compile(rf"{_OFFICE}(?P<tail>(?:{_SAID_SIGN}{_SAID_GAP}){{4}}{_SAID_SIGN}){_NO_SIGN}"),
)
_SAID_DIGITS = 3

# ISO 3779: 17 signs without I, O and Q. The check digit is left alone: cars
# built for Europe have none. What has an O for a 0 is no VIN: it is asked again.
_VIN_SIGN = "[A-HJ-NPR-Za-hj-npr-z0-9]"
_VIN = re.compile(
    rf"(?<![A-Za-z0-9])(?:[Vv][Ii][Nn])?(?P<vin>(?:{_VIN_SIGN}[ -]?){{16}}{_VIN_SIGN}){_NO_SIGN}"
)
_VIN_TALK = re.compile(r"(?:[Vv][Ii][Nn]|车架|识别|底盘)[^,。;]{0,8}$")
_VIN_LETTERS = 3  # two letters and fifteen digits are an order

_LINE = r"(?:\s?[-.·,、]?\s?)"
_PHONE = re.compile(
    rf"(?<![\d.])(?:\(?(?:\+|00)?\s?86\)?[\s-]{{0,2}})?"
    rf"(?P<phone>1\s?[3-9]\s?\d(?:{_LINE}\d){{8}})(?![\dXx])"
)
# 6217 1380 0138 000: four by four is how cards are written.
_CARD = re.compile(r"\d{4}[\s-]$")
_FOURS = re.compile(r"\d{4}\D")
_REPEATED = re.compile(rf"([两二三四五六2-6])个([\d{_SPOKEN}])")
_SAID_ENOUGH = 5
_ORDER = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2}\d{6,}[A-Za-z0-9]*)(?![A-Za-z0-9])")


@dataclass(frozen=True)
class Entity:
    """Something found: what it is, its normalised value, and where it stands."""

    entity: str
    value: str | int
    start: int
    end: int


Finder = Callable[[str], list[Entity]]


def _as_written(finder: Finder) -> Finder:
    """Let `finder` work on the normalised text and report places in the original."""

    @wraps(finder)
    def find(text: str) -> list[Entity]:
        plain = normalize(text)
        return [
            Entity(e.entity, e.value, *plain.to_original(e.start, e.end))
            for e in finder(plain.text)
        ]

    return find


@_as_written
def find_plates(text: str) -> list[Entity]:
    """Find number plates, typed or dictated; the value is upper case, without dot or space."""
    found: list[Entity] = []
    for six, five in (_PLATES, _SAID_PLATES):
        longer = {match.start(): match for match in six.finditer(text) if _is_new_energy(match)}
        shorter = {match.start(): match for match in five.finditer(text)}
        for start, match in sorted((shorter | longer).items()):
            tail = re.sub(r"[\s·.\-_点杠]", "", match["tail"])
            # Words in Latin letters after a province's short name (新 iPhone) have no digit.
            digits = sum(char.isdigit() or char in _SPOKEN for char in tail)
            if digits < (1 if five is _PLATES[1] else _SAID_DIGITS):
                continue
            value = f"{match['province']}{match['office']}{tail.translate(_AS_DIGITS)}".upper()
            if all(e.end <= start or match.end() <= e.start for e in found):
                found.append(Entity("plate", value, start, match.end()))
    return sorted(found, key=lambda entity: entity.start)


@_as_written
def find_vins(text: str) -> list[Entity]:
    """Find vehicle identification numbers (17 signs, upper-cased)."""
    found = []
    for match in _VIN.finditer(text):
        written = match["vin"]
        value = re.sub(r"[ -]", "", written).upper()
        # Seventeen digits are an order or a card, seventeen letters are words.
        if sum(char.isalpha() for char in value) < _VIN_LETTERS or value.isalpha():
            continue
        talk = _VIN_TALK.search(text[: match.start("vin")])
        # The last four are digits on every car (ISO 3779, 6.3); fault codes are not.
        if not value[-4:].isdigit() and (not talk or len(written) > len(value)):
            continue
        # In pieces it could be words and a phone: it must begin like a Chinese car's.
        if len(written) > len(value) and not (talk or value[0] == "L"):
            continue
        found.append(Entity("vin", value, match.start("vin"), match.end()))
    return found


@_as_written
def find_phones(text: str) -> list[Entity]:
    """Find mainland mobile numbers, as 11 digits; also spoken ones (幺三八…, 四个八)."""
    found = list(_phones(text, [(at, at + 1) for at in range(len(text))]))
    if sum(char in _DIGITS for char in text) >= _SAID_ENOUGH:
        for phone in _phones(*_said(text)):
            if all(phone.end <= e.start or e.end <= phone.start for e in found):
                found.append(phone)
    return sorted(found, key=lambda entity: entity.start)


@_as_written
def find_mileage(text: str) -> list[Entity]:
    """Find how far a car has run, in whole kilometres."""
    return [Entity("mileage_km", value, start, end) for value, start, end in kilometres(text)]


@_as_written
def find_order_numbers(text: str) -> list[Entity]:
    """Find order and case numbers: two letters and at least six digits."""
    found = []
    vins = find_vins(text)
    for match in _ORDER.finditer(text):
        if any(vin.start <= match.start() < vin.end for vin in vins):
            continue
        found.append(Entity("order_no", match.group(1).upper(), match.start(), match.end()))
    return found


def find_all(text: str) -> list[Entity]:
    """Find everything with a fixed form, in order; overlaps go to the longer one."""
    everything = [
        *find_plates(text),
        *find_vins(text),
        *find_phones(text),
        *find_order_numbers(text),
        *find_mileage(text),
    ]
    kept: list[Entity] = []
    for entity in sorted(everything, key=lambda item: (item.start - item.end, item.start)):
        if all(entity.end <= other.start or other.end <= entity.start for other in kept):
            kept.append(entity)
    return sorted(kept, key=lambda entity: entity.start)


def _is_new_energy(match: re.Match[str]) -> bool:
    """Tell a plate with six signs from five and the begin of something else.

    A letter stands first (small cars) or last (large ones). 沪AB1234 5月: the
    sixth sign stands apart, and no other does.
    """
    signs = re.sub(r"[\s·.\-_点杠]", "", match["tail"])
    if not (signs[0].isascii() and signs[0].isalpha()) and not (
        signs[-1].isascii() and signs[-1].isalpha()
    ):
        return False
    return not re.fullmatch(r"\w{5}[\s·.\-_点杠]\w", match["tail"])


def _phones(text: str, places: list[tuple[int, int]]) -> Iterator[Entity]:
    for match in _PHONE.finditer(text):
        if _FOURS.match(match["phone"]) and _CARD.search(text[: match.start()]):
            continue
        value = re.sub(r"\D", "", match["phone"])
        yield Entity("phone", value, places[match.start()][0], places[match.end() - 1][1])


def _said(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return what is dictated in digits, and where each sign came from."""
    signs: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    while at < len(text):
        repeated = _REPEATED.match(text, at)
        end = repeated.end() if repeated else at + 1
        times = int(repeated[1].translate(_AS_DIGITS)) if repeated else 1
        signs += [text[end - 1].translate(_AS_DIGITS)] * times
        places += [(at, end)] * times
        at = end
    return "".join(signs), places
