"""How much a question shares with an article in characters and words (TF-IDF).

A small voice beside meaning: it knows names and part numbers that an encoder has never seen.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from pitstop.language.segment import segment

Scores = NDArray[np.float32]
Counts = NDArray[np.int32]


def tokens(text: str) -> list[str]:
    """Return the words, characters and pairs of neighbours of a normalised text."""
    lower = text.casefold()
    pairs = [lower[i : i + 2] for i in range(len(lower) - 1)]
    return [word for word, _, _ in segment(lower)] + pairs + list(lower)


class Words:
    """The terms that documents use, and how much each tells: a rare one more than a common one."""

    def __init__(self, terms: Mapping[str, int], idf: Scores, documents: int) -> None:
        self.terms = terms
        self.idf = idf
        self.documents = documents

    def weigh(self, texts: Sequence[str]) -> csr_matrix:
        """Return the texts as rows of length 1 over the known terms, shape (texts, terms)."""
        starts, columns, counts = [0], [], []
        for text in texts:
            found = Counter(tokens(text))
            known = [(self.terms[term], n) for term, n in found.items() if term in self.terms]
            columns += [term for term, _ in known]
            counts += [n for _, n in known]
            starts.append(len(columns))
        return self.rows(_ints(starts), _ints(columns), _ints(counts))

    def rows(self, starts: Counts, columns: Counts, counts: Counts) -> csr_matrix:
        """Return counted terms as weighted rows of length 1."""
        values = (1 + np.log(np.maximum(counts, 1), dtype=np.float32)) * self.idf[columns]
        sizes = np.diff(starts)
        row = np.repeat(np.arange(len(sizes)), sizes)
        norms = np.sqrt(np.bincount(row, values.astype(np.float64) ** 2, len(sizes)))
        values /= np.where(norms == 0, 1, norms).astype(np.float32)[row]
        return csr_matrix((values, columns, starts), shape=(len(sizes), len(self.terms)))

    def with_terms_of(self, documents: Sequence[str]) -> Words:
        """Return the same words and those that only `documents` use, behind them.

        What the known ones tell stays as it is.
        """
        spread: Counter[str] = Counter()
        for text in documents:
            spread.update({term for term in tokens(text) if term not in self.terms})
        total = self.documents + len(documents)
        fresh = _idf(np.array([*spread.values()], dtype=np.float32), total)
        terms = {**self.terms, **{t: at for at, t in enumerate(spread, len(self.terms))}}
        return Words(terms, np.concatenate([self.idf, fresh]), total)


@dataclass(frozen=True)
class Counted:
    """How often each document says each term: what a lexicon is made from, and stored as.

    Document i has the entries `starts[i]:starts[i + 1]` of `columns` (terms) and `counts`.
    """

    words: Words
    starts: Counts
    columns: Counts
    counts: Counts

    @classmethod
    def of(cls, documents: Sequence[str], words: Words | None = None) -> Counted:
        """Count; with `words`, these are the terms, which must hold all that documents say."""
        terms: dict[str, int] = {} if words is None else dict(words.terms)
        starts, columns, counts = [0], [_ints([])], [_ints([])]
        for text in documents:
            # Into arrays at once: the counts of ten thousand documents take 400 MB.
            count = Counter(tokens(text))
            columns.append(_ints([terms.setdefault(term, len(terms)) for term in count]))
            counts.append(_ints(list(count.values())))
            starts.append(starts[-1] + len(count))
        said = np.concatenate(columns)
        if words is None:
            spread = np.bincount(said, minlength=len(terms)).astype(np.float32)
            words = Words(terms, _idf(spread, len(documents)), len(documents))
        return cls(words, _ints(starts), said, np.concatenate(counts))

    def to_bytes(self) -> bytes:
        """Return the counts as an npz file: cutting documents into words takes far longer."""
        buffer = io.BytesIO()
        terms = json.dumps([*self.words.terms], ensure_ascii=False)
        np.savez_compressed(
            buffer,
            terms=np.frombuffer(terms.encode("utf-8", "surrogatepass"), dtype=np.uint8),
            idf=self.words.idf,
            documents=np.array(self.words.documents),
            starts=self.starts,
            columns=self.columns,
            counts=np.minimum(self.counts, 65535).astype(np.uint16),
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> Counted:
        """Return the counts behind `to_bytes`; raises ValueError or KeyError if it is none."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                terms = json.loads(stored["terms"].tobytes().decode("utf-8", "surrogatepass"))
                known = {term: at for at, term in enumerate(terms)}
                return cls(
                    words=Words(known, stored["idf"], int(stored["documents"])),
                    starts=stored["starts"],
                    columns=stored["columns"],
                    counts=stored["counts"].astype(np.int32),
                )
        except (zipfile.BadZipFile, EOFError) as error:
            raise ValueError(f"no lexicon: {error}") from error


class Lexicon:
    """Weighted rows of documents, ready to be compared with a question."""

    def __init__(self, counted: Counted) -> None:
        self.words = counted.words
        # By term, so that a question touches only the terms it has.
        rows = self.words.rows(counted.starts, counted.columns, counted.counts)
        self._by_term = rows.T.tocsr()

    @classmethod
    def of(cls, documents: Sequence[str], words: Words | None = None) -> Lexicon:
        """Return the lexicon of `documents`; see `Counted.of`."""
        return cls(Counted.of(documents, words))

    def compare(self, asked: csr_matrix) -> Scores:
        """Return the cosine of each weighted text with each document, shape (texts, documents).

        `asked` may know more words than these documents use.
        """
        terms, size = self._by_term.shape
        if not terms or not asked.shape[0]:
            return np.zeros((asked.shape[0], size), dtype=np.float32)
        if asked.shape[1] > terms:
            asked = asked[:, :terms]
        return np.asarray((asked @ self._by_term).todense(), dtype=np.float32)


def _ints(values: Sequence[int] | NDArray[np.int64]) -> Counts:
    return np.asarray(values, dtype=np.int32)


def _idf(spread: Scores, total: int) -> Scores:
    return np.asarray(np.log((1 + total) / (1 + spread)) + 1, dtype=np.float32)
