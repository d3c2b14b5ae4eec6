"""What a lambda will do, told before anything trains; numpy only (METHOD section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.config import RunConfig
from engine.datasets import load
from engine.datasets.splits import make_split
from engine.diagnostics import clustered_mean
from engine.exact import expected_left, lam_half
from engine.methods.propensity import estimate_propensity


@dataclass(frozen=True)
class Forecast:
    """At the constant predictor r_hat = the positive rate of U, the best there is before training.

    violation: s * mean_B(e/p) - t. target, target_se: t and its standard error, clustered by user.
    spread: Var_B(e/p). lam_half: the lambda that halves the violation, to first order.
    """

    violation: float
    target: float
    target_se: float
    density: float
    spread: float
    lam_half: float

    def left(self, lam: float) -> float:
        """Expected share of the violation left at `lam`, 1/(1 + 2 lam s Var x)."""
        return expected_left(lam, self.density, self.spread)


def forecast(config: RunConfig) -> Forecast:
    """Forecast the balance constraint of a run from its data alone.

    Raises:
        ConfigError, DataError: as training would.
    """
    ratings = load(config)
    split = make_split(ratings, config.split_seed, config.uniform_fraction, config.split)
    uniform = ratings.random.take(split.uniform)
    labels = ratings.label(uniform)
    predicted = float(labels.mean())
    inverse = estimate_propensity(config, ratings, split).inverse
    x = np.square(ratings.label(ratings.biased) - predicted) * inverse
    target, se = clustered_mean(np.square(labels - predicted), uniform.user)
    density, spread = ratings.density, float(x.var())
    return Forecast(
        violation=density * float(x.mean()) - target,
        target=target,
        target_se=se,
        density=density,
        spread=spread,
        lam_half=lam_half(density, spread),
    )
