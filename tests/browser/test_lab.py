"""The lab as a person uses it: start, watch, zoom, refresh, stop; light, dark and on a phone."""

import re

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

from by_hand import pick, press_for  # noqa: E402
from figures import RANGE, ask, unzoom, wait_for, zoom  # noqa: E402

pytestmark = pytest.mark.browser

ENDLESS = "?dataset=simulated-small&seeds=2&epochs=50000&patience=0"
SHORT = "?dataset=simulated-small&seeds=2&epochs=6&patience=0"
SECONDS = 1000

# The mean entropy curve in the first panel.
ENTROPY = """() => {
  const plot = document.querySelector('.live-figure-plot');
  const curve = (plot?.data || []).find(t => t.yaxis === 'y' && t.legendgroup === 'mean');
  return curve ? curve.y.length : 0;
}"""


def wait_for_points(page: sync_api.Page, n: int) -> int:
    page.wait_for_function(f"n => ({ENTROPY})() >= n", arg=n, timeout=60 * SECONDS)
    return int(page.evaluate(ENTROPY))


def start(page: sync_api.Page, address: str) -> None:
    page.goto(address)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    press_for(page, page.get_by_role("button", name="Start", exact=True), re.compile("launch="))


def stop(page: sync_api.Page) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("Stopped after"))).to_be_visible(timeout=30 * SECONDS)


def test_start_watch_zoom_refresh_and_stop(page: sync_api.Page, app: str) -> None:
    start(page, app + ENDLESS)
    grown = wait_for_points(page, 3)
    wait_for_points(page, grown + 2)

    zoomed = zoom(page)
    seen = int(page.evaluate(ENTROPY))
    wait_for_points(page, seen + 4)
    assert ask(page, RANGE) == pytest.approx(zoomed)

    address = page.url
    page.reload()
    assert page.url == address
    again = wait_for_points(page, seen)
    wait_for_points(page, again + 2)
    expect(page.get_by_text(re.compile(r"Epoch \d+ of 50000"))).to_be_visible()
    unzoom(page)
    page.wait_for_url(lambda url: "zoom=" not in url, timeout=30 * SECONDS)

    stop(page)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_enabled()


def test_another_browser_sees_the_launch_and_pause_holds_it(
    browser: sync_api.Browser, page: sync_api.Page, app: str
) -> None:
    start(page, app + ENDLESS)
    wait_for_points(page, 2)
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    other = context.new_page()
    other.goto(page.url)
    wait_for_points(other, 2)
    other.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text(re.compile(r"Paused at epoch"))).to_be_visible(timeout=30 * SECONDS)
    expect(other.get_by_role("button", name="Resume", exact=True)).to_be_enabled(
        timeout=30 * SECONDS
    )
    held = int(other.evaluate(ENTROPY))
    other.get_by_role("button", name="Resume", exact=True).click()
    wait_for_points(other, held + 2)
    stop(other)
    context.close()


def test_a_finished_launch_has_a_verdict_tables_and_files(page: sync_api.Page, app: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    start(page, app + SHORT)
    expect(page.get_by_text(re.compile("Finished after 6"))).to_be_visible(timeout=90 * SECONDS)
    for about in ("Constraint:", "Predictor:", "Weights:"):
        expect(page.get_by_text(about).first).to_be_in_viewport()
    expect(page.get_by_role("cell", name="True ideal loss")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Epochs (CSV)").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("run,epoch,")
    assert len(lines) == 1 + 4 * 6  # two runs and two twins
    elsewhere = [url for url in asked if not url.startswith((app, "data:", "blob:"))]
    assert elsewhere == []


def test_another_base_method_is_chosen_and_trains(page: sync_api.Page, app: str) -> None:
    page.goto(app + "?dataset=simulated-small&seeds=1&epochs=50000&patience=0")
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    pick(page, "Base method", "AutoDebias")
    expect(page.get_by_text("Weights and imputed labels learned")).to_be_visible()
    begin = page.get_by_role("button", name="Start", exact=True)
    press_for(page, begin, re.compile("method=autodebias.*launch="))
    wait_for_points(page, 3)
    stop(page)


@pytest.mark.parametrize(("scheme", "colour"), [("light", "#20242A"), ("dark", "#E4E2DD")])
def test_the_figure_follows_the_theme(
    browser: sync_api.Browser, app: str, scheme: str, colour: str
) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme=scheme)
    page = context.new_page()
    page.goto(app)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    drawn = "() => document.querySelector('.live-figure-plot')._fullLayout.font.color"
    wait_for(page, f"colour => ({drawn})() === colour", colour)
    context.close()


def test_on_a_phone_the_panels_stand_one_under_another(browser: sync_api.Browser, app: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    page = context.new_page()
    page.goto(app)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    page.wait_for_function("() => document.documentElement.scrollWidth <= 390")
    wait_for(
        page,
        """() => { const full = document.querySelector('.live-figure-plot')._fullLayout;
             const left = ['', 2, 3, 4, 5, 6].map(k => full['xaxis' + k]._offset);
             return new Set(left).size === 1; }""",
    )
    context.close()


def test_the_first_view_holds_choices_charts_and_verdict(page: sync_api.Page, app: str) -> None:
    page.goto(app)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    for name in ("Data set", "Base method", "Balancing", "Seeds"):
        expect(page.get_by_text(name, exact=True).first).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_in_viewport(ratio=1)
    for figure in page.locator(".live-figure").all():
        expect(figure).to_be_in_viewport(ratio=1)
    expect(page.locator(".live-figure-plot").first).to_have_attribute("aria-label", re.compile("."))
