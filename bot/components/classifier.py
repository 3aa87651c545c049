"""The intent classifier: what the owner wants, and what else in the same message."""

from __future__ import annotations

import hashlib
import io
import logging
import re
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import yaml
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.classifiers.classifier import IntentClassifier
from rasa.shared.nlu.constants import INTENT, INTENT_RANKING_KEY, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.components.entities import places
from bot.components.featurizer import CLAUSES, SentenceFeaturizer, encode_examples
from bot.components.limits import Limits, fit_limits, left_out
from bot.components.masking import Masked, mask, within
from bot.components.wish_model import Floats, Shape, WishModel
from bot.routes import WISHES
from knowledge_base.index import prepare
from pitstop.base.settings import ROOT
from pitstop.language.encode import default_encoder
from pitstop.language.normalize import normalize

logger = logging.getLogger(__name__)

CLAUSE_INTENTS = "clause_intents"
LIMITS = "limits"
"""How sure is sure enough, as fitted with the model."""

_FILE = "classifier.joblib"
_BACKGROUND_INTENT = "out_of_scope"
_OF_CARS = re.compile(
    "发动机|变速|离合|刹车|底盘|怠速|机油|轿车|油车|车子|汽车|柴油|汽油|国[五六]|涡轮|节气|节温|"
    "排气|燃油|方向机|水温|冷车|正时|火花塞|三元催化|油耗|皮卡|自动挡|手动挡|二手车"
)


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class WishClassifier(GraphComponent, IntentClassifier):
    """Ranks the intents of a message, and of each of its clauses."""

    @classmethod
    def required_components(cls) -> list[type]:
        """Need the sentence vectors."""
        return [SentenceFeaturizer]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return the settings.

        `background`: a file of sentences that no service desk of ours answers; `background_weight`:
        how much one counts beside an example. `hint`: how sure the words of a
        clause alone must be of another wish for it to be looked at.
        """
        return {
            "shape": {},
            "background": "knowledge_base/background.yml",
            "background_weight": 0.15,
            "hint": 0.25,
            "ranking_length": 10,
        }

    def __init__(
        self,
        config: dict[str, Any],
        storage: ModelStorage,
        resource: Resource,
        model: WishModel | None = None,
        limits: Limits | None = None,
    ) -> None:
        self._config = config
        self._storage = storage
        self._resource = resource
        self._model = model
        self._limits = limits

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> WishClassifier:
        """Create an untrained classifier."""
        return cls(config, model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> WishClassifier:
        """Load a trained classifier."""
        with model_storage.read_from(resource) as folder:
            model, limits = joblib.load(io.BytesIO((folder / _FILE).read_bytes()))
        return cls(config, model_storage, resource, model, limits)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Return a hash of the background sentences, which are no training data to Rasa."""
        path = _background_path(config)
        content = path.read_bytes() if path is not None else b""
        return hashlib.sha256(content).hexdigest()

    def train(self, training_data: TrainingData) -> Resource:
        """Learn from all examples that have an intent, and from the background.

        How sure is sure enough is learnt from examples that were left out.
        """
        examples = [m for m in training_data.intent_examples if m.get(TEXT)]
        texts = [mask(str(m.get(TEXT)), places(m)) for m in examples]
        vectors = [_vector(m) for m in examples]
        labels = [str(m.get(INTENT)) for m in examples]
        shares = [1.0] * len(examples)
        other = background(_background_path(self._config))
        texts += [mask(text, []) for text in other]
        vectors += list(encode_examples(other)) if other else []
        labels += [_BACKGROUND_INTENT] * len(other)
        shares += [float(self._config["background_weight"])] * len(other)
        rows, shape = np.stack(vectors), Shape(**self._config["shape"])
        chances, names = left_out(texts, rows, labels, shares, lambda: WishModel(shape))
        unrelated = np.arange(len(labels)) >= len(examples)
        limits = fit_limits(chances, names, labels, unrelated)
        logger.info("limits: %s", limits.as_json())
        model = WishModel(shape)
        model.fit(texts, rows, labels, shares)
        self._model, self._limits = model, limits
        with self._storage.write_to(self._resource) as folder:
            joblib.dump((model, limits), folder / _FILE, compress=3)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Set intent and ranking of messages, and the intents of their clauses."""
        if not messages:
            return messages
        model = self._trained()
        texts = [mask(str(m.get(TEXT)), places(m)) for m in messages]
        chances = model.predict(texts, np.stack([_vector(m) for m in messages]))
        for message, row in zip(messages, chances, strict=True):
            ranking = self._ranking(row)
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
            message.set(LIMITS, self._limits)
        self._read_clauses(messages)
        return messages

    def _read_clauses(self, messages: list[Message]) -> None:
        """Rank the clauses of messages whose words hint at another wish.

        Encoding them costs as much as the message itself, and few messages hold two wishes.
        """
        model = self._trained()
        plain: list[str] = []
        texts: list[Masked] = []
        masked = [
            [mask(part, within(places(m), start, end)) for part, start, end in m.get(CLAUSES) or []]
            for m in messages
        ]
        every = [text for parts in masked for text in parts]
        hints = iter(model.hints(every) if every else ())
        for message, parts in zip(messages, masked, strict=True):
            top = message.get(INTENT)["name"]
            other = [self._hints_at_other(next(hints), top) for _ in parts]
            if any(other):
                plain += [prepare(part[0]) for part in message.get(CLAUSES)]
                texts += parts
            else:
                message.set(CLAUSES, [])
        rows = iter(model.predict(texts, default_encoder().encode(plain)) if texts else ())
        for message in messages:
            parts = message.get(CLAUSES) or []
            message.set(CLAUSE_INTENTS, [self._ranking(next(rows))[0] for _ in parts])

    def _hints_at_other(self, chances: Floats, top: str) -> bool:
        labels = self._trained().labels
        limit = float(self._config["hint"])
        return any(
            float(chances[i]) >= limit and label in WISHES and label != top
            for i, label in enumerate(labels)
        )

    def _trained(self) -> WishModel:
        if self._model is None:
            raise RuntimeError("the classifier has not been trained")
        return self._model

    def _ranking(self, chances: Floats) -> list[dict[str, Any]]:
        order = np.argsort(-chances)[: int(self._config["ranking_length"])]
        labels = self._trained().labels
        return [{"name": labels[i], "confidence": float(chances[i])} for i in order]


def background(path: Path | None) -> list[str]:
    """Return the sentences of a background file, spelled as messages are.

    Without those about cars: no article of ours answers them, but a fault of a car, of whatever
    make, is nothing that a car's service desk calls out of its scope.
    """
    if path is None:
        return []
    sentences = yaml.safe_load(path.read_text(encoding="utf-8"))["sentences"]
    spelled = [normalize(str(sentence)).text for sentence in sentences]
    return [sentence for sentence in spelled if not _OF_CARS.search(sentence)]


def _background_path(config: dict[str, Any]) -> Path | None:
    name = config.get("background")
    return ROOT / str(name) if name else None


def _vector(message: Message) -> Floats:
    _, sentence = message.get_dense_features(TEXT)
    if sentence is None:
        raise ValueError(f"no sentence vector for {message.get(TEXT)!r}")
    row: Floats = np.asarray(sentence.features, dtype=np.float32).reshape(-1)
    return row
