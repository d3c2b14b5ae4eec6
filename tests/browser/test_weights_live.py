"""The Weights page while its run trains, and the map of pairs: zoom and pick stand what comes."""

import re

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

from by_hand import until  # noqa: E402
from figures import ask, wait_for  # noqa: E402
from test_lab import ENDLESS, SECONDS, start, stop, wait_for_points  # noqa: E402

pytestmark = pytest.mark.browser

HISTOGRAM, MAP, PAIRS = ".st-key-w_live_histogram", ".st-key-w_live_map", ".st-key-w_pairs"
RANGES = """place => {
  const { xaxis, yaxis } = document.querySelector(`${place} .live-figure-plot`)._fullLayout;
  return [...xaxis.range, ...yaxis.range];
}"""
# An axis that follows the epochs moves by itself, and is no zoom.
ZOOMED = """place => {
  const { xaxis, yaxis } = document.querySelector(`${place} .live-figure-plot`)._fullLayout;
  return !xaxis.autorange && !yaxis.autorange;
}"""
# Where on the page a point of a figure's axes is.
PLACE = """([place, x, y]) => {
  const plot = document.querySelector(`${place} .live-figure-plot`);
  plot.scrollIntoView({block: 'center', behavior: 'instant'});
  const { xaxis, yaxis } = plot._fullLayout, box = plot.getBoundingClientRect();
  return [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(y)];
}"""
FRAME = f"() => document.querySelector('{MAP} .live-figure-plot').layout.shapes[0]"
EPOCH = f"""() => Number(document.querySelector('{MAP} .live-figure-plot').layout
  .annotations[0].text.match(/epoch (\\d+)/)[1])"""
# A filled cell of the map of pairs, well inside of what is shown.
FILLED = f"""() => {{
  const {{ _fullData, _fullLayout }} = document.querySelector('{PAIRS} .live-figure-plot');
  const t = _fullData[0], [a, b] = _fullLayout.xaxis.range, [c, d] = _fullLayout.yaxis.range;
  for (let row = 0; row < t.z.length; row++)
    for (let column = 0; column < t.z[row].length; column++) {{
      const x = t.x0 + column * t.dx, y = t.y0 + row * t.dy;
      if (t.z[row][column] !== null && x > a + 1 && x < b - 1 && y > c + 1 && y < d - 1)
        return [x, y];
    }}
}}"""


def drag(page: sync_api.Page, place: str) -> list[float]:
    """Zoom into a figure by a box over its middle; the ranges afterwards."""
    before = ask(page, RANGES, place)

    def zoomed() -> bool:
        return ask(page, ZOOMED, place) and ask(page, RANGES, place) != before

    def try_it() -> None:
        ask(page, PLACE, [place, 0, 0])
        box = page.locator(f"{place} .nsewdrag").first.bounding_box()
        at = [(box["x"] + k * box["width"], box["y"] + k * box["height"]) for k in (0.3, 0.7)]
        page.mouse.move(*at[0])
        page.mouse.down()
        page.mouse.move(*at[1], steps=6)
        page.mouse.up()
        page.wait_for_timeout(700)

    until(zoomed, try_it, "no zoom")
    return list(ask(page, RANGES, place))


def click(page: sync_api.Page, place: str, x: float, y: float, url: str) -> None:
    """Click a point of a figure, until the address says so."""

    def try_it() -> None:
        page.mouse.move(*ask(page, PLACE, [place, x, y]))
        page.wait_for_timeout(150)
        page.mouse.click(*ask(page, PLACE, [place, x, y]))
        try:  # patiently: a second click on a cell would let go of it
            page.wait_for_url(re.compile(url), timeout=20 * SECONDS)
        except sync_api.TimeoutError:
            return

    until(lambda: re.search(url, page.url) is not None, try_it, "nothing was picked")


def wait_for_epoch(page: sync_api.Page, after: int) -> int:
    wait_for(page, f"n => ({EPOCH})() > n", after)
    return int(ask(page, EPOCH))


