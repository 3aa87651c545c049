"""Each example is left out once, and each fold has its part of every intent."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bot.components.masking import mask
from bot.components.wish_model import Shape, WishModel
from bot.folds import Learnt, cross_validate, settings_of, shape, stratified


def test_folds_are_stratified_and_the_same_each_time() -> None:
    labels = ["a"] * 10 + ["b"] * 5 + ["c"] * 15

    fold = stratified(labels, 5)

    parts = Counter(zip(labels, fold.tolist(), strict=True))
    assert {label: {parts[label, n] for n in range(5)} for label in "abc"} == {
        "a": {2},
        "b": {1},
        "c": {3},
    }
    assert (fold == stratified(labels, 5)).all()


def learnt() -> Learnt:
    texts = [f"换电站{n}" for n in range(6)] + [f"投诉销售{n}" for n in range(6)]
    others = [f"天气预报{n}" for n in range(4)]
    rows = np.repeat(np.eye(3, 4, dtype=np.float32), [6, 6, 4], axis=0)
    return Learnt(
        written=texts,
        masked=[mask(text, []) for text in [*texts, *others]],
        vectors=rows + np.random.default_rng(0).normal(0, 0.01, rows.shape).astype(np.float32),
        labels=["swap"] * 6 + ["complain"] * 6 + ["other"] * 4,
        shares=np.array([1.0] * 12 + [0.3] * 4),
    )


def test_what_is_left_out_is_understood_from_the_rest() -> None:
    steps: list[tuple[int, int]] = []

    held = cross_validate(
        learnt(), 3, lambda: WishModel(Shape(first=2)), lambda *step: steps.append(step)
    )

    assert held.chances.shape == (12, 3)
    assert held.chances.sum(axis=1) == pytest.approx(np.ones(12), abs=1e-5)
    assert held.right.all()
    assert (held.sure == held.chances.max(axis=1)).all()
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_one_fold_is_none() -> None:
    with pytest.raises(ValueError, match="two folds"):
        cross_validate(learnt(), 1, lambda: WishModel(Shape()))


def test_the_shape_is_that_of_the_configuration() -> None:
    assert shape() == Shape(**settings_of("WishClassifier")["shape"])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="names no"):
        settings_of("Nobody")
