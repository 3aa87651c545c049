"""The seams between Rasa and the rest that no conversation shows by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

from pitstop.base import crypto
from pitstop.base.settings import ROOT
from tests.stack.owner import Owner, button
from tests.stack.stack import Stack
from tools.prepare import MODEL_SOURCES, fingerprint


def events_of(stack: Stack, owner: Owner) -> list[dict[str, Any]]:
    """Return what Rasa keeps of a conversation, decrypted."""
    rows = stack.tracker_rows(owner.conversation_id)
    return [json.loads(crypto.decrypt(row["data"])) for row in rows]


def test_no_vector_enters_the_tracker(stack: Stack, owner: Owner) -> None:
    owner.say("换电一次要多长时间")
    said = [event for event in events_of(stack, owner) if event["event"] == "user"]
    parse = said[-1]["parse_data"]
    assert set(parse["understood"]) == {"route", "decision", "hits", "wishes", "sure"}
    assert len(parse["understood"]["hits"]) <= 3
    for hit in parse["understood"]["hits"]:
        assert set(hit) == {"article_id", "question", "score"}
    assert len(json.dumps(said[-1])) < 8000

    def longest(value: Any) -> int:
        if isinstance(value, dict):
            return max((longest(inner) for inner in value.values()), default=0)
        if isinstance(value, list):
            numbers = sum(isinstance(inner, float) for inner in value)
            return max([numbers, *(longest(inner) for inner in value)])
        return 0

    assert longest(parse) == 0


def test_the_tracker_is_encrypted_and_its_metadata_holds_ids_only(
    stack: Stack, owner: Owner
) -> None:
    owner.say("我是陈思远，周四下午两点去闵行店做小保养")
    stored = json.dumps(stack.tracker_rows(owner.conversation_id), default=str, ensure_ascii=False)
    for word in ("陈思远", "闵行", "小保养", "store-1", "minor_service"):
        assert word not in stored
    said = [event for event in events_of(stack, owner) if event["event"] == "user"]
    assert set(said[-1]["metadata"]) - {"model_id", "assistant_id"} == {
        "conversation_id",
        "message_id",
        "epoch",
        "kind",
    }


def test_a_conversation_can_be_forgotten_alone(stack: Stack, owner: Owner) -> None:
    other = Owner(stack, "owner-2")
    owner.say("你好")
    other.say("你好")
    address = f"{stack.settings.rasa_url}/webhooks/pitstop/conversations/{owner.conversation_id}"
    headers = {"Authorization": f"Bearer {stack.settings.rasa_token}"}
    answer = requests.delete(address, headers=headers, timeout=10)
    assert answer.json()["deleted"] > 0
    assert stack.tracker_rows(owner.conversation_id) == []
    assert stack.tracker_rows(other.conversation_id)
    assert owner.say("你好")["messages"]


def test_a_button_means_on_the_server_what_it_was_issued_for(stack: Stack, owner: Owner) -> None:
    offered = owner.say("周四下午两点去闵行店做小保养")
    payload = button(offered, "确定")
    # Opaque: neither intent nor offer can be read from it.
    assert "affirm" not in payload
    (offer,) = stack.rows("offer", customer_id=owner.id)
    assert offer["id"] not in payload
    (row,) = stack.rows("button", id=payload)
    assert row["conversation_id"] == owner.conversation_id
    assert row["intent"] == "affirm"


def test_after_a_person_the_bot_begins_a_new_tracker(stack: Stack, owner: Owner) -> None:
    told = owner.say("转人工")
    before = {row["sender_id"] for row in stack.tracker_rows(owner.conversation_id)}
    owner.press(button(told, "不等了"))
    owner.say("你好")
    epochs = {row["sender_id"] for row in stack.tracker_rows(owner.conversation_id)}
    assert len(epochs - before) == 1
    (conversation,) = stack.rows("conversation", customer_id=owner.id)
    assert f"{conversation['id']}:{conversation['epoch']}" in epochs


def test_an_action_is_given_up_before_the_turn_is(stack: Stack) -> None:
    # Imported here: it takes TensorFlow along, which the other tests need not wait for.
    from bot.channel import LOCK_LIFETIME
    from bot.strict import ACTION_TIMEOUT

    assert ACTION_TIMEOUT < stack.settings.turn_timeout < LOCK_LIFETIME


def test_no_rule_says_anything_by_itself() -> None:
    rules = yaml.safe_load((ROOT / "bot/data/rules/skills.yml").read_text(encoding="utf-8"))
    actions = [
        step["action"] for rule in rules["rules"] for step in rule["steps"] if "action" in step
    ]
    assert actions
    assert not [name for name in actions if name.startswith("utter_")]


@pytest.mark.parametrize(
    "changed",
    ["pitstop/language/entities.py", "pitstop/app/demo/names.yml", "domain.yml", "bot/routes.py"],
)
def test_training_starts_anew_when_what_it_leans_on_changes(tmp_path: Path, changed: str) -> None:
    for source in MODEL_SOURCES:
        found = ROOT / source
        files = [found] if found.is_file() else [p for p in found.rglob("*") if p.is_file()]
        for file in files:
            copy = tmp_path / file.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
    before = fingerprint(tmp_path, MODEL_SOURCES)
    assert before == fingerprint(tmp_path, MODEL_SOURCES)
    with (tmp_path / changed).open("a", encoding="utf-8") as file:
        file.write("\n# changed\n")
    assert fingerprint(tmp_path, MODEL_SOURCES) != before


def test_rasas_own_cache_sees_the_language_room() -> None:
    from bot.components.featurizer import SentenceFeaturizer
    from bot.components.normalizer import Normalizer
    from bot.components.tokenizer import JiebaTokenizer
    from pitstop.language.fingerprint import fingerprint as language

    for component in (Normalizer, JiebaTokenizer, SentenceFeaturizer):
        config = component.get_default_config()
        assert language() in str(component.fingerprint_addon(config))


def test_telemetry_is_off(stack: Stack) -> None:
    environ = Path(f"/proc/{stack.pid('rasa')}/environ").read_bytes().split(b"\0")
    assert b"RASA_TELEMETRY_ENABLED=false" in environ
    # Nobody speaks to anybody outside this machine.
    for address in stack.remotes():
        assert address in {"0100007F", "00000000"}
