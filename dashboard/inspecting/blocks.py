"""Which weights of a method with two blocks: w2 on the rated pairs, or w1 on all pairs."""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboard.inspecting import state
from dashboard.text import weights as text
from dashboard.widget_value import make_show
from engine import api

KEY = "w_on"


def of_method(method: str) -> tuple[str, ...]:
    """The blocks of weights that a method has."""
    (info,) = (m for m in api.methods() if m.name == method)
    return info.supports


def choice(record: api.RunRecord, found: Any) -> None:
    """The choice, where there is one, what these weights are, and the one-line verdict."""
    if "all" not in of_method(record.config.method):
        _said(found)
        return
    left, right = st.columns([1, 2.1], gap="medium", vertical_alignment="center")
    make_show(KEY, state.block())
    with left:
        st.segmented_control(
            "Weights on",
            list(text.BLOCKS),
            key=KEY,
            format_func=text.BLOCKS.get,
            required=True,
            on_change=_chose,
            label_visibility="collapsed",
        )
    with right:
        _said(found)
        if found is not None:
            st.caption(
                text.what(found.config.method, found.block, len(found.pairs), found.of_pairs)
            )


def _said(found: Any) -> None:
    if found is not None:
        st.markdown(found.verdict)


def _chose() -> None:
    state.put("on", "all" if st.session_state[KEY] == "all" else None)
