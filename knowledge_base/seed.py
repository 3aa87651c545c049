"""Loading the articles that ship with the product."""

from __future__ import annotations

from knowledge_base import articles, shipped
from knowledge_base.publish import Progress, Published, publish
from knowledge_base.tables import Article
from pitstop.language.encode import Encoder
from pitstop.storage.database import Database

AUTHOR = "shipped"


async def seed_articles(
    database: Database, progress: Progress | None = None, encoder: Encoder | None = None
) -> Published:
    """Bring the shipped articles up to date and publish if anything changed.

    An article that an editor has changed or retired stays as they left it.
    """
    async with database.write() as session:
        for content in shipped.read_articles():
            article = await session.get(Article, content.id)
            if article is None:
                await articles.create(session, content, AUTHOR, published=True)
            elif article.updated_by == AUTHOR and await articles.update(session, content, AUTHOR):
                await articles.publish(session, content.id, AUTHOR)
    return await publish(database, encoder, progress, who=AUTHOR)
