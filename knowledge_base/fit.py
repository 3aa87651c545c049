"""Fitting a release: what each voice counts, how sure is sure enough.

Every similar question is left out once, in five parts, and searched for in what is left; sentences
that have nothing to do with the knowledge base are searched for beside them. From how these
searches came out follow the voices' weights, the calibration and both thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge_base.entries import Entries
from knowledge_base.lens import BLOCK, PLAIN, Lens, Raw, View, middle
from knowledge_base.lexicon import Lexicon
from knowledge_base.model import CANDIDATES, Model, best_first, classed, seen, voices
from knowledge_base.regression import (
    Calibration,
    Floats,
    Ints,
    Softmax,
    fit_calibration,
    fit_mixture,
    fit_softmax,
)

VERSION = 3
"""Raise when a fit of the same articles may come out otherwise."""

# What the product promises; the thresholds follow from these and the articles.
PRECISION = 0.98
"""Of the left-out questions that get a straight answer, how many get the right one."""
UNRELATED_STRAIGHT = 0.01
"""How many unrelated sentences may get a straight answer."""
UNRELATED_CLARIFY = 0.20
"""How many unrelated sentences may get candidates or an answer."""

FOLDS = 5
SAMPLE = 2000
"""Left-out questions looked at: more would change no threshold and take minutes."""
CLASSES = 400
"""Articles up to which the classifier has a class each; its time grows with their square."""
ROWS = 20_000
"""Questions that the classifier learns from: of more, every so-maniest one."""
AT_ONCE = 4_000_000
"""Pairs of a question and an article whose voices are held at once: 64 MB."""
FEW = 20
"""With fewer similar questions than this, standard questions are left out as well."""
USUAL = np.array([1.1, 7.0, 9.0, 20.0], dtype=np.float32)
"""The voices' weights before anything is known; measured on the shipped articles."""

Report = Callable[[int, int], None]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Figures:
    """How the left-out questions and the unrelated sentences fared; shares of 1."""

    held_out: int
    unrelated: int
    top_1: float
    top_3: float
    auc: float
    straight: float
    straight_right: float
    clarified: float
    clarified_right: float
    unrelated_straight: float
    unrelated_clarified: float

    def as_json(self) -> dict[str, Any]:
        """Return the figures with four places."""
        return {
            key: value if isinstance(value, int) else round(float(value), 4)
            for key, value in asdict(self).items()
        }


@dataclass(frozen=True)
class _Trial:
    """Searches that came out: candidates' voices, the background's share, the right article."""

    parts: Floats
    log_p: Floats
    candidates: Ints
    right: Ints  # -1: none, the sentence is unrelated


def fit(
    entries: Entries,
    unrelated: Raw,
    unrelated_texts: Sequence[str],
    report: Report | None = None,
    *,
    lens: Lens = PLAIN,
    lexicon: Lexicon | None = None,
) -> tuple[Model, Figures]:
    """Fit a model on the entries and raw rows of unrelated sentences; deterministic.

    `lexicon` is that of the entries' documents, if it is there already. Raises ValueError if there
    is no article.
    """
    if not entries.ids:
        raise ValueError("nothing to fit: no article")
    owners = entries.owners()
    standard = np.zeros(len(owners), dtype=bool)
    standard[entries.starts] = True
    parts_of = _parts(owners, standard)
    view = View(
        centre=_between(middle(entries.vectors, lens), unrelated, lens),
        question_centre=middle(entries.vectors[entries.starts], lens),
        answer_centre=middle(entries.answers, lens),
        lens=lens,
    )
    base = _Base(entries=entries, owners=owners, view=view, unrelated=unrelated)
    # A left-out standard question may not be found by its own words in its article's document.
    bare = bool((parts_of[standard] >= 0).any())
    if bare:
        lexicon = Lexicon.of([text.split("\n", 1)[-1] for text in entries.documents])
    lexicon = lexicon or Lexicon.of(entries.documents)
    trials: list[_Trial] = []
    strangers = np.arange(len(unrelated)) % FOLDS
    for fold in range(FOLDS):
        held, out = parts_of == fold, strangers == fold
        texts = [entries.texts[i] for i in np.flatnonzero(held)]
        texts += [unrelated_texts[i] for i in np.flatnonzero(out)]
        trials.append(base.try_out(held, out, texts, lexicon))
        if report is not None:
            report(fold + 1, FOLDS + 1)
    trial = _join(trials)
    mixture, right, near, answer_from, clarify_from, figures = _decide(trial)
    head = base.head(np.ones(len(owners), dtype=bool), np.ones(len(unrelated), dtype=bool))
    if report is not None:
        report(FOLDS + 1, FOLDS + 1)
    return Model(view, head, mixture, right, near, answer_from, clarify_from), figures


