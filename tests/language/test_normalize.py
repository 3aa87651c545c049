from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitstop.language.normalize import MAX_CHARS, neutralize, normalize, simplify


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Ａ１２３　保养", "A123 保养"),
        ("什么时候，能修？", "什么时候,能修?"),
        ("我想預約換電站", "我想预约换电站"),
        ("下週二後天", "下周二后天"),
        ("换\u200b电\ufeff站", "换电站"),
        ("e\u0301", "e"),
        ("太差了！！！！😡😡😡", "太差了!😡"),
        ("  两 \n\n 行  ", "两 行"),
        ("\x00\x07", ""),
        ("二〇二六", "二零二六"),
        ("车机黑屏。。。", "车机黑屏。"),
    ],
)
def test_one_spelling(written: str, read: str) -> None:
    assert normalize(written).text == read


def test_a_span_leads_back_to_what_was_written() -> None:
    written = "我的車牌\u200b是　粤Ｂ１２３４５！！"
    plain = normalize(written)
    start = plain.text.index("粤")

    assert written[slice(*plain.to_original(start, start + 7))] == "粤Ｂ１２３４５"


def test_a_span_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="outside"):
        normalize("换电").to_original(0, 3)


def test_only_the_beginning_of_a_flood_is_read() -> None:
    assert len(normalize("电" * 5000).text) == MAX_CHARS


def test_simplified_text_is_left_alone() -> None:
    assert simplify("这个著名的乾隆干净的车") == "这个著名的乾隆干净的车"


@pytest.mark.parametrize(
    ("typed", "left"),
    [
        ("/restart", "restart"),
        ("／restart", "restart"),
        ("\u200b /／/greet{}", "greet{}"),
        ("\u2044restart", "restart"),
        ("\u0301/restart", "restart"),
        ("1/2 电量", "1/2 电量"),
        ("///", ""),
        ("我要换电", "我要换电"),
    ],
)
def test_typed_text_is_never_a_command(typed: str, left: str) -> None:
    assert neutralize(typed) == left


@settings(deadline=None)
@given(st.text(max_size=300))
def test_offsets_are_ordered_and_inside(written: str) -> None:
    plain = normalize(written)

    assert len(plain.offsets) == len(plain.text)
    assert list(plain.offsets) == sorted(plain.offsets)
    assert all(0 <= offset < len(written) for offset in plain.offsets)
    assert plain.to_original(0, len(plain.text))[1] <= len(written)
    assert "  " not in plain.text
    assert plain.text == plain.text.strip()


@settings(deadline=None)
@given(st.text(max_size=100))
def test_normalising_twice_changes_nothing(written: str) -> None:
    once = normalize(written).text

    assert normalize(once).text == once


@settings(deadline=None)
@given(st.text(max_size=50))
def test_no_slash_survives_in_front(written: str) -> None:
    left = neutralize(written)

    assert written.endswith(left)
    assert not normalize(left).text.startswith("/")
