"""The page where supervisors change what can be booked, in a real browser."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from pitstop.conversation.labels import read_labels
from pitstop.desk import pages
from tests.pages.axe import serious
from tests.pages.fake_setup import ROWS, FakeSetupApi
from tests.pages.setup_help import cell, change, desk, save, setup_address, setup_api, turn, yes

# Fixtures that stand elsewhere are found by their names.
__all__ = ["desk", "setup_address", "setup_api"]

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


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


async def test_another_table_is_not_shown_with_the_rows_of_the_last(
    desk: Page, setup_api: FakeSetupApi
) -> None:
    setup_api.slow = 0.4
    await desk.locator("#table-places").click()
    await expect(desk.locator("setup-grid tbody tr")).to_have_count(0)
    await expect(desk.locator("[data-part=none]")).to_be_hidden()
    await expect(desk.locator("setup-grid tbody tr")).to_have_count(3)


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
