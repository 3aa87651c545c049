"""What a message names: plates, VINs, phones, models, places, mileage, numbers, times."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import SPACY_DOCS
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.components.masking import Place
from bot.components.normalizer import NORMALIZED
from pitstop.base import clock
from pitstop.language.normalize import Normalized
from pitstop.language.pipeline import SPANS
from pitstop.language.times import TimeSpan, read_times

PLACES = "places"
"""Message key: what `places` returns, kept."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class EntityReader(GraphComponent):
    """Turns the spaCy pipeline's spans into entities and reads dates and times.

    Offsets count into the text as the owner wrote it, values are normalised. All readings of an
    ambiguous name are put out, each as an entity with the same span.
    """

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> EntityReader:
        """Create the component; it has no settings."""
        return cls()

    def process(self, messages: list[Message]) -> list[Message]:
        """Add entities to messages in place."""
        now = clock.local_now()
        for message in messages:
            times = read_times(message.get(TEXT) or "", now)
            message.set(PLACES, [*_spans(message), *((*span.span, "time") for span in times)])
            found = [*_named(message), *_times(message, times)]
            message.set(ENTITIES, message.get(ENTITIES, []) + found, add_to_output=True)
        return messages


def _named(message: Message) -> list[dict[str, Any]]:
    doc = message.get(SPACY_DOCS[TEXT])
    if doc is None:
        return []
    found = []
    for span in doc.spans.get(SPANS, ()):
        value: Any = span.kb_id_ or span.text
        if span.label_ == "mileage_km":
            value = int(value)
        found.append(_entity(message, span.label_, value, span.start_char, span.end_char))
    return found


def places(message: Message) -> list[Place]:
    """Return where in the normalised text something is named, and of what kind.

    Reads times and the spaCy document again where no `EntityReader` has been, as in training.
    """
    known: list[Place] | None = message.get(PLACES)
    if known is not None:
        return known
    times = read_times(message.get(TEXT) or "", clock.local_now())
    return [*_spans(message), *((*span.span, "time") for span in times)]


def _spans(message: Message) -> list[Place]:
    doc = message.get(SPACY_DOCS[TEXT])
    if doc is None:
        return []
    return [(s.start_char, s.end_char, str(s.label_)) for s in doc.spans.get(SPANS, ())]


def _times(message: Message, times: list[TimeSpan]) -> list[dict[str, Any]]:
    return [
        _entity(message, "time", time_value(span), span.span[0], span.span[1]) for span in times
    ]


def time_value(span: TimeSpan) -> dict[str, Any]:
    """Return a time reading as JSON: start and end with offset, grain, open side, problem."""
    return {
        "start": span.start.isoformat() if span.start else None,
        "end": span.end.isoformat() if span.end else None,
        "grain": span.grain,
        "open": span.open,
        "problem": span.problem,
        "text": span.text,
    }


def _entity(message: Message, name: str, value: Any, start: int, end: int) -> dict[str, Any]:
    normalized: Normalized | None = message.get(NORMALIZED)
    if normalized is not None:
        start, end = normalized.to_original(start, end)
    return {
        "entity": name,
        "value": value,
        "start": start,
        "end": end,
        "extractor": "EntityReader",
    }
