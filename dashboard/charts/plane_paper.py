"""The phase plane to take away: what it is drawn from as a table, and its picture for a paper."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from dashboard.charts.plane import Plane, in_words, smooth_frontier
from dashboard.charts.theme import PALETTE, lam_label

WIDTH, HEIGHT = 460, 320
MAX_POINTS = 1000  # of the path; the table has all


def table(plane: Plane | None) -> pd.DataFrame:
    """A row an epoch of the run, then a row a λ of the frontier; nothing before the first epoch.

    Columns: what, epoch, violation, entropy, lam (of the frontier's points, NaN on the path).
    """
    columns = ["what", "epoch", "violation", "entropy", "lam"]
    if plane is None:
        return pd.DataFrame(columns=columns)
    parts = [plane.path.assign(what="run", lam=float("nan"))]
    if plane.frontier is not None:
        parts.append(plane.frontier.assign(what="frontier", epoch=plane.epoch))
    return pd.concat([part[columns] for part in parts], ignore_index=True)


def paper_plane(plane: Plane) -> Any:
    """The figure on white, as the page has it: path by epoch, frontier, the epoch looked at."""
    thin = plane.path.iloc[:: -(-len(plane.path) // MAX_POINTS)]
    path = thin.assign(later=thin["epoch"] > (plane.epoch or 0))
    x = alt.X(
        "violation:Q",
        title="size of the violation; band: ± SE of the target",
        scale=alt.Scale(zero=True, nice=True),
    )
    y = alt.Y("entropy:Q", title="weight entropy (1 = uniform)", scale=alt.Scale(zero=False))
    base = alt.Chart(path).encode(x=x, y=y)
    layers = [
        _band(plane.se),
        base.mark_line(color=_light("base_thin"), strokeWidth=1).encode(order="epoch:Q"),
        base.transform_filter("!datum.later")
        .mark_circle(size=22, opacity=1)
        .encode(color=alt.Color("epoch:Q", scale=alt.Scale(scheme="cividis"))),
        *_frontier(plane, x, y),
        *_marks(plane, x, y),
    ]
    chart = alt.layer(*(layer for layer in layers if layer is not None))
    said = f"λ = {lam_label(plane.lam)}" if plane.penalised else "exact weights, whatever λ"
    title = alt.TitleParams(
        "Phase plane",
        subtitle=f"run {plane.name}, {said}, epoch {plane.epoch}; dashed: exact weights",
        anchor="start",
        subtitleFontSize=11,
    )
    sized = chart.properties(width=WIDTH, height=HEIGHT, title=title, description=in_words(plane))
    return sized.configure_view(stroke=None).configure_axis(
        titleFontWeight="normal", gridColor=_light("grid")
    )


def _light(name: str) -> str:
    return PALETTE[name][0]


def _band(se: float) -> Any:
    if se <= 0:
        return None
    frame = pd.DataFrame({"low": [0.0], "high": [se]})
    return alt.Chart(frame).mark_rect(color=_light("band")).encode(x="low:Q", x2="high:Q")


def _frontier(plane: Plane, x: Any, y: Any) -> list[Any]:
    if plane.frontier is None or len(plane.frontier) < 2:
        return []
    violation, entropy = smooth_frontier(plane.frontier)
    frame = pd.DataFrame({"violation": violation, "entropy": entropy})
    line = alt.Chart(frame).mark_line(color=_light("exact"), strokeDash=[5, 3], strokeWidth=1.6)
    return [line.encode(x=x, y=y, order="violation:Q")]


def _marks(plane: Plane, x: Any, y: Any) -> list[Any]:
    """The run at the epoch looked at, and the exact weights at its λ."""
    found = []
    if plane.now is not None:
        frame = pd.DataFrame([plane.now[["violation", "entropy"]]])
        dot = alt.Chart(frame).mark_circle(
            size=130, opacity=1, color=_light("balanced"), stroke=_light("text"), strokeWidth=1.4
        )
        found.append(dot.encode(x=x, y=y))
    best = plane.best()
    if best is not None:
        frame = pd.DataFrame({"violation": [best[0]], "entropy": [best[1]]})
        cross = alt.Chart(frame).mark_point(
            shape="cross", angle=45, size=60, color=_light("exact"), filled=True, opacity=1
        )
        found.append(cross.encode(x=x, y=y))
    return found
