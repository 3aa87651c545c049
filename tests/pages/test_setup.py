"""The page where supervisors change what can be booked, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Locator, Page, expect

from pitstop.app.security import HEADERS
from pitstop.base.settings import read_settings
from pitstop.conversation.labels import read_labels
from pitstop.desk import pages, setup_page
from tests.pages.axe import serious
from tests.pages.fake_setup import ROWS, FakeSetupApi

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.fixture
def setup_api() -> FakeSetupApi:
    return FakeSetupApi()


@pytest_asyncio.fixture(loop_scope="module")
async def setup_address(setup_api: FakeSetupApi) -> AsyncIterator[str]:
    """The page's address, under the product's own security headers."""

    async def secure(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)

    app = web.Application()
    app.on_response_prepare.append(secure)
    config = read_settings({"DEMO": "1"})
    pages.setup(app, config)
    if not any(route.resource.canonical == "/desk/setup" for route in app.router.routes()):
        setup_page.setup(app, config)
    setup_api.setup(app)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/")).rstrip("/")
    await server.close()


@pytest_asyncio.fixture(loop_scope="module")
async def desk(page: Page, setup_address: str, setup_api: FakeSetupApi) -> Page:
    """A wide page of somebody who is signed in, at the catalogue."""
    setup_api.role = "supervisor"
    await page.set_viewport_size({"width": 1280, "height": 800})
    await page.goto(f"{setup_address}/desk/setup")
    await expect(page.locator("setup-grid tbody tr")).to_have_count(4)
    return page


def cell(page: Page, key: str, name: str) -> Locator:
    return page.locator(f'tr[data-key="{key}"] [data-name="{name}"]')


async def turn(page: Page, table: str) -> None:
    await page.locator(f"[data-table={table}][role=tab]").click()
    await expect(page.locator(f"table[data-table={table}]")).to_be_visible()


async def change(page: Page, key: str, name: str, text: str) -> None:
    await cell(page, key, name).click()
    await page.keyboard.type(text)
    await page.keyboard.press("Enter")


async def save(page: Page) -> None:
    await page.locator("[data-part=save]").click()
    await expect(page.locator("#save")).to_be_visible()


async def yes(page: Page, dialog: str) -> None:
    await page.locator(f"#{dialog} button[value=yes]").click()


# ---- words --------------------------------------------------------------------------------------


async def test_scripts_ask_for_words_that_exist() -> None:
    words = read_labels(pages.TEMPLATES / "setup_labels.yml")["setup"]
    for path in pages.STATIC.glob("setup*.js"):
        for asked in re.findall(r'\b(?:say|listed)\("([\w.]+)"', path.read_text("utf-8")):
            assert asked in words, f"{path.name}: {asked}"
    assert set(words["blank"]) <= set(ROWS)
    assert {"add", "change", "remove", "unchanged", "bad", "conflict"} == set(words["states"])


# ---- by keyboard --------------------------------------------------------------------------------


async def test_a_cell_is_changed_by_keyboard_and_saved(desk: Page, setup_api: FakeSetupApi) -> None:
    await cell(desk, "minor_service", "name").focus()
    await desk.keyboard.press("ArrowRight")
    await desk.keyboard.press("ArrowRight")
    await desk.keyboard.press("ArrowRight")
    await expect(cell(desk, "minor_service", "minutes")).to_be_focused()
    await desk.keyboard.type("75")
    await desk.keyboard.press("Tab")
    await expect(cell(desk, "minor_service", "parts_price")).to_be_focused()
    await desk.keyboard.type("239")
    await desk.keyboard.press("Enter")
    await expect(cell(desk, "battery_12v", "parts_price")).to_be_focused()
    await expect(cell(desk, "minor_service", "minutes")).to_have_attribute("data-changed", "")
    await expect(cell(desk, "minor_service", "parts_price")).to_contain_text("239.00")
    await expect(desk.locator("[data-part=dirty]")).to_have_text("改了 1 行，共 2 处")
    await desk.keyboard.press("Control+s")
    dialog = desk.locator("#save")
    await expect(dialog.locator(".planned")).to_contain_text("工时（分钟）：60 → 75")
    await expect(dialog.locator(".planned")).to_contain_text("配件费（元）：199.00 → 239.00")
    await dialog.locator("button[value=yes]").focus()
    await desk.keyboard.press("Enter")
    await expect(desk.locator("[data-part=done]")).to_contain_text("修改 1 行")
    (sent,) = setup_api.saves
    (row,) = sent["rows"]
    assert row["values"] == {"minutes": 75, "parts_price": "239.00"}
    assert row["digest"] and sent["client_id"] and sent["all_or_nothing"] is True
    await expect(desk.locator("[data-part=saving]")).to_be_hidden()
    await expect(cell(desk, "minor_service", "minutes")).not_to_have_attribute("data-changed", "")


async def test_taking_back(desk: Page) -> None:
    at = cell(desk, "bodywork", "minutes")
    await at.click()
    await desk.keyboard.type("99")
    await desk.keyboard.press("Escape")
    await expect(at).to_have_text("240")
    await expect(at).to_be_focused()
    await change(desk, "bodywork", "minutes", "99")
    await desk.keyboard.press("ArrowUp")
    await expect(at).to_be_focused()
    await expect(desk.locator("[data-part=hint]")).to_contain_text("240 → 99")
    await desk.keyboard.press("Control+z")
    await expect(at).to_have_text("240")
    await expect(desk.locator("[data-part=saving]")).to_be_hidden()
    await change(desk, "bodywork", "minutes", "99")
    await desk.locator("tr[data-key=bodywork] [data-act=undo]").click()
    await expect(at).to_have_text("240")


async def test_a_flag_is_switched_and_a_choice_is_made(desk: Page) -> None:
    await cell(desk, "bodywork", "estimate").focus()
    await desk.keyboard.press("Space")
    await expect(cell(desk, "bodywork", "estimate")).to_have_text("否")
    await cell(desk, "bodywork", "skill").focus()
    await desk.keyboard.press("Enter")
    field = desk.locator("select.cell-field")
    await expect(field).to_be_focused()
    await field.select_option("tyre")
    await expect(cell(desk, "bodywork", "skill")).to_have_text("轮胎")
    await expect(cell(desk, "bodywork", "skill")).to_be_focused()
    # What was set with its row stays.
    await cell(desk, "bodywork", "code").click()
    await desk.keyboard.type("x")
    await expect(desk.locator(".cell-field")).to_have_count(0)
    await expect(desk.locator("[data-part=hint]")).to_contain_text("定了就不能改")


async def test_the_buttons_of_a_row_by_keyboard(desk: Page) -> None:
    await cell(desk, "car_wash", "name").focus()
    await desk.keyboard.press("End")
    await expect(cell(desk, "car_wash", "_state")).to_be_focused()
    await desk.keyboard.press("Enter")
    await desk.keyboard.press("Enter")
    await expect(desk.locator("tr[data-key=car_wash]")).to_have_attribute("data-state", "remove")
    await desk.keyboard.press("Home")
    await expect(cell(desk, "car_wash", "name")).to_be_focused()
    await desk.keyboard.type("x")
    await expect(desk.locator(".cell-field")).to_have_count(0)


# ---- problems -----------------------------------------------------------------------------------


async def test_a_problem_stands_at_its_cell(desk: Page, setup_api: FakeSetupApi) -> None:
    await change(desk, "bodywork", "minutes", "很久")
    await change(desk, "car_wash", "labour_price", "58")
    at = cell(desk, "bodywork", "minutes")
    await expect(at).to_have_attribute("aria-invalid", "true")
    await expect(at).to_contain_text("应是整数。")
    await expect(desk.locator("tr[data-key=bodywork] .badge")).to_contain_text("有问题")
    await save(desk)
    dialog = desk.locator("#save")
    await expect(dialog.locator(".planned").first).to_contain_text("工时（分钟）：应是整数。")
    await expect(dialog.locator("[data-part=yes]")).to_be_disabled()
    await dialog.get_by_label("有问题的 1 行先不保存").check()
    await yes(desk, "save")
    await expect(desk.locator("[data-part=notice]")).to_contain_text("有 1 行没有保存")
    assert setup_api.rows["services"]["car_wash"]["labour_price"] == "58.00"
    assert setup_api.rows["services"]["bodywork"]["minutes"] == 240
    # What was refused is still there to be put right.
    await expect(at).to_contain_text("很久")
    await change(desk, "bodywork", "minutes", "250")
    await expect(at).not_to_have_attribute("aria-invalid", "true")


async def test_bookings_that_break_must_be_agreed_to(desk: Page, setup_api: FakeSetupApi) -> None:
    setup_api.relying = {"p-1"}
    await turn(desk, "resources")
    await cell(desk, "p-1", "active").click()
    await expect(cell(desk, "p-1", "_state")).to_contain_text("会影响 1 个预约")
    await save(desk)
    dialog = desk.locator("#save")
    await expect(dialog.locator(".relying")).to_contain_text(
        "BK261124K7Q2 11月24日 周二 10:00 保养维修"
    )
    await expect(dialog.locator("[data-part=yes]")).to_be_disabled()
    await dialog.get_by_label("我看过了").check()
    await yes(desk, "save")
    await expect(desk.locator("[data-part=done]")).to_contain_text("有 1 个做不了，已给车主发消息")
    assert setup_api.saves[0]["force"] == ["b1"]
    assert setup_api.rows["resources"]["p-1"]["active"] is False


@pytest.mark.parametrize(("act", "minutes"), [("mine", "120"), ("theirs", "90")])
async def test_a_row_that_somebody_else_changed(
    desk: Page, setup_api: FakeSetupApi, act: str, minutes: str
) -> None:
    await change(desk, "bodywork", "minutes", "120")
    setup_api.stale = {"bodywork"}
    await save(desk)
    await yes(desk, "save")
    await expect(cell(desk, "bodywork", "_state")).to_contain_text("这一行刚被别人改过。")
    assert setup_api.rows["services"]["bodywork"]["minutes"] == 90
    await desk.locator(f"tr[data-key=bodywork] [data-act={act}]").click()
    await expect(cell(desk, "bodywork", "minutes")).to_have_text(minutes)
    if act == "mine":
        await save(desk)
        await expect(desk.locator("#save .planned")).to_contain_text("90 → 120")
        await yes(desk, "save")
        await expect(desk.locator("[data-part=saving]")).to_be_hidden()
        assert setup_api.rows["services"]["bodywork"]["minutes"] == 120


async def test_a_lost_answer_is_asked_for_again_under_the_same_id(
    desk: Page, setup_api: FakeSetupApi
) -> None:
    setup_api.fail = 1
    await change(desk, "bodywork", "minutes", "120")
    await save(desk)
    await yes(desk, "save")
    await expect(desk.locator("[data-part=notice]")).to_contain_text("服务暂时不可用")
    await expect(cell(desk, "bodywork", "minutes")).to_have_attribute("data-changed", "")
    await save(desk)
    await yes(desk, "save")
    await expect(desk.locator("[data-part=saving]")).to_be_hidden()
    assert len({sent["client_id"] for sent in setup_api.saves}) == 1
    assert len(setup_api.saves) == 2


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


# ---- rows come and go ---------------------------------------------------------------------------


async def test_a_new_row_at_the_place_that_is_looked_at(
    desk: Page, setup_api: FakeSetupApi
) -> None:
    await turn(desk, "place_days")
    await desk.locator("[data-part=place]").select_option("store-2")
    await expect(desk.locator("setup-grid tbody tr")).to_have_count(1)
    await desk.locator("[data-part=add]").click()
    row = desk.locator("setup-grid tbody tr").first
    await expect(row.locator("[data-name=place_id]")).to_be_focused()
    await expect(row.locator("[data-name=place_id]")).to_have_text("北京亦庄服务中心")
    await expect(row.locator("[data-name=day]")).to_contain_text("这一项必须填。")
    await row.locator("[data-name=day]").click()
    await desk.locator("input.cell-field").fill("2026-12-05")
    await desk.keyboard.press("Enter")
    await row.locator("[data-name=reason]").click()
    await desk.keyboard.type("盘点")
    await desk.keyboard.press("Enter")
    await save(desk)
    await expect(desk.locator("#save .planned")).to_contain_text("北京亦庄服务中心 · 2026-12-05")
    await yes(desk, "save")
    await expect(desk.locator("[data-part=done]")).to_contain_text("新增 1 行")
    assert setup_api.saves[0]["rows"][0]["values"] == {
        "place_id": "store-2",
        "day": "2026-12-05",
        "reason": "盘点",
    }


async def test_changes_outlive_filters_and_tabs(desk: Page, setup_api: FakeSetupApi) -> None:
    await change(desk, "bodywork", "minutes", "120")
    await desk.locator("[data-part=search]").fill("洗车")
    # What was changed stays in sight, whatever is looked for.
    await expect(desk.locator("setup-grid tbody tr")).to_have_count(2)
    await turn(desk, "places")
    await expect(desk.locator("#table-services .dot")).to_be_visible()
    await expect(desk.locator("[data-part=save]")).to_be_disabled()
    await turn(desk, "services")
    await expect(cell(desk, "bodywork", "minutes")).to_have_text("120")
    await desk.locator("[data-part=discard]").click()
    await yes(desk, "discard")
    await expect(cell(desk, "bodywork", "minutes")).to_have_text("240")
    assert setup_api.saves == []


async def test_filter_by_city_and_place(desk: Page) -> None:
    await turn(desk, "resources")
    await desk.locator("[data-part=city]").select_option("北京")
    await expect(desk.locator("[data-part=none]")).to_have_text("没有符合的数据。")
    assert await desk.locator("[data-part=place] option").all_inner_texts() == [
        "全部门店",
        "北京亦庄服务中心",
    ]
    await desk.locator("[data-part=city]").select_option("")
    await desk.locator("[data-part=place]").select_option("station-1")
    await expect(desk.locator("setup-grid tbody tr")).to_have_count(1)
    assert "place=station-1" in desk.url
    await desk.reload()
    await expect(desk.locator("setup-grid tbody tr")).to_have_count(1)
    await expect(desk.locator("[aria-selected=true]")).to_have_text("工位与人员")


# ---- files --------------------------------------------------------------------------------------


def file(rows: list[dict[str, Any]], name: str = "改动.csv") -> Any:
    return {"name": name, "mimeType": "text/csv", "buffer": json.dumps(rows).encode()}


async def test_a_file_is_shown_before_it_is_written(desk: Page, setup_api: FakeSetupApi) -> None:
    setup_api.relying = {"bodywork"}
    await desk.locator("[data-part=import]").click()
    dialog = desk.locator("#import")
    await expect(dialog.locator("[data-part=yes]")).to_be_disabled()
    await dialog.locator("input[type=file]").set_input_files(
        file(
            [
                {"key": "minor_service", "values": {"minutes": 75}},
                {"key": "bodywork", "values": {"minutes": 300}},
                {"key": "car_wash", "values": {"minutes": "很久"}},
            ]
        )
    )
    await expect(dialog.locator("[data-part=sums]")).to_have_text(
        "新增 0 行，修改 2 行，没有变化 0 行，不合格 1 行"
    )
    await expect(dialog.locator(".warnings")).to_have_text("不认识的列“颜色”，没有导入。")
    rows = dialog.locator(".planned")
    await expect(rows.nth(0)).to_contain_text("第 5 行 洗车")
    await expect(rows.nth(0)).to_contain_text("工时（分钟）：应是整数。")
    await expect(rows.nth(1)).to_contain_text("会影响 1 个预约")
    await expect(rows.nth(2)).to_contain_text("60 → 75")
    await dialog.get_by_label("有问题的 1 行先不保存").check()
    await expect(dialog.locator("[data-part=yes]")).to_be_disabled()
    await dialog.get_by_label("我看过了").check()
    await yes(desk, "import")
    await expect(desk.locator("[data-part=done]")).to_contain_text("有 1 个做不了，已给车主发消息")
    written = setup_api.files[-1]
    assert written["seen"] == "seal" and written["client_id"]
    assert (written["force"], written["all_or_nothing"]) == (["b1"], False)
    assert setup_api.rows["services"]["minor_service"]["minutes"] == 75
    assert setup_api.rows["services"]["car_wash"]["minutes"] == 60
    await expect(cell(desk, "minor_service", "minutes")).to_have_text("75")


async def test_a_file_that_cannot_be_used(desk: Page, setup_api: FakeSetupApi) -> None:
    await desk.locator("[data-part=import]").click()
    dialog = desk.locator("#import")
    await dialog.locator("input[type=file]").set_input_files(file([], "x.pdf"))
    await expect(dialog.locator("[data-part=problem]")).to_have_text("只能导入 XLSX 或 CSV 文件。")
    await expect(dialog.locator("[data-part=yes]")).to_be_disabled()
    await dialog.locator("button[value=no]").click()
    await expect(dialog).to_be_hidden()
    assert setup_api.files == []


async def test_the_files_that_go_out(desk: Page) -> None:
    await turn(desk, "resources")
    await desk.locator("[data-part=place]").select_option("store-1")
    await expect(desk.locator("setup-grid tbody tr")).to_have_count(3)
    await desk.locator("[data-part=export] summary").click()
    links = desk.locator("[data-part=export] a")
    assert await links.evaluate_all("all => all.map(one => new URL(one.href).search)") == [
        "?format=xlsx&place=store-1",
        "?format=csv&place=store-1",
        "?format=xlsx&template=1",
    ]
    await desk.keyboard.press("Escape")
    await expect(links.first).to_be_hidden()


# ---- signing in, narrow pages, everybody --------------------------------------------------------


async def test_signing_in(page: Page, setup_address: str, setup_api: FakeSetupApi) -> None:
    await page.goto(f"{setup_address}/desk/setup?table=parts")
    await page.fill("desk-login [name=username]", "zhuguan")
    await page.fill("desk-login [name=password]", "demo")
    await page.click("desk-login [type=submit]")
    await expect(page.locator("table[data-table=parts] tbody tr")).to_have_count(3)
    await expect(page).to_have_title("配件 · 驿行设置")


async def test_rows_are_cards_on_a_phone(
    page: Page, setup_address: str, setup_api: FakeSetupApi
) -> None:
    setup_api.role = "supervisor"
    await page.goto(f"{setup_address}/desk/setup?table=places")
    await expect(page.locator("setup-grid tbody tr")).to_have_count(3)
    for table in ROWS:
        await turn(page, table)
        sizes = await page.locator("[data-part=scroll]").evaluate(
            "one => [one.scrollWidth, one.clientWidth, document.documentElement.scrollWidth]"
        )
        assert sizes[0] <= sizes[1] and sizes[2] <= 360, (table, sizes)
    await turn(page, "places")
    await expect(cell(page, "store-2", "motorway")).to_be_hidden()
    await page.locator("tr[data-key=store-2] [data-act=unfold]").click()
    await cell(page, "store-2", "motorway").click()
    await page.keyboard.type("京沪高速")
    await page.keyboard.press("Enter")
    await expect(cell(page, "store-2", "motorway")).to_contain_text("京沪高速")
    await cell(page, "store-2", "hours").click()
    box = await page.locator("#value").bounding_box()
    assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 360
    wide = "one => [one.scrollWidth, one.clientWidth]"
    sizes = await page.locator("#value").evaluate(wide)
    assert sizes[0] <= sizes[1]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_serious_for_anybody(
    browser: Browser, setup_address: str, setup_api: FakeSetupApi, scheme: Any, width: int
) -> None:
    setup_api.role, setup_api.relying = "supervisor", {"car_wash"}
    context = await browser.new_context(
        viewport={"width": width, "height": 780}, color_scheme=scheme
    )
    page = await context.new_page()
    await page.goto(f"{setup_address}/desk/setup?table=services")
    await expect(page.locator("setup-grid tbody tr")).to_have_count(4)
    await change(page, "bodywork", "minutes", "很久")
    await change(page, "car_wash", "minutes", "45")
    await expect(cell(page, "bodywork", "minutes")).to_contain_text("应是整数。")
    await cell(page, "minor_service", "name").click()
    assert await serious(page) == []
    await page.keyboard.press("Escape")
    await save(page)
    assert await serious(page) == []
    await page.locator("#save [value=no]").click()
    for name in ("aliases", "kit", "prices", "warranty", "modes"):
        await page.locator("tr[data-key=minor_service]").evaluate("row => row.dataset.open = true")
        await cell(page, "minor_service", name).click()
        assert await serious(page) == [], name
        await page.locator("#value [value=no]").click()
    for table in ROWS:
        await turn(page, table)
        assert await serious(page) == [], table
    await turn(page, "places")
    await cell(page, "store-1", "hours").click()
    assert await serious(page) == []
    await page.locator("#value [value=no]").click()
    await page.locator("[data-part=import]").click()
    assert await serious(page) == []
    await context.close()
