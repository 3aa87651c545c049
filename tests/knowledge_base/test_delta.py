"""A change is found at once, on top of the release; the next release takes it in."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from knowledge_base import articles, fit, follow, releases
from knowledge_base import publish as publishing
from knowledge_base.content import read_content
from knowledge_base.follow import Follower
from knowledge_base.index import Index, Result
from knowledge_base.publish import Published, pending, publish, publish_changes, rebuild, turn
from knowledge_base.publisher import Publisher
from knowledge_base.releases import Outdated, load_index
from knowledge_base.search import Searcher
from knowledge_base.tables import Delta, Release
from pitstop.app.worker import finish_publishing
from pitstop.base.settings import ROOT
from pitstop.storage.database import Database

from .conftest import BASE, ToyEncoder, make_tables

TENT = "车顶可以放帐篷吗"


CLASSES = {"a class an article": fit.CLASSES, "two classes": 5}


@pytest.fixture(scope="session", params=CLASSES)
def template(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, int]:
    """The small base, released; once as a base of many articles is."""
    path, classes = tmp_path_factory.mktemp("released") / "kb.db", CLASSES[request.param]

    async def release() -> None:
        rows = [json.loads(line) for line in BASE.read_text(encoding="utf-8").splitlines()]
        database = Database(f"sqlite+aiosqlite:///{path}")
        await make_tables(database)
        async with database.write() as session:
            for row in rows:
                await articles.create(session, read_content(row), "editor", published=True)
        await publish(database, ToyEncoder())
        await database.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "CLASSES", classes)
        asyncio.run(release())
    return path, classes


@pytest.fixture
async def released(
    template: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    path, classes = template
    monkeypatch.setattr(fit, "CLASSES", classes)
    shutil.copyfile(path, tmp_path / "kb.db")
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'kb.db'}")
    yield database
    await database.close()


async def edit(database: Database, name: str, **changes: Any) -> None:
    """Change an article and publish it, as an editor does."""
    async with database.write() as session:
        content = await articles.working_copy(session, await articles.get(session, name))
        await articles.update(session, read_content({**content.snapshot(), **changes}), "mei")
        await articles.publish(session, name, "mei")


async def add(database: Database, name: str, question: str, answer: str) -> None:
    row = {"id": name, "question": question, "answer": answer}
    async with database.write() as session:
        await articles.create(session, read_content(row), "mei", published=True)


async def retire(database: Database, name: str) -> None:
    async with database.write() as session:
        await articles.retire(session, name, "mei")


def ask(index: Index | None, encoder: ToyEncoder, text: str) -> Result:
    assert index is not None
    return index.search(encoder.encode([text])[0], text)


def names(result: Result) -> list[str]:
    return [hit.article_id for hit in result.hits]


async def count(database: Database, table: Any) -> int:
    async with database.read() as session:
        found: int = (await session.execute(select(func.count()).select_from(table))).scalar_one()
        return found


async def test_a_change_is_found_without_a_new_release(
    released: Database, encoder: ToyEncoder
) -> None:
    follower = Follower(released, encoder)
    await follower.refresh()
    assert ask(follower.index, encoder, TENT).decision != "answer"
    async with released.read() as session:
        content = await articles.working_copy(session, await articles.get(session, "key"))
    await edit(released, "key", similar_questions=[*content.similar, TENT])
    encoder.texts.clear()
    done = await publish_changes(released, encoder, who="mei")
    assert done is not None
    assert (done.version, done.delta, done.articles, done.fresh) == (1, 1, 1, True)
    assert encoder.texts == [TENT]
    assert await follower.refresh()
    assert follower.index is not None
    assert (follower.index.version, follower.index.delta) == (1, 1)
    result = ask(follower.index, encoder, TENT)
    assert (result.decision, names(result)[0]) == ("answer", "key")
    assert names(ask(follower.index, encoder, content.question))[0] == "key"
    assert ask(follower.index, encoder, "积分会过期吗").decision == "answer"
    assert await count(released, Release) == 1
    again = await publish_changes(released, encoder)
    assert again is not None and not again.fresh and again.delta == 1
    # In other words, too, it is found where the next release finds it.
    others = [f"请问{TENT}", "积分多久清零", "换电的价格贵不贵"]
    on_top = [names(ask(follower.index, encoder, text))[0] for text in others]
    await rebuild(released, encoder)
    whole = await load_index(released, encoder)
    assert on_top == [names(ask(whole, encoder, text))[0] for text in others]


async def test_the_old_words_of_a_changed_article_are_no_longer_found(
    released: Database, encoder: ToyEncoder
) -> None:
    await edit(
        released,
        "points",
        question="车友会怎么加入",
        similar_questions=["想参加车友会"],
        answer="在应用里报名。",
    )
    await publish_changes(released, encoder)
    index = await load_index(released, encoder)
    for text in ("积分会过期吗", "积分多久清零"):
        result = ask(index, encoder, text)
        assert result.decision != "answer"
        assert "积分" not in "".join(hit.question for hit in result.hits)
    result = ask(index, encoder, "车友会怎么加入")
    assert (result.decision, names(result)[0]) == ("answer", "points")
    assert names(result).count("points") == 1


async def test_an_edited_answer_leaves_its_questions_as_sure_as_they_were(
    released: Database, encoder: ToyEncoder
) -> None:
    texts = ["换电的价格贵不贵", "换电要多少钱啊", "换一次电收费吗"]
    before = [ask(await load_index(released, encoder), encoder, text) for text in texts]
    await edit(released, "swap-price", answer="换电按次收费，价格以应用为准。")
    await publish_changes(released, encoder)
    after = [ask(await load_index(released, encoder), encoder, text) for text in texts]
    assert [names(each)[0] for each in after] == [names(each)[0] for each in before]
    assert [each.decision for each in after] == [each.decision for each in before]


async def test_a_new_article_is_found_by_a_word_that_the_release_has_never_seen(
    released: Database, encoder: ToyEncoder
) -> None:
    await add(released, "part", "QX-7731配件怎么买", "QX-7731在商城有售。")
    await publish_changes(released, encoder)
    assert names(ask(await load_index(released, encoder), encoder, "QX-7731"))[0] == "part"


async def test_what_is_retired_is_hidden_in_release_and_delta(
    released: Database, encoder: ToyEncoder
) -> None:
    await add(released, "tent", TENT, "不可以。")
    await publish_changes(released, encoder)
    follower = Follower(released, encoder)
    await follower.refresh()
    for name, text in (("tent", TENT), ("points", "积分会过期吗")):
        assert names(ask(follower.index, encoder, text))[0] == name
        await retire(released, name)
        assert await follower.refresh()
        assert name not in names(ask(follower.index, encoder, text))
    # The next delta says the same, and what comes back is found again.
    done = await publish_changes(released, encoder)
    assert done is not None and done.delta == 2
    await follower.refresh()
    assert "points" not in names(ask(follower.index, encoder, "积分会过期吗"))
    for name, text in (("tent", TENT), ("points", "积分会过期吗")):
        async with released.write() as session:
            await articles.publish(session, name, "mei")
        await publish_changes(released, encoder)
        await follower.refresh()
        result = ask(follower.index, encoder, text)
        assert (result.decision, names(result)[0]) == ("answer", name)


async def test_a_release_takes_the_place_of_the_delta(
    released: Database, encoder: ToyEncoder
) -> None:
    follower = Follower(released, encoder)
    await add(released, "tent", TENT, "不可以。")
    await publish_changes(released, encoder)
    await follower.refresh()
    assert await pending(released, encoder)
    done = await rebuild(released, encoder)
    assert (done.version, done.delta, done.articles) == (2, 0, 13)
    assert not await pending(released, encoder)
    assert await count(released, Delta) == 0
    assert await follower.refresh()
    assert follower.index is not None
    assert (follower.index.version, follower.index.delta) == (2, 0)
    assert "tent" in follower.index.ids
    assert names(ask(follower.index, encoder, TENT))[0] == "tent"
    again = await publish(released, encoder)
    assert (again.version, again.fresh) == (2, False)


async def test_each_delta_holds_all_that_changed(released: Database, encoder: ToyEncoder) -> None:
    for at, text in enumerate((TENT, "车里可以养鱼吗", "后备箱能睡人吗"), 1):
        await add(released, f"new-{at}", text, "不可以。")
        done = await publish_changes(released, encoder)
        assert done is not None and (done.delta, done.articles) == (at, at)
    assert await count(released, Delta) == 1
    index = await load_index(released, encoder)
    assert names(ask(index, encoder, TENT))[0] == "new-1"
    assert names(ask(index, encoder, "后备箱能睡人吗"))[0] == "new-3"


async def test_editors_who_publish_at_once_are_all_found(
    released: Database, encoder: ToyEncoder
) -> None:
    async def add_and_publish(at: int) -> None:
        await add(released, f"new-{at}", f"第{at}个新问题怎么办", "好办。")
        await publish_changes(released, ToyEncoder())

    await asyncio.gather(*(add_and_publish(at) for at in range(5)))
    index = await load_index(released, encoder)
    for at in range(5):
        assert names(ask(index, encoder, f"第{at}个新问题怎么办"))[0] == f"new-{at}"


async def test_followers_and_another_process_agree(released: Database, encoder: ToyEncoder) -> None:
    followers = [Follower(released, encoder) for _ in range(2)]
    await followers[0].refresh()
    await add(released, "tent", TENT, "不可以。")
    await edit(released, "points", similar_questions=["我的分数还在吗"])
    await publish_changes(released, encoder)
    texts = [TENT, "我的分数还在吗", "积分多久清零", "换电的价格贵不贵", "今晚看哪部电影好"]
    for follower in followers:
        assert await follower.refresh()
    one, two = ([ask(each.index, encoder, text) for text in texts] for each in followers)
    assert one == two
    script = f"""
