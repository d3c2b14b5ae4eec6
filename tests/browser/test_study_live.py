"""The λ study in a browser: start it, see points arrive, keep the zoom, take the figure away."""

import re
from collections.abc import Iterator

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

from figures import RANGE, ask, wait_for, zoom  # noqa: E402

pytestmark = pytest.mark.browser

SECONDS = 1000
GRID = "datasets=simulated-small&seeds=2&values=0,1,16&methods=ips,dr&epochs=40"
# Points of means in all panels, and the axis of λ shown.
POINTS = """() => {
  const plot = document.querySelector('.live-figure-plot');
  const bold = (plot?.data || []).filter(t => t.mode === 'lines+markers');
  return bold.reduce((n, t) => n + t.y.length, 0);
}"""
# Violation and three ranking metrics, two methods, three λ.
ALL = 4 * 2 * 3


@pytest.fixture(scope="module")
def finished(browser: sync_api.Browser, app: str) -> Iterator[sync_api.Page]:
    """The page of a study that was started from it, zoomed while runs arrived, and has ended."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(f"{app}/lambda-study?{GRID}")
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    expect(page.get_by_text("12 of 12 runs to train")).to_be_visible(timeout=30 * SECONDS)
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(re.compile("Training: "))).to_be_visible(timeout=30 * SECONDS)
    zoomed = zoom(page)
    page.wait_for_function(f"n => ({POINTS})() >= n", arg=1, timeout=120 * SECONDS)
    page.wait_for_function(f"n => ({POINTS})() >= n", arg=ALL, timeout=120 * SECONDS)
    assert ask(page, RANGE) == pytest.approx(zoomed)
    expect(page.get_by_text("All 12 runs measured here")).to_be_visible(timeout=60 * SECONDS)
    assert ask(page, RANGE) == pytest.approx(zoomed)
    yield page
    context.close()


def test_a_study_draws_itself_and_says_what_it_found(finished: sync_api.Page) -> None:
    page = finished
    assert page.evaluate(POINTS) == ALL
    expect(page.get_by_text(re.compile("Bal-IPS: AUC")).first).to_be_visible(timeout=30 * SECONDS)
    expect(page.get_by_text(re.compile("Validation chooses λ = ")).first).to_be_attached(
        timeout=30 * SECONDS
    )
    expect(page.get_by_role("button", name="Complete", exact=True)).to_be_disabled(
        timeout=30 * SECONDS
    )
    expect(page.locator(".live-figure-said").first).to_contain_text("AUC of Bal-DR: ")


@pytest.mark.parametrize(
    ("button", "starts", "at_least"),
    [
        ("PNG", b"\x89PNG", 20_000),
        ("SVG", b"<svg", 10_000),
        ("PDF", b"%PDF", 5_000),
        ("Means (CSV)", b"dataset,series,label,x,metric,mean", 2_000),
        ("Runs (CSV)", b"series,label,x,seed,run", 2_000),
    ],
)
def test_the_figure_and_its_numbers_are_files(
    finished: sync_api.Page, button: str, starts: bytes, at_least: int
) -> None:
    with finished.expect_download(timeout=60 * SECONDS) as download:
        finished.get_by_role("button", name=button, exact=True).click()
    content = download.value.path().read_bytes()
    assert content.startswith(starts)
    assert len(content) > at_least


def test_the_address_shows_the_same_study_in_another_browser_on_a_phone(
    browser: sync_api.Browser, finished: sync_api.Page
) -> None:
    address = finished.url
    assert "values=0%2C1%2C16" in address or "values=0,1,16" in address
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    page = context.new_page()
    page.goto(address)
    page.wait_for_function(f"n => ({POINTS})() >= n", arg=ALL, timeout=60 * SECONDS)
    expect(page.get_by_text("All 12 runs measured here")).to_be_visible(timeout=30 * SECONDS)
    page.wait_for_function("() => document.documentElement.scrollWidth <= 390")
    wait_for(
        page,
        """() => { const full = document.querySelector('.live-figure-plot')._fullLayout;
             return new Set(['', 2, 3, 4].map(k => full['xaxis' + k]._offset)).size === 1; }""",
    )
    context.close()


def test_the_uniform_study_says_what_it_would_train_and_trains_it(
    page: sync_api.Page, app: str
) -> None:
    page.goto(f"{app}/uniform-study?datasets=simulated-small&seeds=1&values=0.05&epochs=5")
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    expect(page.get_by_text("6 of 6 runs to train")).to_be_visible(timeout=30 * SECONDS)
    expect(page.get_by_text(re.compile("another split than Table 2")).first).to_be_attached(
        timeout=30 * SECONDS
    )
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("All 6 runs measured here")).to_be_visible(timeout=120 * SECONDS)
    expect(page.get_by_text(re.compile("Those ratings alone"))).to_be_visible(timeout=30 * SECONDS)
