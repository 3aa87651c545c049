"""Words, by jieba with a dictionary of our field."""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message

from pitstop.language.fingerprint import fingerprint
from pitstop.language.segment import segment


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class JiebaTokenizer(Tokenizer):
    """Tokenizes with `pitstop.language.segment`: no white-space tokens, 换电站 is one word.

    Rasa's own JiebaTokenizer keeps white space as tokens and uses jieba's global dictionary.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Return Rasa's common tokenizer settings."""
        return {
            "intent_tokenization_flag": False,
            "intent_split_symbol": "_",
            "token_pattern": None,
        }

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> JiebaTokenizer:
        """Create the tokenizer."""
        return cls(config)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Return a hash of the language room, dictionary included."""
        return fingerprint()

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """Return the words of a message's text."""
        return [Token(word, start, end) for word, start, end in segment(message.get(attribute))]
