"""Weights somebody brings: a CSV, its diagnostics, no training."""

from __future__ import annotations

import streamlit as st

from dashboard.charts.pairs import histogram, reach_of
from dashboard.inspecting.epochs import dark
from dashboard.inspecting.judged import table
from dashboard.inspecting.takeaway import drawn, offer, title
from engine import api

EXAMPLE = "user,item,weight,propensity,label,prediction\nanna,coat 7,1.4,0.02,1,0.63\n"


def bring() -> None:
    """Upload, then the same numbers as of a run."""
    st.subheader("Your own weights", anchor=False)
    left, right = st.columns([1, 1.4], gap="medium")
    with left:
        file = st.file_uploader(
            "A CSV with columns user, item, weight; propensity, label, prediction if you have them",
            type=["csv", "parquet"],
            key="w_file",
        )
        st.caption("It stays on this machine and is not stored.")
        st.download_button(
            "An example", EXAMPLE, file_name="weights.csv", mime="text/csv", on_click="ignore",
            type="tertiary", key="w_example",
        )  # fmt: skip
    if file is None:
        return
    try:
        own = api.diagnose(api.read_weights(file.getvalue(), file.name), file.name)
    except api.CounterweightError as error:
        with right:
            st.error(str(error))
        return
    with left:
        title("How much your ratings count", f"{file.name}; share of the pairs")
        bars = own.histogram
        drawn(histogram(bars, None, reach_of(bars), dark()), bars, "w_own", "own-histogram")
    with right:
        st.markdown(own.verdict)
        table(own.numbers, "w_own_table")
        offer(own.numbers, "w_own_numbers", "own-diagnostics")
