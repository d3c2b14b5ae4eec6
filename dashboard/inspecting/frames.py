"""Small frames for charts, from snapshots and from picks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from dashboard.inspecting.state import Pick
from engine import api

PICKED_MAX = 300  # picked pairs that are drawn whether the sample has them or not


def snapshot_histogram(counts: Any) -> pd.DataFrame:
    """A stored histogram in the shape of `Weights.histogram`: what is beyond, in the last bins."""
    inner = np.array(counts[1:-1], dtype=np.int64)
    inner[0] += counts[0]
    inner[-1] += counts[-1]
    edges = list(api.HISTOGRAM_EDGES)
    return pd.DataFrame(
        {
            "log2_from": edges[:-1],
            "log2_to": edges[1:],
            "pairs": inner,
            "share": inner / max(1, inner.sum()),
        }
    )


def snapshot_map(decile_map: Any, cells: pd.DataFrame | None) -> pd.DataFrame:
    """A stored map, one row a filled cell; the counts are those of `cells`, the same all along."""
    user, item = np.divmod(np.arange(decile_map.size), decile_map.shape[1])
    frame = pd.DataFrame(
        {"user_group": user + 1, "item_group": item + 1, "weight": np.ravel(decile_map)}
    ).dropna(subset="weight")
    if cells is None:
        return frame.assign(pairs=np.nan)
    keys = ["user_group", "item_group"]
    return frame.merge(cells[[*keys, "pairs"]], on=keys, how="left")


def mask_of(found: Any, pick: Pick) -> np.ndarray | None:
    """Which pairs are picked, None when nothing is; of a pair inside a cell, that pair."""
    if pick.pair is not None and pick.pair < len(found.pairs):
        return np.arange(len(found.pairs)) == pick.pair
    if pick.cell is not None:
        return np.asarray(found.in_cell(pick.cell))
    return None


def settled(found: Any, pick: Pick) -> Pick:
    """The pick without a pair that there is not, and without a cell that the pair is not in."""
    if pick.pair is None:
        return pick
    if pick.pair >= len(found.pairs):
        return Pick(cell=pick.cell)
    return (
        pick if pick.cell in (None, cell_of(found, Pick(pair=pick.pair))) else Pick(pair=pick.pair)
    )


def cell_of(found: Any, pick: Pick) -> tuple[int, int] | None:
    """The map's cell that is picked, or in which the picked pair lies."""
    if pick.cell is not None:
        return pick.cell
    if pick.pair is None or found is None or pick.pair >= len(found.pairs):
        return None
    row = found.pairs.iloc[pick.pair]
    return int(row["user_group"]), int(row["item_group"])


def ratings_in_words(ratings: pd.Series) -> list[str]:
    """Of pairs of which few are rated."""
    return [f"{r:g}" if np.isfinite(r) else "not rated" for r in ratings]


def points(found: Any, across: str, pick: Pick) -> pd.DataFrame:
    """The sample as a scatter wants it: pair, value, weight, picked, and what a hover says."""
    mask = mask_of(found, pick)
    here = [] if mask is None else np.flatnonzero(mask & found.used)[:PICKED_MAX]
    sample = found.sample([int(k) for k in here])
    columns = ["user_name", "item_name", "rating", "weight", "inverse_propensity", "error"]
    columns += ["imputed"]  # of weights on all pairs
    frame = sample[[name for name in columns if name in sample]].copy()
    if found.block == "all":
        frame["rating"] = ratings_in_words(sample["rating"])
    frame["value"] = found.column(across)[sample.index.to_numpy()]
    frame["picked"] = False if mask is None else mask[sample.index.to_numpy()]
    frame.insert(0, "pair", sample.index)
    return frame[np.isfinite(frame["value"].to_numpy())]
