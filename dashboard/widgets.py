"""One widget a kind of setting. They show a form's value and report what was chosen, no more:
what holds are the choices in `page_state`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard import forms
from dashboard.text import settings as text
from dashboard.widget_value import make_show
from engine import api

Show = Callable[[Any], str]


def put(name: str, value: Any) -> None:
    """Make the widget of a setting show `value`."""
    make_show(f"f_{name}", value)


def chose(name: str) -> None:
    """Take the widget's value as the reader's choice."""
    value = st.session_state[f"f_{name}"]
    if value is not None:
        st.session_state.pop("refused", None)
        st.session_state["choices"] = forms.after(st.session_state["choices"], name, value)


def error(form: forms.Form, name: str) -> None:
    """What is wrong with a setting, if anything."""
    if form.said(name):
        st.markdown(f":red[{form.said(name)}]")


def select(
    form: forms.Form, name: str, options: Sequence[Any], show: Show, label: str, own: bool = False
) -> None:
    """A list to choose from; `own`: or to type into."""
    value = getattr(form.config, name)
    put(name, value)
    st.selectbox(
        label,
        list(options),
        format_func=show,
        accept_new_options=own,
        **_common(name),
    )
    error(form, name)


def segments(
    form: forms.Form,
    name: str,
    options: Sequence[Any],
    show: Show,
    label: str,
    disabled: bool = False,
) -> None:
    """A few choices side by side."""
    put(name, getattr(form.config, name))
    st.segmented_control(
        label,
        list(options),
        format_func=show,
        required=True,
        disabled=disabled,
        **_common(name),
    )
    error(form, name)


def switch(form: forms.Form, name: str, label: str) -> None:
    """On or off."""
    put(name, getattr(form.config, name))
    st.checkbox(label, **_common(name))
    error(form, name)


def words(form: forms.Form, name: str, label: str) -> None:
    """A line of text."""
    put(name, getattr(form.config, name))
    st.text_input(label, **_common(name))
    error(form, name)


def number(form: forms.Form, name: str, label: str) -> None:
    """A whole number or a real one, within the config's own bounds."""
    value = getattr(form.config, name)
    put(name, value)
    low, high = _bounds(name)
    kind = int if isinstance(value, int) else float
    st.number_input(
        label,
        kind(low),
        kind(high),
        step=1 if kind is int else max(value / 2, 1e-4),
        format="%d" if kind is int else "%g",
        **_common(name),
    )
    error(form, name)


def _common(name: str) -> dict[str, Any]:
    return {"key": f"f_{name}", "on_change": chose, "args": (name,), "help": explanation(name)}


def explanation(name: str) -> str:
    """What a setting means: the lab's own words, else the engine's description."""
    said = text.HELP.get(name) or api.RunConfig.model_fields[name].description or ""
    return said[:1].upper() + said[1:].rstrip(".") + "."


def _bounds(name: str) -> tuple[float, float]:
    """The lowest and highest value a number may have, from the config's own declaration."""
    low, high = 0.0, 1e6
    for rule in api.RunConfig.model_fields[name].metadata:
        low = getattr(rule, "ge", getattr(rule, "gt", low))
        high = getattr(rule, "le", getattr(rule, "lt", high))
    return float(low), float(high)
