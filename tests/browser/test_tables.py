"""Table 2 on simulated-small from the page: two methods, two seeds, to a table and copied LaTeX."""

import re
from collections.abc import Iterator

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = sync_api.expect

pytestmark = pytest.mark.browser

SECONDS = 1000
# Seven epochs: no other test of this app trains these runs.
SHORT = "/tables?table=2&datasets=simulated-small&seeds=2&methods=mf,ips&epochs=7"
RUNS = 2 * (3 + 4)  # MF, Bal-MF twice; IPS, its oracle, Bal-IPS twice


@pytest.fixture(scope="module")
def page(browser: sync_api.Browser, app: str) -> Iterator[sync_api.Page]:
    """The page with a study that has not begun, allowed to copy."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(app + SHORT)
    expect(page.locator("table.paper").first).to_be_visible(timeout=60 * SECONDS)
    yield page
    context.close()


def test_from_start_to_a_finished_table_and_copied_latex(page: sync_api.Page) -> None:
    table = page.locator("table.paper").first
    expect(page.get_by_text(re.compile(f"{RUNS} runs to train"))).to_be_visible()
    expect(table.locator("tbody tr").first.locator("td").first).to_have_text("–")
    expect(page.get_by_text("not measured yet").first).to_be_attached(timeout=30 * SECONDS)

    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text(re.compile(rf"of {RUNS} runs measured"))).to_be_visible(
        timeout=30 * SECONDS
    )
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_enabled()
    expect(page.get_by_text(f"All {RUNS} runs measured here")).to_be_visible(timeout=180 * SECONDS)
    cells = table.locator("tbody td.measured")
    expect(cells).to_have_count(7 * 6, timeout=20 * SECONDS)
    for text in cells.all_inner_texts():
        assert re.fullmatch(r"0\.\d{3,4} ± 0\.\d{3,4}", text.strip()), text
    expect(page.get_by_text(re.compile("Verdicts need five seeds"))).to_be_attached()
    expect(page.get_by_role("button", name="Complete")).to_be_disabled()

    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_role("tab", name="LaTeX").click()
    code = page.locator('[data-testid="stCode"]:visible', has_text="toprule")
    code.hover()
    code.get_by_role("button").first.click()
    page.wait_for_function(
        "async start => (await navigator.clipboard.readText()).startsWith(start)",
        arg=r"\begin{table}",
    )
    copied = page.evaluate("navigator.clipboard.readText()")
    rows = copied.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(rows) == 7
    assert all(row.endswith(r"\\") for row in rows)
    shown = table.locator("tbody tr").first.locator("td.measured").first.inner_text()
    assert shown.replace("±", r"$\pm$") in rows[0]


def test_the_address_repeats_it_on_a_phone_in_the_dark(
    browser: sync_api.Browser, page: sync_api.Page
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, color_scheme="dark"
    )
    phone = context.new_page()
    phone.goto(page.url)
    expect(phone.get_by_text(f"All {RUNS} runs measured here")).to_be_visible(timeout=60 * SECONDS)
    phone.wait_for_function("() => document.documentElement.scrollWidth <= 390")
    # The table scrolls by itself, by keyboard too, and its first column stays.
    table = phone.locator(".paper-scroll").first
    expect(table).to_be_visible()
    # With the verdicts the table is made anew, the last time: it has marks then.
    expect(phone.locator("table.claims").first).to_be_attached(timeout=60 * SECONDS)
    name = table.locator("tbody th").first
    expect(name).to_be_visible()
    before = name.bounding_box()
    table.focus()
    table.evaluate("element => { element.scrollLeft = 400; }")
    assert table.evaluate("element => element.scrollLeft") > 100
    after = name.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(before["x"] - after["x"]) < 1
    context.close()


@pytest.mark.parametrize(("table", "runs"), [("3", 3 + 9), ("4", 4)])
def test_the_other_tables_come_out_of_the_page_too(
    browser: sync_api.Browser, app: str, table: str, runs: int
) -> None:
    """Table 3 in two stages: its balanced runs start from its base methods'."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.goto(f"{app}/tables?table={table}&datasets=simulated-small&seeds=1&epochs=3")
    page.get_by_role("button", name="Start", exact=True).click(timeout=60 * SECONDS)
    expect(page.get_by_text(f"All {runs} runs measured here")).to_be_visible(timeout=180 * SECONDS)
    rows = page.locator("table.paper").first.locator("tbody tr")
    expect(rows).to_have_count(runs)
    context.close()


def test_what_stands_behind_more_shows_what_the_address_says(page: sync_api.Page, app: str) -> None:
    """The browser makes it when it is opened, looks after it was first sent."""
    page.goto(f"{app}/tables?table=2&datasets=simulated-small&seeds=1&lam=8&epochs=3&methods=ips")
    published = page.get_by_role("radio", name="as published")
    expect(published).to_be_visible(timeout=60 * SECONDS)
    published.click()
    page.wait_for_url(re.compile("part="), timeout=30 * SECONDS)
    page.get_by_test_id("stPopoverButton").filter(has_text="More").first.click()
    expect(page.get_by_role("textbox", name="Epochs, at most")).to_have_value("3")
    expect(page.get_by_role("textbox", name="λ")).to_have_value("8")
