"""What a search is worth is counted as the words say; the bases are read whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.baselines import Bm25, cosines, nearest_grams, nearest_vectors, nearest_words
from bot.bases import LEFT_OUT, Base, Query, foreign, own
from bot.searches import Found, Shop, Unground, by_neighbour, by_words, figures, mean, measure
from knowledge_base.content import Content
from tests.knowledge_base.conftest import ToyEncoder

ARTICLES = (
    Content("price", "换电一次多少钱", "三十元", similar=("换电收费",)),
    Content("winter", "冬天续航会变短吗", "低温下变短", similar=("天冷跑不远",)),
)


def test_foreign_bases_are_whole() -> None:
    bases = foreign()

    assert len(bases) == 3
    for base in bases:
        kinds = [query.kind for query in base.queries]
        assert (len(base.articles), len(kinds), len(base.intruders)) == (40, 160, 40)
        assert {kind: kinds.count(kind) for kind in set(kinds)} == {
            "keyword": 40,
            "easy": 40,
            "hard": 80,
        }


def test_a_query_needs_its_article(tmp_path: Path) -> None:
    (tmp_path / "x.yml").write_text(
        "articles: [{id: a, question: q, similar: [], answer: b}]\n"
        "queries: [{text: t, article: b, kind: hard}]\nintruders: []\n"
    )

    with pytest.raises(ValueError, match="no article"):
        foreign(tmp_path)


def test_of_our_own_articles_one_way_to_ask_is_left_out() -> None:
    base = own()
    articles = {each.id: each for each in base.articles}

    assert base.queries == own().queries
    assert len(base.queries) == len({query.article for query in base.queries})
    for query in base.queries:
        assert query.kind == LEFT_OUT
        assert query.text not in articles[query.article].questions()


def test_figures_of_searches_with_decisions() -> None:
    asked = [
        ("hard", "a", Found(("a", "b"), 0.9, "answer")),
        ("hard", "a", Found(("b", "a"), 0.8, "answer")),
        ("hard", "a", Found(("b", "c", "a"), 0.3, "clarify")),
        ("easy", "b", Found(("b",), 0.2, "none")),
    ]
    strangers = [Found(("a",), 0.1, "none"), Found(("a",), 0.85, "answer")]

    found = figures(asked, strangers)

    assert found["hard top-1"] == pytest.approx(1 / 3)
    assert (found["hard top-3"], found["easy top-1"]) == (1.0, 1.0)
    assert found["AUC"] == pytest.approx((1 + 0.5 * 3) / 4)
    assert (found["straight"], found["straight right"]) == (0.5, 0.5)
    assert found["served"] == 0.5  # the wrong answer and the one kept back are none
    assert (found["intruders straight"], found["intruders shown a menu"]) == (0.5, 0.0)


def test_without_decisions_nothing_is_said_of_them() -> None:
    found = figures([("hard", "a", Found(("a",), 0.9))], [])

    assert found == {"hard top-1": 1.0, "hard top-3": 1.0}


def test_the_mean_is_of_what_all_have() -> None:
    assert mean([{"a": 1.0, "b": 1.0}, {"a": 0.0}]) == {"a": 0.5}
    assert mean([]) == {}


def test_bm25_knows_rare_words_and_forgives_length() -> None:
    engine = Bm25(["换电 价格 说明", "保养 价格 说明", "保养 价格 说明 说明 说明 说明"])

    assert engine.scores("换电").argmax() == 0
    assert engine.scores("保养").argmax() == 1
    assert not engine.scores("完全无关").any()


def test_nearest_examples() -> None:
    texts, labels = ["换电多少钱", "预约保养"], ["price", "booking"]

    assert nearest_words(texts, labels, ["换电"]) == ["price"]
    assert nearest_grams(texts, labels, ["约保养"]) == ["booking"]
    rows = np.eye(2, dtype=np.float32)
    assert nearest_vectors(rows, labels, rows[::-1]) == ["booking", "price"]
    assert cosines(rows, rows)[0].tolist() == pytest.approx([1.0, -1.0])


@pytest.mark.parametrize("engine", ["words", "neighbour"])
def test_simple_searches_find_what_is_written(engine: str) -> None:
    queries = (Query("换电收费", "price", "easy"), Query("天冷跑不远", "winter", "easy"))
    base = Base("toy", ARTICLES, queries, ("今天股市怎么样",))
    search = by_words(base) if engine == "words" else by_neighbour(base, ToyEncoder())

    found = measure(base, search)

    assert (found["easy top-1"], found["AUC"]) == (1.0, 1.0)


async def test_a_base_is_published_and_searched_for_real(tmp_path: Path) -> None:
    queries = (Query("换电收费", "price", "easy"), Query("天冷跑不远", "winter", "easy"))
    base = Base("toy", ARTICLES, queries, ())
    shop = Shop(tmp_path)

    found = [
        measure(base, (await shop.open(base, encoder)).search)
        for encoder in (ToyEncoder(), Unground(ToyEncoder()))
    ]

    # A toy has no lens: under either name it is the same engine.
    assert found[0] == found[1]
    assert (found[0]["easy top-1"], found[0]["straight right"]) == (1.0, 1.0)