@pytest.fixture
def training(page: sync_api.Page, app: str) -> tuple[sync_api.Page, sync_api.Page]:
    """The Lab with a launch that trains, and in another tab its link to the run's weights."""
    start(page, app + ENDLESS.replace("seeds=2", "seeds=1"))
    wait_for_points(page, 2)
    link = page.get_by_role("link", name="Inspect these weights")
    expect(link).to_have_attribute("href", re.compile("run="))
    weights = page.context.new_page()
    weights.goto(f"{app}/{link.get_attribute('href')}")
    expect(weights.get_by_text("This run trains")).to_be_visible(timeout=60 * SECONDS)
    expect(weights.get_by_role("combobox").first).to_have_value(re.compile("in training$"))
    expect(weights.locator(f"{MAP} .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    yield page, weights
    page.bring_to_front()
    if page.get_by_role("button", name="Stop", exact=True).is_enabled():
        stop(page)


def test_zoom_and_pick_stand_while_new_epochs_come(
    training: tuple[sync_api.Page, sync_api.Page],
) -> None:
    lab, page = training
    zoomed = drag(page, HISTOGRAM)
    click(page, MAP, 5, 8, r"pick=cell-8-5(&|$)")
    wait_for(page, FRAME)
    part = drag(page, MAP)
    frame = ask(page, FRAME)
    assert [frame[k] for k in ("x0", "x1", "y0", "y1")] == [4.5, 5.5, 7.5, 8.5]

    epoch = int(ask(page, EPOCH))
    for _ in range(3):
        epoch = wait_for_epoch(page, epoch)
    assert ask(page, RANGES, HISTOGRAM) == pytest.approx(zoomed)
    assert ask(page, RANGES, MAP) == pytest.approx(part)
    assert ask(page, FRAME) == frame
    assert "pick=cell-8-5" in page.url
    assert "epoch=" not in page.url  # the newest, whichever it is

    # An epoch that is chosen stays, and so do zoom and pick; there are newer ones meanwhile.
    slider = page.locator(".st-key-w_epoch input, .st-key-w_epoch [role=slider]").first
    until(
        lambda: "epoch=1" in page.url,
        lambda: (slider.press("Home"), page.wait_for_timeout(2000)),
        "epoch 1 could not be chosen",
    )
    wait_for(page, f"() => ({EPOCH})() === 1")
    told = page.get_by_text(re.compile(r"epoch \d+ of at most"))
    before = told.inner_text()
    page.wait_for_function(
        "before => ![...document.querySelectorAll('p')].some(p => p.innerText === before)",
        arg=before,
        timeout=60 * SECONDS,
    )
    assert ask(page, EPOCH) == 1
    assert ask(page, RANGES, HISTOGRAM) == pytest.approx(zoomed)
    assert ask(page, RANGES, MAP) == pytest.approx(part)
    assert ask(page, FRAME) == frame

    # When it ends, the page opens in full around the cell that was picked.
    lab.bring_to_front()
    stop(lab)
    page.bring_to_front()
    expect(page.get_by_text(re.compile(r"pairs of users 8 and items 5 of 12"))).to_be_visible(
        timeout=60 * SECONDS
    )
    expect(page.get_by_text(re.compile(r"a cell a rated pair; \d+ of 4,000 pairs"))).to_be_visible()
    _pairs_keep_their_zoom(page)


def _pairs_keep_their_zoom(page: sync_api.Page) -> None:
    """In the map of pairs: zoom, pick a pair, play the epochs; zoom and pick stand, also anew."""
    expect(page.locator(f"{PAIRS} .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    zoomed = drag(page, PAIRS)
    page.wait_for_url(re.compile(r"box=\d+-\d+-\d+-\d+"), timeout=30 * SECONDS)
    click(page, PAIRS, *ask(page, FILLED), r"pick=cell-8-5-pair-\d+")
    expect(page.get_by_text("This rating counts as")).to_be_visible(timeout=30 * SECONDS)
    expect(page.locator(".st-key-w_pair_table")).to_contain_text("1/p̂")
    assert ask(page, RANGES, PAIRS) == pytest.approx(zoomed)

    address = page.url
    page.get_by_role("button", name="Play").click()
    page.wait_for_url(re.compile(r"epoch=(?!1(&|$))\d+"), timeout=60 * SECONDS)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=30 * SECONDS)
    assert ask(page, RANGES, PAIRS) == pytest.approx(zoomed)
    box, pick = (re.search(f"{name}=[^&]*", address)[0] for name in ("box", "pick"))
    assert box in page.url
    assert pick in page.url

    page.reload()
    expect(page.locator(f"{PAIRS} .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    page.wait_for_timeout(1500)
    # The address has whole users and items: at most one more on each side.
    for now, then in zip(ask(page, RANGES, PAIRS), zoomed, strict=True):
        assert abs(now - then) <= 1
    assert pick in page.url
