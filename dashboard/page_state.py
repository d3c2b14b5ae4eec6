"""The lab's state: raw choices and the launch shown, kept in the session and repeated in the URL.

The URL is read when it is not the one this page wrote last (a link was opened, or back was
pressed), and written after every change, so that it always repeats what is on the page. Widgets
bound to the URL would do less: they drop a wrong value without a word.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import streamlit as st

from dashboard import forms, url_guard, view
from engine import api


def adopt_url() -> None:
    """Take choices and launch from the URL when it is not what this page wrote."""
    params = st.query_params.to_dict()
    state = st.session_state
    if params == state.get("written") or url_guard.late(params):
        return
    state["launch"] = params.get("launch")
    state["choices"] = {k: v for k, v in params.items() if k not in forms.NOT_FIELDS}
    view.adopt(params)
    state["written"] = params


def write_url(form: forms.Form) -> None:
    """Make the URL repeat the controls and the launch shown."""
    state = st.session_state
    params = forms.params_from_config(form.config, form.seeds, state.get("launch"))
    params |= view.as_params(view.now())
    # A wrong choice stays in the URL, beside its sentence, until it is put right.
    params |= {k: str(v) for k, v in state["choices"].items() if k in form.errors}
    kept = {k: v for k, v in st.query_params.to_dict().items() if k.startswith("embed")}
    if st.query_params.to_dict() != params | kept:
        url_guard.replaced(st.query_params.to_dict())
        st.query_params.from_dict(params | kept)
    state["written"] = params | kept


def read_form() -> forms.Form:
    """The form that the choices so far give."""
    form = forms.form_of(
        st.session_state["choices"],
        known=tuple(info.name for info in api.datasets()),
        lam_half=lambda config: getattr(forecast(config), "lam_half", None),
    )
    return replace(form, refused=st.session_state.get("refused", {}))


def forecast(config: api.RunConfig) -> Any:
    """The engine's forecast, or None where the data cannot be read."""
    try:
        return _forecast(api.changed(config, lam=1.0, balance="learned", epochs=1))
    except api.CounterweightError:
        return None


@lru_cache(maxsize=64)
def _forecast(config: api.RunConfig) -> Any:
    return api.forecast(config)
