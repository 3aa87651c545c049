"""Figures are counted as their names say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bot.measures import (
    Measure,
    Tally,
    at_limit,
    auc,
    calibration,
    calibration_error,
    confusions,
    fallback_costs,
    named_values,
    route_order,
    share,
    tallies,
)


def test_a_share_of_nothing_is_nothing() -> None:
    assert share([]) == 0.0
    assert share([True, False, False, True]) == 0.5


def test_recall_and_precision_of_each_label() -> None:
    found = tallies([("a", "a"), ("a", "b"), ("b", "b"), ("c", "b")])

    assert found["a"] == Tally(right=1, wrong=0, missed=1)
    assert found["b"] == Tally(right=1, wrong=2, missed=0)
    assert (found["b"].precision, found["b"].recall) == (pytest.approx(1 / 3), 1.0)
    assert found["c"] == Tally(missed=1)


def test_f1_is_the_harmonic_mean() -> None:
    tally = Tally(right=6, wrong=2, missed=4)

    both = 2 * tally.precision * tally.recall / (tally.precision + tally.recall)
    assert tally.f1 == pytest.approx(both)
    assert Tally().f1 == 0.0


@pytest.mark.parametrize(
    ("value", "aim", "met"),
    [(0.9, "≥ .90", True), (0.89, "≥ .90", False), (0.05, "≤ .05", True), (0.5, "", None)],
)
def test_an_aim_is_met_or_not(value: float, aim: str, met: bool | None) -> None:
    assert Measure("x", value, 10, aim).met is met


def test_confusions_come_with_the_commonest_first() -> None:
    rows = [("a", "b", "1"), ("a", "a", "2"), ("c", "a", "3"), ("c", "a", "4"), ("b", "a", "5")]

    assert confusions(rows, 2) == [("c", "a", ["3", "4"]), ("a", "b", ["1"])]


def test_routes_keep_their_order() -> None:
    assert route_order(["faq", "book_swap", "nlu_fallback"]) == ["book_swap", "faq"]


# --- calibration ----------------------------------------------------------------------------------


def test_bins_hold_what_is_equally_sure() -> None:
    bins = calibration([0.0, 0.05, 0.1, 0.7, 0.75, 1.0], [False, True, True, True, False, True])

    assert [each.count for each in bins] == [2, 1, 0, 0, 0, 0, 0, 2, 0, 1]
    assert (bins[0].low, bins[0].high) == (0.0, 0.1)
    assert (bins[7].sure, bins[7].right) == (pytest.approx(0.725), 0.5)
    assert math.isnan(bins[2].sure) and math.isnan(bins[2].right)


@pytest.mark.parametrize("edge", range(10))
def test_an_edge_belongs_to_the_bin_above_it(edge: int) -> None:
    # 0.1 * 3 is not 0.3.
    bins = calibration([0.1 * edge], [True])

    assert bins[edge].count == 1


def test_the_calibration_error_weighs_bins_by_what_they_hold() -> None:
    sure = [0.95] * 8 + [0.25] * 2
    right = [True] * 6 + [False] * 2 + [True, False]

    error = calibration_error(calibration(sure, right))

    assert error == pytest.approx(0.8 * (0.95 - 0.75) + 0.2 * (0.5 - 0.25))
    assert calibration_error(calibration([], [])) == 0.0


# --- thresholds -----------------------------------------------------------------------------------


def test_auc_counts_pairs_and_half_of_the_ties() -> None:
    assert auc([0.9, 0.8], [0.1, 0.2]) == 1.0
    assert auc([0.1], [0.9]) == 0.0
    assert auc([0.5, 0.5], [0.5]) == 0.5
    assert auc([3, 1], [2, 1]) == pytest.approx((2 + 0.5) / 4)
    assert math.isnan(auc([], [1.0]))


def test_what_reaches_a_limit_is_believed() -> None:
    found = at_limit(np.array([0.5, 0.4, 0.6, 0.1]), np.array([True, True, False, False]), 0.5)

    assert found == Tally(right=1, wrong=1, missed=1)


def test_a_fallback_costs_right_actions_and_spares_wrong_ones() -> None:
    names = ["book_swap", "out_of_scope"]
    chances = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    labels = ["book_swap", "book_swap", "out_of_scope", "out_of_scope"]

    assert fallback_costs(chances, names, labels, 0.5) == (0.5, 0.0)
    assert fallback_costs(chances, names, labels, 0.8) == (0.0, 0.5)


# --- named values ---------------------------------------------------------------------------------


def entity(kind: str, value: object, start: int = 0) -> dict[str, object]:
    return {"entity": kind, "value": value, "start": start, "end": start + 2}


def test_values_are_right_wrong_or_missed() -> None:
    found = named_values(
        {"plate": "A1", "mileage_km": 3000, "store": "x"},
        [entity("plate", "A1"), entity("mileage_km", 3000, 5), entity("phone", "1", 9)],
        ("plate", "mileage_km", "store", "phone", "vin"),
    )

    assert found == {
        "plate": Tally(right=1),
        "mileage_km": Tally(right=1),
        "store": Tally(missed=1),
        "phone": Tally(wrong=1),
    }


def test_an_ambiguous_name_is_right_if_one_reading_is() -> None:
    readings = [entity("store", "east"), entity("store", "west"), entity("store", "north", 9)]

    assert named_values({"store": "west"}, readings, ["store"]) == {"store": Tally(1, 1, 0)}


def test_a_value_named_twice_counts_once() -> None:
    twice = [entity("model", "X"), entity("model", "X", 7)]

    assert named_values({"model": "X"}, twice, ["model"]) == {"model": Tally(right=1)}


def test_several_values_of_a_kind_are_all_wanted() -> None:
    found = named_values({"model": ["X", "Y"]}, [entity("model", "X")], ["model"])

    assert found == {"model": Tally(right=1, missed=1)}
