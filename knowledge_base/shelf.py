"""Articles side by side under one view: which may answer a question, and how near each is.

A `Shelf` compares a question with every article. A `LargeShelf` first asks for candidates (by the
nearest questions, the nearest answers and shared words) and then says of those exactly what a
`Shelf` would have said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from knowledge_base.entries import Entries
from knowledge_base.lens import View
from knowledge_base.lexicon import Lexicon
from knowledge_base.model import CANDIDATES
from knowledge_base.regression import Floats, Ints
from knowledge_base.rows import gather

LARGE = 20_000
"""Questions and answers from which candidates are looked up: all of them take 4 ms here."""
NEAREST = 256
"""Nearest questions looked up; they belong to some forty articles."""
BY_ANSWER = 24
BY_WORDS = 24
"""Candidates that come from their answers, and from the words they share."""
WAYS = 50
"""Questions looked at of a candidate that was found by its answer or its words alone."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Asked:
    """Questions ready to be compared: `rows` with questions, `for_answers` with answers, one row
    each, and their weighted `words`."""

    rows: Floats
    for_answers: Floats
    words: csr_matrix


@dataclass(frozen=True)
class Heard:
    """What is said of some articles: their places `at` on the shelf, and for each question their
    `nearest` question, their `answers` and `shared` words, shape (questions, articles)."""

    at: Ints
    nearest: Floats
    answers: Floats
    shared: Floats


class AnyShelf(Protocol):
    """What both kinds of shelf have."""

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    places: Mapping[str, int]
    lexicon: Lexicon
    at_once: int
    """Questions that are compared in one go."""

    def hear(self, asked: Asked, hidden: Mask) -> Heard:
        """Say how near the articles are that are not hidden; at most `at_once` questions."""
        ...

    def written(self, text: str) -> tuple[int, ...]:
        """Return the places of the articles that have `text` word for word."""
        ...


def shelve(entries: Entries, view: View, lexicon: Lexicon) -> AnyShelf:
    """Return the entries on the shelf that their number needs."""
    rows = len(entries.texts) + len(entries.ids)
    return (LargeShelf if rows > LARGE else Shelf)(entries, view, lexicon)


class _Base:
    """Names and exact words. Keeps no raw rows."""

    def __init__(self, entries: Entries, lexicon: Lexicon) -> None:
        self.ids = entries.ids
        self.titles = entries.titles
        self.lexicon = lexicon
        self.places: Mapping[str, int] = {each: at for at, each in enumerate(entries.ids)}
        # Nearly every text belongs to one article: a number takes a tenth of a set's memory.
        exact: dict[str, int | tuple[int, ...]] = {}
        for text, owner in zip(entries.texts, entries.owners().tolist(), strict=True):
            known = exact.get(text)
            if known is None:
                exact[text] = owner
            else:
                exact[text] = (*(known if isinstance(known, tuple) else (known,)), owner)
        self._exact = exact

    def written(self, text: str) -> tuple[int, ...]:
        """Return the places of the articles that have `text` word for word."""
        found = self._exact.get(text, ())
        return found if isinstance(found, tuple) else (found,)


class Shelf(_Base):
    """Compares with every article."""

    at_once = 256  # bounds the memory of a batch

    def __init__(self, entries: Entries, view: View, lexicon: Lexicon) -> None:
        super().__init__(entries, lexicon)
        self._starts = entries.starts
        self._questions = view.questions(entries.vectors)
        self._answers = view.answers(entries.answers)

    def hear(self, asked: Asked, hidden: Mask) -> Heard:
        """Say how near each article is that is not hidden."""
        heard = Heard(
            at=np.arange(len(self.ids)),
            nearest=np.maximum.reduceat(asked.rows @ self._questions.T, self._starts, axis=1),
            answers=asked.for_answers @ self._answers.T,
            shared=self.lexicon.compare(asked.words),
        )
        if not hidden.any():
            return heard
        at = np.flatnonzero(~hidden)
        return Heard(at, heard.nearest[:, at], heard.answers[:, at], heard.shared[:, at])


class LargeShelf(_Base):
    """Looks up candidates, and says of them what a `Shelf` says of all."""

    at_once = 1

    def __init__(self, entries: Entries, view: View, lexicon: Lexicon) -> None:
        super().__init__(entries, lexicon)
        self._ends = np.append(entries.starts, len(entries.texts))
        self._owners = entries.owners()
        self._questions = gather(entries.vectors, view.questions)
        self._answers = gather(entries.answers, view.answers)

    def hear(self, asked: Asked, hidden: Mask) -> Heard:
        """Say how near the candidates are; one question."""
        row, for_answers = asked.rows[0], asked.for_answers[0]
        shared = self.lexicon.compare(asked.words)[0]
        cosines, numbers = self._questions.nearest(row, NEAREST)
        owners, first = np.unique(self._owners[numbers], return_index=True)
        nearest_first = np.argsort(first)[:CANDIDATES]
        near, near_by = owners[nearest_first], cosines[first[nearest_first]]
        answered, answered_by = self._answers.nearest(for_answers, BY_ANSWER)[::-1]
        worded = np.argpartition(shared, -min(BY_WORDS, len(shared)))[-BY_WORDS:]
        chosen = np.zeros(len(self.ids), dtype=bool)
        chosen[near] = chosen[answered] = chosen[worded] = True
        at = np.flatnonzero(chosen & ~hidden)
        nearest, missing = self._known(at, near, near_by)
        nearest[missing] = self._nearest_of(at[missing], row)
        answers, missing = self._known(at, answered, answered_by)
        answers[missing] = self._answers.take(at[missing]) @ for_answers
        return Heard(at, nearest[None], answers[None], shared[at][None])

    def _known(self, at: Ints, places: Ints, values: Floats) -> tuple[Floats, Ints]:
        """Return the values of the places `at`, and which of them nobody knows yet."""
        every = np.full(len(self.ids), np.nan, dtype=np.float32)
        every[places] = values
        found: Floats = every[at]
        return found, np.flatnonzero(np.isnan(found))

    def _nearest_of(self, places: Ints, row: Floats) -> Floats:
        if not len(places):
            return np.zeros(0, dtype=np.float32)
        starts = self._ends[places]
        sizes = np.minimum(self._ends[places + 1] - starts, WAYS)
        firsts = np.cumsum(sizes) - sizes
        numbers = np.arange(int(sizes.sum())) + np.repeat(starts - firsts, sizes)
        found: Floats = np.maximum.reduceat(self._questions.take(numbers) @ row, firsts)
        return found
