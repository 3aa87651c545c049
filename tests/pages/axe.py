"""Accessibility, measured by axe."""

from __future__ import annotations

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page


async def serious(page: Page) -> list[str]:
    """Return axe's serious and critical findings on a page."""
    results = await Axe().run(page)
    return [
        f"{found['id']}: {found['nodes'][0]['html']}"
        for found in results.response["violations"]
        if found["impact"] in {"serious", "critical"}
    ]
