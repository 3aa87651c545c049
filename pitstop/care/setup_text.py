"""A value as the text of a cell, and back: what stands in a file that people edit.

Codes are written as their words, references as ``name [id]``. What would not come back from its
plain form is written as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from unicodedata import normalize

from pitstop.care import setup_hours, setup_station, setup_words
from pitstop.care.setup_columns import Column
from pitstop.care.setup_refs import References
from pitstop.care.setup_values import BadValue

_APART = re.compile(r"[、，,;；|\n]+")
_LINES = re.compile(r"[、;；\n]+")
_TIMES = re.compile(r"\s*(?:×|\*|x|X)\s*(?=\d+\s*$)")


def to_text(column: Column, value: Any, names: References) -> str:
    """Return a value as people read it; `from_text` reads it again."""
    if value is None or value in ([], {}):
        return ""
    write = _WRITERS.get(column.type)
    if write is None:
        return str(value)
    text = write(column, value, names)
    if column.type in _NESTED and _back(column, text) != _coded(column, value, names):
        return json.dumps(value, ensure_ascii=False)
    return text


def from_text(column: Column, text: str) -> Any:
    """Return what a cell says, for `setup_values.read_value`; raises `BadValue`."""
    read = _PARSERS.get(column.type)
    plain = text.strip()
    if read is None or not plain:
        return plain or None
    if plain[0] in "[{":
        try:
            return json.loads(plain)
        except ValueError:
            pass
    return read(plain)


def _back(column: Column, text: str) -> Any:
    try:
        return from_text(column, text)
    except BadValue:
        return None


# ---- written ------------------------------------------------------------------------------------


def _and() -> str:
    return str(setup_words.words("and"))


def named(column: Column, value: str, names: References) -> str:
    """Return a reference with its name: ``name [id]``."""
    assert column.refers is not None
    label = names.label(column.refers, value)
    return value if label == value else f"{label} [{value}]"


def _flag_text(_column: Column, value: Any, _names: References) -> str:
    return str(setup_words.choices("flag")["true" if value else "false"])


def _decimal_text(_column: Column, value: Any, _names: References) -> str:
    number = float(value)
    return str(int(number)) if number.is_integer() else repr(number)


def _choice_text(column: Column, value: Any, _names: References) -> str:
    return str(column.choices.get(value, value))


def _list_text(column: Column, value: Any, names: References) -> str:
    return _and().join(_coded(column, value, names))


def _coded(column: Column, value: Any, names: References) -> Any:
    """Return what the cell should come back as: codes as words, references as they are written."""
    if column.type in {"codes", "choices"}:
        return [str(column.choices.get(item, item)) for item in value]
    if column.type == "counts":
        return {named(column, key, names): str(count) for key, count in value.items()}
    if column.type == "prices":
        return {model: dict(price) for model, price in value.items()}
    if column.type in {"warranty", "parameters"}:
        numbers = all(
            isinstance(v, int | float) and not isinstance(v, bool) for v in value.values()
        )
        return {key: str(item) for key, item in value.items()} if numbers else None
    if column.type == "arrivals":
        return [{"date": one["date"], "count": str(one["count"])} for one in value]
    return value


def _week_text(_column: Column, value: Any, _names: References) -> str:
    return setup_hours.week_text(value)


def _windows_text(_column: Column, value: Any, _names: References) -> str:
    return setup_hours.windows_text(value)


def _counts_text(column: Column, value: Any, names: References) -> str:
    return "\n".join(f"{named(column, key, names)} × {count}" for key, count in value.items())


def _prices_text(_column: Column, value: Any, _names: References) -> str:
    lines = (f"{model}: {price['parts']} + {price['labour']}" for model, price in value.items())
    return "\n".join(lines)


def _warranty_text(column: Column, value: Any, _names: References) -> str:
    return _and().join(f"{value[key]}{column.choices[key]}" for key in value)


def _parameters_text(_column: Column, value: Any, _names: References) -> str:
    return "\n".join(f"{key}: {one}" for key, one in setup_station.text_of(value).items())


def _arrivals_text(_column: Column, value: Any, _names: References) -> str:
    return "\n".join(f"{one['date']} × {one['count']}" for one in value)


def _any_text(_column: Column, value: Any, _names: References) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


# ---- read ---------------------------------------------------------------------------------------


def _read_list(text: str) -> list[str]:
    return [part.strip() for part in _APART.split(text) if part.strip()]


def _read_week(text: str) -> list[dict[str, Any]]:
    try:
        return setup_hours.read_week(text)
    except setup_hours.BadHours as error:
        raise BadValue(str(error)) from error


def _read_windows(text: str) -> list[dict[str, str]]:
    try:
        return setup_hours.read_windows(text)
    except setup_hours.BadHours as error:
        raise BadValue(str(error)) from error


def _read_counts(text: str) -> dict[str, str]:
    found = {}
    for line in _LINES.split(text):
        if line.strip():
            parts = _TIMES.split(line.strip())
            if len(parts) > 2:
                raise BadValue("not_pairs")
            # A part without a count is one piece of it.
            found[parts[0].strip()] = parts[1].strip() if len(parts) == 2 else "1"
    return found


def _read_prices(text: str) -> dict[str, dict[str, str]]:
    found = {}
    for line in _LINES.split(normalize("NFKC", text)):
        if not line.strip():
            continue
        model, colon, sums = line.partition(":")
        parts, plus, labour = sums.partition("+")
        if not colon or not plus:
            raise BadValue("not_pairs")
        found[model.strip()] = {"parts": parts.strip(), "labour": labour.strip()}
    return found


def _read_warranty(text: str) -> dict[str, str]:
    found = {}
    units = setup_words.choices("warranty")
    for part in _APART.split(normalize("NFKC", text)):
        for key, unit in units.items():
            if part.strip().endswith(unit):
                found[key] = part.strip()[: -len(unit)].strip()
                break
        else:
            if part.strip():
                raise BadValue("not_pairs")
    return found


def _read_parameters(text: str) -> dict[str, str]:
    found = {}
    for line in normalize("NFKC", text).split("\n"):
        if line.strip():
            key, colon, value = line.partition(":")
            if not colon:
                raise BadValue("not_pairs")
            found[key.strip()] = value.strip()
    return found


def _read_arrivals(text: str) -> list[dict[str, str]]:
    found = []
    for line in _LINES.split(normalize("NFKC", text.replace("×", "*"))):
        if line.strip():
            day, times, count = line.strip().partition("*")
            if not times:
                raise BadValue("not_pairs")
            found.append({"date": day.strip(), "count": count.strip()})
    return found


# Whose plain form may not come back, as a name may hold what parts one from the next.
_NESTED = frozenset({"list", "codes", "choices", "counts", "prices", "warranty", "parameters"})

_WRITERS: Mapping[str, Callable[[Column, Any, References], str]] = {
    "flag": _flag_text,
    "decimal": _decimal_text,
    "choice": _choice_text,
    "reference": named,
    "list": _list_text,
    "codes": _list_text,
    "choices": _list_text,
    "week": _week_text,
    "windows": _windows_text,
    "counts": _counts_text,
    "prices": _prices_text,
    "warranty": _warranty_text,
    "parameters": _parameters_text,
    "arrivals": _arrivals_text,
    "value": _any_text,
}
_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "list": _read_list,
    "codes": _read_list,
    "choices": _read_list,
    "week": _read_week,
    "windows": _read_windows,
    "counts": _read_counts,
    "prices": _read_prices,
    "warranty": _read_warranty,
    "parameters": _read_parameters,
    "arrivals": _read_arrivals,
}
