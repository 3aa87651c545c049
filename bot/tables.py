"""Tables of figures: on the console, in a Markdown page, as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from bot.measures import Measure

NOTHING = "–"
_PLACE = re.compile(r"<!-- ([a-z][a-z_ ]*) -->")


@dataclass(frozen=True)
class Table:
    """A table; `place` is where it stands in the page's template."""

    place: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        """Raise ValueError for a row that is shorter or longer than the head."""
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"{self.title}: {len(row)} cells under {len(self.head)}: {row}")

    def markdown(self) -> str:
        """Return the table for a page."""
        lines = [self.head, tuple("---" for _ in self.head), *self.rows]
        return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)

    def show(self, console: Console) -> None:
        """Print the table."""
        table = RichTable(*self.head, title=self.title, title_justify="left", title_style="bold")
        for row in self.rows:
            # As text: a bracket in a sentence is no markup.
            table.add_row(*map(Text, row))
        console.print(table)

    def as_json(self) -> dict[str, Any]:
        """Return the table as plain JSON."""
        return {"title": self.title, "head": self.head, "rows": self.rows}


def figure(value: float | None, places: int = 3) -> str:
    """Return a figure as it is shown; a dash for none and for nan."""
    return NOTHING if value is None or math.isnan(value) else f"{value:.{places}f}"


def measured(measure: Measure | None) -> str:
    """Return a measure's figure with what it was counted over, and a cross if it misses its aim."""
    if measure is None:
        return NOTHING
    missed = " ✗" if measure.met is False else ""
    return f"{figure(measure.value)} of {measure.count}{missed}"


def side_by_side(
    place: str, title: str, columns: Mapping[str, Mapping[str, float]], names: Sequence[str] = ()
) -> Table:
    """Return a table with a row a figure and a column for each of `columns`.

    The rows are `names`, or every figure in the order in which they turn up.
    """
    found = dict.fromkeys(name for column in columns.values() for name in column)
    rows = [
        (name, *(figure(column.get(name)) for column in columns.values()))
        for name in (names or found)
        if name in found
    ]
    return Table(place, title, ("", *columns), tuple(rows))


def fill(template: str, parts: Mapping[str, str]) -> str:
    """Put each part in its place: `<!-- name -->` alone in a line of the template.

    A place without a part says that it was not measured. Raises ValueError for a part that has no
    place.
    """
    places = set(_PLACE.findall(template))
    if parts.keys() - places:
        raise ValueError(f"the template has no place for {sorted(parts.keys() - places)}")
    return _PLACE.sub(lambda found: parts.get(found[1], "Not measured in this run."), template)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").replace("<", "&lt;").split())
