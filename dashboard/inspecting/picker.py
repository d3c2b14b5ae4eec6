"""Which run: a list of balanced runs, newest first, that can be typed into."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard.inspecting import state
from dashboard.text import weights as text
from engine import api

TRAINS = ("running", "paused")


def balanced_runs() -> pd.DataFrame:
    """Runs that have weights, newest first: ended ones, and those that train and kept an epoch."""
    runs = api.runs()
    ended = runs["state"].isin(list(api.ENDED)) & runs["best_epoch"].notna()
    trains = runs["state"].isin(TRAINS) & (runs["epochs_done"] > 0)
    return runs[(ended | trains) & (runs["balance"] != "none") & (runs["lam"] > 0)]


def first(runs: pd.DataFrame) -> str:
    """The run to show when none was asked for: the newest that has ended, else the newest."""
    ended = runs[~runs["state"].isin(TRAINS)]
    return str((ended if len(ended) else runs)["run"].iloc[0])


def run_box(name: str, label: str, runs: pd.DataFrame, optional: bool = False) -> None:
    """The list; a run of the URL that is not in it is listed too, so that it can be said why."""
    titles = {row["run"]: text.run_title(row) for row in runs.to_dict("records")}
    chosen = state.get(name)
    if chosen and chosen not in titles:
        titles = {chosen: f"run {chosen}", **titles}
    st.session_state[f"w_{name}"] = chosen if chosen or optional else next(iter(titles), None)
    st.selectbox(
        label,
        list(titles),
        format_func=lambda run: titles.get(run, run),
        key=f"w_{name}",
        on_change=state.chose,
        args=(name,),
        placeholder="Choose a run",
        index=None if optional else 0,
        label_visibility="visible" if optional else "collapsed",
    )
