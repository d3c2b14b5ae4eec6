"""Curves over epochs: seeds into a mean, long curves into fewer points, numbers into few digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

MAX_POINTS = 250
DIGITS = 4


def pivot(epochs: pd.DataFrame, column: str, runs: Sequence[str]) -> pd.DataFrame:
    """`column` with a row an epoch and a column a run; runs without a value are left out."""
    if epochs.empty or column not in epochs or not runs:
        return pd.DataFrame()
    mine = epochs.loc[epochs["run"].isin(list(runs)), ["run", "epoch", column]]
    wide = mine.pivot(index="epoch", columns="run", values=column)
    return wide.dropna(axis="columns", how="all").sort_index()


def mean_of_runs(wide: pd.DataFrame) -> pd.Series:
    """The mean over all runs at every epoch; a run that has ended counts with its last value.

    Runs of a launch train in step, so one that is behind has stopped early. Left out, it would
    change what the mean is of; the runs' own thin curves show where each ended.
    """
    if wide.empty:
        return pd.Series(dtype=float)
    return wide.ffill().dropna(how="any").mean(axis="columns")


def ended_early(epochs: pd.DataFrame, runs: Sequence[str]) -> bool:
    """Whether some of the runs stopped before the others."""
    last = epochs.loc[epochs["run"].isin(list(runs))].groupby("run")["epoch"].max()
    return last.nunique() > 1


def stride_for(n_epochs: int) -> int:
    """Every how many epochs a point is drawn, so that no curve has more than `MAX_POINTS`."""
    return max(1, -(-n_epochs // MAX_POINTS))


def points(curve: pd.Series, stride: int = 1) -> dict[str, Any]:
    """x and y of a trace, in as few bytes as the eye needs.

    Regular epochs travel as x0 and dx. The last point is always there, whatever the stride.
    """
    curve = curve.dropna()
    if curve.empty:
        return {"x": [], "y": []}
    keep = curve.iloc[::stride]
    if keep.index[-1] != curve.index[-1]:
        keep = pd.concat([keep, curve.iloc[-1:]])
    x = keep.index.to_numpy()
    y = rounded(keep.to_numpy(dtype=float))
    steps = np.diff(x)
    if len(x) > 1 and (steps == steps[0]).all():
        return {"x0": int(x[0]), "dx": int(steps[0]), "y": y}
    return {"x": [int(v) for v in x], "y": y}


def rounded(values: np.ndarray) -> list[float | None]:
    """Numbers with `DIGITS` significant digits; None where there is none (JSON has no NaN)."""
    return [float(f"{v:.{DIGITS}g}") if np.isfinite(v) else None for v in values]
