"""The searchable knowledge base, in memory: one release, and what was published since.

A release's articles stand on one shelf; those that were changed or added since (the delta) on a
small second one, judged by the release's model. What they replace is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from knowledge_base.entries import Entries
from knowledge_base.entries import prepare as prepare
from knowledge_base.lexicon import Lexicon
from knowledge_base.model import CANDIDATES, Model, best_first, classed, lent_head, seen, voices
from knowledge_base.regression import Floats, Ints
from knowledge_base.shelf import Asked, Heard, Mask, Shelf, shelve

Decision = Literal["answer", "clarify", "none"]

EXACT = 0.999
"""The score of a question that is written in the knowledge base word for word."""


@dataclass(frozen=True)
class Hit:
    """A candidate. `score`: the fitted chance, 0..1, that it answers the question."""

    article_id: str
    question: str
    score: float


@dataclass(frozen=True)
class Result:
    """What a search decided, with its best candidates first, whatever the decision."""

    decision: Decision
    hits: list[Hit]


class Index:
    """A release and its delta, ready to be searched; never changes, so that threads may share it.

    `version` is the release's, `delta` the number of the delta on top of it (0: none). An
    article's place is its place on the release's shelf, or, behind those, on the delta's.
    """

    def __init__(
        self,
        entries: Entries,
        model: Model,
        *,
        version: int,
        encoder: str,
        lexicon: Lexicon | None = None,
    ) -> None:
        self.version = version
        self.delta = 0
        self.encoder = encoder
        self.model = model
        self.withdrawn: frozenset[str] = frozenset()
        lexicon = lexicon or Lexicon.of(entries.documents)
        self._base = shelve(entries, model.view, lexicon)
        self._words = lexicon.words
        self._newer: Shelf | None = None
        self._replaced: frozenset[str] = frozenset()
        self._hide()

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the articles that can be found: the release's, then the delta's."""
        newer = self._newer.ids if self._newer is not None else ()
        names = (*self._base.ids, *newer)
        hidden = np.concatenate([self._hidden, self._newer_hidden])
        return tuple(each for each, gone in zip(names, hidden, strict=True) if not gone)

    def __len__(self) -> int:
        return int((~self._hidden).sum() + (~self._newer_hidden).sum())

    def with_delta(self, number: int, entries: Entries | None, gone: Iterable[str]) -> Index:
        """Return the same release with another delta on top, instead of the present one.

        `entries` are the articles changed or added since, raw rows as ever; `gone` names those
        that are live no more.
        """
        copy = self._copy()
        copy.delta = number
        copy.withdrawn = frozenset()
        copy._replaced = frozenset(gone)
        copy._words, copy._newer = self._base.lexicon.words, None
        if entries is not None and entries.ids:
            # A part number that the release has never seen is a word from now on.
            copy._words = copy._words.with_terms_of(entries.documents)
            lexicon = Lexicon.of(entries.documents, copy._words)
            copy._newer = Shelf(entries, self.model.view, lexicon)
            copy._replaced |= frozenset(entries.ids)
        copy._hide()
        return copy

    def without(self, article_ids: Iterable[str]) -> Index:
        """Return the same index with these articles hidden, instead of those hidden now."""
        copy = self._copy()
        copy.withdrawn = frozenset(article_ids)
        copy._hide()
        return copy

    def search(self, vector: Floats, text: str, limit: int = 3) -> Result:
        """Search for one question; `vector` is the encoder's row for `prepare(text)`."""
        return self.search_many(vector.reshape(1, -1), [text], limit)[0]

    def search_many(self, vectors: Floats, texts: Sequence[str], limit: int = 3) -> list[Result]:
        """Search for several questions, one row of `vectors` each."""
        found: list[Result] = []
        spelled = [prepare(text) for text in texts]
        step = self._base.at_once
        for start in range(0, len(spelled), step):
            stop = start + step
            found += self._search(vectors[start:stop], spelled[start:stop], max(limit, 1))
        return found

    def _copy(self) -> Index:
        copy = object.__new__(Index)
        copy.__dict__.update(self.__dict__)
        return copy

    def _hide(self) -> None:
        self._hidden = _mask(self._base.places, self._replaced | self.withdrawn)
        places = self._newer.places if self._newer is not None else {}
        self._newer_hidden = _mask(places, self.withdrawn)

    def _search(self, vectors: Floats, texts: Sequence[str], limit: int) -> list[Result]:
        if len(self) == 0:
            return [Result("none", []) for _ in texts]
        view = self.model.view
        asked = Asked(view.questions(vectors), view.for_answers(vectors), self._words.weigh(texts))
        log_p = self.model.head.log_probabilities(asked.rows)
        places, parts = self._judge(asked, log_p)
        if not len(places):
            return [Result("none", []) for _ in texts]
        scores = parts @ self.model.mixture
        order = best_first(scores, max(limit, CANDIDATES))
        looks = seen(parts, log_p, scores, order)
        right, near = self.model.right.chance(looks), self.model.near.chance(looks)
        return [
            self._result(
                text, scores[i][order[i]], places[order[i]], float(right[i]), float(near[i]), limit
            )
            for i, text in enumerate(texts)
        ]

    def _judge(self, asked: Asked, log_p: Floats) -> tuple[Ints, Floats]:
        """Return the places of the articles that come into question, and their voices."""
        base = self._base
        heard = base.hear(asked, self._hidden)
        knows = classed(log_p, len(base.ids))
        head = log_p[:, heard.at] if knows else None
        parts = voices(head, heard.nearest, heard.answers, heard.shared)
        if self._newer is None:
            return heard.at, parts
        newer = self._newer.hear(asked, self._newer_hidden)
        lent = self._lent(asked, log_p, heard, newer) if knows else None
        more = voices(lent, newer.nearest, newer.answers, newer.shared)
        places = np.concatenate([heard.at, newer.at + len(base.ids)])
        return places, np.concatenate([parts, more], axis=1)

    def _lent(self, asked: Asked, log_p: Floats, heard: Heard, newer: Heard) -> Floats:
        assert self._newer is not None
        places = [self._base.places.get(self._newer.ids[at], -1) for at in newer.at]
        own = np.array(places, dtype=np.int64)
        # Of all, the hidden ones too: what the old questions said is compared with the new ones.
        everything = self._base.hear(asked, np.zeros_like(self._hidden))
        return lent_head(
            log_p[:, heard.at], heard.nearest, newer.nearest,
            log_p[:, own], everything.nearest[:, own], own >= 0,
        )  # fmt: skip

    def _result(
        self, text: str, scores: Floats, places: Ints, right: float, near: float, limit: int
    ) -> Result:
        known = self._written(text)
        if known:
            # Written in the knowledge base as it is; under two articles, the owner chooses.
            order = [*known, *(at for at in places.tolist() if at not in known)]
            hits = [self._hit(at, EXACT if at in known else right / 2) for at in order[:limit]]
            return Result("answer" if len(known) == 1 else "clarify", hits)
        shares = np.exp(scores - scores[0])
        hits = [
            self._hit(at, right * float(share))
            for at, share in zip(places[:limit].tolist(), shares, strict=False)
        ]
        decision: Decision = "none"
        if text and right >= self.model.answer_from:
            decision = "answer"
        elif text and near >= self.model.clarify_from:
            decision = "clarify"
        return Result(decision, hits)

    def _written(self, text: str) -> list[int]:
        count = len(self._base.ids)
        found = [at for at in self._base.written(text) if not self._hidden[at]]
        if self._newer is not None:
            found += [at + count for at in self._newer.written(text) if not self._newer_hidden[at]]
        return found

    def _hit(self, place: int, score: float) -> Hit:
        shelf, at = self._base, place
        if self._newer is not None and place >= len(self._base.ids):
            shelf, at = self._newer, place - len(self._base.ids)
        return Hit(shelf.ids[at], shelf.titles[at], round(min(score, EXACT), 4))


def _mask(places: Mapping[str, int], names: Iterable[str]) -> Mask:
    mask = np.zeros(len(places), dtype=bool)
    mask[[places[name] for name in names if name in places]] = True
    return mask
