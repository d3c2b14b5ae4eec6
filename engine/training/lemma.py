"""Lemma 1 in numbers: how far IPS is off, measured and as the covariance that explains it.

For fixed errors e over D and a propensity p, with o ~ p~ the only thing that is random (METHOD 6):

    E[L_IPS] - L_ideal = (1/|D|) sum_D (p~/p - 1) e = Cov((p~ - p)/p, e) + mean((p~ - p)/p) mean(e)

Only a simulation knows p~ and the labels of all pairs. The bias is measured on ratings drawn anew,
for the model was fitted on its own: what these say too little of is overfitting, not confounding.
"""

from __future__ import annotations

import numpy as np

from engine.config import RunConfig
from engine.datasets.ratings import FloatArray, Ratings
from engine.datasets.splits import Split
from engine.diagnostics import PAIRS_MAX
from engine.methods import METHODS, ips
from engine.methods.propensity import propensity_everywhere
from engine.models import MatrixFactorization

DRAWS = 25  # of who rates what
STREAM = 61  # of `data_seed`, apart from the simulator's


def bias_of_ips(
    error: FloatArray, true: FloatArray, p: FloatArray, rng: np.random.Generator
) -> dict[str, float]:
    """The bias of L_IPS (1): measured with its standard error, and both parts of Lemma 1.

    Args:
        error: e over D. true, p: the true propensity and the one that IPS divides by, of one shape.
        rng: draws who rates what, `DRAWS` times; a pair's count is binomial.
    """
    seen = rng.binomial(DRAWS, true) / DRAWS
    gap, ideal = true / p - 1, float(error.mean())
    # Var L_IPS of one draw is the sum of p~ (1 - p~) (e / p)^2 over |D|^2: pairs are independent.
    variance = float(np.mean(true * (1 - true) * (error / p) ** 2)) / (error.size * DRAWS)
    means = float(gap.mean()) * ideal
    return {
        "bias_measured": float(np.mean(seen * error / p)) - ideal,
        "bias_se": variance**0.5,
        "bias_covariance": float(np.mean(gap * error)) - means,
        "bias_means": means,
        "bias_draws": float(DRAWS),
    }


def bias_facts(
    theta: MatrixFactorization, ratings: Ratings, config: RunConfig, split: Split
) -> dict[str, float]:
    """`bias_of_ips` at a run's predictor; nothing where it cannot be told.

    It can be of methods whose estimator is IPS, on simulated data of a size to look at whole, with
    a propensity known of all pairs.
    """
    truth = ratings.truth
    told = METHODS[config.method].terms is ips.terms
    if truth is None or not told or truth.label.size > PAIRS_MAX:
        return {}
    p = propensity_everywhere(config, ratings, split)
    if p is None:
        return {}
    score = theta.score_all(slice(0, ratings.n_users))[0].cpu().double().numpy()
    rng = np.random.default_rng([config.data_seed, STREAM])
    true = truth.true_propensity.astype(np.float64)
    error: FloatArray = np.square(score - truth.label)
    return bias_of_ips(error, true, p, rng)
