"""What supervisors change, as JSON: tables, rows, what a batch would do and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from pitstop.base import clock
from pitstop.care import setup_words
from pitstop.care.setup_columns import TABLES, Column, SetupTable
from pitstop.care.setup_data import (
    Given,
    Planned,
    Problem,
    Refusal,
    Relying,
    Result,
    SetupRow,
    seal,
)
from pitstop.care.setup_refs import References
from pitstop.care.setup_text import to_text
from pitstop.desk.errors import as_json

MAX_BATCH = 1000  # rows that a page sends at once


class BadBatch(Exception):
    """The request does not hold together; `code` is a problem of ``setup_data.yml``."""

    def __init__(self, code: str = "bad_batch", status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.status = status


def refused(code: str, status: int) -> web.Response:
    """Return an error in the desk's shape, with a message of ``setup_data.yml``."""
    error = {"code": code, "message": setup_words.say(code), "details": {}}
    return as_json({"error": error}, status=status)


# ---- out ----------------------------------------------------------------------------------------


def tables_json() -> list[dict[str, Any]]:
    """Return every table with its columns, as the page draws them."""
    return [
        {
            "name": table.name,
            "label": table.label,
            "help": setup_words.of_table(table.name).get("help", ""),
            "key": table.key,
            "title": list(table.title),
            "of_place": table.place is not None,
            "of_days": "day" in table.by_name,
            "addable": table.name != "tariffs",
            "removable": table.removable,
            "columns": [_column(table, one) for one in table.columns],
        }
        for table in TABLES.values()
    ]


def _column(table: SetupTable, column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "label": table.label_of(column.name),
        "help": table.help_of(column.name),
        "type": column.type,
        "required": column.required,
        "fixed": column.fixed,
        "readonly": column.readonly,
        "quiet": column.quiet,
        "limit": column.limit,
        "least": column.least,
        "most": column.most,
        "choices": dict(column.choices),
        "refers": column.refers,
        "fields": _fields() if column.type == "parameters" else [],
        "empty": column.empty,
        "default": column.empty if column.default is None else column.default,
    }


def _fields() -> list[dict[str, Any]]:
    return [
        {"name": name, "label": known["label"], "help": known.get("help", "")}
        for name, known in setup_words.parameters().items()
    ]


def row_json(row: SetupRow) -> dict[str, Any]:
    """Return a row with its key and version."""
    return {"key": row.key, "digest": row.digest, "values": dict(row.values)}


def problem_json(problem: Problem) -> dict[str, Any]:
    """Return what is wrong with a row."""
    return {
        "row": problem.row,
        "column": problem.column,
        "code": problem.code,
        "reason": problem.reason,
    }


def relying_json(booking: Relying) -> dict[str, Any]:
    """Return a booking that a change breaks; nothing of who booked it."""
    return {
        "id": booking.id,
        "reference": booking.reference,
        "kind": booking.kind,
        "place_id": booking.place_id,
        "start": booking.start.astimezone(clock.SHANGHAI).isoformat(),
        "end": booking.end.astimezone(clock.SHANGHAI).isoformat(),
    }


def preview_json(
    table: SetupTable, planned: Sequence[Planned], names: References
) -> dict[str, Any]:
    """Return what a batch would change, row by row; what stays as it is only as a count."""
    counts = {"add": 0, "change": 0, "remove": 0, "unchanged": 0, "bad": 0}
    for one in planned:
        counts["bad" if one.problems else one.action] += 1
    told = [one for one in planned if one.problems or one.action != "unchanged"]
    return {
        "counts": counts,
        "rows": [_planned(table, one, names) for one in told],
        "seen": seal(planned),
    }


def _planned(table: SetupTable, one: Planned, names: References) -> dict[str, Any]:
    before: Mapping[str, Any] = {} if one.before is None else one.before.values
    shown = [
        name
        for name in one.changed
        if one.before is not None or one.values[name] != table.by_name[name].empty
    ]
    return {
        "row": one.given.number,
        "key": one.key,
        "action": one.action,
        "title": title_of(
            table, {**one.values, **(before if one.action == "remove" else {})}, names
        ),
        "changes": [
            {
                "column": name,
                "before": to_text(table.by_name[name], before.get(name), names),
                "after": to_text(table.by_name[name], one.values[name], names),
            }
            for name in shown
        ],
        "problems": [problem_json(problem) for problem in one.problems],
        "relying": [relying_json(booking) for booking in one.relying],
    }


def title_of(table: SetupTable, values: Mapping[str, Any], names: References) -> str:
    """Return what says which row it is, for people."""
    parts = []
    for name in table.title:
        column, value = table.by_name[name], values.get(name)
        if value not in (None, ""):
            if column.refers is not None:
                parts.append(names.label(column.refers, str(value)))
            else:
                parts.append(to_text(column, value, names))
    return " · ".join(parts)


def result_json(result: Result) -> dict[str, Any]:
    """Return what came of a batch."""
    stopped = bool(result.refused) and not result.saved
    return {
        "saved": result.saved,
        "added": list(result.added),
        "changed": list(result.changed),
        "removed": list(result.removed),
        "unchanged": result.unchanged,
        "affected": list(result.affected),
        "broken": list(result.broken),
        "repeated": result.repeated,
        "refused": [_refusal(one) for one in result.refused],
        "message": setup_words.say("all_or_nothing") if stopped else None,
    }


def _refusal(one: Refusal) -> dict[str, Any]:
    return {
        "row": one.row,
        "key": one.key,
        "problems": [problem_json(problem) for problem in one.problems],
        "now": None if one.now is None else row_json(one.now),
        "relying": [relying_json(booking) for booking in one.relying],
    }


# ---- in -----------------------------------------------------------------------------------------


def batch_in(body: Mapping[str, Any]) -> list[Given]:
    """Return the rows of a request; raises `BadBatch`."""
    rows = body.get("rows")
    if not isinstance(rows, list) or not 0 < len(rows) <= MAX_BATCH:
        raise BadBatch
    return [_given(number, row) for number, row in enumerate(rows)]


def _given(number: int, row: Any) -> Given:
    if not isinstance(row, dict):
        raise BadBatch
    values = row.get("values", {})
    remove = row.get("remove", False)
    if not isinstance(values, dict) or not isinstance(remove, bool):
        raise BadBatch
    return Given(
        number, _text(row.get("key")), _text(row.get("digest")), _clean(values), remove=remove
    )


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= 120:
        raise BadBatch
    return str(_clean(value))


def _clean(value: Any) -> Any:
    """Return JSON without what no database takes: half a surrogate pair, and NUL."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if isinstance(value, dict):
        return {str(_clean(key)): _clean(item) for key, item in value.items()}
    return value


def ids_in(body: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of ids, empty if there is none; raises `BadBatch`."""
    ids = body.get(name, [])
    if not isinstance(ids, list) or len(ids) > 5000:
        raise BadBatch
    return [text for one in ids if (text := _text(one)) is not None]


def flag_in(body: Mapping[str, Any], name: str, usual: bool) -> bool:
    """Return yes or no; raises `BadBatch`."""
    value = body.get(name, usual)
    if not isinstance(value, bool):
        raise BadBatch
    return value
