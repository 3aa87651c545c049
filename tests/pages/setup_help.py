"""The page of supervisors, opened for a test, and short ways to say what one does on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Locator, Page, expect

from pitstop.app.security import HEADERS
from pitstop.base.settings import read_settings
from pitstop.desk import pages, setup_page
from tests.pages.fake_setup import FakeSetupApi


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
