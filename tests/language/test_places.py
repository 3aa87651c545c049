from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitstop.language.places import Gazetteer

NAMES = Path(__file__).parents[2] / "pitstop" / "app" / "demo" / "names.yml"
LOADED = Gazetteer.from_yaml(NAMES)


@pytest.fixture
def gazetteer() -> Gazetteer:
    return LOADED


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("去前滩换电", "station", "前滩太古里换电站"),
        ("太古里换电站", "station", "前滩太古里换电站"),
        ("苏州中心的换电站", "station", "苏州中心换电站"),
        ("合肥的万达广场换电站", "station", "合肥万达广场换电站"),
        ("阳澄湖服务区北区", "station", "阳澄湖服务区换电站（北区）"),
        ("合肥万达", "station", "合肥万达广场换电站"),
        ("张江的站", "station", "张江换电站"),
        ("在滨江换电", "station", "杭州滨江换电站"),
        ("滨江那家店", "store", "杭州滨江服务中心"),
        ("去闵行店保养", "store", "上海闵行服务中心"),
        ("莘庄店", "store", "莘庄授权服务站"),
        ("园区那家服务中心", "store", "苏州园区服务中心"),
        ("朝阳大悦城那家", "store", "北京朝阳大悦城体验店"),
        ("到徐汇试驾", "store", "上海徐汇体验店"),
        ("我的ys 6", "model", "YS6"),
        ("Ｙｔ７", "model", "YT7"),
        ("约YT七", "model", "YT7"),
        ("我在成都市", "city", "成都"),
        ("前摊太古力换电站", "station", "前滩太古里换电站"),
    ],
)
def test_a_name_however_loosely(gazetteer: Gazetteer, text: str, kind: str, name: str) -> None:
    found = gazetteer.find(text)

    assert [(entity.entity, entity.value) for entity in found] == [(kind, name)]


def test_what_may_be_several_is_given_as_several(gazetteer: Gazetteer) -> None:
    found = gazetteer.find("万达广场有换电站吗")

    assert {entity.value for entity in found} == {"合肥万达广场换电站", "南通万达广场换电站"}
    assert len({(entity.start, entity.end) for entity in found}) == 1


def test_the_span_covers_what_was_said(gazetteer: Gazetteer) -> None:
    text = "我想去　苏州中心的换电站换电"
    (found,) = gazetteer.find(text)

    assert text[found.start : found.end] == "苏州中心的换电站"


@pytest.mark.parametrize(
    "text", ["重庆火锅", "上服务站检查", "去那个站", "服务中心在哪", "换电站", "YS60", "电池"]
)
def test_no_place(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.find(text) == []


@pytest.mark.parametrize(
    ("answer", "kind", "names"),
    [
        ("园区", "store", {"苏州园区服务中心"}),
        ("机场那个", "station", {"首都机场T3换电站"}),
        ("徐汇吧", "store", {"上海徐汇体验店"}),
        ("北京", "store", {"北京朝阳大悦城体验店", "北京亦庄服务中心"}),
        ("静安", "store", {"闸北服务中心"}),
        ("闵行吧，顺便看看电池", "store", {"上海闵行服务中心"}),
        ("闽行", "store", {"上海闵行服务中心"}),
        ("西溪", "station", {"西溪印象城换电站", "西溪湿地换电站"}),
        ("随便", "store", set()),
    ],
)
def test_an_answer_may_be_looser(
    gazetteer: Gazetteer, answer: str, kind: str, names: set[str]
) -> None:
    assert {entity.value for entity in gazetteer.candidates(answer, kind)} == names


def test_every_name_finds_itself(gazetteer: Gazetteer) -> None:
    for place in gazetteer.places:
        found = gazetteer.find(place.name)
        assert [(e.entity, e.value) for e in found] == [(place.kind, place.name)]


@settings(deadline=None)
@given(st.text(alphabet="苏州中心的换电站前滩万达广场YS6 店北区（）", max_size=30))
def test_finds_lie_in_the_text(text: str) -> None:
    for entity in LOADED.find(text):
        assert 0 <= entity.start < entity.end <= len(text)
