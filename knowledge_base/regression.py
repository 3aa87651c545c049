"""Two small regressions: many classes for "which article", one for "how sure"."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

RANK = 256
"""Dimensions kept of the vectors: a third of the time, the same answers."""
STRENGTH = 10.0
"""Inverse of the penalty on the weights; rows have unit length."""
STEPS = 60


@dataclass(frozen=True)
class Softmax:
    """Multinomial logistic regression on projected rows of unit length."""

    basis: Floats
    weights: Floats

    def log_probabilities(self, rows: Floats) -> Floats:
        """Return the logarithm of each class's probability, shape (rows, classes)."""
        return _log_softmax(rows @ self.basis @ self.weights[:, :-1].T + self.weights[:, -1])


def fit_softmax(rows: Floats, classes: Ints, count: int) -> Softmax:
    """Learn `count` classes from unit rows; deterministic."""
    rank = min(RANK, *rows.shape)
    # Of the second moment, not of the rows: its size does not grow with the knowledge base.
    _, vectors = np.linalg.eigh(rows.T @ rows)
    basis = np.ascontiguousarray(vectors[:, ::-1][:, :rank], dtype=np.float32)
    low = rows @ basis
    size = len(low)
    at = np.arange(size)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(count, rank + 1).astype(np.float32)
        log_p = _log_softmax(low @ weights[:, :-1].T + weights[:, -1])
        value = -float(log_p[at, classes].sum(dtype=np.float64))
        value += 0.5 / STRENGTH * float((weights[:, :-1] ** 2).sum(dtype=np.float64))
        rest = np.exp(log_p)
        rest[at, classes] -= 1
        slope = np.empty((count, rank + 1), dtype=np.float64)
        slope[:, :-1] = rest.T @ low + weights[:, :-1] / STRENGTH
        slope[:, -1] = rest.sum(axis=0)
        return value, slope.ravel()

    start = np.zeros(count * (rank + 1))
    options = {"maxiter": STEPS, "maxcor": 8}
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options=options)
    return Softmax(basis, found.x.reshape(count, rank + 1).astype(np.float32))


@dataclass(frozen=True)
class Calibration:
    """Logistic regression from what is seen of a search to the chance that it is right."""

    mean: Floats
    scale: Floats
    weights: Floats
    bias: float

    def chance(self, seen: Floats) -> Floats:
        """Return the probability for each row of `seen`, within 0..1."""
        z = ((seen - self.mean) / self.scale) @ self.weights + self.bias
        return np.asarray(1 / (1 + np.exp(-np.clip(z, -30, 30))), dtype=np.float32)


def fit_calibration(
    seen: Floats, right: NDArray[np.bool_], share: Floats, penalty: float = 1.0
) -> Calibration:
    """Fit with weights that never go below zero; `share` is how much each row counts.

    Each thing seen speaks for an answer; a negative weight would be two of them playing against
    each other, and would punish a question for being just like a known one.
    """
    mean = seen.mean(axis=0)
    scale = seen.std(axis=0)
    scale[scale < 1e-6] = 1.0
    rows = ((seen - mean) / scale).astype(np.float64)
    target = right.astype(np.float64)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        z = rows @ flat[:-1] + flat[-1]
        value = float((share * (np.logaddexp(0, z) - target * z)).sum())
        value += penalty / 2 * float(flat[:-1] @ flat[:-1])
        rest = share * (1 / (1 + np.exp(-z)) - target)
        return value, np.append(rows.T @ rest + penalty * flat[:-1], rest.sum())

    count = seen.shape[1]
    bounds = [(0.0, None)] * count + [(None, None)]
    found = minimize(loss, np.zeros(count + 1), jac=True, method="L-BFGS-B", bounds=bounds).x
    return Calibration(mean, scale, found[:-1].astype(np.float32), float(found[-1]))


def fit_mixture(parts: Floats, right: Ints, usual: Floats) -> Floats:
    """Return how much each voice counts, for parts of shape (questions, candidates, voices).

    Maximises the chance of the candidate `right` under a softmax of the weighted sum. With few
    questions the weights stay near the `usual` ones.
    """
    at = np.arange(len(parts))
    penalty = 1e-4 + 2 / max(len(parts), 1)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        log_p = _log_softmax(parts @ weights.astype(np.float32))
        value = -float(log_p[at, right].mean())
        # In shares of the usual weight: a voice's scale is no reason to bend it more.
        away = (weights - usual) / usual
        value += penalty * float((away**2).sum())
        mean = np.einsum("qc,qcv->qv", np.exp(log_p), parts)
        return value, (mean - parts[at, right]).mean(axis=0) + 2 * penalty * away / usual

    bounds = [(0.0, None)] * parts.shape[2]
    start = usual.astype(np.float64)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return np.asarray(found, dtype=np.float32)


def _log_softmax(z: Floats) -> Floats:
    z = z - z.max(axis=1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)), dtype=np.float32)
