"""What simple means do with the same sentences: nearest examples by words and by vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.routes import DIALOGUE
from pitstop.language.normalize import normalize
from pitstop.language.segment import segment

Rows = NDArray[np.float32]
Scores = NDArray[np.float64]

_K1, _B = 1.5, 0.75


class Bm25:
    """BM25 over jieba's words (k1 1.5, b 0.75)."""

    def __init__(self, documents: Sequence[str]) -> None:
        """Count the words of `documents`, normalised; raises ValueError if there are none."""
        if not documents:
            raise ValueError("nothing to search in")
        words = [Counter(_words(text)) for text in documents]
        sizes = np.array([max(sum(each.values()), 1) for each in words], dtype=np.float64)
        self._norm = _K1 * (1 - _B + _B * sizes / sizes.mean())
        self._places: dict[str, tuple[NDArray[np.int64], Scores]] = {}
        gathered: dict[str, list[tuple[int, int]]] = {}
        for at, each in enumerate(words):
            for word, times in each.items():
                gathered.setdefault(word, []).append((at, times))
        for word, hits in gathered.items():
            at, times = np.array(hits).T
            weight = np.log(1 + (len(words) - len(hits) + 0.5) / (len(hits) + 0.5))
            self._places[word] = at, weight * times * (_K1 + 1) / (times + self._norm[at])

    def scores(self, text: str) -> Scores:
        """Return the score of each document, shape (documents,)."""
        found = np.zeros(len(self._norm))
        for word in _words(text):
            if word in self._places:
                at, values = self._places[word]
                found[at] += values
        return found


def nearest_words(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Return the label of the best example by BM25."""
    engine = Bm25(known)
    return [labels[int(engine.scores(text).argmax())] for text in asked]


def nearest_vectors(known: Rows, labels: Sequence[str], asked: Rows) -> list[str]:
    """Return the label of the nearest known vector, by cosine after centring."""
    return [labels[int(i)] for i in cosines(known, asked).argmax(axis=1)]


def nearest_grams(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Return the label of the nearest example by character 1-3-grams (TF-IDF)."""
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    rows = grams.fit_transform(known)
    scores = np.asarray((grams.transform(asked) @ rows.T).todense())
    return [labels[int(i)] for i in scores.argmax(axis=1)]


def cosines(known: Rows, asked: Rows) -> Rows:
    """Return the cosine of each asked with each known row, shape (asked, known), after the known
    rows' mean was taken from both."""
    centre = known.mean(axis=0)
    return np.asarray(_unit(asked - centre) @ _unit(known - centre).T, dtype=np.float32)


def as_route(intent: str) -> str:
    """Return the route of an intent without a dialogue around it, where nothing else is known."""
    return "chitchat" if intent in DIALOGUE else intent


def _words(text: str) -> list[str]:
    return [word for word, _, _ in segment(normalize(text).text.casefold())]


def _unit(rows: Rows) -> Rows:
    return np.asarray(
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32
    )
