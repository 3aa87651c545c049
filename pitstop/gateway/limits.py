"""How much one customer may send: a token bucket each, in memory.

It protects the bot from a stuck client or a script. Several processes each allow the full rate;
that is a bound too.
"""

from __future__ import annotations

import time


class RateLimit:
    """Allows `burst` at once and `per_minute` in the long run, per subject."""

    def __init__(self, *, burst: int, per_minute: float) -> None:
        self._burst = burst
        self._rate = per_minute / 60
        self._buckets: dict[str, tuple[float, float]] = {}

    def _level(self, subject: str, now: float) -> float:
        level, at = self._buckets.get(subject, (float(self._burst), now))
        return min(self._burst, level + (now - at) * self._rate)

    def take(self, subject: str) -> float:
        """Count one; return 0 if it is allowed, else the seconds until one will be."""
        now = time.monotonic()
        level = self._level(subject, now)
        if level < 1:
            return (1 - level) / self._rate
        self._buckets[subject] = (level - 1, now)
        if len(self._buckets) > 10_000:
            self._forget_full(now)
        return 0

    def clear(self) -> None:
        """Forget everybody."""
        self._buckets.clear()

    def _forget_full(self, now: float) -> None:
        self._buckets = {
            subject: bucket
            for subject, bucket in self._buckets.items()
            if self._level(subject, now) < self._burst
        }
