"""The table of one data set: every method and way to balance, over split seeds, with intervals.

lam is fixed beforehand (an argument), never chosen on these ratings; every system has the same
budget and settings. Test ratings are read at each run's end and serve no choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd

from engine.claims import mean_interval, paired_interval
from engine.config import RunConfig, changed
from engine.datasets import load
from engine.errors import ConfigError
from engine.events import METRICS, Event
from engine.jobs.local import train_here
from engine.methods import METHODS
from engine.presets import preset
from engine.published import published
from engine.store.database import Store
from engine.store.reports import read_runs

LAM = 4.0
MOMENTS: tuple[tuple[str, ...], ...] = (("e",), ("e", "r"))
REPORTED = (*METRICS, *(f"{name}_clean" for name in METRICS), "true_loss")


@dataclass(frozen=True)
class Row:
    """One system and metric: mean over seeds with its 95 % t interval.

    gain: mean, low, high of run - twin, seed by seed; None for the base methods themselves.
    """

    method: str
    balance: str
    moments: tuple[str, ...] | None
    residuals: str | None
    metric: str
    mean: float
    low: float
    high: float
    seeds: int
    published: float | None
    gain: tuple[float, float, float] | None
    config: dict[str, object]


def report(
    store: Store,
    dataset: str,
    seeds: int,
    lam: float = LAM,
    on_event: Callable[[Event], object] = lambda event: None,
) -> Iterator[Row]:
    """Train what the table needs in this process, a method and moment set at a time.

    Raises:
        ConfigError: no seeds, or a data set or lam that cannot be used.
        DataError: the ratings cannot be read.
    """
    if seeds < 1:
        raise ConfigError("seeds", seeds, "a whole number from 1")
    simulated = load(preset(dataset, lam=lam)).simulated
    for method in METHODS:
        for moments in MOMENTS:
            base = preset(dataset, method, lam=lam, moments=moments, patience=60, epochs=300)
            with_base = moments == MOMENTS[0]
            yield from _systems(store, base, seeds, simulated, on_event, with_base)


def _systems(
    store: Store,
    base: RunConfig,
    seeds: int,
    simulated: bool,
    on_event: Callable[[Event], object],
    with_base: bool,
) -> Iterator[Row]:
    """The learned and exact forms of one method and moment set, and the base they share."""
    each = [
        # Simulated data are drawn anew for every seed: a claim is about the process, not one draw.
        changed(base, seed=s, split_seed=s, data_seed=s if simulated else base.data_seed)
        for s in range(seeds)
    ]
    systems = {
        "learned": each,
        "exact": [changed(config, balance="exact") for config in each],
        "none": [config.twin() for config in each],
    }
    launch = train_here(
        store, [c for configs in systems.values() for c in configs], twins=False, on_event=on_event
    )
    frame = read_runs(store, launch.id, limit=10_000, state=None).set_index("run")
    runs = dict(zip(systems, _cut(list(launch.runs), seeds), strict=True))
    order = ("none", "learned", "exact") if with_base else ("learned", "exact")
    for balance in order:
        yield from _rows(frame, base, balance, runs[balance], runs["none"])


def _cut(runs: list[str], size: int) -> list[list[str]]:
    return [runs[i : i + size] for i in range(0, len(runs), size)]


def _rows(
    frame: pd.DataFrame, base: RunConfig, balance: str, runs: list[str], twins: list[str]
) -> Iterator[Row]:
    balanced = balance != "none"
    config = changed(base, balance=balance) if balanced else base.twin()
    for metric in REPORTED:
        column = _column(metric)
        if column not in frame or frame.loc[runs, column].isna().any():
            continue
        values = frame.loc[runs, column].to_numpy(dtype=float)
        mean, low, high = mean_interval(values)
        gain = None
        if balanced:
            gain = paired_interval(values, frame.loc[twins, column].to_numpy(dtype=float))
        yield Row(
            method=base.method,
            balance=balance,
            moments=base.moments if balanced else None,
            residuals="in_sample" if balanced else None,
            metric=metric,
            mean=mean,
            low=low,
            high=high,
            seeds=len(runs),
            published=published(base.dataset, base.method, balanced, metric),
            gain=gain,
            config=config.model_dump(mode="json", exclude={"seed", "split_seed", "data_seed"}),
        )


def _column(metric: str) -> str:
    if metric == "true_loss":
        return metric
    return f"test_clean_{metric.removesuffix('_clean')}" if "clean" in metric else f"test_{metric}"
