"""The owner's page in a real browser."""

from __future__ import annotations

import asyncio
import struct
import zlib

import pytest
from playwright.async_api import Page, expect

from tests.pages.axe import serious
from tests.pages.fake_owner import FakeOwnerApi, booking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

OFFER_BUTTONS = [
    {"title": "确认预约", "payload": "yes-1"},
    {"title": "换个时间", "payload": "other-1"},
]


async def signed_in(page: Page, address: str) -> None:
    await page.goto(f"{address}/chat#token=a.b.c")
    await expect(page.locator("chat-log:not([aria-busy])")).to_be_visible()


async def say(page: Page, text: str) -> None:
    await page.fill("textarea", text)
    await page.press("textarea", "Enter")


def png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    rows = b"".join(b"\0" + b"\x20\x80\x60" * 40 for _ in range(30))
    head = struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


async def test_visitor_of_the_demo_picks_an_owner(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    await page.goto(address)
    await page.click("text=林晓")
    await expect(page.locator(".welcome")).to_contain_text("我是智能客服小驿")
    await say(page, "你好")
    await expect(page.locator(".row.bot .text")).to_have_text("收到：你好")
    await page.reload()
    await expect(page.locator(".row.owner")).to_have_count(1)


async def test_token_does_not_stay_in_the_address(page: Page, address: str) -> None:
    await signed_in(page, address)
    assert "token" not in page.url


async def test_message_is_shown_once_when_answer_push_and_read_all_bring_it(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    await signed_in(page, address)
    owner_api.delay = 0.5
    await say(page, "我想约保养")
    await expect(page.locator(".typing")).to_be_visible()
    await expect(page.locator(".row.owner .status")).to_contain_text("发送中")
    await owner_api.push({"type": "message", "message": owner_api.lines[0]})
    await expect(page.locator(".row.bot .text")).to_have_count(1)
    for line in owner_api.lines:
        await owner_api.push({"type": "message", "message": line})
    await page.wait_for_timeout(200)
    await expect(page.locator(".row.owner")).to_have_count(1)
    await expect(page.locator(".row.bot .text")).to_have_count(1)
    await expect(page.locator(".typing")).to_be_hidden()
    await expect(page.locator(".row.owner .status")).to_have_count(0)


async def test_nothing_is_lost_or_doubled_over_a_reconnect(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    await signed_in(page, address)
    await say(page, "一")
    await expect(page.locator(".row.bot .text")).to_have_count(1)
    await owner_api.hang_up()
    owner_api.add("agent", "断线时说的", author="小李")
    await expect(page.locator(".row.agent")).to_have_count(1)
    await asyncio.wait_for(owner_api.connected.wait(), 10)
    # The last of two lines is pushed first: the gap is read, the order is the log's.
    owner_api.add("agent", "倒数第二句", author="小李")
    last = owner_api.add("agent", "最后一句", author="小李")
    await owner_api.push({"type": "message", "message": last})
    await expect(page.locator(".row.agent .text")).to_have_text(
        ["断线时说的", "倒数第二句", "最后一句"]
    )
    await expect(page.locator(".row.owner")).to_have_count(1)


async def test_retry_uses_the_same_id_and_nothing_doubles(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    await signed_in(page, address)
    owner_api.fail = 1
    await say(page, "约小保养")
    await expect(page.locator(".row.bot .text")).to_have_text("收到：约小保养")
    assert len(owner_api.posts) >= 1
    assert len({post["id"] for post in owner_api.posts}) == 1
    await expect(page.locator(".row.owner")).to_have_count(1)


async def test_message_that_did_not_arrive_waits_for_a_retry_also_over_a_reload(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    await page.clock.install()
    await signed_in(page, address)
    owner_api.drop = 4
    await say(page, "车停在哪了")
    await expect(page.locator(".row.owner .status")).to_contain_text("发送中")
    for _ in range(4):
        await page.wait_for_timeout(150)
        await page.clock.run_for(10_000)
    await expect(page.locator(".row.owner .status")).to_contain_text("未送达")
    assert owner_api.lines == []
    await page.reload()
    await page.click("text=重试")
    await expect(page.locator(".row.bot .text")).to_have_text("收到：车停在哪了")
    assert len({post["id"] for post in owner_api.posts}) == 1
    assert len([line for line in owner_api.lines if line["sender"] == "owner"]) == 1


async def test_what_one_owner_wrote_is_never_sent_as_another(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    await page.goto(f"{address}/chat")
    await page.click("text=林晓")
    owner_api.drop = 1
    await say(page, "林晓的话")
    await expect(page.locator(".row.owner .status")).to_contain_text("发送中")
    await page.get_by_role("button", name="切换演示用户").click()
    await page.click("text=周游")
    await page.wait_for_timeout(2_500)
    assert len(owner_api.posts) == 2
    assert set(owner_api.senders) == {"Bearer demo.owner-1.x"}


async def test_offer_is_pressed_once(page: Page, address: str, owner_api: FakeOwnerApi) -> None:
    card = booking(type="offer", status="open")
    owner_api.add("bot", "这样安排行吗？", card=card, buttons=OFFER_BUTTONS)
    owner_api.script["yes-1"] = [{"text": "约好了", "card": booking()}]
    await signed_in(page, address)
    offer = page.locator(".card-offer")
    await expect(offer).to_contain_text("小保养")
    await expect(offer).to_contain_text("周")
    yes = page.get_by_role("button", name="确认预约")
    await yes.dblclick(no_wait_after=True)
    await expect(page.locator(".card-booking")).to_contain_text("BY-7K2M")
    await expect(yes).to_be_disabled()
    await expect(page.get_by_role("button", name="换个时间")).to_be_disabled()
    assert [post["payload"] for post in owner_api.posts] == ["yes-1"]
    await page.reload()
    await expect(page.get_by_role("button", name="确认预约")).to_be_disabled()


async def test_what_people_write_is_text_and_never_markup(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
    owner_api.add(
        "bot", evil, card=booking(service=evil), buttons=[{"title": evil, "payload": "p"}]
    )
    await signed_in(page, address)
    await say(page, evil)
    await expect(page.locator(".row.owner .text")).to_have_text(evil)
    await expect(page.locator(".card-booking")).to_contain_text(evil)
    await expect(page.get_by_role("button", name=evil)).to_be_visible()
    assert await page.locator("chat-log img").count() == 0
    assert await page.title() == "小驿 · 驿行汽车客服"


async def test_links_are_only_web_addresses(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    owner_api.add("bot", "说明见 https://example.com/a?b=1。别点 javascript:alert(1)")
    await signed_in(page, address)
    links = page.locator(".row.bot .text a")
    await expect(links).to_have_count(1)
    await expect(links).to_have_attribute("href", "https://example.com/a?b=1")
    await expect(links).to_have_attribute("rel", "noopener noreferrer")


async def test_enter_while_composing_and_shift_enter_do_not_send(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    await signed_in(page, address)
    await page.fill("textarea", "bao")
    await page.evaluate(
        """document.querySelector("textarea").dispatchEvent(new KeyboardEvent(
        "keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true }))"""
    )
    await page.focus("textarea")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("x")
    await expect(page.locator("textarea")).to_have_value("bao\nx")
    assert owner_api.posts == []


async def test_rescue_is_one_press_away(page: Page, address: str, owner_api: FakeOwnerApi) -> None:
    await signed_in(page, address)
    await page.get_by_role("button", name="救援").click()
    await expect(page.locator(".row.owner .text")).to_have_text("我需要道路救援")
    await expect(page.locator(".row.bot .text")).to_have_count(1)
    assert [post["text"] for post in owner_api.posts] == ["我需要道路救援"]


async def test_position_is_sent_only_after_a_yes(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    await page.context.grant_permissions(["geolocation"], origin=address)
    await page.context.set_geolocation({"latitude": 31.1100012, "longitude": 121.38})
    await signed_in(page, address)
    await page.click("[data-do=position]")
    await expect(page.locator("#position")).to_contain_text("处理完就删除")
    await page.get_by_role("button", name="不发").click()
    await page.wait_for_timeout(200)
    assert owner_api.posts == []
    await page.click("[data-do=position]")
    await page.locator("#position").get_by_role("button", name="发送位置").click()
    await expect(page.locator(".row.owner")).to_contain_text("我的位置")
    await expect(page.locator(".row.bot .text")).to_have_count(1)
    assert [post["location"] for post in owner_api.posts] == [{"lat": 31.11, "lng": 121.38}]
    await expect(page.locator(".row.owner")).to_have_count(1)


async def test_picture_is_sent_and_shown(page: Page, address: str, owner_api: FakeOwnerApi) -> None:
    await signed_in(page, address)
    picture = {"name": "dash.png", "mimeType": "image/png", "buffer": png()}
    await page.set_input_files("input[type=file]", [picture])
    await expect(page.locator(".row.owner img")).to_be_visible()
    await expect(page.locator(".row.bot .text")).to_have_count(1)
    await expect(page.locator(".row.owner")).to_have_count(1)
    assert owner_api.files["a1"] == png()
    await page.reload()
    await expect(page.locator(".row.owner img")).to_be_visible()


async def test_file_of_another_kind_is_refused_before_it_is_sent(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    await signed_in(page, address)
    page_file = {"name": "a.html", "mimeType": "text/html", "buffer": b"<p>"}
    await page.set_input_files("input[type=file]", [page_file])
    await expect(page.locator(".notice")).to_contain_text("只能发图片、语音或 PDF")
    assert owner_api.files == {}
    assert owner_api.posts == []


async def test_bar_says_who_has_the_word(page: Page, address: str, owner_api: FakeOwnerApi) -> None:
    await signed_in(page, address)
    bar = page.locator("[data-part=state]")
    await expect(bar).to_have_text("智能客服")
    queued = {"state": "queued", "queue_position": 3, "estimated_wait_seconds": 200, "agent": None}
    await owner_api.push({"type": "conversation", **queued})
    await expect(bar).to_have_text("排队中 第 3 位 约 4 分钟")
    with_person = {**queued, "state": "human", "queue_position": None, "agent": {"name": "小李"}}
    await owner_api.push({"type": "conversation", **with_person})
    await expect(bar).to_have_text("客服小李为您服务")


async def test_rating_is_one_press(page: Page, address: str, owner_api: FakeOwnerApi) -> None:
    words = ["很不满意", "不满意", "一般", "满意", "很满意"]
    scores = [{"title": f"{n} {word}", "payload": f"s{n}"} for n, word in enumerate(words, 1)]
    owner_api.add("system", "这次服务您满意吗？", buttons=scores)
    await signed_in(page, address)
    await page.click("[data-payload=s5]")
    await expect(page.locator("[data-payload=s1]")).to_be_disabled()
    await expect(page.locator(".row.bot .text")).to_have_count(1)
    assert [post["payload"] for post in owner_api.posts] == ["s5"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_page_has_no_serious_accessibility_findings(
    page: Page, address: str, owner_api: FakeOwnerApi, scheme: str
) -> None:
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    offer = booking(type="offer", status="open")
    owner_api.add("bot", "这样安排行吗？", card=offer, buttons=OFFER_BUTTONS)
    owner_api.add("owner", "确认预约")
    owner_api.add("system", "客服小李为您服务。")
    owner_api.add("agent", "您好", author="小李", card=booking())
    await page.goto(f"{address}/chat")
    await expect(page.locator("demo-picker li")).to_have_count(2)
    assert await serious(page) == []
    await page.click("text=林晓")
    await expect(page.locator(".row.agent")).to_be_visible()
    assert await serious(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
