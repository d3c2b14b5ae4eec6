"""The table of one data set: every method and way to balance, over split seeds, with intervals.

lam is fixed beforehand (an argument), never chosen on these ratings; every system has the settings
of its preset. Test ratings are read at each run's end and serve no choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from engine.store.reports import read_facts, read_runs, result_column

LAM = 4.0
MOMENTS: tuple[tuple[str, ...], ...] = (("e",), ("e", "r"))
RESIDUALS = ("in_sample",)
# What a simulation's truth tells of an estimator: see `engine.training.audit`.
TRUTH = (
    *("estimate", "estimate_uniform", "estimate_u_mean"),
    *("frozen_error", "frozen_error_uniform", "frozen_error_u_mean"),
    *("gradient_cosine", "gradient_cosine_uniform", "oracle_correlation", "oracle_kl"),
)
FACTS = ("violation", "violation_uniform", "ess", "exact_kl", *TRUTH)
REPORTED = (*METRICS, *(f"{name}_clean" for name in METRICS), "true_loss", *FACTS)


@dataclass(frozen=True)
class System:
    """One way to train a method. balance: none, learned, exact; oracle: IPS with the true p."""

    method: str
    balance: str
    moments: tuple[str, ...] | None = None
    residuals: str | None = None

    def config(self, dataset: str, lam: float) -> RunConfig:
        """Its config, seeds aside."""
        if self.balance == "oracle":
            base = preset(dataset, self.method, propensity="true", patience=60, epochs=500)
            return base.twin()
        if self.balance == "none":
            return preset(dataset, self.method, patience=60, epochs=500).twin()
        return preset(
            dataset,
            self.method,
            lam=lam,
            balance=self.balance,
            moments=self.moments,
            residuals=self.residuals,
            patience=60,
            epochs=500,
        )


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


def systems(
    simulated: bool, methods: Sequence[str], residuals: Sequence[str] = RESIDUALS
) -> list[System]:
    """All of the table, base methods first, in the order they are trained and told."""
    found = []
    for method in methods:
        found.append(System(method, "none"))
        if method == "ips" and simulated:
            found.append(System(method, "oracle"))
        if METHODS[method].info.balances == ("none",):
            continue
        for moments in MOMENTS:
            for kind in residuals:
                found.append(System(method, "learned", moments, kind))
            found.append(System(method, "exact", moments, "in_sample"))
    return found


def report(
    store: Store,
    dataset: str,
    seeds: int,
    lam: float = LAM,
    methods: Sequence[str] = (),
    residuals: Sequence[str] = RESIDUALS,
    on_event: Callable[[Event], object] = lambda event: None,
) -> Iterator[Row]:
    """Train what the table needs in this process, a method at a time.

    Args:
        methods: some of them only; () for all.
        residuals: of the learned weights; cross_fitted takes six times as long.

    Raises:
        ConfigError: no seeds, or a data set, method, residuals or lam that cannot be used.
        DataError: the ratings cannot be read.
    """
    if seeds < 1:
        raise ConfigError("seeds", seeds, "a whole number from 1")
    simulated = load(preset(dataset, lam=lam)).simulated
    for method in methods or METHODS:
        if method not in METHODS:
            raise ConfigError("methods", method, "one or more of " + ", ".join(METHODS))
        of_method = systems(simulated, [method], residuals)
        yield from _rows_of(store, dataset, of_method, seeds, lam, simulated, on_event)


def _rows_of(
    store: Store,
    dataset: str,
    of_method: list[System],
    seeds: int,
    lam: float,
    simulated: bool,
    on_event: Callable[[Event], object],
) -> Iterator[Row]:
    """The rows of one method; its first system is the base all gains are over."""
    bases = [system.config(dataset, lam) for system in of_method]
    # Simulated data are drawn anew for every seed: a claim is about the process, not one draw.
    each = [
        changed(base, seed=s, split_seed=s, data_seed=s if simulated else base.data_seed)
        for base in bases
        for s in range(seeds)
    ]
    launch = train_here(store, each, twins=False, on_event=on_event)
    frame = read_runs(store, launch.id, limit=10_000, state=None).set_index("run")
    frame = frame.join(read_facts(store, launch.id, FACTS), rsuffix="_fact")
    runs = [list(launch.runs[i : i + seeds]) for i in range(0, len(launch.runs), seeds)]
    for system, base, own in zip(of_method, bases, runs, strict=True):
        yield from _rows(frame, system, base, own, runs[0])


def _rows(
    frame: pd.DataFrame, system: System, base: RunConfig, runs: list[str], twins: list[str]
) -> Iterator[Row]:
    for metric in REPORTED:
        column = _column(metric)
        if column not in frame or frame.loc[runs, column].isna().any():
            continue
        values = frame.loc[runs, column].to_numpy(dtype=float)
        mean, low, high = mean_interval(values)
        gain = None
        if system.balance != "none" and not frame.loc[twins, column].isna().any():
            gain = paired_interval(values, frame.loc[twins, column].to_numpy(dtype=float))
        balanced = system.balance in ("learned", "exact")
        yield Row(
            method=system.method,
            balance=system.balance,
            moments=system.moments,
            residuals=system.residuals,
            metric=metric,
            mean=mean,
            low=low,
            high=high,
            seeds=len(runs),
            published=None
            if system.balance == "oracle"
            else published(base.dataset, system.method, balanced, metric),
            gain=gain,
            config=base.model_dump(mode="json", exclude={"seed", "split_seed", "data_seed"}),
        )


def _column(metric: str) -> str:
    return metric if metric == "true_loss" or metric in FACTS else result_column(metric)
