"""What an action needs to know of the turn it acts in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from rasa_sdk import Tracker
from sqlalchemy.ext.asyncio import AsyncSession

from pitstop.base import clock
from pitstop.base.settings import ROOT
from pitstop.care import tariffs
from pitstop.care.people import OwnedVehicle, customer_of_conversation, ensure_customer, vehicles_of
from pitstop.care.tables import Customer
from pitstop.language.places import Gazetteer
from pitstop.storage.database import Database

SURE_YES = 0.65
"""How sure the classifier must be of a typed yes."""

_database: Database | None = None


def use_database(database: Database | None) -> None:
    """Let the actions of this process work on `database`."""
    global _database
    _database = database


def database() -> Database:
    """Return this process's database; raises `RuntimeError` before the server has started."""
    if _database is None:
        raise RuntimeError("the actions have no database yet")
    return _database


@lru_cache(maxsize=1)
def words() -> Mapping[str, Any]:
    """Return the words that actions look for and write (``words.yml``)."""
    path = Path(__file__).with_name("words.yml")
    loaded: Mapping[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


@lru_cache(maxsize=1)
def gazetteer() -> Gazetteer:
    """Return the names that the spaCy pipeline was built from, for looser reading of answers."""
    return Gazetteer.from_yaml(ROOT / "pitstop" / "app" / "demo" / "names.yml")


def mentions(text: str, *path: str) -> bool:
    """Say whether `text` contains one of the words listed under `path` in ``words.yml``."""
    node: Any = words()
    for name in path:
        node = node[name]
    return any(word in text for word in node)


@dataclass(frozen=True)
class Turn:
    """One message, or one wish kept from an earlier message, as an action sees it."""

    conversation_id: str
    message_id: str
    kind: str
    intent: str
    confidence: float
    text: str
    entities: list[dict[str, Any]]
    values: dict[str, Any]
    decision: str
    hits: list[dict[str, Any]]
    sure: bool
    kept: bool = False
    now: datetime = field(default_factory=clock.now)

    @classmethod
    def of(cls, tracker: Tracker) -> Turn:
        """Read the turn from a tracker.

        A kept wish counts only in the turn in which it was taken up: its words stand for the
        message then, and no longer.
        """
        latest: dict[str, Any] = tracker.latest_message or {}
        metadata = latest.get("metadata") or {}
        message_id = str(metadata.get("message_id") or latest.get("message_id") or "")
        understood = latest.get("understood") or {}
        intent = latest.get("intent") or {}
        wish = tracker.get_slot("current_wish")
        if wish and wish.get("message_id") == message_id:
            return cls(
                conversation_id=str(metadata.get("conversation_id") or ""),
                message_id=f"{message_id}#{wish['ordinal']}",
                kind="text",
                intent=str(wish["route"]),
                confidence=1.0,
                text=str(wish["text"]),
                entities=list(wish.get("entities") or []),
                values={},
                decision="none",
                hits=[],
                sure=True,
                kept=True,
            )
        return cls(
            conversation_id=str(metadata.get("conversation_id") or ""),
            message_id=message_id,
            kind=str(metadata.get("kind") or "text"),
            intent=str(intent.get("name") or ""),
            confidence=float(intent.get("confidence") or 0.0),
            text=str(latest.get("text") or ""),
            entities=list(latest.get("entities") or []),
            values=dict(latest.get("values") or {}),
            decision=str(understood.get("decision") or "none"),
            hits=list(understood.get("hits") or []),
            sure=bool(understood.get("sure", True)),
        )

    @property
    def says_yes(self) -> bool:
        """Whether this is a yes that may book: pressed, or typed without a doubt.

        A guess is not enough where something happens on it: it is asked again.
        """
        if self.kind == "text" and self.text.strip(" 。！!，,~") in words()["yes"]:
            return True
        return self.intent == "affirm" and (self.kind != "text" or self.confidence >= SURE_YES)

    @property
    def inbox_id(self) -> str:
        """The inbox entry that this turn answers."""
        return self.message_id.partition("#")[0]

    def named(self, *kinds: str) -> list[Any]:
        """Return the different values of entities of these kinds, in the order of mention."""
        found: list[Any] = []
        for entity in self.entities:
            if entity.get("entity") in kinds and entity.get("value") not in found:
                found.append(entity["value"])
        return found


@dataclass(frozen=True)
class Visit:
    """A turn with the customer behind it, inside a session."""

    session: AsyncSession
    turn: Turn
    customer: Customer
    vehicles: list[OwnedVehicle]


async def visit(session: AsyncSession, turn: Turn) -> Visit:
    """Look up who is speaking; raises `LookupError` if the conversation does not exist."""
    await tariffs.refresh(session)
    known = await customer_of_conversation(session, turn.conversation_id)
    customer = await ensure_customer(session, known.id)
    return Visit(session, turn, customer, await vehicles_of(session, customer.id))
