"""Pages run as Streamlit runs them: what several test files ask of one."""

from streamlit.testing.v1 import AppTest


def again(at: AppTest) -> AppTest:
    """The page, which has not raised."""
    assert not at.exception, at.exception
    return at


def params(at: AppTest) -> dict[str, str]:
    """Its address."""
    return {k: v[0] if isinstance(v, list) else v for k, v in at.query_params.items()}


def said(at: AppTest) -> str:
    """All its words, those on progress bars too."""
    words = [e.value for e in (*at.markdown, *at.caption, *at.warning, *at.error, *at.info)]
    return " ".join([*words, *(bar.proto.text for bar in at.get("progress"))])


def told(at: AppTest) -> set[str]:
    """The widgets whose values the page sends to the browser, over what was chosen meanwhile."""
    kinds = "button_group checkbox multiselect number_input select_slider selectbox slider"
    every = [w for kind in [*kinds.split(), "text_input", "toggle"] for w in getattr(at, kind)]
    assert every
    return {widget.key for widget in every if widget.proto.set_value}
