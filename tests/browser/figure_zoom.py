"""Zooming a live figure by the mouse, for several test files."""

from playwright.sync_api import Page

RANGE = "() => document.querySelector('.live-figure-plot')._fullLayout.xaxis.range.slice()"


def zoom(page: Page) -> list[float]:
    """Drag a box over part of the first panel; what its x axis shows afterwards."""
    before = page.evaluate(RANGE)
    box = page.locator(".live-figure-plot").first.locator(".nsewdrag").first.bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.3 * box["width"], y + 2, steps=5)
    page.mouse.up()
    changed = f"before => JSON.stringify(({RANGE})()) !== JSON.stringify(before)"
    page.wait_for_function(changed, arg=before)
    return list(page.evaluate(RANGE))
