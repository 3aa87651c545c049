from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import spacy

from pitstop.language.fingerprint import fingerprint
from pitstop.language.pipeline import SPANS, build

ROOT = Path(__file__).parents[2]
NAMES = ROOT / "pitstop" / "app" / "demo" / "names.yml"


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> spacy.Language:
    return spacy.load(build(NAMES, tmp_path_factory.mktemp("spacy") / "zh"))


def test_a_saved_pipeline_finds_everything(nlp: spacy.Language) -> None:
    doc = nlp("我的YS6 粤B·D12345，电话138 0013 8000，想去苏州中心的换电站")

    assert [(ent.label_, ent.kb_id_) for ent in doc.ents] == [
        ("model", "YS6"),
        ("plate", "粤BD12345"),
        ("phone", "13800138000"),
        ("station", "苏州中心换电站"),
    ]


def test_our_words_are_tokens(nlp: spacy.Language) -> None:
    assert "换电站" in [token.text for token in nlp("最近的换电站在哪")]


def test_an_ambiguous_place_keeps_its_meanings(nlp: spacy.Language) -> None:
    doc = nlp("去万达广场换电")

    assert len(doc.ents) == 1
    assert len(doc.spans[SPANS]) == 2


def test_an_empty_text_is_no_trouble(nlp: spacy.Language) -> None:
    assert list(nlp("").ents) == []


def test_the_fingerprint_is_one_short_word() -> None:
    assert fingerprint() == fingerprint()
    assert len(fingerprint()) == 16


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pitstop.language", *arguments],
        cwd=ROOT,
        env={**os.environ, "TZ": "America/New_York"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_times_on_the_command_line(tmp_path: Path) -> None:
    now = "2026-11-21T10:00:00+08:00"
    texts = ["明天下午三点", "周五前", "2月30号", "你好", "1月10日到12日"]
    batch = tmp_path / "batch.jsonl"
    batch.write_text(
        "".join(json.dumps({"text": text, "now": now}) + "\n" for text in texts), encoding="utf-8"
    )

    result = run("time", "--batch", str(batch))

    assert result.returncode == 0
    assert result.stderr == ""
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["start"], row["end"], row["grain"], row.get("open")) for row in rows] == [
        ("2026-11-22T15:00:00+08:00", None, "hour", None),
        (None, "2026-11-27T00:00:00+08:00", "day", "before"),
        (None, None, None, None),
        (None, None, None, None),
        ("2027-01-10T00:00:00+08:00", "2027-01-13T00:00:00+08:00", "day", None),
    ]
    assert all(row["now"] == now for row in rows)


def test_a_bad_line_is_named_and_the_rest_answered(tmp_path: Path) -> None:
    batch = tmp_path / "batch.jsonl"
    good = json.dumps({"text": "明天", "now": "2026-11-21T10:00:00+08:00"})
    batch.write_text(f"nonsense\n{good}\n", encoding="utf-8")

    result = run("time", "--batch", str(batch))

    assert result.returncode == 1
    assert "line 1" in result.stderr
    assert len(result.stdout.splitlines()) == 2
