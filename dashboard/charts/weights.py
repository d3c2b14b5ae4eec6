"""What the weights look like: a histogram of log2(weight) and a 12 × 12 map of activity deciles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.charts.theme import DIVERGING, heading

HISTOGRAM_HEIGHT = 200
MAP_HEIGHT = 296
_TIMES = {-3: "×⅛", -2: "×¼", -1: "×½", 0: "×1", 1: "×2", 2: "×4", 3: "×8"}


def weights_histogram(
    counts: NDArray[np.integer[Any]] | None,
    edges: Sequence[float],
    *,
    revision: str = "",
    note: str = "",
) -> dict[str, Any]:
    """Bars: the share of rated pairs by log2 of their weight (mean 1).

    Args:
        counts: [len(edges) + 1]: below the first edge, between edges, above the last; or None
            while there are no weights yet.
        edges: of the bins, in log2(weight).
        note: said under the title, such as whose weights these are.
    """
    centres = [(a + b) / 2 for a, b in pairwise(edges)]
    width = edges[1] - edges[0]
    shares = np.zeros(len(centres))
    outside = 0.0
    if counts is not None and counts.sum():
        whole = counts / counts.sum()
        shares, outside = whole[1:-1].copy(), float(whole[0] + whole[-1])
        shares[0] += whole[0]
        shares[-1] += whole[-1]
    beyond = f"; {100 * outside:.1f} % beyond" if outside > 0 else ""
    bars = {
        "type": "bar",
        "x": [round(c, 4) for c in centres],
        "y": [float(f"{100 * s:.4g}") for s in shares],
        "width": round(width * 0.92, 4),
        "marker": {"color": "@balanced", "line": {"width": 0}},
        "hovertemplate": "weights near ×%{customdata:.2f}: %{y:.2f} %<extra></extra>",
        "customdata": [float(f"{2**c:.3g}") for c in centres],
        "showlegend": False,
    }
    layout = _layout(HISTOGRAM_HEIGHT, "Balancing weights", note, revision)
    reach = _reach(centres, shares)
    layout["xaxis"] |= {
        "tickvals": list(_TIMES),
        "ticktext": list(_TIMES.values()),
        # Not a range, which would take the reader's zoom back whenever the weights reach further.
        "autorangeoptions": {"minallowed": -reach, "maxallowed": reach},
        "title": _axis_title(f"weight (mean 1, log scale){beyond}"),
    }
    layout["yaxis"] |= {"ticksuffix": " %", "nticks": 4, "rangemode": "tozero"}
    if not shares.any():
        layout["yaxis"] |= {"range": [0, 10]}
    layout["shapes"] = [_line_at_one()]
    return {"data": [bars], "layout": layout}


def _reach(centres: Sequence[float], shares: NDArray[np.floating[Any]]) -> float:
    """Half the width shown: ×½ to ×2 at least, wider when weights are there."""
    used = [abs(c) for c, s in zip(centres, shares, strict=True) if s > 0.001]
    return min(3.1, max(1.2, max(used, default=0) + 0.2))


def _line_at_one() -> dict[str, Any]:
    return {
        "type": "line",
        "x0": 0,
        "x1": 0,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": "@muted", "width": 1, "dash": "dot"},
        "layer": "above",
    }


def decile_map(
    log2_mean: NDArray[np.floating[Any]] | None,
    *,
    revision: str = "",
    note: str = "",
    picked: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """A map [12, 12] of log2(weight): users by activity down, items by popularity across.

    The scale is fixed from ×½ to ×2, so that noise does not look like structure. Without weights
    (None) every cell is ×1: that is what uniform weights are. picked: the cell (users, items), from
    1, that has a frame.
    """
    size = 12
    z = np.zeros((size, size)) if log2_mean is None else np.asarray(log2_mean, dtype=float)
    cells = [[float(f"{v:.3g}") if np.isfinite(v) else None for v in row] for row in z]
    times = [[None if v is None else float(f"{2**v:.3g}") for v in row] for row in cells]
    heat = {
        "type": "heatmap",
        "z": cells,
        "customdata": times,
        "x": list(range(1, size + 1)),
        "y": list(range(1, size + 1)),
        **{"zmin": -1, "zmax": 1},
        "colorscale": DIVERGING,
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hovertemplate": "users %{y} of 12, items %{x} of 12: ×%{customdata}<extra></extra>",
        "colorbar": {
            **{"tickvals": [-1, 0, 1], "ticktext": ["×½", "×1", "×2"]},
            "thickness": 8,
            "len": 0.9,
            "outlinewidth": 0,
            "tickfont": {"size": 11, "color": "@muted"},
            "xpad": 4,
        },
    }
    layout = _layout(MAP_HEIGHT, "Where they weigh more", note, revision)
    ends = {"tickvals": [1.6, size - 0.9], "showgrid": False, "showline": False, "ticks": ""}
    layout["xaxis"] |= ends | {
        "ticktext": ["rare", "popular"],
        "title": _axis_title("items by popularity") | {"standoff": 0},
        "constrain": "domain",
    }
    layout["yaxis"] |= ends | {
        "ticktext": ["few", "many"],
        "tickangle": -90,
        "title": _axis_title("users by number of ratings") | {"standoff": 2},
        "scaleanchor": "x",
        "constrain": "domain",
    }
    layout["margin"] |= {"l": 38, "b": 34}
    layout["shapes"] = [] if picked is None else [_frame(*picked)]
    return {"data": [heat], "layout": layout}


def _frame(users: int, items: int) -> dict[str, Any]:
    return {
        "type": "rect",
        **{"x0": items - 0.5, "x1": items + 0.5, "y0": users - 0.5, "y1": users + 0.5},
        "line": {"color": "@text", "width": 2},
    }


def _axis_title(text: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 11, "color": "@muted"}}


def _layout(height: int, title: str, note: str, revision: str) -> dict[str, Any]:
    axis = {
        "zeroline": False,
        "gridcolor": "@grid",
        "linecolor": "@axis",
        "tickfont": {"size": 11, "color": "@muted"},
    }
    return {
        "height": height,
        "uirevision": revision,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12, "color": "@text"},
        "margin": {"l": 38, "r": 6, "t": 42, "b": 38, "pad": 0},
        "bargap": 0,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@axis", "activecolor": "@muted"},
        "hoverlabel": {"bgcolor": "@panel", "bordercolor": "@axis", "font": {"color": "@text"}},
        "xaxis": {**axis, "showgrid": False, "showline": True},
        "yaxis": dict(axis),
        "annotations": [heading(title, note, "paper", "paper")],
    }


def histogram_in_words(counts: NDArray[np.integer[Any]] | None, edges: Sequence[float]) -> str:
    """The histogram's text alternative: how many weights are near 1."""
    if counts is None or not counts.sum():
        return "No weights yet."
    middle = [i + 1 for i, left in enumerate(edges[:-1]) if -0.26 < left < 0.24]
    near = 100 * counts[middle].sum() / counts.sum()
    return f"{near:.0f} percent of the weights lie within a fifth of 1."


def map_in_words(log2_mean: NDArray[np.floating[Any]]) -> str:
    """The map's text alternative: which of its cells weighs most and least."""
    words = "Twelve groups of users by number of ratings, twelve of items by popularity."
    known = np.isfinite(log2_mean)
    if not known.any():
        return words
    for name, find in (("Heaviest", np.nanargmax), ("Lightest", np.nanargmin)):
        values = np.where(known, log2_mean, np.nan)
        user, item = np.unravel_index(int(find(values)), values.shape)
        words += f" {name}: users {user + 1}, items {item + 1}, ×{2 ** values[user, item]:.2f}."
    return words
