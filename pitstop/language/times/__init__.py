"""Dates and times in Chinese.

`read_times` finds all of them, `read_time` the one that is meant, `window` says
which stretch of time it leaves open.
"""

from pitstop.language.times.model import TimeSpan
from pitstop.language.times.reader import read_time, read_times
from pitstop.language.times.window import window

__all__ = ["TimeSpan", "read_time", "read_times", "window"]
