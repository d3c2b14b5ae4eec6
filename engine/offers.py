"""What a run can be made of, and whether a config fits its data, before anything trains."""

from __future__ import annotations

from engine.config import FEATURE_MOMENTS, RunConfig
from engine.datasets import load
from engine.datasets.features import feature_of
from engine.datasets.splits import make_split
from engine.errors import ConfigError
from engine.methods import METHODS, MethodInfo
from engine.methods.propensity import estimate_propensity
from engine.store.database import runs_home
from engine.store.records import check_finished


def methods() -> list[MethodInfo]:
    """Every base method."""
    return [method.info for method in METHODS.values()]


def check(config: RunConfig) -> None:
    """Load the ratings, split them and estimate the propensity, as training will.

    Raises:
        ConfigError, DataError: what is wrong, before anything is queued.
    """
    method = METHODS[config.method].info
    if config.propensity not in method.propensities:
        raise ConfigError(
            "propensity", config.propensity, f"{', '.join(method.propensities)} for {method.title}"
        )
    if config.balance not in method.balances:
        raise ConfigError(
            "balance", config.balance, f"{', '.join(method.balances)} for {method.title}"
        )
    ratings = load(config)
    for moment in config.moments:
        if moment.startswith(FEATURE_MOMENTS):
            feature_of(ratings, moment)
    if config.initial:
        check_finished(runs_home(), config)
    split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
    estimate_propensity(config, ratings, split)
