"""The table of one data set, every method and way to balance: a view of the Table 2 study.

lam is fixed beforehand (an argument), never chosen on these ratings; every system has the settings
of its preset. Test ratings are read at each run's end and serve no choice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from engine.claims import mean_interval, paired_interval
from engine.config import SEED_FIELDS
from engine.errors import ConfigError
from engine.events import METRICS, Event
from engine.jobs.studying import train_study_here
from engine.methods import METHODS
from engine.published import published
from engine.store.database import Store
from engine.store.reports import result_column
from engine.studies import Plan, Series, make_plan
from engine.studies.cells import frame, known_cells
from engine.studies.summary import gain
from engine.studies.systems import LAM

MOMENTS = (("e",), ("e", "r"))
BALANCES = ("learned", "exact")
# What a simulation's truth tells of an estimator: see `engine.training.audit`.
TRUTH = (
    *("estimate", "estimate_uniform", "estimate_u_mean"),
    *("frozen_error", "frozen_error_uniform", "frozen_error_u_mean"),
    *("gradient_cosine", "gradient_cosine_uniform", "oracle_correlation", "oracle_kl"),
)
FACTS = ("violation", "violation_uniform", "ess", "exact_kl", *TRUTH)
# What the few unbiased ratings alone tell: their plain mean.
U_ALONE = "frozen_error_u_mean"
AGAINST_U = ("frozen_error", "frozen_error_uniform")
REPORTED = (*METRICS, *(f"{name}_clean" for name in METRICS), "true_loss", *FACTS)


@dataclass(frozen=True)
class Row:
    """One system and metric: mean over seeds with its 95 % t interval.

    balance: none, learned, exact; oracle: IPS with the true propensity. constraint: of exact
    weights. gain: mean, low, high of run - twin, seed by seed; None for the base methods
    themselves. against_u: the same of this error - that of the plain mean over U, of the metrics
    `AGAINST_U`; below 0 where the estimate is the better one.
    """

    method: str
    balance: str
    moments: tuple[str, ...] | None
    residuals: str | None
    constraint: str | None
    metric: str
    mean: float
    low: float
    high: float
    seeds: int
    published: float | None
    gain: tuple[float, float, float] | None
    against_u: tuple[float, float, float] | None
    config: dict[str, object]


def report(
    store: Store,
    dataset: str,
    seeds: int,
    lam: float = LAM,
    methods: Sequence[str] = (),
    residuals: Sequence[str] = ("in_sample",),
    on_event: Callable[[Event], object] = lambda event: None,
    balances: Sequence[str] = BALANCES,
    moments: Sequence[tuple[str, ...]] = MOMENTS,
    constraints: Sequence[str] = ("penalised",),
    **changes: Any,
) -> Iterator[Row]:
    """Train in this process what the table still needs, a method at a time.

    Args:
        methods: some of them only; () for all.
        residuals, balances, moments: of the balanced rows; cross_fitted takes six times as long.
        constraints: of the exact weights.
        changes: of every system's settings, as confounding="none".

    Raises:
        ConfigError: no seeds, or a data set, method, residuals, balance, constraint or lam that
            cannot be used.
        DataError: the ratings cannot be read.
    """
    for balance in balances:
        if balance not in BALANCES:
            raise ConfigError("balance", balance, "one or more of " + ", ".join(BALANCES))
    if seeds < 1:
        raise ConfigError("seeds", seeds, "a whole number from 1")
    plans = [
        make_plan(
            "table2",
            dataset,
            seeds=range(seeds),
            lam=lam,
            methods=(method,),
            forms=tuple((balance, tuple(m)) for m in moments for balance in balances),
            residuals=tuple(residuals),
            constraints=tuple(constraints),
            **changes,
        )
        for method in methods or METHODS
    ]
    for plan in plans:
        train_study_here(store, plan, on_event)
        cells = frame(plan, known_cells(store, plan))
        own = cells[cells["source"] == "measured"]
        for series in plan.series:
            yield from _rows(plan, series, own)


def _rows(plan: Plan, series: Series, cells: pd.DataFrame) -> Iterator[Row]:
    """The rows of one system; none of a metric that some seed lacks."""
    config = series.config
    own = cells[cells["series"] == series.key]
    oracle, exact = config.propensity == "true", config.balance == "exact"
    for metric in REPORTED:
        column = metric if metric == "true_loss" or metric in FACTS else result_column(metric)
        values = own[column].to_numpy(dtype=float)
        if len(values) < len(plan.seeds) or pd.isna(values).any():
            continue
        mean, low, high = mean_interval(values)
        base = series.base or (config.method if oracle else "")
        over = gain(cells, column, (series.key, None), (base, None)) if base else None
        yield Row(
            method=config.method,
            balance="oracle" if oracle else config.balance,
            moments=config.moments if config.balanced else None,
            residuals=config.residuals if config.balanced else None,
            constraint=config.constraint if config.balanced and exact else None,
            metric=metric,
            mean=mean,
            low=low,
            high=high,
            seeds=len(values),
            published=None
            if oracle
            else published(plan.dataset, config.method, config.balanced, metric),
            gain=over[:3] if over and over[3] == len(values) else None,
            against_u=_against_u(own, metric) if metric in AGAINST_U else None,
            config=config.model_dump(mode="json", exclude=set(SEED_FIELDS)),
        )


def _against_u(own: pd.DataFrame, metric: str) -> tuple[float, float, float]:
    """Of one system's seeds: an estimate's error minus that of the plain mean over the same U."""
    error, of_mean = (own[name].to_numpy(dtype=float) for name in (metric, U_ALONE))
    return paired_interval(error, of_mean)
