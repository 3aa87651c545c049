"""Articles through their life: draft, published, edited, retired; every edit is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base import releases
from knowledge_base.content import Content, from_snapshot
from knowledge_base.tables import Article, ArticleVersion, SimilarQuestion
from pitstop.base import clock
from pitstop.storage.events import emit

CHUNK = 400
"""Ids a query may name: SQLite takes 999 bound values in its oldest builds."""


class ArticleNotFound(LookupError):
    """No article has this id."""


class ArticleExists(ValueError):
    """An article with this id is there already."""


class EditConflict(ValueError):
    """Somebody saved the article since it was opened."""


async def get(session: AsyncSession, article_id: str) -> Article:
    """Return the article; raises `ArticleNotFound`."""
    found: Article | None = await session.get(Article, article_id)
    if found is None:
        raise ArticleNotFound(article_id)
    return found


async def working_copy(session: AsyncSession, article: Article) -> Content:
    """Return what the editors see, published or not."""
    rows = await session.execute(
        select(SimilarQuestion.text)
        .where(SimilarQuestion.article_id == article.id)
        .order_by(SimilarQuestion.position)
    )
    return _content(article, tuple(rows.scalars()))


async def working_copies(session: AsyncSession) -> list[tuple[Article, Content]]:
    """Return every article with what its editors see, by id."""
    similar: dict[str, list[str]] = {}
    rows = await session.execute(
        select(SimilarQuestion.article_id, SimilarQuestion.text).order_by(
            SimilarQuestion.article_id, SimilarQuestion.position
        )
    )
    for article_id, text in rows:
        similar.setdefault(article_id, []).append(text)
    found = (await session.execute(select(Article).order_by(Article.id))).scalars()
    return [(each, _content(each, tuple(similar.get(each.id, ())))) for each in found]


async def create(
    session: AsyncSession, content: Content, who: str, *, published: bool = False
) -> Article:
    """Write a new article, a draft unless `published`; raises `ArticleExists`."""
    if await session.get(Article, content.id) is not None:
        raise ArticleExists(content.id)
    article = Article(id=content.id, status="draft", version=1)
    session.add(article)
    _write(session, article, content, who)
    await session.flush()
    _add_similar(session, content)
    if published:
        _go_live(article)
    await session.flush()
    return article


async def create_many(
    session: AsyncSession, contents: Sequence[tuple[Content, bool]], who: str
) -> None:
    """Write new articles, each live or a draft, in a tenth of the time that `create` takes.

    The ids must be free: what the database raises otherwise is raised.
    """
    if not contents:
        return
    now = clock.now()
    rows, versions, similar = [], [], []
    for content, live in contents:
        rows.append(
            {
                **{name: getattr(content, name) for name in ("id", "category", "question")},
                "answer": content.answer,
                "tags": list(content.tags),
                "next": content.next,
                "status": "published" if live else "draft",
                "version": 1,
                "live_version": 1 if live else None,
                "updated_at": now,
                "updated_by": who,
            }
        )
        written = {"snapshot": content.snapshot(), "updated_at": now, "updated_by": who}
        versions.append({"article_id": content.id, "version": 1, **written})
        similar += [
            {"article_id": content.id, "position": at, "text": text}
            for at, text in enumerate(content.similar)
        ]
        if live:
            emit(session, "knowledge.article_published", content.id[:40], version=1)
    await session.execute(insert(Article), rows)
    await session.execute(insert(ArticleVersion), versions)
    if similar:
        await session.execute(insert(SimilarQuestion), similar)


async def known(session: AsyncSession, ids: Iterable[str]) -> set[str]:
    """Return which of these ids are taken."""
    found: set[str] = set()
    for chunk in _chunks(list(ids)):
        rows = await session.execute(select(Article.id).where(Article.id.in_(chunk)))
        found.update(rows.scalars())
    return found


async def update(
    session: AsyncSession, content: Content, who: str, *, expected: int | None = None
) -> bool:
    """Save an edit; False if nothing changed. What owners get stays until `publish`.

    `expected` is the version that the editor opened: raises `EditConflict` if it is not the
    present one, `ArticleNotFound` if there is no such article.
    """
    article = await get(session, content.id)
    if expected is not None and article.version != expected:
        raise EditConflict(content.id)
    if await working_copy(session, article) == content:
        return False
    article.version += 1
    _write(session, article, content, who)
    await session.execute(
        delete(SimilarQuestion)
        .where(SimilarQuestion.article_id == content.id)
        .execution_options(synchronize_session=False)
    )
    _add_similar(session, content)
    await session.flush()
    return True


async def publish(session: AsyncSession, article_id: str, who: str) -> Article:
    """Let owners have the article as it stands; it is found from the next release on."""
    article = await get(session, article_id)
    _go_live(article)
    article.updated_at, article.updated_by = clock.now(), who
    await session.flush()
    emit(session, "knowledge.article_published", article_id[:40], version=article.version)
    return article


async def retire(session: AsyncSession, article_id: str, who: str) -> Article:
    """Take the article away from owners at once, before any new release."""
    article = await get(session, article_id)
    article.status, article.live_version, article.publish_at = "retired", None, None
    article.updated_at, article.updated_by = clock.now(), who
    await releases.withdraw(session, article_id)
    await session.flush()
    emit(session, "knowledge.article_retired", article_id[:40])
    return article


async def schedule(session: AsyncSession, article_id: str, at: datetime | None, who: str) -> None:
    """Have the article published at `at`; None takes the appointment back."""
    article = await get(session, article_id)
    article.publish_at = at
    article.updated_at, article.updated_by = clock.now(), who
    await session.flush()


async def publish_due(session: AsyncSession) -> list[str]:
    """Publish the articles whose time has come; returns their ids. A release must follow."""
    due = (
        await session.execute(
            select(Article).where(Article.publish_at <= clock.now()).order_by(Article.id)
        )
    ).scalars()
    published = []
    for article in due:
        await publish(session, article.id, article.updated_by)
        published.append(article.id)
    return published


async def live(session: AsyncSession, article_id: str) -> Content | None:
    """Return what owners get under this id; None for a draft, a retired or an unknown article."""
    found = await live_many(session, [article_id])
    return found.get(article_id)


async def live_many(session: AsyncSession, ids: Iterable[str]) -> dict[str, Content]:
    """Return what owners get under these ids, without those that are not live."""
    found: dict[str, Content] = {}
    for chunk in _chunks(list(dict.fromkeys(ids))):
        rows = await session.execute(_live().where(Article.id.in_(chunk)))
        found.update((row["id"], from_snapshot(row)) for row in rows.scalars())
    return found


async def live_versions(session: AsyncSession) -> dict[str, int]:
    """Return which version owners get of each article that they get."""
    rows: Any = await session.execute(
        select(Article.id, Article.live_version)
        .where(Article.live_version.isnot(None))
        .order_by(Article.id)
    )
    # A row is a pair; there may be many of them.
    found: dict[str, int] = dict(rows.all())
    return found


async def published(
    session: AsyncSession, ids: Iterable[str] | None = None
) -> list[tuple[int, Content]]:
    """Return everything that owners get, or what they get under `ids`, with versions, by id."""
    found: list[tuple[int, Content]] = []
    wanted = [None] if ids is None else _chunks(sorted(set(ids)))
    for chunk in wanted:
        rows = _live(ArticleVersion.version).order_by(Article.id)
        if chunk is not None:
            rows = rows.where(Article.id.in_(chunk))
        # In parts, so that others get their turn: there may be many.
        result: Any = await session.stream(rows)
        async for part in result.partitions(CHUNK):
            found += [(version, from_snapshot(row)) for row, version in part]
    return found


async def history(session: AsyncSession, article_id: str) -> Sequence[ArticleVersion]:
    """Return every version of the article, the newest first."""
    rows = await session.execute(
        select(ArticleVersion)
        .where(ArticleVersion.article_id == article_id)
        .order_by(ArticleVersion.version.desc())
    )
    found: Sequence[ArticleVersion] = rows.scalars().all()
    return found


async def listing(
    session: AsyncSession,
    *,
    text: str = "",
    status: str = "",
    category: str = "",
    limit: int = 50,
    offset: int = 0,
) -> tuple[int, Sequence[Article]]:
    """Return how many articles match, and one page of them, by id."""
    conditions: list[Any] = []
    if status:
        conditions.append(Article.status == status)
    if category:
        conditions.append(Article.category == category)
    for word in text.split():
        pattern = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        asked = select(SimilarQuestion.article_id).where(
            SimilarQuestion.text.like(pattern, escape="\\")
        )
        conditions.append(
            or_(
                *(
                    field.like(pattern, escape="\\")
                    for field in (Article.id, Article.question, Article.answer)
                ),
                Article.id.in_(asked),
            )
        )
    total: int = (
        await session.execute(select(func.count()).select_from(Article).where(and_(*conditions)))
    ).scalar_one()
    page = await session.execute(
        select(Article).where(and_(*conditions)).order_by(Article.id).limit(limit).offset(offset)
    )
    return total, page.scalars().all()


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


def _live(*more: Any) -> Any:
    return select(ArticleVersion.snapshot, *more).join(
        Article,
        and_(
            Article.id == ArticleVersion.article_id,
            Article.live_version == ArticleVersion.version,
        ),
    )


def _go_live(article: Article) -> None:
    article.status, article.live_version, article.publish_at = "published", article.version, None


def _write(session: AsyncSession, article: Article, content: Content, who: str) -> None:
    article.category, article.question, article.answer = (
        content.category,
        content.question,
        content.answer,
    )
    article.tags, article.next = list(content.tags), content.next
    article.updated_at, article.updated_by = clock.now(), who
    session.add(
        ArticleVersion(
            article_id=content.id,
            version=article.version,
            snapshot=content.snapshot(),
            updated_at=article.updated_at,
            updated_by=who,
        )
    )


def _add_similar(session: AsyncSession, content: Content) -> None:
    session.add_all(
        SimilarQuestion(article_id=content.id, position=position, text=text)
        for position, text in enumerate(content.similar)
    )


def _content(article: Article, similar: tuple[str, ...]) -> Content:
    return Content(
        id=article.id,
        category=article.category,
        question=article.question,
        answer=article.answer,
        similar=similar,
        tags=tuple(article.tags),
        next=article.next,
    )
