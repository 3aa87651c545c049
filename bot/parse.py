"""Understanding without a conversation: texts in, what was understood out.

The trained model and the published knowledge base do the work, through the same components as in
Rasa's process.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from rasa.core.agent import Agent, load_agent
from rasa.core.channels.channel import UserMessage
from rasa.core.processor import MessageProcessor
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER

from bot.components.knowledge import use_follower
from bot.components.understanding import UNDERSTOOD
from knowledge_base.follow import Follower
from knowledge_base.releases import NoRelease, Outdated
from pitstop.base.settings import ROOT
from pitstop.language.encode import default_encoder
from pitstop.storage.database import Database

MODEL = ROOT / "var" / "models" / "pitstop.tar.gz"
BATCH = 64
"""Texts understood together: their sentences are encoded in one call."""

logger = logging.getLogger(__name__)


class NoModel(RuntimeError):
    """There is no trained model where one should be."""


class Reader:
    """Reads messages with the trained model. Close it when done."""

    def __init__(self, processor: MessageProcessor, database: Database) -> None:
        self._processor = processor
        self._database = database

    @classmethod
    async def open(cls, database_url: str, model: Path = MODEL) -> Reader:
        """Load the model and the newest release; raises `NoModel`.

        Without a release, it reads all the same and finds no article.
        """
        agent: Agent = await load_agent(model_path=str(model))
        if agent.processor is None:
            raise NoModel(f"no usable model at {model}: train one (make run does)")
        database = Database(database_url)
        follower = Follower(database, default_encoder())
        try:
            if not await follower.refresh():
                logger.warning("the knowledge base has no release: no article will be found")
        except NoRelease:
            logger.warning("the knowledge base has no release: no article will be found")
        except Outdated as error:
            logger.error("%s: publish again (python -m knowledge_base publish)", error)
        use_follower(follower)
        return cls(agent.processor, database)

    async def close(self) -> None:
        """Let go of the database."""
        use_follower(None)
        await self._database.close()

    def read(self, texts: Sequence[str]) -> list[dict[str, Any]]:
        """Return what the components put out for each text, in order."""
        target = self._processor.model_metadata.nlu_target
        found: list[dict[str, Any]] = []
        for at in range(0, len(texts), BATCH):
            messages = [UserMessage(text) for text in texts[at : at + BATCH]]
            results = self._processor.graph_runner.run(
                inputs={PLACEHOLDER_MESSAGE: messages, PLACEHOLDER_TRACKER: None},
                targets=[target],
            )
            found += [each.as_dict(only_output_properties=True) for each in results[target]]
        return found


def public(text: str, parsed: dict[str, Any]) -> dict[str, Any]:
    """Return a parse as the contract has it."""
    keys = ("entity", "value", "start", "end")
    return {
        "text": text,
        "intent": parsed["intent"]["name"],
        "confidence": round(float(parsed["intent"]["confidence"]), 4),
        "entities": [{key: entity[key] for key in keys} for entity in parsed["entities"]],
        "route": parsed[UNDERSTOOD]["route"],
    }


def read_lines(path: Path) -> Iterator[tuple[str | None, str]]:
    """Yield `(text, "")` for each line of a batch, or `(None, reason)` where it is no message."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                yield None, f"line {number}: {error}"
                continue
            if isinstance(row, dict) and isinstance(row.get("text"), str):
                yield row["text"], ""
            else:
                yield None, f'line {number}: a line is {{"text": "…"}}'


def answer_lines(
    reader: Reader, lines: Sequence[tuple[str | None, str]], out: IO[str]
) -> Iterator[int]:
    """Write an answer per line, in order; yield how many lines each step took."""
    for at in range(0, len(lines), BATCH):
        part = lines[at : at + BATCH]
        parsed = iter(reader.read([text for text, _ in part if text is not None]))
        for text, problem in part:
            row = {"error": problem} if text is None else public(text, next(parsed))
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
        out.flush()
        yield len(part)
