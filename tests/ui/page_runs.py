"""Pages run as Streamlit runs them: what several test files ask of one."""

from streamlit.testing.v1 import AppTest


def again(at: AppTest) -> AppTest:
    """The page, which has not raised."""
    assert not at.exception, at.exception
    return at


def params(at: AppTest) -> dict[str, str]:
    """Its address."""
    return {k: v[0] if isinstance(v, list) else v for k, v in at.query_params.items()}
