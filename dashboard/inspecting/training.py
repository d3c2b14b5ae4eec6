"""The weights of a run that trains, in figures that keep zoom and pick while epochs come."""

from __future__ import annotations

from typing import Any

import numpy as np
import streamlit as st

from dashboard.charts.pairs import histogram, reach_of, weight_map
from dashboard.charts.weights import (
    decile_map,
    histogram_in_words,
    map_in_words,
    weights_histogram,
)
from dashboard.inspecting import frames, state
from dashboard.inspecting.takeaway import offer
from dashboard.live_figure import live_figure
from dashboard.text import weights as text
from engine import api

HEIGHT = 320


def charts(run: str, epoch: int, dark: bool) -> None:
    """Histogram and map of one kept epoch, and what is picked in words."""
    try:
        snapshot = api.snapshot(run, epoch)
    except api.StoreError as error:  # deleted while it is shown
        st.warning(str(error))
        return
    name, note = f"counterweight-{run}-epoch{epoch}", f"epoch {epoch}"
    left, right = st.columns([1.45, 1], gap="medium")
    with left:
        figure = weights_histogram(
            snapshot.histogram,
            api.HISTOGRAM_EDGES,
            revision=run,
            note=f"share of rated pairs; {note}",
        )
        figure["layout"]["height"] = HEIGHT
        live_figure(
            figure,
            key="w_live_histogram",
            label="Histogram of the balancing weights, log scale",
            description=histogram_in_words(snapshot.histogram, api.HISTOGRAM_EDGES),
        )
        bars = frames.snapshot_histogram(snapshot.histogram)
        offer(bars, "w_histogram", f"{name}-histogram", histogram(bars, None, reach_of(bars), dark))
    if snapshot.decile_map is None:
        right.caption("Of this epoch no map was kept.")
        return
    with right:
        _map(run, snapshot.decile_map, note, f"{name}-map", dark)
    _picked(snapshot.decile_map)


def _map(run: str, mean: Any, note: str, file: str, dark: bool) -> None:
    cell = state.picked().cell
    with np.errstate(divide="ignore"):
        log2 = np.log2(mean)
    figure = decile_map(log2, revision=run, note=f"mean weight of each cell; {note}", picked=cell)
    figure["layout"]["height"] = HEIGHT
    live_figure(
        figure,
        key="w_live_map",
        label="Map of the mean weight, users by activity and items by popularity",
        description=map_in_words(log2),
        on_pick=_pick,
    )
    cells = frames.snapshot_map(mean, None)
    offer(cells, "w_map", file, weight_map(cells, cell, dark))


def _pick(_revision: str, x: float, y: float) -> None:
    """Pick a cell by a click, or let go of it by another."""
    cell = round(y), round(x)
    state.pick(state.Pick() if state.picked().cell == cell else state.Pick(cell=cell))


def _picked(mean: Any) -> None:
    cell = state.picked().cell
    if cell is None:
        st.caption(text.SELECT_CELL)
        return
    row = st.container(horizontal=True, vertical_alignment="center", key="picked")
    weight = float(mean[cell[0] - 1, cell[1] - 1])
    row.markdown(text.picked_cell(cell, weight), width="content")
    row.button("Let go", key="w_clear", type="tertiary", on_click=state.pick, args=(state.Pick(),))
