"""How vectors are looked at: the one way from what is stored to what is compared.

Every row (questions, answers, background, what is asked) passes through `Lens.look`, when fitting,
when loading and when searching. Whatever is learnt about the vectors themselves belongs there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from knowledge_base.regression import Floats

Raw = NDArray[Any]
"""Rows as the encoder gave them: float32, or float16 as they are stored."""

BLOCK = 8192
"""Rows looked at together: 29 MB of float32 at 896 dimensions, however large the base."""


class Lens:
    """Leaves the vectors as they are."""

    def look(self, raw: Raw) -> Floats:
        """Return the rows as they are compared, before anything is subtracted; float32."""
        return np.asarray(raw, dtype=np.float32)


PLAIN = Lens()


@dataclass(frozen=True)
class Ground(Lens):
    """Moves vectors so that wordings of one question lie closer (`grinding` makes it).

    Rows are centred and scaled, then `rows @ down @ up` is added, of rank `down.shape[1]`.
    """

    centre: Floats
    down: Floats
    up: Floats

    PARTS: ClassVar[tuple[str, ...]] = ("centre", "down", "up")

    def look(self, raw: Raw) -> Floats:
        """Return the rows through the lens, of length 1."""
        rows = unit(np.asarray(raw, dtype=np.float32) - self.centre)
        return unit(rows + rows @ self.down @ self.up)

    def parts(self) -> dict[str, NDArray[np.float16]]:
        """Return the arrays to keep, by their names."""
        return {name: getattr(self, name).astype(np.float16) for name in self.PARTS}


@dataclass(frozen=True)
class View:
    """A lens and the three middles; each method takes raw rows and returns rows of length 1.

    `centre` lies between our questions and unrelated sentences, `question_centre` and
    `answer_centre` are the middles of the standard questions and of the answers.
    """

    centre: Floats
    question_centre: Floats
    answer_centre: Floats
    lens: Lens = PLAIN

    def questions(self, raw: Raw) -> Floats:
        """Return questions, known or asked, as they are compared with each other."""
        return unit(self.lens.look(raw) - self.centre)

    def answers(self, raw: Raw) -> Floats:
        """Return answers as they are compared with what is asked."""
        return unit(self.lens.look(raw) - self.answer_centre)

    def for_answers(self, raw: Raw) -> Floats:
        """Return what is asked as it is compared with answers."""
        return unit(self.lens.look(raw) - self.question_centre)


def unit(rows: Floats) -> Floats:
    """Scale rows to length 1; zeros stay zeros."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms == 0, 1, norms), dtype=np.float32)


def middle(raw: Raw, lens: Lens = PLAIN) -> Floats:
    """Return the mean row, without a float32 copy of all of them."""
    total = np.zeros(raw.shape[1], dtype=np.float64)
    for block in blocks(raw):
        total += lens.look(block).sum(axis=0, dtype=np.float64)
    return np.asarray(total / max(len(raw), 1), dtype=np.float32)


def blocks(raw: Raw, size: int = BLOCK) -> Iterator[Raw]:
    """Yield the rows, `size` at a time."""
    for start in range(0, len(raw), size):
        yield raw[start : start + size]
