"""The six panels that grow while a launch trains, over one epoch axis.

Entropy and ESS; constraint violation; losses; validation AUC, NDCG@5 and log loss. Seeds are thin,
their mean is bold; the twin (the identical runs with uniform weights) is a grey dashed ghost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dashboard.charts.curves import ended_early, mean_of_runs, pivot, points, stride_for
from dashboard.charts.panel_layout import (
    add_axes,
    base_layout,
    curve_label,
    hide_ticks,
    suffix_of,
    thinned_note,
)
from dashboard.charts.panels import OPTIONAL, Line, Panel, panels


def live_panels(
    epochs: pd.DataFrame,
    runs: Sequence[str],
    twins: Sequence[str] = (),
    *,
    balanced: bool = True,
    simulated: bool = False,
    revision: str = "",
) -> dict[str, Any]:
    """The figure of one launch.

    Args:
        epochs: one row a run and epoch, columns run, epoch and those of `EpochDone.columns`.
        runs: the runs themselves, one a seed. twins: their twins, or none.
        balanced: whether the runs have balancing weights.
        revision: what zoom and hidden curves belong to.
    """
    present = {name for name in OPTIONAL if name in epochs and epochs[name].notna().any()}
    last = int(epochs["epoch"].max()) if len(epochs) else 0
    stride = stride_for(last)
    traces: list[dict[str, Any]] = []
    layout = base_layout(revision)
    for k, panel in enumerate(panels(balanced, simulated, present)):
        add_axes(layout, k, panel)
        traces.append(_frame(k))
        if panel.band:
            traces += _band(epochs, runs, k)
        traces += _panel_traces(epochs, panel, runs, twins, balanced, k, stride)
        layout["annotations"] += _labels(epochs, panel, runs, k)
        if not panel.lines:
            hide_ticks(layout, f"yaxis{suffix_of(k)}")
    if not last:
        hide_ticks(layout)
    _name_once(traces)
    if stride > 1:
        layout["annotations"].append(thinned_note(stride))
    return {"data": traces, "layout": layout}


def _frame(k: int) -> dict[str, Any]:
    """A trace without points: a panel with nothing to draw yet keeps its axes."""
    empty = {"x": [], "y": [], "hoverinfo": "skip", "connectgaps": False}
    return _styled(k, {"dash": "solid"}, "", "frame", 0) | empty


def _panel_traces(
    epochs: pd.DataFrame,
    panel: Panel,
    runs: Sequence[str],
    twins: Sequence[str],
    balanced: bool,
    k: int,
    stride: int,
) -> list[dict[str, Any]]:
    role = "balanced" if balanced else "base"
    ghosts, thin, bold = [], [], []
    for column in panel.twin:
        curve = mean_of_runs(pivot(epochs, column, twins))
        if len(curve):
            style = {"color": "@base", "width": 1.7, "dash": "dash"}
            ghosts.append(_trace(curve, k, stride, style, "twin", "twin", 20))
    for line in panel.lines:
        wide = pivot(epochs, line.column, runs)
        if len(runs) > 1 and line.role == "mean":
            style = {"color": f"@{role}_thin", "width": 0.9, "dash": line.dash}
            thin.append(_seeds(wide, k, stride, style))
        style = {"color": _color(line, role), "width": line.width, "dash": line.dash}
        name, rank = (_mean_name(epochs, runs), 10) if len(runs) > 1 else ("this run", 10)
        if line.role == "uniform":
            name, rank = "same model, uniform weights", 25
        trace = _trace(mean_of_runs(wide), k, stride, style, name, line.role, rank)
        trace["hovertemplate"] = f"{line.name} %{{y:.4~g}}<extra></extra>"
        if trace["y"]:
            bold.append(trace)
    return ghosts + thin + bold


def _color(line: Line, role: str) -> str:
    """The role's hue; darker beside the run's own curve, not to look like a seed."""
    if line.role == "uniform":
        return "@base"
    return f"@{role}" if line.role == "mean" else "@balanced_text"


def _labels(
    epochs: pd.DataFrame, panel: Panel, runs: Sequence[str], k: int
) -> list[dict[str, Any]]:
    """Names at the ends of the curves that have one, away from the panel's first curve."""
    last = {
        line: curve
        for line in panel.lines
        if len(curve := mean_of_runs(pivot(epochs, line.column, runs)))
    }
    if not last or panel.lines[0] not in last:
        return []
    main = float(last[panel.lines[0]].iloc[-1])
    return [
        curve_label(line.label, int(curve.index[-1]), y := float(curve.iloc[-1]), k, below=y < main)
        for line, curve in last.items()
        if line.label
    ]


