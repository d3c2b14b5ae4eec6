"""What a run can be made of, and whether a config fits its data, before anything trains."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import RunConfig
from engine.datasets import load
from engine.datasets.splits import make_split
from engine.errors import ConfigError
from engine.methods import METHODS
from engine.methods.propensity import estimate_propensity


@dataclass(frozen=True)
class MethodInfo:
    """A base method as the user is told of it.

    equation: LaTeX of its estimate. constraint: LaTeX of its balance constraint, with the number
    it has in the paper. propensities: those it takes, best first. balances: what `balance` may be.
    """

    name: str
    title: str
    summary: str
    equation: str
    constraint: str
    constraint_number: str
    propensities: tuple[str, ...]
    balances: tuple[str, ...]


def methods() -> list[MethodInfo]:
    """Every base method."""
    return [
        MethodInfo(
            *(m.name, m.title, m.summary, m.equation, m.constraint, m.constraint_number),
            *(m.propensities, m.balances),
        )
        for m in METHODS.values()
    ]


def check(config: RunConfig) -> None:
    """Load the ratings, split them and estimate the propensity, as training will.

    Raises:
        ConfigError, DataError: what is wrong, before anything is queued.
    """
    method = METHODS[config.method]
    if config.propensity not in method.propensities:
        raise ConfigError(
            "propensity", config.propensity, f"{', '.join(method.propensities)} for {method.title}"
        )
    if config.balance not in method.balances:
        raise ConfigError(
            "balance", config.balance, f"{', '.join(method.balances)} for {method.title}"
        )
    ratings = load(config)
    split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
    estimate_propensity(config, ratings, split)
