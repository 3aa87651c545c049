"""What is fitted at a release, and how it judges the articles that may answer a question.

Four voices say how near each article is: a classifier with a "background" class of unrelated
sentences, the nearest of the article's questions, its answer, and the characters they share. How
much each voice counts, and how sure the sum has to be, is fitted at every release (`fit`): cosines
live in a narrow band that moves with the knowledge base.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge_base.lens import PLAIN, Ground, Lens, View
from knowledge_base.regression import Calibration, Floats, Ints, Softmax

CANDIDATES = 64
"""Articles among which the sum's certainty is measured, when searching and when fitting."""
_SAME = 0.02
"""How much less near an article's new questions may be, and its old class still speak for it."""


@dataclass(frozen=True)
class Model:
    """Everything that is fitted. `head` has a class an article and the background, or, where the
    articles are too many for that, two classes: ours and not."""

    view: View
    head: Softmax
    mixture: Floats
    right: Calibration
    near: Calibration
    answer_from: float
    clarify_from: float

    def to_bytes(self) -> bytes:
        """Return the model as an npz file."""
        buffer = io.BytesIO()
        arrays: dict[str, Any] = {
            "centre": self.view.centre,
            "question_centre": self.view.question_centre,
            "answer_centre": self.view.answer_centre,
            "basis": self.head.basis.astype(np.float16),
            "weights": self.head.weights.astype(np.float16),
            "mixture": self.mixture,
            "thresholds": np.array([self.answer_from, self.clarify_from]),
        }
        for name, each in (("right", self.right), ("near", self.near)):
            arrays[name] = np.stack([each.mean, each.scale, each.weights])
            arrays[name + "_bias"] = np.array(each.bias)
        if isinstance(self.view.lens, Ground):
            arrays |= {f"lens_{name}": part for name, part in self.view.lens.parts().items()}
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """Return the model behind `to_bytes`; raises ValueError or KeyError if it is none."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                return cls._read(stored)
        except (zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"no model: {error}") from error

    @classmethod
    def _read(cls, stored: Any) -> Model:
        calibrations = {
            name: Calibration(
                mean=stored[name][0],
                scale=stored[name][1],
                weights=stored[name][2],
                bias=float(stored[name + "_bias"]),
            )
            for name in ("right", "near")
        }
        answer_from, clarify_from = (float(value) for value in stored["thresholds"])
        return cls(
            view=View(
                centre=stored["centre"],
                question_centre=stored["question_centre"],
                answer_centre=stored["answer_centre"],
                lens=_lens(stored),
            ),
            head=Softmax(stored["basis"].astype(np.float32), stored["weights"].astype(np.float32)),
            mixture=stored["mixture"],
            answer_from=answer_from,
            clarify_from=clarify_from,
            **calibrations,
        )


def _lens(stored: Any) -> Lens:
    if "lens_centre" not in stored:
        return PLAIN
    parts = {name: stored[f"lens_{name}"].astype(np.float32) for name in Ground.PARTS}
    return Ground(**parts)


def classed(log_p: Floats, articles: int) -> bool:
    """Tell whether the classifier has a class for each of so many articles."""
    return log_p.shape[1] == articles + 1


def voices(head: Floats | None, nearest: Floats, answers: Floats, shared: Floats) -> Floats:
    """Return what the four voices say, shape (questions, articles, voices); `head` is the
    logarithm of each article's class, None if the classifier knows no articles."""
    said = np.zeros_like(nearest) if head is None else np.maximum(head, -20)
    return np.asarray(np.stack([said, nearest, answers, shared], axis=2), dtype=np.float32)


def lent_head(
    head: Floats,
    nearest: Floats,
    newer: Floats,
    own_head: Floats,
    own_nearest: Floats,
    changed: NDArray[np.bool_],
) -> Floats:
    """Return what the classifier would say of articles that were published after it was fitted.

    `head` and `nearest` are of the articles that it knows, shape (questions, known); `newer` is the
    nearest question of each newer article, shape (questions, newer), and so are `own_head` and
    `own_nearest`, of what the article said before if it was `changed`. An article keeps its class
    as long as its questions are as near as its old ones were. Otherwise it gets the best that was
    said of an article that is no nearer: neither an advantage over the nearest nor a handicap.
    """
    lent = np.full(newer.shape, -20, dtype=np.float32)
    if nearest.shape[1]:
        order = np.argsort(nearest, axis=1)
        rising = np.take_along_axis(nearest, order, axis=1)
        best = np.maximum.accumulate(np.take_along_axis(head, order, axis=1), axis=1)
        for row in range(len(newer)):
            at = np.searchsorted(rising[row], newer[row], side="right") - 1
            lent[row] = np.where(at >= 0, best[row, at], -20)
    keeps = changed & (newer >= own_nearest - _SAME)
    return np.where(keeps, np.maximum(lent, own_head), lent)


def seen(parts: Floats, log_p: Floats, scores: Floats, order: Ints) -> Floats:
    """Return, for each question, what speaks for its best article: the input of `Calibration`."""
    rows = np.arange(len(parts))
    best = order[:, 0]
    second = order[:, 1] if order.shape[1] > 1 else best
    top = scores[rows, best]
    spread = np.log(np.exp(np.take_along_axis(scores, order, axis=1) - top[:, None]).sum(axis=1))
    background = np.maximum(log_p[:, -1], -20)
    ours = np.log(np.maximum(1 - np.exp(np.minimum(background, -1e-6)), 1e-9))
    own = parts[rows, best]
    others = parts.copy()
    others[rows, best] = np.finfo(np.float32).min
    leads = np.clip(own - others.max(axis=1), -10, 10) if parts.shape[1] > 1 else own
    looks = np.concatenate(
        [
            np.minimum(top - scores[rows, second], 10)[:, None],
            -spread[:, None],
            own,
            leads,
            (ours - background)[:, None],
        ],
        axis=1,
    )
    return np.asarray(looks, dtype=np.float32)


def best_first(scores: Floats, limit: int) -> Ints:
    """Return the columns of the `limit` highest scores of each row, the highest first."""
    limit = min(limit, scores.shape[1])
    some = np.argpartition(-scores, limit - 1, axis=1)[:, :limit]
    inside = np.take_along_axis(scores, some, axis=1)
    return np.asarray(np.take_along_axis(some, np.argsort(-inside, axis=1, kind="stable"), axis=1))
