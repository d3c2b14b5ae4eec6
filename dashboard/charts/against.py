"""Weights against something: a sample of pairs as points, means of all pairs with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from dashboard.charts.pairs import colour, finished, times_axis

FEW = 12  # distinct values, up to which points are spread sideways


@dataclass(frozen=True)
class Across:
    """The other quantity. log: drawn as log2, ticks as multiples (other weights); else: as it is,
    `stretch` on a logarithmic axis. diagonal: where both would be equal.
    """

    name: str
    title: str
    log: bool = False
    stretch: bool = False
    diagonal: bool = False


def against(
    sample: pd.DataFrame,
    bins: pd.DataFrame,
    across: Across,
    dark: bool = False,
    height: int = 318,
) -> Any:
    """The chart.

    Args:
        sample: a row a pair: pair, value (the other quantity), weight, picked (bool), and for the
            tooltip user_name, item_name, rating, inverse_propensity, error.
        bins: of all pairs: x, mean, low, high, pairs.
    """
    points = sample.assign(
        x=_place(sample["value"].to_numpy(float), across), y=_log2(sample.weight)
    )
    means = pd.DataFrame(
        {
            "x": _place(bins["x"].to_numpy(float), across, spread=False),
            "y": _log2(bins["mean"]),
            "low": _log2(bins["low"].fillna(bins["mean"])),
            "high": _log2(bins["high"].fillna(bins["mean"])),
            "pairs": bins["pairs"],
            "mean": bins["mean"],
        }
    )
    x = alt.X(
        "x:Q", axis=_axis(across, sample["value"]), scale=_scale(points["x"], means["x"], across)
    )
    scale, axis = _weight_scale(points["y"], means), times_axis("weight")
    y = alt.Y("y:Q", axis=axis, scale=scale)
    layers = [_level(across, dark)] if not across.diagonal else [_diagonal(points, x, y, dark)]
    layers += _points(points, x, y, dark)
    layers += _means(means, x, y, alt.Y("low:Q", axis=axis, scale=scale), dark)
    words = f"Weights against {across.title}: a sample of pairs, and means of all pairs."
    return finished(alt.layer(*layers), words, height)


def _log2(values: Any) -> np.ndarray:
    return np.log2(np.maximum(np.asarray(values, dtype=float), 2.0**-6))


def _place(values: np.ndarray, across: Across, spread: bool = True) -> np.ndarray:
    """Where values stand; few distinct ones are spread sideways, always in the same way."""
    if across.log:
        return _log2(values)
    distinct = np.unique(values)
    if not spread or len(distinct) > FEW or len(distinct) < 2:
        return values
    step = float(np.diff(distinct).min())
    return values + step * np.random.default_rng(0).uniform(-0.2, 0.2, len(values))


def _axis(across: Across, values: pd.Series) -> alt.Axis:
    if across.log:
        return times_axis(across.title, grid=False)
    few = sorted(set(values)) if values.nunique() <= FEW else None
    shown = {"values": few} if few and len(few) > 1 else {"tickCount": 6}
    return alt.Axis(title=across.title, grid=False, format=".3~g", **shown)


def _scale(points: pd.Series, means: pd.Series, across: Across) -> alt.Scale:
    both = np.concatenate([points.to_numpy(float), means.to_numpy(float)])
    low, high = float(both.min()), float(both.max())
    if across.stretch and low > 0:
        return alt.Scale(type="log", domain=[low / 1.1, high * 1.1], nice=False)
    if across.log:
        low, high = min(low, -0.6), max(high, 0.6)
    pad = 0.04 * (high - low or 1.0)
    return alt.Scale(domain=[low - pad, high + pad], nice=False, zero=False)


def _weight_scale(points: pd.Series, means: pd.DataFrame) -> alt.Scale:
    low = min(float(points.min()), float(means["y"].min()), -0.6)
    high = max(float(points.max()), float(means["y"].max()), 0.6)
    return alt.Scale(domain=[low - 0.1, high + 0.1], nice=False)


def _level(across: Across, dark: bool) -> Any:
    rule = alt.Chart(pd.DataFrame({"y": [0.0]})).encode(y="y:Q")
    return rule.mark_rule(color=colour("muted", dark), strokeDash=[3, 3])


def _diagonal(points: pd.DataFrame, x: alt.X, y: alt.Y, dark: bool) -> Any:
    both = points[["x", "y"]].to_numpy(float)
    low, high = min(both.min(), -0.6), max(both.max(), 0.6)
    line = alt.Chart(pd.DataFrame({"x": [low, high], "y": [low, high]}))
    return line.mark_line(color=colour("muted", dark), strokeDash=[3, 3], clip=True).encode(
        x=x, y=y
    )


def _points(points: pd.DataFrame, x: alt.X, y: alt.Y, dark: bool) -> list[Any]:
    pick = alt.selection_point(fields=["pair"], name="pick")
    tips = {"user_name": "user", "item_name": "item", "rating": "rating"}
    tip = [alt.Tooltip(f"{k}:N", title=v) for k, v in tips.items() if k in points]
    tip.append(alt.Tooltip("weight:Q", title="counts as ×", format=".2f"))
    shown = {"inverse_propensity": "1/p", "imputed": "imputed error", "error": "error"}
    for name, title in shown.items():
        if name in points:
            tip.append(alt.Tooltip(f"{name}:Q", title=title, format=".3~g"))
    any_picked = bool(points["picked"].any())
    shared = {"x": x, "y": y, "tooltip": tip}
    plain = (
        alt.Chart(points)
        .mark_circle(size=22, cursor="pointer", color=colour("balanced", dark), clip=True)
        .encode(**shared, opacity=alt.value(0.16 if any_picked else 0.34))
        .add_params(pick)
    )
    if not any_picked:
        return [plain]
    marked = (
        alt.Chart(points[points["picked"]])
        .mark_circle(size=85, color=colour("band_text", dark), stroke=colour("paper", dark))
        .encode(**shared)
    )
    return [plain, marked]


def _means(means: pd.DataFrame, x: alt.X, y: alt.Y, low: alt.Y, dark: bool) -> list[Any]:
    ink = colour("text", dark)
    base = alt.Chart(means).encode(x=x)
    tip = [
        alt.Tooltip("mean:Q", title="mean weight ×", format=".3f"),
        alt.Tooltip("pairs:Q", title="pairs", format=","),
    ]
    bars = base.mark_rule(color=ink, strokeWidth=1.5, clip=True).encode(y=low, y2="high:Q")
    line = base.mark_line(color=ink, strokeWidth=1, opacity=0.55, clip=True).encode(y=y)
    dots = base.mark_circle(color=ink, size=34, opacity=1, clip=True).encode(y=y, tooltip=tip)
    return [line, bars, dots]
