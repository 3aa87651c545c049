"""Identifiers: sortable row ids, opaque tokens, and numbers that people read aloud."""

from __future__ import annotations

import os
import secrets
import threading
import time
from datetime import datetime
from zoneinfo import ZoneInfo

# Without 0/O, 1/I/L and U: read over a telephone, nobody mistakes one for another.
_READABLE = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_ZONE = ZoneInfo("Asia/Shanghai")


_last = 0
_lock = threading.Lock()


def new_id() -> str:
    """Return a 26-character id that sorts by the moment it was made (ULID layout).

    Within one process later ids are always greater. Real time, not the demo clock: ids order
    rows, they do not date them.
    """
    global _last
    value = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10), "big")
    with _lock:
        value = _last = max(value, _last + 1)
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


def new_token(size: int = 24) -> str:
    """Return an unguessable URL-safe token of `size` random bytes."""
    return secrets.token_urlsafe(size)


def readable_number(prefix: str, moment: datetime) -> str:
    """Return a number for people, e.g. ``TS261121K7Q2``: prefix, Shanghai date, four characters.

    Not unique by itself (810,000 a day): the column is, and the writer tries again.
    """
    tail = "".join(secrets.choice(_READABLE) for _ in range(4))
    return f"{prefix}{moment.astimezone(_ZONE):%y%m%d}{tail}"
