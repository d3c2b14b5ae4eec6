"""What stands under the charts: test metrics once a launch has ended, and what to take away."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from dashboard import forms, results
from dashboard.live import Shown
from dashboard.text import bias as text
from engine import api


def below(shown: Shown) -> None:
    """Test metrics once the launch has ended, and everything to take away."""
    runs = api.runs(launch=shown.launch.id).set_index("run")
    broken = runs.loc[runs["state"] == "failed", "error"].dropna().unique()
    for error in broken:
        st.error(f"A run failed: {error}")
    with st.container(key="results"):
        numbers, files = st.columns([2.15, 1], gap="medium")
        with numbers:
            _tables(shown, runs)
        with files:
            _take_away(shown, runs)


def _tables(shown: Shown, runs: pd.DataFrame) -> None:
    st.subheader("At each run's best epoch", anchor=False)
    if runs["best_epoch"].isna().all() or runs["test_auc"].isna().all():
        st.caption("Test metrics are computed once, when a run ends.")
        return
    ids = [run for run in shown.launch.runs if pd.notna(runs.loc[run, "test_auc"])]
    twins = {
        run: twin
        for run, twin in shown.launch.twins.items()
        if pd.notna(runs.loc[twin, "test_auc"])
    }
    n = len(ids)
    spread = f"mean ± 95 % interval over {n} seeds" if n > 1 else "one seed, so no interval"
    st.caption(f"Chosen on validation AUC; {spread}. Difference: run − twin, seed by seed.")
    if shown.simulated:
        st.markdown(results.as_markdown(results.table(runs, ids, twins, "truth")))
        _bias(shown, runs, ids)
    for part, title in results.PARTS.items():
        frame = results.table(runs, ids, twins, part)
        if not frame.empty:
            st.markdown(f"**{title}**")
            st.markdown(results.as_markdown(frame))


def _bias(shown: Shown, runs: pd.DataFrame, ids: list[str]) -> None:
    """How far the estimate is off, and why, where the simulation can tell."""
    facts = [api.run(run).facts for run in ids]
    found = text.bias_of(facts, list(runs.loc[ids, "true_loss"]), shown.balanced)
    if found is None:
        return
    st.markdown(f"**{text.HEADING}**")
    with st.container(key="bias"):
        rows = [
            {"Estimate − true ideal loss": what, " ": value} for what, value in text.table(found)
        ]
        st.markdown(results.as_markdown(pd.DataFrame(rows)))
        st.markdown(text.in_words(found))


def _take_away(shown: Shown, runs: pd.DataFrame) -> None:
    st.subheader("Take it away", anchor=False)
    name = f"counterweight-{shown.launch.id}"
    every = [*dict.fromkeys(shown.launch.runs), *shown.twins]
    with st.container(horizontal=True):
        st.download_button(
            "Epochs (CSV)",
            lambda: api.epochs(every).to_csv(index=False),
            file_name=f"{name}-epochs.csv",
            mime="text/csv",
            on_click="ignore",
        )
        st.download_button(
            "Results (CSV)",
            runs.to_csv(),
            file_name=f"{name}-results.csv",
            mime="text/csv",
            on_click="ignore",
        )
    st.caption("The same from a shell:")
    command = forms.command_line(shown.configs[0], len(shown.configs))
    st.code(command.replace(" --", " \\\n  --"), language="bash")
    if runs["edited"].any():
        st.caption("λ was moved by hand while it trained: the command does not repeat that.")
    st.caption("The address of this page shows this launch and its settings again.")
