"""The map of pairs: users by activity down, items by popularity across, a cell a rated pair.

`pair_map` is the live figure, which zooms; `picture` its Altair twin, for files. Colour is log2 of
the weight on the decile map's scale, fixed at ×½ to ×2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from dashboard.charts.pairs import colour, diverging, finished, times_legend
from dashboard.charts.theme import DIVERGING

HEIGHT = 430
NEAR = 0.1375  # log2 of 1.1


def pair_map(
    shown: Any,
    names: tuple[Sequence[str], Sequence[str]],
    picked: tuple[int, int] | None,
    revision: str,
) -> dict[str, Any]:
    """The figure.

    Args:
        shown: an `api.PairMap`.
        names: what each row, and each column, is called.
        picked: rank of user and item of the picked pair, marked where it is on the map.
    """
    cells, (users, items) = shown.cells, shown.step
    heat = {
        "type": "heatmap",
        "cells": {
            "rows": list(names[0]),
            "columns": list(names[1]),
            "row": cells["row"].tolist(),
            "column": cells["column"].tolist(),
            "z": np.round(_log2(cells["weight"]), 3).tolist(),
            **({} if shown.single else {"pairs": cells["pairs"].tolist()}),
        },
        "meta": {"coarse": not shown.single},
        # Ranks are shown from 1: that of rank r spans r + 0.5 to r + 1.5.
        **{"x0": shown.box[2] + (items + 1) / 2, "dx": items},
        **{"y0": shown.box[0] + (users + 1) / 2, "dy": users},
        **{"zmin": -1, "zmax": 1, "colorscale": DIVERGING, "hoverongaps": False},
        "hovertemplate": "%{text}<extra></extra>",
        "colorbar": {
            **{"tickvals": [-1, 0, 1], "ticktext": ["×½", "×1", "×2"]},
            **{"thickness": 8, "len": 0.9, "outlinewidth": 0, "xpad": 4},
            "tickfont": {"size": 11, "color": "@muted"},
        },
    }
    data = [heat] if picked is None else [heat, _mark(picked)]
    return {"data": data, "layout": _layout(shown.within, revision)}


def _mark(picked: tuple[int, int]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        **{"x": [picked[1] + 1], "y": [picked[0] + 1], "hoverinfo": "skip", "showlegend": False},
        "marker": {
            **{"symbol": "square-open", "size": 13, "color": "@text"},
            "line": {"width": 2, "color": "@text"},
        },
    }


def _layout(within: tuple[int, int, int, int], revision: str) -> dict[str, Any]:
    axis = {
        **{"showgrid": False, "zeroline": False, "showline": True, "linecolor": "@axis"},
        **{"tickfont": {"size": 11, "color": "@muted"}, "nticks": 6, "tickformat": ",d"},
    }

    def side(text: str, low: int, high: int) -> dict[str, Any]:
        # Zooming out ends at all there is, whatever part is drawn.
        ends = {"minallowed": low + 0.5, "maxallowed": high + 0.5}
        title = {"text": text, "font": {"size": 11.5, "color": "@muted"}, "standoff": 6}
        return {**axis, "title": title, "autorangeoptions": ends, **ends}

    return {
        "height": HEIGHT,
        "uirevision": revision,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "@unrated",
        "font": {"size": 12, "color": "@text"},
        "margin": {"l": 56, "r": 6, "t": 8, "b": 40, "pad": 0},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@axis", "activecolor": "@muted"},
        "hoverlabel": {"bgcolor": "@panel", "bordercolor": "@axis", "font": {"color": "@text"}},
        "xaxis": side("items: rare to popular", *within[2:]),
        "yaxis": side("users: few to many ratings", *within[:2]),
    }


def picture(shown: Any, dark: bool = False) -> Any:
    """The same map in Altair, for PNG and SVG."""
    cells = shown.cells.assign(
        user_to=lambda f: f["user"] + shown.step[0],
        item_to=lambda f: f["item"] + shown.step[1],
        log2=lambda f: _log2(f["weight"]),
    )
    axes = (
        alt.X("item:Q", scale=_span(shown.box[2:]), axis=_axis("items: rare to popular")),
        alt.Y("user:Q", scale=_span(shown.box[:2]), axis=_axis("users: few to many ratings")),
    )
    chart = (
        alt.Chart(cells[["user", "user_to", "item", "item_to", "log2"]])
        .mark_rect(stroke=None)
        .encode(
            *axes,
            alt.X2("item_to"),
            alt.Y2("user_to"),
            alt.Color("log2:Q", scale=diverging(dark), legend=times_legend()),
        )
    )
    return finished(chart, in_words(shown), HEIGHT).configure_view(
        stroke=None, fill=colour("unrated", dark)
    )


def box_of(part: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    """The ranks, users from, to, items from, to, of what the live figure says is shown."""
    low = [math.floor(part[k] - 0.5) for k in (2, 0)]
    high = [math.ceil(part[k] - 0.5) for k in (3, 1)]
    return low[0], high[0], low[1], high[1]


def part_of(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    """The inverse: x from, to, y from, to."""
    return box[2] + 0.5, box[3] + 0.5, box[0] + 0.5, box[1] + 0.5


def _span(ends: tuple[int, int]) -> alt.Scale:
    return alt.Scale(domain=list(ends), nice=False, zero=False)


def _axis(title: str) -> alt.Axis:
    return alt.Axis(title=title, grid=False, format=",d", tickCount=6)


def _log2(weight: Any) -> np.ndarray:
    return np.log2(np.maximum(np.asarray(weight, dtype=float), 2.0**-6))


def in_words(shown: Any) -> str:
    """The text alternative: what is drawn and how much of it weighs more or less."""
    log2, count = _log2(shown.cells["weight"]), shown.cells["pairs"].to_numpy()
    total = max(1, int(count.sum()))
    more, less = (100 * count[part].sum() / total for part in (log2 > NEAR, log2 < -NEAR))
    users, items = shown.box[1] - shown.box[0], shown.box[3] - shown.box[2]
    what = "a cell a pair" if shown.single else f"cells of {shown.step[0]} × {shown.step[1]}"
    return (
        f"Map of {shown.pairs:,} pairs of {users:,} users and {items:,} items, {what}: "
        f"{more:.0f} percent of the pairs lie in cells that weigh more than ×1.1, {less:.0f} "
        "percent in cells that weigh less than ×0.91."
    )
