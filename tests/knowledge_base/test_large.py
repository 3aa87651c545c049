"""A large base finds by candidates what a small one finds by comparing with everything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest

from knowledge_base import rows, shelf
from knowledge_base.content import Content
from knowledge_base.index import Index, Result
from knowledge_base.lexicon import Counted, Lexicon
from knowledge_base.publish import publish
from knowledge_base.releases import load_index
from pitstop.storage.database import Database
from tools.large_base import fill, make

from .conftest import ToyEncoder, make_tables

ARTICLES, QUESTIONS = 500, 6
NOISE = ["今晚看哪部电影好", "股票还能买吗", "帮我写一首诗", "附近哪家火锅好吃", "明天下雨吗"]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "kb.db"

    async def release() -> None:
        database = Database(f"sqlite+aiosqlite:///{path}")
        await make_tables(database)
        await fill(database, ToyEncoder(), ARTICLES, QUESTIONS)
        await publish(database, ToyEncoder())
        await database.close()

    asyncio.run(release())
    return path


@pytest.fixture
async def released(template: Path) -> AsyncIterator[Database]:
    """A made-up base, released; the tests only read it."""
    database = Database(f"sqlite+aiosqlite:///{template}")
    yield database
    await database.close()


@pytest.fixture
def as_large(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def lower() -> None:
        monkeypatch.setattr(shelf, "LARGE", 0)
        monkeypatch.setattr(rows, "FLAT", 100)

    return lower


def asked() -> list[str]:
    """Ways to ask that are in the base, half of them with a few characters changed."""
    found: list[str] = []
    contents: list[Content] = [content for content, _ in make(ARTICLES, QUESTIONS)]
    for at, content in enumerate(contents[::3]):
        way = content.similar[at % len(content.similar)]
        found.append(way if at % 2 else f"请问{way[1:-3]}呢")
    return [*found, *NOISE * 4]


def search(index: Index, encoder: ToyEncoder, texts: list[str]) -> list[Result]:
    return [index.search(row, text) for row, text in zip(encoder.encode(texts), texts, strict=True)]


def names(result: Result) -> list[str]:
    return [hit.article_id for hit in result.hits]


async def test_the_same_articles_are_found_in_the_same_order(
    released: Database, encoder: ToyEncoder, as_large: Callable[[], None]
) -> None:
    texts = asked()
    exact = search(await load_index(released, encoder), encoder, texts)
    as_large()
    large = search(await load_index(released, encoder), encoder, texts)
    pairs = list(zip(exact, large, strict=True))
    assert np.mean([names(a)[:1] == names(b)[:1] for a, b in pairs]) >= 0.98
    assert np.mean([names(a) == names(b) for a, b in pairs]) >= 0.95
    assert np.mean([a.decision == b.decision for a, b in pairs]) >= 0.98
    same = [(a, b) for a, b in pairs if names(a) == names(b)]
    for one, other in same:
        np.testing.assert_allclose(
            [hit.score for hit in one.hits], [hit.score for hit in other.hits], atol=0.02
        )


async def test_what_is_written_is_answered_and_what_is_retired_is_not(
    released: Database, encoder: ToyEncoder, as_large: Callable[[], None]
) -> None:
    as_large()
    index = await load_index(released, encoder)
    content, _ = next(make(ARTICLES, QUESTIONS))
    (result,) = search(index, encoder, [content.similar[2]])
    assert (result.decision, names(result)[0]) == ("answer", content.id)
    (result,) = search(index.without([content.id]), encoder, [content.similar[2]])
    assert content.id not in names(result)
    assert search(index.without(index.ids), encoder, ["换电"])[0].hits == []


async def test_two_processes_build_the_same_index(
    released: Database, encoder: ToyEncoder, as_large: Callable[[], None]
) -> None:
    as_large()
    texts = asked()
    one = search(await load_index(released, encoder), encoder, texts)
    assert search(await load_index(released, encoder), encoder, texts) == one


@pytest.mark.parametrize("count", [1, 2, 7, 150])
def test_any_number_of_rows_goes_into_cells(count: int) -> None:
    raw = np.random.default_rng(0).standard_normal((count, 16)).astype(np.float32)
    raw /= np.linalg.norm(raw, axis=1, keepdims=True)
    cells = rows.Cells(raw, lambda each: np.asarray(each, dtype=np.float32))
    cosines, numbers = cells.nearest(raw[0], 5)
    assert numbers[0] == 0
    assert cosines[0] == pytest.approx(1, abs=0.002)
    assert (np.diff(cosines) <= 0).all()
    np.testing.assert_allclose(cells.take(np.arange(count)), raw, atol=0.002)


def test_a_stored_lexicon_says_what_the_new_one_said() -> None:
    documents = ["换电多少钱\n换电按次收费。", "充电枪拔不出来\n先停止充电，再拔枪。", ""]
    counted = Counted.of(documents)
    before, after = Lexicon(counted), Lexicon(Counted.from_bytes(counted.to_bytes()))
    texts = ["换电贵吗", "枪拔不出", "", "completely unknown"]
    said = before.compare(before.words.weigh(texts))
    np.testing.assert_array_equal(after.compare(after.words.weigh(texts)), said)
    assert said[0].argmax() == 0 and said[1].argmax() == 1
    with pytest.raises((ValueError, KeyError)):
        Counted.from_bytes(counted.to_bytes()[:-40])
