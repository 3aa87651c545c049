"""How sure is sure enough, fitted on what was left out."""

from __future__ import annotations

import numpy as np
import pytest

from bot.components.limits import HIGHEST, LOWEST, fit_limits, left_out
from bot.components.masking import mask
from bot.components.wish_model import Shape, WishModel

NAMES = ["book_swap", "out_of_scope", "roadside_rescue", "talk_to_human"]


def _rows(*chances: tuple[float, float, float, float]) -> np.ndarray:
    return np.array(chances, dtype=np.float32)


def test_an_unsure_intent_is_not_believed_where_strangers_come_in() -> None:
    ours = [(0.9, 0.05, 0.03, 0.02)] * 20
    strangers = [(0.4, 0.35, 0.15, 0.1)] * 20
    limits = fit_limits(
        _rows(*ours, *strangers),
        NAMES,
        ["book_swap"] * 20 + ["out_of_scope"] * 20,
        np.arange(40) >= 20,
    )
    assert 0.4 < limits.fallback <= HIGHEST


def test_an_intent_is_believed_where_no_stranger_is_taken_for_it() -> None:
    ours = [(0.3, 0.25, 0.25, 0.2)] * 20
    strangers = [(0.05, 0.9, 0.03, 0.02)] * 20
    limits = fit_limits(
        _rows(*ours, *strangers),
        NAMES,
        ["book_swap"] * 20 + ["out_of_scope"] * 20,
        np.arange(40) >= 20,
    )
    assert limits.fallback == pytest.approx(LOWEST)


def test_danger_is_seen_sooner_than_the_wish_for_a_person() -> None:
    rows, labels = [], []
    for name, at in (("roadside_rescue", 2), ("talk_to_human", 3)):
        for chance in np.linspace(0.05, 0.95, 40):
            row = [(1 - chance) / 3] * 4
            row[at] = float(chance)
            rows.append(tuple(row))
            # The surer it looks, the likelier it is; about even at a third.
            labels.append(name if chance > 0.5 or len(rows) % 3 == 0 else "book_swap")
    limits = fit_limits(_rows(*rows), NAMES, labels, np.zeros(len(rows), dtype=bool))
    assert limits.urgent["roadside_rescue"] < limits.urgent["talk_to_human"]


def test_each_row_is_judged_by_a_model_that_has_not_seen_it() -> None:
    random = np.random.default_rng(0)
    labels = ["a", "b"] * 30
    vectors = random.normal(size=(60, 8)).astype(np.float32)
    texts = [mask(f"{label}{at}", []) for at, label in enumerate(labels)]
    # Vectors of noise: a model that had seen a row would know its nearest example, itself.
    chances, names = left_out(
        texts, vectors, labels, [1.0] * 60,
        lambda: WishModel(Shape(first=8, chars=0.1, words=0, sounds=0, near=8.0)),
    )  # fmt: skip
    right = np.array(names)[chances.argmax(axis=1)] == np.array(labels)
    assert names == ["a", "b"]
    assert right.mean() < 0.8


def test_an_intent_with_too_few_examples_is_said() -> None:
    texts = [mask("x", []) for _ in range(7)]
    with pytest.raises(ValueError, match="examples"):
        left_out(
            texts, np.eye(7, dtype=np.float32), ["a"] * 6 + ["b"], [1.0] * 7,
            lambda: WishModel(Shape(first=7, words=0, sounds=0)),
        )  # fmt: skip
