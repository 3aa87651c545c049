"""Benchmark: training from nothing, and again with the vectors that it left."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from pitstop.base.settings import ROOT
from tools.benched import Bars, Figure, part
from tools.environment import environment, known_settings, python

LEARNT_FROM = ("bot", "knowledge_base", "pitstop", "config.yml", "domain.yml", "endpoints.yml")


@part("training", "training with an empty vector cache, and with a full one", only_if_named=True)
def training(bars: Bars) -> list[Figure]:
    """Train twice in a copy of the sources, whose caches are empty the first time."""
    with tempfile.TemporaryDirectory(prefix="pitstop-bench-") as folder:
        copy = Path(folder)
        for name in LEARNT_FROM:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, copy / name)
        shutil.copytree(ROOT / "var" / "spacy", copy / "var" / "spacy")
        seconds = []
        for at in range(2):
            bars("trainings", at, 2)
            seconds.append(_train(copy))
        bars("trainings", 2, 2)
    cold, warm = seconds
    return [
        Figure("training, nothing cached", cold, "s", aim=("<=", 300)),
        Figure("training, vectors cached", warm, "s", "nothing cached", cold, aim=("<=", 120)),
    ]


def _train(copy: Path) -> float:
    # Rasa's own cache would skip what has not changed.
    shutil.rmtree(copy / "rasa-cache", ignore_errors=True)
    env = {
        **environment(known_settings()),
        "PYTHONPATH": str(copy),
        "PITSTOP_VAR": str(copy / "var"),
        "RASA_CACHE_DIRECTORY": str(copy / "rasa-cache"),
    }
    command = [python(), "-m", "rasa", "train", "--domain", "domain.yml", "--data", "bot/data"]
    command += ["--config", "config.yml", "--out", str(copy / "models")]
    began = time.monotonic()
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"training failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return time.monotonic() - began
