"""A click made while a look is under way holds: on a slow laptop, here by late messages."""

import re

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

from by_hand import press_for  # noqa: E402

pytestmark = pytest.mark.browser

ADDRESS = "?dataset=simulated-small&seeds=1&epochs=50000&patience=0"
SECONDS = 1000
# What the server says is heard this much later, so that there is always a look under way.
LATE = """(() => {
  const listen = WebSocket.prototype.addEventListener;
  WebSocket.prototype.addEventListener = function (kind, heard, ...more) {
    const late = event => setTimeout(() => heard.call(this, event), 1500);
    return listen.call(this, kind, kind === 'message' ? late : heard, ...more);
  };
  Object.defineProperty(WebSocket.prototype, 'onmessage', {
    set(heard) { this.addEventListener('message', heard); },
  });
})()"""
# From here on, every state that a button takes.
WATCH = """button => {
  window.states = [];
  new MutationObserver(() => window.states.push(button.getAttribute('aria-pressed'))).observe(
    button, {attributes: true, attributeFilter: ['aria-pressed']}
  );
}"""


def test_a_panel_that_is_picked_while_a_run_trains_stays_picked(
    page: sync_api.Page, app: str
) -> None:
    page.add_init_script(LATE)
    page.goto(app + ADDRESS)
    expect(page.locator(".live-figure .main-svg").first).to_be_visible(timeout=60 * SECONDS)
    press_for(page, page.get_by_role("button", name="Start", exact=True), re.compile("launch="))
    expect(page.get_by_text(re.compile(r"Epoch \d+ of 50000"))).to_be_visible()
    page.get_by_role("button", name="View").click()
    for name in ("Validation MSE", "Effective sample sizes", "Validation NDCG@10"):
        panel = page.get_by_role("button", name=name, exact=True)
        expect(panel).to_have_attribute("aria-pressed", "false")
        panel.evaluate(WATCH)
        panel.click()
        page.wait_for_timeout(5 * SECONDS)  # several looks; there is nothing else to wait for
        assert page.evaluate("window.states") == ["true"], name
    page.wait_for_url(re.compile("panels=.*ndcg10.*mse"), timeout=30 * SECONDS)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_text(re.compile("Stopped after"))).to_be_visible(timeout=30 * SECONDS)
