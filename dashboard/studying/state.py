"""What a study page shows, in session and URL, a state a kind of study.

As on the other pages: the URL is read when it is not the one this page wrote last, and repeats
everything after every change.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboard.studying import form as forms


def _key(kind: str) -> str:
    return f"study_{kind}"


def adopt_url(kind: str) -> None:
    """Take the choices from the URL when it is not what this page wrote."""
    params = st.query_params.to_dict()
    state = st.session_state
    state.setdefault(_key(kind), {})
    if params and params != state.get(f"{_key(kind)}_written"):
        state[_key(kind)] = {k: v for k, v in params.items() if k in forms.NAMES}
        state.pop(f"{_key(kind)}_trouble", None)
    state[f"{_key(kind)}_written"] = params
    state["written"] = {}  # the Lab, come back to without parameters, goes on where it was


def write_url(form: forms.Form) -> None:
    """Make the URL repeat the choices."""
    params = forms.as_params(form, choices(form.kind))
    kept = {k: v for k, v in st.query_params.to_dict().items() if k.startswith("embed")}
    if st.query_params.to_dict() != params | kept:
        st.query_params.from_dict(params | kept)
    st.session_state[f"{_key(form.kind)}_written"] = params | kept


def choices(kind: str) -> Mapping[str, str]:
    """The raw choices."""
    return dict(st.session_state[_key(kind)])


def put(kind: str, name: str, text: str | None) -> None:
    """Set one raw choice; None forgets it."""
    new = {k: v for k, v in st.session_state[_key(kind)].items() if k != name}
    if text is not None:
        new[name] = text
    st.session_state[_key(kind)] = new
    tell(kind, "")


def replace(kind: str, params: Mapping[str, str]) -> None:
    """Take other choices in place of all there are, but for the look."""
    held = st.session_state[_key(kind)]
    looks = {k: v for k, v in held.items() if k in forms.LOOKS}
    st.session_state[_key(kind)] = dict(params) | looks


def tell(kind: str, trouble: str) -> None:
    """Keep what could not be done, "" for nothing."""
    st.session_state[f"{_key(kind)}_trouble"] = trouble


def trouble(kind: str) -> str:
    """What could not be done last."""
    return str(st.session_state.get(f"{_key(kind)}_trouble", ""))
