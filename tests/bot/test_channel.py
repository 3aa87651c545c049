"""The channel's own parts: what a button means, what a repeat gets."""

from __future__ import annotations

import pytest
from rasa.shared.core.events import ActionExecuted, BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.channel import Turn, answers_to, read_payload


def tracker(*events) -> DialogueStateTracker:
    return DialogueStateTracker.from_events("c:1", list(events))


def said(text: str, message_id: str) -> UserUttered:
    return UserUttered(text, {"name": "chitchat"}, [], message_id=message_id)


def test_a_repeat_gets_what_the_first_one_got() -> None:
    known = tracker(
        said("你好", "m1"),
        ActionExecuted("action_chitchat"),
        BotUttered("您好"),
        said("谢谢", "m2"),
        BotUttered("不客气"),
    )
    assert [event.text for event in answers_to(known, "m1") or []] == ["您好"]
    assert [event.text for event in answers_to(known, "m2") or []] == ["不客气"]


def test_an_unknown_message_is_handled_anew() -> None:
    assert answers_to(tracker(said("你好", "m1")), "m9") is None


def test_a_known_message_without_an_answer_stays_without() -> None:
    assert answers_to(tracker(said("你好", "m1")), "m1") == []


@pytest.mark.parametrize(
    ("payload", "intent", "values"),
    [
        ("/stop", "stop", {}),
        ('/affirm{"offer": "o1"}', "affirm", {"offer": "o1"}),
        ("/router:leave_queue", "router:leave_queue", {}),
    ],
)
def test_payloads(payload: str, intent: str, values: dict[str, str]) -> None:
    assert read_payload(payload) == (intent, values)


def test_the_sender_is_made_of_conversation_and_epoch() -> None:
    turn = Turn.from_json(
        {"conversation_id": "c", "epoch": 3, "message_id": "m", "kind": "text", "text": "x"}
    )
    assert turn.sender_id == "c:3"
    with pytest.raises(ValueError, match="not a turn"):
        Turn.from_json({"sender": "somebody"})
