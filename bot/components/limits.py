"""How sure is sure enough: limits fitted on examples that were left out of the training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from bot.components.masking import Masked
from bot.components.wish_model import Floats, WishModel
from bot.routes import DIALOGUE, QUIET, URGENT

FOLDS = 3
LOWEST, HIGHEST = 0.2, 0.5
"""Between these, an intent may become too unsure to be believed, whatever the sentences say."""
MISSED = {"roadside_rescue": 2.0, "talk_to_human": 0.8}
"""How many times worse it is to miss one than to see one that is none (the beta of F-beta):
danger is asked back where it is not sure, a person is called at once."""
_TRIED = np.arange(0.2, 0.81, 0.01)


@dataclass(frozen=True)
class Limits:
    """Chances, 0..1. `fallback`: below it an intent is not believed; `urgent`: from it on danger
    or the wish for a person counts even where something else is likelier."""

    fallback: float
    urgent: dict[str, float]

    def as_json(self) -> dict[str, object]:
        """Return the limits for a report."""
        return asdict(self)


def left_out(
    texts: Sequence[Masked],
    vectors: Floats,
    labels: Sequence[str],
    shares: Sequence[float],
    make: Callable[[], WishModel],
) -> tuple[Floats, list[str]]:
    """Return the chances of each row under a model that has not seen it, and the columns' names.

    Deterministic. Raises ValueError if an intent has fewer examples than there are folds.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    order = order[np.argsort(np.array(labels)[order], kind="stable")]
    names = sorted(set(labels))
    chances = np.zeros((len(labels), len(names)), dtype=np.float32)
    weights = np.asarray(shares)
    for fold in range(FOLDS):
        held = order[fold::FOLDS]
        kept = np.setdiff1d(np.arange(len(labels)), held)
        model = make()
        model.fit(
            [texts[i] for i in kept], vectors[kept], [labels[i] for i in kept],
            weights[kept].tolist(),
        )  # fmt: skip
        if model.labels != names:
            raise ValueError(f"each intent needs {FOLDS} examples or more")
        chances[held] = model.predict([texts[i] for i in held], vectors[held])
    return chances, names


def fit_limits(
    chances: Floats, names: Sequence[str], labels: Sequence[str], unrelated: NDArray[np.bool_]
) -> Limits:
    """Return the limits for left-out `chances`; `unrelated` marks the background's rows."""
    truth = np.array(labels)
    urgent = {
        name: _best(
            chances[~unrelated, list(names).index(name)], truth[~unrelated] == name, MISSED[name]
        )
        for name in URGENT
    }
    acts = np.array([name not in QUIET | DIALOGUE for name in names])[chances.argmax(axis=1)]
    right = np.array(names)[chances.argmax(axis=1)] == truth
    sure = chances.max(axis=1)
    fallback = _parting(sure[acts & right & ~unrelated], sure[acts & unrelated], unrelated.sum())
    return Limits(fallback, urgent)


def _parting(ours: Floats, strangers: Floats, of: int) -> float:
    """Return the limit at which the share of ours that is lost and the share of strangers that
    still get something done are least in sum."""
    tried = np.arange(LOWEST, HIGHEST + 1e-6, 0.01)
    lost = np.array([(ours < limit).mean() if len(ours) else 0.0 for limit in tried])
    let_in = np.array([(strangers >= limit).sum() / max(of, 1) for limit in tried])
    return float(tried[int(np.argmin(lost + let_in))])


def _best(chance: Floats, right: NDArray[np.bool_], beta: float) -> float:
    scores = []
    for limit in _TRIED:
        said = chance >= limit
        hits = float((said & right).sum())
        missed, wrong = float((~said & right).sum()), float((said & ~right).sum())
        bottom = (1 + beta**2) * hits + beta**2 * missed + wrong
        scores.append((1 + beta**2) * hits / bottom if bottom else 0.0)
    return float(_TRIED[int(np.argmax(scores))])
