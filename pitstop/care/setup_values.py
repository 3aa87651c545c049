"""What a column may hold: values as they come, put into their one way of writing or refused.

A value is JSON: money is text with two places, a day ``2026-11-23``. What `read_value` returns it
returns again unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from unicodedata import normalize

from pitstop.base import clock
from pitstop.base.money import yuan
from pitstop.care import setup_hours, setup_station, setup_words
from pitstop.care.setup_columns import Column
from pitstop.care.setup_refs import References, UnknownReference

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_MODEL = re.compile(r"[A-Z0-9][A-Z0-9-]{0,9}")
_DATE = re.compile(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})\D?(?: ?00:00(?::00)?)?")
_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+(\.\d*)?")
ITEM_LIMIT = 40  # characters of one alias
# Years that are typed wrong are more than this away.
FARTHEST = timedelta(days=5 * 366)
_PLACES = 6  # of a decimal: a tenth of a metre


class BadValue(ValueError):
    """A value that will not do; `code` and `values` say why (see `setup_words.say`)."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    @property
    def reason(self) -> str:
        """Why, in Chinese."""
        return setup_words.say(self.code, **self.values)


def read_value(column: Column, raw: Any, names: References) -> Any:
    """Return the value in its one way of writing; raises `BadValue`.

    Nothing, or an empty text, is what the column holds where nothing is given.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        value = column.empty
    else:
        value = _READERS[column.type](column, raw, names)
    if column.required and (value is None or value == [] or value == {}):
        raise BadValue("required")
    return value


# ---- one thing ----------------------------------------------------------------------------------


def _text(column: Column, raw: Any, _names: References) -> str:
    return _plain(raw, column.limit)


def _plain(raw: Any, limit: int) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise BadValue("not_text")
    text = normalize("NFC", str(raw)).strip()
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text):
        raise BadValue("control")
    if len(text) > limit:
        raise BadValue("too_long", limit=limit)
    return text


def _code(column: Column, raw: Any, _names: References) -> str:
    text = _plain(raw, 200)
    if _CODE.fullmatch(text) is None:
        raise BadValue("not_code")
    return text


def _number(column: Column, raw: Any, _names: References) -> int:
    return _whole(raw, column.least, column.most)


def _whole(raw: Any, least: float, most: float) -> int:
    found = _figure(raw, "not_number")
    if found != found.to_integral_value():
        raise BadValue("not_number")
    _within(found, least, most)
    return int(found)


def _decimal(column: Column, raw: Any, _names: References) -> float:
    found = _figure(raw, "not_decimal")
    _within(found, column.least, column.most)
    return round(float(found), _PLACES)


def _money(column: Column, raw: Any, _names: References) -> str:
    return _amount(raw, column.most)


def _amount(raw: Any, most: float) -> str:
    if isinstance(raw, str):
        for mark in setup_words.words("yuan"):
            raw = raw.replace(mark, "")
    found = _figure(raw, "not_money")
    _within(found, 0, most)
    if found != yuan(found):
        raise BadValue("not_money")
    return str(yuan(found))


def _figure(raw: Any, code: str) -> Decimal:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise BadValue(code)
    text = normalize("NFKC", str(raw)).strip()
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    if len(text) > 40 or "_" in text:
        raise BadValue(code)
    try:
        found = Decimal(text)
    except InvalidOperation as error:
        raise BadValue(code) from error
    if not found.is_finite() or found.adjusted() > 12:
        raise BadValue(code)
    return found


def _within(found: Decimal, least: float, most: float) -> None:
    if found < Decimal(str(least)):
        raise BadValue("too_small", least=_short(least))
    if found > Decimal(str(most)):
        raise BadValue("too_big", most=_short(most))


def _short(number: float) -> str:
    return f"{number:g}" if number < 1_000_000 else f"{number:.0f}"


def _flag(_column: Column, raw: Any, _names: References) -> bool:
    if isinstance(raw, bool):
        return raw
    text = normalize("NFKC", str(raw)).strip().casefold()
    for value in (True, False):
        words = [normalize("NFKC", str(word)) for word in setup_words.words(str(value).lower())]
        if text in words:
            return value
    raise BadValue("not_flag")


def _choice(column: Column, raw: Any, _names: References) -> str:
    return _chosen(column, raw)


def _chosen(column: Column, raw: Any) -> str:
    text = _plain(raw, 200)
    if text in column.choices:
        return text
    for code, label in column.choices.items():
        if text == label:
            return code
    known = str(setup_words.words("and")).join(column.choices.values())
    raise BadValue("not_choice", value=text, choices=known)


def _reference(column: Column, raw: Any, names: References) -> str:
    text = _plain(raw, 200)
    return _referred(column, text, names)


def _referred(column: Column, text: str, names: References) -> str:
    assert column.refers is not None
    try:
        return names.find(column.refers, text)
    except UnknownReference as error:
        raise BadValue(error.code, value=text) from error


def _day(_column: Column, raw: Any, _names: References) -> str:
    return day_of(raw).isoformat()


def day_of(raw: Any) -> date:
    """Return the day that a text says, year first; raises `BadValue` (not_date, far_date)."""
    found = _DATE.fullmatch(normalize("NFKC", raw).strip()) if isinstance(raw, str) else None
    if found is None:
        raise BadValue("not_date")
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError as error:
        raise BadValue("not_date") from error
    if abs(day - clock.local_now().date()) > FARTHEST:
        raise BadValue("far_date")
    return day


# ---- several things -----------------------------------------------------------------------------


def _list(column: Column, raw: Any, _names: References) -> list[str]:
    return _distinct(column, (_plain(item, ITEM_LIMIT) for item in _items(raw)))


def _codes(column: Column, raw: Any, _names: References) -> list[str]:
    """Codes of the column's group, or models."""
    words = {label: code for code, label in column.choices.items()}
    found = []
    for item in _items(raw):
        text = _plain(item, 200)
        code = words.get(text, text)
        if code not in column.choices:
            code = _model(text)
        found.append(code)
    return _distinct(column, found)


