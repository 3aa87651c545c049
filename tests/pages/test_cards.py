"""The cards of what an owner has booked, in a real browser."""

from __future__ import annotations

import copy
import itertools
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from pitstop.conversation.labels import STATIC, read_labels
from pitstop.gateway import pages as owner_pages
from tests.pages.axe import serious
from tests.pages.fake_owner import FakeOwnerApi, booking

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PRICE = {
    "amount": "158.00",
    "currency": "CNY",
    "estimate": True,
    "parts": "299.00",
    "labour": "99.00",
    "visit": "80.00",
    "covered": [
        {"kind": "minor_service", "reason": "membership", "amount": "240.00"},
        {"kind": "pickup", "reason": "campaign", "amount": "80.00"},
    ],
}
START = {"start": "2027-03-05T10:00:00+08:00", "end": "2027-03-05T11:00:00+08:00"}


def planned(**more: Any) -> dict[str, Any]:
    return booking(
        **{
            **START,
            "service": "小保养、空调滤芯",
            "services": ["minor_service", "cabin_filter"],
            "technician": "王师傅",
            "price": PRICE,
            "notes": ["地下二层，限高 2.1 米。", "停车凭预约免费 3 小时。"],
            "calendar_url": "/calendar/b1.0123456789abcdef0123456789abcdef.ics",
            "navigation_url": "https://uri.amap.com/navigation?to=121.38,31.11,x&mode=car",
            **more,
        }
    )


