"""The six panels that grow while a launch trains, over one epoch axis.

Entropy and ESS; constraint violation; losses; validation AUC, NDCG@5 and log loss. Seeds are thin,
their mean is bold; the twin (the identical runs with uniform weights) is a grey dashed ghost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboard.charts.curves import mean_while_all, pivot, points, stride_for

HEIGHT = 572
TOP, BOTTOM = 40, 58  # pixels for the first row's titles; for ticks, axis title and legend
GAP = 50  # pixels between rows, for the titles of the next one
NARROW_ROW = 190
COLUMNS = ((0.0, 0.45), (0.55, 1.0))
N_PANELS = 6


@dataclass(frozen=True)
class Line:
    """One quantity in a panel: its column, its name in print, its dash and role in the legend."""

    column: str
    name: str
    dash: str = "solid"
    role: str = "mean"
    width: float = 2.4


@dataclass(frozen=True)
class Panel:
    """One panel: title, the line under it that labels its curves, and what it draws."""

    title: str
    note: str
    lines: tuple[Line, ...]
    twin: tuple[str, ...] = ()
    band: bool = False
    include: tuple[float, ...] = ()


def panels(balanced: bool, simulated: bool, second_moment: bool) -> tuple[Panel, ...]:
    """What the six panels show for a launch of this kind."""
    weights = Panel(
        "How uniform the weights are",
        "<b>entropy</b> (bold), <b>ESS / n</b> (dotted); 1 = uniform",
        (Line("entropy", "entropy"), Line("ess", "ESS / n", dash="dot", width=1.8)),
        include=(1.0,),
    )
    violation_lines = [
        Line("violation", "violation"),
        Line("violation_uniform", "same model, uniform weights", "dot", "uniform", 1.6),
    ]
    if second_moment:
        violation_lines.append(
            Line("violation_r", "violation of the label", "dashdot", "mean", 1.6)
        )
    if not balanced:
        violation_lines = [Line("violation_uniform", "violation")]
    violation = Panel(
        "Constraint violation",
        "left side − target; band: ± SE of the target",
        tuple(violation_lines),
        band=True,
        include=(0.0,),
    )
    loss = Panel(
        "Training loss", "what the optimiser minimises", (Line("loss", "loss"),), ("loss",)
    )
    if simulated:
        loss = Panel(
            "Loss of the predictor",
            "<b>true ideal loss</b> over all pairs (bold), training loss (dotted)",
            (Line("true_loss", "true ideal loss"), Line("loss", "training loss", "dot", width=1.5)),
            ("true_loss",),
        )
    return (weights, violation, loss, *_validation_panels())


def _validation_panels() -> tuple[Panel, ...]:
    return tuple(
        Panel(title, note, (Line(column, title),), (column,))
        for column, title, note in (
            ("validation_auc", "Validation AUC", "higher is better; chooses the best epoch"),
            ("validation_ndcg5", "Validation NDCG@5", "higher is better"),
            ("validation_log_loss", "Validation log loss", "nats per rating; lower is better"),
        )
    )


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
    second = "violation_r" in epochs and bool(epochs["violation_r"].notna().any())
    last = int(epochs["epoch"].max()) if len(epochs) else 0
    stride = stride_for(last)
    traces: list[dict[str, Any]] = []
    layout = _layout(revision)
    for k, panel in enumerate(panels(balanced, simulated, second)):
        _axes(layout, k, panel)
        traces.append(_frame(k))
        if panel.band:
            traces += _band(epochs, runs, k)
        traces += _panel_traces(epochs, panel, runs, twins, balanced, k, stride)
    if not last:
        _nothing_yet(layout)
    _name_once(traces)
    if stride > 1:
        layout["annotations"].append(_thinned(stride))
    return {"data": traces, "layout": layout}


def _frame(k: int) -> dict[str, Any]:
    """A trace without points: a panel with nothing to draw yet keeps its axes."""
    empty = {"x": [], "y": [], "hoverinfo": "skip", "connectgaps": False}
    return _styled(k, {"dash": "solid"}, "", "frame", 0) | empty


def _nothing_yet(layout: dict[str, Any]) -> None:
    """Empty panels show frames and no made-up numbers."""
    for name in [key for key in layout if key.startswith(("xaxis", "yaxis"))]:
        layout[name] |= {"range": [0, 1], "showticklabels": False}


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
        curve = mean_while_all(pivot(epochs, column, twins))
        if len(curve):
            style = {"color": "@base", "width": 1.7, "dash": "dash"}
            ghosts.append(_trace(curve, k, stride, style, "twin", "twin", 20))
    for line in panel.lines:
        wide = pivot(epochs, line.column, runs)
        color = "@base" if line.role == "uniform" else f"@{role}"
        if len(runs) > 1 and line.role == "mean":
            style = {"color": f"@{role}_thin", "width": 0.9, "dash": line.dash}
            thin.append(_seeds(wide, k, stride, style))
        style = {"color": color, "width": line.width, "dash": line.dash}
        name, rank = ("mean while all train", 10) if len(runs) > 1 else ("this run", 10)
        if line.role == "uniform":
            name, rank = "same model, uniform weights", 25
        trace = _trace(mean_while_all(wide), k, stride, style, name, line.role, rank)
        trace["hovertemplate"] = f"{line.name} %{{y:.4~g}}<extra></extra>"
        if trace["y"]:
            bold.append(trace)
    return ghosts + thin + bold


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
    suffix = _suffix(k)
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


def _suffix(k: int) -> str:
    """Plotly calls its axes x, x2, x3, ..."""
    return "" if k == 0 else str(k + 1)


def _band(epochs: pd.DataFrame, runs: Sequence[str], k: int) -> list[dict[str, Any]]:
    """The target's ± SE around a violation of nought, as one filled outline."""
    se = mean_while_all(pivot(epochs, "target_se", runs))
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
    named = {"frame"}
    for trace in sorted(traces, key=lambda t: t["line"]["dash"] != "solid" if "line" in t else 0):
        if trace["legendgroup"] not in named:
            named.add(trace["legendgroup"])
            trace["showlegend"] = True


