"""What an article says, and the rules that it must keep whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from knowledge_base.tables import ID_LENGTH

MESSAGES = Path(__file__).with_name("messages.yml")
NEXT_STEPS = frozenset(
    {
        "none",
        "book_maintenance",
        "book_swap",
        "book_test_drive",
        "change_booking",
        "cancel_booking",
        "booking_status",
        "service_price",
        "complain",
        "complaint_status",
        "talk_to_human",
        "roadside_rescue",
        "vehicle_fault",
        "vehicle_status",
        "find_station",
        "points_membership",
        "referral",
        "recall_query",
        "privacy_request",
        "feedback",
    }
)
"""The skills that an article may lead on to."""
STATUSES = frozenset({"draft", "published", "retired"})
LIMITS = {"id": ID_LENGTH, "category": 80, "question": 500, "answer": 20_000, "tags": 40}
"""Characters. An XLSX cell holds 32,767; a question longer than 500 is a document."""
MAX_SIMILAR = 1000
# What neither a page nor a spreadsheet can hold. Tab and newline may stand in an answer.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@lru_cache(maxsize=1)
def messages() -> Mapping[str, Any]:
    """Return the texts that editors read."""
    loaded: Mapping[str, Any] = YAML(typ="safe").load(MESSAGES.read_text(encoding="utf-8"))
    return loaded


def problem(key: str, **values: Any) -> str:
    """Return the sentence of a problem, in the editors' language."""
    return str(messages()["problems"][key]).format(**values)


class ContentError(ValueError):
    """An article breaks a rule; the message is for its editor."""


@dataclass(frozen=True)
class Content:
    """An article's words, without its history."""

    id: str
    question: str
    answer: str
    similar: tuple[str, ...] = ()
    category: str = ""
    tags: tuple[str, ...] = ()
    next: str = "none"

    def questions(self) -> tuple[str, ...]:
        """Return every way to ask, the standard question first."""
        return (self.question, *self.similar)

    def snapshot(self) -> dict[str, Any]:
        """Return the article as plain JSON, for its history."""
        return {
            "id": self.id,
            "category": self.category,
            "question": self.question,
            "similar_questions": list(self.similar),
            "answer": self.answer,
            "tags": list(self.tags),
            "next": self.next,
        }


def from_snapshot(snapshot: Mapping[str, Any]) -> Content:
    """Return the content behind `Content.snapshot`."""
    return Content(
        id=snapshot["id"],
        category=snapshot["category"],
        question=snapshot["question"],
        similar=tuple(snapshot["similar_questions"]),
        answer=snapshot["answer"],
        tags=tuple(snapshot["tags"]),
        next=snapshot["next"],
    )


def read_content(row: Mapping[str, Any]) -> Content:
    """Return the checked content of `row` (the keys of `Content.snapshot`).

    Raises `ContentError` naming the first field that is not right.
    """
    question = _text(row, "question", needed=True)
    return Content(
        id=_text(row, "id", needed=True),
        category=_text(row, "category"),
        question=question,
        similar=_similar(row, question),
        answer=_text(row, "answer", needed=True),
        tags=_texts(row, "tags", LIMITS["tags"]),
        next=_next(row),
    )


def _checked(value: Any, field: str, limit: int) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ContentError(problem("not_text", field=field))
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    if field != "answer":
        # An answer stays as laid out; white space around anything else is an accident.
        text = text.strip()
    if len(text) > limit:
        raise ContentError(problem("too_long", field=field, limit=limit))
    if _CONTROL.search(text):
        raise ContentError(problem("control", field=field))
    return text


def _text(row: Mapping[str, Any], field: str, *, needed: bool = False) -> str:
    value = row.get(field)
    text = "" if value is None else _checked(value, field, LIMITS[field])
    if needed and not text.strip():
        raise ContentError(problem("missing", field=field))
    return text


def _texts(row: Mapping[str, Any], field: str, limit: int) -> tuple[str, ...]:
    value = row.get(field)
    if value is None or value == "":
        return ()
    if not isinstance(value, (list, tuple)):
        raise ContentError(problem("not_list", field=field))
    return tuple(dict.fromkeys(filter(None, (_checked(item, field, limit) for item in value))))


def _similar(row: Mapping[str, Any], question: str) -> tuple[str, ...]:
    found = _texts(row, "similar_questions", LIMITS["question"])
    if len(found) > MAX_SIMILAR:
        raise ContentError(problem("too_long", field="similar_questions", limit=MAX_SIMILAR))
    return tuple(text for text in found if text != question)


def _next(row: Mapping[str, Any]) -> str:
    value = str(row.get("next") or "none").strip()
    if value not in NEXT_STEPS:
        raise ContentError(problem("next", allowed=", ".join(sorted(NEXT_STEPS))))
    return value
