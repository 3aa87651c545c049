"""Domain, rules and actions fit together: nothing is named that does not exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.actions.base import FORM_SLOTS
from bot.actions.context import words
from bot.actions.registry import all_actions
from bot.actions.speech import label
from bot.routes import DIALOGUE, FALLBACK, ROUTES
from pitstop.care.refusals import RefusalCode

ROOT = Path(__file__).resolve().parents[2]
ACTIONS = sorted((ROOT / "bot" / "actions").glob("*.py"))


@pytest.fixture(scope="module")
def domain() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rules() -> list[dict[str, Any]]:
    text = (ROOT / "bot" / "data" / "rules" / "skills.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["rules"]


def test_every_intent_has_a_rule(domain, rules) -> None:
    """An intent without a rule would be answered with silence."""
    ruled = {step["intent"] for rule in rules for step in rule["steps"] if "intent" in step}
    assert set(domain["intents"]) == ruled


def test_every_route_can_be_understood(domain) -> None:
    assert set(ROUTES) | DIALOGUE | {FALLBACK} <= set(domain["intents"])


def test_every_action_exists_on_the_server(domain, rules) -> None:
    served = {action.name() for action in all_actions()}
    assert set(domain["actions"]) == served
    for rule in rules:
        for step in rule["steps"]:
            if "action" in step:
                assert step["action"] in served | set(domain["forms"])


def test_every_required_slot_can_be_asked_for(domain) -> None:
    served = {action.name() for action in all_actions()}
    for form in domain["forms"].values():
        for slot in form["required_slots"]:
            assert f"action_ask_{slot}" in served
            assert slot in FORM_SLOTS
    assert set(FORM_SLOTS) <= set(domain["slots"])


def test_every_response_that_actions_utter_is_in_the_domain(domain) -> None:
    for path in ACTIONS:
        for name in re.findall(r'"(utter_[a-z_]+)"', path.read_text(encoding="utf-8")):
            assert name in domain["responses"], f"{path.name}: {name}"


@pytest.mark.parametrize(
    "name",
    [f"utter_refused_{code}" for code in RefusalCode.__args__]  # type: ignore[attr-defined]
    + [f"utter_not_allowed_{c}" for c in ("visitor", "former_owner", "not_your_vehicle")]
    + ["utter_not_allowed_driver_limit", "utter_time_past", "utter_time_impossible"]
    + [f"utter_booked_{kind}" for kind in ("maintenance", "swap", "test_drive", "rescue")]
    + [f"utter_offer_{kind}" for kind in ("maintenance", "swap", "test_drive")]
    + [f"utter_inline_{k}_{w}" for k in ("swap", "test_drive") for w in ("duration", "price")]
    + [f"utter_attachment_{kind}" for kind in ("image", "voice", "pdf")],
)
def test_every_refusal_can_be_said(domain, name: str) -> None:
    assert domain["responses"].get(name)


def test_small_talk_has_words_for_each_kind(domain) -> None:
    for kind in words()["small_talk"]:
        assert f"utter_small_talk_{kind}" in domain["responses"]


def test_buttons_lead_to_intents(domain) -> None:
    intents = set(domain["intents"]) | {"router:leave_queue", "router:handoff", "router:retry"}
    for path in ACTIONS:
        source = path.read_text(encoding="utf-8")
        for intent in re.findall(r'\b(?:button|titled)\([^()]*?,\s*"([a-z_:]+)"', source):
            assert intent in intents, f"{path.name}: {intent}"


def test_no_key_of_the_words_is_a_boolean() -> None:
    """YAML reads yes, no, on and off as booleans: a button named so would not be found."""

    def keys(node: Any) -> list[Any]:
        if isinstance(node, dict):
            return [*node, *(k for value in node.values() for k in keys(value))]
        return []

    assert not [key for key in keys(words()) if isinstance(key, bool)]


def test_no_response_claims_what_only_a_row_may_say(domain) -> None:
    """No rule utters a response: what happened is said by actions alone, with values of a row."""
    claims = re.compile("已登记|已约|约好了|已取消|改好了|已锁|已升级")
    for name, variants in domain["responses"].items():
        for variant in variants:
            if claims.search(variant["text"]):
                assert "{" in variant["text"], f"{name} claims without a row's value"


def test_labels_cover_every_status() -> None:
    for code in ("confirmed", "in_progress", "done", "cancelled", "no_show"):
        assert label("status", code) != code
    for code in ("open", "contacted", "in_progress", "closed"):
        assert label("case_status", code) != code
