"""What a study says: means with intervals, paired differences, the lam that validation would pick.

All over seeds, from the frame of `cells.frame`; test ratings are averaged and never choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from engine.claims import paired_interval
from engine.events import METRICS

SUMMARY = ("series", "label", "x", "metric", "mean", "sd", "low", "high", "n", "source")
LOWER = ("mse", "log_loss", "true_loss")


def lower_is_better(metric: str) -> bool:
    """Whether less of a metric, by any of its column names, is better."""
    return metric.endswith(LOWER)


def summarise(frame: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Long form: series, label, x, metric, mean, sd, low, high (95 % t), n, source.

    n: seeds with a result; low, high are NaN with one. source: "measured", "gallery" or "mixed".
    """
    known = frame[frame["source"] != ""]
    keys = ["series", "label", "x"]
    known = known.assign(place=known.groupby(keys, sort=False, dropna=False).ngroup())
    long = known.melt(["place", "source"], list(metrics), "metric", "mean").dropna(subset=["mean"])
    found = long.groupby(["place", "metric"])["mean"].agg(["mean", "std", "count"]).reset_index()
    rank = {metric: k for k, metric in enumerate(metrics)}
    found = found.sort_values(
        ["place", "metric"], key=lambda c: c.map(rank) if c.name == "metric" else c
    )
    n = found["count"].to_numpy()
    with np.errstate(invalid="ignore"):
        half = stdtrit(np.where(n > 1, n - 1, np.nan), 0.975) * found["std"] / np.sqrt(n)
    found = found.assign(low=found["mean"] - half, high=found["mean"] + half)
    found = found.rename(columns={"std": "sd", "count": "n"})
    sources = known.groupby("place")["source"].agg(
        lambda s: s.iloc[0] if s.nunique() == 1 else "mixed"
    )
    heads = known.drop_duplicates("place").set_index("place")[keys].assign(source=sources)
    return found.merge(heads, left_on="place", right_index=True)[list(SUMMARY)].reset_index(
        drop=True
    )


def gain(
    frame: pd.DataFrame, metric: str, of: tuple[str, Any], over: tuple[str, Any]
) -> tuple[float, float, float, int] | None:
    """Mean, low, high (95 % t) of a paired difference over the seeds both have, and their number.

    Args:
        of, over: (series, x) each; x is ignored where the study has no axis (None).
    """
    one, other = (_by_seed(frame, metric, *place) for place in (of, over))
    both = pd.concat([one, other], axis=1, join="inner").dropna()
    if both.empty:
        return None
    a, b = (both.iloc[:, k].to_numpy(dtype=float) for k in (0, 1))
    return (*paired_interval(a, b), len(both))


def _by_seed(frame: pd.DataFrame, metric: str, series: str, x: Any) -> pd.Series[Any]:
    own = frame[(frame["series"] == series) & (frame["source"] != "")]
    if x is not None:
        own = own[own["x"] == x]
    return own.drop_duplicates("seed").set_index("seed")[metric]


@dataclass(frozen=True)
class Choice:
    """The value of the axis that validation picks for one series, and what it costs on test.

    chosen: the smallest within one paired standard error of the best on validation. best: on
    validation. best_on_test: known only afterwards. regret: test of best_on_test - test of chosen,
    by how much better (NaN without test numbers).
    """

    series: str
    metric: str
    chosen: Any
    best: Any
    best_on_test: Any
    regret: float


def choose(
    frame: pd.DataFrame, series: str, metric: str = "auc", part: str = "test_clean"
) -> Choice | None:
    """Choose the axis' value by validation; None before any value has all its seeds.

    Args:
        metric: of `METRICS`; its validation column chooses. part: "test_clean" or "test", whose
            column tells the regret.
    """
    if metric not in METRICS:
        raise ValueError(f"metric: got {metric!r}, allowed: {', '.join(METRICS)}")
    own = frame[(frame["series"] == series) & (frame["source"] != "")]
    table = own.pivot_table(index="seed", columns="x", values=f"validation_{metric}").dropna(axis=1)
    if table.empty:
        return None
    table = table.reindex(columns=sorted(table.columns))
    sign = -1.0 if lower_is_better(metric) else 1.0
    best = (sign * table.mean()).idxmax()
    short = sign * table.rsub(table[best], axis=0)  # how much worse than the best, a seed each
    n = len(table)
    error = short.std(ddof=1) / np.sqrt(n) if n > 1 else 0.0 * short.mean()
    chosen = next(x for x in table.columns if short[x].mean() <= error[x])
    test = (sign * own.groupby("x")[f"{part}_{metric}"].mean()).reindex(table.columns)
    top: Any = test.idxmax() if test.notna().all() else None
    regret = float(test[top] - test[chosen]) if top is not None else float("nan")
    return Choice(series, metric, chosen, best, top, regret)


def strongest_base(
    frame: pd.DataFrame, bases: Sequence[tuple[str, Any]], metric: str = "auc"
) -> tuple[str, Any] | None:
    """Of several (series, x), the one with the best mean on validation; None without results."""
    sign = -1.0 if lower_is_better(metric) else 1.0
    means = {
        place: sign * float(_by_seed(frame, f"validation_{metric}", *place).mean())
        for place in bases
    }
    known = {place: mean for place, mean in means.items() if not np.isnan(mean)}
    return max(known, key=lambda place: known[place]) if known else None
