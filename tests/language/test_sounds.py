from __future__ import annotations

import pytest

from pitstop.language.sounds import SoundIndex, sounds

INDEX = SoundIndex(["闵行店", "前滩", "前滩太古里", "首都机场t3"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("去闽行店", [("闵行店", 1, 4)]),
        ("闵航店", [("闵行店", 0, 3)]),
        ("首度机场t3", [("首都机场t3", 0, 6)]),
        ("前摊太古力", [("前滩太古里", 0, 5), ("前滩", 0, 2)]),
    ],
)
def test_a_name_is_heard(text: str, found: list[tuple[str, int, int]]) -> None:
    assert list(INDEX.find(text)) == found


@pytest.mark.parametrize("text", ["", "闵行店", "前面", "t3", "闽行"])
def test_what_is_written_or_sounds_otherwise_is_not(text: str) -> None:
    assert list(INDEX.find(text)) == []


@pytest.mark.parametrize("text", ["宾江站", "冰江赞", "滨将战"])
def test_what_keyboards_mix_up_sounds_alike(text: str) -> None:
    assert list(SoundIndex(["滨江站"]).find(text)) == [("滨江站", 0, 3)]


def test_anything_but_han_sounds_as_it_is_written() -> None:
    assert sounds("T") == ("T",)
