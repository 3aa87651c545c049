"""The knowledge base over HTTP: search for all staff, editing for editors.

Routes under ``/api/kb/``. Publishing an article makes its words live at once, and within a second
its questions are found; a new release is made behind that, in the background of this process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base import articles, unanswered
from knowledge_base.content import ContentError, read_content
from knowledge_base.publisher import Publisher
from knowledge_base.releases import latest, latest_delta, state
from knowledge_base.search import Searcher
from knowledge_base.tables import Article, Delta
from pitstop.base.clock import SHANGHAI
from pitstop.base.masking import mask_text
from pitstop.care.staff import audit
from pitstop.desk.errors import Problem, as_json, read_body
from pitstop.desk.session import guarded, me
from pitstop.storage.appkeys import DATABASE

PREFIX = "/api/kb/"
MAX_QUERY = 2000
MAX_PAGE = 200
MAX_HITS = 20


SEARCHER = web.AppKey("knowledge_searcher", Searcher)
PUBLISHER = web.AppKey("knowledge_publisher", Publisher)


def setup(app: web.Application) -> None:
    """Add the knowledge base's routes to an app that has `DATABASE`."""
    app.cleanup_ctx.append(_resources)
    app.add_routes(routes())


def routes() -> list[web.RouteDef]:
    """Return every route of ``/api/kb/``, with what each needs."""
    article = PREFIX + "articles/{id}"
    return [
        web.get(PREFIX + "search", guarded(search, "search_knowledge")),
        web.get(PREFIX + "articles", guarded(listed, "edit_knowledge")),
        web.get(article, guarded(detail, "search_knowledge")),
        web.put(article, guarded(save, "edit_knowledge")),
        web.post(article + "/publish", guarded(publish_one, "publish_knowledge")),
        web.post(article + "/retire", guarded(retire, "publish_knowledge")),
        web.get(PREFIX + "release", guarded(release, "search_knowledge")),
        web.post(PREFIX + "release", guarded(release_again, "publish_knowledge")),
        web.get(PREFIX + "unanswered", guarded(missing, "edit_knowledge")),
        web.delete(PREFIX + "unanswered/{id}", guarded(settle, "edit_knowledge")),
    ]


async def _resources(app: web.Application) -> AsyncIterator[None]:
    # Neither loads the encoder: the first search or release does, in a thread.
    app[SEARCHER] = Searcher(app[DATABASE])
    app[PUBLISHER] = Publisher(app[DATABASE])
    app[PUBLISHER].start()
    yield
    await app[PUBLISHER].close()


async def search(request: web.Request) -> web.Response:
    """``GET search?q=&limit=``: the decision and the best candidates."""
    query = request.query.get("q", "").strip()
    if not query:
        raise Problem("bad_request", field="q")
    if len(query) > MAX_QUERY:
        raise Problem("too_long", field="q", limit=MAX_QUERY)
    limit = _number(request, "limit", 3, 1, MAX_HITS)
    result = await request.app[SEARCHER].search(query, limit)
    hits = [
        {"article_id": hit.article_id, "question": hit.question, "score": hit.score}
        for hit in result.hits
    ]
    return as_json({"decision": result.decision, "hits": hits})


async def listed(request: web.Request) -> web.Response:
    """``GET articles?q=&status=&category=&limit=&offset=``: what there is, by id."""
    async with request.app[DATABASE].read() as session:
        total, page = await articles.listing(
            session,
            text=request.query.get("q", ""),
            status=request.query.get("status", ""),
            category=request.query.get("category", ""),
            limit=_number(request, "limit", 50, 1, MAX_PAGE),
            offset=_number(request, "offset", 0, 0, 10_000_000),
        )
        categories = await session.execute(
            select(Article.category).distinct().order_by(Article.category)
        )
        found = list(categories.scalars())
    return as_json(
        {"total": total, "articles": [_summary(each) for each in page], "categories": found}
    )


async def detail(request: web.Request) -> web.Response:
    """``GET articles/{id}``: the working copy and its history."""
    async with request.app[DATABASE].read() as session:
        article = await articles.get(session, request.match_info["id"])
        shown = await _shown(session, article)
        versions = await articles.history(session, article.id)
    shown["history"] = [
        {
            "version": each.version,
            "updated_at": _time(each.updated_at),
            "updated_by": each.updated_by,
            "snapshot": each.snapshot,
        }
        for each in versions
    ]
    return as_json(shown)


