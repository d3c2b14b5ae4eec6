"""The love plot: standardised distance from the truth, raw, by 1/p and by w/p."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

from dashboard.charts.pairs import colour, finished

WAYS = {"raw": "raw", "inverse": "1/p", "weighted": "w/p"}
INK = {"raw": "muted", "inverse": "base", "weighted": "balanced"}
SHAPES = {"raw": "cross", "inverse": "square", "weighted": "circle"}
ROW = 24


def love(frame: pd.DataFrame, dark: bool = False, ways: Mapping[str, str] | None = None) -> Any:
    """One line a covariate: three markers, the noise of U as a band, |0.1| as dotted lines.

    Args:
        frame: of `Weights.love`, already narrowed to the rows to show, in order.
        ways: the markers' columns and names where they are not those of B.
    """
    ways = ways or WAYS
    shown = frame.assign(
        name=[_name(*row) for row in zip(frame.covariate, frame.designed, strict=True)]
    )
    order = list(shown["name"])
    long = shown.melt(
        id_vars=["name", "against", "noise"], value_vars=list(ways), var_name="way", value_name="d"
    )
    long["way"] = long["way"].map(ways)
    y = alt.Y(
        "name:N",
        sort=order,
        axis=alt.Axis(title=None, labelLimit=190, grid=True, labelOverlap=False),
    )
    axis = alt.Axis(title="distance in standard deviations", tickCount=7)
    x = alt.X("d:Q", axis=axis)
    ink = [colour(INK[name], dark) for name in ways]
    shapes = [SHAPES[name] for name in ways]
    legend = alt.Legend(title=None, orient="top", direction="horizontal")
    shape = alt.Shape(
        "way:N",
        scale=alt.Scale(domain=list(ways.values()), range=shapes),
        legend=legend,
    )
    hue = alt.Color("way:N", scale=alt.Scale(domain=list(ways.values()), range=ink), legend=legend)
    tip = [
        alt.Tooltip("name:N", title=" "),
        alt.Tooltip("way:N", title="weighted by"),
        alt.Tooltip("d:Q", title="distance (SD)", format="+.3f"),
    ]
    dots = (
        alt.Chart(long)
        .mark_point(filled=True, size=62, opacity=0.95)
        .encode(y=y, x=x, shape=shape, color=hue, tooltip=tip)
    )
    zero = alt.Chart(pd.DataFrame({"d": [0.0]})).mark_rule(color=colour("text", dark))
    tenth = alt.Chart(pd.DataFrame({"d": [-0.1, 0.1]})).mark_rule(
        color=colour("muted", dark), strokeDash=[2, 4]
    )
    layers = [zero.encode(x=x), tenth.encode(x=x)]
    known = shown[shown["noise"] > 0]
    if len(known):
        band = alt.Chart(known.assign(low=-known["noise"], high=known["noise"]))
        layers.append(
            band.mark_bar(color=colour("band_text", dark), opacity=0.18, height=12).encode(
                y=y, x=alt.X("low:Q", axis=axis), x2="high:Q"
            )
        )
    words = "Distance of each covariate's mean from the truth: raw, by 1/p, and by w/p."
    return finished(alt.layer(*layers, dots), words, ROW * len(order) + 100)


def _name(covariate: str, designed: bool) -> str:
    name = covariate.replace("user:", "user, ").replace("item:", "item, ")
    return f"{name} (balanced by design)" if designed else name


def rows_shown(frame: pd.DataFrame, most: int = 12, by: str = "raw") -> pd.DataFrame:
    """Label and error, then activity and popularity, then the features furthest off `by` a way."""
    at_u = frame[frame["against"] == "U"]
    known = frame[frame["against"] == "D"]
    plain = known[~known["covariate"].str.contains(":")]
    features = known[known["covariate"].str.contains(":")]
    far = features.assign(off=features[by].abs()).sort_values("off", ascending=False)
    return pd.concat([at_u, plain, far.head(max(0, most - len(at_u) - len(plain)))[frame.columns]])
