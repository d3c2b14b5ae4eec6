"""What stands behind a study's curves: the paper's range, levels, the axis break, curves' names.

Shapes do not stretch an axis, so that a random scorer's level far below does not flatten curves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.charts.panel_layout import suffix_of
from dashboard.charts.study_axis import Axis
from dashboard.charts.study_panels import Panel
from dashboard.charts.study_rows import Row
from dashboard.charts.theme import method_hue

LINES = {
    "baseline": {"color": "@exact", "width": 1.4, "dash": "dash"},
    "chance": {"color": "@muted", "width": 1, "dash": "dot"},
}
ASIDE = "mf-uniform"
APART = 13  # pixels between two curves' names


def shaded_range(axis: Axis, k: int) -> list[dict[str, Any]]:
    """The paper's own grid as a strip."""
    if axis.shaded is None:
        return []
    suffix = suffix_of(k)
    return [
        {
            "type": "rect",
            "xref": f"x{suffix}",
            "yref": f"y{suffix} domain",
            "x0": round(axis.shaded[0], 4),
            "x1": round(axis.shaded[1], 4),
            "y0": 0,
            "y1": 1,
            "fillcolor": "@paper_range",
            "line": {"width": 0},
            "layer": "below",
        }
    ]


def break_mark(axis: Axis, k: int, named: bool) -> list[dict[str, Any]]:
    """Two strokes where the axis breaks; in the first panel, what the strip is."""
    suffix = suffix_of(k)
    notes = []
    if axis.broken_at is not None:
        notes.append(
            {
                "text": "//",
                "xref": f"x{suffix}",
                "yref": f"y{suffix} domain",
                "x": round(axis.broken_at, 4),
                "y": 0,
                "yanchor": "middle",
                "showarrow": False,
                "font": {"size": 11, "color": "@muted"},
                "bgcolor": "@paper",
                "borderpad": 0,
            }
        )
    if named and axis.shaded is not None:
        notes.append(
            {
                "text": axis.shaded[2],
                "xref": f"x{suffix}",
                "yref": f"y{suffix} domain",
                "x": round(axis.shaded[1], 4),
                "y": 1,
                "xanchor": "right",
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": 10.5, "color": "@muted"},
            }
        )
    return notes


def level_lines(row: Row, panel: Panel, k: int) -> list[dict[str, Any]]:
    """The strongest baseline, and what a random scorer gets."""
    suffix = suffix_of(k)
    return [
        {
            "type": "line",
            "xref": f"x{suffix} domain",
            "yref": f"y{suffix}",
            "x0": 0,
            "x1": 1,
            "y0": level.value,
            "y1": level.value,
            "line": LINES[level.role],
            "layer": "below",
        }
        for level in row.levels
        if level.metric == panel.key
    ]


def level_names(rows: Sequence[Row], panels: Sequence[Panel]) -> list[dict[str, Any]]:
    """Entries of the legend for levels that some panel shows: shapes have none of their own."""
    keys, known = {panel.key for panel in panels}, [row for row in rows if len(row.means)]
    roles = {level.role for row in known for level in row.levels if level.metric in keys}
    names = {"baseline": "strongest baseline", "chance": "random scorer"}
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": [None],
            "y": [None],
            "line": LINES[role],
            "name": name,
            "legendgroup": role,
            "legendrank": 60,
            "showlegend": False,
            "hoverinfo": "skip",
        }
        for role, name in names.items()
        if role in roles
    ]


def span(row: Row, column: str) -> tuple[float, float]:
    """The range of a panel's axis: means, intervals, seeds, and a little air.

    A level near the curves is kept in sight, and so is MF on U alone; far away they would flatten
    everything else, and are told in words.
    """
    curves = [curve.key for curve in row.curves if curve.key != ASIDE]
    shown = [row.marks.loc[row.marks["metric"] == column, "value"]]
    for key in curves or [ASIDE]:
        shown += [row.means_of(column, key)[name] for name in ("mean", "low", "high")]
        shown.append(row.seeds_of(column, key)["value"])
        if column == "violation" and len(row.means_of(column, key)):
            shown.append(row.means_of("violation_uniform", key)["mean"])
    if column == "violation":
        shown.append(pd.Series([row.band or 0.0, -(row.band or 0.0)]))
    known = np.concatenate([part.to_numpy(dtype=float) for part in shown])
    if not np.isfinite(known).any():
        return 0.0, 1.0
    low, top = float(np.nanmin(known)), float(np.nanmax(known))
    reach = top - low or 0.01
    near = [one.value for one in row.levels if column.endswith(one.metric)]
    near += [float(value) for value in row.means_of(column, ASIDE)["mean"]]
    near = [value for value in near if low - reach <= value <= top + reach]
    low, top = min([low, *near]), max([top, *near])
    air = 0.05 * (top - low) or 0.01
    return low - air, top + air


def curve_names(row: Row, column: str, k: int, high: int) -> list[dict[str, Any]]:
    """Every curve's name right of its last point, pushed apart where they would touch."""
    if row.means_of(column).empty:
        return []
    low, top = span(row, column)
    scale = high / (top - low)
    suffix = suffix_of(k)
    ends = []
    for curve in row.curves:
        own = row.means_of(column, curve.key)
        if len(own) and low <= own["mean"].iloc[-1] <= top:
            ends.append((float(own["mean"].iloc[-1]), curve))
    shifts = _apart([value * scale for value, _ in ends])
    return [
        {
            "name": "curve",
            "text": curve.label,
            "xref": f"x{suffix} domain",
            "yref": f"y{suffix}",
            "x": 1,
            "y": float(f"{value:.4g}"),
            "xshift": 4,
            "yshift": round(shift, 1),
            "xanchor": "left",
            "yanchor": "middle",
            "showarrow": False,
            "font": {"size": 11, "color": f"@{method_hue(curve.method)}"},
        }
        for (value, curve), shift in zip(ends, shifts, strict=True)
    ]


def _apart(heights: list[float]) -> list[float]:
    """By how many pixels each is moved so that neighbours are `APART`, the middle staying put."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    at = [heights[i] for i in order]
    for _ in range(60):
        moved = False
        for i in range(len(at) - 1):
            short = APART - (at[i + 1] - at[i])
            if short > 0.1:
                at[i] -= short / 2
                at[i + 1] += short / 2
                moved = True
        if not moved:
            break
    shifts = [0.0] * len(heights)
    for place, i in enumerate(order):
        shifts[i] = at[place] - heights[i]
    return shifts


def in_words(row: Row, panels: list[Panel], part: str) -> str:
    """The text alternative of a row: each curve's mean at both ends of the axis and at its best."""
    said = []
    for panel in panels:
        for curve in row.curves:
            own = row.means_of(panel.column(part), curve.key)
            if own.empty:
                continue
            first, last = own.iloc[0], own.iloc[-1]
            said.append(
                f"{panel.title} of {curve.label}: {first['mean']:.3f} at {first['x']:.4g}, "
                f"{_best(own, panel)}, {last['mean']:.3f} at {last['x']:.4g}."
            )
    return f"{row.title}. " + (" ".join(said) if said else "No result yet.")


def _best(own: pd.DataFrame, panel: Panel) -> str:
    if panel.signed:
        place = own["mean"].abs().idxmin()
        return f"nearest to nought {own.loc[place, 'mean']:.3f} at {own.loc[place, 'x']:.4g}"
    place = own["mean"].idxmin() if panel.lower else own["mean"].idxmax()
    return f"best {own.loc[place, 'mean']:.3f} at {own.loc[place, 'x']:.4g}"
