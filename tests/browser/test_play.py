"""Playing with a launch in a browser: λ dragged while it trains, steps, slow motion, a branch."""

import re
from pathlib import Path

import pytest

from engine import api

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

from by_hand import IN_THE_MIDDLE, pick, until  # noqa: E402
from figures import RANGE, ask, wait_for, zoom  # noqa: E402
from test_lab import ENDLESS, SECONDS, start, wait_for_points  # noqa: E402

pytestmark = pytest.mark.browser

# How many panels there are, and at how many epochs each of them has a line.
MARKS = """() => {
  const layout = document.querySelector('.live-figure-plot').layout;
  const panels = Object.keys(layout).filter(k => k.startsWith('yaxis'))
    .map(k => k.replace('yaxis', 'y') + ' domain');
  const at = panels.map(y => (layout.shapes || []).filter(s => s.yref === y).length);
  return [panels.length, Math.min(...at), Math.max(...at)];
}"""


def drag_lam(page: sync_api.Page, pixels: int) -> None:
    """Take the slider's handle with the mouse and let it go some way off."""
    handle = page.locator(".st-key-f_lam input").first
    handle.evaluate(IN_THE_MIDDLE)
    before = handle.input_value()

    def drag() -> None:
        track = page.locator(".st-key-f_lam [role=group]").bounding_box()
        share = float(before) / float(handle.get_attribute("max") or 1)
        x, y = track["x"] + share * track["width"], track["y"] + track["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + pixels, y, steps=6)
        page.mouse.up()
        try:
            expect(handle).not_to_have_value(before, timeout=10 * SECONDS)
        except AssertionError:
            return

    until(lambda: handle.input_value() != before, drag, "λ could not be dragged")


def press(page: sync_api.Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def stop(page: sync_api.Page) -> None:
    press(page, "Stop")
    expect(page.get_by_text(re.compile("Stopped after"))).to_be_visible(timeout=90 * SECONDS)


def test_lam_dragged_while_it_trains_marks_every_axis_and_keeps_the_zoom(
    page: sync_api.Page, app: str
) -> None:
    start(page, app + ENDLESS)
    wait_for_points(page, 4)
    expect(page.get_by_text("moves while it trains")).to_be_in_viewport(timeout=30 * SECONDS)
    zoomed = zoom(page)
    drag_lam(page, -60)
    wait_for(page, f"() => ({MARKS})()[1] >= 1")
    assert ask(page, MARKS) == [6, 1, 1]
    seen = wait_for_points(page, 1)
    wait_for_points(page, seen + 4)
    assert ask(page, RANGE) == pytest.approx(zoomed)
    assert ask(page, MARKS) == [6, 1, 1]
    expect(page.get_by_text(re.compile("λ = 2³ → "))).to_be_visible()
    page.reload()
    wait_for_points(page, seen)
    assert ask(page, MARKS) == [6, 1, 1]
    expect(page.get_by_text(re.compile("settings have changed"))).to_have_count(0)
    stop(page)


def test_steps_name_what_they_changed_and_a_branch_goes_on_from_there(
    page: sync_api.Page, app: str
) -> None:
    page.goto(app + ENDLESS + "&propensity=bilevel")
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    for name in ("Start", "Stop", "Reset", "Step", "φ", "w", "θ", "Branch from here"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_in_viewport(ratio=1)
    press(page, "Step")
    expect(page.get_by_text("Weights in epoch 1")).to_be_visible(timeout=60 * SECONDS)
    for name in ("φ", "w", "θ"):
        press(page, name)
        made = page.get_by_text(re.compile(rf"^Update {name} ← epoch 2, block 1 of \d+, seed 0$"))
        expect(made).to_be_visible(timeout=60 * SECONDS)
    for said in (r"p̂ 0\.\d+", r"entropy 0\.9\d+", r"loss 0\.\d+"):
        expect(
            page.get_by_text(re.compile(rf"{said}[\s\S]*Most moved \(user, item\)"))
        ).to_be_visible()
    first = re.search(r"launch=(\w+)", page.url)[1]
    press(page, "Branch from here")
    page.wait_for_url(lambda url: f"launch={first}" not in url, timeout=60 * SECONDS)
    expect(page.get_by_text(re.compile("branched at epoch 1"))).to_be_visible(timeout=30 * SECONDS)
    press(page, "Resume")
    wait_for_points(page, 3)
    stop(page)
    page.goto(app + f"?launch={first}")
    expect(page.get_by_text(re.compile("Paused at epoch 1 of"))).to_be_visible(timeout=60 * SECONDS)
    stop(page)


def test_slow_motion_shows_each_update_as_it_happens(page: sync_api.Page, app: str) -> None:
    page.goto(app + ENDLESS)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    pick(page, "Speed", "2 blocks/s")
    press(page, "Start")
    block = page.get_by_text(re.compile(r"← epoch \d+, block \d+ of \d+"))
    expect(block).to_be_visible(timeout=60 * SECONDS)
    seen = block.inner_text()
    expect(page.get_by_text(seen, exact=True)).to_have_count(0, timeout=30 * SECONDS)
    expect(block).to_be_visible()
    stop(page)


def click_a_hundred_times(page: sync_api.Page, name: str) -> None:
    """Within a few milliseconds, as no hand could."""
    button = page.get_by_role("button", name=name, exact=True)
    expect(button).to_be_enabled()
    button.evaluate("button => { for (let n = 0; n < 100; n++) button.click(); }")


def epochs_paused_at(page: sync_api.Page) -> int:
    """How many epochs the launch has, once it stands still."""
    still = page.get_by_text(re.compile(r"Paused at epoch \d+ of"))
    expect(still).to_be_visible(timeout=90 * SECONDS)
    return int(re.search(r"epoch (\d+)", still.inner_text())[1])


def test_a_hundred_quick_clicks_make_one_launch_and_one_step_and_lose_nothing(
    page: sync_api.Page, app: str, runs_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERWEIGHT_RUNS", str(runs_home))
    page.goto(app + ENDLESS)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    before = set(api.runs()["launch"])
    click_a_hundred_times(page, "Start")
    page.wait_for_url(re.compile("launch="), timeout=30 * SECONDS)
    launched = re.search(r"launch=(\w+)", page.url)[1]
    wait_for_points(page, 3)
    assert set(api.runs()["launch"]) - before == {launched}
    press(page, "Pause")
    at = epochs_paused_at(page)

    pick(page, "Speed", "2 blocks/s")  # a step takes some seconds
    click_a_hundred_times(page, "Step")
    expect(page.get_by_text(re.compile(f"Stepping at epoch {at} of"))).to_be_visible()
    for name in ("Step", "w", "θ"):
        expect(page.get_by_role("button", name=name, exact=True)).to_be_disabled()
    assert epochs_paused_at(page) == at + 1
    pick(page, "Speed", "full speed")
    click_a_hundred_times(page, "Step")
    expect(page.get_by_text(re.compile(f"Paused at epoch {at + 1} of"))).to_be_hidden()
    last = epochs_paused_at(page)
    assert last > at + 1  # of a step that is over at once, a late click may make another
    press(page, "Step")
    expect(page.get_by_text(re.compile(f"Paused at epoch {last + 1} of"))).to_be_visible()
    assert launched in page.url
    stop(page)
    found = api.epochs(api.find_launch(launched).all_runs).groupby("run")["epoch"].agg(list)
    assert all(epochs == list(range(1, last + 2)) for epochs in found)
    assert set(api.runs()["launch"]) - before == {launched}
