"""Models, stores, swap stations and cities, however loosely they are named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pitstop.language import place_words
from pitstop.language.entities import Entity
from pitstop.language.normalize import normalize
from pitstop.language.place_names import (
    COMMON,
    DISTRICT,
    PART,
    PART_MIN,
    SCRAP,
    TITLE,
    WHOLE,
    Place,
    fold,
    forms_of,
)
from pitstop.language.place_words import Behind, Scene
from pitstop.language.sounds import SoundIndex

__all__ = ["Gazetteer", "Place"]

CITIES = Path(__file__).with_name("cities.txt")

# Names that many towns have.
_CHAIN = re.compile(r"(?:广场|城|里|园区?|机场|湿地|路|万达|t3)$")
_SAME_TOWN = {"昆山": "苏州"}  # a town of its own, and part of the other
# 重庆火锅, 南京东路, 上海方向 name no city to go to.
_NOT_A_CITY = r"(?!方向|[东西南北中]?路|大道|大街|火锅|银行|小面|大学|话|菜|人寿|牌)"
_CITY_LINK = re.compile(r"市?\s*(?:[那这]边的?|的)?\s*")
_ANSWER_FILL = re.compile(
    r"^(?:就|去|到|在|选|要|那就|我|想|约)+|(?:的|那一?[家个座]|这一?[家个座]|吧|呢|啊|就行|就好|附近|"
    rf"那边|{place_words.STORE_WORDS}|{place_words.STATION_WORDS}|[。.!,])+$"
)
# What is said of a store, and what the names file calls it.
_STORE_KINDS = {"授权": "授权服务站", "体验": "体验店", "交付": "交付中心", "服务中心": "服务中心"}
_HAN_DIGITS = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
# YS62025年, YS6100度, ys6plus: what may touch a model's name all the same.
_MODEL_END = (
    r"(?:(?![A-Za-z0-9_@])|(?=20\d\d ?[年款])|(?=(?:42|75|100|150) ?(?:度|kwh))|"
    r"(?=(?:plus|pro|max)(?![a-z])))"
)
_HEARD_MIN = 3
_HEARD_CHARS = 120


class Gazetteer:
    """The names that the service desk knows, and how people say them."""

    def __init__(
        self, models: Iterable[str], places: Iterable[Place], cities: Iterable[str] = ()
    ) -> None:
        self.models = tuple(models)
        self.places = tuple(places)
        known = [*(place.city for place in self.places), *cities]
        self.cities = tuple(dict.fromkeys(city for city in known if city))
        self._forms: dict[str, dict[Place, int]] = {}
        for place in self.places:
            for form, strength in forms_of(place).items():
                if form not in self.cities:
                    self._forms.setdefault(form, {})[place] = strength
        self._by_first: dict[str, list[str]] = {}
        for form in sorted(self._forms, key=len, reverse=True):
            self._by_first.setdefault(form[0], []).append(form)
        self._chains = {
            form
            for form, rows in self._forms.items()
            if _CHAIN.search(form)
            and not any(fold(row.name).startswith(form) for row in rows)
            and not any(row.district and form.startswith(row.district) for row in rows)
        }
        self._by_sound = SoundIndex(
            form
            for form, rows in self._forms.items()
            if (max(rows.values()) >= PART or len(form) >= _HEARD_MIN) and form not in COMMON
        )
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
                district=row.get("district", ""),
            )
            for key, kind in (("stores", "store"), ("stations", "station"))
            for row in data.get(key, ())
        ]
        return cls((row["code"] for row in data.get("models", ())), places, _big_cities())

    def forms(self) -> dict[str, list[Entity]]:
        """Return the names that stand for themselves, with what each may mean."""
        found: dict[str, list[Entity]] = {}
        for place in self.places:
            written = [place.name, *place.alias]
            for form, strength in forms_of(place).items():
                if strength >= WHOLE and form in self._forms:
                    # 首都机场T3 stays as it is written, for those who look for words.
                    name = next(
                        (
                            n[at : at + len(form)]
                            for n in written
                            if (at := fold(n).find(form)) >= 0
                        ),
                        form,
                    )
                    found.setdefault(name, []).append(Entity(place.kind, place.name, 0, len(form)))
        return dict(sorted(found.items()))

    def find(self, text: str) -> list[Entity]:
        """Find models, stores, stations and cities, in order.

        The longest name wins. A mention that may be several places gives one
        entity for each, with the same span. Homophones (前摊 for 前滩) count
        where nothing is found as written.
        """
        plain = normalize(text)
        scene, cities = Scene.of(plain.text), self._find_cities(plain.text)
        places = self._find_places(scene, cities)
        places += self._find_by_sound(scene, cities, places)
        places += self._find_by_city(scene, cities, places)
        cities = [city for city in cities if _apart(city, places)]
        found = [*self._find_models(plain.text), *places, *cities]
        found.sort(key=lambda entity: entity.start)
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
        scene, cities = Scene.of(plain.text), self._find_cities(plain.text)
        loose = self._find_places(scene, cities, answer=kind)
        loose = loose or self._find_by_sound(scene, cities, [], answer=kind)
        loose = loose or self._find_within(plain.text, kind)
        if not loose:
            loose = [
                Entity(kind, place.name, city.start, city.end)
                for city in cities
                for place in self.places
                if place.kind == kind and place.city == city.value
            ]
        return [Entity(e.entity, e.value, *plain.to_original(e.start, e.end)) for e in loose]

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

    def _find_places(self, scene: Scene, cities: list[Entity], *, answer: str = "") -> list[Entity]:
        found: list[Entity] = []
        folded = fold(scene.text)
        at = 0
        while at < len(folded):
            here: list[Entity] = []
            for form in self._by_first.get(folded[at], ()):
                if not here and folded.startswith(form, at):
                    here = self._read(scene, cities, form, at, answer=answer)
            found += here
            at = here[0].end if here else at + 1
        return found

    def _find_by_sound(
        self, scene: Scene, cities: list[Entity], places: list[Entity], *, answer: str = ""
    ) -> list[Entity]:
        found: list[Entity] = []
        # A name lies in the first sentences; a flood must not cost a second.
        for form, start, end in self._by_sound.find(fold(scene.text[:_HEARD_CHARS])):
            if _apart(Entity("", "", start, end), [*places, *found]):
                found += self._read(scene, cities, form, start, answer=answer, heard=True)
        return found

    def _find_by_city(
        self, scene: Scene, cities: list[Entity], places: list[Entity]
    ) -> list[Entity]:
        """Take 沈阳那家店 for the only one there, 嘉兴的换电站 for 嘉兴服务区换电站."""
        found: list[Entity] = []
        for city in cities:
            behind = Behind.at(scene.text, city.end)
            if not behind.kind or behind.station == "站" or not _apart(city, places):
                continue
            there = {row: WHOLE for row in self.places if row.city == city.value}
            rows = [
                row
                for row in _of_kind(there, behind, scene)
                if row.kind == "store" or f"{row.city}服务区" in row.name
            ]
            if len(rows) == 1:
                found.append(Entity(rows[0].kind, rows[0].name, city.start, behind.end))
        return found

    def _find_within(self, text: str, kind: str) -> list[Entity]:
        """Take a short answer (机场那个) for any part of a name."""
        word = _ANSWER_FILL.sub("", text)
        at = text.find(word)
        if len(word) < PART_MIN or at < 0 or word in self.cities:
            return []
        return [
            Entity(kind, place.name, at, at + len(word))
            for place in self.places
            if place.kind == kind and word in normalize(place.name).text
        ]

    def _read(
        self,
        scene: Scene,
        cities: list[Entity],
        form: str,
        start: int,
        *,
        answer: str = "",
        heard: bool = False,
    ) -> list[Entity]:
        """Return the places that `form` at `start` means; none if it means something else."""
        text, end = scene.text, start + len(form)
        behind = Behind.at(text, end)
        strengths = {
            row: strength
            for row, strength in self._forms[form].items()
            if row.kind == answer or not answer
        }
        if not strengths:
            return []
        rows = _of_kind(strengths, behind, None if answer else scene)
        front = next((c for c in cities if _CITY_LINK.fullmatch(text, c.end, start)), None)
        if front:
            here = [row for row in rows if _one_town(row.city, str(front.value))]
            # 南京万达广场 is none of ours; 昆山花桥 begins with a city of its own.
            rows = here or [row for row in rows if form.startswith(row.city)]
            front = front if here else None
        before = place_words.in_front(text, front.start if front else start)
        rows = _narrow(rows, behind, text, {str(city.value) for city in cities})
        if not rows or place_words.belongs_to_others(before):
            return []
        if form in self._chains and not front and not _begins_here(rows, before):
            return []
        if heard and not answer and not _is_heard(text, start, end, behind):
            return []
        strength = max(strengths[row] for row in rows)
        if not answer and not _is_meant(scene, start, end, strength, behind, bool(front)):
            return []
        if any(row.has_area for row in rows) or behind.kind:
            end = max(end, behind.end)
        return [Entity(row.kind, row.name, front.start if front else start, end) for row in rows]


def _is_meant(
    scene: Scene, start: int, end: int, strength: int, behind: Behind, in_town: bool
) -> bool:
    """Tell whether a form of this strength means a place here."""
    if strength == TITLE or behind.station == "站":
        if place_words.is_railway(scene.text):
            return False
        return strength > SCRAP or scene.service
    if behind.kind or (behind.swap and strength > DISTRICT) or (behind.sided and strength >= PART):
        return True
    # 苏州园区那家: with the town in front, 园区 is no park.
    strength += strength == SCRAP and in_town and bool(behind.pointed)
    if strength < PART or not place_words.stands_for_itself(scene, start, end):
        return False
    going = in_town or behind.pointed or place_words.is_going(scene.text, start, end)
    return strength >= WHOLE or bool(going)


def _is_heard(text: str, start: int, end: int, behind: Behind) -> bool:
    """Tell whether a name may be heard here. Two syllables are in many words: 前面 is no 前滩."""
    if end - start >= _HEARD_MIN or behind.swap:
        return True
    if behind.kind:
        return behind.end - end > 1
    return behind.repair and place_words.is_going(text, start, end)


def _of_kind(strengths: dict[Place, int], behind: Behind, scene: Scene | None) -> list[Place]:
    """Keep the places of the kind that is said, or that the message is about.

    An answer to "which one?" has no `scene`: a district will do, and what else
    it is about does not matter.
    """
    rows = list(strengths)
    if scene and not behind.kind:
        rows = [row for row in rows if strengths[row] > DISTRICT]
    stores = [row for row in rows if row.kind == "store"]
    stations = [row for row in rows if row.kind == "station"]
    if behind.store:
        kind = next((kind for word, kind in _STORE_KINDS.items() if word in behind.store), "")
        rows = [row for row in stores if row.store_kind == kind and kind] or stores
    elif behind.station:
        # 莘庄站 may be the service station there; 莘庄换电站 is not.
        only = [] if len(behind.station) > 1 else [r for r in stores if r.store_kind[-1:] == "站"]
        rows = stations or only
    elif behind.swap:
        rows = stations
    elif scene and scene.swap != scene.store and max(strengths.values()) < TITLE:
        rows = stations if scene.swap else stores
    elif behind.pointed.endswith("家"):
        rows = stores or rows
    named = [row for row in rows if strengths[row] > DISTRICT]
    return named or rows


def _narrow(rows: list[Place], behind: Behind, text: str, cities: set[str]) -> list[Place]:
    """Keep the places that the rest of the message allows; never widens."""
    rows = [row for row in rows if row.city in cities] or rows
    if len(rows) > 1:
        area = behind.area or place_words.only_area(text)
        rows = [row for row in rows if area and f"{area}区" in row.name] or rows
    if len(rows) > 1:
        rows = [row for row in rows if row.side and place_words.is_on_side(text, row.side)] or rows
    return rows


def _begins_here(rows: list[Place], before: str) -> bool:
    """Tell whether 万象城 is the whole name there, or has no more than its district in front."""
    districts = {row.district for row in rows if row.district}
    return place_words.begins_here(before) or any(
        before.endswith((district, district + "区")) for district in districts
    )


def _one_town(one: str, other: str) -> bool:
    return one == other or _SAME_TOWN.get(one, one) == _SAME_TOWN.get(other, other)


def _apart(entity: Entity, others: Iterable[Entity]) -> bool:
    return all(entity.end <= other.start or other.end <= entity.start for other in others)


def _model_pattern(code: str) -> re.Pattern[str]:
    signs = [
        f"[{sign}{_HAN_DIGITS[sign]}]" if sign in _HAN_DIGITS else re.escape(sign) for sign in code
    ]
    name = r"[ ·._-]?".join(signs)
    front = r"(?:(?<![A-Za-z0-9_@])|(?<=[^0-9]20\d\d)|(?<=^20\d\d))"
    return re.compile(rf"{front}{name}{_MODEL_END}", re.IGNORECASE)


@lru_cache(maxsize=1)
def _big_cities() -> tuple[str, ...]:
    return tuple(CITIES.read_text(encoding="utf-8").split())
