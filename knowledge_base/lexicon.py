"""How much a question shares with an article in characters and words (TF-IDF).

A small voice beside meaning: it knows names and part numbers that an encoder has never seen.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from pitstop.language.segment import segment

Scores = NDArray[np.float32]


def tokens(text: str) -> list[str]:
    """Return the words, characters and pairs of neighbours of a normalised text."""
    lower = text.casefold()
    pairs = [lower[i : i + 2] for i in range(len(lower) - 1)]
    return [word for word, _, _ in segment(lower)] + pairs + list(lower)


class Lexicon:
    """TF-IDF rows of documents, ready to be compared with a question."""

    def __init__(self, documents: Sequence[str]) -> None:
        counts = [Counter(tokens(text)) for text in documents]
        spread: Counter[str] = Counter()
        for count in counts:
            spread.update(count.keys())
        self._terms = {term: at for at, term in enumerate(spread)}
        total = len(documents)
        self._idf = np.array(
            [math.log((1 + total) / (1 + found)) + 1 for found in spread.values()],
            dtype=np.float32,
        )
        # By term, so that a question touches only the terms it has.
        self._rows = self._matrix(counts).T.tocsr()
        self._size = total

    def compare(self, texts: Sequence[str]) -> Scores:
        """Return the cosine of each text with each document, shape (texts, documents)."""
        if not self._terms or not texts:
            return np.zeros((len(texts), self._size), dtype=np.float32)
        product = self._matrix([Counter(tokens(text)) for text in texts]) @ self._rows
        return np.asarray(product.todense(), dtype=np.float32)

    def _matrix(self, counts: Sequence[Counter[str]]) -> csr_matrix:
        starts, columns, values = [0], [], []
        for count in counts:
            known = [(self._terms[t], n) for t, n in count.items() if t in self._terms]
            row = np.array([1 + math.log(n) for _, n in known], dtype=np.float32)
            at = np.array([term for term, _ in known], dtype=np.int64)
            row = row * self._idf[at]
            norm = float(np.linalg.norm(row)) or 1.0
            columns.append(at)
            values.append(row / norm)
            starts.append(starts[-1] + len(known))
        return csr_matrix(
            (
                np.concatenate(values) if values else np.zeros(0, dtype=np.float32),
                np.concatenate(columns) if columns else np.zeros(0, dtype=np.int64),
                np.array(starts),
            ),
            shape=(len(counts), len(self._terms)),
        )
