"""What a hand does on the page, for several test files; each waits for what the page has to do.

On a slow machine two things undo a quick click: lists close when the page scrolls (so a click that
itself scrolls the page may open a list and close it again), and a page that is being renewed may
take a moment to hear. So these bring things into view first, look for the effect, and try again
until it is there or the time is over.
"""

import re
import time
from collections.abc import Callable

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

SECONDS = 1000
PATIENCE = 60.0  # seconds until something is called impossible

# In the middle of the page, and still there two frames later: the scroll event is over then.
IN_THE_MIDDLE = """async element => {
  element.scrollIntoView({block: 'center', inline: 'nearest', behavior: 'instant'});
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""


def until(done: Callable[[], bool], act: Callable[[], object], what: str) -> None:
    """Act until it is done."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > deadline:
            pytest.fail(f"{what} within {PATIENCE:.0f} s")
        act()


def pick(page: sync_api.Page, label: str, option: str) -> None:
    """Choose from a list by the mouse; again where the page was renewed under the open list."""
    box = page.get_by_role("combobox", name=re.compile(label)).first
    wanted = page.get_by_role("option", name=option, exact=True)

    def try_it() -> None:
        try:
            box.evaluate(IN_THE_MIDDLE, timeout=10 * SECONDS)
            if not wanted.is_visible():
                box.click(timeout=10 * SECONDS)
            wanted.click(timeout=4 * SECONDS)
            sync_api.expect(wanted).to_be_hidden(timeout=4 * SECONDS)
        except (sync_api.TimeoutError, AssertionError):
            page.keyboard.press("Escape")

    until(lambda: box.input_value() == option, try_it, f"{option} could not be chosen")


def unfold(page: sync_api.Page, name: str) -> None:
    """Open a folded part of the page."""
    head = page.get_by_text(name, exact=True)
    folded = page.locator("details", has=head)

    def is_open() -> bool:
        return folded.get_attribute("open") is not None

    until(is_open, head.click, f"{name} could not be unfolded")


def press_for(page: sync_api.Page, button: sync_api.Locator, address: re.Pattern[str]) -> None:
    """Press a button that leads to another address."""

    def press() -> None:
        try:
            button.click(timeout=10 * SECONDS)
            page.wait_for_url(address, timeout=20 * SECONDS)
        except sync_api.TimeoutError:
            return

    until(lambda: address.search(page.url) is not None, press, f"no {address.pattern}")


def switch_to(page: sync_api.Page, name: str) -> None:
    """One of a few choices side by side; two of a name are one that is just being renewed."""
    choice = page.get_by_role("radio", name=name)
    sync_api.expect(choice).to_have_count(1)
    until(lambda: choice.is_checked(), choice.click, f"{name} could not be chosen")
