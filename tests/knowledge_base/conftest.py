from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knowledge_base.articles import create
from knowledge_base.content import read_content
from pitstop.storage.database import Database
from pitstop.storage.tables import metadata

BASE = Path(__file__).with_name("base.jsonl")


class ToyEncoder:
    """Characters and pairs of neighbours, hashed: deterministic, and texts alike are near."""

    name = "toy"
    dim = 128

    def __init__(self) -> None:
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> Any:
        self.texts.extend(texts)
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for part in [*text, *(text[i : i + 2] for i in range(len(text) - 1))]:
                spot = sum(ord(char) * 7919**i for i, char in enumerate(part, 1))
                row[spot % self.dim] += 1
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / np.where(norms == 0, 1, norms)

    def fingerprint(self) -> str:
        return "toy-1"


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in BASE.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def encoder() -> ToyEncoder:
    return ToyEncoder()


async def make_tables(database: Database) -> None:
    """Make the tables of every room that is imported, without the migrations: quick."""
    async with database.engine.begin() as connection:
        await connection.run_sync(metadata.create_all)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = Database(f"sqlite+aiosqlite:///{tmp_path / 'kb.db'}")
    await make_tables(opened)
    yield opened
    await opened.close()


@pytest.fixture
async def filled(database: Database, rows: list[dict[str, Any]]) -> Database:
    """A database with the small base, every article live, nothing released yet."""
    async with database.write() as session:
        for row in rows:
            await create(session, read_content(row), "editor", published=True)
    return database