import asyncio, knowledge_base
from knowledge_base.follow import Follower
from pitstop.storage.database import Database
from tests.knowledge_base.conftest import ToyEncoder
async def main():
    database, encoder = Database({released.url!r}), ToyEncoder()
    follower = Follower(database, encoder)
    await follower.refresh()
    for text in {texts!r}:
        print(follower.index.search(encoder.encode([text])[0], text))
    await database.close()
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        script,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert said.decode().splitlines() == [str(each) for each in one]


async def test_a_crash_before_the_release_loses_nothing(
    released: Database, encoder: ToyEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(released, "tent", TENT, "不可以。")
    await publish_changes(released, encoder)

    def broken(*_: Any, **__: Any) -> Any:
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "fit", broken)
        with pytest.raises(OSError, match="killed"):
            await rebuild(released, encoder)
    # Whoever starts now finds it, and whoever sweeps sees what is left to do.
    assert names(ask(await load_index(released, encoder), encoder, TENT))[0] == "tent"
    assert await pending(released, encoder)
    assert (await rebuild(released, encoder)).version == 2
    assert names(ask(await load_index(released, encoder), encoder, TENT))[0] == "tent"


async def test_what_is_published_while_a_release_is_made_stays_found(
    released: Database, encoder: ToyEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(released, "early", TENT, "不可以。")
    await publish_changes(released, encoder)
    make = publishing._make

    async def make_slowly(*given: Any) -> Any:
        made = await make(*given)
        await add(released, "late", "后备箱能睡人吗", "能。")
        await publish_changes(released, encoder)
        await retire(released, "points")
        return made

    monkeypatch.setattr(publishing, "_make", make_slowly)
    done = await rebuild(released, encoder)
    assert (done.version, done.delta, done.articles) == (2, 1, 1)
    index = await load_index(released, encoder)
    assert names(ask(index, encoder, TENT))[0] == "early"
    assert names(ask(index, encoder, "后备箱能睡人吗"))[0] == "late"
    assert "points" not in index.ids
    monkeypatch.setattr(publishing, "_make", make)
    done = await rebuild(released, encoder)
    assert (done.version, done.delta) == (3, 0)


async def test_a_change_is_found_while_the_next_release_loads(
    released: Database, encoder: ToyEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(released, encoder)
    await follower.keep_up()
    await add(released, "early", TENT, "不可以。")
    await retire(released, "points")
    await follower.keep_up()
    await publish(released, encoder)
    let_go, load = asyncio.Event(), follow.load

    async def load_slowly(*given: Any) -> Any:
        await let_go.wait()
        return await load(*given)

    monkeypatch.setattr(follow, "load", load_slowly)
    await follower.keep_up()
    await add(released, "late", "后备箱能睡人吗", "能。")
    await publish_changes(released, encoder)
    assert await follower.keep_up()
    assert follower.index is not None and follower.index.version == 1
    assert names(ask(follower.index, encoder, "后备箱能睡人吗"))[0] == "late"
    assert "points" not in follower.index.ids
    let_go.set()
    for _ in range(100):
        await follower.keep_up()
        if follower.index.version == 2:
            break
        await asyncio.sleep(0.02)
    assert (follower.index.version, follower.index.delta) == (2, 1)
    for text, name in ((TENT, "early"), ("后备箱能睡人吗", "late")):
        assert names(ask(follower.index, encoder, text))[0] == name
    assert "points" not in follower.index.ids


async def test_a_release_that_could_not_be_read_is_tried_again(
    released: Database, encoder: ToyEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = Follower(released, encoder)
    await follower.follow()
    await add(released, "tent", TENT, "不可以。")
    await publish(released, encoder)
    load = follow.load
    broken = [OSError("the database is away")]

    async def load_at_last(*given: Any) -> Any:
        if broken:
            raise broken.pop()
        return await load(*given)

    monkeypatch.setattr(follow, "load", load_at_last)
    for _ in range(100):
        await follower.follow()
        assert follower.index is not None
        if follower.index.version == 2:
            break
        await asyncio.sleep(0.02)
    assert names(ask(follower.index, encoder, TENT))[0] == "tent"


@pytest.mark.parametrize("after", [0, 0.01, 0.05, 0.2])
async def test_a_stop_in_the_middle_leaves_no_lock_and_loses_nothing(
    released: Database, encoder: ToyEncoder, after: float
) -> None:
    publisher = Publisher(released, encoder)
    publisher.start()
    await add(released, "tent", TENT, "不可以。")
    publisher.ask()
    await asyncio.sleep(after)
    await asyncio.wait_for(publisher.close(), 20)
    await asyncio.wait_for(retire(released, "points"), 5)
    await publish(released, encoder)
    index = await load_index(released, encoder)
    assert names(ask(index, encoder, TENT))[0] == "tent"
    assert "points" not in index.ids


async def test_too_much_at_once_waits_for_a_release(
    released: Database, encoder: ToyEncoder
) -> None:
    for at in range(publishing.FEW + 1):
        await add(released, f"new-{at}", f"第{at}个新问题怎么办", "好办。")
    assert await publish_changes(released, encoder) is None
    assert (await rebuild(released, encoder)).articles == 12 + publishing.FEW + 1


async def test_everything_retired_finds_nothing(released: Database, encoder: ToyEncoder) -> None:
    for name in (await load_index(released, encoder)).ids:
        await retire(released, name)
    done = await publish_changes(released, encoder)
    assert done is not None
    result = ask(await load_index(released, encoder), encoder, "积分会过期吗")
    assert (result.decision, result.hits) == ("none", [])


async def test_another_encoder_has_a_release_made_by_itself(
    released: Database, encoder: ToyEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other(ToyEncoder):
        def fingerprint(self) -> str:
            return "toy-2"

    other = Other()
    with pytest.raises(Outdated):
        await load_index(released, other)
    assert (await Searcher(released, other).search("积分会过期吗")).decision == "none"
    asked: list[bool] = []
    monkeypatch.setattr(publishing, "default_encoder", lambda: other)
    async with turn(released):
        # Somebody is at it already.
        await finish_publishing(released, lambda: asked.append(True))
    assert asked == []
    await finish_publishing(released, lambda: asked.append(True))
    assert asked == [True]
    assert await publish_changes(released, other) is None
    done = await rebuild(released, other)
    assert isinstance(done, Published) and done.version == 2
    await finish_publishing(released, lambda: asked.append(True))
    assert asked == [True]
    assert ask(await load_index(released, other), other, "积分会过期吗").decision == "answer"


async def test_a_release_of_an_earlier_version_is_made_anew(
    released: Database, encoder: ToyEncoder
) -> None:
    async with released.write() as session:
        release = await releases.latest(session)
        assert release is not None
        release.versions = None
    with pytest.raises(Outdated):
        await load_index(released, encoder)
    assert (await publish(released, encoder)).version == 2
    assert ask(await load_index(released, encoder), encoder, "积分会过期吗").decision == "answer"
