"""The sentence vector: encoded once per message, shared by classifier and search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.featurizers.dense_featurizer.dense_featurizer import DenseFeaturizer
from rasa.shared.nlu.constants import FEATURE_TYPE_SENTENCE, TEXT
from rasa.shared.nlu.training_data.features import Features
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from knowledge_base.index import prepare
from pitstop.base.settings import ROOT
from pitstop.language.encode import CachedEncoder, default_encoder
from pitstop.language.fingerprint import fingerprint
from pitstop.language.segment import clauses

VECTOR = "sentence_vector"
CACHE = ROOT / "var" / "cache" / "vectors.db"
CLAUSES = "clauses"

MAX_CLAUSES = 4
"""How many clauses of a message are looked at for a second wish."""
MIN_CLAUSE = 3
"""A shorter clause ("好的", "那个") names no wish."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_FEATURIZER, is_trainable=False)
class SentenceFeaturizer(DenseFeaturizer, GraphComponent):
    """Encodes each message once; finds its clauses, which the classifier looks at if need be."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return the settings: where training keeps vectors between runs."""
        return {**DenseFeaturizer.get_default_config(), "cache": "var/cache/vectors.db"}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> SentenceFeaturizer:
        """Create the featurizer on the process's encoder."""
        return cls(execution_context.node_name, config)

    def __init__(self, name: str, config: dict[str, Any]) -> None:
        super().__init__(name, config)
        self._cache = ROOT / Path(str(config.get("cache") or "var/cache/vectors.db"))

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Accept any settings."""

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Return what changes when the vectors may."""
        return fingerprint() + default_encoder().fingerprint()

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Encode all examples, with vectors kept on disk: the next training is fast."""
        messages = [m for m in training_data.training_examples if m.get(TEXT)]
        vectors = encode_examples([str(m.get(TEXT)) for m in messages], self._cache)
        for message, vector in zip(messages, vectors, strict=True):
            self._add(message, vector)
        return training_data

    def process(self, messages: list[Message]) -> list[Message]:
        """Encode messages in place, all in one call; name their clauses."""
        texts = [str(message.get(TEXT) or "") for message in messages]
        for message, text, row in zip(messages, texts, _encode(texts), strict=True):
            parts = [c for c in clauses(text) if len(c[0]) >= MIN_CLAUSE][:MAX_CLAUSES]
            self._add(message, row)
            message.set(VECTOR, row)
            message.set(CLAUSES, parts if len(parts) > 1 else [])
        return messages

    def _add(self, message: Message, vector: NDArray[np.float32]) -> None:
        message.add_features(
            Features(vector.reshape(1, -1), FEATURE_TYPE_SENTENCE, TEXT, str(self._identifier))
        )


def _encode(texts: list[str]) -> NDArray[np.float32]:
    # What search encodes is spelled by `prepare`; a normalised text is its own spelling.
    return default_encoder().encode([prepare(text) for text in texts])


def encode_examples(texts: list[str], cache: Path = CACHE) -> NDArray[np.float32]:
    """Encode what is learnt from, with vectors kept on disk in `cache`."""
    encoder = CachedEncoder(default_encoder(), cache)
    try:
        return encoder.encode([prepare(text) for text in texts])
    finally:
        encoder.close()
