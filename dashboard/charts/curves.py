"""Curves over epochs: seeds into a mean, long curves into fewer points, numbers into few digits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

MAX_POINTS, FEWEST = 250, 50
ALL_POINTS = 14_000  # of all curves together: what a browser gets at a refresh
DIGITS = 4


# Columns that follow from stored ones: the left sides are the violations plus the target.
SUMS = {"left": ("violation", "target"), "left_uniform": ("violation_uniform", "target")}


class Table:
    """Epochs in long form (run, epoch, columns), indexed once for many looks at their columns."""

    def __init__(self, epochs: pd.DataFrame) -> None:
        self._frame = epochs
        codes, names = pd.factorize(epochs["run"]) if len(epochs) else (np.empty(0, int), [])
        self._rows = {name: np.flatnonzero(codes == code) for code, name in enumerate(names)}
        self._epoch = epochs["epoch"].to_numpy(dtype=np.int64) if len(epochs) else np.empty(0, int)
        self._axes: dict[tuple[str, ...], tuple[IntArray, dict[str, IntArray]]] = {}
        self._held: dict[tuple[str, tuple[str, ...]], pd.DataFrame] = {}

    @classmethod
    def of(cls, epochs: pd.DataFrame | Table) -> Table:
        """A frame as a table; a table as it is."""
        return epochs if isinstance(epochs, cls) else cls(epochs)

    @property
    def last(self) -> int:
        """The last epoch of any run, 0 before the first."""
        return int(self._epoch.max(initial=0))

    def last_of(self, runs: Sequence[str]) -> list[int]:
        """The last epoch of each of `runs` that has one."""
        return [int(self._epoch[self._rows[run]].max()) for run in runs if run in self._rows]

    def has(self, column: str) -> bool:
        """Whether some run has a value there."""
        return column in self._frame and bool(self._frame[column].notna().any())

    def wide(self, column: str, runs: Sequence[str]) -> pd.DataFrame:
        """`column` with a row an epoch and a column a run; runs without a value are left out."""
        key = (column, tuple(runs))
        if key not in self._held:
            self._held[key] = self._wide(column, key[1])
        return self._held[key]

    def _wide(self, column: str, runs: tuple[str, ...]) -> pd.DataFrame:
        if column in SUMS and column not in self._frame:
            one, other = (self.wide(name, runs) for name in SUMS[column])
            return one + other[one.columns] if set(one) <= set(other) else pd.DataFrame()
        mine = [run for run in dict.fromkeys(runs) if run in self._rows]
        if column not in self._frame or not mine:
            return pd.DataFrame()
        index, place = self._axis(tuple(mine))
        values = self._frame[column].to_numpy(dtype=float)
        table = np.full((len(index), len(mine)), np.nan)
        for k, run in enumerate(mine):
            table[place[run], k] = values[self._rows[run]]
        some = ~np.isnan(table).all(axis=0)
        return pd.DataFrame(
            table[:, some], index, [r for r, s in zip(mine, some, strict=True) if s]
        )

    def _axis(self, runs: tuple[str, ...]) -> tuple[IntArray, dict[str, IntArray]]:
        """The epochs of any of `runs`, and where each one's own lie among them."""
        if runs not in self._axes:
            own = {run: self._epoch[self._rows[run]] for run in runs}
            index = np.unique(np.concatenate(list(own.values())))
            self._axes[runs] = index, {run: np.searchsorted(index, e) for run, e in own.items()}
        return self._axes[runs]


def pivot(epochs: pd.DataFrame | Table, column: str, runs: Sequence[str]) -> pd.DataFrame:
    """`column` with a row an epoch and a column a run; runs without a value are left out."""
    return Table.of(epochs).wide(column, runs)


def mean_of_runs(wide: pd.DataFrame) -> pd.Series:
    """The mean over all runs at every epoch; a run that has ended counts with its last value.

    Runs of a launch train in step, so one that is behind has stopped early. Left out, it would
    change what the mean is of; the runs' own thin curves show where each ended.
    """
    if wide.empty:
        return pd.Series(dtype=float)
    values = wide.to_numpy(dtype=float)
    place = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    values = np.take_along_axis(values, np.maximum.accumulate(place, axis=0), axis=0)
    whole = ~np.isnan(values).any(axis=1)
    return pd.Series(values[whole].mean(axis=1), wide.index[whole])


def ended_early(epochs: pd.DataFrame | Table, runs: Sequence[str]) -> bool:
    """Whether some of the runs stopped before the others."""
    return len(set(Table.of(epochs).last_of(runs))) > 1


def stride_for(n_epochs: int, n_curves: int = 1) -> int:
    """Every how many epochs a point is drawn: no curve has more than `MAX_POINTS`, nor all together
    more than `ALL_POINTS`, but each has `FEWEST`."""
    most = min(MAX_POINTS, max(FEWEST, ALL_POINTS // max(1, n_curves)))
    return max(1, -(-n_epochs // most))


def points(curve: pd.Series, stride: int = 1) -> dict[str, Any]:
    """x and y of a trace, in as few bytes as the eye needs.

    Regular epochs travel as x0 and dx. The last point is always there, whatever the stride.
    """
    x, y = curve.index.to_numpy(), curve.to_numpy(dtype=float)
    known = ~np.isnan(y)
    x, y = x[known], y[known]
    if not len(x):
        return {"x": [], "y": []}
    keep = np.arange(0, len(x), stride)
    if keep[-1] != len(x) - 1:
        keep = np.append(keep, len(x) - 1)
    x, values = x[keep], rounded(y[keep])
    steps = np.diff(x)
    if len(x) > 1 and (steps == steps[0]).all():
        return {"x0": int(x[0]), "dx": int(steps[0]), "y": values}
    return {"x": x.astype(int).tolist(), "y": values}


def rounded(values: FloatArray) -> list[float | None]:
    """Numbers with `DIGITS` significant digits; None where there is none (JSON has no NaN)."""
    sound = np.isfinite(values)
    clean = np.where(sound, values, 0.0)
    size = np.floor(np.log10(np.abs(clean, where=clean != 0, out=np.ones_like(clean))))
    scale = 10.0 ** np.abs(DIGITS - 1 - size)
    fine = size < DIGITS
    short = np.where(fine, np.round(clean * scale) / scale, np.round(clean / scale) * scale)
    if sound.all():
        return list(short.tolist())
    return [v if ok else None for v, ok in zip(short.tolist(), sound.tolist(), strict=True)]
