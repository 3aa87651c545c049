"""The one place that says what time it is.

A demo or a test can be put to another time: an offset row in the database (see
`pitstop.storage.demo_clock`) is followed by every process, which hands it to `set_offset`.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_offset = timedelta()


def now() -> datetime:
    """Return the present moment in UTC, moved by the demo offset."""
    return datetime.now(timezone.utc) + _offset


def local_now() -> datetime:
    """Return the present moment in Asia/Shanghai, whatever the process's zone."""
    return now().astimezone(SHANGHAI)


def offset() -> timedelta:
    """Return how far this process's clock stands from the real one."""
    return _offset


def set_offset(value: timedelta) -> None:
    """Move this process's clock; only the follower of the database's offset row calls this."""
    global _offset
    _offset = value
