"""The phase plane: weight entropy against violation, a run's path, and what no weights can beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator

from dashboard.charts.curves import FloatArray, rounded
from dashboard.charts.theme import decimals_for, entropy_label, heading, lam_label, number

HEIGHT = 362
MAX_MARKS = 160
SMOOTH_POINTS = 60


@dataclass(frozen=True)
class Plane:
    """What is drawn of one run.

    path: epoch, entropy, violation of every epoch. frontier: lam, entropy, violation of exact
    weights at the models of `epoch`, or None. lam: the run's; penalised: whether it says what is
    asked. se: the target's standard error, in the violation's unit. name: of the run.
    """

    path: pd.DataFrame
    frontier: pd.DataFrame | None
    epoch: int | None
    lam: float
    se: float
    name: str
    penalised: bool = True

    @property
    def now(self) -> pd.Series | None:
        """The run's place at `epoch`."""
        found = self.path[self.path["epoch"] == self.epoch]
        return None if found.empty else found.iloc[-1]

    def best(self) -> tuple[float, float] | None:
        """Violation and entropy of the exact weights at the run's lam."""
        if self.frontier is None or not self.penalised or self.lam <= 0 or len(self.frontier) < 3:
            return None
        rows = self.frontier[self.frontier["lam"] > 0]
        at = np.clip(np.log2(self.lam), *np.log2(rows["lam"].iloc[[0, -1]]))
        log = np.log2(rows["lam"])
        violation = PchipInterpolator(log, rows["violation"])(at)
        return float(violation), float(PchipInterpolator(log, rows["entropy"])(at))

    def gap(self) -> float | None:
        """How far the run stands below the frontier at its violation, in entropy."""
        if self.now is None or self.frontier is None or len(self.frontier) < 3:
            return None
        violation, entropy = smooth_frontier(self.frontier)
        at = float(self.now["violation"])
        if at > violation.max():
            return 1 - float(self.now["entropy"])
        return float(np.interp(at, violation, entropy)) - float(self.now["entropy"])


def smooth_frontier(frontier: pd.DataFrame) -> tuple[FloatArray, FloatArray]:
    """Violations, rising, and the highest entropies there."""
    rows = frontier.sort_values("violation").drop_duplicates("violation")
    x, y = rows["violation"].to_numpy(), rows["entropy"].to_numpy()
    if len(x) < 3:
        return x, y
    dense = np.linspace(x[0], x[-1], SMOOTH_POINTS)
    return dense, np.asarray(PchipInterpolator(x, y)(dense), dtype=np.float64)


def phase_plane(plane: Plane | None, revision: str = "", note: str = "") -> dict[str, Any]:
    """The figure; an empty frame while there is nothing to draw."""
    layout = _layout(revision, note)
    if plane is None or plane.path.empty:
        layout["xaxis"] |= {"showticklabels": False}
        layout["yaxis"] |= {"showticklabels": False}
        return {"data": [], "layout": layout}
    traces = _path(plane)
    if plane.frontier is not None and len(plane.frontier) >= 2:
        traces.append(_frontier(plane.frontier))
        layout["annotations"].append(_beyond())
    if plane.now is not None:
        marker = {"size": 13, "color": "@balanced", "line": {"color": "@text", "width": 1.6}}
        place = (float(plane.now["violation"]), float(plane.now["entropy"]))
        traces.append(_mark("now", f"epoch {plane.epoch}", place, marker))
    best = plane.best()
    if best is not None:
        said = f"exact weights at λ = {lam_label(plane.lam)}"
        marker = {"symbol": "x-thin", "size": 11, "line": {"color": "@exact", "width": 2}}
        traces.append(_mark("exact", said, best, marker))
    if plane.se > 0:
        layout["shapes"] = [_band(plane.se)]
    return {"data": traces, "layout": layout}


