"""The Weights page as a user opens it, for several test files."""

from pathlib import Path

from page_runs import again
from streamlit.testing.v1 import AppTest

MAIN = Path(__file__).parents[2] / "dashboard" / "main.py"
PAGE = "app_pages/weights.py"


def opened(**query: str) -> AppTest:
    """The page at an address."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.run()
    for name, value in query.items():
        at.query_params[name] = value
    return again(at.switch_page(PAGE).run())


def charts(at: AppTest) -> int:
    """How many Altair charts it has."""
    return len(at.get("vega_lite_chart"))
