"""Builds, trains, migrates and seeds: what has to be there before the processes start.

Building and training happen only when what they learn from has changed; a stamp beside the result,
written last, says what it was made from.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from pitstop.base.settings import ROOT, Settings, SettingsError
from tools.environment import environment, known_settings, python
from tools.setup import alone
from tools.steps import StepFailed, Steps, complain, run_logged, stop_on_terminate

NAMES = Path("pitstop/app/demo/names.yml")
SPACY = Path("var/spacy")
MODEL = Path("var/models/pitstop.tar.gz")

# What the spaCy pipeline and the model are made from, below the repository's root.
SPACY_SOURCES = (Path("pitstop/language"), NAMES, Path("requirements/run.lock"))
MODEL_SOURCES = (
    *SPACY_SOURCES,
    Path("bot/data"),
    Path("bot/components"),
    Path("bot/routes.py"),
    Path("knowledge_base/background.yml"),
    Path("domain.yml"),
    Path("config.yml"),
)
_IGNORED = {".pyc", ".pyo", ".swp"}


def fingerprint(root: Path, sources: Iterable[Path]) -> str:
    """Hash the names and contents of files and folders; a missing one counts as missing."""
    total = hashlib.sha256()
    for source in sources:
        path = root / source
        files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
        for file in files:
            if file.suffix not in _IGNORED:
                total.update(file.relative_to(root).as_posix().encode() + b"\0")
                total.update(hashlib.sha256(file.read_bytes()).digest())
        total.update(b"\n")
    return total.hexdigest()


class Made:
    """Something that is made from sources, and the stamp that says from which."""

    def __init__(self, root: Path, result: Path, stamp: Path, sources: Iterable[Path]) -> None:
        self.result = root / result
        self.stamp = root / stamp
        self._now = fingerprint(root, sources)

    def is_current(self) -> bool:
        """Tell whether the result is there and its sources have not changed since."""
        try:
            return self.result.exists() and self.stamp.read_text().strip() == self._now
        except OSError:
            return False

    def begin(self) -> None:
        """Forget the stamp, so that a killed attempt is made again."""
        self.stamp.parent.mkdir(parents=True, exist_ok=True)
        self.stamp.unlink(missing_ok=True)

    def finish(self) -> None:
        """Write the stamp; raises `StepFailed` if nothing was made."""
        if not self.result.exists():
            raise StepFailed(f"{self.result} was not made")
        unfinished = self.stamp.with_name(self.stamp.name + ".new")
        unfinished.write_text(self._now + "\n")
        unfinished.replace(self.stamp)


class Preparation:
    """The steps from sources to something that can start."""

    def __init__(self, settings: Settings, steps: Steps, env: Mapping[str, str]) -> None:
        self._settings = settings
        self._steps = steps
        self._env = env

    def build(self) -> None:
        """Build the spaCy pipeline if the language room or the names changed."""
        made = Made(ROOT, SPACY, SPACY.with_suffix(".stamp"), SPACY_SOURCES)
        if made.is_current():
            return self._steps.skip("building the spaCy pipeline", "nothing new")
        with self._steps.step("building the spaCy pipeline"):
            made.begin()
            arguments = ["build", "--gazetteer", str(NAMES), "--out", str(SPACY)]
            self._run("spacy", ["pitstop.language", *arguments])
            made.finish()
        return None

    def train(self) -> None:
        """Train Rasa if the data, the domain, the components or the language changed."""
        made = Made(ROOT, MODEL, MODEL.parent / "pitstop.stamp", MODEL_SOURCES)
        if made.is_current():
            return self._steps.skip("training", "nothing new")
        with self._steps.step("training (log: var/log/train.log)"):
            made.begin()
            arguments = ["--domain", "domain.yml", "--data", "bot/data", "--config", "config.yml"]
            arguments += ["--out", str(MODEL.parent), "--fixed-model-name", "pitstop"]
            self._run("train", ["rasa", "train", *arguments])
            made.finish()
        return None

    def migrate(self) -> None:
        """Bring the database's tables up to date."""
        with self._steps.step("migrating the database"):
            self._run("migrate", ["pitstop.app", "migrate"])

    def seed(self) -> None:
        """Publish the articles that ship and, in a demo, its people and places; twice is once."""
        with self._steps.step("seeding"):
            self._run("seed-knowledge", ["knowledge_base", "seed"])
            if self._settings.demo:
                self._run("seed-demo", ["pitstop.app", "seed"])

    def _run(self, name: str, module: list[str]) -> None:
        log = self._settings.var / "log" / f"{name}.log"
        run_logged([python(), "-m", *module], log, cwd=ROOT, env=self._env)


def prepare(settings: Settings, steps: Steps, *, database: bool = True) -> None:
    """Take every step that is needed, one preparation at a time; raises `StepFailed`."""
    work = Preparation(settings, steps, environment(settings))
    settings.var.mkdir(parents=True, exist_ok=True)
    with alone(ROOT / "var" / "setup.lock"):
        work.build()
        work.train()
        if database:
            work.migrate()
            work.seed()


def main(arguments: list[str] | None = None) -> int:
    """Prepare without starting anything."""
    parser = argparse.ArgumentParser(prog="python -m tools.prepare", description=__doc__)
    parser.add_argument("--model-only", action="store_true", help="leave the database alone")
    parser.add_argument("--steps", type=int, default=0, help="how many steps there are in all")
    parser.add_argument("--done", type=int, default=0, help="how many were taken before")
    given = parser.parse_args(arguments)
    total = given.steps or (2 if given.model_only else 4)
    stop_on_terminate()
    try:
        prepare(known_settings(), Steps(total, given.done), database=not given.model_only)
    except (StepFailed, SettingsError) as error:
        complain(f"pitstop: {error}")
        return 1
    except KeyboardInterrupt:
        complain("pitstop: stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
