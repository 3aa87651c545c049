"""With a real encoder: words that the articles do not use."""

from __future__ import annotations

import pytest

from knowledge_base.publish import publish
from knowledge_base.releases import load_index
from pitstop.language.encode import USE


async def test_meaning_is_found(filled):
    encoder = USE()
    await publish(filled, encoder)
    index = await load_index(filled, encoder)
    for text, wanted in (
        ("更换动力电池一次收多少费用", "swap-price"),
        ("下雪天车开不了多少公里", "winter"),
        ("想让我爱人也能开这台车", "key"),
    ):
        result = index.search(encoder.encode([text])[0], text)
        assert wanted in [hit.article_id for hit in result.hits], text
    for text in ("给我讲个笑话", "今天股市怎么样"):
        assert index.search(encoder.encode([text])[0], text).decision != "answer"


@pytest.mark.parametrize("text", ["换电一次多少钱", " 換電一次多少錢 ", "换电一次多少钱"])
async def test_spelling_does_not_matter(filled, encoder, text):
    await publish(filled, encoder)
    index = await load_index(filled, encoder)
    result = index.search(encoder.encode([text])[0], text)
    assert (result.decision, result.hits[0].article_id) == ("answer", "swap-price")
