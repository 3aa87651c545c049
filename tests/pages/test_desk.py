"""The desk's page in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from tests.pages.axe import serious
from tests.pages.fake_desk import FakeDeskApi, at, clock, handoff, line

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ME = {"username": "xiaoli", "name": "小李"}


@pytest_asyncio.fixture(loop_scope="module")
async def desk(page: Page, address: str) -> Page:
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto(f"{address}/desk")
    return page


async def log_in(page: Page, username: str = "xiaoli", password: str = "demo") -> None:
    await page.fill("[name=username]", username)
    await page.fill("[name=password]", password)
    await page.press("[name=password]", "Enter")


def mine(number: int, **more: Any) -> dict[str, Any]:
    sla = {
        "first_response": clock(-250, "met"),
        "next_response": clock(35),
        "resolution": clock(-75, "breached"),
    }
    return handoff(number, state="human", agent=ME, sla=sla, **more)


async def test_wrong_password_is_said_and_the_right_one_opens_the_desk(desk: Page) -> None:
    await log_in(desk, password="nope")
    await expect(desk.locator("desk-login .problem")).to_have_text("账号或密码不对。")
    await log_in(desk)
    await expect(desk.locator("handoff-list li")).to_have_count(2)
    await expect(desk.locator("[data-part=me]")).to_have_text("小李 · 坐席")


async def test_waiting_handoff_is_accepted_by_keyboard(desk: Page, desk_api: FakeDeskApi) -> None:
    await log_in(desk)
    await expect(desk.locator("handoff-list li")).to_have_count(2)
    await desk.keyboard.press("j")
    await desk.keyboard.press("j")
    await desk.keyboard.press("k")
    await desk.keyboard.press("Enter")
    await expect(desk.locator("#talk-name")).to_have_text("车主1")
    await desk.keyboard.press("a")
    await expect(desk.locator("handoff-list .mine li")).to_have_count(1)
    assert desk_api.handoffs["h1"]["agent"]["username"] == "xiaoli"
    assert desk_api.handoffs["h2"]["state"] == "queued"
    await expect(desk.locator("reply-box textarea")).to_be_focused()
    await desk.keyboard.type("您好，我是小李")
    await desk.keyboard.press("Control+Enter")
    await desk.keyboard.type("请讲")
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".line.agent .text")).to_have_text("您好，我是小李\n请讲")


async def test_colleague_was_faster(desk: Page, desk_api: FakeDeskApi) -> None:
    await log_in(desk)
    await desk.click("[data-id=h1] .handoff")
    other = {"username": "xiaowang", "name": "小王"}
    desk_api.handoffs["h1"].update(state="human", agent=other)
    await desk.click("[data-do=accept]")
    await expect(desk.locator(".notice")).to_have_text("已被其他客服接入。")
    await expect(desk.locator("handoff-list .others li")).to_have_count(1)
    await expect(desk.locator("[data-do=accept]")).to_be_hidden()


async def test_failed_reply_is_sent_again_under_the_same_id(
    desk: Page, desk_api: FakeDeskApi
) -> None:
    desk_api.handoffs["h1"] = mine(1)
    desk_api.fail_replies = 1
    await log_in(desk)
    await desk.click("[data-id=h1] .handoff")
    await desk.fill("reply-box textarea", "马上为您处理")
    await desk.press("reply-box textarea", "Enter")
    await expect(desk.locator("reply-box .problem")).to_contain_text("服务暂时不可用")
    await expect(desk.locator("reply-box textarea")).to_have_value("马上为您处理")
    await desk.press("reply-box textarea", "Enter")
    await expect(desk.locator("reply-box .problem")).to_be_hidden()
    ids = {body["id"] for what, body in desk_api.calls if what == "reply"}
    assert len(ids) == 1
    await expect(desk.locator(".line.agent")).to_have_count(1)


async def test_draft_survives_a_reload(desk: Page, desk_api: FakeDeskApi) -> None:
    desk_api.handoffs["h1"] = mine(1)
    desk_api.handoffs["h2"] = mine(2)
    await log_in(desk)
    await desk.click("[data-id=h1] .handoff")
    await desk.fill("reply-box textarea", "写到一半")
    await desk.click("[data-id=h2] .handoff")
    await expect(desk.locator("reply-box textarea")).to_have_value("")
    await desk.reload()
    await desk.click("[data-id=h1] .handoff")
    await expect(desk.locator("reply-box textarea")).to_have_value("写到一半")


async def test_note_stays_with_staff(desk: Page, desk_api: FakeDeskApi) -> None:
    desk_api.handoffs["h1"] = mine(1)
    await log_in(desk)
    await desk.click("[data-id=h1] .handoff")
    await expect(desk.locator("#talk-name")).to_be_visible()
    await desk.keyboard.press("n")
    await desk.keyboard.type("上周来过电话")
    await desk.keyboard.press("Enter")
    await expect(desk.locator(".line.note")).to_contain_text("上周来过电话")
    assert [what for what, _ in desk_api.calls] == ["note"]
    assert desk_api.lines.get("h1", []) == []


async def test_clocks_say_in_words_how_they_stand(desk: Page, desk_api: FakeDeskApi) -> None:
    desk_api.handoffs["h1"] = mine(1)
    late = {**handoff(2)["sla"], "first_response": clock(1.2)}
    desk_api.handoffs["h2"] = handoff(2, sla=late)
    await log_in(desk)
    clocks = desk.locator("[data-id=h1] sla-clock")
    await expect(clocks.nth(0)).to_have_text("首响 达标")
    await expect(clocks.nth(1)).to_contain_text("回复 剩 0:3")
    await expect(clocks.nth(2)).to_contain_text("解决 超时 1:1")
    await expect(desk.locator("[data-id=h2] sla-clock")).to_contain_text("首响 超时 0:0")


async def test_new_message_arrives_by_push_and_is_marked_where_it_is_not_open(
    desk: Page, desk_api: FakeDeskApi
) -> None:
    desk_api.handoffs["h1"] = mine(1)
    desk_api.handoffs["h2"] = mine(2)
    await log_in(desk)
    await desk.click("[data-id=h1] .handoff")
    await desk.click("[data-id=h2] .handoff")
    await expect(desk.locator("#talk-name")).to_have_text("车主2")
    await expect(desk.locator(".unread")).to_have_count(0)
    desk_api.lines["h2"] = [line(1, "owner", "还在吗", 0)]
    desk_api.handoffs["h1"]["last_message"] = "怎么还没人"
    await desk_api.push({"type": "message", "handoff_id": "h2", "message": {}})
    await expect(desk.locator(".line.owner .text")).to_have_text("还在吗")
    await expect(desk.locator("[data-id=h1] .unread")).to_have_text("新消息")


async def test_what_owners_write_is_text_and_never_markup(
    desk: Page, desk_api: FakeDeskApi
) -> None:
    evil = '<img src=x onerror="document.title=1">'
    customer = {"id": "o1", "name": evil}
    desk_api.handoffs["h1"] = mine(1, customer=customer, last_message=evil, reason=evil)
    desk_api.lines["h1"] = [line(1, "owner", evil, 5)]
    desk_api.extra["h1"] = {"collected": {"text": evil}}
    await log_in(desk)
    await desk.click("[data-id=h1] .handoff")
    await expect(desk.locator(".line.owner .text")).to_have_text(evil)
    await expect(desk.locator("collected-facts")).to_contain_text(evil)
    assert await desk.locator("img").count() == 0
    assert "驿行客服台" in await desk.title()


async def test_phone_is_masked_until_it_is_asked_for(desk: Page, desk_api: FakeDeskApi) -> None:
    desk_api.handoffs["h1"] = mine(1)
    await log_in(desk)
    await desk.click("[data-id=h1] .handoff")
    await expect(desk.locator(".secret").first).to_contain_text("138****5678")
    assert desk_api.calls == []
    await desk.get_by_role("button", name="显示完整电话").click()
    await expect(desk.locator(".secret").first).to_contain_text("13812345678")
    assert desk_api.calls == [("reveal", {"field": "phone"})]


async def test_ending_asks_for_a_summary_that_begins_with_the_conversation(
    desk: Page, desk_api: FakeDeskApi
) -> None:
    desk_api.handoffs["h1"] = mine(1, waiting_since=at(-60))
    desk_api.lines["h1"] = [
        line(1, "owner", "发票抬头怎么改", 50),
        line(2, "agent", "已帮您改好", 10, author="小李"),
    ]
    await log_in(desk)
    await desk.click("[data-id=h1] .handoff")
    await expect(desk.locator(".line.agent")).to_be_visible()
    await desk.keyboard.press("e")
    await expect(desk.locator("#end [name=text]")).to_have_value(
        "车主：发票抬头怎么改\n客服：已帮您改好"
    )
    await desk.keyboard.press("Escape")
    assert desk_api.calls == []
    await desk.keyboard.press("e")
    await desk.select_option("#end [name=category]", "points_invoice")
    await desk.get_by_role("button", name="结束并请车主评分").click()
    await expect(desk.locator("handoff-list .mine li")).to_have_count(0)
    summary = {
        "category": "points_invoice",
        "result": "solved",
        "text": "车主：发票抬头怎么改\n客服：已帮您改好",
    }
    posted = desk_api.calls[0][1]["summary"]
    assert {**posted, "text": posted["text"].replace("\r\n", "\n")} == summary


async def test_editor_sees_knowledge_and_no_conversations(
    desk: Page, desk_api: FakeDeskApi
) -> None:
    desk_api.articles["a"] = {
        "id": "a",
        "question": "意向金能退吗",
        "similar_questions": ["小订能退不"],
        "answer": "锁单前可退。",
        "category": "购车",
        "status": "published",
        "version": 2,
        "live_version": 1,
    }
    await log_in(desk, "bianji")
    await expect(desk.get_by_role("tab")).to_have_text(["知识"])
    await expect(desk.locator("knowledge-desk")).to_contain_text("第 12 版 + 增量 3")
    await desk.click(".found li button")
    await expect(desk.locator("article-editor [name=similar]")).to_have_value("小订能退不")
    assert await serious(desk) == []
    await desk.fill("article-editor [name=answer]", "锁单前可退，原路退回。")
    await desk.get_by_role("button", name="保存").click()
    await expect(desk.locator(".said-so")).to_contain_text("发布后车主可见")
    assert desk_api.articles["a"]["live_version"] == 1
    assert desk_api.calls[0][1]["version"] == 2
    await desk.get_by_role("button", name="发布", exact=True).click()
    await expect(desk.locator(".said-so")).to_contain_text("车主现在可以问到")
    assert desk_api.articles["a"]["live_version"] == 3


async def test_unanswered_question_becomes_an_article(desk: Page, desk_api: FakeDeskApi) -> None:
    await log_in(desk, "bianji")
    await desk.get_by_role("button", name="答不上来的").click()
    await expect(desk.locator(".question")).to_contain_text("问过 3 次")
    await desk.get_by_role("button", name="写成新条目").click()
    await expect(desk.locator("article-editor [name=question]")).to_have_value("能不能装拖车钩")
    await desk.fill("article-editor [name=answer]", "原厂不提供拖车钩。")
    await desk.get_by_role("button", name="保存").click()
    await expect(desk.locator(".said-so")).to_contain_text("已保存")
    (made,) = desk_api.articles.values()
    assert (made["question"], made["answer"]) == ("能不能装拖车钩", "原厂不提供拖车钩。")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_desk_has_no_serious_accessibility_findings(
    desk: Page, desk_api: FakeDeskApi, scheme: str, width: int
) -> None:
    await desk.set_viewport_size({"width": width, "height": 800})
    await desk.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    desk_api.handoffs["h1"] = mine(1, priority="P0", reason="danger")
    desk_api.lines["h1"] = [line(1, "owner", "车在冒烟", 50), line(2, "bot", "先离车", 40)]
    desk_api.extra["h1"] = {"collected": {"text": "车在冒烟"}}
    await expect(desk.locator("desk-login form")).to_be_visible()
    assert await serious(desk) == []
    await log_in(desk)
    await expect(desk.locator("handoff-list li")).to_have_count(2)
    assert await serious(desk) == []
    await desk.click("[data-id=h1] .handoff")
    await expect(desk.locator(".line.owner")).to_be_visible()
    assert await serious(desk) == []
    assert await desk.evaluate("document.documentElement.scrollWidth") == width