async def save(request: web.Request) -> web.Response:
    """``PUT articles/{id} {"version", "question", …}``: save an edit; without ``version``, a new
    article. Owners keep what is live until it is published."""
    body = await read_body(request)
    version = body.get("version")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        raise Problem("bad_request", field="version")
    try:
        content = read_content({**body, "id": request.match_info["id"]})
    except ContentError as error:
        raise Problem("bad_request", reason=str(error)) from error
    name = me(request).staff.username
    async with request.app[DATABASE].write() as session:
        try:
            if version is None:
                await articles.create(session, content, name)
            else:
                await articles.update(session, content, name, expected=version)
        except articles.ArticleExists as error:
            raise Problem("id_conflict", id=content.id) from error
        except articles.EditConflict as error:
            raise Problem("id_conflict", id=content.id, version=version) from error
        audit(session, name, "knowledge_saved", content.id[:60])
        shown = await _shown(session, await articles.get(session, content.id))
    request.app[PUBLISHER].expect(content)
    return as_json(shown, status=201 if version is None else 200)


async def publish_one(request: web.Request) -> web.Response:
    """``POST articles/{id}/publish``: live at once, found within a second."""
    return await _change(request, "publish")


async def retire(request: web.Request) -> web.Response:
    """``POST articles/{id}/retire``: gone for owners at once."""
    return await _change(request, "retire")


async def _change(request: web.Request, what: str) -> web.Response:
    name, article_id = me(request).staff.username, request.match_info["id"]
    act = articles.publish if what == "publish" else articles.retire
    async with request.app[DATABASE].write() as session:
        article = await act(session, article_id, name)
        audit(session, name, f"knowledge_{what}", article_id[:60])
        shown = await _shown(session, article)
    request.app[PUBLISHER].ask()
    return as_json(shown)


async def release(request: web.Request) -> web.Response:
    """``GET release``: what is searchable, a release and the delta on top of it, and what is being
    made."""
    async with request.app[DATABASE].read() as session:
        now = await state(session)
        found = await latest(session)
        on_top = await latest_delta(session, now) if now is not None and now.delta else None
    publisher = request.app[PUBLISHER]
    return as_json(
        {
            "running": publisher.running,
            "rebuilding": publisher.rebuilding,
            "failed": publisher.failed,
            "release": found
            and {
                "version": found.version,
                "created_at": _time(found.created_at),
                "created_by": found.created_by,
                "articles": found.article_count,
                "questions": found.question_count,
                "thresholds": found.thresholds,
                "delta": _delta(on_top),
            },
        }
    )


def _delta(on_top: Delta | None) -> dict[str, Any] | None:
    if on_top is None:
        return None
    return {
        "number": on_top.number,
        "created_at": _time(on_top.created_at),
        "created_by": on_top.created_by,
        "articles": on_top.article_count,
        "questions": on_top.question_count,
        "gone": len(on_top.gone),
    }


async def release_again(request: web.Request) -> web.Response:
    """``POST release``: make what is live searchable, if anything changed."""
    request.app[PUBLISHER].ask()
    return as_json({}, status=202)


async def missing(request: web.Request) -> web.Response:
    """``GET unanswered?limit=&offset=``: what got no straight answer, the most frequent first."""
    async with request.app[DATABASE].read() as session:
        total, page = await unanswered.listing(
            session,
            limit=_number(request, "limit", 50, 1, MAX_PAGE),
            offset=_number(request, "offset", 0, 0, 10_000_000),
        )
    items = [
        {
            "id": each.id,
            # Masked when it was noted; again here, so that a new rule of masking covers old rows.
            "text": mask_text(each.text),
            "decision": each.decision,
            "score": each.best_score,
            "count": each.count,
            "created_at": _time(each.created_at),
            "last_at": _time(each.last_at),
        }
        for each in page
    ]
    return as_json({"total": total, "unanswered": items})


async def settle(request: web.Request) -> web.Response:
    """``DELETE unanswered/{id}``: done with."""
    async with request.app[DATABASE].write() as session:
        if not await unanswered.settle(session, request.match_info["id"]):
            raise Problem("not_found")
    return as_json({})


async def _shown(session: AsyncSession, article: Article) -> dict[str, Any]:
    content = await articles.working_copy(session, article)
    return {**content.snapshot(), **_summary(article)}


def _summary(article: Article) -> dict[str, Any]:
    return {
        "id": article.id,
        "category": article.category,
        "question": article.question,
        "status": article.status,
        "version": article.version,
        "live_version": article.live_version,
        "pending": article.live_version is not None and article.live_version != article.version,
        "updated_at": _time(article.updated_at),
        "updated_by": article.updated_by,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat()


def _number(request: web.Request, name: str, usual: int, least: int, most: int) -> int:
    raw = request.query.get(name, "")
    if not raw:
        return usual
    if not (raw.isascii() and raw.isdigit() and len(raw) < 10):
        raise Problem("bad_request", field=name)
    return min(max(int(raw), least), most)
