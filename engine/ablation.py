"""Where does a gain come from: one factor changed at a time around the published settings.

The centre is Bal-IPS as `preset` has it on real data: published optimizer, dimension, step, scale
of the loss. Every variant trains on the same split seeds; its difference from the centre is paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from engine.claims import mean_interval, paired_interval
from engine.config import RunConfig, changed
from engine.errors import ConfigError
from engine.events import METRICS, Event
from engine.jobs.local import train_here
from engine.presets import preset
from engine.store.database import Store
from engine.store.reports import read_runs, result_column

LAM = 4.0
REPORTED = (*METRICS, *(f"{name}_clean" for name in METRICS))
CENTRE = "centre"

# factor -> variant -> what it changes of the centre.
FACTORS: dict[str, dict[str, dict[str, Any]]] = {
    "balancing": {
        "none": {"balance": "none", "lam": 0.0},
        "exact": {"balance": "exact"},
        "learned, lam 1/64": {"lam": 2.0**-6},
        "learned, lam 64": {"lam": 64.0},
        "learned by an MF": {"weights_model": "mf"},
        "learned by an NCF": {"weights_model": "ncf"},
    },
    "moments": {
        "r": {"moments": ("r",)},
        "e, r": {"moments": ("e", "r")},
        "e, r, mass": {"moments": ("e", "r", "mass")},
        "e by popularity": {"moments": ("e_by_popularity",)},
    },
    "residuals": {
        "held out": {"residuals": "held_out"},
        "cross-fitted": {"residuals": "cross_fitted"},
        "cross-fitted, e and r": {"residuals": "cross_fitted", "moments": ("e", "r")},
    },
    "propensity": {
        "constant (Bal-MF)": {"propensity": "constant"},
        "given (Coat's file)": {"propensity": "given"},
        "bi-level": {"propensity": "bilevel"},
    },
    "dimension": {"d = 10": {"d": 10}, "d = 64": {"d": 64}},
    "decay": {
        "1e-3": {"weight_decay": 1e-3},
        "2.5e-4": {"weight_decay": 2.5e-4},
        "mean rating free of decay": {"intercept": True},
    },
    "optimizer": {
        "AdamW, lr 1e-2, decay 5": {"optimizer": "adamw", "lr": 1e-2, "weight_decay": 5.0},
        "SGD, sums, lr 1e-2": {"optimizer": "sgd", "loss_scale": "sum", "lr": 1e-2},
    },
    "loss scale": {"sum": {"loss_scale": "sum"}},
}


@dataclass(frozen=True)
class Row:
    """One variant and metric: mean over seeds, and its difference from the centre, 95 % each."""

    factor: str
    variant: str
    metric: str
    mean: float
    low: float
    high: float
    difference: tuple[float, float, float] | None
    seeds: int
    config: dict[str, object]


def ablation(
    store: Store,
    dataset: str,
    seeds: int,
    lam: float = LAM,
    on_event: Callable[[Event], object] = lambda event: None,
) -> Iterator[Row]:
    """Train the centre and every variant in this process, a factor at a time.

    Raises:
        ConfigError: no seeds, or a data set or lam that cannot be used.
        DataError: the ratings cannot be read.
    """
    if seeds < 1:
        raise ConfigError("seeds", seeds, "a whole number from 1")
    centre = preset(dataset, "ips", lam=lam)
    base = _train(store, [centre], seeds, on_event)
    yield from _rows("", CENTRE, centre, base, base)
    for factor, variants in FACTORS.items():
        for variant, changes in variants.items():
            config = changed(centre, **changes)
            found = _train(store, [config], seeds, on_event)
            yield from _rows(factor, variant, config, found, base)


def _train(
    store: Store, configs: Sequence[RunConfig], seeds: int, on_event: Callable[[Event], object]
) -> pd.DataFrame:
    """Test metrics, a row a seed."""
    each = [changed(c, seed=s, split_seed=s) for c in configs for s in range(seeds)]
    launch = train_here(store, each, twins=False, on_event=on_event)
    return (
        read_runs(store, launch.id, limit=10_000, state=None)
        .set_index("run")
        .loc[list(launch.runs)]
    )


def _rows(
    factor: str, variant: str, config: RunConfig, found: pd.DataFrame, base: pd.DataFrame
) -> Iterator[Row]:
    for metric in REPORTED:
        column = result_column(metric)
        values = found[column].to_numpy(dtype=float)
        if pd.isna(values).any():
            continue  # a seed failed: nothing can be said of the mean over seeds
        mean, low, high = mean_interval(values)
        other = base[column].to_numpy(dtype=float)
        yield Row(
            factor=factor,
            variant=variant,
            metric=metric,
            mean=mean,
            low=low,
            high=high,
            difference=None if variant == CENTRE else paired_interval(values, other),
            seeds=len(values),
            config=config.model_dump(mode="json", exclude={"seed", "split_seed"}),
        )
