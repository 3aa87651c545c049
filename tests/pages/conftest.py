"""A browser, and the pages on an application of their own with a made-up API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright

from pitstop.app.security import HEADERS
from pitstop.base.settings import read_settings
from pitstop.desk import pages as desk_pages
from pitstop.gateway import pages as owner_pages
from tests.pages.fake_desk import FakeDeskApi
from tests.pages.fake_owner import FakeOwnerApi

CHROMIUM = Path("/usr/bin/chromium")
# Where the machine has no Chromium of its own, Playwright's is used.
OPTIONS = {"executable_path": str(CHROMIUM)} if CHROMIUM.exists() else {}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture
def owner_api() -> FakeOwnerApi:
    return FakeOwnerApi()


@pytest.fixture
def desk_api() -> FakeDeskApi:
    return FakeDeskApi()


@pytest_asyncio.fixture(loop_scope="module")
async def address(owner_api: FakeOwnerApi, desk_api: FakeDeskApi) -> AsyncIterator[str]:
    """The pages' address, under the product's own security headers."""

    async def secure(_request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)

    app = web.Application()
    app.on_response_prepare.append(secure)
    config = read_settings({"DEMO": "1"})
    owner_pages.setup(app, config)
    desk_pages.setup(app, config)
    owner_api.setup(app)
    desk_api.setup(app)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/")).rstrip("/")
    await owner_api.hang_up()
    await desk_api.hang_up()
    await server.close()


# One Chromium for a file of tests; each test has a context (cookies, storage) of its own.
@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(args=ARGUMENTS, **OPTIONS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A phone's page; an error in a script or a refusal by the policy fails the test."""
    context = await browser.new_context(viewport={"width": 360, "height": 740})
    one = await context.new_page()
    one.set_default_timeout(10_000)
    problems: list[str] = []
    one.on("pageerror", lambda error: problems.append(str(error)))
    one.on(
        "console",
        lambda said: problems.append(said.text) if "Security Policy" in said.text else None,
    )
    yield one
    await context.close()
    assert problems == []
