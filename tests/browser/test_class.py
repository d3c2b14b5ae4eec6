"""A class of ten minutes with the lab: what confounding does, what weights do, and what they miss.

Everything is simulated data at its first settings, so what is read here is what a class reads.
"""

import re
from collections.abc import Iterator

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

from by_hand import pick, press_for, switch_to, unfold, until  # noqa: E402
from figures import RANGE, ask, wait_for, zoom  # noqa: E402
from test_play import MARKS, drag_lam  # noqa: E402

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


def example(page: sync_api.Page, name: str, address: str) -> None:
    """Choose an example from its menu."""
    menu = page.get_by_role("button", name="Examples")
    card = page.get_by_role("button", name=re.compile(re.escape(name)))

    def choose() -> None:
        try:
            if not card.is_visible():
                menu.click(timeout=10 * SECONDS)
            card.click(timeout=10 * SECONDS)
            page.wait_for_url(re.compile(address), timeout=20 * SECONDS)
        except sync_api.TimeoutError:
            return

    until(lambda: re.search(address, page.url) is not None, choose, f"no example {name}")
    page.keyboard.press("Escape")


def train(page: sync_api.Page) -> dict[str, str]:
    """Press Start; the verdict once the launch has ended, a sentence by what it is about."""
    before = re.findall("launch=([^&]*)", page.url)
    start = page.get_by_role("button", name="Start", exact=True)
    expect(start).to_be_enabled(timeout=30 * SECONDS)
    press_for(page, start, re.compile(f"launch=(?!{before[0]})" if before else "launch="))
    found = verdict(page)
    assert ask(page, REVISION) in page.url  # the curves are those of this launch
    return found


def verdict(page: sync_api.Page) -> dict[str, str]:
    expect(page.get_by_text(re.compile("Finished after 120"))).to_be_visible(timeout=200 * SECONDS)
    expect(page.get_by_text("Constraint:").first).to_be_visible(timeout=30 * SECONDS)
    expect(page.get_by_text("Weights:").first).to_be_visible(timeout=30 * SECONDS)
    said = page.locator(".st-key-verdict").inner_text().replace("\n", " ")
    parts = re.split("(Constraint|Predictor|Weights): ", said)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def bias(page: sync_api.Page) -> tuple[str, float, float, float]:
    """What is said of the estimate's bias; measured, half its interval, and as Lemma 1 has it."""
    panel = page.locator(".st-key-bias")
    expect(panel).to_contain_text("Lemma 1", timeout=30 * SECONDS)
    said = panel.inner_text().replace("−", "-")
    measured, half = re.search(r"([+-]?[\d.]+) ± ([\d.]+)", said).groups()
    lemma = re.search(r"= ([+-]?[\d.]+)", said)[1]
    return said, float(measured), float(half), float(lemma)


def ess_of(sentence: str) -> int:
    found = re.search(r"ESS (\d+)", sentence)
    assert found is not None, sentence
    return int(found[1])


def test_minute_1_without_a_confounder_there_is_nothing_to_balance(
    lesson: sync_api.Page,
) -> None:
    example(lesson, "No confounder", "confounding=none")
    said = train(lesson)
    assert "nothing to balance" in said["Constraint"]
    told, measured, half, lemma = bias(lesson)
    assert abs(measured) <= half
    assert lemma == 0
    assert "nothing to correct" in told
    expect(lesson.get_by_role("button", name="Turn confounding on")).to_be_visible()


def test_minute_3_a_confounder_and_then_the_true_propensity(lesson: sync_api.Page) -> None:
    pick(lesson, "Hidden confounding", "strong")
    lesson.wait_for_url(re.compile("confounding=strong"), timeout=30 * SECONDS)
    nominal = train(lesson)
    assert nominal["Constraint"].startswith("met")
    assert nominal["Predictor"].startswith("better")
    told, measured, half, lemma = bias(lesson)
    assert "Measured bias and covariance agree within the interval" in told
    assert abs(measured - lemma) <= half
    assert lemma > 10 * half

    unfold(lesson, "Advanced")
    pick(lesson, "^Propensity", "true (simulated only)")
    lesson.wait_for_url(re.compile("propensity=true"), timeout=30 * SECONDS)
    true = train(lesson)
    assert "nothing to balance" in true["Constraint"]
    assert ess_of(true["Weights"]) < ess_of(nominal["Weights"]) - 20
    told, measured, half, lemma = bias(lesson)
    assert abs(measured) <= half
    assert lemma == 0


