"""The workshop's page in a real browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Locator, Page, expect

from pitstop.app.security import HEADERS
from pitstop.base.settings import read_settings
from pitstop.desk import pages, service_page
from tests.pages.axe import serious
from tests.pages.fake_service import FakeServiceApi

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
BEGIN = "/desk/service?place=store-1&day=2026-11-23"


@pytest.fixture
def api() -> FakeServiceApi:
    return FakeServiceApi()


@pytest_asyncio.fixture(loop_scope="module")
async def site(api: FakeServiceApi) -> AsyncIterator[str]:
    async def secure(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)

    app = web.Application()
    app.on_response_prepare.append(secure)
    config = read_settings({"DEMO": "1"})
    pages.setup(app, config)
    service_page.setup(app, config)
    api.setup(app)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/")).rstrip("/")
    await api.hang_up()
    await server.close()


@pytest_asyncio.fixture(loop_scope="module")
async def board(page: Page, site: str) -> Page:
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto(f"{site}{BEGIN}")
    await expect(page.locator("day-line .lane").first).to_be_visible()
    return page


def lane(page: Page, name: str) -> Locator:
    return page.locator("day-line .lane").filter(has=page.get_by_text(name, exact=True))


async def open_booking(page: Page, key: str) -> None:
    await page.locator(f".block[data-id={key}]").first.click()
    await expect(page.locator("booking-panel h2")).to_be_visible()


async def test_a_booking_stands_in_the_lanes_of_its_bay_and_its_technician(board: Page) -> None:
    for name in ("工位1", "王建国"):
        block = lane(board, name).locator("[data-id=b4]")
        await expect(block).to_contain_text("已预约")
        assert "11:00–13:00" in (await block.get_attribute("aria-label") or "")
    bay, person = [
        await lane(board, name).locator("[data-id=b4]").bounding_box()
        for name in ("工位1", "王建国")
    ]
    assert bay and person and (bay["x"], bay["width"]) == (person["x"], person["width"])


async def test_time_is_drawn_to_scale_with_now_leave_and_closures(board: Page) -> None:
    first = await lane(board, "工位1").locator("[data-id=b1]").bounding_box()
    later = await lane(board, "工位1").locator("[data-id=b4]").bounding_box()
    assert first and later
    hour = first["width"]  # 08:30–09:30
    assert later["width"] == pytest.approx(2 * hour, rel=0.02)
    assert later["x"] - first["x"] == pytest.approx(2.5 * hour, rel=0.02)
    now = await board.locator(".now").bounding_box()
    assert now and now["x"] - first["x"] == pytest.approx(95 / 60 * hour, rel=0.05)
    await expect(lane(board, "赵磊").locator(".side")).to_contain_text("请假：年假")
    off = await lane(board, "赵磊").locator(".off").bounding_box()
    track = await lane(board, "赵磊").locator(".track").bounding_box()
    assert off and track and off["width"] == pytest.approx(track["width"], rel=0.02)
    await expect(lane(board, "工位3").locator(".stop")).to_contain_text("检修：举升机年检")


async def test_what_stands_in_no_lane_is_told_above(board: Page) -> None:
    await expect(board.locator(".stops")).to_contain_text("之前到店，还没交车")
    await board.get_by_role("button", name="之前到店").click()
    await expect(board.locator("booking-panel")).to_contain_text("前风挡玻璃")


async def test_drivers_have_their_ways_and_nobodys_are_shown(board: Page) -> None:
    await expect(lane(board, "取送车专员1").locator(".block")).to_contain_text("取车 在路上")
    await expect(lane(board, "未派人").locator(".block")).to_contain_text("送车 未出发")


async def test_a_station_shows_packs_locks_and_plans(board: Page) -> None:
    await board.select_option("[data-part=place]", "station-1")
    await expect(board.locator(".group.low h3").first).to_contain_text(
        "75 度电池 · 4 块 · 电量 100% 96% 71% 40%"
    )
    await expect(lane(board, "100% 100度电池1").locator("[data-id=b21]")).to_have_count(1)
    await expect(lane(board, "计划（未锁电池）").locator("[data-id=b22]")).to_have_count(1)
    await expect(board.locator(".stops")).to_contain_text("整个网点 限电 13:00–14:00")
    await expect(board.locator(".stops")).to_contain_text("兑现不了")


async def test_days_are_turned_by_keys_and_the_place_is_remembered(board: Page, site: str) -> None:
    await board.keyboard.press("ArrowRight")
    await expect(board.locator("[data-part=day]")).to_have_value("2026-11-24")
    await expect(board.locator("[data-part=weekday]")).to_have_text("周二")
    await expect(board.locator("[data-part=none]")).to_have_text("这一天没有预约。")
    await board.keyboard.press("ArrowLeft")
    await board.keyboard.press("ArrowLeft")
    await expect(board.locator("[data-part=day]")).to_have_value("2026-11-22")
    await board.keyboard.press("t")
    await expect(board.locator("[data-part=day]")).to_have_value("2026-11-23")
    await board.select_option("[data-part=place]", "station-1")
    await expect(board.locator(".group.low").first).to_be_visible()
    await board.goto(f"{site}/desk/service")
    await expect(board.locator("[data-part=place]")).to_have_value("station-1")
    await expect(board.locator("[data-part=day]")).to_have_value("2026-11-23")


async def test_bookings_are_walked_and_opened_by_keys(board: Page) -> None:
    await board.keyboard.press("j")
    await board.keyboard.press("j")
    focused = "document.activeElement.dataset.id"
    assert await board.evaluate(focused) == "b2"
    await board.keyboard.press("Enter")
    await expect(board.locator("booking-panel h2")).to_have_text("林晓雯 · 故障检查")
    await board.keyboard.press("Escape")
    await expect(board.locator("booking-panel")).to_be_hidden()
    assert await board.evaluate(focused) == "b2"


async def test_looking_for_a_plate_leaves_the_others_faint(board: Page) -> None:
    await board.keyboard.press("/")
    await board.keyboard.type("***04")
    await expect(board.locator('.block[data-dim="false"]')).to_have_count(2)
    await board.keyboard.press("Enter")
    assert await board.evaluate("document.activeElement.dataset.id") == "b4"
    await board.keyboard.press("l")
    await expect(board.locator("day-list .row")).to_have_count(1)


async def test_a_car_is_taken_in_by_keyboard(board: Page, api: FakeServiceApi) -> None:
    await open_booking(board, "b3")
    await board.keyboard.press("c")
    await board.keyboard.type("18620")
    await board.keyboard.press("Tab")
    await board.keyboard.type("58")
    await board.keyboard.press("Enter")
    await expect(board.locator("#check-in")).to_be_hidden()
    await expect(board.locator("[data-part=done]")).to_contain_text("已接车")
    await expect(board.locator("booking-panel .step")).to_have_text("已接车")
    await expect(lane(board, "工位1").locator("[data-id=b3]")).to_have_attribute(
        "data-tone", "inside"
    )
    ((what, body),) = api.calls
    assert what == "bookings/b3/check-in"
    assert (body["mileage_km"], body["soc"], body["note"]) == (18620, 58, None)
    assert re.fullmatch(r"[0-9a-f]{32}", body["client_id"])


async def test_the_usual_next_step_is_one_key_and_a_yes(board: Page, api: FakeServiceApi) -> None:
    await open_booking(board, "b6")
    await board.keyboard.press("n")
    await expect(board.locator("#step h2")).to_have_text("改为「质检中」")
    assert api.calls == []
    await board.get_by_role("button", name="确定，告诉车主").click()
    await expect(board.locator("booking-panel .step")).to_have_text("质检中")
    assert [(what, body["step"]) for what, body in api.calls] == [
        ("bookings/b6/progress", "checking")
    ]


async def test_a_quote_adds_up_while_it_is_written(board: Page, api: FakeServiceApi) -> None:
    await open_booking(board, "b6")
    await board.keyboard.press("q")
    dialog = board.locator("#quote")
    await dialog.get_by_label("项目").fill("刹车片")
    await dialog.get_by_label("材料费").fill("560")
    await dialog.get_by_label("工时费").fill("180.5")
    await dialog.get_by_role("button", name="再加一项").click()
    rows = dialog.locator("ol > li")
    await rows.nth(1).get_by_label("项目").fill("轮胎换位")
    await rows.nth(1).get_by_label("工时费").fill("100")
    await expect(rows.nth(1).locator("output")).to_have_text("小计 ¥100.00")
    send = dialog.get_by_role("button", name="发给车主确认（¥840.50）")
    assert await serious(board) == []
    await send.click()
    await expect(dialog).to_be_hidden()
    body = api.calls[0][1]
    assert body["lines"] == [
        {"name": "刹车片", "reason": None, "parts_price": "560", "labour_price": "180.5"},
        {"name": "轮胎换位", "reason": None, "parts_price": "0", "labour_price": "100"},
    ]


async def test_what_was_typed_outlives_a_refusal_and_is_sent_under_the_same_id(
    board: Page, api: FakeServiceApi
) -> None:
    await open_booking(board, "b6")
    await board.keyboard.press("w")
    await board.fill("#waiting-parts [name=note]", "前风挡玻璃")
    await board.fill("#waiting-parts [name=part_expected_at]", "2026-11-25T14:00")
    api.refuse = [(503, {"code": "unavailable", "message": "服务暂时不可用。"})]
    yes = board.get_by_role("button", name="记为待料，告诉车主")
    await yes.click()
    await expect(board.locator("#waiting-parts .problem")).to_contain_text("服务暂时不可用")
    await expect(board.locator("#waiting-parts [name=note]")).to_have_value("前风挡玻璃")
    await yes.click()
    await expect(board.locator("#waiting-parts")).to_be_hidden()
    first, second = (body for _, body in api.calls)
    assert first == second
    assert second["part_expected_at"] == "2026-11-25T14:00:00+08:00"


async def test_what_was_typed_outlives_a_push_a_reload_and_a_sign_out(
    board: Page, api: FakeServiceApi
) -> None:
    await open_booking(board, "b6")
    await board.keyboard.press("q")
    await board.locator("#quote").get_by_label("项目").fill("写到一半")
    reads = api.reads
    await api.push({"type": "booking", "booking_id": "b6"})
    await expect(board.locator("#quote").get_by_label("项目")).to_have_value("写到一半")
    while api.reads == reads:
        await board.wait_for_timeout(20)
    await board.reload()
    await expect(board.locator("booking-panel h2")).to_be_visible()
    await board.keyboard.press("q")
    await expect(board.locator("#quote").get_by_label("项目")).to_have_value("写到一半")
    api.user = None
    await api.push({"type": "booking"})
    await expect(board.locator("desk-login form")).to_be_visible()
    await board.fill("[name=username]", "xiaoli")
    await board.fill("[name=password]", "demo")
    await board.press("[name=password]", "Enter")
    await expect(board.locator("booking-panel h2")).to_be_visible()
    await board.get_by_role("button", name="增项报价").click()
    await expect(board.locator("#quote").get_by_label("项目")).to_have_value("写到一半")
    await board.locator("#quote").get_by_role("button", name="不做了").click()
    await board.keyboard.press("q")
    await expect(board.locator("#quote").get_by_label("项目")).to_have_value("")
    assert api.calls == []


async def test_whoever_wants_to_cancel_says_why_and_may_think_again(
    board: Page, api: FakeServiceApi
) -> None:
    await open_booking(board, "b4")
    await board.keyboard.press("d")
    yes = board.locator("#cancel [data-part=yes]")
    await yes.click()
    await expect(board.locator("#cancel")).to_be_visible()
    await board.keyboard.press("Escape")
    await expect(board.locator("#cancel")).to_be_hidden()
    assert api.calls == []
    await board.keyboard.press("d")
    await board.fill("#cancel [name=reason]", "举升机故障")
    await yes.click()
    await expect(board.locator("booking-panel .step")).to_have_text("已取消")
    await expect(board.locator("day-line [data-id=b4]")).to_have_count(0)
    assert api.calls[0][1]["reason"] == "举升机故障"


async def test_moving_says_who_is_free_and_what_else_there_is(
    board: Page, api: FakeServiceApi
) -> None:
    await open_booking(board, "b4")
    await board.keyboard.press("m")
    form = board.locator("#move")
    await expect(form.locator("[name=start]")).to_have_value("2026-11-23T11:00")
    await form.locator("[name=start]").fill("2026-11-23T13:00")
    options = await form.locator("option").all_inner_texts()
    assert "李卫东 · 这段时间有预约" in options and "赵磊 · 这段时间不在班" in options
    await form.locator("[name=technician_id]").select_option("t-2")
    await form.locator("[name=reason]").fill("技师请假")
    free = {"start": "2026-11-23T15:30:00+08:00", "end": "2026-11-23T17:30:00+08:00"}
    refused = {"code": "full", "message": "那时排不下。", "details": {"alternatives": [free]}}
    api.refuse = [(409, refused)]
    await form.locator("[data-part=yes]").click()
    await form.get_by_role("button", name="11月23日 周一 15:30").click()
    await expect(form.locator("[name=start]")).to_have_value("2026-11-23T15:30")
    await form.locator("[data-part=yes]").click()
    await expect(form).to_be_hidden()
    first, second = (body for _, body in api.calls)
    assert (first["technician_id"], second["start"]) == ("t-2", "2026-11-23T15:30:00+08:00")
    assert first["client_id"] != second["client_id"]


async def test_a_phone_is_masked_until_it_is_asked_for(board: Page, api: FakeServiceApi) -> None:
    await open_booking(board, "b1")
    await expect(board.locator("booking-panel")).to_contain_text("139****8801")
    await board.get_by_role("button", name="显示完整电话").click()
    await expect(board.locator("booking-panel")).to_contain_text("13900018801")
    assert api.calls == [("bookings/b1/reveal", {"field": "phone"})]
    await open_booking(board, "b2")
    await expect(board.locator("booking-panel")).to_contain_text("139****8801")


async def test_a_quote_shows_who_decided_what_and_is_withdrawn(
    board: Page, api: FakeServiceApi
) -> None:
    await open_booking(board, "b2")
    quote = board.locator(".quote")
    await expect(quote).to_contain_text("同意 · 林晓雯")
    await expect(quote).to_contain_text("等车主决定")
    await quote.get_by_role("button", name="撤回报价").click()
    assert api.calls == []
    await board.locator("#withdraw [data-part=yes]").click()
    await expect(board.locator("#withdraw")).to_be_hidden()
    assert [what for what, _ in api.calls] == ["quotes/q1/withdraw"]


async def test_closing_a_bay_names_whom_it_hits(board: Page, api: FakeServiceApi) -> None:
    await board.keyboard.press("p")
    dialog = board.locator("#close-place")
    await expect(dialog.locator("[name=start]")).to_have_value("2026-11-23T10:15")
    await dialog.locator("[name=resource_id]").select_option("bay-1")
    await expect(dialog.locator(".affected")).to_contain_text("赵启明")
    await dialog.locator("[name=start]").fill("2026-11-23T14:00")
    await dialog.locator("[name=end]").fill("2026-11-23T15:00")
    await expect(dialog.locator(".affected")).to_have_text("这段时间没有预约受影响。")
    await dialog.locator("[name=reason]").select_option("broken")
    await dialog.locator("[data-part=yes]").click()
    await expect(lane(board, "工位1").locator(".stop")).to_contain_text("故障")
    assert api.calls[0][1]["resource_id"] == "bay-1"
    await board.locator(".stops li").filter(has_text="举升机年检").get_by_role("button").click()
    await board.locator("#lift [data-part=yes]").click()
    await expect(board.locator("#lift")).to_be_hidden()
    assert api.calls[1][0] == "closures/c1/lift"


async def test_a_journeys_next_step_is_asked_for_with_what_it_needs(
    board: Page, api: FakeServiceApi
) -> None:
    await open_booking(board, "b5")
    panel = board.locator("booking-panel")
    await expect(panel).to_contain_text("取车码未核对")
    await panel.get_by_role("button", name="到达").click()
    await board.locator("#arrive [data-part=yes]").click()
    await expect(board.locator("#arrive")).to_be_hidden()
    assert [what for what, _ in api.calls] == ["journeys/j1/arrive"]


async def test_who_only_looks_has_no_buttons(board: Page, api: FakeServiceApi, site: str) -> None:
    api.user = "guan"
    await board.goto(f"{site}{BEGIN}")
    await open_booking(board, "b1")
    await expect(board.locator("booking-panel .does")).to_have_count(0)
    await expect(board.get_by_role("button", name="显示完整电话")).to_be_hidden()
    await expect(board.get_by_role("button", name="登记停用")).to_be_hidden()
    await board.keyboard.press("d")
    await expect(board.locator("#cancel")).to_be_hidden()


async def test_a_push_brings_what_colleagues_did(board: Page, api: FakeServiceApi) -> None:
    api.days["store-1"]["bookings"][2].update(status="in_progress", step="checked_in")
    await api.push({"type": "booking", "booking_id": "b3"})
    await expect(lane(board, "工位1").locator("[data-id=b3]")).to_have_attribute(
        "data-tone", "inside"
    )


async def test_old_data_says_that_it_is_old(board: Page, api: FakeServiceApi) -> None:
    api.down = True
    await api.push({"type": "booking"})
    await expect(board.locator("[data-part=stale]")).to_be_visible()
    await expect(board.locator("day-line .block").first).to_be_visible()
    api.down = False
    await api.push({"type": "booking"})
    await expect(board.locator("[data-part=stale]")).to_be_hidden()


async def test_what_people_wrote_is_text_and_never_markup(board: Page, api: FakeServiceApi) -> None:
    evil = '<img src=x onerror="document.title=1">'
    row: dict[str, Any] = api.days["store-1"]["bookings"][0]
    row.update(customer=evil, names=[evil])
    await api.push({"type": "booking"})
    await expect(board.locator(".block[data-id=b1]").first).to_contain_text("<img")
    await open_booking(board, "b1")
    await expect(board.locator("booking-panel h2")).to_contain_text(evil)
    assert await board.locator("img").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1280])
async def test_page_has_no_serious_accessibility_findings(
    page: Page, site: str, scheme: str, width: int
) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for place, key in (("store-1", "b2"), ("station-1", "b21")):
        await page.goto(f"{site}/desk/service?place={place}&day=2026-11-23")
        # A phone begins with the list.
        shown = "day-list .row" if width < 700 else "day-line .block"
        await expect(page.locator(shown).first).to_be_visible()
        assert await serious(page) == []
        await page.get_by_role("button", name="列表" if width >= 700 else "时间线").click()
        assert await serious(page) == []
        await page.evaluate("localStorage.clear()")
        await page.goto(f"{site}/desk/service?place={place}&day=2026-11-23&booking={key}")
        await expect(page.locator("booking-panel h2")).to_be_visible()
        assert await serious(page) == []
        assert await page.evaluate("document.documentElement.scrollWidth") == width
