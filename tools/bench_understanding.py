"""Benchmark: understanding a message, beside what the encoder alone takes for it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from knowledge_base.entries import prepare
from pitstop.base.settings import ROOT
from pitstop.language.encode import Both
from tools.benched import Bars, Figure, part, sentences
from tools.environment import environment, known_settings, python

WARM_UP = 20
SINGLE = 200
"""Messages read one at a time."""
TOGETHER = 64


@part("understanding", "a message ÷ the encoder alone; messages a second on the command line")
def understanding(bars: Bars) -> list[Figure]:
    """Read the cases of tests/nlu with the trained model and the shipped knowledge base."""
    with tempfile.TemporaryDirectory(prefix="pitstop-bench-") as folder:
        url = f"sqlite+aiosqlite:///{Path(folder) / 'shipped.db'}"
        env = environment(known_settings({**os.environ, "DATABASE_URL": url}))
        bars("publishing the shipped articles", 0, 1)
        _command(env, "knowledge_base", "seed")
        bars("publishing the shipped articles", 1, 1)
        figures = asyncio.run(_side_by_side(url, bars))
        figures += _command_lines(env, Path(folder), bars)
    return figures


async def _side_by_side(url: str, bars: Bars) -> list[Figure]:
    from bot.parse import Reader

    texts = sentences()
    single, rest = texts[WARM_UP : WARM_UP + SINGLE], texts[WARM_UP + SINGLE :]
    # One without a cache: what the reader has encoded must not be had for nothing.
    encoder = Both()
    reader = await Reader.open(url)
    try:
        for text in texts[:WARM_UP]:
            reader.read([text])
            encoder.encode([prepare(text)])
        alone, whole = [], []
        for at, text in enumerate(single):
            # In turns, so that a neighbour on the machine slows both.
            alone.append(_seconds(lambda text=text: encoder.encode([prepare(text)])))  # type: ignore[misc]
            whole.append(_seconds(lambda text=text: reader.read([text])))  # type: ignore[misc]
            bars("one message at a time", at + 1, len(single))
        alone_together, whole_together = 0.0, 0.0
        for at in range(0, len(rest), TOGETHER):
            batch = rest[at : at + TOGETHER]
            alone_together += _seconds(lambda: encoder.encode([prepare(text) for text in batch]))  # noqa: B023
            whole_together += _seconds(lambda: reader.read(batch))  # noqa: B023
            bars("messages together", min(at + TOGETHER, len(rest)), len(rest))
    finally:
        await reader.close()
    return [
        Figure(
            "one message, median",
            median(whole) * 1000,
            "ms",
            "encoder alone",
            median(alone) * 1000,
            aim=("<=", 1.8),
            of_ratio=True,
        ),
        Figure(
            f"a message of {TOGETHER} together",
            whole_together / len(rest) * 1000,
            "ms",
            "encoder alone",
            alone_together / len(rest) * 1000,
            aim=("<=", 1.8),
            of_ratio=True,
        ),
    ]


def _command_lines(env: dict[str, str], folder: Path, bars: Bars) -> list[Figure]:
    texts = sentences()
    figures = []
    for module, verb, key in (("bot", "parse", "text"), ("knowledge_base", "search", "query")):
        lines = folder / f"{verb}.jsonl"
        lines.write_text(
            "".join(json.dumps({key: text}, ensure_ascii=False) + "\n" for text in texts), "utf-8"
        )
        bars(f"{verb} --batch", 0, 1)
        began = time.monotonic()
        stamps = _stamps(env, [module, verb, "--batch", str(lines)])
        start, end = stamps[0] - began, stamps[-1] - began
        bars(f"{verb} --batch", 1, 1)
        # The first line comes when its whole batch is done.
        rest = len([at for at in stamps if at > stamps[0] + 0.02])
        figures.append(
            Figure(
                f"{module} {verb} --batch, once it runs",
                rest / max(end - start, 1e-9),
                "/s",
                f"with its start, {len(texts)} lines",
                len(texts) / end,
                aim=(">=", 25),
            )
        )
    return figures


def _stamps(env: dict[str, str], command: Sequence[str]) -> list[float]:
    """Run a command line and return when each line of its answer came."""
    process = subprocess.Popen(
        [python(), "-m", *command],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    stamps = [time.monotonic() for _ in process.stdout]
    if process.wait() or not stamps:
        raise RuntimeError(f"{' '.join(command)} failed")
    return stamps


def _command(env: dict[str, str], *command: str) -> None:
    done = subprocess.run(
        [python(), "-m", *command], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
