"""Our own examples, each understood by a classifier that has not seen it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import spacy
import yaml
from numpy.typing import NDArray
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.loading import load_data

import pitstop.language.pipeline as pipeline
from bot.components.classifier import background
from bot.components.featurizer import encode_examples
from bot.components.masking import Masked, mask
from bot.components.wish_model import Floats, Shape, WishModel
from bot.measures import Flags
from pitstop.base import clock
from pitstop.base.settings import ROOT
from pitstop.language.normalize import normalize
from pitstop.language.times import read_times

DATA = ROOT / "bot" / "data" / "nlu"
CONFIG = ROOT / "config.yml"
BATCH = 512
"""Texts encoded between two reports of progress."""

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Learnt:
    """What the classifier learns from: `examples` examples first, background sentences behind.

    `written` are the examples as they stand in the files; `vectors`, `labels`, `masked` and
    `shares` have a row for everything.
    """

    written: list[str]
    masked: list[Masked]
    vectors: Floats
    labels: list[str]
    shares: NDArray[np.float64]

    @property
    def examples(self) -> int:
        """Return how many of the rows are examples."""
        return len(self.written)

    @property
    def meant(self) -> list[str]:
        """Return the examples' intents."""
        return self.labels[: self.examples]


@dataclass(frozen=True)
class Held:
    """What left-out examples were taken for: `chances` has a row each, a column a name."""

    chances: Floats
    names: list[str]
    labels: list[str]

    @property
    def understood(self) -> list[str]:
        """Return the likeliest intent of each."""
        return [self.names[i] for i in self.chances.argmax(axis=1)]

    @property
    def right(self) -> Flags:
        """Tell of each whether that is what it means."""
        return np.array(self.understood) == np.array(self.labels)

    @property
    def sure(self) -> Floats:
        """Return the likeliest intent's chance."""
        return np.asarray(self.chances.max(axis=1))


def learnt(report: Report | None = None) -> Learnt:
    """Read the examples and the background as training does, encode and mask them."""
    examples = load_data(str(DATA)).intent_examples
    written = [str(each.get(TEXT)) for each in examples]
    step = settings_of("WishClassifier")
    path = ROOT / str(step.get("background") or "knowledge_base/background.yml")
    texts = [*(normalize(text).text for text in written), *background(path)]
    rows: list[Floats] = []
    for at in range(0, len(texts), BATCH):
        rows.append(encode_examples(texts[at : at + BATCH]))
        if report is not None:
            report(min(at + BATCH, len(texts)), len(texts))
    others = len(texts) - len(written)
    weight = float(str(step.get("background_weight") or 0.3))
    return Learnt(
        written=written,
        masked=[
            *_masked(texts[: len(written)]),
            *(mask(text, []) for text in texts[len(written) :]),
        ],
        vectors=np.concatenate(rows),
        labels=[*(str(each.get(INTENT)) for each in examples), *["out_of_scope"] * others],
        shares=np.array([1.0] * len(written) + [weight] * others),
    )


def shape() -> Shape:
    """Return the shape of the classifier that config.yml asks for."""
    return Shape(**dict(settings_of("WishClassifier").get("shape") or {}))  # type: ignore[call-overload]


def settings_of(component: str) -> dict[str, object]:
    """Return a component's settings in config.yml; raises ValueError if it is not there."""
    for step in yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["pipeline"]:
        if str(step["name"]).rsplit(".", 1)[-1] == component:
            return dict(step)
    raise ValueError(f"{CONFIG.name} names no {component}")


def stratified(labels: list[str], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """Return in which fold each label is left out: every fold has its part of every label."""
    order = np.random.default_rng(seed).permutation(len(labels))
    order = order[np.argsort(np.array(labels)[order], kind="stable")]
    found = np.empty(len(labels), dtype=np.int64)
    found[order] = np.arange(len(labels)) % folds
    return found


def cross_validate(
    known: Learnt, folds: int, make: Callable[[], WishModel], report: Report | None = None
) -> Held:
    """Leave out each example once. The background is always learnt from.

    Raises ValueError if there are fewer than two folds, or an intent has fewer examples than that.
    """
    if folds < 2:
        raise ValueError("two folds at least: one to learn from, one to try")
    names = sorted(set(known.labels))
    fold = stratified(known.meant, folds)
    chances = np.zeros((known.examples, len(names)), dtype=np.float32)
    for number in range(folds):
        held = np.flatnonzero(fold == number)
        kept = np.setdiff1d(np.arange(len(known.labels)), held)
        model = make()
        model.fit(
            [known.masked[i] for i in kept],
            known.vectors[kept],
            [known.labels[i] for i in kept],
            known.shares[kept].tolist(),
        )
        if model.labels != names:
            raise ValueError(f"each intent needs {folds} examples or more")
        chances[held] = model.predict([known.masked[i] for i in held], known.vectors[held])
        if report is not None:
            report(number + 1, folds)
    return Held(chances, names, known.meant)


def _masked(texts: list[str]) -> Iterator[Masked]:
    """Mask as the pipeline's components do, names of places included."""
    now = clock.local_now()
    nlp = spacy.load(Path(ROOT / str(settings_of("SpacyNLP")["model"])))
    for text, doc in zip(texts, nlp.pipe(texts), strict=True):
        spans = [(s.start_char, s.end_char, str(s.label_)) for s in doc.spans[pipeline.SPANS]]
        yield mask(text, [*spans, *((*each.span, "time") for each in read_times(text, now))])
