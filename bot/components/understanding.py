"""The last component: search the knowledge base once and say which skill acts.

It puts out ``{"route", "decision", "hits", "wishes", "sure"}`` and nothing heavy: the actions
need neither encoder nor index, and no vector enters the tracker.
"""

from __future__ import annotations

import re
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import ENTITIES, INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.components.classifier import CLAUSE_INTENTS, LIMITS
from bot.components.featurizer import CLAUSES, VECTOR
from bot.components.knowledge import current_index
from bot.components.limits import Limits
from bot.components.negation import negated
from bot.components.normalizer import NORMALIZED
from bot.routes import DIALOGUE, FALLBACK, URGENT, WISHES

UNDERSTOOD = "understood"

_FALLBACK, _URGENT = 0.3, 0.4
"""Limits where nothing was fitted, as with another classifier."""
_SECOND = 0.1
"""How likely the next best must be to count for a word that belongs inside a dialogue."""
_OPENS = re.compile("还有|另外|顺便|顺带|再就是|再一个|再帮|对了|此外|除此之外|还想|还要|最后")
_TOLD_IN_A_COMPLAINT = frozenset(
    {"complaint_status", "service_price", "vehicle_fault", "booking_status", "points_membership"}
)
"""Wishes that a complaint speaks of without meaning them."""

