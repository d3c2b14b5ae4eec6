"""What changes while a launch trains: a fragment that looks every moment, and only then.

A fragment's timer runs in the browser. It is on while something runs; the fragment that sees the
end asks for one full rerun, which puts it on the page again without a timer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import equation_panel, look_menu, plane_panel, view
from dashboard.charts import marks
from dashboard.charts.curves import Table
from dashboard.charts.live import in_words, live_panels
from dashboard.charts.panel_layout import narrow_layout
from dashboard.charts.panels import PHASES, TITLES
from dashboard.charts.weights import decile_map, histogram_in_words, weights_histogram
from dashboard.live_figure import live_figure
from dashboard.settings import is_simulated
from dashboard.text import equation
from dashboard.text import lab as text
from dashboard.widget_value import make_show
from engine import api

EVERY_SECONDS = 0.7
PAUSED_SECONDS = 4.0
STEPPING_SECONDS = 0.3
# What is read at every look: all that a panel, the phase plane or the equation may show.
COLUMNS = tuple(
    dict.fromkeys(
        (
            *("entropy", "ess", "entropy_all", "ess_all", "ess_estimate"),
            *("violation", "violation_uniform", "violation_r", "violation_in_sample"),
            *("loss", "true_loss", "validation_auc", "validation_ndcg5", "validation_ndcg10"),
            *("validation_mse", "validation_log_loss", "exact_kl", "oracle_correlation"),
            *(f"seconds_{name}" for name in PHASES),
            *plane_panel.COLUMNS,
            *equation.COLUMNS,
        )
    )
)


@dataclass(frozen=True)
class Shown:
    """The launch on the page: its runs, their configs, and whether the data are simulated."""

    launch: Any
    configs: tuple[Any, ...]
    simulated: bool

    @property
    def balanced(self) -> bool:
        """Whether the runs have weights at all."""
        return bool(self.configs[0].balanced)

    @property
    def twins(self) -> list[str]:
        """The twins, each once."""
        return list(dict.fromkeys(self.launch.twins.values()))


def phase(progress: Any) -> str:
    """What the controls depend on: nothing, "active", "paused" or "ended"."""
    if progress is None:
        return ""
    if progress.state in ("queued", "running"):
        return "active"
    return "paused" if progress.state == "paused" else "ended"


def stepping(progress: Any) -> bool:
    """Whether a paused launch is about to take the steps asked for."""
    return phase(progress) == "paused" and progress.asked == "step"


def progress_of(shown: Shown | None) -> Any:
    """How far the launch on the page is, None where there is none."""
    return api.progress(shown.launch.id) if shown else None


def watch(shown: Shown | None, progress: Any, config: Any, header: Callable[[Any], None]) -> None:
    """The status line and the charts, renewed while the launch is active.

    Args:
        progress: what the rest of the page was drawn from; once it is over, all is drawn anew.
        config: of the form: what the empty panels are for while nothing is launched.
        header: draws what stands above the charts, from the progress.
    """
    # A paused launch may be resumed by another browser or the command line.
    every = {"active": EVERY_SECONDS, "paused": PAUSED_SECONDS}.get(phase(progress))
    every = STEPPING_SECONDS if stepping(progress) else every

    def look() -> None:
        if shown and st.session_state.get("launch") != shown.launch.id:
            st.rerun()  # a button of the fragment started another launch
        try:
            now = progress_of(shown)
        except api.StoreError:
            st.rerun()  # deleted while it was shown: the page says so
        if (phase(now), stepping(now)) != (phase(progress), stepping(progress)):
            st.rerun()
        header(now)
        charts(shown, config)

    st.fragment(look, run_every=every)()


def charts(shown: Shown | None, config: Any) -> None:
    """The curves; beside them weights or phase plane; under them the equation."""
    left, right = st.columns([2.15, 1], gap="medium")
    revision = shown.launch.id if shown else "none"
    balanced = shown.balanced if shown else True
    simulated = shown.simulated if shown else is_simulated(config)
    epochs = read_epochs(shown)
    with left:
        look_menu.menu(balanced, simulated)
        with st.container(key="curves"):
            _curves(shown, epochs, balanced, simulated, revision)
    with right:
        _inspect(shown)
        if _beside() == "plane":
            plane_panel.panel(shown, epochs, revision)
        else:
            _weights(shown, revision)
    equation_panel.panel(shown, epochs, config)
    view.write()


def _curves(
    shown: Shown | None, epochs: pd.DataFrame, balanced: bool, simulated: bool, revision: str
) -> None:
    table, look = Table(epochs), view.now().look
    runs = list(shown.launch.runs) if shown else []
    twins = shown.twins if shown else []
    figure = live_panels(
        *(table, runs, twins),
        balanced=balanced,
        simulated=simulated,
        revision=revision,
        look=look,
    )
    moves = moves_of(shown)
    last = int(epochs["epoch"].max()) if len(epochs) else 0
    live_figure(
        marks.with_marks(figure, moves, runs, last),
        key="panels",
        label="Curves over epochs: " + ", ".join(TITLES[key] for key in look.keys),
        description=in_words(table, runs, twins) + marks.in_words(moves, runs),
        narrow=narrow_layout(len(look.keys)),
        crosshair=True,
        zoom=view.now().zoom,
        on_zoom=lambda zoom: view.change(zoom=zoom),
    )


def _beside() -> str:
    """What stands beside the curves, by a switch above it."""
    make_show("v_beside", view.now().beside)
    with st.container(key="beside"):
        st.segmented_control(
            "Beside the curves",
            list(view.BESIDE),
            format_func=text.BESIDE.get,
            required=True,
            key="v_beside",
            on_change=lambda: view.change(beside=st.session_state["v_beside"]),
            label_visibility="collapsed",
        )
    return view.now().beside


def read_epochs(shown: Shown | None) -> pd.DataFrame:
    """The epochs so far of every run and twin; only those that are new are read."""
    if shown is None:
        return pd.DataFrame(columns=["run", "epoch", *COLUMNS])
    held: tuple[str, pd.DataFrame] | None = st.session_state.get("epochs")
    before = held[1] if held is not None and held[0] == shown.launch.id else None
    after = None if before is None else before.groupby("run")["epoch"].max().to_dict()
    runs = [*dict.fromkeys(shown.launch.runs), *shown.twins]
    found = api.epochs(runs, columns=COLUMNS, after=after)
    if before is not None:
        found = pd.concat([before, found], ignore_index=True) if len(found) else before
    st.session_state["epochs"] = (shown.launch.id, found)
    return found


def moves_of(shown: Shown | None) -> pd.DataFrame:
    """Where λ was moved by hand."""
    if shown is None:
        return pd.DataFrame(columns=["run", "epoch", "block", "half", "new"])
    return api.interventions(shown.launch.id)


def _inspect(shown: Shown | None) -> None:
    """The way to the Weights page, once there are weights of an epoch."""
    if shown is None or not shown.balanced:
        return
    progress = progress_of(shown)
    if progress.epoch > 0 or phase(progress) == "ended":
        with st.container(key="inspect"):
            st.page_link(
                "app_pages/weights.py",
                label="Inspect these weights",
                icon=":material/balance:",
                query_params={"run": shown.launch.runs[0]},
            )


def _weights(shown: Shown | None, revision: str) -> None:
    counts, log2_mean, epoch = weights_now(shown)
    note = "press Start"
    if shown is not None:
        n = len(shown.launch.runs)
        note = f"epoch {epoch}, " + (f"mean of {n} seeds" if n > 1 else "this run")
        if epoch is None:
            note = "uniform: nothing is balanced" if not shown.balanced else "waiting for an epoch"
    live_figure(
        weights_histogram(
            counts, api.HISTOGRAM_EDGES, revision=revision, note=f"share of rated pairs; {note}"
        ),
        key="histogram",
        label="Histogram of the balancing weights, log scale",
        description=histogram_in_words(counts, api.HISTOGRAM_EDGES),
    )
    live_figure(
        decile_map(log2_mean, revision=revision, note="mean weight of the pairs in each cell"),
        key="map",
        label="Map of the mean weight, users by activity and items by popularity",
        description="Twelve groups of users by number of ratings, twelve of items by popularity.",
    )


def weights_now(
    shown: Shown | None,
) -> tuple[np.ndarray | None, np.ndarray | None, int | None]:
    """Histogram counts over all seeds, mean log2 weight by cell, and the epoch both are of."""
    if shown is None or not shown.balanced:
        return None, None, None
    found = [s for s in map(_snapshot, shown.launch.runs) if s is not None]
    if not found:
        return None, None, None
    counts = np.sum([s.histogram for s in found], axis=0)
    maps = np.array([s.decile_map for s in found if s.decile_map is not None], dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = np.log2(maps) if len(maps) else np.full((1, 12, 12), np.nan)
    known = np.isfinite(cells)
    mean = np.where(known, cells, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    mean = np.where(known.any(axis=0), mean, np.nan)
    return counts, mean, max(s.epoch for s in found)


def _snapshot(run: str) -> Any:
    """The run's weights by its latest kept epoch, None before the first."""
    try:
        found = api.snapshot(run)
    except api.StoreError:
        return None
    return found if found.histogram is not None else None
