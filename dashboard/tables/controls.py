"""The controls of the Tables page, in a row above the table; what is seldom changed under More."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard import cluster
from dashboard.settings import dataset_titles
from dashboard.tables import state
from dashboard.tables.form import MOMENTS, PARTS, SEEDS_MAX, Form
from dashboard.text import tables as text
from dashboard.text.settings import choice
from dashboard.widget_value import default, make_show
from engine import api

FOLDED = ("methods", "lam", "epochs", "confounding")


def tables(form: Form) -> None:
    """Which table."""
    _segments("table", list(text.TITLES), text.TITLES.__getitem__, "Table", form.table)


def controls(form: Form, buttons: Callable[[], None]) -> None:
    """Data sets, seeds, moments, test ratings; the buttons, and More."""
    places = st.columns([1.7, 0.62, 0.98, 1.02, 1.85], gap="small", vertical_alignment="bottom")
    with places[0]:
        _datasets(form)
    with places[1]:
        _value("seeds", form.seeds)
        st.number_input("Seeds", *(1, SEEDS_MAX), **_common("seeds"))
    with places[2]:
        offered = list(MOMENTS if form.table == "2" else MOMENTS[:2])
        _segments(
            "moments", offered, text.MOMENTS.__getitem__, "Balanced", form.moments, label=True
        )
    with places[3]:
        _segments(
            "part", list(PARTS), text.PARTS.__getitem__, "Test ratings", form.part, label=True
        )
    with places[4], st.container(horizontal=True, gap="xsmall", key="tables_buttons"):
        buttons()
        with st.popover("More"):
            _more(form)
    for said in (*form.errors.values(), state.trouble()):
        if said:
            st.markdown(f":red[{said}]")


def _datasets(form: Form) -> None:
    known = [info.name for info in api.datasets()]

    _value("datasets", list(form.datasets))
    names = [*known, *(name for name in form.datasets if name not in known)]
    st.multiselect(
        "Data sets",
        names,
        format_func=dataset_titles(),
        accept_new_options=True,
        **_common("datasets"),
    )


def _more(form: Form) -> None:
    if form.table == "2":
        names = [info.name for info in api.methods()]
        st.multiselect(
            "Methods",
            names,
            default("t_methods", list(form.methods)),
            format_func=choice,
            placeholder="all",
            **_common("methods"),
        )
    for name, label, hint in (("lam", "λ", "4"), ("epochs", "Epochs, at most", "as the preset")):
        written = default(f"t_{name}", state.choices().get(name, "")) or ""
        st.text_input(label, written, placeholder=hint, **_common(name))
    if form.simulated:
        kinds = list(api.options("confounding"))
        kind = default("t_confounding", form.fixed.get("confounding", "strong"))
        place = 0 if kind is None else kinds.index(kind)
        st.selectbox("Hidden confounding", kinds, place, **_common("confounding"))
    cluster.field("tables_scheduler")


def _segments(
    name: str,
    options: Sequence[str],
    show: Callable[[str], str],
    title: str,
    value: str,
    label: bool = False,
) -> None:
    _value(name, value)
    st.segmented_control(
        title,
        list(options),
        format_func=show,
        required=True,
        label_visibility="visible" if label else "collapsed",
        **_common(name),
    )


def _value(name: str, value: Any) -> None:
    make_show(f"t_{name}", value)


def _common(name: str) -> dict[str, Any]:
    return {
        "key": f"t_{name}",
        "on_change": _chose,
        "args": (name,),
        "help": text.HELP.get(name),
    }


def _chose(name: str) -> None:
    state.put(name, st.session_state[f"t_{name}"])
