"""`make bench`: how quick it is, each figure beside a baseline measured in the same run.

`python -m tools.bench [PART …]` runs the parts named, or all but those that run only if named. A
new part is a function in a module of `MODULES`, under `@part`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import platform
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pitstop.base.settings import ROOT
from tools.benched import PARTS, Bars, Figure

MODULES = (
    "tools.bench_understanding",
    "tools.bench_knowledge",
    "tools.bench_training",
    "tools.bench_bookings",
    "tools.bench_dispatch",
    "tools.bench_forecast",
)
REPORT = ROOT / "reports" / "bench.json"


def main(arguments: list[str] | None = None) -> int:
    """Run the parts asked for; 1 if a part broke or a figure missed its aim."""
    # Loading Rasa says much that nobody asked for.
    warnings.filterwarnings("ignore")
    logging.basicConfig(level=logging.ERROR)
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", SQLALCHEMY_SILENCE_UBER_WARNING="1")
    for module in MODULES:
        importlib.import_module(module)
    told = "\n".join(f"  {name:14} {each.says}" for name, each in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m tools.bench",
        description=__doc__,
        epilog=f"parts:\n{told}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", help="all but those marked 'only if named' by default")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.part if name not in PARTS]
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)} (there are {', '.join(PARTS)})")
    wanted = given.part or [name for name, each in PARTS.items() if not each.only_if_named]
    figures, broken = _run(wanted)
    # Into a file or a pipe, too, a line stays a line.
    console = Console()
    if not console.is_terminal:
        console = Console(width=160)
    console.print(_table(figures))
    _write(REPORT, wanted, figures)
    print(REPORT.relative_to(ROOT))
    missed = [each for each in figures if each.met is False]
    return 1 if broken or missed else 0


def _run(names: list[str]) -> tuple[list[Figure], bool]:
    figures: list[Figure] = []
    broken = False
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as progress:
        for name in names:
            began = time.monotonic()
            try:
                found = PARTS[name].run(Bars(progress, name))
            except Exception:
                # The other parts still have something to say.
                broken = True
                console.print_exception()
                continue
            figures += [each.of(name) for each in found]
            console.print(f"{name}: {time.monotonic() - began:.0f} s")
    return figures, broken


def _table(figures: list[Figure]) -> Table:
    table = Table(box=None)
    for head, justify in (
        ("part", "left"),
        ("what", "left"),
        ("measured", "right"),
        ("beside", "left"),
        ("ratio", "right"),
        ("aim", "left"),
        ("", "left"),
    ):
        table.add_column(head, justify=justify)  # type: ignore[arg-type]
    for each in figures:
        table.add_row(*each.row())
    return table


def _write(path: Path, parts: list[str], figures: list[Figure]) -> None:
    report: dict[str, Any] = {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load_at_the_end": os.getloadavg()[0],
        },
        "parts": parts,
        "figures": [each.as_json() for each in figures],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
