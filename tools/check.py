"""Everything `make test` checks, each part timed: style, types, the house, and the tests."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from pitstop.base.settings import ROOT
from tools.environment import python
from tools.steps import complain, say

PACKAGES = ("bot", "knowledge_base", "pitstop", "tools")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

LINT = {
    "ruff check": [python(), "-m", "ruff", "check", "."],
    "ruff format": [python(), "-m", "ruff", "format", "--check", "."],
    "import-linter": [str(Path(python()).with_name("lint-imports")), "--no-cache", "--no-logo"],
}
TYPES = {"mypy": [python(), "-m", "mypy", "--strict", *PACKAGES]}


def browser_problem(env: Mapping[str, str]) -> str | None:
    """Return what is lost because there is no browser, None if there is one."""
    if any(shutil.which(name, path=env.get("PATH")) for name in BROWSERS):
        return None
    return (
        "Chromium is not installed: the tests of the pages cannot run"
        " (Debian and Ubuntu: apt-get install chromium fonts-noto-cjk)"
    )


def run(name: str, command: list[str], env: Mapping[str, str]) -> bool:
    """Run one part and say how long it took; return whether it passed."""
    say(f"--- {name}")
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=dict(env), stdin=subprocess.DEVNULL, check=False)
    passed = done.returncode == 0
    say(f"--- {name}: {'passed' if passed else 'FAILED'} in {time.monotonic() - began:.1f} s")
    return passed


def main(arguments: list[str] | None = None) -> int:
    """Run the parts asked for, all of them by default; 1 if any of them failed."""
    parser = argparse.ArgumentParser(prog="python -m tools.check", description=__doc__)
    parser.add_argument("part", nargs="?", choices=["all", "lint", "types"], default="all")
    given, for_pytest = parser.parse_known_args(arguments)
    env = {**os.environ, "DEMO": os.environ.get("DEMO") or "1"}
    # One half of a mistake should not hide the other: every part runs.
    failed = []
    if given.part in {"all", "lint"}:
        failed += [name for name, command in LINT.items() if not run(name, command, env)]
    if given.part in {"all", "types"}:
        failed += [name for name, command in TYPES.items() if not run(name, command, env)]
    if given.part == "all":
        problem = browser_problem(env)
        if problem:
            complain(f"!!! {problem}")
            if env.get("CI"):
                failed.append("browser")
        if not run("pytest", [python(), "-m", "pytest", *for_pytest], env):
            failed.append("pytest")
    if failed:
        complain(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
