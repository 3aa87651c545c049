"""What the bot could not answer, for editors to work through."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge_base.tables import Unanswered
from knowledge_base.vectors import text_hash
from pitstop.base import clock

MAX_CHARS = 500


async def note(
    session: AsyncSession, masked_text: str, decision: str, score: float | None
) -> Unanswered:
    """Count a question without a straight answer; the text must be masked already."""
    text = " ".join(masked_text.split())[:MAX_CHARS]
    key = text_hash(text.casefold())
    found: Unanswered | None = (
        await session.execute(select(Unanswered).where(Unanswered.text_hash == key))
    ).scalar_one_or_none()
    if found is None:
        found = Unanswered(text_hash=key, text=text, count=0)
        session.add(found)
    found.count += 1
    found.decision, found.best_score, found.last_at = decision, score, clock.now()
    await session.flush()
    return found


async def listing(
    session: AsyncSession, *, limit: int = 50, offset: int = 0
) -> tuple[int, Sequence[Unanswered]]:
    """Return how many there are, and one page, the most frequent first."""
    total: int = (await session.execute(select(func.count()).select_from(Unanswered))).scalar_one()
    page = await session.execute(
        select(Unanswered)
        .order_by(Unanswered.count.desc(), Unanswered.last_at.desc())
        .limit(limit)
        .offset(offset)
    )
    return total, page.scalars().all()


async def settle(session: AsyncSession, item_id: str) -> bool:
    """Strike a question off the list; False if it is not there."""
    found = await session.get(Unanswered, item_id)
    if found is None:
        return False
    await session.delete(found)
    return True
