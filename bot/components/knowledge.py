"""The index that this process searches, swapped whole when something is published."""

from __future__ import annotations

from knowledge_base.follow import Follower
from knowledge_base.index import Index

_follower: Follower | None = None


def use_follower(follower: Follower | None) -> None:
    """Search in what `follower` holds from now on."""
    global _follower
    _follower = follower


def current_index() -> Index | None:
    """Return the index in use, None before the first was loaded."""
    return _follower.index if _follower is not None else None
