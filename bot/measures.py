"""What `evaluate` measures with: cases, baselines, folds and the figures drawn from them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from bot.components.understanding import UNDERSTOOD
from bot.components.wish_model import WishModel
from bot.routes import ROUTES
from pitstop.language.segment import segment

QUIET = frozenset({"out_of_scope", "chitchat", "faq"})
"""Routes that start nothing."""
HEARD = frozenset({"complain", "vehicle_fault", "talk_to_human", "complaint_status"})
"""Where a real complaint is in good hands."""


@dataclass(frozen=True)
class Case:
    """A sentence, and the route it must (or must not) come out with."""

    text: str
    route: str | None
    must_not: str | None = None
    entities: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """One figure with what it was counted over, and the aim it is held against."""

    name: str
    value: float
    count: int
    aim: str = ""


def load_cases(folder: Path) -> list[Case]:
    """Read the cases of `tests/nlu/*.yml`."""
    cases: list[Case] = []
    for path in sorted(folder.glob("*.yml")):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        cases += [
            Case(
                str(row["text"]),
                data.get("route"),
                data.get("must_not"),
                dict(row.get("entities") or {}),
            )
            for row in data["cases"]
        ]
    return cases


def entities_right(case: Case, parsed: dict[str, Any]) -> bool:
    """Tell whether everything the case names was found with its value."""
    found = {(each["entity"], str(each["value"])) for each in parsed["entities"]}
    return all((name, str(value)) in found for name, value in case.entities.items())


# --- baselines: the route of the nearest example -----------------------------------------------


def nearest_vectors(
    known: NDArray[np.float32], labels: Sequence[str], asked: NDArray[np.float32]
) -> list[str]:
    """Return the label of the nearest known vector, by cosine after centring."""
    centre = known.mean(axis=0)
    left, right = _unit(known - centre), _unit(asked - centre)
    return [labels[int(i)] for i in (right @ left.T).argmax(axis=1)]


def nearest_grams(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Return the label of the nearest example by character 1-3-grams (TF-IDF)."""
    grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), sublinear_tf=True)
    rows = grams.fit_transform(known)
    scores = np.asarray((grams.transform(asked) @ rows.T).todense())
    return [labels[int(i)] for i in scores.argmax(axis=1)]


def nearest_bm25(known: Sequence[str], labels: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Return the label of the best example by BM25 over jieba's words (k1 1.5, b 0.75)."""
    words = [Counter(word for word, _, _ in segment(text)) for text in known]
    sizes = np.array([max(sum(each.values()), 1) for each in words], dtype=np.float64)
    places: dict[str, list[tuple[int, int]]] = {}
    for at, each in enumerate(words):
        for word, times in each.items():
            places.setdefault(word, []).append((at, times))
    norm = 1.5 * (0.25 + 0.75 * sizes / sizes.mean())
    found = []
    for text in asked:
        scores = np.zeros(len(known))
        for word, _, _ in segment(text):
            hits = places.get(word, [])
            weight = np.log(1 + (len(known) - len(hits) + 0.5) / (len(hits) + 0.5))
            for at, times in hits:
                scores[at] += weight * times * 2.5 / (times + norm[at])
        found.append(labels[int(scores.argmax())])
    return found


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(
        rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), dtype=np.float32
    )


# --- folds ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Learnt:
    """What the classifier learns from: examples first, `background` rows at the end."""

    texts: list[Any]
    vectors: NDArray[np.float32]
    labels: list[str]
    shares: NDArray[np.float64]
    examples: int


def cross_validate(
    learnt: Learnt, make: Callable[[], WishModel], folds: int, step: Callable[[], None]
) -> tuple[NDArray[np.float32], list[str]]:
    """Return held-out probabilities of the examples, and the names of the columns."""
    order = np.random.default_rng(0).permutation(learnt.examples)
    chances: NDArray[np.float32] | None = None
    names: list[str] = []
    for fold in range(folds):
        held = order[fold::folds]
        kept = np.setdiff1d(np.arange(len(learnt.labels)), held)
        model = make()
        model.fit(
            [learnt.texts[i] for i in kept],
            learnt.vectors[kept],
            [learnt.labels[i] for i in kept],
            learnt.shares[kept].tolist(),
        )
        if chances is None:
            names = model.labels
            chances = np.zeros((learnt.examples, len(names)), dtype=np.float32)
        chances[held] = model.predict([learnt.texts[i] for i in held], learnt.vectors[held])
        step()
    if chances is None:
        raise ValueError("no folds")
    return chances, names


