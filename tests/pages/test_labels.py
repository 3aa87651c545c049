"""Every code that the product can put on a page has a word there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml

from bot.routes import DIALOGUE, FALLBACK, ROUTES
from pitstop.base.settings import ROOT
from pitstop.care import clocks, people, staff_permissions
from pitstop.care.judging import categories
from pitstop.care.tables import Booking, Case
from pitstop.conversation.labels import read_labels
from pitstop.conversation.wire import Sender, Word
from pitstop.desk import collected
from pitstop.desk import pages as desk
from pitstop.gateway import pages as owner

DESK = read_labels(desk.TEMPLATES / "labels.yml")
OWNER = read_labels(owner.TEMPLATES / "labels.yml")
SEED = yaml.safe_load((ROOT / "pitstop/app/demo/seed.yml").read_text("utf-8"))
SERVICES = yaml.safe_load((ROOT / "pitstop/care/services.yml").read_text("utf-8"))
DOMAIN = yaml.safe_load((ROOT / "domain.yml").read_text("utf-8"))


def calls(*folders: str) -> Iterator[ast.Call]:
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Call):
                    yield node


def name_of(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def texts(node: ast.AST) -> set[str]:
    return {
        one.value
        for one in ast.walk(node)
        if isinstance(one, ast.Constant)
        and isinstance(one.value, str)
        and re.fullmatch(r"[a-z][a-z_]+", one.value)
    }


def handoff_reasons() -> set[str]:
    """Return the reasons that stand in calls, and in buttons that carry one."""
    found = {"button"}
    for call in calls("pitstop", "bot/actions"):
        if name_of(call) in {"open_handoff", "hand_over"}:
            for word in call.keywords:
                if word.arg == "reason":
                    found |= texts(word.value)
        for node in ast.walk(call):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "reason":
                        found |= texts(value)
    # In an action the reason may be chosen before the call.
    for path in (ROOT / "bot/actions").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == "reason" for target in node.targets
            ):
                found |= texts(node.value)
    return found


def endings() -> set[str]:
    """Return how a handoff can end: what `close_episode` is told."""
    found = {"withdrawn", "left"}
    for call in calls("pitstop/care"):
        if name_of(call) == "close_episode":
            found |= texts(call.args[3]) - {"how"}
    return found


def stated(table: Any, field: str) -> set[str]:
    """Return the values of a column that the table's own description lists."""
    found = re.search(rf"`{field}`: ([a-z_, ]+)\.", table.__doc__)
    assert found is not None
    return {one.strip() for one in found.group(1).split(",")}


def modes() -> set[str]:
    return {mode for one in SERVICES["services"] for mode in one["modes"]} | {"station", "valet"}


def steps() -> set[str]:
    """Return the steps that need a word of their own: the others are told by the status."""
    written = {"dispatching"}
    written |= {one["step"] for one in SEED["bookings"] if "step" in one}
    return written - {"delivered"}


def fields() -> set[str]:
    slots = {slot for form in DOMAIN["forms"].values() for slot in form["required_slots"]}
    more = {"form", "route", "wishes", "last_article", "after", "mode", "note"}
    return (slots | more) - collected._INTERNAL


@pytest.mark.parametrize(
    ("labels", "group", "codes"),
    [
        (DESK, "reasons", handoff_reasons()),
        (DESK, "endings", endings()),
        (DESK, "senders", set(get_args(Sender))),
        (DESK, "clocks", set(get_args(clocks.Kind))),
        (DESK, "clocks.statuses", set(get_args(clocks.Status))),
        (DESK, "roles", set(get_args(people.Role)) | set(get_args(staff_permissions.StaffRole))),
        (DESK, "tiers", {one.get("tier", "standard") for one in SEED["customers"]}),
        (DESK, "sources", {"chat", "seed"}),
        (DESK, "collected.fields", fields()),
        (DESK, "collected.values", {*ROUTES, *DIALOGUE, FALLBACK, *DOMAIN["forms"], *modes()}),
        (DESK, "knowledge.missed", {"answer", "clarify", "none"}),
        (OWNER, "senders", set(get_args(Sender))),
        (OWNER, "states", set(get_args(Word))),
        (OWNER, "roles", set(get_args(people.Role))),
        (OWNER, "cards.kinds", stated(Booking, "kind")),
        (OWNER, "cards.statuses", stated(Booking, "status") | stated(Case, "status")),
        (OWNER, "cards.steps", steps()),
        (OWNER, "cards.modes", modes()),
        (OWNER, "cards.categories", set(categories())),
        (OWNER, "cards.place_kinds", {*SEED["kinds"].values(), "swap_station"}),
    ],
)
def test_every_code_has_a_word(labels: dict[str, Any], group: str, codes: set[str]) -> None:
    known: Any = labels
    for part in group.split("."):
        known = known[part]
    assert codes, "the codes were not found: is the way they are read still right?"
    assert codes - set(map(str, known)) == set()


def test_the_reasons_are_found_where_they_are_written() -> None:
    assert {"danger", "owner_asked", "button", "bot_unavailable", "rescue"} <= handoff_reasons()
    assert endings() == {"ended", "returned", "silent", "withdrawn", "left"}


def test_scripts_ask_for_labels_that_exist() -> None:
    for static, labels in ((desk.STATIC, DESK), (owner.STATIC, OWNER)):
        for path in static.glob("*.js"):
            for asked in re.findall(r'\blabel\("([\w.]+)"', path.read_text("utf-8")):
                known: Any = labels
                for part in asked.split("."):
                    assert part in known, f"{path.name}: {asked}"
                    known = known[part]
