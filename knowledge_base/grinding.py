"""Grinding the lens: a linear map under which two wordings of one question come closer.

Learnt from groups of sentences that mean the same, in many trades, none of them ours: of two
wordings of a question each has to find the other among those of hundreds of other questions and
among unrelated sentences (InfoNCE). The map is kept near to the identity, and of low rank.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from knowledge_base import paraphrases
from knowledge_base.lens import PLAIN, Ground, Lens, unit
from knowledge_base.regression import Floats
from pitstop.base.settings import ROOT
from pitstop.language.encode import CachedEncoder, Encoder
from pitstop.language.normalize import normalize

VERSION = 1
"""Raise when the same sentences may give another lens."""
CACHE = ROOT / "var" / "cache"
NEEDED = "both"
"""The encoder (by name) whose vectors the settings below were measured on."""

STEPS = 300
GROUPS = 256
"""Questions a step, each with two of its wordings."""
STRANGERS = 64
RATE = 1.5e-3
TEMPERATURE = 0.12
DROPPED = 0.15
"""Share of the dimensions left out at each step, so that none is leant on."""
RANK = 128
BATCH = 256

Report = Callable[[int, int], None]


def grind(same: Sequence[Floats], strangers: Floats, report: Report | None = None) -> Ground:
    """Learn a lens from groups of rows that mean the same; deterministic.

    Raises ValueError if there are fewer than two groups.
    """
    if len(same) < 2:
        raise ValueError("nothing to tell apart: fewer than two groups")
    centre = np.asarray(np.concatenate([*same, strangers]).mean(axis=0), dtype=np.float32)
    rows = [unit(group - centre) for group in same]
    other = unit(strangers - centre)
    random = np.random.default_rng(0)
    size = len(centre)
    matrix, mean, spread = (np.zeros((size, size), dtype=np.float32) for _ in range(3))
    for step in range(1, STEPS + 1):
        chosen = random.choice(len(rows), min(GROUPS, len(rows)), replace=False)
        pairs = [rows[i][random.choice(len(rows[i]), 2, replace=False)] for i in chosen]
        asked, known = np.stack([p[0] for p in pairs]), np.stack([p[1] for p in pairs])
        if len(other):
            known = np.concatenate([known, other[random.choice(len(other), STRANGERS)]])
        kept = ((random.random(size) > DROPPED) / (1 - DROPPED)).astype(np.float32)
        slope = _slope(asked * kept, known * kept, matrix)
        mean = 0.9 * mean + 0.1 * slope
        spread = 0.999 * spread + 0.001 * slope * slope
        # The whole rate for the first half, then down to nearly nothing.
        rate = RATE * min(1.0, 2 * (STEPS - step) / STEPS + 0.02)
        stride = mean / (1 - 0.9**step) / (np.sqrt(spread / (1 - 0.999**step)) + 1e-8)
        matrix -= np.float32(rate) * stride
        if report is not None and step % 10 == 0:
            report(step, STEPS)
    left, scale, right = np.linalg.svd(matrix)
    rank = min(RANK, size)
    return Ground(
        centre=centre,
        down=np.ascontiguousarray(left[:, :rank] * scale[:rank], dtype=np.float32),
        up=np.ascontiguousarray(right[:rank], dtype=np.float32),
    )


def ready(
    encoder: Encoder, strangers: Sequence[str], report: Report | None = None, cache: Path = CACHE
) -> Lens:
    """Return the lens for this encoder, ground once and kept in `cache`.

    The first time encodes thousands of sentences: call it off the event loop. An encoder that the
    settings were not measured on is looked at without a lens.
    """
    if encoder.name != NEEDED:
        return PLAIN
    path = cache / f"lens-{fingerprint(encoder, strangers)[:32]}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    texts = [normalize(text).text for group in paraphrases.groups() for text in group]
    sizes = [len(group) for group in paraphrases.groups()]
    rows = _encode(encoder, [*texts, *strangers], cache, report)
    ends = np.cumsum(sizes)
    lens = grind(np.split(rows[: len(texts)], ends[:-1]), rows[len(texts) :], report)
    _keep(path, lens)
    return lens


def fingerprint(encoder: Encoder, strangers: Sequence[str]) -> str:
    """Return what changes when, and only when, the lens may."""
    digest = hashlib.sha256(
        f"{VERSION} {encoder.fingerprint()} {paraphrases.fingerprint()}\n".encode()
    )
    digest.update("\n".join(strangers).encode())
    return digest.hexdigest()


def _slope(asked: Floats, known: Floats, matrix: Floats) -> Floats:
    """Return the slope of the loss: `asked[i]` has to find `known[i]` among all of `known`."""
    seen, seen_size = _through(asked, matrix)
    there, there_size = _through(known, matrix)
    scores = seen @ there.T / np.float32(TEMPERATURE)
    scores -= scores.max(axis=1, keepdims=True)
    chances = np.exp(scores)
    chances /= chances.sum(axis=1, keepdims=True)
    at = np.arange(len(asked))
    chances[at, at] -= 1
    chances /= np.float32(len(asked) * TEMPERATURE)
    left, right = chances @ there, chances.T @ seen
    left = (left - (left * seen).sum(axis=1, keepdims=True) * seen) / seen_size
    right = (right - (right * there).sum(axis=1, keepdims=True) * there) / there_size
    return np.asarray(asked.T @ left + known.T @ right, dtype=np.float32)


def _through(rows: Floats, matrix: Floats) -> tuple[Floats, Floats]:
    moved = rows + rows @ matrix
    size = np.linalg.norm(moved, axis=1, keepdims=True)
    return moved / size, size


def _encode(encoder: Encoder, texts: list[str], cache: Path, report: Report | None) -> Floats:
    known = CachedEncoder(encoder, cache / "vectors.db")
    try:
        rows: list[Floats] = []
        for start in range(0, len(texts), BATCH):
            rows.append(known.encode(texts[start : start + BATCH]))
            if report is not None:
                report(min(start + BATCH, len(texts)), len(texts))
        return np.concatenate(rows)
    finally:
        known.close()


def _read(path: Path) -> Ground | None:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Ground(**{name: stored[name].astype(np.float32) for name in Ground.PARTS})
    except (OSError, ValueError, KeyError, BadZipFile):
        # Not there, or half written by a process that was killed: it is ground anew.
        return None


def _keep(path: Path, lens: Ground) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    with unfinished.open("wb") as file:
        np.savez_compressed(file, **lens.parts())
    unfinished.replace(path)
