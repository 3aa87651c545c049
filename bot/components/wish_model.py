"""The regression behind the classifier: sentence vectors beside the words and the facts.

The vectors carry the meaning, the n-grams the words that decide (人工, 催, 取消): either alone is
ten points worse on sentences by other authors. The nearest example of each intent has a say too:
an intent is many ways of speaking, and a regression draws one line around them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pypinyin import lazy_pinyin
from scipy import sparse
from scipy.optimize import minimize
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.components.masking import Masked
from pitstop.language.segment import segment

Floats = NDArray[np.float32]

NEAR_RANK = 256
"""Dimensions kept of the examples' vectors: the same nearest ones, at a third of the memory."""


@dataclass(frozen=True)
class Shape:
    """How much each kind of feature counts; ``make evaluate`` shows what comes of it.

    `first`: how many leading columns of a vector come from the first of two encoders; they are
    centred and scaled apart. `regularisation` is the inverse of the penalty. `balance`: 0 counts
    each example alike, 1 each intent alike. `near`: how much the cosine of an intent's nearest
    example adds to its score.
    """

    first: int = 384
    chars: float = 1.0
    words: float = 0.5
    sounds: float = 0.3
    facts: float = 0.3
    near: float = 5.0
    regularisation: float = 20.0
    balance: float = 1.0
    steps: int = 100


@lru_cache(maxsize=8192)
def _word_grams(text: str) -> tuple[str, ...]:
    words = [word for word, _, _ in segment(text)]
    return (*words, *(f"{a}_{b}" for a, b in pairwise(words)))


@lru_cache(maxsize=8192)
def _sound_grams(text: str) -> tuple[str, ...]:
    """Syllables without tones, two and three at a time: 换店 sounds like 换电."""
    sounds = lazy_pinyin(text)
    pairs = [" ".join(sounds[i : i + 2]) for i in range(len(sounds) - 1)]
    return (*pairs, *(" ".join(sounds[i : i + 3]) for i in range(len(sounds) - 2)))


