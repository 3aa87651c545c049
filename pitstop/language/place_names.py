"""A store's or a station's names, and what people make of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase

from pitstop.language.normalize import normalize
from pitstop.language.place_words import STATION_WORDS, STORE_WORDS

# How much a form says. A district needs 店 or 站 behind it and no better name,
# a scrap needs them too, a part needs a sentence about going there; a whole
# name stands for itself where it is no street or home; a title (闵行店) always.
DISTRICT, SCRAP, PART, WHOLE, TITLE = range(5)
PART_MIN = 2
COMMON = frozenset({"园区", "工业园区", "湿地", "软件园", "机场", "浦东"})
"""Parts of names that are everyday words, unless 店 or 站 comes behind."""

# The same, but too many places in a town have them.
_EVERYDAY = frozenset(
    {
        *("中心", "服务区", "广场", "立交", "高新", "东站", "工业", "软件", "万象", "天地", "印象"),
        *("首都", "国际", "大厦", "服务", "解放", "光谷软", "虹桥天"),
    }
)
_KIND = re.compile(rf"(?:{STORE_WORDS}|{STATION_WORDS})$")
_BRACKETS = re.compile(r"[(（].*?[)）]$")
_AREA = re.compile(r"[东南西北]区[)）]$")
_FOLD = str.maketrans(ascii_uppercase, ascii_lowercase)


@dataclass(frozen=True)
class Place:
    """One row of the names file."""

    kind: str  # store or station
    name: str
    city: str
    alias: tuple[str, ...] = ()
    side: str = ""
    store_kind: str = ""
    district: str = ""

    @property
    def has_area(self) -> bool:
        """Whether the name tells the side of a motorway: （北区）."""
        return bool(_AREA.search(self.name))


def fold(text: str) -> str:
    """Return `text` with small Latin letters, character for character."""
    return text.translate(_FOLD)


def forms_of(place: Place) -> dict[str, int]:
    """Return what `place` may be called, folded, with how much each form says."""
    core = _KIND.sub("", _BRACKETS.sub("", fold(normalize(place.name).text)))
    city = fold(place.city)
    short = core.removeprefix(city)
    aliases = {fold(normalize(alias).text) for alias in place.alias}
    titles = {alias for alias in aliases if alias[-1] in "店站"}
    whole = (aliases - titles) | {core}
    if len(short) > PART_MIN:
        whole.add(short)
    parts = {short, short.removesuffix("服务区"), core.removesuffix("服务区")}
    parts |= {re.sub(r"[店站]$", "", form) for form in whole | titles}
    parts |= {form.removesuffix("广场") for form in parts}
    parts |= {form.removeprefix(city) for form in parts}
    found: dict[str, int] = {}
    for forms, strength in (
        (titles, TITLE),
        (whole - COMMON, WHOLE),
        (parts - COMMON, PART),
        (_scraps(short) | (parts & COMMON), SCRAP),
        ({fold(place.district)}, DISTRICT),
    ):
        for form in forms - _EVERYDAY:
            if len(form) >= PART_MIN:
                found.setdefault(form, strength)
    return found


def _scraps(name: str) -> set[str]:
    """太古里 and 前滩 of 前滩太古里, 虹桥 of 虹桥天地, T3 of 首都机场T3."""
    count = len(name)
    pieces = {name[i:j] for i in range(count) for j in range(i + PART_MIN, count + 1)}
    return {
        piece
        for piece in pieces
        if piece in COMMON
        or name.startswith(piece)
        or (name.endswith(piece) and (len(piece) > PART_MIN or not piece.isalpha()))
    }
