"""The exact weights that go with what a run keeps of its best epoch (METHOD section 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.config import RunConfig
from engine.datasets.ratings import Ratings
from engine.diagnostics import FloatArray
from engine.exact import ExactWeights, solve_exact

Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
SHRINK = 0.9  # as in engine.balancing.shrunk


@dataclass(frozen=True)
class Exact:
    """Exact weights on all of B, mean 1 over those that apply, and the problem's own account.

    lam: inf for the hard constraint. weight: [n], NaN for pairs that no weight is meant for.
    """

    lam: float
    weight: FloatArray
    solution: ExactWeights


@dataclass(frozen=True)
class Fit:
    """Which pairs the weights are fitted on and used for, and the mass of the former."""

    fitted: Bools
    used: Bools
    mass: float


def shrunk(covariance: FloatArray) -> FloatArray:
    """The covariance [k, k] with its off-diagonals a tenth smaller."""
    own = np.diag(np.diag(covariance))
    return np.asarray(SHRINK * covariance + (1 - SHRINK) * own, dtype=np.float64)


def fit_of(config: RunConfig, ratings: Ratings, weight: FloatArray) -> Fit:
    """As training fits them: held-out pairs have weight 0, pairs outside the support weight 1."""
    inside = np.ones(len(ratings.biased), dtype=bool)
    mass = ratings.density
    if config.target_support == "covered":
        user = np.isin(np.arange(ratings.n_users), ratings.random.user)
        item = np.isin(np.arange(ratings.n_items), ratings.random.item)
        inside = user[ratings.biased.user] & item[ratings.biased.item]
        mass = float(inside.sum() / (user.sum() * item.sum()))
    if config.residuals == "held_out":
        held = weight <= 0
        return Fit(inside & held, inside & ~held, mass)
    return Fit(inside, inside, mass)


def solve(
    lam: float,
    config: RunConfig,
    fit: Fit,
    x: FloatArray,
    target: FloatArray,
    covariance: FloatArray,
) -> Exact:
    """The exact weights at `lam` from the kept moments; w of any pair is softmax of its x mu."""
    solution = solve_exact(
        [x[fit.fitted]],
        [fit.mass],
        target,
        lam=lam,
        covariance=shrunk(covariance),
    )
    weight = np.ones(len(x))
    score = x[fit.used] @ solution.mu
    tilted = np.exp(score - score.max(initial=-math.inf))
    weight[fit.used] = tilted / tilted.mean()
    if config.residuals == "held_out":
        weight[fit.fitted] = np.nan
    return Exact(lam, weight, solution)
