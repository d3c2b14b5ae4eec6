"""The view in the URL: it comes back as it was, and nonsense is as if it were not there."""

import pytest
from page_runs import told
from streamlit.testing.v1 import AppTest

from dashboard.charts.looks import Look
from dashboard.charts.panels import FIRST, MORE
from dashboard.view import NAMES, View, as_params, of_params
from engine.config import RunConfig

VIEWS = [
    View(),
    View(look=Look(keys=("auc", "seconds")), beside="plane", lane=3, at=40),
    View(look=Look(log_epochs=True, log_values=True, smooth=0.6), zoom=(3.0, 71.5)),
    View(look=Look(keys=(*FIRST, *MORE), log_values=True)),
]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_survives_the_url(view: View) -> None:
    assert of_params(as_params(view)) == view
    assert set(as_params(view)) <= set(NAMES)


def test_the_first_view_adds_nothing_to_the_url() -> None:
    assert as_params(View()) == {}


@pytest.mark.parametrize(
    "params",
    [
        {"panels": "nonsense,"},
        {"log": "7", "smooth": "x", "beside": "there", "lane": "-1", "at": "soon"},
        {"zoom": "5to2"},
        {"zoom": "nan to inf"},
        {"smooth": "nan", "at": "1e99"},
    ],
)
def test_nonsense_is_as_if_it_were_not_there(params: dict[str, str]) -> None:
    assert of_params(params) == View()


def test_no_name_is_that_of_a_setting() -> None:
    assert not set(NAMES) & set(RunConfig.model_fields)


def test_a_look_with_an_old_url_does_not_bring_its_settings_back() -> None:
    """λ was moved and is in the newest URL; a zoom comes with the one from before."""

    def page() -> None:
        import streamlit as st

        from dashboard import url_guard, view

        st.session_state["written"] = {"lam": "2"}
        url_guard.replaced({"lam": "8"})
        st.query_params.from_dict({"lam": "8"})
        view.change(zoom=(1.0, 5.0))
        view.write()

    at = AppTest.from_function(page).run()
    assert not at.exception
    assert (at.query_params["lam"], at.query_params["zoom"]) == ("2", "1to5")


def test_a_default_is_assigned_only_where_the_widget_shows_another_value() -> None:
    def script() -> None:
        import streamlit as st

        from dashboard.widget_value import default

        text, many = st.session_state.get("want", ("a", ["x", "y"]))
        st.text_input("text", default("text", text) or "", key="text")
        st.pills(
            "many",
            ["x", "y", "z"],
            default=default("many", many),
            selection_mode="multi",
            key="many",
        )

    at = AppTest.from_function(script).run()
    assert told(at) == set()  # the browser takes the defaults
    assert (at.text_input(key="text").value, at.button_group(key="many").value) == ("a", ["x", "y"])
    at.session_state["want"] = ("a", ["y", "x"])  # the same choices
    assert told(at.run()) == set()
    at.session_state["want"] = ("b", ["x"])
    assert told(at.run()) == {"text", "many"}
    assert not at.exception
    assert (at.text_input(key="text").value, at.button_group(key="many").value) == ("b", ["x"])
