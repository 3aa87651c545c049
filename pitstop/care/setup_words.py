"""The words of what a supervisor changes: ``setup_data.yml``, read once."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

_FILE = Path(__file__).with_name("setup_data.yml")


@lru_cache(maxsize=1)
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


def say(code: str, **values: object) -> str:
    """Return what is wrong, in Chinese; raises `KeyError` for an unknown code or value."""
    text: str = _data()["problems"][code]
    return text.format(**values)


def of_table(table: str) -> Mapping[str, Any]:
    """Return a table's ``label``, ``help`` and ``columns``."""
    found: Mapping[str, Any] = _data()["tables"][table]
    return found


def of_digest() -> Mapping[str, str]:
    """Return label and help of the column that says which version of a row was exported."""
    found: Mapping[str, str] = _data()["digest"]
    return found


def choices(group: str) -> Mapping[str, str]:
    """Return the codes of a group with their Chinese words, in the order they are shown."""
    found: Mapping[str, str] = _data()["choices"][group]
    return found


def groups() -> Mapping[str, Mapping[str, str]]:
    """Return every group of codes with its words."""
    found: Mapping[str, Mapping[str, str]] = _data()["choices"]
    return found


def words(name: str) -> Any:
    """Return words that people write in cells: days, yes and no, marks of money."""
    return _data()["words"][name]


def of_files() -> Mapping[str, Any]:
    """Return what is said about whole files."""
    found: Mapping[str, Any] = _data()["files"]
    return found


def parameters() -> Mapping[str, Mapping[str, Any]]:
    """Return what a swap station's parameters are called and what they may be."""
    found: Mapping[str, Mapping[str, Any]] = _data()["parameters"]
    return found


def rule(path: str) -> Mapping[str, Any]:
    """Return label, unit and limits of a rule of ``tariffs.yml``; empty for an unnamed one."""
    found: Mapping[str, Any] = _data()["tariffs"].get(path, {})
    return found