def _model(raw: Any) -> str:
    text = _plain(raw, 200).upper()
    if _MODEL.fullmatch(text) is None:
        raise BadValue("not_model")
    return text


def _choices(column: Column, raw: Any, _names: References) -> list[str]:
    chosen = {_chosen(column, item) for item in _items(raw)}
    return [code for code in column.choices if code in chosen]


def _items(raw: Any) -> list[Any]:
    if not isinstance(raw, list | tuple):
        raise BadValue("not_list")
    return [item for item in raw if item is not None and item != ""]


def _distinct(column: Column, items: Any) -> list[str]:
    found = [item for item in dict.fromkeys(items) if item]
    if len(found) > column.limit:
        raise BadValue("too_many", limit=column.limit)
    return found


def _week(_column: Column, raw: Any, _names: References) -> list[dict[str, Any]] | None:
    try:
        return setup_hours.week(raw) or None
    except setup_hours.BadHours as error:
        raise BadValue(str(error)) from error


def _windows(_column: Column, raw: Any, _names: References) -> list[dict[str, str]]:
    try:
        return setup_hours.windows(raw)
    except setup_hours.BadHours as error:
        raise BadValue(str(error)) from error


def _counts(column: Column, raw: Any, names: References) -> dict[str, int]:
    found = {}
    for key, count in _pairs(raw, column.limit):
        found[_referred(column, _plain(key, 200), names)] = _whole(count, 1, 99)
    return dict(sorted(found.items()))


def _prices(column: Column, raw: Any, _names: References) -> dict[str, dict[str, str]]:
    found = {}
    for model, price in _pairs(raw, column.limit):
        if not isinstance(price, Mapping) or set(price) != {"parts", "labour"}:
            raise BadValue("not_pairs")
        found[_model(model)] = {
            "parts": _amount(price["parts"], column.most),
            "labour": _amount(price["labour"], column.most),
        }
    return dict(sorted(found.items()))


def _warranty(column: Column, raw: Any, _names: References) -> dict[str, int]:
    if not isinstance(raw, Mapping) or not set(raw) <= set(column.choices):
        raise BadValue("not_pairs")
    given = {key: value for key, value in raw.items() if value not in (None, "")}
    if given and set(given) != set(column.choices):
        raise BadValue("both_warranty")
    return {key: _whole(given[key], 1, 2_000_000) for key in column.choices if given}


def _pairs(raw: Any, limit: int) -> list[tuple[Any, Any]]:
    if not isinstance(raw, Mapping):
        raise BadValue("not_pairs")
    if len(raw) > limit:
        raise BadValue("too_many", limit=limit)
    return list(raw.items())


def _arrivals(column: Column, raw: Any, _names: References) -> list[dict[str, Any]]:
    found: dict[str, int] = {}
    for entry in _items(raw):
        if not isinstance(entry, Mapping) or set(entry) != {"date", "count"}:
            raise BadValue("not_pairs")
        day = day_of(entry["date"]).isoformat()
        count = _whole(entry["count"], 0, column.most)
        if count:
            found[day] = found.get(day, 0) + count
    if len(found) > column.limit:
        raise BadValue("too_many", limit=column.limit)
    return [{"date": day, "count": count} for day, count in sorted(found.items())]


def _parameters(_column: Column, raw: Any, _names: References) -> dict[str, Any]:
    try:
        return setup_station.read(raw)
    except setup_station.BadStation as error:
        raise BadValue(error.code, **error.values) from error


def _any(_column: Column, raw: Any, _names: References) -> Any:
    return raw


_READERS: Mapping[str, Callable[[Column, Any, References], Any]] = {
    "text": _text,
    "code": _code,
    "number": _number,
    "decimal": _decimal,
    "money": _money,
    "flag": _flag,
    "choice": _choice,
    "choices": _choices,
    "reference": _reference,
    "date": _day,
    "until": _day,
    "list": _list,
    "codes": _codes,
    "week": _week,
    "windows": _windows,
    "counts": _counts,
    "prices": _prices,
    "warranty": _warranty,
    "arrivals": _arrivals,
    "parameters": _parameters,
    "value": _any,
}