@dataclass(frozen=True)
class _Base:
    entries: Entries
    owners: Ints
    view: View
    unrelated: Raw

    def head(self, kept: Flags, strangers: Flags) -> Softmax:
        """Learn the classifier from the rows kept."""
        count = len(self.entries.ids)
        known = self._learnt_from(kept)
        rows = np.concatenate(
            [
                self.view.questions(self.entries.vectors[known]),
                self.view.questions(self.unrelated[strangers]),
            ]
        )
        ours = self.owners[known] if count <= CLASSES else np.zeros(len(known), dtype=np.int64)
        classes = count if count <= CLASSES else 1
        background = np.full(int(strangers.sum()), classes)
        return fit_softmax(rows, np.concatenate([ours, background]), classes + 1)

    def _learnt_from(self, kept: Flags) -> Ints:
        known = np.flatnonzero(kept)
        if len(known) <= ROWS:
            return known
        standard = np.zeros(len(kept), dtype=bool)
        if len(self.entries.ids) <= CLASSES:
            # Each class keeps a row at least.
            standard[self.entries.starts] = True
        standard[known[:: len(known) // ROWS + 1]] = True
        return np.flatnonzero(standard & kept)

    def try_out(self, held: Flags, out: Flags, texts: Sequence[str], lexicon: Lexicon) -> _Trial:
        """Search for the held-out rows and strangers, whose `texts` these are, in what is left."""
        head = self.head(~held, ~out)
        asked = np.concatenate([self.entries.vectors[held], self.unrelated[out]])
        right = np.concatenate([self.owners[held], np.full(int(out.sum()), -1)])
        rows, for_answers = self.view.questions(asked), self.view.for_answers(asked)
        words = lexicon.words.weigh(texts)
        answers = self.view.answers(self.entries.answers)
        found: list[_Trial] = []
        count = len(self.entries.ids)
        step = max(min(AT_ONCE // count, 400), 16)
        for at in range(0, len(asked), step):
            cut = slice(at, at + step)
            log_p = head.log_probabilities(rows[cut])
            parts = voices(
                log_p[:, :count] if classed(log_p, count) else None,
                self._nearest(rows[cut], held),
                for_answers[cut] @ answers.T,
                lexicon.compare(words[cut]),
            )
            candidates = best_first(parts @ USUAL, CANDIDATES)
            # The right article is always a candidate: the weights are learnt from it.
            truth = right[cut]
            lost = (truth >= 0) & ~(candidates == truth[:, None]).any(axis=1)
            candidates[lost, -1] = truth[lost]
            few = np.take_along_axis(parts, candidates[:, :, None], axis=1)
            found.append(_Trial(few, log_p[:, -1:], candidates, truth))
        return _join(found)

    def _nearest(self, rows: Floats, held: Flags) -> Floats:
        """Return each article's nearest question that is not held out, shape (rows, articles)."""
        ends = np.append(self.entries.starts, len(self.owners))
        found = np.empty((len(rows), len(self.entries.ids)), dtype=np.float32)
        first = 0
        while first < found.shape[1]:
            # As many whole articles as fit into a block, one at least.
            last = int(np.searchsorted(ends, ends[first] + BLOCK, side="right")) - 1
            last = max(last, first + 1)
            block = slice(ends[first], ends[last])
            cosines = rows @ self.view.questions(self.entries.vectors[block]).T
            cosines[:, held[block]] = -1
            within = self.entries.starts[first:last] - ends[first]
            found[:, first:last] = np.maximum.reduceat(cosines, within, axis=1)
            first = last
        return found


def _join(trials: Sequence[_Trial]) -> _Trial:
    return _Trial(
        parts=np.concatenate([each.parts for each in trials]),
        log_p=np.concatenate([each.log_p for each in trials]),
        candidates=np.concatenate([each.candidates for each in trials]),
        right=np.concatenate([each.right for each in trials]),
    )


def _decide(trial: _Trial) -> tuple[Floats, Calibration, Calibration, float, float, Figures]:
    ours = trial.right >= 0
    place = (trial.candidates[ours] == trial.right[ours, None]).argmax(axis=1)
    mixture = fit_mixture(trial.parts[ours], place, USUAL)
    scores = trial.parts @ mixture
    order = best_first(scores, CANDIDATES)
    looks = seen(trial.parts, trial.log_p, scores, order)
    ranked = np.take_along_axis(trial.candidates, order, axis=1)
    first = ours & (ranked[:, 0] == trial.right)
    third = ours & (ranked[:, :3] == trial.right[:, None]).any(axis=1)
    # Questions and strangers count the same, however many of each there are.
    share = np.where(ours, 0.5 / max(ours.sum(), 1), 0.5 / max((~ours).sum(), 1)) * len(ours)
    right = fit_calibration(looks, first, share.astype(np.float32))
    near = fit_calibration(looks, third, share.astype(np.float32))
    chance, close = right.chance(looks), near.chance(looks)
    answer_from = _sure(chance, first, ours)
    clarify_from = _above(close[~ours], UNRELATED_CLARIFY)
    straight = chance >= answer_from
    clarified = ~straight & (close >= clarify_from)
    figures = Figures(
        held_out=int(ours.sum()),
        unrelated=int((~ours).sum()),
        top_1=_share(first[ours]),
        top_3=_share(third[ours]),
        auc=_auc(close[ours], close[~ours]),
        straight=_share(straight[ours]),
        straight_right=_share(first[ours & straight]),
        clarified=_share(clarified[ours]),
        clarified_right=_share(third[ours & clarified]),
        unrelated_straight=_share(straight[~ours]),
        unrelated_clarified=_share(clarified[~ours]),
    )
    return mixture, right, near, answer_from, clarify_from, figures


def _sure(chance: Floats, right: Flags, ours: Flags) -> float:
    """Return the lowest chance from which `PRECISION` of the answers to ours are right."""
    order = np.argsort(-chance[ours], kind="stable")
    sorted_chance, hits = chance[ours][order], right[ours][order]
    good = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    enough = np.flatnonzero(good >= PRECISION)
    least = float(sorted_chance[enough[-1]]) if len(enough) else _next(float(sorted_chance[0]))
    return max(least, _above(chance[~ours], UNRELATED_STRAIGHT))


def _above(chance: Floats, share: float) -> float:
    """Return the lowest threshold that at most `share` of the values reach."""
    if not len(chance):
        return 0.5
    falling = np.sort(chance)[::-1]
    return _next(float(falling[int(len(falling) * share)]))


def _next(value: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(2)))


def _parts(owners: Ints, standard: Flags) -> Ints:
    """Return in which fold each row is left out, -1 for never; an article's rows are spread."""
    fold = np.full(len(owners), -1)
    rows = np.flatnonzero(~standard)
    if len(rows) < FEW:
        rows = np.arange(len(owners))
    random = np.random.default_rng(0)
    if len(rows) > SAMPLE:
        rows = np.sort(random.choice(rows, SAMPLE, replace=False))
    shuffled = random.permutation(rows)
    shuffled = shuffled[np.argsort(owners[shuffled], kind="stable")]
    fold[shuffled] = np.arange(len(shuffled)) % FOLDS
    return fold


def _between(ours: Floats, strangers: Raw, lens: Lens) -> Floats:
    """Return the middle between ours and strangers, so that a knowledge base's size is no voice."""
    if not len(strangers):
        return ours
    return np.asarray((ours + middle(strangers, lens)) / 2, dtype=np.float32)


def _share(flags: Flags) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _auc(ours: Floats, strangers: Floats) -> float:
    if not len(ours) or not len(strangers):
        return 0.0
    below = np.searchsorted(np.sort(strangers), ours, side="left")
    same = np.searchsorted(np.sort(strangers), ours, side="right") - below
    return float((below + same / 2).mean() / len(strangers))
