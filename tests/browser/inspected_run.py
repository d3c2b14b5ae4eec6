"""A short run trained in the Lab and its Weights page, reached by its link, for several files."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

SECONDS = 1000
SHORT = "?dataset=simulated-small&seeds=1&epochs=6&patience=0"
MAP, SCATTER = ".st-key-w_map svg.marks", ".st-key-w_against svg.marks"
COUNT = "([place, kind]) => document.querySelectorAll(`${place} ${kind}`).length"
MORE = "([place, kind, n]) => document.querySelectorAll(`${place} ${kind}`).length > n"


@contextmanager
def inspected_run(
    browser: sync_api.Browser, app: str, also: str = "", seconds: int = 90
) -> Iterator[sync_api.Page]:
    """The page; `also`: settings beside SHORT; `seconds`: until training has ended."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(app + SHORT + also)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    page.get_by_role("button", name="Start", exact=True).click()
    ended = page.get_by_text(re.compile("Finished after 6"))
    expect(ended).to_be_visible(timeout=seconds * SECONDS)
    page.get_by_role("link", name="Inspect these weights").click()
    page.wait_for_url(re.compile(r"/weights\?run="), timeout=30 * SECONDS)
    yield page
    context.close()
