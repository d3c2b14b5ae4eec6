"""A study's figure while it grows: panels over one axis, as a Plotly dict for the live figure.

Bold: means over seeds with 95 % intervals; dots: seeds. Open means were computed earlier, hollow
diamonds are published values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.charts.curves import rounded
from dashboard.charts.panel_layout import hide_ticks, suffix_of
from dashboard.charts.study_layout import add_axes, axis_title, base, grid_of, titles
from dashboard.charts.study_panels import Panel
from dashboard.charts.study_rows import Curve, Row
from dashboard.charts.study_shapes import (
    break_mark,
    curve_names,
    level_lines,
    level_names,
    shaded_range,
    span,
)
from dashboard.charts.theme import MARKERS, method_hue

MARK_NAMES = {
    "chosen": "chosen on validation",
    "best": "best on test",
    "published": "published (Table 2)",
}
SAID = ("x", "mean", "high", "n", "source")
# Told by a panel's note, or plain to see.
UNNAMED = ("each seed", "same model, uniform weights", "± SE of the target")


def study_figure(
    rows: Sequence[Row], panels: Sequence[Panel], part: str, *, revision: str
) -> dict[str, Any]:
    """The figure of one view.

    Args:
        part: "test_clean" or "test". revision: what zoom and hidden curves belong to.
    """
    grid = grid_of([row.axis for row in rows], len(panels))
    layout = base(grid, revision)
    traces: list[dict[str, Any]] = []
    for r, row in enumerate(rows):
        for p, panel in enumerate(panels):
            k = r * len(panels) + p
            add_axes(layout, k, grid, r, p, row.axis, panel.signed or bool(row.gain))
            note = panel.short if panel.short and grid.across > 2 else panel.note
            note = row.gain if row.gain and not panel.signed else note
            titles(layout, k, p == 0, f"{row.title}  {row.note}", panel.title, note)
            layout["shapes"] += shaded_range(row.axis, k)
            layout["annotations"] += break_mark(row.axis, k, p == 0 and r == 0)
            found = panel_traces(row, panel, part, k)
            traces += found or [_frame(k)]
            if found:
                layout["shapes"] += level_lines(row, panel, k)
                ends = span(row, panel.column(part))
                layout[f"yaxis{suffix_of(k)}"]["range"] = [float(f"{end:.5g}") for end in ends]
            else:
                hide_ticks(layout, f"yaxis{suffix_of(k)}")
            if grid.place(r, p)[1] == grid.across - 1:
                layout["annotations"] += curve_names(row, panel.column(part), k, grid.high)
    if rows:
        axis_title(layout, rows[0].axis.title)
    traces += level_names(rows, panels)
    _name_once(traces)
    return {"data": traces, "layout": layout}


def panel_traces(row: Row, panel: Panel, part: str, k: int) -> list[dict[str, Any]]:
    """Band, seeds, means, and marks of one panel; none while it has no number."""
    column = panel.column(part)
    if row.means_of(column).empty:
        return []
    traces = _band(row, k) if panel.key == "violation" else []
    for curve in row.curves:
        own = row.means_of(column, curve.key)
        if own.empty:
            continue
        traces.append(_seeds(row.seeds_of(column, curve.key), curve, k))
        if panel.key == "violation":
            traces += _uniform(row, curve, k)
        traces.append(_means(own, curve, k))
    marks = row.marks[row.marks["metric"] == column]
    for kind in MARK_NAMES:
        traces += _marks(marks[marks["kind"] == kind], kind, row.curves, k)
    return traces


def _means(own: pd.DataFrame, curve: Curve, k: int) -> dict[str, Any]:
    hue = f"@{method_hue(curve.method)}"
    half = (own["high"] - own["mean"]).to_numpy(dtype=float)
    symbol = MARKERS.get(curve.method, MARKERS["mf"])[0]
    earlier = (own["source"] == "gallery").to_numpy()
    trace = _styled(k, curve.key, curve.label, 10) | {
        "mode": "lines+markers",
        "x": _places(own),
        "y": rounded(own["mean"].to_numpy(dtype=float)),
        "line": {"color": hue, "width": 2.2 if curve.balanced else 1.6, "dash": curve.dash},
        "marker": {
            "symbol": [f"{symbol}-open" if e else symbol for e in earlier]
            if earlier.any()
            else symbol,
            "size": 6.5,
            "color": hue,
            "line": {"width": 1.5, "color": hue},
        },
        "text": [_said(*row) for row in own[list(SAID)].itertuples(index=False)],
        "hovertemplate": f"{curve.label}, %{{text}}<extra></extra>",
    }
    if np.isfinite(half).any():
        bars = {"type": "data", "array": rounded(np.nan_to_num(half)), "color": f"{hue}_thin"}
        trace["error_y"] = bars | {"thickness": 1.1, "width": 2.5}
    return trace


def _said(x: float, mean: float, high: float, n: int, source: str) -> str:
    half = high - mean
    noise = f" ± {half:.2g}" if np.isfinite(half) else ""
    earlier = ", computed earlier" if source == "gallery" else ""
    return f"{x:.4g}: {mean:.4g}{noise} ({n} seed{'s' if n != 1 else ''}{earlier})"


def _seeds(own: pd.DataFrame, curve: Curve, k: int) -> dict[str, Any]:
    return _styled(k, curve.key, "each seed", 40) | {
        "mode": "markers",
        "x": _places(own),
        "y": rounded(own["value"].to_numpy(dtype=float)),
        "marker": {"color": f"@{method_hue(curve.method)}", "size": 3.5, "opacity": 0.38},
        "hoverinfo": "skip",
    }


def _uniform(row: Row, curve: Curve, k: int) -> list[dict[str, Any]]:
    """The violation that the same model has with uniform weights: it falls when theta overfits."""
    own = row.means_of("violation_uniform", curve.key)
    if own.empty:
        return []
    line = {"color": f"@{method_hue(curve.method)}", "width": 1.2, "dash": "dash"}
    said = {"hovertemplate": "uniform weights: %{y:.3~g}<extra></extra>", "mode": "lines"}
    drawn = {"x": _places(own), "y": rounded(own["mean"].to_numpy(dtype=float)), "line": line}
    return [_styled(k, curve.key, "same model, uniform weights", 41) | said | drawn]


def _band(row: Row, k: int) -> list[dict[str, Any]]:
    """± SE of the target around a violation of nought."""
    if row.band is None:
        return []
    low, high = row.axis.ends
    wide = float(f"{row.band:.4g}")
    outline = {"x": [low, high, high, low], "y": [wide, wide, -wide, -wide], "mode": "none"}
    fill = {"fill": "toself", "fillcolor": "@band", "hoverinfo": "skip"}
    return [_styled(k, "band", "± SE of the target", 42) | outline | fill]


def _marks(own: pd.DataFrame, kind: str, curves: Sequence[Curve], k: int) -> list[dict[str, Any]]:
    """Rings, stars and diamonds, coloured as their curves."""
    if own.empty:
        return []
    hue = {curve.key: f"@{method_hue(curve.method)}" for curve in curves}
    colours = [hue[series] for series in own["series"]]
    marker = {
        "chosen": {"symbol": "circle-open", "size": 15, "line": {"width": 1.8}},
        "best": {"symbol": "star", "size": 11, "line": {"width": 1, "color": "@paper"}},
        "published": {"symbol": "diamond-open", "size": 11, "line": {"width": 1.6}},
    }[kind]
    name = MARK_NAMES[kind]
    return [
        _styled(k, kind, name, 50) | {
            "mode": "markers",
            "x": _places(own),
            "y": rounded(own["value"].to_numpy(dtype=float)),
            "marker": marker | {"color": colours},
            "hovertemplate": f"{name}: %{{y:.3~g}}<extra></extra>",
        }
    ]  # fmt: skip


def _places(own: pd.DataFrame) -> list[float]:
    return [round(float(place), 4) for place in own["position"]]


def _styled(k: int, group: str, name: str, rank: int) -> dict[str, Any]:
    suffix = suffix_of(k)
    return {
        "type": "scatter",
        "xaxis": f"x{suffix}",
        "yaxis": f"y{suffix}",
        "name": name,
        "legendgroup": group,
        "legendrank": rank,
        "showlegend": False,
    }


def _frame(k: int) -> dict[str, Any]:
    """A trace without points: a panel with nothing to draw yet keeps its axes."""
    return _styled(k, "frame", "", 99) | {"x": [], "y": [], "hoverinfo": "skip"}


def _name_once(traces: list[dict[str, Any]]) -> None:
    """Every name stands in the legend once; a series' switches all that is drawn of it."""
    named: set[str] = set()
    for trace in sorted(traces, key=lambda t: t["legendrank"]):
        alone = trace["name"] in UNNAMED
        if trace["name"] and trace["name"] not in named and not alone:
            named.add(trace["name"])
            trace["showlegend"] = True
