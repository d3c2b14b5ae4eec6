"""The exact weights that go with what a run keeps of its best epoch (METHOD section 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.config import RunConfig, columns_of
from engine.datasets.ratings import Ratings
from engine.diagnostics import FloatArray
from engine.exact import ExactWeights, solve_exact

Bools = np.ndarray[tuple[int], np.dtype[np.bool_]]
SHRINK = 0.9  # as in engine.balancing.shrunk


@dataclass(frozen=True)
class Fit:
    """One block of weights: its moments [n, k], which pairs the weights are fitted on and used
    for, and the mass of the former.
    """

    x: FloatArray
    fitted: Bools
    used: Bools
    mass: float


@dataclass(frozen=True)
class Exact:
    """Exact weights of every block, mean 1 over those that apply, and the problem's own account.

    lam: inf for the hard constraint. weights: [n] each; NaN for pairs that no weight is meant for.
    """

    lam: float
    weights: tuple[FloatArray, ...]
    solution: ExactWeights


def shrunk(covariance: FloatArray) -> FloatArray:
    """The covariance [k, k] with its off-diagonals a tenth smaller."""
    own = np.diag(np.diag(covariance))
    return np.asarray(SHRINK * covariance + (1 - SHRINK) * own, dtype=np.float64)


def covered(ratings: Ratings) -> tuple[Bools, Bools]:
    """Which users and which items random ratings cover."""
    user = np.isin(np.arange(ratings.n_users), ratings.random.user)
    item = np.isin(np.arange(ratings.n_items), ratings.random.item)
    return user, item


def fit_of(config: RunConfig, ratings: Ratings, weight: FloatArray, x: FloatArray) -> Fit:
    """B as training fits it: held-out pairs have weight 0, pairs outside the support weight 1."""
    inside = np.ones(len(ratings.biased), dtype=bool)
    mass = ratings.density
    if config.target_support == "covered":
        user, item = covered(ratings)
        inside = user[ratings.biased.user] & item[ratings.biased.item]
        mass = float(inside.sum() / (user.sum() * item.sum()))
    if config.residuals == "held_out":
        held = weight <= 0
        return Fit(x, inside & held, inside & ~held, mass)
    return Fit(x, inside, inside, mass)


def solve(
    lam: float,
    config: RunConfig,
    fits: Sequence[Fit],
    target: FloatArray,
    covariance: FloatArray,
) -> Exact:
    """The exact weights at `lam` from the kept moments; all blocks share mu, w is softmax(x mu)."""
    solution = solve_exact(
        [fit.x[fit.fitted] for fit in fits],
        [fit.mass for fit in fits],
        target,
        lam=lam,
        covariance=shrunk(covariance),
        names=columns_of(config.moments),
    )
    return Exact(lam, tuple(_spread(fit, solution.mu) for fit in fits), solution)


def _spread(fit: Fit, mu: FloatArray) -> FloatArray:
    weight = np.ones(len(fit.x))
    score = fit.x[fit.used] @ mu
    tilted = np.exp(score - score.max(initial=-math.inf))
    weight[fit.used] = tilted / tilted.mean()
    weight[fit.fitted & ~fit.used] = np.nan
    return weight
