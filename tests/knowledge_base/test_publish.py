"""Publishing, searching, following: what owners get, and when."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from knowledge_base import articles
from knowledge_base.content import read_content
from knowledge_base.follow import Follower
from knowledge_base.index import Index
from knowledge_base.publish import NothingPublished, publish
from knowledge_base.releases import NoRelease, load_index
from knowledge_base.search import Searcher
from knowledge_base.tables import Release, Vector
from pitstop.storage.events import Event


def ask(index: Index, encoder, text):
    return index.search(encoder.encode([text])[0], text)


async def test_known_question_is_answered_and_nonsense_is_not(filled, encoder):
    await publish(filled, encoder)
    index = await load_index(filled, encoder)
    for text in ("换电一次多少钱", "枪卡在车上了", "換電一次多少錢"):
        result = ask(index, encoder, text)
        assert result.decision == "answer"
        assert 0.99 <= result.hits[0].score <= 1
    assert ask(index, encoder, "换电一次多少钱").hits[0].article_id == "swap-price"
    for text in ("今晚看哪部电影好", "", "？？？"):
        assert ask(index, encoder, text).decision != "answer"


async def test_paraphrase_finds_its_article_among_the_first_three(filled, encoder):
    await publish(filled, encoder)
    index = await load_index(filled, encoder)
    for text, wanted in (
        ("换电的价格贵不贵", "swap-price"),
        ("充电枪拔不出来了", "charge-stuck"),
        ("积分多久清零", "points"),
        ("轮胎上扎了一颗钉子", "tyre-nail"),
    ):
        result = ask(index, encoder, text)
        assert wanted in [hit.article_id for hit in result.hits]
        assert result.decision in ("answer", "clarify")
        scores = [hit.score for hit in result.hits]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


async def test_same_words_in_two_articles_are_the_owners_choice(filled, encoder, rows):
    async with filled.write() as session:
        twin = {**rows[0], "id": "twin", "similar_questions": [], "answer": "另一种说法。"}
        await articles.create(session, read_content(twin), "editor", published=True)
    await publish(filled, encoder)
    result = ask(await load_index(filled, encoder), encoder, "换电一次多少钱")
    assert result.decision == "clarify"
    assert {hit.article_id for hit in result.hits[:2]} == {"swap-price", "twin"}


async def test_release_is_one_row_with_fitted_thresholds_and_an_event(filled, encoder):
    published = await publish(filled, encoder, who="mei")
    assert (published.version, published.articles, published.questions) == (1, 12, 48)
    async with filled.read() as session:
        release = (await session.execute(select(Release))).scalar_one()
        event = (await session.execute(select(Event))).scalar_one()
    assert release.created_by == "mei"
    assert 0 < release.thresholds["clarify"] <= 1
    assert 0 < release.thresholds["answer"] <= 1
    assert release.thresholds["figures"]["unrelated_straight"] <= 0.01
    assert (event.kind, event.subject) == ("knowledge.published", "1")


async def test_nothing_changed_nothing_released(filled, encoder):
    await publish(filled, encoder)
    encoder.texts.clear()
    again = await publish(filled, encoder)
    assert (again.version, again.fresh) == (1, False)
    assert encoder.texts == []
    async with filled.read() as session:
        count = (await session.execute(select(func.count()).select_from(Release))).scalar_one()
    assert count == 1


async def test_only_new_texts_are_encoded(filled, encoder):
    await publish(filled, encoder)
    encoder.texts.clear()
    async with filled.write() as session:
        content = await articles.working_copy(session, await articles.get(session, "key"))
        changed = {**content.snapshot(), "similar_questions": [*content.similar, "借车给朋友"]}
        await articles.update(session, read_content(changed), "mei")
        await articles.publish(session, "key", "mei")
    await publish(filled, encoder)
    assert encoder.texts == ["借车给朋友"]


async def test_draft_is_no_answer_and_an_edit_waits_for_its_publishing(filled, encoder, rows):
    async with filled.write() as session:
        draft = {**rows[0], "id": "draft", "question": "草稿问题一二三", "similar_questions": []}
        await articles.create(session, read_content(draft), "editor")
        edit = {**rows[1], "answer": "新的说法。"}
        assert await articles.update(session, read_content(edit), "mei")
    await publish(filled, encoder)
    index = await load_index(filled, encoder)
    assert "draft" not in index.ids
    async with filled.read() as session:
        live = await articles.live(session, "swap-time")
        assert live is not None
        assert live.answer == rows[1]["answer"]
        assert await articles.live(session, "draft") is None
    async with filled.write() as session:
        await articles.publish(session, "swap-time", "mei")
    async with filled.read() as session:
        live = await articles.live(session, "swap-time")
        assert live is not None
        assert live.answer == "新的说法。"


async def test_follower_takes_a_release_without_a_restart(filled, encoder, rows):
    await publish(filled, encoder)
    follower = Follower(filled, encoder)
    assert await follower.refresh()
    before = follower.index
    assert before is not None
    text = "车顶可以放帐篷吗"
    assert ask(before, encoder, text).decision != "answer"
    async with filled.write() as session:
        edited = {**rows[10], "similar_questions": [text]}
        await articles.update(session, read_content(edited), "mei")
        await articles.publish(session, "key", "mei")
    assert not await follower.refresh()
    await publish(filled, encoder)
    assert await follower.refresh()
    assert follower.index is not None
    result = ask(follower.index, encoder, text)
    assert (result.decision, result.hits[0].article_id) == ("answer", "key")
    # Whoever still searches the old release is not disturbed.
    assert ask(before, encoder, text).decision != "answer"


async def test_retired_article_is_gone_before_any_new_release(filled, encoder):
    await publish(filled, encoder)
    follower = Follower(filled, encoder)
    await follower.refresh()
    async with filled.write() as session:
        await articles.retire(session, "points", "mei")
    assert await follower.refresh()
    assert follower.index is not None
    result = ask(follower.index, encoder, "积分会过期吗")
    assert "points" not in [hit.article_id for hit in result.hits]
    assert result.decision != "answer"
    async with filled.read() as session:
        assert await articles.live(session, "points") is None
    await publish(filled, encoder)
    assert "points" not in (await load_index(filled, encoder)).ids


async def test_article_that_comes_back_is_found_again(filled, encoder):
    await publish(filled, encoder)
    for act in (articles.retire, articles.publish):
        async with filled.write() as session:
            await act(session, "points", "mei")
    await publish(filled, encoder)
    index = await load_index(filled, encoder)
    assert ask(index, encoder, "积分会过期吗").decision == "answer"


async def test_broken_release_leaves_the_old_index(filled, encoder):
    await publish(filled, encoder)
    follower = Follower(filled, encoder)
    await follower.refresh()
    await publish(filled, encoder, force=True)
    async with filled.write() as session:
        release = (await session.execute(select(Release).where(Release.version == 2))).scalar_one()
        release.model = b"broken"
    with pytest.raises((ValueError, KeyError, OSError)):
        await follower.refresh()
    assert follower.index is not None
    assert follower.index.version == 1
    assert ask(follower.index, encoder, "积分会过期吗").decision == "answer"


async def test_another_encoder_does_not_read_the_release(filled, encoder):
    await publish(filled, encoder)

    class Other(type(encoder)):
        def fingerprint(self):
            return "toy-2"

    with pytest.raises(LookupError):
        await load_index(filled, Other())


async def test_interrupted_encoding_goes_on_where_it_was(filled, encoder):
    class Stops(type(encoder)):
        def encode(self, texts):
            if len(self.texts) >= 100:
                raise OSError("stopped")
            return super().encode(texts)

    stops = Stops()
    with pytest.raises(OSError, match="stopped"):
        await publish(filled, stops)
    async with filled.read() as session:
        kept = (await session.execute(select(func.count()).select_from(Vector))).scalar_one()
        assert (await session.execute(select(Release))).first() is None
    assert kept == len(stops.texts) >= 100
    await publish(filled, encoder)
    assert not set(encoder.texts) & set(stops.texts)


async def test_empty_knowledge_base(database, encoder):
    with pytest.raises(NothingPublished):
        await publish(database, encoder)
    with pytest.raises(NoRelease):
        await load_index(database, encoder)
    result = await Searcher(database, encoder).search("换电多少钱")
    assert (result.decision, result.hits) == ("none", [])


@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_handful_of_articles_can_be_published(database, encoder, rows, count):
    async with database.write() as session:
        for row in rows[:count]:
            content = read_content({**row, "similar_questions": []})
            await articles.create(session, content, "editor", published=True)
    await publish(database, encoder)
    index = await load_index(database, encoder)
    assert ask(index, encoder, "换电一次多少钱").decision == "answer"
    assert ask(index, encoder, "今晚看哪部电影好").decision != "answer"


async def test_searcher_never_gives_a_retired_article(filled, encoder):
    await publish(filled, encoder)
    searcher = Searcher(filled, encoder)
    assert (await searcher.search("积分会过期吗")).decision == "answer"
    async with filled.write() as session:
        await articles.retire(session, "points", "mei")
    result = await searcher.search("积分会过期吗")
    assert "points" not in [hit.article_id for hit in result.hits]