class WishModel:
    """Multinomial logistic regression; deterministic."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.labels: list[str] = []
        self._grams: list[tuple[float, Any]] = []
        self._centre: Floats = np.zeros(0, dtype=np.float32)
        self._dense: Floats = np.zeros((0, 0), dtype=np.float32)
        self._sparse: Floats = np.zeros((0, 0), dtype=np.float32)
        self._bias: Floats = np.zeros(0, dtype=np.float32)
        self._basis: Floats = np.zeros((0, 0), dtype=np.float32)
        self._known: Floats = np.zeros((0, 0), dtype=np.float32)
        self._starts: NDArray[np.int64] = np.zeros(0, dtype=np.int64)

    def fit(
        self,
        texts: Sequence[Masked],
        vectors: Floats,
        labels: Sequence[str],
        weights: Sequence[float] | None = None,
    ) -> None:
        """Learn from examples: one row of `vectors`, and one of `weights`, per text."""
        self.labels = sorted(set(labels))
        classes = np.array([self.labels.index(label) for label in labels])
        self._centre = vectors.mean(axis=0)
        self._grams = self._vectorizers()
        for _, vectorizer in self._grams:
            vectorizer.fit([text.text for text in texts])
        dense, counted = self._vectors(vectors), self._counted(texts)
        share = self._share(classes, weights)
        weight = _minimise(dense, counted, classes, share, len(self.labels), self.shape)
        split = dense.shape[1]
        self._dense, self._sparse = weight[:split], weight[split:-1]
        self._bias = weight[-1]
        self._remember(vectors, classes)

    def predict(self, texts: Sequence[Masked], vectors: Floats) -> Floats:
        """Return probabilities, shape `(len(texts), len(labels))`."""
        scores = self._vectors(vectors) @ self._dense + self._bias
        scores = scores + self._counted(texts) @ self._sparse
        scores = scores + self.shape.near * self._nearest(vectors)
        return np.asarray(np.exp(_log_softmax(scores)), dtype=np.float32)

    def _remember(self, vectors: Floats, classes: NDArray[np.int64]) -> None:
        """Keep the examples' vectors, intent by intent."""
        rows = _unit(vectors - self._centre)
        _, axes = np.linalg.eigh(rows.T @ rows)
        rank = min(NEAR_RANK, rows.shape[1])
        self._basis = np.ascontiguousarray(axes[:, ::-1][:, :rank], dtype=np.float32)
        order = np.argsort(classes, kind="stable")
        self._known = _unit(rows[order] @ self._basis)
        self._starts = np.searchsorted(classes[order], np.arange(len(self.labels)))

    def _nearest(self, vectors: Floats) -> Floats:
        """Return the cosine of each intent's nearest example, shape `(len(vectors), labels)`."""
        rows = _unit(_unit(vectors - self._centre) @ self._basis)
        near = np.maximum.reduceat(rows @ self._known.T, self._starts, axis=1)
        return np.asarray(near, dtype=np.float32)

    def hints(self, texts: Sequence[Masked]) -> Floats:
        """Return what the words alone say, with no vector: quick, and less sure."""
        scores = self._counted(texts) @ self._sparse + self._bias
        return np.asarray(np.exp(_log_softmax(scores)), dtype=np.float32)

    def _vectorizers(self) -> list[tuple[float, Any]]:
        common: dict[str, Any] = {"min_df": 2, "sublinear_tf": True, "dtype": np.float32}
        kinds: list[tuple[float, dict[str, Any]]] = [
            (self.shape.chars, {"analyzer": "char", "ngram_range": (1, 3)}),
            (self.shape.words, {"analyzer": _word_grams}),
            (self.shape.sounds, {"analyzer": _sound_grams}),
        ]
        return [(how, TfidfVectorizer(**kind, **common)) for how, kind in kinds if how > 0]

    def _vectors(self, vectors: Floats) -> Floats:
        centred = vectors - self._centre
        at = min(self.shape.first, centred.shape[1])
        halves = [_unit(half) for half in (centred[:, :at], centred[:, at:]) if half.shape[1]]
        return np.asarray(np.hstack(halves) / np.sqrt(len(halves)), dtype=np.float32)

    def _counted(self, texts: Sequence[Masked]) -> Any:
        plain = [text.text for text in texts]
        blocks = [vectorizer.transform(plain) * how for how, vectorizer in self._grams]
        facts = np.array([text.facts for text in texts], dtype=np.float32) * self.shape.facts
        return sparse.hstack([*blocks, sparse.csr_matrix(facts)]).tocsr().astype(np.float32)

    def _share(self, classes: NDArray[np.int64], weights: Sequence[float] | None) -> Floats:
        own = np.ones(len(classes)) if weights is None else np.asarray(weights, dtype=np.float64)
        sizes = np.bincount(classes, weights=own, minlength=len(self.labels))
        share = own * (own.sum() / (len(self.labels) * sizes))[classes] ** self.shape.balance
        return np.asarray(share / share.mean(), dtype=np.float32)


def _minimise(
    dense: Floats,
    counted: Any,
    classes: NDArray[np.int64],
    share: Floats,
    count: int,
    shape: Shape,
) -> Floats:
    """Return the weights: rows for the dense columns, the counted ones, and the bias.

    Dense and sparse are multiplied apart: as one sparse matrix it takes ten times as long.
    """
    split, width = dense.shape[1], dense.shape[1] + counted.shape[1]
    turned = counted.T.tocsr()
    at = np.arange(len(classes))

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weight = flat.reshape(width + 1, count).astype(np.float32)
        log_p = _log_softmax(dense @ weight[:split] + counted @ weight[split:-1] + weight[-1])
        value = -float((share * log_p[at, classes]).sum(dtype=np.float64))
        value += 0.5 / shape.regularisation * float((weight[:-1] ** 2).sum(dtype=np.float64))
        rest = np.exp(log_p)
        rest[at, classes] -= 1
        rest *= share[:, None]
        slope = np.empty_like(weight)
        slope[:split] = dense.T @ rest
        slope[split:-1] = turned @ rest
        slope[:-1] += weight[:-1] / shape.regularisation
        slope[-1] = rest.sum(axis=0)
        return value, slope.ravel().astype(np.float64)

    options = {"maxiter": shape.steps, "maxcor": 6}
    start = np.zeros((width + 1) * count)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x.reshape(width + 1, count), dtype=np.float32)


def _unit(rows: Floats) -> Floats:
    return np.asarray(
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32
    )


def _log_softmax(scores: Floats) -> Floats:
    scores = scores - scores.max(axis=1, keepdims=True)
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), dtype=np.float32)