def test_minute_5_exact_weights_meet_the_constraint_and_miss_the_oracle(
    lesson: sync_api.Page,
) -> None:
    example(lesson, "Constraint met, weights still wrong", "constraint=hard")
    assert "propensity=true" not in lesson.url
    said = train(lesson)
    assert said["Constraint"].startswith("met")
    assert "→ 0.000" in said["Constraint"]
    assert said["Predictor"].startswith("no better")
    assert said["Weights"].startswith("unlike the oracle's")

    switch_to(lesson, "Phase plane")
    lesson.wait_for_url(re.compile("beside=plane"), timeout=30 * SECONDS)
    expect(lesson.get_by_text("on the frontier").last).to_be_visible(timeout=30 * SECONDS)
    lesson.get_by_role("button", name="Table and files").click()
    expect(lesson.get_by_test_id("stDataFrame")).to_be_visible()
    for kind, starts in (("CSV", b"what,epoch,violation,entropy,lam"), ("PNG", b"\x89PNG")):
        with lesson.expect_download(timeout=60 * SECONDS) as download:
            lesson.get_by_role("button", name=kind, exact=True).click()
        assert download.value.path().read_bytes().startswith(starts)
    lesson.keyboard.press("Escape")
    unfold(lesson, "The constraint with today's numbers")
    equation = lesson.locator(".st-key-equation .katex-html").first
    expect(equation).to_contain_text("(8)", timeout=30 * SECONDS)

    address = lesson.url
    inspect = lesson.get_by_role("link", name="Inspect these weights").first
    press_for(lesson, inspect, re.compile(r"/weights\?run="))
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
    fall, half = re.search(r"loss (−[\d.]+) ± ([\d.]+)", said["Predictor"]).groups()
    assert float(fall.replace("−", "-")) + float(half) < 0
    r = [
        float(re.search(r"r = (\S+?),", s["Weights"])[1].replace("−", "-")) for s in (before, said)
    ]
    assert r[1] > r[0] + 0.05


def test_minute_8_lam_moves_while_it_trains_and_at_0_the_weights_are_uniform(
    lesson: sync_api.Page, app: str
) -> None:
    lesson.goto(app + ENDLESS)
    expect(lesson.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    start = lesson.get_by_role("button", name="Start", exact=True)
    press_for(lesson, start, re.compile("launch="))
    grown(lesson, 12)
    expect(lesson.get_by_text("moves while it trains")).to_be_visible()
    zoomed = zoom(lesson)
    drag_lam(lesson, -60)
    wait_for(lesson, f"() => ({MARKS})()[1] >= 1")
    assert ask(lesson, MARKS) == [6, 1, 1]
    lesson.locator(".st-key-f_lam input").first.press("Home")
    wait_for(lesson, f"() => ({MARKS})()[1] >= 2")
    assert ask(lesson, MARKS) == [6, 2, 2]
    expect(lesson.get_by_text("Weights go back to uniform")).to_be_visible()
    told = lesson.locator(".live-figure-said").first
    expect(told).to_contain_text("weight entropy 1.000", timeout=60 * SECONDS)
    grown(lesson)
    assert ask(lesson, RANGE) == pytest.approx(zoomed)
    expect(lesson.get_by_text(re.compile("settings have changed"))).to_have_count(0)
    lesson.get_by_role("button", name="Stop", exact=True).click()
    expect(lesson.get_by_text(re.compile("Stopped after"))).to_be_visible(timeout=30 * SECONDS)


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
    wait_for(page, f"() => ({HIDDEN})().length > 0")
    hidden = set(ask(page, HIDDEN))
    page.get_by_role("button", name="View").click()
    sides = page.get_by_role("button", name="Both sides of the constraint")
    press_for(page, sides, re.compile("panels=[^&]*sides"))
    wait_for(page, f"() => ({PANELS})().length === 7")
    grown(page, 2)  # the menu stays open while epochs come
    expect(page.get_by_role("slider", name="Smoothing")).to_be_visible()
    page.keyboard.press("Escape")
    zoomed = zoom(page)
    page.wait_for_url(re.compile("zoom="), timeout=30 * SECONDS)
    grown(page)
    assert ask(page, RANGE) == pytest.approx(zoomed)
    same = f"hidden => JSON.stringify([...new Set(({HIDDEN})())].sort()) === JSON.stringify(hidden)"
    wait_for(page, same, sorted(hidden))

    context = browser.new_context(viewport={"width": 1280, "height": 720})
    other = context.new_page()
    other.goto(page.url)
    expect(other.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    other.wait_for_function(f"() => ({EPOCHS})() > 0", timeout=60 * SECONDS)
    grown(other)
    assert ask(other, RANGE) == pytest.approx(zoomed, rel=1e-3)
    assert ask(other, PANELS) == ask(page, PANELS)
    other.wait_for_url(lambda url: url == page.url, timeout=30 * SECONDS)
    context.close()

    page.reload()
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    page.wait_for_function(f"() => ({EPOCHS})() > 0", timeout=60 * SECONDS)
    grown(page)
    assert ask(page, RANGE) == pytest.approx(zoomed, rel=1e-3)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("Stopped after"))).to_be_visible(timeout=30 * SECONDS)
    assert wrong == []
