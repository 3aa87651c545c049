"""Values that do not fit into a cell: weeks, lists, pairs, a station, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.pages.fake_setup import FakeSetupApi
from tests.pages.setup_help import cell, change, desk, save, setup_address, setup_api, turn, yes

# Fixtures that stand elsewhere are found by their names.
__all__ = ["desk", "setup_address", "setup_api"]

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


# ---- what does not fit into a cell --------------------------------------------------------------


async def test_a_week_with_two_windows_a_day(desk: Page, setup_api: FakeSetupApi) -> None:
    await turn(desk, "places")
    await cell(desk, "store-2", "hours").focus()
    await desk.keyboard.press("Enter")
    dialog = desk.locator("#value")
    await expect(dialog.get_by_role("heading")).to_have_text("北京亦庄服务中心 · 营业时间")
    first = dialog.get_by_label("周一第1段结束")
    await first.fill("1200")
    await first.blur()
    await expect(first).to_have_value("12:00")
    await dialog.get_by_role("button", name="周一 加一段").click()
    await expect(dialog.get_by_label("周一第2段开始")).to_be_focused()
    await desk.keyboard.type("1330")
    await dialog.get_by_label("周一第2段结束").fill("24")
    await dialog.get_by_role("button", name="周一 套用到工作日").click()
    await dialog.get_by_role("button", name="去掉周日第1段").click()
    await expect(dialog.locator(".week-day").nth(0).locator(".block")).to_have_count(2)
    await expect(dialog.locator(".week-day").nth(6).locator(".block")).to_have_count(0)
    await yes(desk, "value")
    await expect(cell(desk, "store-2", "hours")).to_have_text(
        "周一至周五 08:30–12:00、13:30–24:00\n周六 08:30–19:00"
    )
    await expect(cell(desk, "store-2", "hours")).to_be_focused()
    await save(desk)
    await yes(desk, "save")
    await expect(desk.locator("[data-part=saving]")).to_be_hidden()
    assert setup_api.rows["places"]["store-2"]["hours"] == [
        {"days": [1, 2, 3, 4, 5], "opens": "08:30", "closes": "12:00"},
        {"days": [1, 2, 3, 4, 5], "opens": "13:30", "closes": "24:00"},
        {"days": [6], "opens": "08:30", "closes": "19:00"},
    ]


async def test_hours_are_pulled_on_their_bars(desk: Page) -> None:
    await turn(desk, "places")
    await cell(desk, "store-2", "hours").click()
    dialog = desk.locator("#value")
    bar = dialog.locator(".week-bar").first
    box = await bar.bounding_box()
    assert box is not None

    async def pull(start: float, end: float) -> None:
        y = box["y"] + box["height"] / 2
        await desk.mouse.move(box["x"] + box["width"] * start / 24, y)
        await desk.mouse.down()
        await desk.mouse.move(box["x"] + box["width"] * end / 24, y, steps=4)
        await desk.mouse.up()

    await pull(19, 17)
    await expect(dialog.get_by_label("周一第1段结束")).to_have_value("17:00")
    await pull(20, 22)
    await expect(dialog.get_by_label("周一第2段开始")).to_have_value("20:00")
    await expect(dialog.get_by_label("周一第2段结束")).to_have_value("22:00")


async def test_a_time_that_is_none_is_not_taken(desk: Page) -> None:
    await turn(desk, "place_days")
    await cell(desk, "place_days-1", "windows").click()
    dialog = desk.locator("#value")
    await dialog.get_by_label("当天第1段开始").fill("25:00")
    await yes(desk, "value")
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("当天第1段开始").fill("9")
    await yes(desk, "value")
    await expect(dialog).to_be_hidden()
    await expect(cell(desk, "place_days-1", "windows")).to_have_text("09:00–12:00、13:00–22:00")


async def test_lists_pairs_and_choices(desk: Page, setup_api: FakeSetupApi) -> None:
    dialog = desk.locator("#value")
    await cell(desk, "minor_service", "aliases").click()
    await dialog.get_by_label("一行一个").fill("保养\n\n 首保 ")
    await yes(desk, "value")
    await cell(desk, "minor_service", "kit").click()
    await dialog.get_by_role("button", name="加一项").click()
    await dialog.get_by_label("配件").nth(1).select_option("tyre")
    await dialog.get_by_label("件数").nth(1).fill("4")
    await yes(desk, "value")
    await cell(desk, "minor_service", "prices").click()
    await dialog.get_by_role("button", name="去掉第 1 项").click()
    await yes(desk, "value")
    await cell(desk, "minor_service", "modes").click()
    await dialog.get_by_label("上门服务").check()
    await yes(desk, "value")
    await cell(desk, "minor_service", "warranty").click()
    await dialog.get_by_label("个月").fill("24")
    await dialog.get_by_label("公里").fill("50000")
    await desk.keyboard.press("Escape")  # not this one
    await save(desk)
    await yes(desk, "save")
    await expect(desk.locator("[data-part=saving]")).to_be_hidden()
    row = setup_api.rows["services"]["minor_service"]
    assert row["aliases"] == ["保养", "首保"]
    assert row["kit"] == {"cabin_filter": 1, "tyre": 4}
    assert row["prices"] == {}
    assert row["modes"] == ["in_store", "pickup", "on_site"]
    assert row["warranty"] == {}


async def test_skills_of_people_models_of_cars(desk: Page) -> None:
    await turn(desk, "resources")
    dialog = desk.locator("#value")
    await cell(desk, "p-1", "skills").click()
    await dialog.get_by_label("高压").check()
    await expect(dialog.locator("textarea")).to_have_count(0)
    await yes(desk, "value")
    await expect(cell(desk, "p-1", "skills")).to_have_text("常规保养、高压、轮胎")
    await cell(desk, "store-1-demo-01", "skills").click()
    await expect(dialog.locator("[type=checkbox]")).to_have_count(0)
    await dialog.locator("textarea").fill("YS8")
    await yes(desk, "value")
    await expect(cell(desk, "store-1-demo-01", "skills")).to_have_text("YS8")


async def test_a_station_field_by_field(desk: Page, setup_api: FakeSetupApi) -> None:
    await turn(desk, "places")
    await cell(desk, "station-1", "station").click()
    dialog = desk.locator("#value")
    await yes(desk, "value")
    await expect(cell(desk, "station-1", "station")).not_to_have_attribute("data-changed", "")
    await cell(desk, "station-1", "station").click()
    await dialog.get_by_label("同时能充几块").fill("18")
    await dialog.get_by_label("各容量的占比").fill("75=0.6 100=0.4")
    await yes(desk, "value")
    await expect(cell(desk, "station-1", "station")).to_contain_text("同时能充几块 18")
    # Where an answer may be missing, yes and no are followed by none.
    await cell(desk, "station-1", "inside").focus()
    for told in ("否", "", "是"):
        await desk.keyboard.press("Space")
        await expect(cell(desk, "station-1", "inside")).to_have_text(told)
    await save(desk)
    await yes(desk, "save")
    await expect(desk.locator("[data-part=saving]")).to_be_hidden()
    kept = setup_api.rows["places"]["station-1"]["station"]
    assert (kept["chargers"], kept["mix"]) == (18, {"75": 0.6, "100": 0.4})
    assert len(kept["arrivals"]["weekend"]) == 24


async def test_stock_and_rules(desk: Page, setup_api: FakeSetupApi) -> None:
    await turn(desk, "stock")
    await change(desk, "stock-0", "on_hand", "9")
    await cell(desk, "stock-0", "arrivals").click()
    dialog = desk.locator("#value")
    await dialog.get_by_role("button", name="加一项").click()
    await dialog.get_by_label("日期").nth(1).fill("2026-12-01")
    await yes(desk, "value")
    await expect(cell(desk, "stock-0", "arrivals")).to_have_text("2026-11-26 ×4、2026-12-01 ×1")
    await turn(desk, "tariffs")
    await expect(desk.locator("[data-part=add]")).to_be_hidden()
    await change(desk, "swap.minutes", "value", "20")
    await cell(desk, "maintenance.entitlements_at", "value").click()
    await dialog.get_by_label("授权服务站").check()
    await yes(desk, "value")
    await expect(cell(desk, "maintenance.entitlements_at", "value")).to_have_text(
        "服务中心、授权服务站"
    )
    await expect(desk.locator("[data-part=dirty]")).to_contain_text("“库存与到货”里还有 1 行没保存")
    await save(desk)
    await yes(desk, "save")
    await expect(desk.locator("[data-part=done]")).to_contain_text("修改 2 行")
    assert setup_api.saves[0]["rows"][0]["values"] == {"value": 20}
