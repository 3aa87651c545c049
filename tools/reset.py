"""Removes the data under `var/`: databases, attachments, logs. Models and tools stay."""

from __future__ import annotations

import fcntl
import shutil
import sys
from pathlib import Path

from pitstop.base.settings import SettingsError
from tools.environment import known_settings
from tools.steps import complain, say

# What can be made again but takes minutes.
KEPT = frozenset({"tools", "models", "spacy", "spacy.stamp", "cache", "setup.lock", "running.lock"})


def remove_data(var: Path) -> list[str]:
    """Remove everything in `var` but what is kept; return the names, sorted."""
    removed = []
    for path in sorted(var.iterdir()) if var.is_dir() else ():
        if path.name in KEPT:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        removed.append(path.name)
    return removed


def main() -> int:
    """Remove the data unless Pitstop is running on it."""
    try:
        settings = known_settings()
    except SettingsError as error:
        complain(f"pitstop: {error}")
        return 1
    settings.var.mkdir(parents=True, exist_ok=True)
    with (settings.var / "running.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            complain("pitstop: it is running; stop it first (Ctrl-C), then reset")
            return 1
        removed = remove_data(settings.var)
    say(f"removed: {', '.join(removed) or 'nothing'}")
    if not settings.database_url.startswith("sqlite"):
        say("the database that DATABASE_URL names was left alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