def _path(plane: Plane) -> list[dict[str, Any]]:
    """Up to the epoch coloured, later ones grey: the line, and a mark an epoch."""
    path = plane.path
    upto = path[path["epoch"] <= plane.epoch] if plane.epoch is not None else path
    after = path[path["epoch"] >= plane.epoch] if plane.epoch is not None else path.iloc[:0]
    kept = upto.iloc[:: max(1, -(-len(upto) // MAX_MARKS))]
    line = _thin(upto) | {"uid": "line", "line": {"color": "@axis", "width": 1}}
    marks = _points(kept) | {
        "type": "scatter",
        "uid": "path",
        "mode": "markers",
        "marker": {
            "size": 5,
            "color": [int(e) for e in kept["epoch"]],
            "colorscale": "Cividis",
            "cmin": 1,
            "cmax": int(max(2, path["epoch"].max())),
            "colorbar": {
                "title": {"text": "epoch", "side": "top", "font": {"size": 11}},
                "orientation": "h",
                "thickness": 8,
                "len": 0.5,
                "x": 0.99,
                "xanchor": "right",
                "y": 0.02,
                "yanchor": "bottom",
                "nticks": 4,
                "tickfont": {"size": 10, "color": "@muted"},
                "outlinewidth": 0,
            },
        },
        "customdata": [int(e) for e in kept["epoch"]],
        "hovertemplate": "epoch %{customdata}: violation %{x:.4~g}, entropy %{y:.5~g}"
        "<extra></extra>",
        "showlegend": False,
    }
    return [_thin(after) | {"uid": "after"}, line, marks]


def _thin(path: pd.DataFrame) -> dict[str, Any]:
    thin = path.iloc[:: max(1, -(-len(path) // MAX_MARKS))]
    return _points(thin) | {
        "type": "scatter",
        "mode": "lines",
        "line": {"color": "@base_thin", "width": 1},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _points(path: pd.DataFrame) -> dict[str, Any]:
    return {
        "x": rounded(path["violation"].to_numpy(dtype=float)),
        "y": [round(v, 7) for v in path["entropy"].to_numpy(dtype=float).tolist()],
    }


def _frontier(frontier: pd.DataFrame) -> dict[str, Any]:
    violation, entropy = smooth_frontier(frontier)
    return {
        "type": "scatter",
        "uid": "frontier",
        "mode": "lines",
        "x": rounded(violation),
        "y": [round(v, 7) for v in entropy.tolist()],
        "line": {"color": "@exact", "width": 1.8, "dash": "dash"},
        "hovertemplate": "exact weights: violation %{x:.4~g}, entropy %{y:.5~g}<extra></extra>",
        "showlegend": False,
    }


def _beyond() -> dict[str, Any]:
    """Names the part that is out of reach, at the top left, where nothing can be."""
    return {
        "text": "no weights can be here",
        "xref": "x domain",
        "yref": "y domain",
        "x": 0.02,
        "y": 0.985,
        "xanchor": "left",
        "yanchor": "top",
        "showarrow": False,
        "font": {"size": 11, "color": "@muted"},
    }


def _mark(
    uid: str, said: str, place: tuple[float, float], marker: dict[str, Any]
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "uid": uid,
        "mode": "markers",
        "x": [float(f"{place[0]:.5g}")],
        "y": [round(place[1], 7)],
        "marker": marker,
        "hovertemplate": f"{said}: violation %{{x:.4~g}}, entropy %{{y:.5~g}}<extra></extra>",
        "showlegend": False,
    }


def _band(se: float) -> dict[str, Any]:
    """Violations within the target's noise."""
    box = {"x0": 0, "x1": float(f"{se:.4g}"), "y0": 0, "y1": 1, "yref": "y domain"}
    return {
        **box,
        "type": "rect",
        "fillcolor": "@band",
        "line": {"width": 0},
        "layer": "below",
    }


def _layout(revision: str, note: str) -> dict[str, Any]:
    axis = {
        "gridcolor": "@grid",
        "linecolor": "@axis",
        "zeroline": False,
        "tickfont": {"size": 11, "color": "@muted"},
        "nticks": 5,
    }
    small = {"size": 11, "color": "@muted"}
    return {
        "height": HEIGHT,
        "uirevision": revision,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12, "color": "@text"},
        "margin": {"l": 52, "r": 12, "t": 44, "b": 46},
        "hovermode": "closest",
        "hoverlabel": {"bgcolor": "@panel", "bordercolor": "@axis", "font": {"color": "@text"}},
        "showlegend": False,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@axis", "activecolor": "@muted"},
        "xaxis": axis
        | {
            "rangemode": "tozero",
            "tickformat": "~g",
            "showline": True,
            "title": {"text": "size of the violation; band: ± SE", "font": small, "standoff": 6},
        },
        "yaxis": axis
        | {
            "tickformat": "~g",
            "autorangeoptions": {"include": [1.0]},
            "title": {"text": "weight entropy (1 = uniform)", "font": small, "standoff": 4},
        },
        "annotations": [heading("Phase plane", note, "x domain", "y domain")],
    }


def in_words(plane: Plane | None) -> str:
    """The chart's text alternative, and the line under it."""
    if plane is None or plane.now is None:
        return "Nothing is drawn yet."
    entropy, violation = float(plane.now["entropy"]), float(plane.now["violation"])
    said = (
        f"Epoch {plane.epoch}: violation {number(violation, 4)}, entropy {entropy_label(entropy)}"
    )
    gap, reach = plane.gap(), None
    if gap is None:
        return f"{said}."
    reach = 1 - float(plane.frontier["entropy"].min()) if plane.frontier is not None else 0.0
    if gap <= max(0.02 * reach, 1e-6):
        return f"{said}: on the frontier, no weights with this violation are more uniform."
    short = number(gap, decimals_for(gap, 7))
    return (
        f"{said}: {short} below the frontier. Other weights with this violation are more uniform."
    )
