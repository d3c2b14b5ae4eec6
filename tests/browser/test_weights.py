"""From the Lab to the Weights page: pick a cell and a point, see them everywhere, play, reload."""

import re
from collections.abc import Iterator

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

from inspected_run import COUNT, MAP, MORE, SCATTER, SECONDS, inspected_run  # noqa: E402

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def inspected(browser: sync_api.Browser, app: str) -> Iterator[sync_api.Page]:
    """The Weights page of a run trained in the Lab, reached by its link."""
    with inspected_run(browser, app) as page:
        expect(page.locator(MAP)).to_be_visible(timeout=60 * SECONDS)
        expect(page.locator(SCATTER)).to_be_visible(timeout=30 * SECONDS)
        expect(page.get_by_text("Your own weights")).to_be_attached(timeout=30 * SECONDS)
        yield page


def test_what_is_picked_in_one_view_lights_up_in_the_others(inspected: sync_api.Page) -> None:
    page = inspected
    for place in (MAP, SCATTER, ".stVegaLiteChart svg.marks"):
        expect(page.locator(place).first).to_be_in_viewport(ratio=0.9)
    cells = page.evaluate(COUNT, [MAP, ".mark-rect path"])
    points = page.evaluate(COUNT, [SCATTER, ".mark-symbol path"])
    page.locator(f"{MAP} .mark-rect path").nth(cells // 2).click(force=True)
    page.wait_for_url(re.compile(r"pick=cell-\d+-\d+"), timeout=20 * SECONDS)
    expect(page.get_by_text("Picked:")).to_be_visible(timeout=20 * SECONDS)
    page.wait_for_function(MORE, arg=[SCATTER, ".mark-symbol path", points], timeout=20 * SECONDS)
    page.wait_for_function(MORE, arg=[MAP, ".mark-rect path", cells], timeout=20 * SECONDS)
    expect(page.get_by_text(re.compile("in the picked cell"))).to_be_attached()

    page.locator(f"{SCATTER} .mark-symbol path").nth(700).click(force=True)
    page.wait_for_url(re.compile(r"pick=pair-\d+"), timeout=20 * SECONDS)
    expect(page.get_by_text("This rating counts as")).to_be_visible(timeout=20 * SECONDS)
    page.wait_for_function(MORE, arg=[MAP, ".mark-rect path", cells], timeout=20 * SECONDS)

    page.get_by_role("button", name="Let go").click()
    expect(page.get_by_text("Picked:")).to_have_count(0, timeout=20 * SECONDS)


def test_epochs_play_to_the_end_and_the_address_repeats_them_on_a_phone(
    browser: sync_api.Browser, inspected: sync_api.Page
) -> None:
    address = re.sub("&.*", "", inspected.url)
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(f"{address}&epoch=4&pick=cell-12-12")
    expect(page.get_by_text("Picked:")).to_be_attached(timeout=60 * SECONDS)
    page.get_by_role("button", name="Play").click()
    page.wait_for_url(re.compile("epoch=6"), timeout=30 * SECONDS)
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=20 * SECONDS)
    assert "pick=cell-12-12" in page.url
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    context.close()
