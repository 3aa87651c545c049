"""Many rows of length 1, and which of them are nearest to one.

A few thousand are multiplied out. More go into cells (faiss: inverted lists, half precision), of
which a search looks into a few: a hundredth of the work, and nearly always the same rows.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from knowledge_base.lens import Raw, blocks
from knowledge_base.regression import Floats, Ints

FLAT = 4000
"""Rows up to which a product with all of them takes under a millisecond."""
CELLS = 1024
"""Cells at 100,000 rows, fewer with fewer."""
FILLED = 64
"""Rows in a cell at least, on average."""
LOOKED_INTO = 16
"""Cells that a search looks into."""
SAMPLE = 12
"""Rows a cell that the cells' middles are learnt from."""
ROUNDS = 6
SEED = 20_240

Prepare = Callable[[Raw], Floats]
"""From raw rows to rows of length 1."""


class Rows(Protocol):
    """Rows of length 1, shape (rows, dimensions)."""

    def nearest(self, row: Floats, count: int) -> tuple[Floats, Ints]:
        """Return the cosines and numbers of the rows nearest to `row`, the nearest first."""
        ...

    def take(self, numbers: Ints) -> Floats:
        """Return the rows with these numbers."""
        ...


def gather(raw: Raw, prepare: Prepare) -> Rows:
    """Return the raw rows, prepared, ready to be searched; deterministic."""
    return Flat(prepare(raw)) if len(raw) <= FLAT else Cells(raw, prepare)


class Flat:
    """Rows that are multiplied out."""

    def __init__(self, rows: Floats) -> None:
        self._rows = rows

    def nearest(self, row: Floats, count: int) -> tuple[Floats, Ints]:
        """Return the cosines and numbers of the nearest rows; see `Rows`."""
        cosines = self._rows @ row
        count = min(count, len(cosines))
        some = np.argpartition(-cosines, count - 1)[:count]
        order = some[np.argsort(-cosines[some], kind="stable")]
        return cosines[order], order

    def take(self, numbers: Ints) -> Floats:
        """Return rows; see `Rows`."""
        found: Floats = self._rows[numbers]
        return found


class Cells:
    """Rows in cells; holds them once, in half precision."""

    def __init__(self, raw: Raw, prepare: Prepare) -> None:
        faiss = _faiss()
        size = raw.shape[1]
        cells = CELLS
        while cells > 1 and cells * FILLED > len(raw):
            cells //= 2
        self._faiss = faiss
        # Held here as well: faiss itself only points to it.
        self._middles = faiss.IndexFlatIP(size)
        index = faiss.IndexIVFScalarQuantizer(
            self._middles,
            size,
            cells,
            faiss.ScalarQuantizer.QT_fp16,
            faiss.METRIC_INNER_PRODUCT,
        )
        index.nprobe = min(LOOKED_INTO, cells)
        index.cp.niter, index.cp.seed, index.cp.spherical = ROUNDS, SEED, True
        index.cp.min_points_per_centroid = 1
        index.cp.max_points_per_centroid = 2 * SAMPLE
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        # Neighbours in the base are alike: every so-maniest row shows all of it.
        index.train(prepare(raw[:: max(len(raw) // (cells * SAMPLE), 1)]))
        homes = np.concatenate(
            [self._middles.search(prepare(block), 1)[1][:, 0] for block in blocks(raw)]
        )
        # Room for what will come: a cell that grows bit by bit takes half as much again.
        for cell, held in enumerate(np.bincount(homes, minlength=cells).tolist()):
            index.invlists.resize(cell, held)
            index.invlists.resize(cell, 0)
        for block, its in zip(blocks(raw), blocks(homes), strict=True):
            rows = prepare(block)
            index.add_core(len(rows), faiss.swig_ptr(rows), None, faiss.swig_ptr(its))
        index.make_direct_map()
        self._index = index

    def nearest(self, row: Floats, count: int) -> tuple[Floats, Ints]:
        """Return the cosines and numbers of the nearest rows; see `Rows`. Fewer, if the cells that
        were looked into hold fewer."""
        self._alone()
        cosines, numbers = self._index.search(row[None], count)
        there = numbers[0] >= 0
        return cosines[0][there], numbers[0][there]

    def take(self, numbers: Ints) -> Floats:
        """Return rows; see `Rows`."""
        self._alone()
        found: Floats = self._index.reconstruct_batch(numbers)
        return found

    def _alone(self) -> None:
        # Per calling thread. Waking another for each row takes longer than the row.
        self._faiss.omp_set_num_threads(1)


def _faiss() -> Any:
    # Half a second and 30 MB that a small base does without.
    return import_module("faiss")
