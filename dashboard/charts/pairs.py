"""Weights pair by pair, in Altair: histogram, map of deciles, weights against anything.

Charts that others are linked to have a point selection named "pick"; what is picked comes back in
the frame (a column `picked`), so that the highlight is data and not the browser's memory.
"""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dashboard.charts.theme import PALETTE

HEIGHT = 318
TIMES = {-3: "×⅛", -2: "×¼", -1: "×½", 0: "×1", 1: "×2", 2: "×4", 3: "×8"}
_LABELS = "{" + ", ".join(f"'{k}': '{v}'" for k, v in TIMES.items()) + "}[datum.value]"


def colour(name: str, dark: bool) -> str:
    """A role's colour in the theme shown."""
    return PALETTE[name][int(dark)]


def times_axis(title: str, reach: float = 3.0, **more: Any) -> alt.Axis:
    """An axis of log2(weight) whose ticks say ×½, ×1, ×2, as far as `reach`."""
    ticks = [k for k in TIMES if abs(k) <= reach]
    return alt.Axis(title=title, values=ticks, labelExpr=_LABELS, **more)


def finished(chart: Any, description: str, height: int = HEIGHT) -> Any:
    """Size and text alternative, the same for all charts of the page."""
    return (
        chart.properties(height=height, description=description)
        .configure_axis(labelFontSize=11, titleFontSize=11.5, titleFontWeight="normal")
        .configure_view(stroke=None)
    )


def reach_of(*frames: pd.DataFrame) -> float:
    """Half the width of a histogram's axis: ×½ to ×2 at least, wider where weights are."""
    used = [
        abs(end)
        for frame in frames
        for end in frame.loc[frame["share"] > 0.001, ["log2_from", "log2_to"]].to_numpy().ravel()
    ]
    return float(min(3.0, max([1.25, *(u + 0.1 for u in used)])))


def histogram(
    frame: pd.DataFrame, part: pd.DataFrame | None, reach: float, dark: bool = False
) -> Any:
    """Share of pairs by weight (bars), of the picked ones (steps), and the mean as a line.

    Args:
        frame, part: columns log2_from, log2_to, share; part: of what is picked, or None.
    """
    scale = alt.Scale(domain=[-reach, reach], clamp=True, nice=False)
    x = alt.X("log2_from:Q", scale=scale, axis=times_axis("weight (log scale)", reach, grid=False))
    y = alt.Y("share:Q", axis=alt.Axis(title=None, format=".0%", tickCount=4))
    tip = [
        alt.Tooltip("times:N", title="weights"),
        alt.Tooltip("share:Q", title="of the pairs", format=".1%"),
    ]
    bars = (
        alt.Chart(_said(frame))
        .mark_rect(color=colour("balanced", dark), stroke=colour("paper", dark), strokeWidth=1)
        .encode(x=x, x2="log2_to:Q", y=y, y2=alt.datum(0), tooltip=tip)
    )
    one = pd.DataFrame({"log2": [0.0], "words": ["mean 1"]})
    rule = alt.Chart(one).encode(x=alt.X("log2:Q", scale=scale))
    line = rule.mark_rule(color=colour("text", dark), strokeDash=[3, 3])
    label = rule.mark_text(
        align="center", dy=-3, baseline="bottom", color=colour("muted", dark), fontSize=11
    ).encode(text="words:N", y=alt.value(0))
    layers = [bars]
    if part is not None:
        ink = colour("band_text", dark)
        layers.append(
            alt.Chart(_said(part))
            .mark_rect(filled=False, stroke=ink, strokeWidth=1.6)
            .encode(x=x, x2="log2_to:Q", y=y, y2=alt.datum(0), tooltip=tip)
            .transform_filter("datum.share > 0")
        )
    words = "Histogram of the balancing weights; their mean is 1."
    return finished(alt.layer(*layers, line, label), words)


def _said(frame: pd.DataFrame) -> pd.DataFrame:
    low, high = 2 ** frame["log2_from"], 2 ** frame["log2_to"]
    times = [f"×{a:.2f} to ×{b:.2f}" for a, b in zip(low, high, strict=True)]
    return frame[["log2_from", "log2_to", "share"]].assign(times=times)


def weight_map(frame: pd.DataFrame, picked: tuple[int, int] | None, dark: bool = False) -> Any:
    """The 12 × 12 map: colour log2 of the mean weight, fixed at ×½ to ×2; the counts as text.

    Args:
        frame: a row a cell: user_group, item_group, weight, pairs.
    """
    shown = frame[["user_group", "item_group", "weight", "pairs"]].copy()
    shown["log2"] = np.log2(np.maximum(shown["weight"], 1e-6))
    shown["count"] = [_count(n) for n in shown["pairs"]]
    base = alt.Chart(shown).encode(
        x=alt.X("item_group:O", axis=_ends("items: rare to popular")),
        y=alt.Y("user_group:O", sort="descending", axis=_ends("users: few to many ratings")),
    )
    pick = alt.selection_point(fields=["user_group", "item_group"], name="pick")
    cells = base.mark_rect(cursor="pointer").encode(
        color=alt.Color("log2:Q", scale=diverging(dark), legend=times_legend()),
        tooltip=[
            alt.Tooltip("user_group:O", title="users, twelfth"),
            alt.Tooltip("item_group:O", title="items, twelfth"),
            alt.Tooltip("pairs:Q", title="pairs", format=","),
            alt.Tooltip("weight:Q", title="mean weight ×", format=".3f"),
        ],
    )
    # The parameter sits on the cells: the text above them lets clicks through.
    counts = base.mark_text(
        fontSize=8.5, color=colour("text", dark), opacity=0.6, tooltip=None
    ).encode(text="count:N")
    layers = [cells.add_params(pick), counts]
    if picked is not None:
        here = (shown["user_group"] == picked[0]) & (shown["item_group"] == picked[1])
        layers.append(
            base.properties(data=shown[here]).mark_rect(
                filled=False, stroke=colour("text", dark), strokeWidth=2.2
            )
        )
    words = "Map of the mean weight: twelve groups of users by activity, of items by popularity."
    return finished(alt.layer(*layers), words)


def _count(n: float) -> str:
    if not np.isfinite(n):
        return ""
    return f"{int(n)}" if n < 1000 else f"{n / 1000:.1f}k"


def _ends(title: str) -> alt.Axis:
    return alt.Axis(title=title, labels=False, ticks=False, domain=False)


def diverging(dark: bool) -> alt.Scale:
    """Lighter than 1 is blue, heavier vermilion, 1 the paper; held at ×½ and ×2."""
    ends = [colour(name, dark) for name in ("lighter", "panel", "heavier")]
    return alt.Scale(domain=[-1, 0, 1], range=ends, clamp=True, interpolate="rgb")


def times_legend() -> alt.Legend:
    """×½ to ×2 as a slim bar."""
    return alt.Legend(
        title=None, values=[-1, 0, 1], labelExpr=_LABELS, gradientThickness=8, gradientLength=150
    )