_LETTERS = re.compile(r"[\u4e00-\u9fffA-Za-z0-9]")
_NOISE = re.compile(r"(.{1,4}?)\1{7,}", re.DOTALL)
"""The same over and over: a key that was held down, a cat."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class Understanding(GraphComponent):
    """Joins classifier and search into one decision."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return the settings.

        `fallback` and `urgent` are what was fitted with the model (`Limits`), unless given here:
        below the first an intent is not believed, from the second on danger or the wish for a
        person is taken seriously even where something else ranks first; `urgent_clause`: the
        same of a clause alone. `wish`: how sure a clause must be to count as a wish of its own;
        `wish_unopened`: the same where no word (还有, 另外) opens another.
        `confirmed`: below it, danger is asked back. ``make evaluate`` shows what they cost.
        """
        return {
            "fallback": None,
            "urgent": None,
            "urgent_clause": 0.98,
            "wish": 0.5,
            "wish_unopened": 0.95,
            "confirmed": 0.5,
        }

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Understanding:
        """Create the component."""
        return cls(config)

    def process(self, messages: list[Message]) -> list[Message]:
        """Add the decision to messages in place; the intent becomes the one that acts."""
        for message in messages:
            self._understand(message)
        return messages

    def _understand(self, message: Message) -> None:
        ranking: list[dict[str, Any]] = list(message.get(INTENT_RANKING_KEY) or [])
        text = str(message.get(TEXT) or "")
        denied = negated(text)
        ranking = [row for row in ranking if row["name"] not in denied]
        chances = self._chances(message, ranking, denied)
        result = self._search(message, text)
        intent, confidence = self._intent(
            text, ranking, chances, result["decision"], self._limits(message)
        )
        wishes: list[dict[str, Any]] = []
        if intent not in URGENT:
            first, wishes = self._wishes(message, intent, denied)
            if first is not None:
                intent, confidence = first
        understood = {
            **result,
            "route": _route(intent, ranking, result["decision"]),
            "wishes": wishes,
            "sure": confidence >= float(self._config["confirmed"]),
        }
        message.set(INTENT, {"name": intent, "confidence": confidence}, add_to_output=True)
        message.set(UNDERSTOOD, understood, add_to_output=True)

    def _chances(
        self, message: Message, ranking: list[dict[str, Any]], denied: set[str]
    ) -> dict[str, float]:
        """Return how sure each intent is, an urgent one also where a clause alone says it."""
        chances = {row["name"]: float(row["confidence"]) for row in ranking}
        for row in message.get(CLAUSE_INTENTS) or []:
            name, chance = str(row["name"]), float(row["confidence"])
            sure = chance >= float(self._config["urgent_clause"])
            if sure and name in URGENT and name not in denied:
                chances[name] = max(chances.get(name, 0.0), chance)
        return chances

    def _search(self, message: Message, text: str) -> dict[str, Any]:
        index = current_index()
        vector = message.get(VECTOR)
        if index is None or vector is None or not _LETTERS.search(text):
            return {"decision": "none", "hits": []}
        found = index.search(vector, text, limit=3)
        hits = [
            {"article_id": hit.article_id, "question": hit.question, "score": round(hit.score, 4)}
            for hit in found.hits
        ]
        return {"decision": found.decision, "hits": hits}

    def _intent(
        self,
        text: str,
        ranking: list[dict[str, Any]],
        chances: dict[str, float],
        decision: str,
        limits: Limits,
    ) -> tuple[str, float]:
        if not ranking or not _LETTERS.search(_NOISE.sub("", text)):
            return FALLBACK, 0.0
        for urgent in URGENT:
            if chances.get(urgent, 0.0) >= limits.urgent[urgent]:
                return urgent, chances[urgent]
        top = str(ranking[0]["name"])
        confidence = float(ranking[0]["confidence"])
        if confidence < limits.fallback:
            # Not understood as a skill; what the knowledge base is sure of may still be said.
            return ("faq", confidence) if decision == "answer" else (FALLBACK, confidence)
        if top == "out_of_scope" and decision == "answer":
            # The editors have an answer, and it is sure to fit: then it is our business.
            return "faq", confidence
        return top, confidence

    def _limits(self, message: Message) -> Limits:
        fitted: Limits = message.get(LIMITS) or Limits(_FALLBACK, dict.fromkeys(URGENT, _URGENT))
        fallback, urgent = self._config["fallback"], self._config["urgent"]
        return Limits(
            fallback=fitted.fallback if fallback is None else float(fallback),
            urgent=fitted.urgent if urgent is None else dict.fromkeys(URGENT, float(urgent)),
        )

    def _wishes(
        self, message: Message, intent: str, denied: set[str]
    ) -> tuple[tuple[str, float] | None, list[dict[str, Any]]]:
        """Return the first wish and those behind it, if the clauses hold several.

        Only if the message as a whole means one of them: clauses alone are easily misread.
        """
        parts = message.get(CLAUSES) or []
        found: list[tuple[str, float, tuple[str, int, int]]] = []
        opened = any(_OPENS.match(part[0]) for part in parts)
        # Without a word that opens another wish, a clause is mostly the story around one.
        limit = float(self._config["wish" if opened else "wish_unopened"])
        for part, row in zip(parts, message.get(CLAUSE_INTENTS) or [], strict=True):
            name, chance = str(row["name"]), float(row["confidence"])
            if name not in WISHES - denied or chance < limit:
                continue
            if all(name != other for other, _, _ in found):
                found.append((name, chance, part))
        names = {name for name, _, _ in found}
        # A message about two bookings is easily read as a change of one.
        about_bookings = opened and intent in _BOOKINGS and names <= _BOOKINGS
        if len(found) < 2 or not (intent in names or about_bookings):
            return None, []
        if any(name == "complain" for name, _, _ in found):
            # A complaint is told by the whole message: what it mentions (an amount, that nobody
            # called) is part of the story, and taken apart it would lose its gravity.
            found = [row for row in found if row[0] not in _TOLD_IN_A_COMPLAINT]
            if len(found) < 2:
                return ((found[0][0], found[0][1]), []) if intent == "complain" else (None, [])
        # Without such a word it is the whole message that says which wish comes first.
        whole = next((row for row in found if row[0] == intent), found[0])
        first = found[0] if opened else whole
        starts = {part[1] for _, _, part in found}
        rest = [
            _wish(message, name, _whole(message, parts, starts, part))
            for name, _, part in found
            if name != first[0]
        ]
        return (first[0], first[1]), rest


_BOOKINGS = frozenset(
    {"book_maintenance", "book_swap", "book_test_drive", "change_booking", "cancel_booking"}
)


def _whole(
    message: Message,
    parts: list[tuple[str, int, int]],
    starts: set[int],
    part: tuple[str, int, int],
) -> tuple[str, int, int]:
    """Return a wish's clause with those that only go with it: its day, its place.

    "然后明天晚上七点，还要去七宝换电": what an opening word has begun belongs to the wish behind
    it, what follows a wish belongs to it until something else begins.
    """
    at = parts.index(part)
    first = last = at
    if first > 0 and parts[first - 1][1] not in starts and _OPENS.match(parts[first - 1][0]):
        first -= 1
    while (
        last + 1 < len(parts)
        and parts[last + 1][1] not in starts
        and not _OPENS.match(parts[last + 1][0])
    ):
        last += 1
    begin, end = parts[first][1], parts[last][2]
    normalized = message.get(NORMALIZED)
    text = normalized.text if normalized is not None else str(message.get(TEXT) or "")
    return text[begin:end] or part[0], begin, end


def _wish(message: Message, name: str, part: tuple[str, int, int]) -> dict[str, Any]:
    """Return a wish kept for later: its route, its words and the entities in them."""
    start, end = part[1], part[2]
    normalized = message.get(NORMALIZED)
    if normalized is not None:
        start, end = normalized.to_original(start, end)
    inside = [e for e in message.get(ENTITIES, []) if start <= e["start"] and e["end"] <= end]
    return {"route": name, "text": part[0], "entities": inside}


def _route(intent: str, ranking: list[dict[str, Any]], decision: str) -> str:
    """Return the skill that would act on the message alone, without a form around it."""
    if intent == FALLBACK:
        return "faq" if decision != "none" else "out_of_scope"
    if intent not in DIALOGUE:
        return intent
    if intent != "affirm":
        # A bare value, a no: what would the owner want who says it first thing?
        for row in ranking:
            if row["name"] not in DIALOGUE and float(row["confidence"]) >= _SECOND:
                return str(row["name"])
    return "out_of_scope" if intent == "inform" else "chitchat"
