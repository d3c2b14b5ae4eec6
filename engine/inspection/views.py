"""Aggregates and samples of weights for charts: small frames whatever the number of pairs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.diagnostics import EDGE_SLACK, FloatArray, Floats, IntArray

SAMPLE = 1500
BINS = 12
Z = 1.959964


def cells(pairs: pd.DataFrame) -> pd.DataFrame:
    """One row a filled cell of the 12 x 12 map: groups 1 to 12, pairs, mean of every weight."""
    offered = ("weight", "exact", "exact_hard", "oracle", "imputed", "error", "label")
    means = [c for c in offered if c in pairs]
    used = pairs[pairs["weight"] > 0]
    grouped = used.groupby(["user_group", "item_group"], sort=True)
    frame = grouped[means].mean()
    frame.insert(0, "pairs", grouped.size())
    return frame.reset_index()


def binned(x: Floats, y: Floats, bins: int = BINS) -> pd.DataFrame:
    """Mean of y within bins of x of equal count, with a 95 % interval: one row a bin.

    Few distinct values of x (a label, a 0/1 feature) are a bin each; ties never straddle bins.
    """
    order, code = _bins(np.asarray(x, dtype=np.float64), bins)
    n = np.bincount(code)
    mean = np.bincount(code, weights=y) / n
    second = np.bincount(code, weights=np.square(np.asarray(y, np.float64) - mean[code]))
    se = np.sqrt(second / np.maximum(n - 1, 1) / n)
    se[n < 2] = np.nan
    centre = np.bincount(code, weights=x) / n
    return pd.DataFrame(
        {
            "x": centre,
            "from": order[:, 0],
            "to": order[:, 1],
            "mean": mean,
            "low": mean - Z * se,
            "high": mean + Z * se,
            "pairs": n,
        }
    )


def _bins(x: FloatArray, bins: int) -> tuple[FloatArray, IntArray]:
    """The ends of every bin, and the bin of every value."""
    distinct = np.unique(x)
    if len(distinct) <= bins:
        code = np.searchsorted(distinct, x)
        return np.column_stack([distinct, distinct]), code
    edges = np.unique(np.quantile(x, np.linspace(0, 1, bins + 1)))
    code = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 2)
    kept, code = np.unique(code, return_inverse=True)
    return np.column_stack([edges[kept], edges[kept + 1]]), code


def sample(pairs: pd.DataFrame, n: int = SAMPLE, always: list[int] | None = None) -> pd.DataFrame:
    """At most n pairs drawn once (seed 0), in order, and those of index `always` with them."""
    used = np.flatnonzero(pairs["weight"].to_numpy() > 0)
    if len(used) > n:
        used = np.random.default_rng(0).choice(used, n, replace=False)
    chosen = np.union1d(used, np.asarray(always or [], dtype=np.int64))
    return pairs.iloc[chosen]


def extremes(pairs: pd.DataFrame, n: int = 10) -> pd.DataFrame:
    """The n heaviest and the n lightest pairs, heaviest first; ties in order of the pairs."""
    used = pairs[pairs["weight"] > 0]
    n = min(n, len(used) // 2 or 1)
    order = np.argsort(-used["weight"].to_numpy(), kind="stable")
    picked = np.concatenate([order[:n], order[-n:]]) if len(used) > 1 else order[:1]
    frame = used.iloc[picked].copy()
    frame.insert(0, "end", np.where(np.arange(len(frame)) < n, "heaviest", "lightest"))
    return frame


def histogram(weight: Floats, edges: tuple[float, ...]) -> pd.DataFrame:
    """Counts by log2(weight): one row a bin; what lies beyond is counted in the outermost.

    Columns: log2_from, log2_to, pairs, share.
    """
    log2 = np.log2(np.maximum(np.asarray(weight, np.float64), 1e-12))
    inner = np.asarray(edges) - 2 * EDGE_SLACK
    place = np.clip(np.searchsorted(inner, log2, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(place, minlength=len(edges) - 1)
    total = max(1, int(counts.sum()))
    return pd.DataFrame(
        {
            "log2_from": edges[:-1],
            "log2_to": edges[1:],
            "pairs": counts,
            "share": counts / total,
        }
    )
