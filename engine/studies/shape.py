"""Whether a metric rises and falls along a study's axis, judged against the noise between seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from engine.claims import paired_interval
from engine.studies.summary import lower_is_better

Kind = Literal["rises_then_falls", "rises", "falls", "flat", "unknown"]
Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Shape:
    """One series' curve of one metric. Gains are improvements, whichever way the metric points.

    kind: "unknown" with one seed. peak: the value of the axis with the best mean. rise: peak over
    the smallest value, fall: peak over the largest, each (mean, low, high). resolvable: half the
    widest interval over the smallest value, the least change that these seeds show for sure.
    """

    kind: Kind
    first: float
    peak: float
    last: float
    rise: Interval
    fall: Interval
    resolvable: float
    seeds: int


def shape(frame: pd.DataFrame, series: str, metric: str) -> Shape | None:
    """Judge one curve; None before two values of the axis have the same seeds.

    Differences are paired by seed. The peak is found on the numbers that judge it, so intervals are
    simultaneous (Bonferroni) over all 2(k - 1) comparisons of a value with either end.

    Args:
        metric: a column of the frame, such as "test_clean_auc".
    """
    own = frame[(frame["series"] == series) & (frame["source"] != "")]
    table = own.dropna(subset=[metric]).pivot_table(index="seed", columns="x", values=metric)
    table = table.dropna(axis=1)
    if table.shape[1] < 2:
        return None
    values = (-1.0 if lower_is_better(metric) else 1.0) * table.to_numpy(dtype=float)
    x = [float(v) for v in table.columns]
    top = int(np.argmax(values.mean(axis=0)))
    level = 1 - 0.05 / (2 * (len(x) - 1))
    rise = paired_interval(values[:, top], values[:, 0], level)
    fall = paired_interval(values[:, top], values[:, -1], level)
    wide = [paired_interval(values[:, k], values[:, 0], level) for k in range(1, len(x))]
    resolvable = max((high - low) / 2 for _, low, high in wide)
    kind = _kind(rise, fall, len(values))
    return Shape(kind, x[0], x[top], x[-1], rise, fall, resolvable, len(values))


def _kind(rise: Interval, fall: Interval, seeds: int) -> Kind:
    if seeds < 2:
        return "unknown"
    up, down = rise[1] > 0, fall[1] > 0
    if up and down:
        return "rises_then_falls"
    return "rises" if up else "falls" if down else "flat"
