"""The exact solution of one run's balance constraint at a global pass (METHOD section 5)."""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from engine.balancing import shrunk
from engine.config import RunConfig
from engine.datasets.ratings import FloatArray
from engine.exact import ExactWeights, solve_exact
from engine.training.constraint import GlobalPass
from engine.training.moments import columns_of


def exact_solution(result: GlobalPass, lane: int, config: RunConfig) -> ExactWeights:
    """Weights of highest entropy for the constraint as `config` poses it, at the pass's models.

    constraint = penalised: at lam. hard: met. tolerance: up to z standard errors of the target.
    The floor on ESS is for weights that are used (`balance = "exact"`), not for the reference that
    learned weights are compared with.
    """
    kind = config.constraint if config.balance == "exact" else "penalised"
    covariance = shrunk(result.covariance[lane : lane + 1])[0]
    return solve_exact(
        [_numpy(side.x[lane]) for side in result.sides],
        [side.mass for side in result.sides],
        _numpy(result.target[lane]),
        lam=config.lam if kind == "penalised" else math.inf,
        tolerance=config.tolerance if kind == "tolerance" else None,
        covariance=_numpy(covariance),
        ess_floor=config.ess_floor if config.balance == "exact" else 0.0,
        names=columns_of(config.moments),
    )


def _numpy(tensor: Tensor) -> FloatArray:
    return np.asarray(tensor.cpu().double().numpy())
