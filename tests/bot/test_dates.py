"""A reading is compared with what is expected to the grain that was said, and no further."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.dates import judge, load_dates, load_phrases, meaning, measure
from pitstop.language.times import TimeSpan
from pitstop.language.times.model import ZONE


def span(start: str | None, end: str | None = None, problem: str | None = None) -> TimeSpan:
    from datetime import datetime

    def moment(text: str | None) -> Any:
        return None if text is None else datetime.fromisoformat(text).replace(tzinfo=ZONE)

    return TimeSpan(moment(start), moment(end), "", None, "", (0, 0), problem)


def expect(start: str | None, grain: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    def zoned(text: str | None) -> str | None:
        return None if text is None else text + "+08:00"

    return {"start": zoned(start), "end": zoned(end), "grain": grain, **more}


@pytest.mark.parametrize(
    ("wanted", "found", "outcome"),
    [
        (expect("2026-11-22T15:00", "hour"), span("2026-11-22T15:00"), "right"),
        (expect("2026-11-22T15:00", "hour"), span("2026-11-22T03:00"), "wrong"),
        (expect("2026-11-22T15:00", "hour"), None, "not noticed"),
        (expect("2026-11-22T15:00", "hour"), span(None, problem="past"), "not noticed"),
        (expect("2026-11-22T00:00", "day"), span("2026-11-22T00:00"), "right"),
        (expect("2026-11-23T00:00", "week"), span("2026-11-25T00:00"), "right"),
        (expect("2026-11-23T00:00", "week"), span("2026-11-30T00:00"), "wrong"),
        (expect("2026-12-01T00:00", "month"), span("2026-12-09T00:00"), "right"),
        (
            expect("2026-11-22T04:00", "daypart", window=["04:00", "11:59"]),
            span("2026-11-22T08:00"),
            "right",
        ),
        (
            expect("2026-11-22T04:00", "daypart", window=["04:00", "11:59"]),
            span("2026-11-22T13:00"),
            "wrong",
        ),
        (
            expect("2026-11-22T14:00", "hour", "2026-11-22T16:00"),
            span("2026-11-22T14:00", "2026-11-22T16:00"),
            "right",
        ),
        (
            expect("2026-11-22T14:00", "hour", "2026-11-22T16:00"),
            span("2026-11-22T14:00"),
            "wrong end",
        ),
        (
            expect(None, "day", "2026-11-27T00:00", open="before"),
            span(None, "2026-11-27T00:00"),
            "right",
        ),
        (
            expect("2026-11-21T10:00", "day", "2026-11-25T00:00", open="within"),
            span("2026-11-21T10:07", "2026-11-25T00:00"),
            "right",
        ),
        (None, None, "right"),
        (None, span(None, problem="impossible"), "right"),
        (None, span("2026-11-22T15:00"), "wrong"),
    ],
)
def test_a_reading_is_judged(
    wanted: dict[str, Any] | None, found: TimeSpan | None, outcome: str
) -> None:
    assert judge(wanted, found) == outcome


@pytest.mark.parametrize(
    ("meant", "found"),
    [
        ("2026-11-25", span("2026-11-25T00:00")),
        ("2026-11-25T15:00", span("2026-11-25T15:00")),
        ("2026-11-25 morning|noon", span("2026-11-25T08:00")),
        ("2026-11-25 .. 2026-11-28", span("2026-11-25T00:00", "2026-11-28T00:00")),
        ("week 2026-11-23", span("2026-11-23T00:00")),
        ("month 2026-12", span("2026-12-01T00:00")),
        ("2026-11-25 after", span("2026-11-25T00:00")),
        ("until 2026-11-25T17:00", span(None, "2026-11-25T17:00")),
        ("within 2026-11-25", span("2026-11-21T10:00", "2026-11-25T00:00")),
        ("no", None),
    ],
)
def test_the_notation_of_phrases_is_understood(meant: str, found: TimeSpan | None) -> None:
    assert judge(meaning(meant), found) == "right"
    assert judge(meaning(meant), span("2031-01-01T07:00", "2031-02-01T00:00")) == "wrong"


def test_another_notation_is_refused() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        meaning("some day")


def test_phrases_are_read_with_their_now(tmp_path: Path) -> None:
    path = tmp_path / "times.yml"
    said = {"明天三点": "2026-11-22T15:00", "一点点": "no"}
    path.write_text(json.dumps([{"now": "2026-11-21T10:00", "about": "x", "say": said}]))

    assert measure(load_phrases(path))["right start and end"] == 1.0


def test_dates_are_read_and_counted(tmp_path: Path) -> None:
    now = "2026-11-21T10:00:00+08:00"
    rows = [
        {"text": "明天下午三点", "now": now, "expect": expect("2026-11-22T15:00", "hour")},
        {"text": "明天下午三點", "now": now, "expect": expect("2026-11-22T16:00", "hour")},
        {"text": "随便", "now": now, "expect": expect("2026-11-22T16:00", "hour")},
        {"text": "一点也不快", "now": now, "expect": None},
    ]
    text = "\n".join(json.dumps(row) for row in rows) + "\n"
    (tmp_path / "time_sealed.jsonl").write_text(text)

    found = measure(load_dates(tmp_path))

    assert found["right start"] == pytest.approx(1 / 3)
    assert found["wrong start"] == pytest.approx(1 / 3)
    assert found["not noticed"] == pytest.approx(1 / 3)
    assert found["no date, and none read"] == 1.0
