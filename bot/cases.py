"""The sentences that understanding is measured on, and what each must come out with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.components.understanding import UNDERSTOOD
from pitstop.base.settings import ROOT

CASES = ROOT / "tests" / "nlu"


@dataclass(frozen=True)
class Case:
    """A sentence, and the route it must (or must not) come out with."""

    text: str
    route: str | None
    must_not: str | None = None
    entities: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CaseSet:
    """Cases of one origin. `blind`: nobody who chooses examples or weights has read them."""

    name: str
    cases: tuple[Case, ...]
    blind: bool

    @property
    def owned(self) -> list[Case]:
        """Return the cases that have a route to come out with."""
        return [case for case in self.cases if case.route]


@dataclass(frozen=True)
class Read:
    """A case with what the trained model made of it (the components' output)."""

    case: Case
    parsed: dict[str, Any]

    @property
    def route(self) -> str:
        """Return the route that it came out with."""
        return str(self.parsed[UNDERSTOOD]["route"])

    @property
    def right(self) -> bool:
        """Tell whether that is the route it must come out with."""
        return self.route == self.case.route


def load_cases(folder: Path) -> list[Case]:
    """Read the cases of `folder/*.yml`, not of the folders below."""
    cases: list[Case] = []
    for path in sorted(folder.glob("*.yml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        cases += [
            Case(
                str(row["text"]),
                data.get("route"),
                data.get("must_not"),
                dict(row.get("entities") or {}),
            )
            for row in data["cases"]
        ]
    return cases


def load_sets(folder: Path = CASES) -> list[CaseSet]:
    """Read every set: the first lies in `folder` itself, the blind ones in folders below."""
    found = [CaseSet("first", tuple(load_cases(folder)), blind=False)]
    for name in ("second", "third"):
        cases = tuple(load_cases(folder / name))
        if cases:
            found.append(CaseSet(name, cases, blind=True))
    return found


def load_messages(folder: Path) -> list[Case]:
    """Read messages with everything that they name: `text`, and each kind's list of values.

    What is not listed is not named. They have no route.
    """
    return [
        Case(str(row["text"]), None, entities={k: v for k, v in row.items() if k != "text"})
        for path in sorted(folder.glob("*.yml"))
        for row in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


def entities_right(case: Case, parsed: dict[str, Any]) -> bool:
    """Tell whether everything the case names was found with its value."""
    found = {(each["entity"], str(each["value"])) for each in parsed["entities"]}
    return all((name, str(value)) in found for name, value in case.entities.items())


def routes_of(reads: Iterable[Read]) -> list[tuple[str, str]]:
    """Return meant and understood route of the cases that have a route."""
    return [(str(each.case.route), each.route) for each in reads if each.case.route]
