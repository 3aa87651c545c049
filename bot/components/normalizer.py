"""Normalising: the first component, so that all others see one way of writing."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

# Importing it registers our spaCy component, before SpacyNLP loads the pipeline that uses it.
import pitstop.language.pipeline  # noqa: F401
from pitstop.language.fingerprint import fingerprint
from pitstop.language.normalize import Normalized, neutralize, normalize

NORMALIZED = "normalized"


@DefaultV1Recipe.register([DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER], is_trainable=False)
class Normalizer(GraphComponent):
    """Rewrites a message's text by `pitstop.language.normalize`, keeping the way back.

    Typed text is never a command: what Rasa would read as ``/intent{…}`` loses its slash after
    normalising, so that a full-width or hidden one is caught as well.
    """

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Normalizer:
        """Create the component; it has no settings."""
        return cls()

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Return a hash of the language room: Rasa would not notice that it changed."""
        return fingerprint()

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Normalise every example; entity offsets in examples are not used for training."""
        self.process(training_data.training_examples)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Normalise messages in place."""
        for message in messages:
            text = message.get(TEXT)
            if not isinstance(text, str):
                continue
            normalized = normalize(text)
            safe = neutralize(normalized.text)
            message.set(NORMALIZED, _without_prefix(normalized, safe))
            # An empty text would be no message at all to the components behind.
            message.set(TEXT, safe or "。")
        return messages


def _without_prefix(normalized: Normalized, safe: str) -> Normalized:
    """Return the normalised text after a command's slash was cut off its front."""
    if safe == normalized.text or not safe:
        return normalized
    cut = normalized.text.find(safe)
    if cut < 0:
        return normalize(safe)
    return Normalized(normalized.original, safe, normalized.offsets[cut:])