def _layout(revision: str) -> dict[str, Any]:
    return {
        "height": HEIGHT,
        "uirevision": revision,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12, "color": "@text"},
        "margin": {"l": 40, "r": 12, "t": TOP, "b": BOTTOM, "pad": 0},
        "hovermode": "x",
        "hoverdistance": 60,
        "hoverlabel": {"bgcolor": "@panel", "bordercolor": "@axis", "font": {"color": "@text"}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "font": {"size": 11.5, "color": "@muted"},
            "itemsizing": "trace",
            "bgcolor": "rgba(0,0,0,0)",
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@axis", "activecolor": "@muted"},
        "annotations": [],
    }


def _axes(layout: dict[str, Any], k: int, panel: Panel) -> None:
    suffix = _suffix(k)
    row, column = divmod(k, 2)
    common = {
        "showgrid": True,
        "gridcolor": "@grid",
        "zeroline": False,
        "linecolor": "@axis",
        "tickfont": {"size": 11, "color": "@muted"},
        "automargin": False,
    }
    layout[f"xaxis{suffix}"] = {
        **common,
        "domain": list(COLUMNS[column]),
        "showticklabels": row == 2,
        "anchor": f"y{suffix}",
        "showgrid": False,
        "showline": True,
        "rangemode": "tozero",
        "nticks": 6,
        "tickformat": "d",
        **({"matches": "x"} if k else {}),
    }
    if row == 2:
        layout[f"xaxis{suffix}"]["title"] = {
            "text": "epoch",
            "font": {"size": 11, "color": "@muted"},
            "standoff": 2,
        }
    layout[f"yaxis{suffix}"] = {
        **common,
        "domain": _row(row),
        "anchor": f"x{suffix}",
        "nticks": 5,
        "tickformat": ".3~g",
        "autorangeoptions": {"include": list(panel.include)} if panel.include else {},
    }
    if panel.band:
        layout[f"yaxis{suffix}"] |= {"zeroline": True, "zerolinecolor": "@axis"}
    layout["annotations"].append(_title(panel, suffix))


def _row(row: int) -> list[float]:
    """The part of the figure's height that a row of panels takes, from the bottom in [0, 1]."""
    inner = HEIGHT - TOP - BOTTOM
    high = (inner - 2 * GAP) / 3
    top = inner - row * (high + GAP)
    return [round(max(0.0, top - high) / inner, 4), round(top / inner, 4)]


def _title(panel: Panel, suffix: str) -> dict[str, Any]:
    text = (
        f"<span style='font-weight:600'>{panel.title}</span>"
        f"<br><span style='font-size:11px;color:@muted'>{panel.note}</span>"
    )
    return {
        "text": text,
        "xref": f"x{suffix} domain",
        "yref": f"y{suffix} domain",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 4,
        "align": "left",
        "showarrow": False,
        "font": {"size": 13, "color": "@text"},
    }


def _thinned(stride: int) -> dict[str, Any]:
    return {
        "text": f"one epoch in {stride} is drawn; the CSV has all",
        "xref": "paper",
        "yref": "paper",
        "x": 1,
        "y": 0,
        "xanchor": "right",
        "yanchor": "top",
        "yshift": -20,
        "showarrow": False,
        "font": {"size": 11, "color": "@muted"},
    }


def narrow_layout() -> dict[str, Any]:
    """Layout entries for a phone: the six panels one under another."""
    height = NARROW_ROW * N_PANELS + 140
    inner = height - TOP - 100
    row = inner / N_PANELS
    entries: dict[str, Any] = {"height": height, "margin.b": 100, "xaxis5.title.text": ""}
    for k in range(N_PANELS):
        suffix = _suffix(k)
        bottom = max(0.0, 1 - ((k + 1) * row - (64 if k < N_PANELS - 1 else 0)) / inner)
        entries[f"xaxis{suffix}.domain"] = [0.0, 1.0]
        entries[f"xaxis{suffix}.showticklabels"] = True
        entries[f"yaxis{suffix}.domain"] = [bottom, 1 - k * row / inner]
    return entries


def in_words(epochs: pd.DataFrame, runs: Sequence[str], twins: Sequence[str] = ()) -> str:
    """The panels' text alternative: the last mean of each quantity."""
    if epochs.empty:
        return "No epoch is trained yet."
    last = int(epochs.loc[epochs["run"].isin(list(runs)), "epoch"].max())
    said = [f"Epoch {last}, means over {len(runs)} run{'s' if len(runs) != 1 else ''}:"]
    names = {
        "entropy": "weight entropy",
        "ess": "effective sample size over n",
        "violation": "constraint violation",
        "violation_uniform": "violation with uniform weights",
        "true_loss": "true ideal loss",
        "validation_auc": "validation AUC",
    }
    for column, name in names.items():
        curve = mean_while_all(pivot(epochs, column, runs))
        if len(curve):
            twin = mean_while_all(pivot(epochs, column, twins))
            beside = f" (twin {twin.iloc[-1]:.3f})" if len(twin) else ""
            said.append(f"{name} {curve.iloc[-1]:.3f}{beside};")
    return " ".join(said).rstrip(";") + "."
