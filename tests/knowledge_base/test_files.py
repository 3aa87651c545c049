"""Import and export: nothing lost, bad rows named, no formula let through."""

from __future__ import annotations

import csv
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from knowledge_base.files import (
    FileProblem,
    guard,
    join_list,
    read_rows,
    split_list,
    unguard,
    write_rows,
)
from knowledge_base.transfer import export_rows, import_rows
from pitstop.storage.database import Database
from tests.knowledge_base.conftest import make_tables

NASTY = {
    "id": "nasty",
    "category": 'A,B"C"',
    "question": '=HYPERLINK("http://x","点我")',
    "similar_questions": ["@SUM(1)", "一行|两段；三;四", "[方括号]", "含\n换行", "'=已有引号"],
    "answer": '-第一行\n第二行, 含逗号 "引号"\n\n\t缩进 _x000A_ 末尾\n',
    "tags": ["+1", "-2"],
    "next": "none",
}


@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
async def test_round_trip_without_loss(filled, tmp_path, rows, kind):
    path = tmp_path / f"out.{kind}"
    source = tmp_path / "nasty.jsonl"
    source.write_text(json.dumps(NASTY, ensure_ascii=False) + "\n", encoding="utf-8")
    report = await import_rows(filled, read_rows(source), "mei")
    assert (report.added, report.bad) == (1, [])
    before = await export_rows(filled)
    assert write_rows(path, before) == 13
    other = Database(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}")
    await make_tables(other)
    report = await import_rows(other, read_rows(path), "mei")
    assert (report.added, report.bad) == (13, [])
    after = await export_rows(other)
    await other.close()
    assert after == before
    stored = next(row for row in after if row["id"] == "nasty")
    assert {key: stored[key] for key in NASTY} == NASTY


async def test_no_cell_begins_like_a_formula(filled, tmp_path):
    source = tmp_path / "nasty.jsonl"
    source.write_text(json.dumps(NASTY, ensure_ascii=False) + "\n", encoding="utf-8")
    await import_rows(filled, read_rows(source), "mei")
    exported = await export_rows(filled)
    write_rows(tmp_path / "out.csv", exported)
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        cells = [cell for line in csv.reader(file) for cell in line]
    assert not [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell]
    write_rows(tmp_path / "out.xlsx", exported)
    for line in load_workbook(tmp_path / "out.xlsx").worksheets[0].iter_rows():
        for cell in line:
            assert cell.data_type != "f"
            assert str(cell.value or "x")[:1] not in "=+-@\t\r"


@given(st.text())
def test_guard_comes_back(text):
    assert unguard(guard(text)) == text


@given(st.lists(st.text(min_size=1).map(str.strip).filter(bool)))
def test_list_in_a_cell_comes_back(items):
    assert split_list(join_list(items)) == items


@pytest.mark.parametrize(
    "cell", ["甲\n乙", "甲|乙", "甲；乙", "甲;乙", '["甲","乙"]', " 甲 \n\n 乙 \n"]
)
def test_the_ways_people_write_lists(cell):
    assert split_list(cell) == ["甲", "乙"]


async def test_bad_rows_are_named_and_the_good_ones_kept(database, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(
        "id,question,similar_questions,answer\n"
        'a,甲怎么办,甲一|甲二,"两行\n的答案"\n'
        "b,,相似,没有问题\n"
        "c,丙怎么办,,\n"
        "a,又一个甲,,重复\n"
        "d,丁怎么办,丁一,好的\n"
        "e,戊,,多一列,多的\n",
        encoding="utf-8",
    )
    report = await import_rows(database, read_rows(path), "mei")
    assert report.added == 2
    assert [bad.line for bad in report.bad] == [4, 5, 6, 8]
    assert "question" in report.bad[0].reason
    assert "answer" in report.bad[1].reason
    assert "第2行" in report.bad[2].reason
    assert [row["id"] for row in await export_rows(database)] == ["a", "d"]


async def test_all_or_nothing_leaves_everything_as_it_was(filled, tmp_path, rows):
    before = await export_rows(filled)
    path = tmp_path / "in.jsonl"
    good = json.dumps({**rows[0], "answer": "改了"}, ensure_ascii=False)
    path.write_text(f"{good}\n{{不是JSON\n[1]\n", encoding="utf-8")
    report = await import_rows(filled, read_rows(path), "mei", all_or_nothing=True)
    assert report.refused
    assert [bad.line for bad in report.bad] == [2, 3]
    assert await export_rows(filled) == before


async def test_the_same_file_twice_changes_nothing(database, tmp_path, rows):
    path = tmp_path / "in.jsonl"
    write_rows(path, rows)
    first = await import_rows(database, read_rows(path), "mei", publish=True)
    second = await import_rows(database, read_rows(path), "mei", publish=True)
    assert (first.added, second.added, second.changed, second.same) == (12, 0, 0, 12)


async def test_spreadsheet_of_somebody_else(database, tmp_path):
    book = Workbook()
    book.worksheets[0].append(["编号", "分类", "标准问", "相似问", "答案", "备注"])
    book.worksheets[0].append([17, "门店", "几点开门", "营业时间\n几点下班", "九点到六点", "x"])
    book.worksheets[0].append([None, None, "周末开吗", None, "开", None])
    book.save(tmp_path / "in.xlsx")
    report = await import_rows(database, read_rows(tmp_path / "in.xlsx"), "mei")
    assert (report.added, report.bad) == (2, [])
    stored = {row["question"]: row for row in await export_rows(database)}
    assert stored["几点开门"]["id"] == "17"
    assert stored["几点开门"]["similar_questions"] == ["营业时间", "几点下班"]


async def test_excel_in_gb18030(database, tmp_path):
    text = "id,question,answer\nx,几点开门,九点\n"
    (tmp_path / "in.csv").write_bytes(text.encode("gb18030"))
    await import_rows(database, read_rows(tmp_path / "in.csv"), "mei")
    assert (await export_rows(database))[0]["question"] == "几点开门"


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.txt", b"x"), ("a.csv", b"\xff\xff\xff"), ("a.csv", b"id,name\n1,2\n"), ("a.xlsx", b"PK")],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(FileProblem):
        list(read_rows(path))


def test_a_missing_file_says_why(tmp_path):
    with pytest.raises(FileProblem):
        list(read_rows(tmp_path / "none.csv"))
