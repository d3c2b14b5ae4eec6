"""A class of ten minutes with the lab: what confounding does, what weights do, and what they miss.

Everything is simulated data at its first settings, so what is read here is what a class reads.
"""

import re
from collections.abc import Iterator

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

from by_hand import pick, unfold  # noqa: E402
from figure_zoom import RANGE, zoom  # noqa: E402

pytestmark = pytest.mark.browser

SECONDS = 1000
ENDLESS = "?dataset=simulated-small&seeds=2&epochs=50000&patience=0"
PANELS = """() => document.querySelector('.live-figure-plot')._fullLayout.annotations
  .filter(a => String(a.xref).includes('domain')).map(a => a.text.replace(/<br>.*/s, '')
  .replace(/<[^>]*>/g, ''))"""
HIDDEN = """() => document.querySelector('.live-figure-plot').data
  .filter(t => t.visible === 'legendonly').map(t => t.legendgroup)"""
REVISION = "() => document.querySelector('.live-figure-plot').layout.uirevision"
# The last epoch drawn; long curves are thinned, so points are no measure.
EPOCHS = """() => Math.max(0, ...(document.querySelector('.live-figure-plot')?.data || [])
  .filter(t => t.yaxis === 'y' && t.legendgroup === 'mean' && t.y.length)
  .map(t => t.x ? t.x[t.x.length - 1] : t.x0 + t.dx * (t.y.length - 1)))"""


