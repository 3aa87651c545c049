"""Questions: an article, a choice, or the truth that there is none."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.stack.owner import Owner, button, buttons, cards, heard
from tests.stack.stack import Stack


def live_questions(stack: Stack) -> list[str]:
    """Return standard questions of the shipped knowledge base."""
    return [str(row["question"]) for row in stack.rows("kb_article")]


def test_a_standard_question_is_answered_from_its_article(stack: Stack, owner: Owner) -> None:
    answered = 0
    for row in stack.rows("kb_article")[:6]:
        said = heard(owner.say(row["question"]))
        answered += str(row["answer"]).strip()[:20] in said
    # A question may also be one for a skill ("保养多少钱"); most are answered as written.
    assert answered >= 4


def test_not_knowing_is_said_and_a_person_offered(stack: Stack, owner: Owner) -> None:
    before = stack.everything()
    said = owner.say("驿行汽车的董事长昨天晚上吃了什么")
    assert "转人工" in buttons(said) or "范围" in heard(said)
    assert stack.everything() == before


def test_what_nobody_could_answer_is_kept_masked_for_the_editors(
    stack: Stack, owner: Owner
) -> None:
    owner.say("哔哩吧啦咕噜咕噜13812345678")
    kept = json.dumps(stack.rows("kb_unanswered"), default=str, ensure_ascii=False)
    assert "13812345678" not in kept


def test_it_never_diagnoses_nor_clears_a_car_for_the_road(owner: Owner) -> None:
    said = heard(owner.say("仪表盘亮了个黄色的灯，还能继续开吗"))
    for claim in ("可以继续开", "能继续开", "放心开", "可以正常行驶"):
        assert claim not in said


@pytest.mark.parametrize(
    ("who", "text", "parts"),
    [
        ("owner-1", "做个小保养多少钱", ["299"]),
        ("owner-1", "我的车还剩多少电，能跑多远", ["62", "330"]),
        ("owner-1", "我有多少积分", ["2680"]),
        ("owner-1", "上海有哪些换电站", ["换电站"]),
    ],
)
def test_figures_are_read_from_rows(
    customer: Callable[[str], Owner], who: str, text: str, parts: list[str]
) -> None:
    said = heard(customer(who).say(text))
    for part in parts:
        assert part in said, said


def test_the_nearest_station_after_a_position(owner: Owner) -> None:
    owner.say("离我最近的换电站在哪")
    said = owner.locate(31.19, 121.43)
    (card,) = cards(said, "places")
    assert card["places"][0]["name"] == "徐家汇换电站"
    assert "徐家汇换电站" in heard(said)


def test_a_position_is_forgotten_once_used(stack: Stack, owner: Owner) -> None:
    owner.say("离我最近的换电站在哪")
    owner.locate(31.191234, 121.431234)
    assert all(row["position"] is None for row in stack.rows("inbox"))


def test_our_silence_is_never_no_recall(owner: Owner) -> None:
    said = heard(owner.say("我的车有没有被召回"))
    assert "官方公告" in said
    assert "没有召回" not in said.replace("不等于没有召回", "")


def test_one_of_several_is_chosen_and_a_wrong_one_leads_to_a_person(
    stack: Stack, owner: Owner
) -> None:
    said = owner.say("换电一次要多长时间")
    if "没解决" not in buttons(said):
        title, payload = next(iter(buttons(said).items()))
        said = owner.press(payload)
        (article,) = stack.rows("kb_article", question=title)
        assert str(article["answer"]).strip()[:20] in heard(said)
    after = owner.press(button(said, "没解决"))
    assert "转人工" in buttons(after)
    assert any(row["decision"] == "not_solved" for row in stack.rows("kb_unanswered"))


def test_greeting_says_what_it_is(owner: Owner) -> None:
    said = heard(owner.say("你好"))
    assert "小驿" in said
    assert "人工" in said


@pytest.mark.parametrize(
    ("name", "content", "content_type"),
    [
        ("crash.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 32, "image/png"),
        ("bill.pdf", b"%PDF-1.4\n%%EOF\n", "application/pdf"),
    ],
)
def test_a_picture_is_honestly_not_understood(
    stack: Stack, owner: Owner, name: str, content: bytes, content_type: str
) -> None:
    said = owner.attach(name, content, content_type)
    assert "专员" in heard(said)
    assert "转人工" in buttons(said)
    assert owner.history()[0]["attachment"]


def test_feedback_is_written_down(stack: Stack, owner: Owner) -> None:
    said = owner.say("表扬一下闵行店的师傅，服务特别好")
    assert "记下" in heard(said)
    assert stack.count("feedback", customer_id=owner.id) == 1
