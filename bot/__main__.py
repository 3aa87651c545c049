"""`python -m bot parse|evaluate`: understanding on the command line."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from pitstop.base.settings import SettingsError, settings

# Loading Rasa says much that nobody asked for, some of it before logging can be set up.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("SQLALCHEMY_SILENCE_UBER_WARNING", "1")
os.environ.setdefault("RASA_TELEMETRY_ENABLED", "false")


async def _parse(options: argparse.Namespace) -> int:
    from bot.parse import NoModel, Reader, answer_lines, read_lines

    lines = list(read_lines(options.batch))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    try:
        reader = await Reader.open(settings().database_url, options.model)
    except NoModel as error:
        print(error, file=sys.stderr)
        return 2
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task("reading", total=len(lines))
            for count in answer_lines(reader, lines, sys.stdout):
                bars.advance(task, count)
    finally:
        await reader.close()
    problems = [problem for text, problem in lines if text is None]
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _evaluate(options: argparse.Namespace) -> Coroutine[Any, Any, int]:
    # Imported before there is a loop: Rasa brings another kind, and one of the old kind could
    # start no process then.
    from bot.evaluate import evaluate

    return evaluate(
        options.data, options.model, folds_count=options.folds, with_stock=options.stock
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bot", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    model = Path(__file__).resolve().parents[1] / "var" / "models" / "pitstop.tar.gz"
    parse = commands.add_parser("parse", help="say what texts mean")
    parse.add_argument("--batch", type=Path, required=True, help='JSON lines {"text"}')
    parse.add_argument("--model", type=Path, default=model)
    parse.set_defaults(run=_parse)
    measure = commands.add_parser("evaluate", help="measure understanding, write reports/")
    measure.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ["EVAL_DATA"]) if os.environ.get("EVAL_DATA") else None,
        help="a folder with more data (EVAL_DATA)",
    )
    measure.add_argument("--folds", type=int, default=5, help="parts that are left out in turn")
    measure.add_argument(
        "--no-stock",
        dest="stock",
        action="store_false",
        help="leave out Rasa's stock pipeline, whose first training takes minutes",
    )
    measure.add_argument("--model", type=Path, default=model)
    measure.set_defaults(run=_evaluate)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR)
    # What Rasa's libraries warn of is not for who asks here; some of them undo any filter.
    logging.captureWarnings(True)
    if options.command == "parse" and not options.batch.is_file():
        parser.error(f"no such file: {options.batch}")
    if options.command == "evaluate":
        if options.data is not None and not options.data.is_dir():
            parser.error(f"no such folder: {options.data}")
        if options.folds < 2:
            parser.error("--folds: two at least")
    try:
        status: int = asyncio.run(options.run(options))
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
