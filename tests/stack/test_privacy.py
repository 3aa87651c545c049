"""Owners see, correct, export and delete what is theirs."""

from __future__ import annotations

import json

import pytest

from tests.stack.owner import WEEKDAY, Owner, assert_nothing_claimed, button, heard
from tests.stack.stack import Stack


def test_seeing_ones_data_shows_it_masked(owner: Owner) -> None:
    said = heard(owner.say("我想看看你们存了我哪些个人信息"))
    assert "陈思远" in said
    assert "13900018801" not in said
    assert "8801" in said


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("把我的个人数据全部删除", "删除"),
        ("导出我的个人数据", "导出"),
        ("撤回我的个人信息授权同意", "撤回"),
    ],
)
def test_a_request_is_confirmed_then_registered(
    stack: Stack, owner: Owner, text: str, what: str
) -> None:
    before = stack.everything()
    asked = owner.say(text)
    assert_nothing_claimed(asked)
    assert what in heard(asked)
    assert stack.everything() == before
    confirm = button(asked, "确定")
    filed = owner.press(confirm)
    (case,) = owner.cases()
    assert case["number"] in heard(filed)
    assert WEEKDAY.search(heard(filed))
    owner.press(confirm)
    assert len(owner.cases()) == 1


def test_a_no_registers_nothing(stack: Stack, owner: Owner) -> None:
    before = stack.everything()
    asked = owner.say("把我的个人数据全部删除")
    owner.press(button(asked, "算了"))
    assert stack.everything() == before


def test_nothing_personal_lies_open_in_the_database(stack: Stack, owner: Owner) -> None:
    owner.say("我是沪AD20751的车主，电话13812345678，周四下午两点闵行店做小保养")
    owner.say("车架号LYXYS6E82RH100801，帮我看看召回")
    open_lying = [
        (table, column, row)
        for table in ("message", "inbox", "offer", "event", "kb_unanswered", "case_file")
        for row in stack.rows(table)
        for column, value in row.items()
        for secret in ("13812345678", "LYXYS6E82RH100801")
        if secret in json.dumps(value, default=str, ensure_ascii=False)
    ]
    assert open_lying == []
    # Not the plate's digits alone: five of a row's timestamp may well be the same.
    tracked = json.dumps(stack.tracker_rows(owner.conversation_id), default=str)
    secrets = ("13812345678", "LYXYS6E82RH100801", "AD20751", "A·D20751", "D20751")
    assert [secret for secret in secrets if secret in tracked] == []


def test_nothing_personal_reaches_the_logs(stack: Stack, owner: Owner) -> None:
    owner.say("我的电话是13812345999，车架号LYXYS6E82RH100801")
    for name in ("app", "rasa", "actions"):
        for secret in ("13812345999", "LYXYS6E82RH100801"):
            assert secret not in stack.log(name), name
