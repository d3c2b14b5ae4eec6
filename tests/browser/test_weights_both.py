"""DR trained in the Lab: from w2 on rated pairs to w1 on all, picked, reloaded, and back."""

import re
from collections.abc import Iterator

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

from inspected_run import COUNT, MAP, MORE, SCATTER, SECONDS, inspected_run  # noqa: E402

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def inspected(browser: sync_api.Browser, app: str) -> Iterator[sync_api.Page]:
    """The Weights page of a DR run trained in the Lab, reached by its link."""
    with inspected_run(browser, app, "&method=dr", seconds=120) as page:
        expect(page.get_by_text("w₂ weighs (e − ê)/p̂")).to_be_visible(timeout=60 * SECONDS)
        yield page


def test_from_rated_pairs_to_all_pairs_and_back(inspected: sync_api.Page) -> None:
    page = inspected
    page.get_by_role("radio", name="w₁ on all pairs").click()
    page.wait_for_url(re.compile("on=all"), timeout=20 * SECONDS)
    expect(page.get_by_text("How much pairs count")).to_be_visible(timeout=30 * SECONDS)
    drawn = page.get_by_text(re.compile("of 40,000 pairs drawn"))
    expect(drawn).to_be_visible(timeout=30 * SECONDS)
    for place in (MAP, SCATTER, ".stVegaLiteChart svg.marks"):
        expect(page.locator(place).first).to_be_in_viewport(ratio=0.9, timeout=30 * SECONDS)
    cells = page.evaluate(COUNT, [MAP, ".mark-rect path"])
    page.locator(f"{MAP} .mark-rect path").nth(cells // 2).click(force=True)
    page.wait_for_url(re.compile(r"pick=cell-\d+-\d+"), timeout=20 * SECONDS)
    expect(page.get_by_text("of them rated, mean imputed error")).to_be_visible(
        timeout=20 * SECONDS
    )
    page.wait_for_function(MORE, arg=[MAP, ".mark-rect path", cells], timeout=20 * SECONDS)
    page.reload()
    expect(page.get_by_text("Picked:")).to_be_visible(timeout=60 * SECONDS)
    expect(page.get_by_text("How much pairs count")).to_be_visible(timeout=30 * SECONDS)
    page.get_by_role("radio", name="w₂ on rated pairs").click()
    expect(page.get_by_text("How much ratings count")).to_be_visible(timeout=30 * SECONDS)
    page.wait_for_url(re.compile(r"run=\w+&pick=cell-\d+-\d+$"), timeout=20 * SECONDS)


def test_on_a_phone_in_the_dark_it_fits(
    browser: sync_api.Browser, inspected: sync_api.Page
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(re.sub("&.*", "", inspected.url) + "&on=all")
    expect(page.get_by_text("How much pairs count")).to_be_attached(timeout=60 * SECONDS)
    expect(page.get_by_text("Your own weights")).to_be_attached(timeout=60 * SECONDS)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    context.close()
