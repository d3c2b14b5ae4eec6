"""Who trains studies: the worker processes here, and a Dask cluster where the user names one."""

from __future__ import annotations

import os

import streamlit as st

from dashboard.widget_value import default
from engine import api

ADDRESS = "scheduler"  # of the session: pages come and go, the address stays
VARIABLE = "COUNTERWEIGHT_SCHEDULER"


def address() -> str:
    """The scheduler's address, "" for none."""
    return str(st.session_state.get(ADDRESS, os.environ.get(VARIABLE, "")))


def ensure() -> None:
    """Have whoever trains studies ready.

    Raises:
        CounterweightError: no scheduler answers at the address; nothing was started.
    """
    if address():
        api.check_scheduler(address())
        api.ensure_cluster(address())
    api.ensure_workers()


def field(key: str) -> None:
    """Where the address is given."""
    st.text_input(
        "Dask scheduler",
        default(key, address()) or "",
        key=key,
        on_change=_chose,
        args=(key,),
        placeholder="tcp://host:8786",
        help="Address of a running Dask scheduler whose workers are to train too; empty for this "
        f"machine alone. {VARIABLE} sets it for good.",
    )
    for sentence in api.cluster_troubles() if address() else []:
        st.markdown(f":red[{sentence}]")


def _chose(key: str) -> None:
    st.session_state[ADDRESS] = str(st.session_state[key] or "").strip()
