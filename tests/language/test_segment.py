from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitstop.language.segment import add_words, clauses, segment


def test_our_words_stay_whole_and_spaces_disappear() -> None:
    text = "去换电站 换小电瓶，再做上门取送车"

    words = segment(text)

    assert {"换电站", "小电瓶", "上门取送车"} <= {word for word, _, _ in words}
    assert not any(word.isspace() for word, _, _ in words)
    assert all(text[start:end] == word for word, start, end in words)


def test_a_name_can_be_taught() -> None:
    add_words(["前滩太古里换电站"])

    assert "前滩太古里换电站" in [word for word, _, _ in segment("在前滩太古里换电站")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("我要约保养，顺便换个电，还有积分没到账", ["我要约保养", "顺便换个电", "还有积分没到账"]),
        ("约个保养另外发票怎么还没开", ["约个保养", "另外发票怎么还没开"]),
        ("明天，下午三点到五点都行", ["明天，下午三点到五点都行"]),
        ("跑了3,000公里", ["跑了3,000公里"]),
        ("1月10日，下午两点", ["1月10日，下午两点"]),
        ("还有两天就过保了", ["还有两天就过保了"]),
        ("会员权益以及积分", ["会员权益以及积分"]),
        ("好，那我要投诉", ["好，那我要投诉"]),
        ("换电站在哪", ["换电站在哪"]),
        ("阳澄湖服务区换电站（北区）", ["阳澄湖服务区换电站（北区）"]),
    ],
)
def test_wishes_are_told_apart(text: str, parts: list[str]) -> None:
    assert [part for part, _, _ in clauses(text)] == parts


@settings(deadline=None)
@given(st.text(alphabet="我要换电，。 ,还有另外1月日到三点\n!", max_size=40))
def test_clauses_lie_in_order_in_the_text(text: str) -> None:
    at = 0
    for part, start, end in clauses(text):
        assert at <= start <= end <= len(text)
        assert text[start:end] == part
        at = end
