"""What the Tables page shows, in session and URL.

As on the other pages: the URL is read when it is not the one this page wrote last, and repeats
everything after every change.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.tables import form as forms

_STATE, _WRITTEN, _TROUBLE = "tables", "tables_written", "tables_trouble"


def adopt_url() -> None:
    """Take the choices from the URL when it is not what this page wrote."""
    params = st.query_params.to_dict()
    state = st.session_state
    state.setdefault(_STATE, {})
    if params and params != state.get(_WRITTEN):
        state[_STATE] = {k: v for k, v in params.items() if k in forms.NAMES}
        state.pop(_TROUBLE, None)
    state[_WRITTEN] = params
    state["written"] = {}  # the Lab, come back to without parameters, goes on where it was


def write_url(form: forms.Form) -> None:
    """Make the URL repeat the choices."""
    params = forms.params_of(form, choices())
    kept = {k: v for k, v in st.query_params.to_dict().items() if k.startswith("embed")}
    if st.query_params.to_dict() != params | kept:
        st.query_params.from_dict(params | kept)
    st.session_state[_WRITTEN] = params | kept


def choices() -> Mapping[str, str]:
    """The raw choices."""
    return dict(st.session_state[_STATE])


def put(name: str, value: object) -> None:
    """Set one raw choice; nothing, or an empty list, forgets it."""
    new = {k: v for k, v in st.session_state[_STATE].items() if k != name}
    text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value or "")
    if text:
        new[name] = text
    st.session_state[_STATE] = new
    tell("")


def tell(trouble: str) -> None:
    """Keep what could not be done, "" for nothing."""
    st.session_state[_TROUBLE] = trouble


def trouble() -> str:
    """What could not be done last."""
    return str(st.session_state.get(_TROUBLE, ""))
