"""`python -m pitstop.language time|build`: the language room on the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pitstop.language.times import read_time
from pitstop.language.times.model import ZONE


def read_line(line: str) -> dict[str, Any]:
    """Return the answer to one line `{"text", "now"}` of a batch.

    Raises ValueError if the line is no JSON object with a text and a time.
    """
    row = json.loads(line)
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or "now" not in row:
        raise ValueError('a line is {"text": "…", "now": "2026-11-21T10:00:00+08:00"}')
    now = datetime.fromisoformat(str(row["now"]).replace("Z", "+00:00"))
    if now.tzinfo is None:
        now = now.replace(tzinfo=ZONE)
    answer: dict[str, Any] = {"text": row["text"], "now": row["now"]}
    answer |= {"start": None, "end": None, "grain": None}
    span = read_time(row["text"], now)
    if span is None or span.problem is not None:
        return answer
    answer["start"] = span.start.isoformat() if span.start else None
    answer["end"] = span.end.isoformat() if span.end else None
    answer["grain"] = span.grain
    if span.open is not None:
        answer["open"] = span.open
    return answer


def run_time(lines: Iterable[str]) -> int:
    """Answer each line on standard output; return the exit status.

    A line that cannot be read is answered with an error, so that answers and
    lines stay in step.
    """
    status = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            answer = read_line(line)
        except ValueError as error:
            status = 1
            answer = {"error": f"line {number}: {error}"}
            print(answer["error"], file=sys.stderr)
        print(json.dumps(answer, ensure_ascii=False))
    return status


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pitstop.language", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    time = commands.add_parser("time", help="read the times of texts")
    time.add_argument("--batch", type=Path, required=True, help='JSON lines {"text", "now"}')
    build = commands.add_parser("build", help="build the spaCy pipeline")
    build.add_argument("--gazetteer", type=Path, required=True, help="the names file (YAML)")
    build.add_argument("--out", type=Path, required=True, help="folder to write, replaced whole")
    options = parser.parse_args(arguments)
    if options.command == "time":
        with options.batch.open(encoding="utf-8") as lines:
            return run_time(lines)
    from pitstop.language.pipeline import build as build_pipeline  # spaCy takes seconds to load

    print(build_pipeline(options.gazetteer, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
