"""Tables say what was found, and the page keeps what was written by hand."""

from __future__ import annotations

import math
import re

import pytest
from rich.console import Console

from bot import findings
from bot.cases import CASES, Case, CaseSet, Read, load_cases, load_sets
from bot.components.understanding import UNDERSTOOD
from bot.evaluate import PAGE, TEMPLATE
from bot.folds import DATA
from bot.measures import Measure, calibration
from bot.tables import Table, figure, fill, measured, side_by_side


def read(text: str, route: str | None, understood: str, must_not: str | None = None) -> Read:
    parsed = {UNDERSTOOD: {"route": understood, "decision": "none"}, "entities": []}
    return Read(Case(text, route, must_not), parsed)


def test_a_table_in_markdown() -> None:
    table = Table("x", "X", ("a", "b"), (("1|2", "<b>\n3"),))

    assert table.markdown() == "| a | b |\n| --- | --- |\n| 1/2 | &lt;b> 3 |"


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cells under 2"):
        Table("x", "X", ("a", "b"), (("1",),))


def test_a_bracket_is_no_markup() -> None:
    console = Console(width=60, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    Table("x", "X", ("a",), (("[red]y",),)).show(console)

    assert "[red]y" in console.export_text()


def test_figures() -> None:
    assert (figure(0.12345), figure(1, 2), figure(None), figure(math.nan)) == (
        "0.123",
        "1.00",
        "–",
        "–",
    )
    assert measured(Measure("x", 0.5, 8, "≥ .90")) == "0.500 of 8 ✗"
    assert measured(Measure("x", 0.95, 8, "≥ .90")) == "0.950 of 8"
    assert measured(None) == "–"


def test_columns_side_by_side() -> None:
    columns = {"ours": {"AUC": 0.9, "straight": 0.5}, "BM25": {"AUC": 0.8}}

    table = side_by_side("x", "X", columns, ("straight", "AUC", "absent"))

    assert table.head == ("", "ours", "BM25")
    assert table.rows == (("straight", "0.500", "–"), ("AUC", "0.900", "0.800"))


def test_the_page_keeps_what_is_around_the_places() -> None:
    template = "By hand.\n\n<!-- a -->\n\nMore, <!-- day -->.\n\n<!-- not there -->\n"

    page = fill(template, {"a": "| 1 |", "day": "Monday"})

    assert page == "By hand.\n\n| 1 |\n\nMore, Monday.\n\nNot measured in this run.\n"


def test_a_table_without_a_place_is_noticed() -> None:
    with pytest.raises(ValueError, match="no place"):
        fill("<!-- a -->", {"b": ""})


def test_the_template_has_each_place_once() -> None:
    places = re.findall(r"<!-- ([a-z_ ]+) -->", TEMPLATE.read_text(encoding="utf-8"))

    assert len(places) == len(set(places))
    assert {"date", "cases", "routes", "named", "baselines", "calibration", "limits"} <= set(places)


def test_a_set_is_measured_by_itself() -> None:
    reads = [
        read("1", "talk_to_human", "talk_to_human"),
        read("2", "feedback", "talk_to_human"),
        read("3", None, "book_swap", must_not="book_swap"),
        read("4", None, "faq", must_not="book_swap"),
    ]

    found = findings.of_cases("second", reads)

    assert found["right route"] == Measure("second: right route", 0.5, 2, "≥ .90")
    assert found["lowest recall of a route"].value == 0.0
    assert found["a person, precision"].value == 0.5
    assert found["must not be book_swap, is"].value == 0.5
    assert "danger, recall" not in found  # no case, no figure
    table = findings.cases_table({"second": found})
    assert table.rows[-1] == ("must not be book_swap, is", "≤ .05", "0.500 of 2 ✗")


def test_blind_sets_are_counted_together_and_apart_from_the_first() -> None:
    def one(name: str, understood: str, *, blind: bool) -> tuple[CaseSet, list[Read]]:
        reads = [read(name, "faq", understood)]
        return CaseSet(name, tuple(each.case for each in reads), blind), reads

    table = findings.routes_table(
        [
            one("first", "faq", blind=False),
            one("second", "faq", blind=True),
            one("third", "feedback", blind=True),
        ]
    )

    assert table.rows == (
        ("feedback", "–", "–", "–", "0.00", "0.00", "0"),
        ("faq", "1.00", "1.00", "1", "0.50", "1.00", "2"),
    )


def test_named_values_are_counted_by_kind_and_group() -> None:
    def naming(wanted: dict[str, object], *found: tuple[str, object]) -> Read:
        entities = [
            {"entity": kind, "value": value, "start": at, "end": at + 1}
            for at, (kind, value) in enumerate(found)
        ]
        return Read(Case("", None, entities=wanted), {"entities": entities})

    table = findings.named_table(
        {
            "cases": [naming({"plate": "A1"}, ("plate", "A1"), ("phone", "1"))],
            "messages": [naming({"phone": ["1", "2"]}, ("phone", "1")), naming({}, ("phone", "3"))],
        }
    )

    assert table.rows == (
        ("plate", "1.000", "1", "0", "0", "–", "–", "–", "–"),
        # The cases name no phone, so that one found in them is neither right nor wrong.
        ("phone", "–", "–", "–", "–", "0.500", "1", "1", "1"),
        ("all", "1.000", "1", "0", "0", "0.500", "1", "1", "1"),
    )


def test_a_confusion_shows_some_of_its_sentences() -> None:
    rows = [("a", "b", str(number)) for number in range(6)]

    table = findings.confusions_table("x", "X", rows)

    assert table.rows == (("a", "b", "6", "0 · 1 · 2 · 3 · … 2 more"),)


def test_calibration_ends_with_its_error() -> None:
    table = findings.calibration_table({"folds": calibration([0.95, 0.85], [True, False])})

    assert table.rows[9] == ("0.9–1.0", "1", "0.950", "1.000")
    assert table.rows[-1] == ("expected calibration error", "", "", "0.450")


def test_no_blind_sentence_is_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    ours = "\n".join(path.read_text(encoding="utf-8") for path in DATA.glob("*.yml"))
    ours += "\n".join(case.text for case in load_cases(CASES))

    blind = [case.text for each in load_sets() if each.blind for case in each.cases]

    # What is short may be said by anybody.
    assert blind
    assert [text for text in blind if len(text) >= 8 and text in page and text not in ours] == []
