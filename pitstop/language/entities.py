"""Things with a fixed form: plates, VINs, phones, mileage, order numbers.

All finders take a text as it was written, full width and all, and report
half-open spans in that text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

from pitstop.language.normalize import normalize
from pitstop.language.numerals import read_number

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_GAP = r"[\s·•・．.\-_]{0,2}"
# GA 36-2018: province, a letter, then five signs, or six for new energy; I and
# O do not occur after the letter of the office. Lower case and full width are
# what thumbs write.
_PLATE = re.compile(
    rf"([{_PROVINCES}])\s?([A-Za-z]){_GAP}"
    r"((?:[A-HJ-NP-Za-hj-np-z0-9]\s?){4,5}[A-HJ-NP-Za-hj-np-z0-9挂学警港澳])"
    r"(?![A-Za-z0-9])"
)
# ISO 3779: 17 signs without I, O and Q. The check digit is left alone: cars
# built for Europe have none.
_VIN_SIGN = "[A-HJ-NPR-Za-hj-npr-z0-9]"
# The last four are digits on every car (ISO 3779, 6.3); fault codes are not.
_VIN = re.compile(rf"(?<![A-Za-z0-9])((?:{_VIN_SIGN} ?){{13}}(?:\d ?){{3}}\d)(?![A-Za-z0-9])")
_PHONE = re.compile(r"(?<![\d.])(?:\+?\s?86[\s\-]?)?(1[3-9]\d(?:[\s\-.]?\d){8})(?!\d)")
_SPOKEN = {
    char: str(digit)
    for digit, chars in enumerate(
        ("零〇洞", "一幺", "二两", "三", "四", "五", "六", "七拐", "八", "九勾")
    )
    for char in chars
}
_SPOKEN_PHONE = re.compile(rf"[{''.join(_SPOKEN)}](?:[\s,，]?[{''.join(_SPOKEN)}]){{10}}")
_KM = r"(?:公里|千米|km|KM|Km|里程)"
_MILEAGE = re.compile(
    # Lengths are bounded, and a match starts where a number starts: else a
    # message of two thousand digits takes a second.
    r"(?<![\d.零一二两三四五六七八九十百千万])(?P<number>\d{1,3}(?:,\d{3}){1,2}|\d{1,7}(?:\.\d{1,3})?|"
    r"[零一二两三四五六七八九十百千半]{1,9}(?:万[零一二两三四五六七八九十百千]{0,8})?)"
    rf"\s?(?P<unit>[万wW千kK])?(?P<tail>[一二三四五六七八九\d]?)(?:[多来几]|左右)?(?:个)?\s?{_KM}"
)
# 1.2w, 3万多 without a unit of length count only after a word for mileage.
_MILEAGE_BARE = re.compile(
    r"(?:里程|跑了|开了|行驶了?|表显|跑到)(?:是|有|差不多|大概|快|已经|都|总共|了)*\s?"
    r"(?P<number>\d+(?:\.\d+)?|[一二两三四五六七八九十]+)\s?(?P<unit>[万wW])(?P<tail>[一二三四五六七八九\d]?)(?![\d.点])"
)
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
    """Find number plates; the value is upper case, without dot or space."""
    found = []
    for match in _PLATE.finditer(text):
        tail = re.sub(r"\s", "", match.group(3)).upper()
        # Words in Latin letters after a province's short name (新 iPhone) have no digit.
        if not any(char.isdigit() for char in tail):
            continue
        value = f"{match.group(1)}{match.group(2).upper()}{tail}"
        found.append(Entity("plate", value, match.start(), match.end()))
    return found


@_as_written
def find_vins(text: str) -> list[Entity]:
    """Find vehicle identification numbers (17 signs, upper-cased)."""
    found = []
    for match in _VIN.finditer(text):
        value = match.group(1).replace(" ", "").upper()
        # Seventeen digits are an order or a card, seventeen letters are words.
        if any(char.isdigit() for char in value) and sum(char.isalpha() for char in value) >= 2:
            found.append(Entity("vin", value, match.start(), match.end()))
    return found


@_as_written
def find_phones(text: str) -> list[Entity]:
    """Find mainland mobile numbers, as 11 digits; also spoken ones (幺三八…)."""
    found = []
    for match in _PHONE.finditer(text):
        value = re.sub(r"\D", "", match.group(1))
        found.append(Entity("phone", value, match.start(), match.end()))
    for match in _SPOKEN_PHONE.finditer(text):
        value = "".join(_SPOKEN.get(char, "") for char in match.group())
        if re.fullmatch(r"1[3-9]\d{9}", value):
            found.append(Entity("phone", value, match.start(), match.end()))
    return sorted(found, key=lambda entity: entity.start)


@_as_written
def find_mileage(text: str) -> list[Entity]:
    """Find how far a car has run, in whole kilometres."""
    found: list[Entity] = []
    for pattern in (_MILEAGE, _MILEAGE_BARE):
        for match in pattern.finditer(text):
            if any(entity.start < match.end() and match.start() < entity.end for entity in found):
                continue
            value = _kilometres(match["number"], match["unit"] or "", match["tail"])
            if value is not None and value > 0:
                found.append(Entity("mileage_km", value, match.start("number"), match.end()))
    return sorted(found, key=lambda entity: entity.start)


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


def _kilometres(number: str, unit: str, tail: str) -> int | None:
    value = read_number(number.replace(",", ""))
    if value is None:
        return None
    scale = {"万": 10_000, "w": 10_000, "千": 1_000, "k": 1_000}.get(unit.lower(), 1)
    total = value * scale
    if tail and scale > 1:
        digit = read_number(tail)
        total += (digit or 0) * scale / 10  # 两万五: the digit counts thousands
    return round(total)
