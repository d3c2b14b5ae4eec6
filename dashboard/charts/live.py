"""The panels that grow while a launch trains, over one epoch axis.

At first six: entropy and ESS; constraint violation; losses; validation AUC, NDCG@5 and log loss.
Seeds are thin, their mean is bold; the twin (the identical runs with uniform weights) is a grey
dashed ghost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dashboard.charts.curves import Table, mean_of_runs, stride_for
from dashboard.charts.drawing import Drawing, styled
from dashboard.charts.looks import AT_FIRST, Look
from dashboard.charts.panel_layout import (
    add_axes,
    base_layout,
    hide_ticks,
    suffix_of,
    thinned_note,
)
from dashboard.charts.panels import OPTIONAL, PHASES, Panel, panels


def live_panels(
    epochs: pd.DataFrame | Table,
    runs: Sequence[str],
    twins: Sequence[str] = (),
    *,
    balanced: bool = True,
    simulated: bool = False,
    revision: str = "",
    look: Look = AT_FIRST,
) -> dict[str, Any]:
    """The figure of one launch.

    Args:
        epochs: one row a run and epoch, columns run, epoch and those of `EpochDone.columns`.
        runs: the runs themselves, one a seed. twins: their twins, or none.
        balanced: whether the runs have balancing weights.
        revision: what zoom and hidden curves belong to.
        look: which panels, on what axes, how smooth.
    """
    table = Table.of(epochs)
    present = {name for name in OPTIONAL if table.has(name)}
    last = table.last
    chosen = panels(balanced, simulated, present, look.keys)
    drawn = Drawing(table, runs, twins, "balanced" if balanced else "base", look)
    drawn.stride = stride_for(last, curves_of(chosen, len(runs), look.smooth > 0))
    traces: list[dict[str, Any]] = []
    layout = base_layout(revision, len(chosen))
    for k, panel in enumerate(chosen):
        add_axes(layout, k, len(chosen), panel, look, revision)
        traces.append(_frame(k, panel))
        traces += drawn.band(panel, k) + drawn.panel(panel, k)
        layout["annotations"] += drawn.labels(panel, k)
        if not panel.lines:
            hide_ticks(layout, f"yaxis{suffix_of(k)}")
    if not last:
        hide_ticks(layout)
    _name_once(traces)
    if drawn.stride > 1:
        layout["annotations"].append(thinned_note(drawn.stride))
    return {"data": traces, "layout": layout}


def curves_of(chosen: Sequence[Panel], n_runs: int, smooth: bool) -> int:
    """How many curves will be drawn: means and twins, raw ones beneath them, seeds."""
    each = n_runs if n_runs > 1 else 0
    lines = [line for panel in chosen for line in panel.lines]
    single = len(lines) + sum(len(panel.twin) for panel in chosen)
    return (2 if smooth else 1) * single + each * sum(line.role == "mean" for line in lines)


def _frame(k: int, panel: Panel) -> dict[str, Any]:
    """A trace without points: a panel with nothing to draw yet keeps its axes."""
    empty = {"x": [], "y": [], "hoverinfo": "skip", "connectgaps": False}
    return styled(k, panel.key, {"dash": "solid"}, "", "frame", 0) | empty


def _name_once(traces: list[dict[str, Any]]) -> None:
    """Each legend group is named once, by its first trace; the legend switches the whole group."""
    # These say their names at the curve, or under the panel's title.
    named = {"frame", "all", "in_sample", "target", *PHASES}
    for trace in sorted(traces, key=lambda t: t["line"]["dash"] != "solid" if "line" in t else 0):
        if trace["legendgroup"] not in named:
            named.add(trace["legendgroup"])
            trace["showlegend"] = True


def in_words(epochs: pd.DataFrame | Table, runs: Sequence[str], twins: Sequence[str] = ()) -> str:
    """The panels' text alternative: the last mean of each quantity."""
    table = Table.of(epochs)
    if not table.last:
        return "No epoch is trained yet."
    last = max(table.last_of(runs))
    said = [f"Epoch {last}, means over {len(runs)} run{'s' if len(runs) != 1 else ''}:"]
    names = {
        "entropy": "weight entropy",
        "ess": "effective sample size over n",
        "ess_estimate": "the same of w over p",
        "ess_all": "of the weights on all pairs",
        "violation": "constraint violation",
        "violation_in_sample": "violation in-sample",
        "target": "target",
        "violation_uniform": "violation with uniform weights",
        "true_loss": "true ideal loss",
        "validation_auc": "validation AUC",
        "validation_ndcg10": "validation NDCG@10",
    }
    for column, name in names.items():
        curve = mean_of_runs(table.wide(column, runs))
        if len(curve):
            twin = mean_of_runs(table.wide(column, twins))
            beside = f" (twin {twin.iloc[-1]:.3f})" if len(twin) else ""
            said.append(f"{name} {curve.iloc[-1]:.3f}{beside};")
    return " ".join(said).rstrip(";") + "."