@pytest.fixture(scope="module")
def lesson(browser: sync_api.Browser, app: str) -> Iterator[sync_api.Page]:
    """One page that the whole class looks at, minute by minute."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(app)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    yield page
    context.close()
    assert wrong == []


def example(page: sync_api.Page, name: str) -> None:
    """Choose an example from its menu."""
    page.get_by_role("button", name="Examples").click()
    page.get_by_role("button", name=re.compile(re.escape(name))).click()
    page.keyboard.press("Escape")


def train(page: sync_api.Page) -> dict[str, str]:
    """Press Start; the verdict once the launch has ended, a sentence by what it is about."""
    before = re.findall("launch=([^&]*)", page.url)
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_enabled(timeout=30 * SECONDS)
    start.click()
    fresh = f"launch=(?!{before[0]})" if before else "launch="
    page.wait_for_url(re.compile(fresh), timeout=30 * SECONDS)
    found = verdict(page)
    assert page.evaluate(REVISION) in page.url  # the curves are those of this launch
    return found


def verdict(page: sync_api.Page) -> dict[str, str]:
    expect(page.get_by_text(re.compile("Finished after 120"))).to_be_visible(timeout=200 * SECONDS)
    expect(page.get_by_text("Constraint:").first).to_be_visible(timeout=30 * SECONDS)
    expect(page.get_by_text("Weights:").first).to_be_visible(timeout=30 * SECONDS)
    said = page.locator(".st-key-verdict").inner_text().replace("\n", " ")
    parts = re.split("(Constraint|Predictor|Weights): ", said)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def ess_of(sentence: str) -> int:
    found = re.search(r"ESS (\d+)", sentence)
    assert found is not None, sentence
    return int(found[1])


def test_minute_1_without_a_confounder_there_is_nothing_to_balance(
    lesson: sync_api.Page,
) -> None:
    example(lesson, "No confounder")
    lesson.wait_for_url(re.compile("confounding=none"), timeout=30 * SECONDS)
    said = train(lesson)
    assert "nothing to balance" in said["Constraint"]
    expect(lesson.get_by_role("button", name="Turn confounding on")).to_be_visible()


def test_minute_3_a_confounder_and_then_the_true_propensity(lesson: sync_api.Page) -> None:
    pick(lesson, "Hidden confounding", "strong")
    lesson.wait_for_url(re.compile("confounding=strong"), timeout=30 * SECONDS)
    nominal = train(lesson)
    assert nominal["Constraint"].startswith("met")
    assert nominal["Predictor"].startswith("better")

    unfold(lesson, "Advanced")
    pick(lesson, "^Propensity", "true (simulated only)")
    lesson.wait_for_url(re.compile("propensity=true"), timeout=30 * SECONDS)
    true = train(lesson)
    assert "nothing to balance" in true["Constraint"]
    assert ess_of(true["Weights"]) < ess_of(nominal["Weights"]) - 20


def test_minute_5_exact_weights_meet_the_constraint_and_miss_the_oracle(
    lesson: sync_api.Page,
) -> None:
    example(lesson, "Constraint met, weights still wrong")
    lesson.wait_for_url(re.compile("constraint=hard"), timeout=30 * SECONDS)
    said = train(lesson)
    assert said["Constraint"].startswith("met")
    assert "→ 0.000" in said["Constraint"]
    assert said["Predictor"].startswith("no better")
    assert said["Weights"].startswith("unlike the oracle's")

    lesson.get_by_text("Phase plane", exact=True).click()
    lesson.wait_for_url(re.compile("beside=plane"), timeout=30 * SECONDS)
    expect(lesson.get_by_text("on the frontier").last).to_be_visible(timeout=30 * SECONDS)
    unfold(lesson, "The constraint with today's numbers")
    equation = lesson.locator(".st-key-equation .katex-html").first
    expect(equation).to_contain_text("(8)", timeout=30 * SECONDS)

    address = lesson.url
    lesson.get_by_role("link", name="Inspect these weights").click()
    lesson.wait_for_url(re.compile(r"/weights\?run="), timeout=30 * SECONDS)
    reading = re.compile("weights not the oracle's|weights only partly the oracle's")
    expect(lesson.get_by_text(reading).first).to_be_visible(timeout=60 * SECONDS)
    lesson.goto(address)
    verdict(lesson)


def test_minute_7_the_label_too_and_the_true_loss_falls(lesson: sync_api.Page) -> None:
    before = verdict(lesson)
    lesson.get_by_role("button", name="Balance the label too", exact=True).click()
    lesson.wait_for_url(re.compile("moments=e%2Cr"), timeout=30 * SECONDS)
    expect(lesson.get_by_text(re.compile("Finished after 120"))).to_be_hidden(timeout=30 * SECONDS)
    said = verdict(lesson)
    assert said["Predictor"].startswith("better")
    r = [
        float(re.search(r"r = (\S+?),", s["Weights"])[1].replace("−", "-")) for s in (before, said)
    ]
    assert r[1] > r[0] + 0.1


def grown(page: sync_api.Page, by: int = 3) -> None:
    """Wait until so many more epochs are drawn."""
    seen = int(page.evaluate(EPOCHS))
    page.wait_for_function(f"n => ({EPOCHS})() >= n", arg=seen + by, timeout=60 * SECONDS)


def test_zoom_panels_and_legend_last_through_updates_and_in_a_second_browser(
    browser: sync_api.Browser, page: sync_api.Page, app: str
) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(app + ENDLESS)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile("launch="), timeout=30 * SECONDS)
    grown(page)

    page.locator(".live-figure .legendtoggle").nth(1).click()  # hides the twin
    page.wait_for_function(f"() => ({HIDDEN})().length > 0")
    hidden = set(page.evaluate(HIDDEN))
    page.get_by_role("button", name="View").click()
    page.get_by_role("button", name="Both sides of the constraint").click()
    page.wait_for_url(re.compile("panels=[^&]*sides"), timeout=30 * SECONDS)
    page.wait_for_function(f"() => ({PANELS})().length === 7", timeout=30 * SECONDS)
    grown(page, 2)  # the menu stays open while epochs come
    expect(page.get_by_role("slider", name="Smoothing")).to_be_visible()
    page.keyboard.press("Escape")
    zoomed = zoom(page)
    page.wait_for_url(re.compile("zoom="), timeout=30 * SECONDS)
    grown(page)
    assert page.evaluate(RANGE) == pytest.approx(zoomed)
    assert set(page.evaluate(HIDDEN)) == hidden

    context = browser.new_context(viewport={"width": 1280, "height": 720})
    other = context.new_page()
    other.goto(page.url)
    expect(other.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    other.wait_for_function(f"() => ({EPOCHS})() > 0", timeout=60 * SECONDS)
    grown(other)
    assert other.evaluate(RANGE) == pytest.approx(zoomed, rel=1e-3)
    assert other.evaluate(PANELS) == page.evaluate(PANELS)
    assert other.url == page.url
    context.close()

    page.reload()
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    page.wait_for_function(f"() => ({EPOCHS})() > 0", timeout=60 * SECONDS)
    grown(page)
    assert page.evaluate(RANGE) == pytest.approx(zoomed, rel=1e-3)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("Stopped after"))).to_be_visible(timeout=30 * SECONDS)
    assert wrong == []
