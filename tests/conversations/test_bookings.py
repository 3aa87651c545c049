"""Owners who book, move, cancel and ask: what they wish must come to be, and nothing else.

`CONVERSATIONS` names other files or a folder, to be held instead of the ones here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pitstop.base.settings import ROOT
from tests.conversations import runner
from tests.conversations.runner import ASKS, EVERYBODY, LEAST, Demo, asked, hold_all, load, summary
from tests.conversations.wishes import (
    SEED,
    SERVICES,
    WISHED,
    State,
    judge,
    moment,
    outcomes,
)
from tests.stack.conftest import _running, model, stack  # noqa: F401 (fixtures)
from tests.stack.stack import Stack

NAMES = ROOT / "pitstop" / "app" / "demo" / "names.yml"
GIVEN = [Path(name) for name in os.environ.get("CONVERSATIONS", "").split(os.pathsep) if name]
FIRST, LAST = datetime(2026, 11, 23), datetime(2026, 11, 30)  # noqa: DTZ001 (Shanghai's)
FIELDS = {
    *("id", "owner", "now", "turns", "answers", "want"),
    *("heard", "unheard", "before", "as", "note", "file"),
}
STATES = {"new", "changed", "cancelled", "cases", "handoff", "may"}
TURNS = {"say", "press", "locate", "settle", "at", "answers"}
KINDS = {
    "maintenance": {"service_centre", "authorised_station"},
    "swap": {"swap_station"},
    "test_drive": {"service_centre", "delivery_centre", "experience_store"},
    "rescue": set(),
}
MODES = {
    "maintenance": {"in_store", "pickup", "on_site"},
    "swap": {"station", "valet"},
    "test_drive": {"in_store"},
    "rescue": {"on_site"},
}


# ---- the stack -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole_run(model: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:  # noqa: F811
    """A stack that ends with this module, so that no two of them stand at the same time."""
    server = os.environ.get("TEST_DATABASE_URL")
    with _running(tmp_path_factory.mktemp("conversations"), server) as started:
        yield started


@pytest.mark.stack
@pytest.mark.timeout(5400)
def test_owners_get_what_they_wish(stack: Stack) -> None:  # noqa: F811
    told = hold_all(stack, load(GIVEN))
    figures = summary(told)
    print(figures)
    failed = "\n\n".join(one.transcript() for one in told if one.verdict != "reached")
    assert not figures["wrong"], f"{figures}\n{failed}"
    assert figures["share"] >= LEAST, f"{figures}\n{failed}"


# ---- what is written is possible -----------------------------------------------------------------


@lru_cache(maxsize=4)
def _read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return data


@lru_cache(maxsize=1)
def _places() -> dict[str, str]:
    kinds = _read(SEED)["kinds"]
    names = _read(NAMES)
    stores = {row["name"]: kinds[row["kind"]] for row in names["stores"]}
    return stores | {row["name"]: "swap_station" for row in names["stations"]}


@lru_cache(maxsize=1)
def _services() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in _read(SERVICES)["services"]}


def _open(place: str, start: datetime, length: timedelta) -> bool:
    """Say whether the place is open all that time, by the hours of the seed."""
    seed = _read(SEED)
    kind = _places()[place]
    if f"{start:%Y-%m-%d}" in seed["closed"]["days"] and kind in seed["closed"]["kinds"]:
        return False
    midnight = datetime.combine(start.date(), time())
    for window in seed["hours_of"].get(place, seed["hours"][kind]):
        opens, closes = (midnight + _clock(window[name]) for name in ("opens", "closes"))
        if start.isoweekday() in window["days"] and opens <= start and start + length <= closes:
            return True
    return False


def _clock(text: str) -> timedelta:
    hours, minutes = map(int, text.split(":"))
    return timedelta(hours=hours, minutes=minutes)


def _length(kind: str, wish: Mapping[str, Any]) -> timedelta:
    if kind == "test_drive":
        return timedelta(minutes=60)
    named = [choice.split("|")[0] for choice in wish.get("services", ())]
    work = sum(_services()[name]["minutes"] for name in named if name in _services())
    way = {"pickup": 60, "on_site": 30}.get(wish.get("mode", ""), 0)
    return timedelta(minutes=15 if kind == "swap" else work + way)


def problems(talk: Mapping[str, Any]) -> Iterator[str]:
    """Yield what cannot be in one conversation: people, places and times that there are not."""
    unknown = set(talk) - FIELDS
    if unknown:
        yield f"unknown fields {unknown}"
    seed = _read(SEED)
    people = {row["id"]: row for row in seed["customers"]}
    if talk["owner"] not in people:
        yield f"unknown owner {talk['owner']}"
        return
    if not FIRST <= moment(talk["now"]) < LAST:
        yield f"now is not in the week of {FIRST:%Y-%m-%d}"
    known = {row["id"] for row in seed["bookings"]} | {one["as"] for one in talk.get("before", ())}
    wishes = [turn["settle"] for turn in talk["turns"] if "settle" in turn]
    for want in outcomes(talk):
        if set(want) - STATES:
            yield f"unknown wish {set(want) - STATES}"
        named = [*want.get("cancelled", ()), *(w["booking"] for w in want.get("changed", ()))]
        yield from (f"unknown booking {name}" for name in named if name not in known)
        wishes += [wish for how in ("new", "changed") for wish in want.get(how, ())]
        if "cancelled" in want and "cancel" not in talk.get("answers", {}):
            yield "would be asked whether to cancel, and has no answer"
    if any("status" not in wish for wish in wishes) and not _says(talk, "confirm"):
        yield "would be shown an offer, and has no answer"
    cars = {row["id"]: row["plate"] for row in seed["vehicles"]}
    links = people[talk["owner"]]["vehicles"]
    plates = {cars[link["id"]] for link in links if "ended_days_ago" not in link}
    for wish in wishes:
        yield from _impossible(wish, moment(talk["now"]), plates)
    yield from _unsayable(talk)


def _says(talk: Mapping[str, Any], key: str) -> bool:
    listed = [talk.get("answers", {}), *(turn.get("answers", {}) for turn in talk["turns"])]
    return any(key in answers for answers in listed)


def _impossible(wish: Mapping[str, Any], now: datetime, plates: set[str]) -> Iterator[str]:
    if set(wish) - {*WISHED, "booking"}:
        yield f"unknown fields in {wish}"
    if wish.get("plate", next(iter(plates), None)) not in {*plates, None}:
        yield f"{wish['plate']} is not theirs"
    models = {row["code"] for row in _read(NAMES)["models"]}
    if wish.get("model", "YS6") not in models:
        yield f"unknown model {wish['model']}"
    names = [name for choice in wish.get("services", ()) for name in choice.split("|")]
    yield from (f"unknown service {name}" for name in names if name not in _services())
    kind = wish.get("kind") or ("maintenance" if names else "swap")
    if wish.get("mode", next(iter(MODES[kind]))) not in MODES[kind]:
        yield f"no such mode for {kind}: {wish['mode']}"
    places = wish["place"].split("|") if "place" in wish else []
    for place in places:
        if _places().get(place) not in KINDS[kind]:
            yield f"no place for {kind}: {place}"
            continue
        skills = [_services()[name]["skill"] for name in names if name in _services()]
        for skill in skills:
            if _places()[place] not in _read(SERVICES)["place_kinds"][skill]:
                yield f"{place} does no {skill} work"
        starts = wish["start"] if isinstance(wish.get("start"), list) else [wish.get("start")]
        for text in starts:
            ends = text.values() if isinstance(text, Mapping) else [text]
            for start in map(moment, filter(None, ends)):
                if not now - timedelta(minutes=5) <= start <= now + _ahead(kind):
                    yield f"past or too far ahead: {start}"
                if not _open(place, start, _length(kind, wish)):
                    yield f"{place} is closed at {start}"


def _ahead(kind: str) -> timedelta:
    return timedelta(days=3 if kind == "swap" else 60)


def _unsayable(talk: Mapping[str, Any]) -> Iterator[str]:
    keys = {key for key, _ in ASKS} | set(EVERYBODY)
    for answers in [talk.get("answers", {}), *(t.get("answers", {}) for t in talk["turns"])]:
        yield from (f"nobody asks for {key!r}" for key in answers if key not in keys)
    for turn in talk["turns"]:
        if not turn or set(turn) - TURNS:
            yield f"unknown turn {turn}"
        if "at" in turn and moment(turn["at"]) < moment(talk["now"]):
            yield f"back in time: {turn['at']}"
    for word in [*talk.get("heard", ()), *talk.get("unheard", ())]:
        re.compile(word)


@pytest.mark.parametrize("talk", load(GIVEN), ids=lambda talk: talk["id"])
def test_what_is_written_is_possible(talk: dict[str, Any]) -> None:
    found = [problem for one in (*talk.get("before", ()), talk) for problem in _each(one, talk)]
    assert not found, f"{talk['file']}: {talk['id']}"


def _each(one: Mapping[str, Any], talk: Mapping[str, Any]) -> Iterator[str]:
    yield from problems({"now": talk["now"], **one})


def test_every_conversation_has_its_own_name() -> None:
    names = [talk["id"] for talk in load(GIVEN)]
    assert len(names) == len(set(names))


# ---- the runner itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("您要约哪家店？", "place"),
        ("想约周四几点？", "time"),
        ("请把车牌告诉我。", "car"),
        ("周四10点约满了，换个时间，还是转人工？", "time"),
        ("确认预约吗？", "confirm"),
        ("要取消11月25日周三14:00沈阳浑南服务中心的空调滤芯更换吗？", "cancel"),
        ("地址和电话会提供给取车专员，您同意吗？", "consent"),
        ("请告诉我取车地址。", "address"),
        ("想试驾哪款车？", "model"),
        ("刚才没约成。要我再试，还是转人工？", "failed"),
        ("小保养大约要1小时。", None),
    ],
)
def test_what_the_bot_asks_for_is_recognised(text: str, key: str | None) -> None:
    message = {"sender": "bot", "text": text, "buttons": [], "card": None}
    assert asked({"messages": [message]}) == key


def test_buttons_alone_ask_too() -> None:
    titles = [{"title": "09:00", "payload": "1"}, {"title": "10:00", "payload": "2"}]
    message = {"sender": "bot", "text": "周四还有：", "buttons": titles, "card": None}
    assert asked({"messages": [message]}) == "time"


def _booking(**more: Any) -> dict[str, Any]:
    fact = dict.fromkeys(WISHED)
    start = datetime(2026, 11, 26, 10)  # noqa: DTZ001
    return {**fact, "kind": "swap", "start": start, "services": set(), "status": "confirmed"} | more


@pytest.mark.parametrize(
    ("want", "after", "missing", "extra"),
    [
        ({}, {"old": {}}, 0, 0),
        ({}, {"old": {}, "b": {}}, 0, 1),
        ({"new": [{"kind": "swap"}]}, {"old": {}, "b": {}}, 0, 0),
        ({"new": [{"kind": "swap"}]}, {"old": {}}, 1, 0),
        ({"new": [{"start": "2026-11-26 11:00"}]}, {"old": {}, "b": {}}, 1, 1),
        ({"new": [{"kind": "swap"}]}, {"old": {}, "b": {}, "c": {}}, 0, 1),
        ({"new": [{"kind": "swap"}]}, {"old": {}, "b": {"status": "cancelled"}}, 1, 1),
        ({"cancelled": ["old"]}, {"old": {"status": "cancelled"}}, 0, 0),
        ({"cancelled": ["old"]}, {"old": {}}, 1, 0),
        ({"changed": [{"booking": "old", "place": "B"}]}, {"old": {"place": "B"}}, 0, 0),
        ({"changed": [{"booking": "old", "place": "B"}]}, {"old": {"place": "C"}}, 1, 1),
        ({"may": ["rescue"]}, {"old": {}, "b": {"kind": "rescue"}}, 0, 0),
    ],
)
def test_wrong_is_told_apart_from_not_reached(
    want: dict[str, Any], after: dict[str, dict[str, Any]], missing: int, extra: int
) -> None:
    before = State({"old": _booking()})
    now = State({key: _booking(**more) for key, more in after.items()})
    found = judge(want, before, now, {})
    assert (len(found[0]), len(found[1])) == (missing, extra), found


@pytest.mark.parametrize(
    ("handoff", "word", "missing"),
    [(True, "queued", 0), (True, "bot", 1), (False, "human", 1), ("may", "human", 0)],
)
def test_a_handoff_is_wished_or_not(handoff: bool | str, word: str, missing: int) -> None:
    found = judge({"handoff": handoff}, State({}), State({}, word=word), {})
    assert (len(found[0]), len(found[1])) == (missing, 0), found


def test_a_demo_that_does_not_answer_is_not_reached() -> None:
    talk = load(GIVEN)[0]
    [told] = runner.hold_all(Demo("http://127.0.0.1:9"), [talk])
    assert told.verdict == "not reached"
    assert "ConnectionError" in told.transcript()
