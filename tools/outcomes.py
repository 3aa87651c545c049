"""What became of a message, read off the answer: which of the product's own phrases it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import yaml

from pitstop.base.settings import ROOT

Outcome = Literal[
    "article", "clarified", "declined", "action", "information", "person", "small_talk", "failed"
]
OUTCOMES: tuple[Outcome, ...] = (
    "article",
    "clarified",
    "declined",
    "action",
    "information",
    "person",
    "small_talk",
    "failed",
)

# What a phrase means for the owner, by the beginning of its name in ``domain.yml``; the longest
# beginning wins. Whatever is not here tells the owner something: information.
_MEANS: Mapping[str, Outcome] = {
    "utter_article": "article",
    "utter_inline_": "article",
    "utter_did_you_mean": "clarified",
    "utter_inform_alone": "clarified",
    "utter_privacy_confirm": "action",
    "utter_privacy_filed": "action",
    "utter_rescue_really": "clarified",
    "utter_rescue_requested": "action",
    "utter_unknown": "declined",
    "utter_out_of_scope": "declined",
    "utter_not_allowed_": "declined",
    "utter_no_vehicle": "declined",
    "utter_refused_": "declined",
    "utter_handoff": "person",
    "utter_unknown_again": "person",
    "utter_small_talk_": "small_talk",
    "utter_greeting": "small_talk",
    "utter_ask_": "action",
    "utter_ask_position": "information",
    "utter_offer_": "action",
    "utter_booked_": "action",
    "utter_moved": "action",
    "utter_cancelled": "action",
    "utter_change_booking": "action",
    "utter_complaint_": "action",
    "utter_chased": "action",
    "utter_feedback_noted": "action",
    "line_bot_": "failed",
    "line_handed": "person",
    "line_danger": "person",
}
# An answer of several phrases is what weighs most in it.
_WEIGHT: tuple[Outcome, ...] = (
    "failed",
    "person",
    "action",
    "article",
    "clarified",
    "declined",
    "information",
    "small_talk",
)


class Phrases:
    """Every phrase the product says, by name, so that an answer tells what kind it is."""

    def __init__(self, said: Mapping[str, Iterable[str]]) -> None:
        self._patterns = [
            (name, _pattern(text))
            for name, texts in said.items()
            for text in texts
            # A phrase that is one blank (the article's text) would match everything.
            if re.sub(r"\{\w+\}", "", text).strip()
        ]
        self._patterns.sort(key=lambda one: -len(one[1].pattern))

    @classmethod
    def shipped(cls) -> Phrases:
        """Read what the bot says from ``domain.yml``, and what the gateway says for it."""
        domain = yaml.safe_load((ROOT / "domain.yml").read_text("utf-8"))
        said = {
            name: [str(one["text"]) for one in variants]
            for name, variants in domain["responses"].items()
        }
        texts = yaml.safe_load((ROOT / "pitstop/gateway/texts.yml").read_text("utf-8"))
        said |= {f"line_{name}": [str(text)] for name, text in texts["lines"].items()}
        return cls(said)

    def name(self, text: str) -> str:
        """Return the phrase's name; what is none of them is an article."""
        for name, pattern in self._patterns:
            if pattern.fullmatch(text):
                return name
        return "utter_article"


def _pattern(text: str) -> re.Pattern[str]:
    parts = (re.escape(part) for part in re.split(r"\{\w+\}", text.strip()))
    return re.compile("(.*?)".join(parts), re.DOTALL)


def meaning(name: str) -> Outcome:
    """Return what a phrase means for the owner."""
    known = [start for start in _MEANS if name.startswith(start)]
    return _MEANS[max(known, key=len)] if known else "information"


def outcome(replies: Iterable[Mapping[str, Any]], state: str, names: Phrases) -> Outcome:
    """Return what became of a message, from its replies and who has the word afterwards."""
    if state != "bot":
        return "person"
    meant = {meaning(names.name(str(reply["text"]))) for reply in replies}
    # Safety words are said by the bot too; without the word given away nobody was called.
    meant.discard("person")
    return next((one for one in _WEIGHT if one in meant), "information")
