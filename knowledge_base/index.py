"""The searchable knowledge base of one release, in memory.

Four voices say how near each article is to a question: a classifier with a "background" class of
unrelated sentences, the nearest of the article's questions, its answer, and the characters they
share. How much each voice counts, and how sure the sum has to be, is fitted at every publish
(`fit`): cosines live in a narrow band that moves with the knowledge base.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from knowledge_base.lexicon import Lexicon
from knowledge_base.regression import Calibration, Floats, Ints, Softmax
from pitstop.language.normalize import normalize

Decision = Literal["answer", "clarify", "none"]
Mask = NDArray[np.bool_]

CHUNK = 256
"""Questions compared at once: bounds the memory of a batch over a large knowledge base."""
CANDIDATES = 64
"""Articles among which the sum's certainty is measured, here and when fitting."""
EXACT = 0.999
"""The score of a question that is written in the knowledge base word for word."""


def prepare(text: str) -> str:
    """Return the spelling of a text that is encoded and compared."""
    return normalize(text).text


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


@dataclass(frozen=True)
class Entries:
    """What can be found: articles in order, and their questions grouped by article.

    `starts[i]` is the first row of article i; `answers` has one row an article.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    starts: Ints
    texts: tuple[str, ...]
    vectors: Floats
    answers: Floats
    documents: tuple[str, ...]

    def owners(self) -> Ints:
        """Return the article of each row."""
        sizes = np.diff(np.append(self.starts, len(self.texts)))
        return np.repeat(np.arange(len(self.ids)), sizes)


@dataclass(frozen=True)
class Model:
    """Everything that is fitted. `head` has a class an article and the background, or, where the
    articles are too many for that, two classes: ours and not."""

    centre: Floats
    question_centre: Floats
    answer_centre: Floats
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
            "centre": self.centre,
            "question_centre": self.question_centre,
            "answer_centre": self.answer_centre,
            "basis": self.head.basis.astype(np.float16),
            "weights": self.head.weights.astype(np.float16),
            "mixture": self.mixture,
            "thresholds": np.array([self.answer_from, self.clarify_from]),
        }
        for name, each in (("right", self.right), ("near", self.near)):
            arrays[name] = np.stack([each.mean, each.scale, each.weights])
            arrays[name + "_bias"] = np.array(each.bias)
        np.savez_compressed(buffer, **arrays)
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Model:
        """Return the model behind `to_bytes`; raises ValueError or KeyError if it is none."""
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
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
                centre=stored["centre"],
                question_centre=stored["question_centre"],
                answer_centre=stored["answer_centre"],
                head=Softmax(
                    stored["basis"].astype(np.float32), stored["weights"].astype(np.float32)
                ),
                mixture=stored["mixture"],
                answer_from=answer_from,
                clarify_from=clarify_from,
                **calibrations,
            )


def unit(rows: Floats) -> Floats:
    """Scale rows to length 1; zeros stay zeros."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms == 0, 1, norms), dtype=np.float32)


def voices(
    log_p: Floats, nearest: Floats, answers: Floats, shared: Floats, articles: int
) -> Floats:
    """Return what the four voices say, shape (questions, articles, voices)."""
    if log_p.shape[1] == articles + 1:
        head = np.maximum(log_p[:, :articles], -20)
    else:
        head = np.zeros_like(nearest)
    return np.asarray(np.stack([head, nearest, answers, shared], axis=2), dtype=np.float32)


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


class Index:
    """A release, ready to be searched; never changes, so that threads may share it."""

    def __init__(self, entries: Entries, model: Model, *, version: int, encoder: str) -> None:
        self.version = version
        self.encoder = encoder
        self.entries = entries
        self.model = model
        self.withdrawn: frozenset[str] = frozenset()
        self._questions = unit(entries.vectors - model.centre)
        self._answers = unit(entries.answers - model.answer_centre)
        self._lexicon = Lexicon(entries.documents)
        self._hidden: Mask = np.zeros(len(entries.ids), dtype=bool)
        exact: dict[str, set[int]] = {}
        for text, owner in zip(entries.texts, entries.owners(), strict=True):
            exact.setdefault(text, set()).add(int(owner))
        self._exact: Mapping[str, set[int]] = exact

    def __len__(self) -> int:
        return len(self.entries.ids)

    def without(self, article_ids: Iterable[str]) -> Index:
        """Return the same index with these articles hidden."""
        hidden = frozenset(article_ids)
        copy = object.__new__(Index)
        copy.__dict__.update(self.__dict__)
        copy.withdrawn = hidden
        copy._hidden = np.array([each in hidden for each in self.entries.ids], dtype=bool)
        return copy

    def search(self, vector: Floats, text: str, limit: int = 3) -> Result:
        """Search for one question; `vector` is the encoder's row for `prepare(text)`."""
        return self.search_many(vector.reshape(1, -1), [text], limit)[0]

    def search_many(self, vectors: Floats, texts: Sequence[str], limit: int = 3) -> list[Result]:
        """Search for several questions, one row of `vectors` each."""
        found: list[Result] = []
        spelled = [prepare(text) for text in texts]
        for start in range(0, len(spelled), CHUNK):
            stop = start + CHUNK
            found += self._search(vectors[start:stop], spelled[start:stop], max(limit, 1))
        return found

    def _search(self, vectors: Floats, texts: Sequence[str], limit: int) -> list[Result]:
        model, count = self.model, len(self)
        if count == 0 or bool(self._hidden.all()):
            return [Result("none", []) for _ in texts]
        rows = unit(vectors - model.centre)
        log_p = model.head.log_probabilities(rows)
        nearest = np.maximum.reduceat(rows @ self._questions.T, self.entries.starts, axis=1)
        answers = unit(vectors - model.question_centre) @ self._answers.T
        parts = voices(log_p, nearest, answers, self._lexicon.compare(texts), count)
        scores = parts @ model.mixture
        scores[:, self._hidden] = -1e6
        order = best_first(scores, max(limit, CANDIDATES))
        looks = seen(parts, log_p, scores, order)
        right, near = model.right.chance(looks), model.near.chance(looks)
        return [
            self._result(text, scores[i], order[i], float(right[i]), float(near[i]), limit)
            for i, text in enumerate(texts)
        ]

    def _result(
        self, text: str, scores: Floats, order: Ints, right: float, near: float, limit: int
    ) -> Result:
        known = sorted(at for at in self._exact.get(text, ()) if not self._hidden[at])
        if known:
            # Written in the knowledge base as it is; under two articles, the owner chooses.
            order = np.array([*known, *(at for at in order if at not in known)])
            hits = [
                self._hit(int(at), EXACT if at in known else right / 2)
                for at in order[:limit]
                if not self._hidden[at]
            ]
            return Result("answer" if len(known) == 1 else "clarify", hits)
        shares = np.exp(scores[order] - scores[order[0]])
        hits = [
            self._hit(int(at), right * float(share))
            for at, share in zip(order[:limit], shares, strict=False)
            if not self._hidden[at]
        ]
        decision: Decision = "none"
        if text and right >= self.model.answer_from:
            decision = "answer"
        elif text and near >= self.model.clarify_from:
            decision = "clarify"
        return Result(decision, hits)

    def _hit(self, at: int, score: float) -> Hit:
        return Hit(self.entries.ids[at], self.entries.titles[at], round(min(score, EXACT), 4))
