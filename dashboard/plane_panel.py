"""The phase plane beside the curves: which run, which epoch, and what is read off it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import view
from dashboard.charts.plane import Plane, in_words, phase_plane
from dashboard.charts.plane_paper import paper_plane, table
from dashboard.inspecting.takeaway import picture
from dashboard.live_figure import live_figure
from dashboard.settings import lam_counts
from dashboard.text import lab as text
from dashboard.widget_value import make_show
from engine import api

COLUMNS = ("constraint_entropy", "constraint_violation", "target_se", "target_se_r", "lam")

LATEST = 0  # stands for the latest epoch among those of the scrubber
FRONTIER_EVERY = 10  # as `engine.training.frontier` keeps them
MAX_STOPS = 120


def panel(shown: Any, epochs: pd.DataFrame, revision: str) -> None:
    """Scrubber, chart and reading.

    Args:
        shown: the launch on the page (`live.Shown`), or None.
        epochs: its epochs so far, with `COLUMNS`.
    """
    plane = _plane(shown, epochs)
    name = f"{revision} {plane.name}" if plane is not None else revision
    live_figure(
        phase_plane(plane, name, text.plane_note(plane, shown, not epochs.empty)),
        key="plane",
        label="Phase plane: weight entropy against the size of the constraint violation",
        description=in_words(plane),
    )
    if plane is not None:
        st.caption(in_words(plane))
        _files(plane, shown.launch.id)


def _files(plane: Plane, launch: str) -> None:
    """Table, CSV, PNG and SVG; made only while they are looked at, for epochs come all the time."""
    with st.container(key="plane_take"):
        box = st.popover("Table and files", type="tertiary", key="plane_menu", on_change="rerun")
    if not box.open:
        return
    frame, chart = table(plane), paper_plane(plane)
    makers: dict[str, tuple[str, Callable[[], Any]]] = {
        "CSV": ("text/csv", lambda: frame.to_csv(index=False)),
        "PNG": ("image/png", lambda: picture(chart, "png")),
        "SVG": ("image/svg+xml", lambda: picture(chart, "svg")),
    }
    with box:
        st.dataframe(frame, height=240, hide_index=True)
        row = st.container(horizontal=True)
        for kind, (mime, make) in makers.items():
            name = f"counterweight-{launch}-plane-epoch{plane.epoch}.{kind.lower()}"
            row.download_button(
                kind, make, file_name=name, mime=mime, on_click="ignore", key=f"plane_{kind}"
            )


def _plane(shown: Any, epochs: pd.DataFrame) -> Plane | None:
    if shown is None or not shown.balanced or epochs.empty:
        return None
    runs = list(shown.launch.runs)
    lane = min(view.now().lane, len(runs) - 1)
    run, config = runs[lane], shown.configs[lane]
    path = _path(epochs, run)
    if path.empty:
        return None
    kept = api.frontier_epochs(run)
    epoch = _choose(kept, config.epochs, len(runs), lane)
    frontier = api.frontier(run, epoch) if epoch in kept else None
    epoch = epoch if epoch is not None else int(path["epoch"].iloc[-1])
    mine = epochs[epochs["run"] == run]
    row = mine[mine["epoch"] == epoch].iloc[-1]
    se = row["target_se_r"] if config.moments[0] == "r" else row["target_se"]
    return Plane(
        path=path,
        frontier=frontier,
        epoch=epoch,
        lam=float(row["lam"]),  # of that epoch: it may be moved while a run trains
        se=0.0 if config.moments[0] == "e_by_popularity" or pd.isna(se) else float(se),
        name=run,
        penalised=lam_counts(config),
    )


def _path(epochs: pd.DataFrame, run: str) -> pd.DataFrame:
    mine = epochs.loc[epochs["run"] == run, ["epoch", *COLUMNS[:2]]].dropna()
    return mine.rename(columns={f"constraint_{n}": n for n in ("entropy", "violation")})


def _choose(kept: list[int], planned: int, n_runs: int, lane: int) -> int | None:
    """The kept epoch nearest to the scrubber's; the latest, until another one is chosen."""
    if not kept:
        return None
    wanted = view.now().at
    epoch = kept[-1] if wanted is None else min(kept, key=lambda e: abs(e - wanted))
    row = st.container(horizontal=True, vertical_alignment="bottom", key="plane_row")
    if n_runs > 1:
        make_show("v_lane", lane)
        row.selectbox(
            "Seed", range(n_runs), key="v_lane", on_change=_chose, args=("lane",), width=74
        )
    options = scrubbed(planned)
    if len(options) > 2:
        chosen = LATEST if wanted is None else min(options[:-1], key=lambda e: abs(e - wanted))
        make_show("v_at", chosen)
        row.select_slider(
            "Epoch of the frontier",
            options,
            key="v_at",
            on_change=_chose_epoch,
            format_func=lambda e: "latest" if e == LATEST else str(e),
            help=text.FRONTIER,
        )
    return epoch


def scrubbed(planned: int) -> list[int]:
    """What the scrubber offers: the same all through a launch, however far it is.

    A value that moved by itself would be taken for the reader's as soon as a look overtakes it.
    """
    epochs = sorted({1, *range(FRONTIER_EVERY, planned + 1, FRONTIER_EVERY), planned})
    return [*epochs[:: -(-len(epochs) // MAX_STOPS)], LATEST]


def _chose(name: str) -> None:
    view.change(**{name: st.session_state[f"v_{name}"]})


def _chose_epoch() -> None:
    epoch = st.session_state["v_at"]
    view.change(at=None if epoch == LATEST else epoch)
