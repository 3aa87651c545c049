from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pitstop.language.entities import (
    find_all,
    find_mileage,
    find_order_numbers,
    find_phones,
    find_plates,
    find_vins,
)
from pitstop.language.numerals import read_int, read_number


@pytest.mark.parametrize(
    ("text", "value", "written"),
    [
        ("车牌粤B·D12345，来取", "粤BD12345", "粤B·D12345"),
        ("沪a d12345", "沪AD12345", "沪a d12345"),
        ("京A12345的车", "京A12345", "京A12345"),
        ("粤ＢＤ１２３４５", "粤BD12345", "粤ＢＤ１２３４５"),
        ("苏E·8K2L9", "苏E8K2L9", "苏E·8K2L9"),
        ("浙A-12345", "浙A12345", "浙A-12345"),
    ],
)
def test_a_plate(text: str, value: str, written: str) -> None:
    (plate,) = find_plates(text)

    assert plate.value == value
    assert text[plate.start : plate.end] == written


@pytest.mark.parametrize("text", ["新iPhone12345", "京东12345", "川A", "YS6", "电话13800138000"])
def test_no_plate(text: str) -> None:
    assert find_plates(text) == []


def test_a_vin() -> None:
    (vin,) = find_vins("车架号lsja24u62jg269225，帮我查")

    assert vin.value == "LSJA24U62JG269225"
    assert find_vins("订单12345678901234567") == []


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("打138 0013 8000", "138 0013 8000"),
        ("138-0013-8000", "138-0013-8000"),
        ("+86 13800138000", "+86 13800138000"),
        ("１３８００１３８０００", "１３８００１３８０００"),
        ("我电话幺三八零零幺三八零零零", "幺三八零零幺三八零零零"),
    ],
)
def test_a_phone(text: str, written: str) -> None:
    (phone,) = find_phones(text)

    assert phone.value == "13800138000"
    assert text[phone.start : phone.end] == written


@pytest.mark.parametrize("text", ["12315", "400-820-8820", "订单138001380001", "021-12345678"])
def test_no_phone(text: str) -> None:
    assert find_phones(text) == []


@pytest.mark.parametrize(
    ("text", "kilometres"),
    [
        ("开了3万多公里", 30000),
        ("两万五公里", 25000),
        ("1.2w公里", 12000),
        ("3000公里一保养", 3000),
        ("12,500km", 12500),
        ("跑了3万5了", 35000),
        ("一万两千公里", 12000),
        ("里程8万", 80000),
    ],
)
def test_mileage(text: str, kilometres: int) -> None:
    assert [entity.value for entity in find_mileage(text)] == [kilometres]


@pytest.mark.parametrize("text", ["两万五", "花了3万块", "75度电", "3万", "一公斤"])
def test_no_mileage(text: str) -> None:
    assert find_mileage(text) == []


def test_an_order_number() -> None:
    assert [e.value for e in find_order_numbers("工单ts2026110001A到哪了")] == ["TS2026110001A"]
    assert find_order_numbers("LSJA24U62JG269225") == []


def test_everything_in_one_message() -> None:
    text = "粤B·D12345，138 0013 8000，跑了2万公里，单号YX20261121001"

    found = find_all(text)

    assert [e.entity for e in found] == ["plate", "phone", "mileage_km", "order_no"]


@settings(deadline=None)
@given(st.text(alphabet="粤B·D12345 13800-YS六万公里lsja", max_size=60))
def test_finds_lie_in_the_text_and_apart(text: str) -> None:
    at = 0
    for entity in find_all(text):
        assert at <= entity.start < entity.end <= len(text)
        at = entity.end


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("十二", 12), ("二十", 20), ("一百零五", 105), ("一百五", 150), ("两万五", 25000),
        ("二零二六", 2026), ("廿三", 23), ("三千二", 3200), ("1.5", 1.5), ("半", 0.5),
    ],
)  # fmt: skip
def test_numbers(text: str, value: float) -> None:
    assert read_number(text) == value


@pytest.mark.parametrize("text", ["", "一起", "十百", "abc", "1.2.3", "三四五千"])
def test_what_is_no_number(text: str) -> None:
    assert read_number(text) is None
    assert read_int(text) is None
