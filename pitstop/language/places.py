"""Models, stores, swap stations and cities, however loosely they are named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pitstop.language.entities import Entity
from pitstop.language.normalize import normalize

CITIES = Path(__file__).with_name("cities.txt")

# What a place may be called after its own name, and which kind that tells.
_STORE_WORDS = (
    "授权服务站|授权服务中心|服务中心|售后中心|售后服务中心|体验中心|体验店|交付中心|服务站|服务店|"
    "维修站|维修店|4S店|门店|展厅|店"
)
_STATION_WORDS = "换电站|充换电站|电站|站"
_SUFFIX = re.compile(
    r"\s*(?P<link>(?:的|那一?[家个座]|这一?[家个座]|那边|那里|这边|附近)*)\s*"
    rf"(?:(?P<store>{_STORE_WORDS})|(?P<station>{_STATION_WORDS}))?"
)
_AREA = re.compile(r"\s*[(（]?\s*(?P<area>[东南西北])[区侧边]\s*[)）]?")
# Part of a name counts where the sentence is about going there.
_GOING = re.compile(r"(?:去|到|在|来|约|回|选|离|往)(?:一下)?$")
_PART_MIN = 2
# Parts of names that are everyday words.
_EVERYDAY = frozenset(
    {
        *("中心", "园区", "服务区", "广场", "软件园", "机场", "立交", "高新", "东站", "工业园区"),
        *("工业", "软件", "湿地", "万象", "天地", "印象", "首都", "北京", "上海", "国际", "大厦"),
        *("服务", "解放", "浦东", "光谷软", "虹桥天"),
    }
)
# 重庆火锅, 南京东路, 上海方向 name no city to go to.
_NOT_A_CITY = r"(?!方向|[东西南北中]?路|大道|大街|火锅|银行|小面|大学|话|菜|人寿|牌)"
_SWAP_TALK = re.compile(r"换电|换个?电池|换块?电池|补能")
_STORE_TALK = re.compile(r"保养|维修|试驾|提车|交付|检修|检查|钣金|喷漆|售后|服务中心|门店")
_ANSWER_FILL = re.compile(
    rf"^(?:就|去|到|在|选|要|那就|我|想|约)+|(?:的|那一?[个家座]|这一?[个家座]|吧|呢|啊|就行|就好|附近|"
    rf"那边|{_STORE_WORDS}|{_STATION_WORDS}|[。.!,])+$"
)
_HAN_DIGITS = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
_PINYIN_MIN = 3
_SOUND_CHARS = 120


@dataclass(frozen=True)
class Place:
    """One row of the names file."""

    kind: str  # store or station
    name: str
    city: str
    alias: tuple[str, ...] = ()
    side: str = ""
    store_kind: str = ""


class Gazetteer:
    """The names that the service desk knows, and how people say them."""

    def __init__(
        self, models: Iterable[str], places: Iterable[Place], cities: Iterable[str] = ()
    ) -> None:
        self.models = tuple(models)
        self.places = tuple(places)
        self._by_name = {place.name: place for place in self.places}
        known = [*(place.city for place in self.places), *cities]
        self.cities = tuple(dict.fromkeys(city for city in known if city))
        self._forms: dict[str, list[Place]] = {}
        self._whole: set[str] = set()
        self._suffixed: set[str] = set()
        for place in self.places:
            self._learn(place)
        self._by_first: dict[str, list[str]] = {}
        for form in sorted(self._forms, key=len, reverse=True):
            self._by_first.setdefault(form[0], []).append(form)
        longest_first = sorted(self.cities, key=len, reverse=True)
        self._city = re.compile(
            f"({'|'.join(map(re.escape, longest_first))})市?{_NOT_A_CITY}"
            if longest_first
            else r"(?!)"
        )
        self._model = [(code, _model_pattern(code)) for code in self.models]

    @classmethod
    def from_yaml(cls, path: Path | str) -> Gazetteer:
        """Load a names file with `models`, `stores` and `stations`.

        Raises OSError if it cannot be read, KeyError if a row lacks its name.
        """
        data: dict[str, Any] = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        places = [
            Place(
                kind=kind,
                name=row["name"],
                city=row.get("city", ""),
                alias=tuple(row.get("alias", ())),
                side=row.get("side", ""),
                store_kind=row.get("kind", ""),
            )
            for key, kind in (("stores", "store"), ("stations", "station"))
            for row in data.get(key, ())
        ]
        return cls((row["code"] for row in data.get("models", ())), places, _big_cities())

    def forms(self) -> dict[str, list[Entity]]:
        """Return the names that stand for themselves, with what each may mean."""
        return {
            form: [Entity(place.kind, place.name, 0, len(form)) for place in self._forms[form]]
            for form in sorted(self._whole)
        }

    def find(self, text: str) -> list[Entity]:
        """Find models, stores, stations and cities, in order.

        The longest name wins. A mention that may be several places gives one
        entity for each, with the same span. Homophones (前摊 for 前滩) count
        only if nothing was found as written.
        """
        plain = normalize(text)
        places = self._find_places(plain.text)
        models = self._find_models(plain.text)
        if not places and not models:
            places = self._find_by_sound(plain.text, _PINYIN_MIN)
        cities = [
            city
            for city in self._find_cities(plain.text)
            if all(city.end <= p.start or p.end <= city.start for p in places)
        ]
        found = sorted([*models, *places, *cities], key=lambda entity: entity.start)
        return [Entity(e.entity, e.value, *plain.to_original(e.start, e.end)) for e in found]

    def candidates(self, text: str, kind: str) -> list[Entity]:
        """Return what `text`, an answer to "which one?", may mean of one kind.

        Takes part of a name where `find` wants more, and homophones of two
        syllables; a city alone stands for all of its places. Empty if nothing fits.
        """
        found = [entity for entity in self.find(text) if entity.entity == kind]
        if found or kind not in {"store", "station"}:
            return found
        plain = normalize(text)
        loose = self._find_places(plain.text, kind=kind, loose=True)
        loose = loose or [
            entity for entity in self._find_by_sound(plain.text, 2) if entity.entity == kind
        ]
        loose = loose or self._find_within(plain.text, kind)
        if not loose:
            loose = [
                Entity(kind, place.name, city.start, city.end)
                for city in self._find_cities(plain.text)
                for place in self.places
                if place.kind == kind and place.city == city.value
            ]
        return [Entity(e.entity, e.value, *plain.to_original(e.start, e.end)) for e in loose]

    def _learn(self, place: Place) -> None:
        name = _bare(normalize(place.name).text)
        core = re.sub(rf"(?:{_STORE_WORDS}|{_STATION_WORDS})$", "", name)
        short = core.removeprefix(place.city)
        whole = {core, *(normalize(alias).text for alias in place.alias)}
        if len(short) > _PART_MIN:
            whole.add(short)
        parts = {short, short.removesuffix("服务区"), core.removesuffix("服务区")}
        stems = {re.sub(r"[店站]$", "", _bare(form)) for form in whole}
        # 园区店 is a name, 园区 is not: such a stem needs 店 or 站 behind it.
        self._suffixed |= stems & _EVERYDAY
        parts |= stems
        if short.endswith("广场"):
            parts.add(short.removesuffix("广场"))
        # 太古里 of 前滩太古里, 虹桥 of 虹桥天地: enough if 站 or 店 comes behind it.
        scraps = {short[i:] for i in range(1, len(short) - 2)}
        scraps |= {short[:i] for i in range(_PART_MIN, len(short))}
        scraps = set() if short in _EVERYDAY else scraps
        self._suffixed |= scraps - whole - parts
        parts |= scraps
        parts |= {part.removeprefix(place.city) for part in parts}
        self._whole |= {form for form in whole if form not in _EVERYDAY}
        for form in whole | parts:
            everyday = form in _EVERYDAY and form not in stems
            if len(form) >= _PART_MIN and not everyday and form not in self.cities:
                rows = self._forms.setdefault(form, [])
                if place not in rows:
                    rows.append(place)

    def _find_models(self, text: str) -> list[Entity]:
        return [
            Entity("model", code, match.start(), match.end())
            for code, pattern in self._model
            for match in pattern.finditer(text)
        ]

    def _find_cities(self, text: str) -> list[Entity]:
        return [
            Entity("city", match.group(1), match.start(), match.end())
            for match in self._city.finditer(text)
        ]

    def _find_places(
        self, text: str, *, kind: str | None = None, loose: bool = False
    ) -> list[Entity]:
        found: list[Entity] = []
        at = 0
        while at < len(text):
            here = self._place_at(text, at, kind, loose)
            found.extend(here)
            at = here[0].end if here else at + 1
        return found

    def _place_at(self, text: str, at: int, kind: str | None, loose: bool) -> list[Entity]:
        for form in self._by_first.get(text[at], ()):
            if not text.startswith(form, at):
                continue
            end = at + len(form)
            suffix = _SUFFIX.match(text, end)
            said = suffix and (suffix["store"] or suffix["station"])
            area = _AREA.match(text, suffix.end() if suffix and said else end)
            rows = [row for row in self._forms[form] if kind in (None, row.kind)]
            rows = self._narrow(rows, text, suffix, area)
            start = self._city_in_front(text, at, rows)
            swap = text.startswith("换电", end) and rows and rows[0].kind == "station"
            named = said or area or swap or form in self._whole
            going = form not in self._suffixed and (_GOING.search(text[:at]) or start < at)
            if not rows or not (named or loose or going):
                continue
            if suffix and said:
                end = suffix.end()
            if area:
                end = area.end()
            return [Entity(row.kind, row.name, start, end) for row in rows]
        return []

    def _narrow(
        self,
        rows: list[Place],
        text: str,
        suffix: re.Match[str] | None,
        area: re.Match[str] | None,
    ) -> list[Place]:
        """Keep the places that the rest of the message allows; never widens."""
        if suffix and suffix["store"]:
            stores = [row for row in rows if row.kind == "store"]
            named = [row for row in stores if row.name.endswith(suffix["store"])]
            rows = named or stores
        elif suffix and suffix["station"]:
            stations = [row for row in rows if row.kind == "station"]
            rows = stations or ([] if "换电" in suffix["station"] else rows)
        elif {row.kind for row in rows} == {"store", "station"}:
            swap, store = bool(_SWAP_TALK.search(text)), bool(_STORE_TALK.search(text))
            if swap != store:
                rows = [row for row in rows if row.kind == ("station" if swap else "store")]
        cities = {city.value for city in self._find_cities(text)}
        rows = [row for row in rows if row.city in cities] or rows
        if area:
            rows = [row for row in rows if f"{area['area']}区" in row.name] or rows
        elif len(rows) > 1:
            rows = [row for row in rows if row.side and row.side[-4:] in text] or rows
        return rows

    def _find_within(self, text: str, kind: str) -> list[Entity]:
        """Take a short answer (机场那个) for any part of a name."""
        word = _ANSWER_FILL.sub("", text)
        at = text.find(word)
        if len(word) < _PART_MIN or at < 0 or word in self.cities:
            return []
        return [
            Entity(kind, place.name, at, at + len(word))
            for place in self.places
            if place.kind == kind and word in normalize(place.name).text
        ]

    def _city_in_front(self, text: str, at: int, rows: list[Place]) -> int:
        """Take 合肥的 into the span of 万达广场, where it tells which one."""
        for row in rows:
            front = (
                re.search(rf"{re.escape(row.city)}市?\s*的?\s*$", text[:at]) if row.city else None
            )
            if front:
                return front.start()
        return at

    def _find_by_sound(self, text: str, minimum: int) -> list[Entity]:
        # A name lies in the first sentences; a flood must not cost a second.
        text = text[:_SOUND_CHARS]
        syllables = _syllables(text)
        found: list[Entity] = []
        for form in sorted(self._whole, key=len, reverse=True):
            sounds = _syllables(form)
            if len(sounds) < minimum:
                continue
            for at in range(len(syllables) - len(sounds) + 1):
                end = at + len(sounds)
                overlaps = any(e.start < end and at < e.end for e in found)
                if not overlaps and syllables[at:end] == sounds:
                    suffix = _SUFFIX.match(text, end)
                    rows = self._narrow(self._forms[form], text, suffix, None)
                    found.extend(Entity(row.kind, row.name, at, end) for row in rows)
        return found


@lru_cache(maxsize=2048)
def _syllables(text: str) -> tuple[str, ...]:
    """Return one toneless syllable per character; anything but Han stays itself.

    Initials that southern speakers and their keyboards mix up are made one.
    """
    from pypinyin import lazy_pinyin  # 40 MB of tables that most messages never need

    sounds: list[str] = []
    for run in re.findall(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff]", text):
        said = lazy_pinyin(run) if "\u4e00" <= run[0] <= "\u9fff" else [run]
        # pypinyin leaves out nothing, but a safe fallback keeps the spans right.
        sounds.extend(said if len(said) == len(run) else list(run))
    return tuple(re.sub(r"^([zcs])h", r"\1", sound) for sound in sounds)


def _bare(name: str) -> str:
    """Drop the area in brackets: 阳澄湖服务区换电站(北区) → 阳澄湖服务区换电站."""
    return re.sub(r"[(（].*?[)）]$", "", name)


def _model_pattern(code: str) -> re.Pattern[str]:
    signs = [
        f"[{sign}{_HAN_DIGITS[sign]}]" if sign in _HAN_DIGITS else re.escape(sign) for sign in code
    ]
    return re.compile(rf"(?<![A-Za-z0-9]){r'[ ·.-]?'.join(signs)}(?![A-Za-z0-9])", re.IGNORECASE)


@lru_cache(maxsize=1)
def _big_cities() -> tuple[str, ...]:
    return tuple(CITIES.read_text(encoding="utf-8").split())
