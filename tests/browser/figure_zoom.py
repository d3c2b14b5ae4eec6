"""Zooming a live figure by the mouse, for several test files."""

from by_hand import until
from playwright.sync_api import Page, TimeoutError

RANGE = "() => document.querySelector('.live-figure-plot')._fullLayout.xaxis.range.slice()"


ALL = "() => document.querySelector('.live-figure-plot')._fullLayout.xaxis.autorange === true"


# An axis that follows the epochs moves by itself, and is no zoom.
ZOOMED = """before => {
  const x = document.querySelector('.live-figure-plot')._fullLayout.xaxis;
  return x.autorange !== true && JSON.stringify(x.range) !== JSON.stringify(before);
}"""


def zoom(page: Page) -> list[float]:
    """Drag a box over part of the first panel; what its x axis shows afterwards."""
    before = page.evaluate(RANGE)
    until(lambda: page.evaluate(ZOOMED, before), lambda: _drag(page, before), "no zoom")
    return list(page.evaluate(RANGE))


def unzoom(page: Page) -> None:
    """Double-click on the first panel: all epochs again."""
    middle = page.locator(".live-figure-plot").first.locator(".nsewdrag").first
    until(lambda: page.evaluate(ALL), middle.dblclick, "the zoom could not be taken back")


def _drag(page: Page, before: list[float]) -> None:
    box = page.locator(".live-figure-plot").first.locator(".nsewdrag").first.bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.3 * box["width"], y + 2, steps=5)
    page.mouse.up()
    try:
        page.wait_for_function(ZOOMED, arg=before, timeout=10_000)
    except TimeoutError:
        return