def yuan(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def quote(**more: Any) -> dict[str, Any]:
    line = {"id": "l1", "name": "前刹车片", "reason": "左前剩 2 毫米，低于 3 毫米的更换标准。",
            "parts": yuan("460.00"), "labour": yuan("120.00"), "total": yuan("580.00"),
            "approved": None}  # fmt: skip
    other = {**line, "id": "l2", "name": "雨刮", "reason": None,
             "parts": "90.50", "labour": "0.00", "total": "90.50"}  # fmt: skip
    return {
        "type": "quote",
        "number": 1,
        "status": "open",
        "lines": [line, other],
        "total": yuan("670.50"),
        **more,
    }


def decided(*approved: bool | None) -> list[dict[str, Any]]:
    lines = quote()["lines"]
    return [{**line, "approved": yes} for line, yes in zip(lines, approved, strict=True)]


JOURNEY = {
    "type": "journey",
    "leg": "out",
    "status": "on_the_way",
    "driver": {"name": "刘专员", "phone": "95013-482913"},
    "code": "4821",
    "window": {"start": "2027-03-05T09:00:00+08:00", "end": "2027-03-05T09:30:00+08:00"},
    "reference": "BK270305K7Q2",
}

EVERY: dict[str, dict[str, Any]] = {
    "offer": planned(type="offer", status="open", reference=None, technician=None,
                     expires_at="2027-03-04T18:00:00+08:00"),
    "booking": planned(),
    "in_progress": planned(status="in_progress", step="working",
                           ready_at="2027-03-05T16:30:00+08:00"),
    "waiting": planned(status="in_progress", step="waiting_parts"),
    "ready": planned(status="in_progress", step="ready"),
    "cancelled": planned(status="cancelled", step="cancelled"),
    "swap": planned(kind="swap", service=None, services=[], mode="station", step="locked",
                    technician=None, notes=[], place={"id": "s", "name": "仪征服务区换电站",
                    "lat": 32.3, "lng": 119.15, "side": "沪陕高速西安方向"},
                    lock_until="2027-03-05T11:10:00+08:00",
                    price={"amount": "66.00", "currency": "CNY", "estimate": True,
                           "parts": "36.00", "labour": "30.00", "visit": "0.00", "covered": []}),
    "test_drive": planned(kind="test_drive", service="YS8", services=["YS8"], vehicle=None,
                          price=None, technician=None, notes=[]),
    "rescue": planned(kind="rescue", service=None, services=[], mode="on_site", place=None,
                      status="in_progress", step="on_the_way", price=None, technician=None,
                      notes=[], calendar_url=None, navigation_url=None),
    "pickup": planned(mode="pickup", navigation_url=None),
    "quote": quote(),
    "quote_partly": quote(status="partly", number=2, lines=decided(True, False)),
    "journey": JOURNEY,
}  # fmt: skip


async def shown(page: Page, address: str) -> None:
    await page.goto(f"{address}/chat#token=a.b.c")
    await expect(page.locator("chat-log:not([aria-busy])")).to_be_visible()


async def show(page: Page, address: str, api: FakeOwnerApi, card: Any) -> Any:
    """Return the only card of a conversation."""
    api.add("bot", "这样安排行吗？", card=card)
    await shown(page, address)
    return page.locator(".card")


async def test_a_booking_shows_all_that_it_promises(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    card = await show(page, address, owner_api, EVERY["booking"])
    await expect(card.locator(".badge")).to_have_text("已预约")
    await expect(card.locator(".card-title")).to_have_text("保养维修 · 小保养、空调滤芯")
    for text in (
        "3月5日 周五 10:00–11:00",
        "上海闵行服务中心",
        "沪A·D12345 YS6",
        "到店",
        "王师傅",
        "预估 ¥158",
        "配件 ¥299 + 工时 ¥99 + 上门 ¥80",
        "会员权益 ¥240",
        "活动 ¥80",
        "BY-7K2M",
        "限高 2.1 米",
    ):
        await expect(card).to_contain_text(text)
    calendar = card.locator("a", has_text="加入日历")
    await expect(calendar).to_have_attribute("href", EVERY["booking"]["calendar_url"])
    lead = card.locator("a", has_text="导航")
    await expect(lead).to_have_attribute("href", EVERY["booking"]["navigation_url"])
    await expect(card.locator(".progress")).to_have_count(0)


async def test_an_offer_says_until_when_it_holds(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    card = await show(page, address, owner_api, EVERY["offer"])
    await expect(card).to_contain_text("3月4日 周四 18:00 前有效")
    await expect(card).to_contain_text("预估 ¥158")
    await expect(card.locator(".badge")).to_have_count(0)


@pytest.mark.parametrize(
    ("name", "steps", "now"),
    [
        ("in_progress", ["预约", "接车", "检测", "施工", "质检", "结算", "交车"], "施工"),
        ("waiting", ["预约", "接车", "检测", "待料", "施工", "质检", "结算", "交车"], "待料"),
        ("ready", ["预约", "接车", "检测", "施工", "质检", "结算", "交车"], "交车"),
        ("rescue", ["派单", "出发", "在途", "到达"], "在途"),
    ],
)
async def test_progress_is_drawn_as_a_line(
    page: Page, address: str, owner_api: FakeOwnerApi, name: str, steps: list[str], now: str
) -> None:
    card = await show(page, address, owner_api, EVERY[name])
    line = card.locator(".progress li > span:first-child")
    await expect(line).to_have_text(steps)
    await expect(card.locator("[aria-current=step]")).to_have_text(now)
    await expect(card.locator("[data-state=done]")).to_have_count(steps.index(now))
    # Every word stands whole under its point: none runs into the next one.
    boxes = [await line.nth(i).bounding_box() for i in range(len(steps))]
    for left, right in itertools.pairwise(boxes):
        assert left and right and left["x"] + left["width"] < right["x"]
        assert left["y"] == right["y"]
    whole = await card.bounding_box()
    assert boxes[0]["x"] >= whole["x"]
    assert boxes[-1]["x"] + boxes[-1]["width"] <= whole["x"] + whole["width"]


async def test_when_the_car_is_promised_back(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    card = await show(page, address, owner_api, EVERY["in_progress"])
    await expect(card).to_contain_text("3月5日 周五 16:30")
    await expect(card.locator(".badge")).to_have_text("施工中")


async def test_what_comes_to_the_owner_needs_no_navigation(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    card = await show(page, address, owner_api, EVERY["pickup"])
    await expect(card.locator("a")).to_have_text(["加入日历"])


async def test_a_cancelled_booking_leaves_the_calendar(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    card = await show(page, address, owner_api, EVERY["cancelled"])
    await expect(card.locator("a")).to_have_text(["更新日历"])
    await expect(card.locator(".badge")).to_have_text("已取消")


async def test_a_swap_names_its_side_and_its_own_fees(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    card = await show(page, address, owner_api, EVERY["swap"])
    await expect(card.locator(".badge")).to_have_text("电池已锁定")
    await expect(card).to_contain_text("沪陕高速西安方向")
    await expect(card).to_contain_text("电池留到11:10")
    await expect(card).to_contain_text("电费 ¥36 + 服务费 ¥30")


async def test_a_quote_shows_each_line_and_its_decision(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    owner_api.add("system", "增项", card=quote())
    owner_api.add("system", "增项", card=quote(status="partly", lines=decided(True, False)))
    owner_api.add("system", "增项", card=quote(status="withdrawn", number=3))
    await shown(page, address)
    first, second, third = [page.locator(".card").nth(i) for i in range(3)]
    await expect(first.locator(".badge")).to_have_text("待您确认")
    await expect(first.locator(".line-name")).to_have_text(["前刹车片¥580", "雨刮¥90.50"])
    await expect(first).to_contain_text("低于 3 毫米的更换标准")
    await expect(first).to_contain_text("配件 ¥460 + 工时 ¥120")
    await expect(first.locator(".decision")).to_have_text(["待确认", "待确认"])
    await expect(first).to_contain_text("¥670.50")
    await expect(first).to_contain_text("您不确认，我们不施工；不做也可以取车。")
    await expect(second.locator(".decision")).to_have_text(["同意", "不做"])
    await expect(second.locator("dl")).to_have_text("合计¥670.50已同意¥580")
    await expect(second.locator(".card-note")).to_have_count(0)
    await expect(third).to_contain_text("第3份")
    await expect(third.locator(".badge")).to_have_text("已撤回")
    await expect(third.locator(".decision")).to_have_count(0)


async def test_a_driver_is_known_by_name_and_code(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    card = await show(page, address, owner_api, JOURNEY)
    await expect(card.locator("header strong")).to_have_text("上门取车")
    await expect(card.locator(".code")).to_have_text("取车码4 8 2 1")
    await expect(card).to_contain_text("刘专员")
    await expect(card).to_contain_text("3月5日 周五 09:00–09:30")
    await expect(card.locator("a[href='tel:95013-482913']")).to_be_visible()


async def test_a_masked_number_is_no_link(
    page: Page, address: str, owner_api: FakeOwnerApi
) -> None:
    masked = {**JOURNEY, "driver": "刘专员", "phone": "139****8801"}
    card = await show(page, address, owner_api, masked)
    await expect(card).to_contain_text("139****8801")
    await expect(card.locator("a")).to_have_count(0)


def maimed(card: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the card without each of its fields, with each empty, and with nothing at all."""
    found: list[dict[str, Any]] = [{"type": card["type"]}]
    for field in card.keys() - {"type"}:
        found.append({key: value for key, value in card.items() if key != field})
        found += [{**card, field: empty} for empty in (None, "", [], {}, "nonsense", 7)]
        if isinstance(card[field], dict):
            for inner in card[field]:
                for empty in (None, "nonsense"):
                    worse = copy.deepcopy(card)
                    worse[field][inner] = empty
                    found.append(worse)
    return found


DRAW = """async (cards) => {
  const style = document.querySelector("link[href$='/shared/cards.css']");
  const { drawCard } = await import(style.href.replace("cards.css", "cards.js"));
  const log = document.querySelector("chat-log");
  const drawn = cards.map((card) => drawCard(card));
  log.replaceChildren(...drawn.map((node) => node ?? "MISSING"));
  return { words: log.innerText, missing: drawn.filter((node) => !node).length };
}"""


@pytest.mark.parametrize("name", ["offer", "in_progress", "quote_partly", "journey"])
async def test_a_missing_field_breaks_nothing(page: Page, address: str, name: str) -> None:
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text))
    await shown(page, address)
    problems.clear()
    drawn = await page.evaluate(DRAW, maimed(EVERY[name]))
    assert (drawn["missing"], problems) == (0, [])
    for word in ("undefined", "NaN", "Invalid", "[object", "cards.", "null", "1月1日"):
        found = re.findall(f".*{re.escape(word)}.*", drawn["words"])
        assert not found, found[:3]
    assert await page.evaluate("document.documentElement.scrollWidth") == 360


async def test_what_is_no_card_is_none(page: Page, address: str) -> None:
    await shown(page, address)
    drawn = await page.evaluate(DRAW, [None, {}, {"type": "later"}, "x", {"type": "toString"}])
    assert drawn["missing"] == 5


@pytest.mark.parametrize("address_of", ["javascript:alert(1)", "//evil.example/x", "data:x", 7])
async def test_an_address_that_is_not_ours_is_not_followed(
    page: Page, address: str, owner_api: FakeOwnerApi, address_of: Any
) -> None:
    card = await show(
        page, address, owner_api, planned(calendar_url=address_of, navigation_url=address_of)
    )
    await expect(card.locator("a")).to_have_text(["导航"])
    href = await card.locator("a").get_attribute("href")
    assert href is not None and href.startswith("https://uri.amap.com/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_cards_fit_a_phone_and_everybody_can_use_them(
    page: Page, address: str, owner_api: FakeOwnerApi, scheme: str, tmp_path: Path
) -> None:
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for number, card in enumerate(EVERY.values()):
        buttons = [{"title": "改时间", "payload": f"a{number}"}, {"title": "取消", "payload": "b"}]
        owner_api.add(("bot", "system")[number % 2], "安排如下。", card=card, buttons=buttons)
    await shown(page, address)
    await expect(page.locator(".card")).to_have_count(len(EVERY))
    assert await serious(page) == []
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    for i in range(len(EVERY)):
        card = page.locator(".card").nth(i)
        assert await card.evaluate("(node) => node.scrollWidth <= node.clientWidth"), i
        await card.screenshot(path=tmp_path / f"{i}-{scheme}.png")


async def test_scripts_of_cards_ask_for_labels_that_exist() -> None:
    labels = read_labels(owner_pages.TEMPLATES / "labels.yml")
    asked = 0
    for path in STATIC.glob("*.js"):
        for group in re.findall(r'\b(?:label|find|named)\("([\w.]+)"', path.read_text("utf-8")):
            known: Any = labels
            for part in group.split("."):
                assert part in known, f"{path.name}: {group}"
                known = known[part]
            asked += 1
        for field in re.findall(r'^ {6}\["(\w+)", ', path.read_text("utf-8"), re.M):
            assert field in labels["cards"]["fields"], f"{path.name}: {field}"
    assert asked > 40
