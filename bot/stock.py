"""Rasa's stock Chinese pipeline on the same sentences, trained and tried in a process of its own.

`python -m bot.stock FOLDER` is that process: our components never enter it, so that names like
JiebaTokenizer mean Rasa's own.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import yaml

DIET_EPOCHS = 10
SELECTOR_EPOCHS = 100
"""`rasa init` writes 100 for both. On our examples an epoch of DIET takes a minute of two cores;
after five it has 98 of 100 of them right."""
FEATURES: list[dict[str, Any]] = [
    {"name": "JiebaTokenizer"},
    {"name": "CountVectorsFeaturizer"},
    {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
]
INTENTS: list[dict[str, Any]] = [
    *FEATURES,
    {
        "name": "DIETClassifier",
        "epochs": DIET_EPOCHS,
        "constrain_similarities": True,
        "entity_recognition": False,
        "random_seed": 0,
    },
]
ANSWERS: list[dict[str, Any]] = [
    *FEATURES,
    {
        "name": "ResponseSelector",
        "epochs": SELECTOR_EPOCHS,
        "constrain_similarities": True,
        "random_seed": 0,
    },
]
_TASKS = "tasks.json"
_FAQ = "faq"
_EPOCHS = re.compile(r"Epochs:\s*(\d+)%")
_STEP = re.compile(r"^@(\d+)/(\d+) (.*)$")
_LINE_ENDS = re.compile(r"[\r\n]")

Report = Callable[[str, int, int], None]


class StockFailed(RuntimeError):
    """The process failed; the message says where its log is."""


@dataclass(frozen=True)
class Task:
    """A model to train and sentences to try it on.

    `files` are training files by name. `asked` has sets by name, each a list of (sentence, label).
    With `ranked`, the labels are articles and what comes out is [[best three labels], chance] a
    sentence; without, [label, understood] for each different sentence, in no order.
    """

    name: str
    pipeline: list[dict[str, Any]]
    files: dict[str, str]
    asked: dict[str, list[tuple[str, str]]]
    ranked: bool

    @property
    def model(self) -> str:
        """Return a name that changes when the model would."""
        said = [version("rasa"), version("jieba"), self.pipeline, self.files]
        return f"{self.name}-{_hash(said)}"

    @property
    def result(self) -> str:
        """Return a name that changes when the result would."""
        return f"{self.model}-{_hash(self.asked)}.json"


def intents(folder: Path, asked: Mapping[str, Sequence[tuple[str, str]]]) -> Task:
    """Return the task of understanding, learnt from the training files of `folder`."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yml"))}
    sets = {name: list(rows) for name, rows in asked.items()}
    return Task("intents", INTENTS, files, sets, ranked=False)


def answers(
    name: str,
    articles: Mapping[str, Sequence[str]],
    asked: Sequence[tuple[str, str]],
) -> Task:
    """Return the task of finding articles, learnt from the ways to ask for each (by its id)."""
    # As JSON: no bracket in a question is read as markup.
    examples = [
        {"text": text, "intent": f"{_FAQ}/{article}", "entities": []}
        for article, questions in articles.items()
        for text in questions
    ]
    responses = {f"utter_{_FAQ}/{article}": [{"text": article}] for article in articles}
    files = {
        "examples.json": _nlu(examples),
        "responses.yml": yaml.safe_dump({"version": "3.1", "responses": responses}),
    }
    return Task(f"answers-{name}", ANSWERS, files, {name: list(asked)}, ranked=True)


def run(
    tasks: Sequence[Task], cache: Path, log: Path, report: Report | None = None
) -> dict[str, list[Any]]:
    """Return what came of each set of sentences; only what is not in `cache` is trained and tried.

    Raises `StockFailed`.
    """
    cache.mkdir(parents=True, exist_ok=True)
    waiting = [task for task in tasks if not (cache / task.result).exists()]
    if waiting:
        log.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="pitstop-stock-") as folder:
            _work(waiting, Path(folder), cache, log, report)
        for task in waiting:
            _forget_others(task, cache)
    found: dict[str, list[Any]] = {}
    for task in tasks:
        found.update(json.loads((cache / task.result).read_text(encoding="utf-8")))
    return found


def _work(
    tasks: Sequence[Task], folder: Path, cache: Path, log: Path, report: Report | None
) -> None:
    (folder / _TASKS).write_text(
        json.dumps({"cache": str(cache), "tasks": [asdict(task) for task in tasks]}), "utf-8"
    )
    env = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).resolve().parents[1]),
        "PYTHONUNBUFFERED": "1",
        "RASA_TELEMETRY_ENABLED": "false",
        "RASA_CACHE_DIRECTORY": str(folder / "rasa-cache"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # With less, Rasa shows no epochs.
        "LOG_LEVEL": "INFO",
    }
    command = [sys.executable, "-X", "faulthandler", "-W", "ignore", "-m", "bot.stock", str(folder)]
    with log.open("w", encoding="utf-8") as said:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            assert process.stdout is not None
            _follow(process.stdout, said, report)
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode:
        raise StockFailed(f"Rasa's stock pipeline failed ({process.returncode}): {log}")


