"""Every setting beside the main controls, shown where it matters, with the preset's value first."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard import forms, settings, widgets
from dashboard.text import settings as text


def advanced(form: forms.Form) -> None:
    """The folded part of the controls; it opens by itself where something in it is wrong."""
    groups = settings.shown(form.config)
    inside = {name for names in groups.values() for name in names}
    said = form.errors.keys() | form.refused.keys()
    folded = st.expander("Advanced", expanded=bool(inside & said))
    with folded, st.container(key="advanced"):
        if settings.lam_counts(form.config):
            _lam_free(form)
        for title, names in groups.items():
            st.markdown(f"**{title}**")
            for name in names:
                _field(form, name)


def _lam_free(form: forms.Form) -> None:
    raw = st.session_state["choices"].get("lam") if "lam" in form.errors else form.config.lam
    widgets.put("free", raw if isinstance(raw, str) else forms.as_text(raw))
    st.text_input(
        "λ, any value", key="f_free", on_change=_chose_lam_text, help=text.HELP["lam_free"]
    )
    widgets.error(form, "lam")


def _chose_lam_text() -> None:
    st.session_state.pop("refused", None)
    st.session_state["choices"] = st.session_state["choices"] | {"lam": st.session_state["f_free"]}


def _field(form: forms.Form, name: str) -> None:
    """One setting by its kind: a choice, a switch, a text, a number."""
    value: Any = getattr(form.config, name)
    options = settings.offered(name, form.config)
    label = text.label(name)
    if options:
        widgets.select(form, name, options, text.choice, label)
    elif isinstance(value, bool):
        widgets.switch(form, name, label)
    elif isinstance(value, str):
        widgets.words(form, name, label)
    else:
        widgets.number(form, name, label)
