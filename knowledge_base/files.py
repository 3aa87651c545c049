"""Articles as files: CSV, XLSX and JSONL, row by row, out and in again without loss."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from openpyxl import Workbook, load_workbook

from knowledge_base.content import messages, problem

FIELDS = ("id", "category", "question", "similar_questions", "answer", "tags", "next", "status")
_NEEDED = ("question", "answer")
_LISTS = ("similar_questions", "tags")
# A spreadsheet takes a cell that begins with one of these for a formula (OWASP, "CSV injection").
# The full-width forms count: some programs fold them.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_SEPARATORS = ("\n", "|", "；", ";")
csv.field_size_limit(16 * 1024 * 1024)


class FileProblem(ValueError):
    """The whole file cannot be used; the message is for its editor."""


@dataclass(frozen=True)
class Row:
    """One row of a file: its fields, or why it cannot be read. `line` counts from 1."""

    line: int
    fields: Mapping[str, Any]
    problem: str | None = None


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a CSV, XLSX or JSONL file; raises `FileProblem`."""
    kind = _kind(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileProblem(problem("unreadable", reason=error.strerror)) from error
    if kind == "jsonl":
        yield from _read_jsonl(_decode(data))
    elif kind == "csv":
        yield from _read_table(_csv_lines(_decode(data)))
    else:
        yield from _read_table(_xlsx_lines(data))


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write the rows (keys of `FIELDS`) in the format that the name says; returns how many."""
    kind = _kind(path)
    found = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "jsonl":
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in found)
        return len(found)
    lines = [_cells(row) for row in found]
    if kind == "csv":
        # The byte order mark tells Excel that this is UTF-8.
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(FIELDS)
            writer.writerows(lines)
        return len(found)
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(list(FIELDS))
    for number, line in enumerate(lines, 2):
        for column, text in enumerate(line, 1):
            cell = sheet.cell(row=number, column=column)
            cell.value = _xlsx_escape(text)
            cell.data_type = "s"
    book.save(path)
    return len(found)


def guard(text: str) -> str:
    """Return `text` so that no spreadsheet takes it for a formula; `unguard` undoes it."""
    return "'" + text if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Return the text behind `guard`."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def join_list(items: Iterable[str]) -> str:
    """Return a list as one cell: a line each, or JSON where a line would not come back."""
    found = list(items)
    plain = "\n".join(found)
    return plain if split_list(plain) == found else json.dumps(found, ensure_ascii=False)


def split_list(cell: str) -> list[str]:
    """Return the list behind a cell: JSON, or parts between line ends, bars or semicolons."""
    text = cell.strip()
    if text.startswith("["):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return found
    for separator in _SEPARATORS:
        if separator in text:
            return [part.strip() for part in text.split(separator) if part.strip()]
    return [text] if text else []


def _kind(path: Path) -> str:
    kind = path.suffix.lower().lstrip(".")
    if kind not in {"csv", "xlsx", "jsonl"}:
        raise FileProblem(problem("format", value=path.suffix or path.name))
    return kind


def _decode(data: bytes) -> str:
    # Excel on a Chinese Windows saves "CSV" in GB18030.
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileProblem(problem("encoding"))


def _read_jsonl(text: str) -> Iterator[Row]:
    # Not splitlines(): U+2028 inside a JSON string is no line end.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            yield Row(number, {}, problem("json", reason=error))
            continue
        if not isinstance(value, dict):
            yield Row(number, {}, problem("not_object"))
            continue
        names = {key: _column(key) for key in value}
        row = {names[key] or key: item for key, item in value.items()}
        for field in _LISTS:
            if isinstance(row.get(field), str):
                row[field] = split_list(row[field])
        yield Row(number, row)


def _csv_lines(text: str) -> Iterator[tuple[int, list[str]]]:
    first = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count)
    # The reader gives up at a NUL; as another control character it is one row's problem.
    source = io.StringIO(text.replace("\0", "\x01"), newline="")
    reader = csv.reader(source, delimiter=delimiter)
    start = 1
    try:
        for line in reader:
            yield start, line
            start = reader.line_num + 1
    except csv.Error as error:
        raise FileProblem(f"{messages()['place'].format(line=start)}: {error}") from error


def _xlsx_lines(data: bytes) -> Iterator[tuple[int, list[str]]]:
    try:
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    except Exception as error:  # zip's, XML's and openpyxl's errors share no base class
        raise FileProblem(problem("unreadable", reason=type(error).__name__)) from error
    sheet = book.worksheets[0]
    for number, line in enumerate(sheet.iter_rows(values_only=True), 1):
        yield number, [_cell_text(value) for value in line]
    book.close()


def _cell_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found[1], 16)), str(value))


def _read_table(lines: Iterator[tuple[int, list[str]]]) -> Iterator[Row]:
    names: list[str | None] | None = None
    for number, line in lines:
        if not any(cell.strip() for cell in line):
            continue
        if names is None:
            names = [_column(cell) for cell in line]
            for field in _NEEDED:
                if field not in names:
                    raise FileProblem(problem("header", field=field))
            continue
        if any(cell.strip() for cell in line[len(names) :]):
            text = problem("columns", found=len(line), expected=len(names))
            yield Row(number, {}, text)
            continue
        row: dict[str, Any] = {}
        for name, cell in zip_longest(names, line[: len(names)], fillvalue=""):
            if name:
                text = unguard(cell)
                row[name] = split_list(text) if name in _LISTS else text
        yield Row(number, row)


def _column(name: str) -> str | None:
    wanted = name.strip().lstrip("\ufeff").casefold()
    for field, names in messages()["columns"].items():
        if wanted in {str(each).casefold() for each in names}:
            return str(field)
    return None


def _cells(row: Mapping[str, Any]) -> list[str]:
    found = []
    for field in FIELDS:
        value = row.get(field) or ""
        found.append(guard(join_list(value) if field in _LISTS else str(value)))
    return found


def _xlsx_escape(text: str) -> str:
    # ECMA-376 reads _x000A_ as a character: a text that says so literally needs its escape.
    return re.sub(r"_(?=x[0-9A-Fa-f]{4}_)", "_x005F_", text)