def _mean_name(epochs: pd.DataFrame, runs: Sequence[str]) -> str:
    return "mean, ended seeds held" if ended_early(epochs, runs) else "mean"


def _seeds(wide: pd.DataFrame, k: int, stride: int, style: dict[str, Any]) -> dict[str, Any]:
    """Every run's own curve as one trace with gaps: a browser draws one much faster than five."""
    x: list[int | None] = []
    y: list[float | None] = []
    for run in wide:
        one = points(wide[run], stride)
        n = len(one["y"])
        start, step = one.get("x0", 0), one.get("dx", 1)
        x += [*one.get("x", range(start, start + n * step, step)), None]
        y += [*one["y"], None]
    trace = {"x": x[:-1], "y": y[:-1], "connectgaps": False, "hoverinfo": "skip"}
    return _styled(k, style, "each seed", "seed", 30) | trace


def _trace(
    curve: pd.Series,
    k: int,
    stride: int,
    style: dict[str, Any],
    name: str,
    group: str,
    rank: int,
) -> dict[str, Any]:
    drawn = points(curve, stride)
    mode = "lines+markers" if len(drawn["y"]) == 1 else "lines"
    said = {"hovertemplate": "twin %{y:.4~g}<extra></extra>", "mode": mode}
    return _styled(k, style, name, group, rank) | drawn | said


def _styled(k: int, style: dict[str, Any], name: str, group: str, rank: int) -> dict[str, Any]:
    suffix = suffix_of(k)
    return {
        "type": "scatter",
        "mode": "lines",
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "line": style,
        "name": name,
        "legendgroup": group,
        "legendrank": rank,
        "showlegend": False,
    }


def _band(epochs: pd.DataFrame, runs: Sequence[str], k: int) -> list[dict[str, Any]]:
    """The target's ± SE around a violation of nought, as one filled outline."""
    se = mean_of_runs(pivot(epochs, "target_se", runs))
    if se.empty:
        return []
    first, last = int(se.index[0]), int(se.index[-1])
    wide = float(f"{se.iloc[-1]:.4g}")
    return [
        {
            "type": "scatter",
            "mode": "none",
            "x": [first, last, last, first],
            "y": [wide, wide, -wide, -wide],
            "fill": "toself",
            "fillcolor": "@band",
            "hoverinfo": "skip",
            "xaxis": f"x{k + 1}",
            "yaxis": f"y{k + 1}",
            "name": "± SE",
            "legendgroup": "band",
            "legendrank": 40,
            "showlegend": False,
        }
    ]


def _name_once(traces: list[dict[str, Any]]) -> None:
    """Each legend group is named once, by its first trace; the legend switches the whole group."""
    named = {"frame", "all", "in_sample"}  # these say their names at the curve
    for trace in sorted(traces, key=lambda t: t["line"]["dash"] != "solid" if "line" in t else 0):
        if trace["legendgroup"] not in named:
            named.add(trace["legendgroup"])
            trace["showlegend"] = True


def in_words(epochs: pd.DataFrame, runs: Sequence[str], twins: Sequence[str] = ()) -> str:
    """The panels' text alternative: the last mean of each quantity."""
    if epochs.empty:
        return "No epoch is trained yet."
    last = int(epochs.loc[epochs["run"].isin(list(runs)), "epoch"].max())
    said = [f"Epoch {last}, means over {len(runs)} run{'s' if len(runs) != 1 else ''}:"]
    names = {
        "entropy": "weight entropy",
        "ess": "effective sample size over n",
        "ess_all": "of the weights on all pairs",
        "violation": "constraint violation",
        "violation_in_sample": "violation in-sample",
        "violation_uniform": "violation with uniform weights",
        "true_loss": "true ideal loss",
        "validation_auc": "validation AUC",
    }
    for column, name in names.items():
        curve = mean_of_runs(pivot(epochs, column, runs))
        if len(curve):
            twin = mean_of_runs(pivot(epochs, column, twins))
            beside = f" (twin {twin.iloc[-1]:.3f})" if len(twin) else ""
            said.append(f"{name} {curve.iloc[-1]:.3f}{beside};")
    return " ".join(said).rstrip(";") + "."
