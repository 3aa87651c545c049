"""Tables as files: XLSX and CSV, out and in again without loss.

A file has two head rows: what the columns are called, and their codes. Either is enough to read
it. A cell holds what people read (see `setup_text`); the last column says which version of a row
was exported, so that a file that lay about does not undo what was done meanwhile.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Literal

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from pitstop.care import setup_words
from pitstop.care.setup_columns import Column, SetupTable
from pitstop.care.setup_plan import Given, Problem
from pitstop.care.setup_refs import References
from pitstop.care.setup_rows import SetupRow
from pitstop.care.setup_text import from_text, to_text
from pitstop.care.setup_values import BadValue

Format = Literal["xlsx", "csv"]

MAX_BYTES = 5 * 1024 * 1024
MAX_UNPACKED = 80 * 1024 * 1024  # what an XLSX of that size may grow to
MAX_ROWS = 3000
MAX_COLUMNS = 60
DIGEST = "digest"
# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, "CSV injection").
# The full-width forms count: some programs fold them.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_NUMBERS = frozenset({"number", "decimal", "money"})
_LISTED = 200  # how many rows of a template get a list to choose from
_LONGEST = 1024 * 1024  # characters of a cell


class FileProblem(ValueError):
    """The whole file cannot be used; the message is Chinese."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(str(setup_words.of_files()["problems"][code]).format(**values))
        self.code = code


@dataclass(frozen=True)
class Imported:
    """What a file holds: rows numbered by their lines, and what was left out of it."""

    rows: tuple[Given, ...]
    warnings: tuple[str, ...]


# ---- out ----------------------------------------------------------------------------------------


def export(table: SetupTable, rows: Iterable[SetupRow], names: References, kind: Format) -> bytes:
    """Return the rows as a file; with no rows it is the template, with a sheet of explanations."""
    lines = [_line(table, row, names) for row in rows]
    heads = _heads(table)
    codes = [*(one.name for one in table.columns), DIGEST]
    if kind == "csv":
        return _csv(heads, codes, lines)
    return _xlsx(table, heads, codes, lines)


def _heads(table: SetupTable) -> list[str]:
    own = [table.label_of(one.name) + ("*" if one.required else "") for one in table.columns]
    return [*own, setup_words.of_digest()["label"]]


def _line(table: SetupTable, row: SetupRow, names: References) -> list[str]:
    cells = [to_text(one, row.values[one.name], names) for one in table.columns]
    return [*cells, row.digest]


