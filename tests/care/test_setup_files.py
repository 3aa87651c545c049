"""Tables as files: nothing lost on the way out and in, bad lines named, no formula let through."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date
from typing import Any

import pytest
from hypothesis import given as holds
from hypothesis import settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from pitstop.care import setup_data, setup_files, setup_hours
from pitstop.care.setup_columns import TABLES, Column
from pitstop.care.setup_files import FileProblem, guard, read_file, unguard
from pitstop.care.setup_refs import References
from pitstop.care.setup_rows import row_of
from pitstop.care.setup_text import from_text, to_text
from pitstop.care.setup_values import read_value
from pitstop.care.tables import ServiceItem, Staff
from pitstop.storage.database import Database
from tests.care.help import at
from tests.care.setup_help import booked, edit, furnish, row, save

NAMES = References(
    {
        "part": {"filter": "空调滤芯", "odd": "滤芯、×2 [大]", "tyre": "轮胎；冬季"},
        "place": {"store-1": "闵行服务中心", "store-2": "闵行服务中心"},
        "person": {"p-1": "闵行服务中心 王师傅"},
        "benefit": {"swap": "换电"},
        "vehicle": {"car-1": "沪A***45 YS6"},
    }
)


@pytest.fixture
async def boss(database: Database, monday: Any) -> Staff:
    return await furnish(database)


# ---- nothing is lost ----------------------------------------------------------------------------

TEXT = (
    st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=30)
    .map(str.strip)
    .filter(bool)
)
CLOCK = st.integers(0, 95).map(lambda n: f"{n // 4:02}:{n % 4 * 15:02}")
SPAN = st.tuples(CLOCK, CLOCK).map(lambda ends: {"opens": ends[0], "closes": ends[1]})
WEEK = st.lists(
    st.builds(lambda days, span: {"days": sorted(days), **span}, st.sets(st.integers(1, 7)), SPAN),
    max_size=4,
)
AMOUNT = st.integers(0, 10_000_000).map(lambda fen: f"{fen // 100}.{fen % 100:02}")
MODEL = st.from_regex(r"[A-Z][A-Z0-9]{1,3}", fullmatch=True)
SIZE = st.sampled_from(["42", "75", "100", "150"])
HOURLY = st.lists(st.integers(0, 600).map(lambda n: n / 100), min_size=24, max_size=24)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "code": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,20}", fullmatch=True),
    "number": st.integers(0, 10_000),
    "decimal": st.floats(0, 1000).map(lambda number: round(number, 6)),
    "money": AMOUNT,
    "flag": st.booleans(),
    "date": st.dates(date(2025, 1, 1), date(2028, 1, 1)).map(str),
    "list": st.lists(TEXT, max_size=4),
    "week": WEEK,
    "windows": st.lists(SPAN, max_size=3),
    "counts": st.dictionaries(st.sampled_from(["filter", "odd", "tyre"]), st.integers(1, 9)),
    "prices": st.dictionaries(
        MODEL, st.fixed_dictionaries({"parts": AMOUNT, "labour": AMOUNT}), max_size=3
    ),
    "warranty": st.sampled_from([{}, {"months": 24, "km": 50_000}]),
    "arrivals": st.lists(
        st.fixed_dictionaries(
            {"date": st.sampled_from(["2026-11-25", "2026-12-01"]), "count": st.integers(1, 9)}
        ),
        max_size=3,
    ),
    "parameters": st.fixed_dictionaries(
        {},
        optional={
            "chargers": st.integers(1, 50),
            "holiday_factor": st.integers(1, 99).map(lambda n: n / 10),
            "mix": st.dictionaries(SIZE, st.integers(0, 100).map(lambda n: n / 100)),
            "charge_minutes": st.dictionaries(SIZE, st.integers(5, 600)),
            "arrivals": st.fixed_dictionaries({"weekday": HOURLY, "weekend": HOURLY}),
        },
    ),
}
VALUES["until"] = VALUES["date"]


def column_values(column: Column) -> st.SearchStrategy[Any]:
    """Return what a column may hold, as it comes."""
    if column.type == "reference":
        assert column.refers is not None
        return st.sampled_from(sorted(NAMES.labels[column.refers]))
    if column.type == "choice":
        return st.sampled_from(sorted(column.choices))
    if column.type == "choices":
        return st.lists(st.sampled_from(sorted(column.choices)))
    if column.type == "codes":
        return st.lists(MODEL | st.sampled_from([*column.choices, "YS6"]), max_size=3)
    if column.type in {"number", "decimal"}:
        return VALUES[column.type].filter(lambda n: column.least <= n <= column.most)
    return VALUES[column.type]


COLUMNS = [
    (table.name, column)
    for table in TABLES.values()
    for column in table.columns
    if not column.readonly and column.type != "value"
]


@settings(max_examples=400)
@holds(st.data())
def test_every_value_comes_back_from_its_cell(data: st.DataObject) -> None:
    _, column = data.draw(st.sampled_from(COLUMNS))
    raw = data.draw(column_values(column) if column.type != "decimal" else st.just(column.least))
    try:
        value = read_value(column, raw, NAMES)
    except ValueError:
        return  # hours that overlap and the like: never stored
    assert read_value(column, value, NAMES) == value
    text = to_text(column, value, NAMES)
    again = unguard(guard(text))
    assert again == text
    assert read_value(column, from_text(column, again), NAMES) == value


@settings(max_examples=40, deadline=None)
@holds(st.data(), st.sampled_from(["xlsx", "csv"]))
def test_every_row_comes_back_from_its_file(data: st.DataObject, kind: Any) -> None:
    table = TABLES[data.draw(st.sampled_from(["services", "place_days", "parts", "stock"]))]
    rows = []
    for number in range(data.draw(st.integers(1, 3))):
        values: dict[str, Any] = {}
        for column in table.columns:
            try:
                values[column.name] = read_value(column, data.draw(column_values(column)), NAMES)
            except ValueError:
                values[column.name] = column.empty
        rows.append(row_of(table, str(number), values))
    read = read_file(table, f"x.{kind}", setup_files.export(table, rows, NAMES, kind))
    assert [one.digest for one in read.rows] == [one.digest for one in rows]
    assert [one.unread for one in read.rows] == [()] * len(rows)
    assert read.warnings == ()
    for one, known in zip(read.rows, rows, strict=True):
        for column in table.columns:
            if not column.readonly:
                again = read_value(column, one.values[column.name], NAMES)
                assert again == known.values[column.name], column.name


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
async def test_the_demo_goes_out_and_in_unchanged(seeded: Database, kind: Any) -> None:
    async with seeded.read() as session:
        for name, table in TABLES.items():
            rows = await setup_data.read(session, name, setup_data.Where(past=True))
            assert rows or name in {"resource_days", "entitlements", "stock"}, name
            if not rows:
                continue
            names = await setup_data.names_of(session, table, [one.values for one in rows])
            data = setup_files.export(table, rows, names, kind)
            read = read_file(table, f"{name}.{kind}", data)
            planned = await setup_data.preview(session, name, read.rows, match=True)
            wrong = [(p.reason, one.key) for one in planned for p in one.problems]
            assert wrong == [], name
            assert {one.action for one in planned} == {"unchanged"}, name
            assert len(planned) == len(rows)


# ---- a file that people have worked on ----------------------------------------------------------


def sheet(*lines: list[Any]) -> bytes:
    book = Workbook()
    for line in lines:
        book.worksheets[0].append(line)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def commas(*lines: list[str]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode("utf-8")


async def test_a_file_changes_rows_and_names_bad_lines(database: Database, boss: Staff) -> None:
    data = sheet(
        ["代码*", "名称", "工时（分钟）", "配件费（元）", "别名", "颜色"],
        ["minor_service", "小保养", 75, 198.9 * 1.1, "保养、小保", "红"],
        [None, None, None],
        ["bodywork", "钣金喷漆", "很久", 0, "补漆", ""],
        ["new_one", "新项目", 30, 10, "新的|新做的", ""],
    )
    read = read_file(TABLES["services"], "改动.XLSX", data)
    assert read.warnings == ("不认识的列“颜色”，没有导入。",)
    async with database.read() as session:
        planned = await setup_data.preview(session, "services", read.rows, match=True)
    assert [(one.given.number, one.action) for one in planned] == [
        (2, "change"),
        (4, "change"),
        (5, "add"),
    ]
    # What a spreadsheet worked out is off in the last digits, and means two places.
    assert planned[0].values["parts_price"] == "218.79"
    problems = [(p.row, p.column, p.code) for one in planned for p in one.problems]
    assert problems == [
        (4, "minutes", "not_number"),
        (5, "labour_price", "required"),
        (5, "place_kinds", "required"),
    ]


async def test_good_lines_are_kept_or_none(database: Database, boss: Staff) -> None:
    data = commas(
        ["code", "minutes"], ["minor_service", "75"], ["bodywork", "x"], ["bodywork", "80"]
    )
    rows = read_file(TABLES["services"], "a.csv", data).rows
    result = await save(database, boss, "services", *rows, match=True)
    assert (result.saved, [refusal.row for refusal in result.refused]) == (False, [3, 4])
    result = await save(database, boss, "services", *rows[:2], match=True, all_or_nothing=False)
    assert (result.changed, [refusal.row for refusal in result.refused]) == (
        ("minor_service",),
        [3],
    )
    async with database.read() as session:
        assert (await session.get(ServiceItem, "minor_service")).minutes == 75
        assert (await session.get(ServiceItem, "bodywork")).minutes == 60


async def test_a_file_that_lay_about_does_not_undo(database: Database, boss: Staff) -> None:
    async with database.read() as session:
        rows = await setup_data.read(session, "services")
        names = await setup_data.names_of(session, TABLES["services"], [one.values for one in rows])
    data = setup_files.export(TABLES["services"], rows, names, "xlsx")
    await edit(database, boss, "services", "bodywork", {"minutes": 300})
    read = read_file(TABLES["services"], "old.xlsx", data)
    result = await save(database, boss, "services", *read.rows, client_id="two", match=True)
    assert [problem.code for one in result.refused for problem in one.problems] == [
        "changed_meanwhile"
    ]
    assert (await row(database, "services", "bodywork")).values["minutes"] == 300


async def test_bookings_are_named_for_a_file_too(database: Database, boss: Staff) -> None:
    await booked(database, "b1", at("24 10:00"), "store-1-bay-01")
    data = commas(["编号", "在用"], ["store-1-bay-01", "否"], ["store-1-bay-02", "否"])
    rows = read_file(TABLES["resources"], "a.csv", data).rows
    async with database.read() as session:
        planned = await setup_data.preview(session, "resources", rows, match=True)
    assert [[booking.id for booking in one.relying] for one in planned] == [["b1"], []]


def test_days_and_clocks_that_a_spreadsheet_made_its_own() -> None:
    data = sheet(
        ["门店", "日期", "当天营业时间", "原因"],
        ["店 [store-1]", date(2026, 12, 1), "08:30 - 12:00，13:00～18:00", "盘点"],
    )
    (line,) = read_file(TABLES["place_days"], "a.xlsx", data).rows
    assert line.values["day"] == "2026-12-01"
    assert line.values["windows"] == [
        {"opens": "08:30", "closes": "12:00"},
        {"opens": "13:00", "closes": "18:00"},
    ]


@pytest.mark.parametrize(
    ("text", "week"),
    [
        ("每天 8:00-20:00", [([1, 2, 3, 4, 5, 6, 7], "08:00", "20:00")]),
        ("周一到周五 09:00—18:00；周六 10:00-16:00", [
            ([1, 2, 3, 4, 5], "09:00", "18:00"), ([6], "10:00", "16:00"),
        ]),
        ("星期一、三 9:00至12:00", None),
        ("周六、周日 22:00-2:00", [([6, 7], "22:00", "02:00")]),
        ("00:00-00:00", None),
        ("0:00-24:00", [([1, 2, 3, 4, 5, 6, 7], "00:00", "24:00")]),
        ("周五至周一 09:00-18:00", None),
        ("周一 25:00-26:00", None),
        ("不营业", []),
    ],
)  # fmt: skip
def test_hours_as_people_write_them(text: str, week: list[Any] | None) -> None:
    if text == "星期一、三 9:00至12:00":
        week = [([1, 3], "09:00", "12:00")]
    if text == "00:00-00:00":
        week = [([1, 2, 3, 4, 5, 6, 7], "00:00", "24:00")]
    if week is None:
        with pytest.raises(setup_hours.BadHours):
            setup_hours.read_week(text)
        return
    found = setup_hours.read_week(text)
    assert [(one["days"], one["opens"], one["closes"]) for one in found] == week


def test_excel_on_windows_and_its_separators() -> None:
    text = "代码;名称\r\nfilter;空调滤芯\r\n"
    (line,) = read_file(TABLES["parts"], "a.csv", text.encode("gb18030")).rows
    assert line.values == {"code": "filter", "name": "空调滤芯"}


def test_more_cells_than_heads_are_a_problem_of_the_line() -> None:
    (line,) = read_file(TABLES["parts"], "a.csv", b"code,name\na,b,c\n").rows
    assert [problem.code for problem in line.unread] == ["columns"]


# ---- formulas, and files that are none ----------------------------------------------------------

NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "＝1+1", "'=1", "''+1"]


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_no_cell_begins_like_a_formula(kind: Any) -> None:
    table = TABLES["services"]
    row = {one.name: one.default for one in table.columns}
    rows = [
        row_of(table, str(n), {**row, "code": f"c{n}", "name": nasty, "aliases": [nasty]})
        for n, nasty in enumerate(NASTY)
    ]
    data = setup_files.export(table, rows, NAMES, kind)
    if kind == "csv":
        cells = [
            cell for line in csv.reader(io.StringIO(data.decode("utf-8-sig"))) for cell in line
        ]
    else:
        book = load_workbook(io.BytesIO(data))
        cells = [str(c.value) for line in book.worksheets[0].iter_rows() for c in line if c.value]
        kinds = {c.data_type for line in book.worksheets[0].iter_rows() for c in line}
        assert "f" not in kinds
    assert not [cell for cell in cells if cell[:1] in "=+-@＝＋－＠\t\r\n" and cell]
    read = read_file(table, f"x.{kind}", data)
    assert [one.values["name"] for one in read.rows] == NASTY
    assert [one.values["aliases"] for one in read.rows] == [[nasty] for nasty in NASTY]


def test_a_template_says_what_to_fill_in() -> None:
    for table in TABLES.values():
        data = setup_files.export(table, [], NAMES, "xlsx")
        book = load_workbook(io.BytesIO(data))
        assert book.sheetnames == [table.label, "说明"]
        assert [cell.value for cell in book.worksheets[0][2]][-1] == "digest"
        told = [line[0].value for line in book.worksheets[1].iter_rows(min_row=2)]
        assert told[:-1] == [table.label_of(one.name) for one in table.columns]
        with pytest.raises(FileProblem) as problem:
            read_file(table, "x.xlsx", data)
        assert problem.value.code == "empty"


def bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * (setup_files.MAX_UNPACKED + 1))
    return made.getvalue()


def entities() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("xl/workbook.xml", b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]>')
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.pdf", b"", "format"),
        ("a.xlsx", b"no zip", "unreadable"),
        ("a.xlsx", bomb(), "too_large"),
        ("a.xlsx", entities(), "unreadable"),
        ("a.csv", b"x" * (setup_files.MAX_BYTES + 1), "too_large"),
        ("a.csv", b"\xff\xff\xff", "encoding"),
        ("a.csv", "颜色,大小\n1,2\n".encode(), "header"),
        ("a.csv", b"", "header"),
        ("a.csv", b"code,name\n", "empty"),
        ("a.csv", b"code,name\n" + b"a,b\n" * (setup_files.MAX_ROWS + 1), "too_many"),
        ("a.csv", b'code,name\n"' + b"a" * 1_100_000, "unreadable"),
    ],
)
def test_files_that_cannot_be_used(name: str, data: bytes, code: str) -> None:
    with pytest.raises(FileProblem) as problem:
        read_file(TABLES["parts"], name, data)
    assert problem.value.code == code
    assert str(problem.value).endswith("。")
