"""A lens brings the wordings of one question closer, and is ground once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from knowledge_base import grinding, paraphrases
from knowledge_base.grinding import grind, ready
from knowledge_base.lens import PLAIN, Ground, unit

SIZE = 32
Floats = NDArray[np.float32]


def _wordings(seed: int, questions: int) -> list[Floats]:
    """Questions that differ in the first half of the dimensions, and wordings in the second."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(questions):
        meaning = np.concatenate([random.normal(size=SIZE // 2), np.zeros(SIZE // 2)])
        style = np.concatenate(
            [np.zeros((4, SIZE // 2)), 2 * random.normal(size=(4, SIZE // 2))], axis=1
        )
        found.append(unit((meaning + style).astype(np.float32)))
    return found


def _found(groups: Sequence[Floats], lens: Ground | None) -> float:
    """How many first wordings find the second wording of their question among all of them."""
    asked = np.stack([group[0] for group in groups])
    known = np.stack([group[1] for group in groups])
    if lens is not None:
        asked, known = lens.look(asked), lens.look(known)
    return float(((asked @ known.T).argmax(axis=1) == np.arange(len(groups))).mean())


def _strangers() -> Floats:
    return unit(np.random.default_rng(9).normal(size=(80, SIZE)).astype(np.float32))


def test_wordings_never_seen_find_each_other_through_the_lens() -> None:
    lens = grind(_wordings(0, 150), _strangers())
    fresh = _wordings(1, 60)
    assert _found(fresh, lens) > _found(fresh, None) + 0.2
    assert np.allclose(np.linalg.norm(lens.look(fresh[0]), axis=1), 1, atol=1e-5)


def test_the_same_sentences_give_the_same_lens() -> None:
    first, second = (grind(_wordings(0, 20), _strangers()) for _ in range(2))
    assert np.array_equal(first.down, second.down)
    assert np.array_equal(first.up, second.up)


def test_one_group_teaches_nothing() -> None:
    with pytest.raises(ValueError, match="two groups"):
        grind(_wordings(0, 1), _strangers())


class Counting:
    """An encoder that says how often it was asked."""

    name = "both"
    dim = SIZE

    def __init__(self) -> None:
        self.texts = 0

    def encode(self, texts: Sequence[str]) -> Floats:
        self.texts += len(texts)
        rows = [np.random.default_rng(len(text)).normal(size=SIZE) for text in texts]
        return unit(np.array(rows, dtype=np.float32))

    def fingerprint(self) -> str:
        return "counting"


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        paraphrases, "groups", lambda: (("a", "bb"), ("ccc", "dddd"), ("eeeee", "ffffff"))
    )


def test_a_lens_is_ground_once_and_read_afterwards(few: None, tmp_path: Path) -> None:
    encoder = Counting()
    ground = ready(encoder, ["ggggggg"], cache=tmp_path)
    asked = encoder.texts
    again = ready(encoder, ["ggggggg"], cache=tmp_path)
    rows = _strangers()
    assert asked == 7
    assert encoder.texts == asked
    assert np.allclose(ground.look(rows), again.look(rows), atol=1e-3)


def test_other_background_grinds_another_lens(few: None, tmp_path: Path) -> None:
    ready(Counting(), ["ggggggg"], cache=tmp_path)
    ready(Counting(), ["hhhhhhhh"], cache=tmp_path)
    assert len(list(tmp_path.glob("lens-*.npz"))) == 2


def test_a_half_written_lens_is_ground_anew(few: None, tmp_path: Path) -> None:
    ready(Counting(), ["ggggggg"], cache=tmp_path)
    (kept,) = tmp_path.glob("lens-*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    assert isinstance(ready(Counting(), ["ggggggg"], cache=tmp_path), Ground)
    assert not list(tmp_path.glob("*.tmp"))


def test_an_encoder_nobody_measured_has_no_lens(tmp_path: Path) -> None:
    encoder = Counting()
    encoder.name = "other"
    assert ready(encoder, [], cache=tmp_path) is PLAIN
    assert encoder.texts == 0


def test_every_group_says_one_thing_in_several_ways() -> None:
    found = paraphrases.groups()
    texts = [text for group in found for text in group]
    assert len(found) >= 1000
    assert all(len(group) >= 4 for group in found)
    assert len(set(texts)) >= 0.99 * len(texts)
    assert len(found) > grinding.GROUPS