def guard(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula; `unguard` undoes it."""
    return "'" + text if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Return the text behind `guard`."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _csv(heads: Sequence[str], codes: Sequence[str], lines: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    for line in (heads, codes, *lines):
        writer.writerow([guard(cell) for cell in line])
    # The byte order mark tells Excel that this is UTF-8.
    return text.getvalue().encode("utf-8-sig")


def _xlsx(
    table: SetupTable,
    heads: Sequence[str],
    codes: Sequence[str],
    lines: Sequence[Sequence[str]],
) -> bytes:
    # Written straight through: a sheet that is held whole takes five times as long.
    book = Workbook(write_only=True)
    sheet = book.create_sheet(table.label)
    sheet.freeze_panes = "A3"
    for at, head in enumerate(heads):
        widest = max([len(head), *(len(line[at]) for line in lines[:200])])
        sheet.column_dimensions[get_column_letter(at + 1)].width = min(40, 4 + 1.6 * widest)
    _offer(sheet, table, len(lines))
    styles = _styles(sheet)
    sheet.append([_text_cell(sheet, text, styles["head"]) for text in heads])
    sheet.append([_text_cell(sheet, text, styles["code"]) for text in codes])
    columns: list[Column | None] = [*table.columns, None]
    for line in lines:
        sheet.append(
            [
                _cell_of(sheet, text, column, styles)
                for text, column in zip(line, columns, strict=True)
            ]
        )
    _explain(book.create_sheet(str(setup_words.of_files()["help_sheet"])), table)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _styles(sheet: Any) -> dict[str, Any]:
    """Return the few styles of a sheet, each worked out once: cells share them."""
    top = Alignment(vertical="top", wrap_text=True)
    found = {}
    for name, number_format in (("text", "@"), ("number", "General"), ("money", "0.00")):
        cell: Any = WriteOnlyCell(sheet)
        cell.number_format, cell.alignment = number_format, top
        found[name] = cell._style
    head: Any = WriteOnlyCell(sheet)
    code: Any = WriteOnlyCell(sheet)
    head.font, head.fill = Font(bold=True), PatternFill("solid", fgColor="00E2F1EF")
    code.font = Font(color="00808080", size=8)
    return {**found, "head": head._style, "code": code._style}


def _cell_of(sheet: Any, text: str, column: Column | None, styles: Mapping[str, Any]) -> Any:
    if column is None or column.type not in _NUMBERS or not text:
        # As text, so that a day stays the day that was typed.
        return _text_cell(sheet, text, styles["text"])
    cell: Any = WriteOnlyCell(sheet, float(text) if "." in text else int(text))
    cell._style = styles["money" if column.type == "money" else "number"]
    return cell


def _text_cell(sheet: Any, text: str, style: Any) -> Any:
    # ECMA-376 reads _x000A_ as a character: a text that says so literally needs its escape.
    cell: Any = WriteOnlyCell(
        sheet, re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", guard(text)) or None
    )
    if text:
        cell.data_type = "s"
    cell._style = style
    return cell


def _offer(sheet: Any, table: SetupTable, count: int) -> None:
    """Give cells that may hold one of a few words a list to choose from."""
    last = 2 + max(count, _LISTED)
    for at, column in enumerate(table.columns, 1):
        group = "flag" if column.type == "flag" else column.group
        if column.readonly or column.type not in {"choice", "flag"} or group is None:
            continue
        words = ",".join(setup_words.choices(group).values())
        listed = DataValidation(type="list", formula1=f'"{words}"', allow_blank=True)
        letter = get_column_letter(at)
        listed.add(f"{letter}3:{letter}{last}")
        sheet.data_validations.append(listed)


def _explain(sheet: Any, table: SetupTable) -> None:
    for letter, width in zip("ABCD", (24, 18, 8, 80), strict=True):
        sheet.column_dimensions[letter].width = width
    sheet.append(list(setup_words.of_files()["help_head"]))
    yes = setup_words.choices("flag")["true"]
    between = str(setup_words.words("and"))
    for column in table.columns:
        choices = between.join(column.choices.values())
        text = " ".join(part for part in (table.help_of(column.name), choices) if part)
        label = table.label_of(column.name)
        sheet.append([label, column.name, yes if column.required else "", text])
    digest = setup_words.of_digest()
    sheet.append([digest["label"], DIGEST, "", digest["help"]])


# ---- in -----------------------------------------------------------------------------------------


def read_file(table: SetupTable, name: str, data: bytes) -> Imported:
    """Return what a file holds; raises `FileProblem` if nothing can be made of it."""
    if len(data) > MAX_BYTES:
        raise FileProblem("too_large", limit=MAX_BYTES // 1024 // 1024)
    ending = name.rpartition(".")[2].lower()
    if ending == "csv":
        lines = _csv_lines(data)
    elif ending == "xlsx":
        lines = _xlsx_lines(data)
    else:
        raise FileProblem("format")
    return _read(table, lines)


def _read(table: SetupTable, lines: Iterator[tuple[int, list[str]]]) -> Imported:
    known = _known(table)
    heads: list[str | None] | None = None
    warnings: list[str] = []
    rows: list[Given] = []
    for number, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if heads is None:
            heads, warnings = _columns(cells, known)
            continue
        if not rows and _is_codes(cells, heads):
            continue
        if len(rows) >= MAX_ROWS:
            raise FileProblem("too_many", limit=MAX_ROWS)
        rows.append(_given(table, number, cells, heads))
    if heads is None:
        raise FileProblem("header")
    if not rows:
        raise FileProblem("empty")
    return Imported(tuple(rows), tuple(warnings))


def _known(table: SetupTable) -> Mapping[str, str]:
    """Return the columns by everything that a head may call them."""
    found = {one.name.casefold(): one.name for one in table.columns}
    found.update({table.label_of(one.name).casefold(): one.name for one in table.columns})
    found[DIGEST] = DIGEST
    found[setup_words.of_digest()["label"].casefold()] = DIGEST
    return found


def _columns(cells: Sequence[str], known: Mapping[str, str]) -> tuple[list[str | None], list[str]]:
    heads = [known.get(_head(cell)) for cell in cells]
    if not any(head for head in heads if head != DIGEST):
        raise FileProblem("header")
    text = str(setup_words.of_files()["problems"]["unknown_column"])
    strange = [
        text.format(value=cell.strip()[:40])
        for cell, head in zip(cells, heads, strict=True)
        if head is None and cell.strip()
    ]
    # A column that comes twice is read once, where it stands first.
    seen: set[str] = set()
    for at, head in enumerate(heads):
        if head in seen:
            heads[at] = None
        elif head is not None:
            seen.add(head)
    return heads, strange


def _head(cell: str) -> str:
    return unguard(cell).strip().lstrip("\ufeff").rstrip("*＊").strip().casefold()


def _is_codes(cells: Sequence[str], heads: Sequence[str | None]) -> bool:
    pairs = [(cell.strip(), head) for cell, head in zip(cells, heads, strict=False) if head]
    return all(cell == head for cell, head in pairs)


def _given(
    table: SetupTable, number: int, cells: Sequence[str], heads: Sequence[str | None]
) -> Given:
    values: dict[str, Any] = {}
    digest: str | None = None
    problems: list[Problem] = []

    def refuse(column: str | None, code: str, reason: str) -> None:
        problems.append(Problem(number, column, code, reason))

    if any(cell.strip() for cell in cells[len(heads) :]):
        refuse(None, "columns", str(setup_words.of_files()["problems"]["columns"]))
    for cell, head in zip(cells, heads, strict=False):
        text = unguard(cell)
        if head == DIGEST:
            digest = text.strip() or None
        elif head is not None and not table.by_name[head].readonly:
            try:
                values[head] = from_text(table.by_name[head], text)
            except BadValue as error:
                refuse(head, error.code, error.reason)
    return Given(number, digest=digest, values=values, unread=tuple(problems))


def _decoded(data: bytes) -> str:
    # Excel on a Chinese Windows saves "CSV" in GB18030.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileProblem("encoding")


def _csv_lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(data)
    first = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count)
    # The reader gives up at a NUL; as another control character it is one row's problem.
    source = io.StringIO(text.replace("\0", "\x01"), newline="")
    # The limit is the process's: whoever reads sets it anew.
    csv.field_size_limit(_LONGEST)
    reader = csv.reader(source, delimiter=delimiter)
    start = 1
    try:
        for line in reader:
            yield start, line
            start = reader.line_num + 1
    except csv.Error as error:
        raise FileProblem("unreadable") from error


def _xlsx_lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    _inspect(data)
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet: Any = book.worksheets[0]
        # What a file says of its own size may be made up.
        sheet.reset_dimensions()
        for number, line in enumerate(
            sheet.iter_rows(values_only=True, max_row=MAX_ROWS + 100, max_col=MAX_COLUMNS), 1
        ):
            yield number, [_cell(value) for value in line]
        book.close()
    except FileProblem:
        raise
    except Exception as error:  # zip's, XML's and openpyxl's errors share no base class
        raise FileProblem("unreadable") from error


def _inspect(data: bytes) -> None:
    """Refuse what would grow past all bounds, before anything is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(one.file_size for one in packed.infolist()) > MAX_UNPACKED:
                raise FileProblem("too_large", limit=MAX_BYTES // 1024 // 1024)
            for one in packed.infolist():
                with packed.open(one) as part:
                    # No spreadsheet declares entities; a bomb does.
                    if b"<!DOCTYPE" in part.read(4096):
                        raise FileProblem("unreadable")
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError) as error:
        raise FileProblem("unreadable") from error


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # A sum that a spreadsheet worked out is off in the last digits.
        return str(int(value)) if value.is_integer() else f"{value:.12g}"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.strftime("%H:%M")
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(value))
