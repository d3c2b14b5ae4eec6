"""Small runs on a few simulated ratings, for several test files: float64, one thread, 4 blocks."""

import functools

import pytest

from engine.config import RunConfig
from engine.datasets.ratings import Ratings
from engine.datasets.simulated import PRESETS, Size, generate
from engine.events import EpochDone, GroupEpoch, RunDone
from engine.jobs.building import tuned
from engine.methods import METHODS
from engine.presets import preset
from engine.training.trainer import Trainer

FAST = {
    "epochs": 3,
    "patience": 0,
    "dtype": "float64",
    **dict.fromkeys(("d", "weights_dim", "propensity_dim", "imputation_dim"), 3),
    **{"block_users": 30, "block_items": 25},
    # Not a preset's: what is tested is the engine, and phi has to move within a few steps.
    **{"optimizer": "adamw", "loss_scale": "sum", "lr": 1e-2, "weight_decay": 5.0},
    **dict.fromkeys(("propensity_lr", "imputation_lr", "omega_lr"), 1e-2),
    **dict.fromkeys(("propensity_decay", "imputation_decay", "omega_decay"), 0.1),
}


@functools.cache
def tiny() -> Ratings:
    """Simulated-small, but smaller: 60 users, 50 items, a strong hidden confounder."""
    size = Size(n_users=60, n_items=50, n_biased=600, n_random=1_000)
    return generate(size, PRESETS["strong"], data_seed=0, name="simulated-small")


def make(method: str = "ips", **changes) -> RunConfig:
    """A small run; balanced where the method can be, with a lam that shows."""
    balance = "learned" if "learned" in METHODS[method].info.balances else "none"
    own = {"balance": balance, "lam": 4.0 if balance == "learned" else 0.0}
    return preset("simulated-small", method, **{**FAST, **own, **changes})


def train(
    *configs: RunConfig, ratings: Ratings | None = None
) -> tuple[dict[tuple[str, int], EpochDone], dict[str, RunDone]]:
    """Rows by (run0, epoch), (run1, epoch), ..., and the last word on each run."""
    runs = {f"run{i}": config for i, config in enumerate(configs)}
    rows, done = {}, {}
    with tuned():
        for event in Trainer(runs, tiny() if ratings is None else ratings).events():
            if isinstance(event, GroupEpoch):
                rows |= {(row.run, row.epoch): row for row in event.runs}
                done |= {end.run: end for end in event.done}
    return rows, done


def assert_same_numbers(one: EpochDone, other: EpochDone, tolerance: float) -> None:
    """Every number that two epochs tell, seconds apart."""
    a, b = one.columns(), other.columns()
    assert a.keys() == b.keys()
    for name in a:
        if name.startswith("seconds"):
            continue
        if a[name] is None or b[name] is None:
            assert a[name] is b[name], name
        else:
            assert a[name] == pytest.approx(b[name], abs=tolerance, rel=tolerance), name
