"""The lab's state: raw choices and the launch shown, kept in the session and repeated in the URL.

The URL is read when it is not the one this page wrote last (a link was opened, or back was
pressed), and written after every change, so that it always repeats what is on the page. Widgets
bound to the URL would do less: they drop a wrong value without a word.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from typing import Any

import streamlit as st

from dashboard import forms, view
from engine import api

LATE_SECONDS = 4.0


def adopt_url() -> None:
    """Take choices and launch from the URL when it is not what this page wrote."""
    params = st.query_params.to_dict()
    state = st.session_state
    if params == state.get("written") or _late(params):
        return
    state["launch"] = params.get("launch")
    state["choices"] = {k: v for k, v in params.items() if k not in forms.NOT_FIELDS}
    view.adopt(params)
    state["written"] = params


def _late(params: dict[str, str]) -> bool:
    """Whether this is a URL that the page itself has replaced a moment ago.

    A click made before the browser heard of the new one still brings the old one along.
    """
    before, since = st.session_state.get("written_before", ({}, 0.0))
    return bool(before) and params in before and time.monotonic() - since < LATE_SECONDS


def _replaced(params: dict[str, str]) -> None:
    """Remember a URL that the page is about to replace."""
    now = time.monotonic()
    before, since = st.session_state.get("written_before", ([], 0.0))
    kept = before if now - since < LATE_SECONDS else []
    st.session_state["written_before"] = ([*kept, params], now)


def write_url(form: forms.Form) -> None:
    """Make the URL repeat the controls and the launch shown."""
    state = st.session_state
    params = forms.params_from_config(form.config, form.seeds, state.get("launch"))
    params |= view.as_params(view.now())
    # A wrong choice stays in the URL, beside its sentence, until it is put right.
    params |= {k: str(v) for k, v in state["choices"].items() if k in form.errors}
    kept = {k: v for k, v in st.query_params.to_dict().items() if k.startswith("embed")}
    if st.query_params.to_dict() != params | kept:
        _replaced(st.query_params.to_dict())
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
