"""The stock pipeline's bookkeeping: what is trained anew, what its process says."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot import stock


def task(**changes: Any) -> stock.Task:
    given = {
        "name": "answers-x",
        "pipeline": stock.ANSWERS,
        "files": {"a": "b"},
        "asked": {"x": [("t", "l")]},
        "ranked": True,
    }
    return stock.Task(**{**given, **changes})


def test_a_model_is_named_by_what_it_learns_from() -> None:
    assert task().model == task(asked={}).model
    assert task().model != task(files={"a": "c"}).model
    assert task().model != task(pipeline=stock.INTENTS).model
    assert task().result != task(asked={}).result


def test_nothing_is_trained_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock.subprocess, "Popen", None)
    (tmp_path / task().result).write_text(json.dumps({"x": [[["a"], 0.5]]}))

    assert stock.run([task()], tmp_path, tmp_path / "log") == {"x": [[["a"], 0.5]]}


def test_old_models_of_a_task_are_removed(tmp_path: Path) -> None:
    kept = [f"{task().model}.tar.gz", task().result, f"answers-x-y-{'0' * 16}.tar.gz"]
    gone = [f"answers-x-{'0' * 16}.tar.gz", f"answers-x-{'0' * 16}-{'1' * 16}.json"]
    for name in (*kept, *gone):
        (tmp_path / name).touch()

    stock._forget_others(task(), tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)


def test_its_steps_and_epochs_become_progress() -> None:
    out, into = os.pipe()
    os.write(into, b"@0/4 learns\nsomething\nEpochs:   0%|  | 0/30\rEpochs:  50%|## | 15/30\r")
    os.write(into, "@2/4 提\nEpochs: 100%|####| 30/30\nend".encode())
    os.close(into)
    log, steps = io.StringIO(), []

    with open(out, "rb") as lines:  # noqa: PTH123
        stock._follow(lines, log, lambda *step: steps.append(step))

    assert steps == [
        ("learns", 0, 400),
        ("learns", 0, 400),
        ("learns", 50, 400),
        ("提", 200, 400),
        ("提", 300, 400),
    ]
    assert log.getvalue() == "something\nend"


def test_questions_are_data_and_no_markup() -> None:
    made = stock.answers("x", {"a": ["[北京](city)有吗"], "b": ["多少钱"]}, [("问", "a")])

    examples = json.loads(made.files["examples.json"])["rasa_nlu_data"]["common_examples"]
    assert examples[0] == {"text": "[北京](city)有吗", "intent": "faq/a", "entities": []}
    assert "utter_faq/b" in made.files["responses.yml"]
    assert made.asked == {"x": [("问", "a")]}


def test_rasas_own_test_files_are_read(tmp_path: Path) -> None:
    rows = [{"intent": "a", "intent_prediction": {"name": "b", "confidence": 0.5}, "text": "t"}]
    (tmp_path / "intent_errors.json").write_text(json.dumps(rows))

    assert stock._results(tmp_path) == [("a", "b")]