def _follow(lines: IO[bytes], log: IO[str], report: Report | None) -> None:
    """Pass on what the process says: its steps, and how far a training is."""
    stage, done, total, rest = "stock Rasa", 0, 1, ""
    # Progress bars end their lines with a carriage return: lines would come when all is over.
    while chunk := os.read(lines.fileno(), 65536):
        parts = _LINE_ENDS.split(rest + chunk.decode("utf-8", "replace"))
        rest = parts.pop()
        for line in parts:
            step, epochs = _STEP.match(line), _EPOCHS.search(line)
            if step:
                done, total, stage = int(step[1]), int(step[2]), step[3]
            elif not epochs:
                log.write(line + "\n")
                continue
            if report is not None:
                report(stage, done * 100 + (int(epochs[1]) if epochs else 0), total * 100)
    log.write(rest)


def _forget_others(task: Task, cache: Path) -> None:
    for path in cache.glob(f"{task.name}-*"):
        # Another task's name may begin like this one's.
        own = re.fullmatch(
            rf"{re.escape(task.name)}-[0-9a-f]{{16}}(-[0-9a-f]{{16}})?\..+", path.name
        )
        if own and not path.name.startswith(task.model):
            path.unlink()


def _nlu(examples: list[dict[str, Any]]) -> str:
    return json.dumps({"rasa_nlu_data": {"common_examples": examples}}, ensure_ascii=False)


def _hash(said: object) -> str:
    text = json.dumps(said, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


# --- in the process of its own ------------------------------------------------------------------


def main(folder: Path) -> None:
    """Train and try what `folder` asks for; the results go into the cache."""
    from rasa.utils.log_utils import configure_structlog

    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # Otherwise each sentence that is tried stands in the log, those of the blind sets too.
    configure_structlog(logging.WARNING)
    told = json.loads((folder / _TASKS).read_text(encoding="utf-8"))
    cache, tasks = Path(told["cache"]), [Task(**each) for each in told["tasks"]]
    steps = 2 * len(tasks)
    for number, task in enumerate(tasks):
        model = cache / f"{task.model}.tar.gz"
        if not model.exists():
            print(f"@{2 * number}/{steps} stock Rasa learns: {task.name}", flush=True)  # noqa: T201
            _train(task, folder / task.name, model)
        print(f"@{2 * number + 1}/{steps} stock Rasa is tried: {task.name}", flush=True)  # noqa: T201
        found = asyncio.run(_try_out(task, folder / task.name, model))
        unfinished = cache / f"{task.result}.tmp"
        unfinished.write_text(json.dumps(found), encoding="utf-8")
        unfinished.replace(cache / task.result)
    print(f"@{steps}/{steps} stock Rasa", flush=True)  # noqa: T201


def _end_with(parent: int) -> None:
    """End when the process that asked is gone: nobody waits for half an hour's work then."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _train(task: Task, folder: Path, model: Path) -> None:
    from rasa.model_training import train_nlu

    data = folder / "data"
    data.mkdir(parents=True)
    for name, text in task.files.items():
        (data / name).write_text(text, encoding="utf-8")
    config = {"recipe": "default.v1", "language": "zh", "pipeline": task.pipeline, "policies": []}
    (folder / "config.yml").write_text(json.dumps(config), encoding="utf-8")
    made = train_nlu(str(folder / "config.yml"), str(data), str(folder), "stock")
    if made is None:
        raise RuntimeError(f"nothing was trained: {task.name}")
    shutil.move(made, model)


async def _try_out(task: Task, folder: Path, model: Path) -> dict[str, list[Any]]:
    from rasa.core.agent import load_agent

    agent = await load_agent(model_path=str(model))
    if agent.processor is None:
        raise RuntimeError(f"no usable model: {model}")
    found: dict[str, list[Any]] = {}
    for name, rows in task.asked.items():
        if task.ranked:
            found[name] = [await _ranked(agent.processor, text) for text, _ in rows]
        else:
            found[name] = await _tested(agent.processor, rows, folder / name)
    return found


async def _tested(
    processor: Any, rows: Sequence[tuple[str, str]], folder: Path
) -> list[tuple[str, str]]:
    """Let Rasa's own test do it; the sentences stay in the temporary folder."""
    from rasa.nlu.test import run_evaluation

    await run_evaluation(
        str(_written(rows, folder)),
        processor,
        output_directory=str(folder),
        successes=True,
        errors=True,
        disable_plotting=True,
    )
    return _results(folder)


def _written(rows: Sequence[tuple[str, str]], folder: Path) -> Path:
    folder.mkdir(parents=True)
    path = folder / "asked.json"
    examples = [{"text": text, "intent": label, "entities": []} for text, label in rows]
    path.write_text(_nlu(examples), encoding="utf-8")
    return path


def _results(folder: Path) -> list[tuple[str, str]]:
    """Return meant and understood intents from the files that Rasa's test wrote."""
    found = []
    for name in ("intent_successes.json", "intent_errors.json"):
        if (folder / name).exists():
            for row in json.loads((folder / name).read_text(encoding="utf-8")):
                found.append((str(row["intent"]), str(row["intent_prediction"]["name"])))
    return found


async def _ranked(processor: Any, text: str) -> tuple[list[str], float]:
    from rasa.core.channels.channel import UserMessage

    parsed = await processor.parse_message(UserMessage(text), only_output_properties=False)
    ranking = parsed["response_selector"]["default"]["ranking"]
    ids = [str(each["intent_response_key"]).partition("/")[2] for each in ranking[:3]]
    return ids, float(ranking[0]["confidence"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
