"""An owner and an agent, each in a window of their own, on the real stack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright

from tests.stack.agent import Agent
from tests.stack.owner import Owner
from tests.stack.stack import Stack, wait_for

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
# Where the machine has no Chromium of its own, Playwright's is used.
OPTIONS = {"executable_path": str(CHROMIUM)} if CHROMIUM.exists() else {}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
ANSWERED = 15_000  # ms: the contract's ten seconds, and the way through a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium; nothing between it and the stack on loopback."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(args=[*ARGUMENTS, "--no-proxy-server"], **OPTIONS)
        yield chromium
        chromium.close()


def window(context: BrowserContext, errors: list[str]) -> Page:
    """Open a window; what goes wrong in a script is collected."""
    page = context.new_page()
    page.set_default_timeout(ANSWERED)
    page.on("pageerror", lambda error: errors.append(str(error)))
    return page


def say(page: Page, text: str) -> None:
    """Write as an owner, with Enter."""
    page.fill("chat-composer textarea", text)
    page.press("chat-composer textarea", "Enter")


def newest(page: Page, sender: str) -> Locator:
    """Return the last thing somebody said on the owner's page; the typing mark says nothing."""
    return page.locator(f"chat-log .row.{sender}:not(.typing)").last


def test_owner_asks_books_reaches_a_person_and_rates(
    browser: Browser, stack: Stack, owner: Owner, agent: Agent
) -> None:
    before = {one["id"] for one in owner.bookings()}
    errors: list[str] = []
    phone = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    desktop = browser.new_context(viewport={"width": 1280, "height": 800}, locale="zh-CN")
    try:
        chat, desk = window(phone, errors), window(desktop, errors)
        expect.set_options(timeout=ANSWERED)

        # The owner picks who they are, and asks.
        chat.goto(f"{stack.url}/chat")
        chat.click("demo-picker button:has-text('陈思远')")
        expect(chat.locator("chat-log:not([aria-busy])")).to_be_visible()
        say(chat, "冬天续航为什么会变短")
        expect(newest(chat, "bot")).to_contain_text("低温")
        expect(newest(chat, "bot").get_by_role("button", name="没解决")).to_be_visible()

        # They book with one sentence and a yes.
        say(chat, "明天下午两点在闵行店做个小保养")
        offer = chat.locator(".card-offer").last
        expect(offer).to_contain_text("上海闵行服务中心")
        expect(offer).to_contain_text("14:00")
        assert {one["id"] for one in owner.bookings()} == before
        newest(chat, "bot").get_by_role("button", name="确定").click()
        booked = chat.locator(".card-booking").last
        expect(booked).to_contain_text("上海闵行服务中心")
        made = [one for one in owner.bookings() if one["id"] not in before]
        assert len(made) == 1
        assert made[0]["status"] == "confirmed"
        assert made[0]["start"].startswith("2026-11-24T14:00")
        assert made[0]["place"]["name"] == "上海闵行服务中心"
        expect(booked).to_contain_text(made[0]["reference"])

        # They want a person, and see where they stand.
        say(chat, "转人工")
        expect(chat.locator("state-bar")).to_contain_text("第 1 位")
        assert owner.conversation()["state"] == "queued"

        # The agent signs in, sees them waiting, and takes them.
        desk.goto(f"{stack.url}/desk")
        desk.fill("[name=username]", "agent1")
        desk.fill("[name=password]", "pitstop-agent1")
        desk.press("[name=password]", "Enter")
        waiting = desk.locator("handoff-list .queued li", has_text="陈思远")
        expect(waiting).to_be_visible()
        waiting.locator("button.handoff").click()
        expect(desk.locator("desk-transcript")).to_contain_text("明天下午两点在闵行店做个小保养")
        desk.click("[data-do=accept]")
        expect(chat.locator("state-bar")).to_contain_text("小李")
        expect(newest(chat, "system")).to_contain_text("小李为您服务")

        # Until the page says it is theirs, the box takes notes for colleagues only.
        expect(desk.locator("[data-do=end]")).to_be_visible()

        # They talk, each in their own window; the bot stays silent.
        by_bot = [one["id"] for one in owner.history() if one["sender"] == "bot"]
        desk.fill("reply-box textarea", "您好，我是小李，请讲。")
        desk.press("reply-box textarea", "Enter")
        expect(newest(chat, "agent")).to_contain_text("您好，我是小李，请讲。")
        say(chat, "保养那天能顺便洗车吗")
        expect(desk.locator("desk-transcript .line.owner").last).to_contain_text("顺便洗车吗")
        desk.fill("reply-box textarea", "可以的，到店跟接待说一声就行。")
        desk.press("reply-box textarea", "Enter")
        expect(newest(chat, "agent")).to_contain_text("到店跟接待说一声就行")
        assert [one["id"] for one in owner.history() if one["sender"] == "bot"] == by_bot

        # The agent ends it with a summary; the owner rates.
        desk.click("[data-do=end]")
        dialog = desk.locator("dialog#end")
        dialog.locator("textarea").fill("问保养当天能否洗车，已答复可以。")
        dialog.get_by_role("button", name="结束并请车主评分").click()
        score = chat.locator(".scores button", has_text="5").last
        expect(score).to_be_visible()
        assert [row["score"] for row in stack.rows("survey", customer_id=owner.id)] == [None]
        score.click()
        expect(newest(chat, "bot")).to_contain_text("谢谢您的评价")
        assert [row["score"] for row in stack.rows("survey", customer_id=owner.id)] == [5]

        # The bot has the word again, answers, and knows the booking.
        expect(chat.locator("state-bar")).to_have_attribute("data-state", "bot")
        assert owner.conversation()["state"] == "bot"
        say(chat, "查一下我的预约进度")
        expect(newest(chat, "bot")).to_contain_text(made[0]["reference"])
        handoffs = stack.rows("handoff", customer_id=owner.id)
        assert [row["state"] for row in handoffs] == ["ended"]
        wait_for(lambda: agent.queue(owner.id) == [], what="an empty queue")
        assert errors == []
    finally:
        phone.close()
        desktop.close()
