"""What a swap station is forecast from (`forecast.Pattern`), field by field, as people write it.

A document with several levels is one line a field: ``chargers`` is a number, ``mix`` is
``75=0.6 100=0.4``, ``arrivals.weekday`` twenty-four numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import normalize

from pitstop.care import setup_words

HOURS = 24
_APART = re.compile(r"[\s,;、]+")


class BadStation(ValueError):
    """A parameter that will not do; `code` and `values` say why (see `setup_words.say`)."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values


def read(raw: Any) -> dict[str, Any]:
    """Return the document that `forecast` reads; raises `BadStation`.

    `raw` is such a document, or fields by name or label with what people wrote.
    """
    if not isinstance(raw, Mapping):
        raise BadStation("not_pairs")
    fields = _fields()
    labels = {str(known["label"]): name for name, known in fields.items()}
    found: dict[str, Any] = {}
    for key, value in _flat(raw):
        name = labels.get(key, key)
        if name not in fields:
            raise BadStation("unknown_parameter", value=key[:40])
        if value is None or value in ("", [], {}):
            continue
        found[name] = _KINDS[fields[name]["kind"]](name, value, fields[name])
    days = [name for name in found if name.startswith("arrivals.")]
    if len(days) == 1:
        raise BadStation("both_arrivals")
    return _deep(found)


def text_of(value: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that a document holds, by label, as people write them."""
    fields = _fields()
    return {str(fields[name]["label"]): _text(one) for name, one in _flat(value) if name in fields}


def _fields() -> Mapping[str, Mapping[str, Any]]:
    return setup_words.parameters()


def _flat(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in raw.items():
        if key == "arrivals" and isinstance(value, Mapping):
            for day, hours in value.items():
                yield f"arrivals.{day}", hours
        else:
            yield str(key), value


def _deep(found: Mapping[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for name in _fields():
        if name in found:
            above, _, inner = name.partition(".")
            if inner:
                document.setdefault(above, {})[inner] = found[name]
            else:
                document[name] = found[name]
    return document


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key}={_plain(one)}" for key, one in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(_plain(one) for one in value)
    return _plain(value)


def _plain(number: Any) -> str:
    return f"{number:g}" if isinstance(number, float) else str(number)


def _number(name: str, raw: Any, limits: Mapping[str, Any]) -> int | float:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise BadStation("not_parameter", value=limits["label"])
    try:
        found = Decimal(normalize("NFKC", str(raw)).strip()[:20])
    except InvalidOperation as error:
        raise BadStation("not_parameter", value=limits["label"]) from error
    if not found.is_finite():
        raise BadStation("not_parameter", value=limits["label"])
    if found < Decimal(str(limits["least"])) or found > Decimal(str(limits["most"])):
        raise BadStation("parameter_range", value=limits["label"], **_range(limits))
    if limits.get("whole") and found != found.to_integral_value():
        raise BadStation("not_parameter", value=limits["label"])
    number = round(float(found), 4)
    return int(number) if number.is_integer() else number


def _range(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {"least": limits["least"], "most": limits["most"]}


def _by_size(name: str, raw: Any, limits: Mapping[str, Any]) -> dict[str, int | float]:
    """Numbers by the size of a pack in kWh."""
    if isinstance(raw, str):
        pairs = [part.partition("=") for part in _APART.split(normalize("NFKC", raw).strip())]
        if not all(sign for _, sign, _ in pairs):
            raise BadStation("not_by_size", value=limits["label"])
        raw = {key: value for key, _, value in pairs}
    if not isinstance(raw, Mapping):
        raise BadStation("not_by_size", value=limits["label"])
    sizes: dict[int, int | float] = {}
    for key, value in raw.items():
        size = str(key)
        if not (size.isascii() and size.isdigit() and 10 <= int(size[:4]) <= 300):
            raise BadStation("not_by_size", value=limits["label"])
        sizes[int(size)] = _number(name, value, limits)
    return {str(size): sizes[size] for size in sorted(sizes)}


def _by_hour(name: str, raw: Any, limits: Mapping[str, Any]) -> list[int | float]:
    """Twenty-four numbers, from midnight on."""
    if isinstance(raw, str):
        raw = [part for part in _APART.split(normalize("NFKC", raw).strip()) if part]
    if not isinstance(raw, Sequence) or len(raw) != HOURS:
        raise BadStation("not_by_hour", value=limits["label"])
    return [_number(name, value, limits) for value in raw]


_KINDS = {"number": _number, "by_size": _by_size, "by_hour": _by_hour}
