"""Telling a URL that was opened from one that the page itself has just replaced."""

from __future__ import annotations

import time

import streamlit as st

LATE_SECONDS = 4.0


def late(params: dict[str, str]) -> bool:
    """Whether this is a URL that the page itself has replaced a moment ago.

    A click made before the browser heard of the new one still brings the old one along.
    """
    before, since = st.session_state.get("written_before", ({}, 0.0))
    return bool(before) and params in before and time.monotonic() - since < LATE_SECONDS


def replaced(params: dict[str, str]) -> None:
    """Remember a URL that the page is about to replace."""
    now = time.monotonic()
    before, since = st.session_state.get("written_before", ([], 0.0))
    kept = before if now - since < LATE_SECONDS else []
    st.session_state["written_before"] = ([*kept, params], now)
