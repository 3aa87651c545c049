"""Owners' messages with everything that they name, read as the bot reads them.

A row of ``messages/*.yml`` lists each value of each kind; what it does not list must not be found.
"""

from __future__ import annotations

import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import spacy
import yaml

from pitstop.language.normalize import normalize
from pitstop.language.pipeline import SPANS, build

HERE = Path(__file__).parent
NAMES = HERE.parents[1] / "pitstop" / "app" / "demo" / "names.yml"
FILES = sorted((HERE / "messages").glob("*.yml"))
KINDS = {"plate", "vin", "phone", "mileage_km", "model", "store", "station", "order_no"}
MILLISECONDS = 3


@pytest.fixture(scope="module")
def nlp(tmp_path_factory: pytest.TempPathFactory) -> spacy.Language:
    return spacy.load(build(NAMES, tmp_path_factory.mktemp("spacy") / "zh"))


def rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def named(nlp: spacy.Language, text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    doc = nlp(normalize(text).text)
    for span in doc.spans[SPANS]:
        if span.label_ in KINDS:
            found[span.label_].add(span.kb_id_)
    return dict(found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_everything_that_is_named_is_found_and_nothing_else(
    nlp: spacy.Language, path: Path
) -> None:
    wrong = []
    for row in rows(path):
        expected = {kind: {str(value) for value in row[kind]} for kind in KINDS & row.keys()}
        found = named(nlp, row["text"])
        if found != expected:
            wrong.append((row["text"], expected, found))

    assert wrong == []


def test_a_message_takes_no_longer_than_it_may(nlp: spacy.Language) -> None:
    texts = [row["text"] for path in FILES for row in rows(path)]
    named(nlp, texts[0])

    started = time.process_time()
    for text in texts:
        named(nlp, text)

    assert (time.process_time() - started) * 1000 / len(texts) <= MILLISECONDS
