"""Asking a live figure, and zooming it by the mouse, for several test files."""

from typing import Any

from by_hand import until
from playwright.sync_api import Page, TimeoutError

RANGE = "() => document.querySelector('.live-figure-plot')._fullLayout.xaxis.range.slice()"
ALL = "() => document.querySelector('.live-figure-plot')._fullLayout.xaxis.autorange === true"
# An axis that follows the epochs moves by itself, and is no zoom.
ZOOMED = """before => {
  const x = document.querySelector('.live-figure-plot')._fullLayout.xaxis;
  return x.autorange !== true && JSON.stringify(x.range) !== JSON.stringify(before);
}"""
# A page may make a figure anew; then, for a frame, it is not drawn yet and answers nothing.
TRIED = "arg => {{ try {{ {} }} catch {{ return null; }} }}"


def ask(page: Page, question: str, arg: object = None) -> Any:
    """What a figure answers, as soon as it is drawn."""
    tried = TRIED.format(f"return {{ answer: ({question})(arg) }};")
    return page.wait_for_function(tried, arg=arg, timeout=30_000).json_value()["answer"]


def wait_for(page: Page, question: str, arg: object = None, seconds: float = 60) -> None:
    """Wait until a figure's answer is yes."""
    tried = TRIED.format(f"return ({question})(arg);")
    page.wait_for_function(tried, arg=arg, timeout=1000 * seconds)


def zoom(page: Page) -> list[float]:
    """Drag a box over part of the first panel; what its x axis shows afterwards."""
    before = ask(page, RANGE)
    until(lambda: ask(page, ZOOMED, before), lambda: _drag(page, before), "no zoom")
    return list(ask(page, RANGE))


def unzoom(page: Page) -> None:
    """Double-click on the first panel: all epochs again."""
    middle = page.locator(".live-figure-plot").first.locator(".nsewdrag").first
    until(lambda: ask(page, ALL), middle.dblclick, "the zoom could not be taken back")


def _drag(page: Page, before: list[float]) -> None:
    box = page.locator(".live-figure-plot").first.locator(".nsewdrag").first.bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 0.3 * box["width"], y + 2, steps=5)
    page.mouse.up()
    try:
        wait_for(page, ZOOMED, before, seconds=10)
    except TimeoutError:
        return
