"""A study's frame as what a figure draws: means and seeds with their places, a row a data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from dashboard.charts.study_axis import Axis

MEANS = ("series", "label", "x", "metric", "mean", "low", "high", "n", "source", "position")
SEEDS = ("series", "x", "seed", "metric", "value", "position")
MARKS = ("series", "metric", "kind", "x", "position", "value")


@dataclass(frozen=True)
class Curve:
    """One series: its name, its method (which has a hue and a marker), and whether it is balanced.

    bare: the reference that others are held against is drawn thin.
    """

    key: str
    label: str
    method: str
    balanced: bool = True

    @property
    def dash(self) -> str:
        """Balanced methods are solid, base methods dashed."""
        return "solid" if self.balanced else "dash"


@dataclass(frozen=True)
class Level:
    """A horizontal line in one panel. role: "baseline" or "chance"."""

    metric: str
    value: float
    name: str
    role: str


@dataclass(frozen=True)
class Row:
    """One data set's row of panels.

    means, seeds: `MEANS`, `SEEDS`; marks: `MARKS` of kind "chosen", "best" and "published".
    band: SE of the constraint's target, None where unknown. gain: whether metrics are differences.
    """

    title: str
    note: str
    simulated: bool
    axis: Axis
    curves: tuple[Curve, ...]
    means: pd.DataFrame
    seeds: pd.DataFrame
    marks: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(MARKS)))
    levels: tuple[Level, ...] = ()
    band: float | None = None
    gain: str = ""

    def means_of(self, metric: str, series: str | None = None) -> pd.DataFrame:
        """The means of one metric, of one series in the axis' order; empty where there are none."""
        if series is None:
            return self._by_metric.get(metric, self.means.iloc[:0])
        return self._by_curve.get((metric, series), self.means.iloc[:0])

    def seeds_of(self, metric: str, series: str) -> pd.DataFrame:
        """Every seed's results of one metric and series."""
        return self._by_seed.get((metric, series), self.seeds.iloc[:0])

    # Grouped once: a figure asks for every panel and curve several times.
    @cached_property
    def _by_metric(self) -> dict[Any, pd.DataFrame]:
        return dict(list(self.means.groupby("metric", sort=False)))

    @cached_property
    def _by_curve(self) -> dict[Any, pd.DataFrame]:
        ordered = self.means.sort_values("position")
        return dict(list(ordered.groupby(["metric", "series"], sort=False)))

    @cached_property
    def _by_seed(self) -> dict[Any, pd.DataFrame]:
        return dict(list(self.seeds.groupby(["metric", "series"], sort=False)))


def placed(frame: pd.DataFrame, curves: Sequence[Curve], axis: Axis) -> pd.DataFrame:
    """The frame with a column `position`, series beside one another, without unknown values."""
    shift = {curve.key: axis.shift(k, len(curves)) for k, curve in enumerate(curves)}
    kept = frame[frame["series"].isin(list(shift)) & frame["x"].isin(list(axis.position))]
    place = kept["x"].map(axis.position).astype(float) + kept["series"].map(shift).astype(float)
    return kept.assign(position=place)


def seeds_of(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Long form of every run's results: series, x, seed, metric, value."""
    known = frame[frame["source"] != ""]
    long = known.melt(["series", "x", "seed"], list(columns), "metric", "value")
    return long.dropna(subset=["value"])


def as_gains(
    frame: pd.DataFrame, columns: Sequence[str], over: Mapping[str, tuple[str, float | None]]
) -> pd.DataFrame:
    """The frame with `columns` as differences, seed by seed, from another cell.

    Args:
        over: series -> (series, x) of what it is held against; x None: the same x.
    """
    known = frame[frame["source"] != ""].copy()
    parts = []
    for series, own in known.groupby("series", sort=False):
        if series not in over:
            continue
        other, x = over[str(series)]
        base = known[known["series"] == other]
        keys = ["seed"] if x is not None else ["seed", "x"]
        if x is not None:
            base = base[base["x"] == x]
        base = base.drop_duplicates(keys).set_index(keys)[list(columns)]
        at = pd.MultiIndex.from_frame(own[keys]) if x is None else own["seed"]
        against = base.reindex(at).to_numpy(dtype=float)
        own = own.copy()
        own[list(columns)] = own[list(columns)].to_numpy(dtype=float) - against
        parts.append(own)
    return pd.concat(parts) if parts else known.iloc[:0]
