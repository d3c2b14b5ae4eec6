"""The exact solution of one run's balance constraint at a global pass (METHOD section 5)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from engine.balancing import shrunk
from engine.config import RunConfig, columns_of
from engine.datasets.ratings import FloatArray
from engine.diagnostics import SLAB
from engine.events import REACH
from engine.exact import ExactWeights, solve_exact
from engine.training.constraint import GlobalPass, Side

# Kept of a best epoch.
EXACT = ("exact_kl", "exact_violation", "exact_feasible", "exact_bound", *REACH)
ROUNDING = 1e-6  # of a target or of an end of the attainable range


@dataclass(frozen=True)
class Posed:
    """What the exact solution needs of a pass, kept of one run for later."""

    sides: tuple[Side, ...]
    target: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, result: GlobalPass, lane: int) -> Posed:
        """Copies of one run's part."""

        def one(values: Tensor) -> Tensor:
            return values[lane : lane + 1].clone()

        sides = (
            replace(s, x=one(s.x), value=s.value[:0], log_q=one(s.log_q)) for s in result.sides
        )
        return cls(tuple(sides), one(result.target), one(result.covariance))


def exact_facts(result: GlobalPass | Posed, lane: int, config: RunConfig) -> dict[str, float]:
    """Learned weights against the exact ones at the same models and lam."""
    best = exact_solution(result, lane, config)
    told = {
        "exact_kl": max(
            _apart(side, lane, best.mu, log_total)
            for side, log_total in zip(result.sides, best.log_total, strict=True)
        ),
        "exact_ess": min(best.ess),
        "exact_feasible": float(best.feasible),
        "exact_bound": float(best.bound is not None),
    }
    if "e" in config.moments:
        told["exact_violation"] = float(best.residual[config.moments.index("e")])
    return told | _reach(best, config)


def _apart(side: Side, lane: int, mu: FloatArray, log_total: float) -> float:
    """KL(learned || exact), of log q and x mu - log_total without further logarithms."""
    mass, own, mean = 0.0, 0.0, np.zeros(len(mu))
    parts = zip(*(torch.split(values[lane], SLAB) for values in (side.log_q, side.x)), strict=True)
    for log_q, x in ((_numpy(a), _numpy(b)) for a, b in parts):
        q = np.exp(log_q)
        mass += float(q.sum())
        own += float(np.einsum("n,n->", q, log_q))
        mean += np.einsum("n,nk->k", q, x)
    # The mass is 1 up to the rounding of log q.
    return max((own - float(mean @ mu)) / mass - math.log(mass) + log_total, 0.0)


def _reach(best: ExactWeights, config: RunConfig) -> dict[str, float]:
    """The moment whose target lies farthest outside what any weights attain: its column, range,
    target. Empty where none does, or where what is asked can be met all the same (a tolerance).
    """
    size = np.maximum(np.abs(best.attainable).max(1), np.abs(best.targets))
    apart = best.gap / np.maximum(size, np.finfo(float).tiny)
    worst = int(apart.argmax())
    asks_more = config.balance == "exact" and config.constraint != "penalised"
    if apart[worst] < ROUNDING or (asks_more and best.feasible):
        return {}
    low, high = best.attainable[worst].tolist()
    return dict(zip(REACH, (float(worst), low, high, float(best.targets[worst])), strict=True))


def exact_solution(result: GlobalPass | Posed, lane: int, config: RunConfig) -> ExactWeights:
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
