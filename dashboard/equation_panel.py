"""The constraint with today's numbers under each symbol, folded away under the curves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.page_state import forecast
from dashboard.settings import method_of
from dashboard.text import equation as text


def panel(shown: Any, epochs: pd.DataFrame, config: Any) -> None:
    """Typeset, with numbers that are means over the runs at their latest common epoch.

    Args:
        shown: the launch on the page (`live.Shown`), or None.
        epochs: its epochs so far, with `text.COLUMNS`.
        config: what the panel is of while nothing is launched.
    """
    config = shown.configs[0] if shown else config
    if config.method not in text.TERMS:
        return
    with (
        st.container(key="equation"),
        st.expander("The constraint with today's numbers", key="equation_fold"),
    ):
        runs = list(dict.fromkeys(shown.launch.runs)) if shown else []
        epoch, now = numbers(epochs, runs)
        if epoch is None:
            _in_print(config)
        else:
            _in_numbers(shown, config, epoch, now)


def _in_print(config: Any) -> None:
    """The equation and what its symbols mean, before there is a number."""
    st.latex(text.bare(config.method, method_of(config.method).constraint_number))
    with st.container(horizontal=True, gap="medium", key="meanings"):
        for latex, meaning in text.meanings(config.method, config.balanced):
            st.markdown(f"${latex}$ :gray[{meaning}]", width="content")
    st.caption("The numbers come with the first epoch.")


def _in_numbers(shown: Any, config: Any, epoch: int, now: dict[str, float]) -> None:
    number = method_of(config.method).constraint_number
    st.latex(text.equation(config.method, number, now, shown.balanced))
    density = None
    if config.target_support == "all":
        density = getattr(forecast(config), "density", None)
    row = st.container(horizontal=True, gap="medium", key="symbols")
    for symbol in text.symbols(config.method, now, shown.balanced, density):
        row.markdown(f"${symbol.latex}$ = **{symbol.value}**", help=symbol.meaning, width="content")
    n = len(shown.configs)
    whose = f"means over {n} seeds" if n > 1 else "of this run"
    st.caption(f"Epoch {epoch}, {whose}. Numbers that add up do so before rounding.")


def numbers(epochs: pd.DataFrame, runs: list[str]) -> tuple[int | None, dict[str, float]]:
    """The latest epoch that all of `runs` that still train have, and the means of its columns."""
    mine = epochs[epochs["run"].isin(runs)]
    if mine.empty:
        return None, {}
    latest = int(mine["epoch"].max())
    rows = mine[mine["epoch"] == latest]
    found = {name: rows[name].mean() if name in rows else np.nan for name in text.COLUMNS}
    return latest, {name: float(value) for name, value in found.items()}
