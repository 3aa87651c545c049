"""Benchmark: a knowledge base of 100,000 questions, searched and changed."""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from sqlalchemy import select

from knowledge_base import articles, releases, shelf, vectors
from knowledge_base.content import from_snapshot
from knowledge_base.entries import Entries, enter, prepare, to_encode, unpack
from knowledge_base.follow import Follower
from knowledge_base.index import Index, Result
from knowledge_base.lexicon import Counted, Lexicon
from knowledge_base.model import Model
from knowledge_base.publish import publish_changes, rebuild
from knowledge_base.regression import Floats
from knowledge_base.rows import gather
from knowledge_base.schema import ensure_tables
from knowledge_base.tables import Release
from pitstop.base.settings import ROOT
from pitstop.language.encode import CachedEncoder, Encoder, default_encoder
from pitstop.storage.database import Database
from tools.benched import Bars, Figure, part, sentences
from tools.large_base import fill

ARTICLES, QUESTIONS = 10_000, 10
KEPT = ROOT / "var" / "bench"
PICTURE = ROOT / "reports" / "bench-search.png"
SIZES = (1_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Questions searched in, for the picture."""
QUERIES = 200
CHANGES = 7
PATIENCE = 60.0  # seconds
LOOK_EVERY = 0.005  # seconds


@part("search", "searching 100,000 questions, on top of the encode; memory")
def search(bars: Bars) -> list[Figure]:
    """Search in a process of its own, whose memory is measured."""
    base = _large_base(bars)
    bars("searching", 0, 1)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(_search, (str(base),))
    bars("searching", 1, 1)
    _draw(found["curve"])
    return [
        Figure(
            f"search in {ARTICLES * QUESTIONS:,} questions, one, median",
            found["large"],
            "ms",
            "product with all",
            found["exact"],
            aim=("<=", 5),
        ),
        Figure("… beside the encode", found["large"], "ms", "encode", found["encode"]),
        Figure("… with a delta on top", found["delta"], "ms", "without", found["large"]),
        Figure("same first article as the product with all", found["top_1"] * 100, "%"),
        Figure("same three articles, in the same order", found["top_3"] * 100, "%"),
        Figure("same decision", found["decision"] * 100, "%"),
        Figure("loading it", found["load"], "s"),
        Figure("memory it takes", found["memory"], "MB", "at the most, loading", found["peak"]),
    ]


@part("publish", "one change at 100,000 questions, until another process answers with it")
def publish(bars: Bars) -> list[Figure]:
    """Change articles in a copy of the base and wait for a process that follows."""
    base = _large_base(bars)
    with tempfile.TemporaryDirectory(prefix="pitstop-bench-") as folder:
        copy = Path(folder) / "base.db"
        shutil.copyfile(base, copy)
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        other = context.Process(target=_follow, args=(str(copy), theirs), daemon=True)
        other.start()
        try:
            return asyncio.run(_publish(copy, ours, bars))
        finally:
            ours.send(None)
            other.join(10)
            other.kill()


def _url(path: Path | str) -> str:
    return f"sqlite+aiosqlite:///{path}"


def _encoder() -> Encoder:
    return CachedEncoder(default_encoder(), ROOT / "var" / "cache" / "vectors.db")


def _large_base(bars: Bars) -> Path:
    """Return a released base of full size, made once for what it is made from."""
    sources = sorted((ROOT / "knowledge_base").glob("*.py"))
    sources += [ROOT / "tools" / "large_base.py", ROOT / "knowledge_base" / "background.yml"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    digest.update(f"{ARTICLES} {QUESTIONS} {default_encoder().fingerprint()}".encode())
    made = KEPT / f"large-{digest.hexdigest()[:12]}.db"
    if made.exists():
        return made
    shutil.rmtree(KEPT, ignore_errors=True)
    KEPT.mkdir(parents=True)
    making = KEPT / "unfinished.db"
    asyncio.run(_make(making, bars))
    with closing(sqlite3.connect(making)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return making.replace(made)


async def _make(path: Path, bars: Bars) -> None:
    database = Database(_url(path))
    try:
        await ensure_tables(database)
        encoder = _encoder()
        await fill(database, encoder, ARTICLES, QUESTIONS, lambda n, of: bars("articles", n, of))
        await rebuild(database, encoder, bars, who="bench")
    finally:
        await database.close()


# --- searching -----------------------------------------------------------------------------------


def _search(path: str) -> dict[str, Any]:
    return asyncio.run(_searched(path))


async def _searched(path: str) -> dict[str, Any]:
    texts = sentences()[:QUERIES]
    database, encoder = Database(_url(path)), default_encoder()
    encode, rows = [], []
    for text in texts:
        began = time.perf_counter()
        rows.append(encoder.encode([prepare(text)])[0])
        encode.append(time.perf_counter() - began)
    asked = np.stack(rows)
    gather(np.eye(5000, 8, dtype=np.float32), lambda raw: raw)  # the library is no base
    before, began = _memory(), time.perf_counter()
    index = await releases.load_index(database, encoder)
    load, memory, peak = time.perf_counter() - began, _memory() - before, _peak() - before
    large, found = _times(index, asked, texts)
    entries, model, counted = await _release(database, encoder)
    on_top = replace(_first(entries, 20), ids=tuple(f"new-{at}" for at in range(20)))
    delta, _ = _times(index.with_delta(1, on_top, ()), asked, texts)
    curve: dict[str, list[tuple[int, float]]] = {"product with all": [], "candidates": []}
    exact, same = 0.0, found
    for name, limit in (("product with all", 10**9), ("candidates", 0)):
        shelf.LARGE = limit
        for size in SIZES:
            few = _first(entries, size // QUESTIONS)
            some = Index(few, model, version=1, encoder="", lexicon=_lexicon(counted, len(few.ids)))
            took, results = _times(some, asked, texts)
            curve[name].append((size, took))
            if limit and size == SIZES[-1]:
                exact, same = took, results
    await database.close()
    return {
        "encode": median(encode) * 1000,
        "large": large,
        "exact": exact,
        "delta": delta,
        "top_1": _share([_names(a)[:1] == _names(b)[:1] for a, b in _pairs(found, same)]),
        "top_3": _share([_names(a) == _names(b) for a, b in _pairs(found, same)]),
        "decision": _share([a.decision == b.decision for a, b in _pairs(found, same)]),
        "load": load,
        "memory": memory,
        "peak": peak,
        "curve": curve,
    }


async def _release(database: Database, encoder: Encoder) -> tuple[Entries, Model, Counted]:
    async with database.read() as session:
        release = await session.execute(select(Release.content, Release.model, Release.lexicon))
        content, model, lexicon = release.one()
        spelled = unpack(content)
        name = vectors.encoder_id(encoder)
        rows = await vectors.load(session, name, to_encode(spelled))
    return enter(spelled, rows), Model.from_bytes(model), Counted.from_bytes(lexicon)


def _first(entries: Entries, count: int) -> Entries:
    """Return the first articles alone."""
    end = int(np.append(entries.starts, len(entries.texts))[count])
    return Entries(
        entries.ids[:count],
        entries.titles[:count],
        entries.starts[:count],
        entries.texts[:end],
        entries.vectors[:end],
        entries.answers[:count],
        entries.documents[:count],
    )


def _lexicon(counted: Counted, count: int) -> Lexicon:
    end = int(counted.starts[count])
    return Lexicon(
        Counted(
            counted.words,
            counted.starts[: count + 1],
            counted.columns[:end],
            counted.counts[:end],
        )
    )


def _times(index: Index, asked: Floats, texts: Sequence[str]) -> tuple[float, list[Result]]:
    """Return a search's median time in ms, and what was found."""
    index.search_many(asked[:10], texts[:10])
    took, found = [], []
    for row, text in zip(asked, texts, strict=True):
        began = time.perf_counter()
        found.append(index.search(row, text))
        took.append(time.perf_counter() - began)
    return median(took) * 1000, found


def _pairs(left: list[Result], right: list[Result]) -> list[tuple[Result, Result]]:
    return list(zip(left, right, strict=True))


def _names(result: Result) -> list[str]:
    return [hit.article_id for hit in result.hits]


def _share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def _memory() -> float:
    """Return this process's resident memory, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _peak() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def _draw(curve: dict[str, list[tuple[int, float]]]) -> None:
    import_module("matplotlib").use("Agg")
    pyplot = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(figsize=(7, 4.2))
    for (name, points), mark in zip(curve.items(), ("o", "s"), strict=True):
        axes.plot(*zip(*points, strict=True), marker=mark, label=name)
    axes.axhline(5, linestyle="--", color="grey", linewidth=1)
    axes.axvline(shelf.LARGE, linestyle=":", color="grey", linewidth=1)
    axes.set(xscale="log", yscale="log", xlabel="questions", ylabel="ms a search, median")
    axes.set_title("Searching, on top of the encode (dashed: the aim)")
    axes.legend()
    figure.tight_layout()
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    pyplot.close(figure)


# --- publishing ----------------------------------------------------------------------------------


async def _publish(path: Path, other: Connection, bars: Bars) -> list[Figure]:
    database, encoder = Database(_url(path)), default_encoder()
    encoder.encode([prepare("warm")])
    bars("waiting for the other process", 0, 1)
    load = await asyncio.to_thread(other.recv)
    bars("waiting for the other process", 1, 1)
    there, written, old_gone = [], [], []
    for at in range(CHANGES):
        name = f"made-{at * 7:06d}"
        text, before = await _edit(database, name, at)
        began = time.monotonic()
        await publish_changes(database, encoder, who="bench")
        written.append(time.monotonic() - began)
        other.send((text, name, before))
        seen, gone = await asyncio.to_thread(other.recv)
        there.append(seen - began)
        old_gone.append(gone)
        bars("changes", at + 1, CHANGES)
    began = time.monotonic()
    await rebuild(database, encoder, bars, who="bench")
    whole = time.monotonic() - began
    await database.close()
    if not all(old_gone):
        raise RuntimeError("the old words of a changed article are still found")
    return [
        Figure(
            "publishing one change, until another process answers with it, median",
            median(there) * 1000,
            "ms",
            "a whole release",
            whole * 1000,
            aim=("<=", 1000),
        ),
        Figure("… the slowest", max(there) * 1000, "ms", aim=("<=", 1000)),
        Figure("… until it is written", median(written) * 1000, "ms"),
        Figure("the other process loading the base", load, "s"),
    ]


async def _edit(database: Database, name: str, at: int) -> tuple[str, str]:
    """Change one way to ask of an article; return the new one and the one it replaces."""
    async with database.write() as session:
        content = await articles.working_copy(session, await articles.get(session, name))
        *kept, before = content.similar
        text = f"{content.question[:10]} changed {at} {time.time_ns()}"
        changed = from_snapshot({**content.snapshot(), "similar_questions": [*kept, text]})
        await articles.update(session, changed, "bench")
        await articles.publish(session, name, "bench")
    return text, before


def _follow(path: str, other: Connection) -> None:
    asyncio.run(_answer(path, other))


async def _answer(path: str, other: Connection) -> None:
    """Follow the base and say when a text is answered, until told to stop."""
    database, encoder = Database(_url(path)), default_encoder()
    encoder.encode([prepare("warm")])
    follower = Follower(database, encoder)
    began = time.monotonic()
    await follower.refresh()
    other.send(time.monotonic() - began)
    following = asyncio.create_task(follower.run())
    while (asked := await asyncio.to_thread(other.recv)) is not None:
        text, name, before = asked
        for _ in range(int(PATIENCE / LOOK_EVERY)):
            if _answers(follower, encoder, text, name):
                break
            await asyncio.sleep(LOOK_EVERY)
        other.send((time.monotonic(), not _answers(follower, encoder, before, name)))
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await database.close()


def _answers(follower: Follower, encoder: Encoder, text: str, name: str) -> bool:
    """Tell whether a text is answered with the article, word for word."""
    assert follower.index is not None
    found = follower.index.search(encoder.encode([prepare(text)])[0], text)
    return found.decision == "answer" and found.hits[0].article_id == name