def thresholds(chances: NDArray[np.float32], names: list[str], labels: list[str]) -> list[Measure]:
    """Say what the thresholds cost on held-out examples: recall and precision at several."""
    truth = np.array(labels)
    found = []
    for intent in ("talk_to_human", "roadside_rescue"):
        mine = chances[:, names.index(intent)]
        for limit in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
            said, is_it = mine >= limit, truth == intent
            recall, precision = said[is_it].mean(), is_it[said].mean() if said.any() else 0.0
            found.append(Measure(f"{intent} ≥ {limit}: recall", float(recall), int(is_it.sum())))
            found.append(
                Measure(f"{intent} ≥ {limit}: precision", float(precision), int(said.sum()))
            )
    top = chances.argmax(axis=1)
    acts = np.array([names[i] not in QUIET | {"affirm", "deny", "stop", "inform"} for i in top])
    sure = chances.max(axis=1)
    other = truth == "out_of_scope"
    right = np.array([names[i] for i in top]) == truth
    for limit in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5):
        bad = (acts & (sure >= limit))[other].mean()
        lost = (right & acts & (sure < limit)).sum() / max(int((right & acts).sum()), 1)
        found.append(Measure(f"fallback {limit}: unrelated that act", float(bad), int(other.sum())))
        found.append(Measure(f"fallback {limit}: right ones lost", float(lost), len(truth)))
    return found


# --- data from elsewhere ----------------------------------------------------------------------


def elsewhere(folder: Path, read: Callable[[list[str]], list[dict[str, Any]]]) -> list[Measure]:
    """Measure on the files of `folder` (``*_dev.jsonl`` or without the suffix) that are there."""
    found: list[Measure] = []
    for name, measure in _ELSEWHERE.items():
        paths = sorted(folder.glob(f"{name}*.jsonl"))
        if not paths:
            continue
        lines = paths[0].read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines if line.strip()]
        found += measure(rows, read([str(row["text"]) for row in rows]))
    return found


def straight(parsed: dict[str, Any]) -> bool:
    """Tell whether an article would be given as the answer."""
    return parsed[UNDERSTOOD]["route"] == "faq" and parsed[UNDERSTOOD]["decision"] == "answer"


def _route(parsed: dict[str, Any]) -> str:
    return str(parsed[UNDERSTOOD]["route"])


def _handoff(rows: list[dict[str, Any]], parsed: list[dict[str, Any]]) -> list[Measure]:
    wanted = np.array([row["label"] == "talk_to_human" for row in rows])
    said = np.array([_route(each) == "talk_to_human" for each in parsed])
    return [
        Measure(
            "a person is wanted: recall", float(said[wanted].mean()), int(wanted.sum()), "≥ .97"
        ),
        Measure(
            "a person is wanted: precision",
            float(wanted[said].mean()) if said.any() else 0.0,
            int(said.sum()),
            "≥ .95",
        ),
    ]


def _complaints(rows: list[dict[str, Any]], parsed: list[dict[str, Any]]) -> list[Measure]:
    share = np.mean([_route(each) in HEARD for each in parsed])
    return [Measure("complaints in good hands", float(share), len(rows), "≥ .95")]


def _out_of_scope(rows: list[dict[str, Any]], parsed: list[dict[str, Any]]) -> list[Measure]:
    acts = [_route(each) not in QUIET for each in parsed]
    told = [straight(each) for each in parsed]
    both = [a or b for a, b in zip(acts, told, strict=True)]
    return [
        Measure("unrelated: starts an action", float(np.mean(acts)), len(rows)),
        Measure("unrelated: answered straight", float(np.mean(told)), len(rows)),
        Measure("unrelated: either", float(np.mean(both)), len(rows), "≤ .03"),
    ]


def _questions(rows: list[dict[str, Any]], parsed: list[dict[str, Any]]) -> list[Measure]:
    share = np.mean([straight(each) for each in parsed])
    return [Measure("mechanics' questions answered straight", float(share), len(rows), "≤ .03")]


def _traps(rows: list[dict[str, Any]], parsed: list[dict[str, Any]]) -> list[Measure]:
    share = np.mean([_route(each) == "book_swap" for each in parsed])
    return [Measure("swap traps that start a swap", float(share), len(rows), "≤ .05")]


_ELSEWHERE: dict[str, Callable[[list[dict[str, Any]], list[dict[str, Any]]], list[Measure]]] = {
    "handoff": _handoff,
    "complaints": _complaints,
    "out_of_scope": _out_of_scope,
    "owner_questions": _questions,
    "swap_traps": _traps,
}


def route_order(present: Sequence[str]) -> list[str]:
    """Return the routes that occur, in the order of the list of routes."""
    return [route for route in ROUTES if route in set(present)]
