"""Exact balancing weights: entropy as high as the balance constraint allows (METHOD section 5).

Blocks b of weights w_b > 0 with fixed mass m_b = sum w_b, moments x_b [n_b, k], targets t [k]:

    left = sum_b x_b' w_b,    r = left - t,
    minimise  sum_b sum w log w + lam * c * r' S^-1 r,    c = S[0, 0],

S the covariance of the targets, so that with one moment the penalty is lam * r^2 (equations 5-13).
Setting the derivative by a weight of block b to zero, nu_b the multiplier of its mass:

    log w + 1 + 2 lam c x' S^-1 r + nu_b = 0,
    w_b = m_b softmax(x_b mu),  mu = -2 lam c S^-1 r,

so r(mu) + S mu / (2 lam c) = 0: one root, since r has Jacobian sum_b m_b Cov_q(x_b), positive, and
all blocks share mu. lam = 0: mu = 0, uniform. lam = inf: r = 0, the hard constraint.
Tolerance z: minimise sum w log w subject to r' S^-1 r <= z^2 (|r| <= z SE with one moment).

Relatives: entropy balancing (Hainmueller 2012), calibration (Deville and Sarndal 1992), stable
weights (Zubizarreta 2015). `engine.exact.dual` does the numerics.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from engine.exact.dual import Penalty, Solution, solve_scalar, solve_vector
from engine.exact.moments import Blocks, FloatArray, Floats
from engine.exact.problem import Problem, check_caps, make_problem

# An unreachable target is approached until so much of a small violation would be left.
OUT_OF_REACH_LEFT = 1e-6


@dataclass(frozen=True)
class ExactWeights:
    """The weights of one problem and what they did.

    weights: one array a block, summing to the block's mass. mu: [k], per unit of x; no component
    along moments that cannot move. residual: left - t, signed, [k]. entropy, ess: of each block,
    H(q)/ln n and ESS/n. log_total: of each block log sum exp x mu, so log q = x mu - log_total.
    attainable: [k, 2], the open range of each left side by itself.
    feasible: False when no weights meet the hard constraint (or the tolerance); `weights` then come
    as near as they can, which may be next to nothing. bound: the cap that was binding, if one was:
    then the optimum is another. left_out: how many directions of the moments, constant or collinear
    on B, no weights can move. ridged: the targets' covariance was near singular and was lifted.
    iterations: Newton steps. converged: whether they ended at the optimum.
    """

    weights: tuple[FloatArray, ...]
    mu: FloatArray
    residual: FloatArray
    entropy: tuple[float, ...]
    ess: tuple[float, ...]
    log_total: tuple[float, ...]
    targets: FloatArray
    attainable: FloatArray
    names: tuple[str, ...]
    feasible: bool = True
    bound: Literal["mu", "ess"] | None = None
    left_out: int = 0
    ridged: bool = False
    iterations: int = 0
    converged: bool = True

    @property
    def gap(self) -> FloatArray:
        """How far each target lies outside what any weights attain, [k]; below 0 inside."""
        low, high = self.attainable.T
        return np.asarray(np.maximum(low - self.targets, self.targets - high), dtype=np.float64)

    @property
    def message(self) -> str:
        """What to know beside the numbers, in words; empty when all is well."""
        words = [] if self.feasible else [self._out_of_reach()]
        if self.bound == "mu":
            words.append("the cap on mu binds and keeps the weights from the optimum")
        if self.bound == "ess":
            words.append("the floor on the effective sample size binds and keeps them from it")
        if not self.converged:
            words.append(f"the solver stopped short of the optimum after {self.iterations} steps")
        if self.left_out:
            few = f"{self.left_out} of {len(self.mu)} moments"
            words.append(f"{few} are constant or follow from the others: no weights move them")
        return "; ".join(words)

    def _out_of_reach(self) -> str:
        outside = [
            f"the left side of {name} can only lie between {low:.4g} and {high:.4g}, "
            f"and its target is {target:.4g}"
            for name, target, (low, high), gap in zip(
                self.names, self.targets, self.attainable, self.gap, strict=True
            )
            if gap >= 0
        ]
        together = "each target can be met, but not all of them by the same weights"
        return "no weights meet the constraint: " + ("; ".join(outside) or together)


def solve_exact(
    moments: Sequence[Floats],
    masses: Sequence[float],
    targets: Sequence[float] | FloatArray,
    *,
    lam: float = math.inf,
    tolerance: float | None = None,
    covariance: FloatArray | None = None,
    mu_max: float = math.inf,
    ess_floor: float = 0.0,
    names: Sequence[str] = (),
) -> ExactWeights:
    """The weights of highest entropy for one balance constraint.

    Args:
        moments: x of each block of weights, [n_b] or [n_b, k], finite.
        masses: what each block's weights sum to: (s,) for Bal-IPS, (1, s) for Bal-DR.
        targets: [k].
        lam: strength of the penalty; 0 is uniform, infinity the hard constraint.
        tolerance: the hard constraint up to so many standard errors (z) of the targets.
        covariance: S [k, k] of the targets; needed for a tolerance and for a penalty on k > 1.
        mu_max: cap on the largest |mu|. ess_floor: the least ESS/n of every block. Where one binds,
            mu is shortened, its direction kept (with one moment: the capped optimum).
        names: of the moments, for `ExactWeights.message`.

    Raises:
        ConfigError: naming the argument that cannot be used. A target out of reach is no error but
            `feasible = False`.
    """
    check_caps(mu_max, ess_floor)
    problem = make_problem(moments, masses, targets, lam, tolerance, covariance, names)
    solution = _solve(problem)
    return _result(problem, solution, *_capped(problem.blocks, solution.nu, mu_max, ess_floor))


def expected_left(lam: float, s: float, var_x: float) -> float:
    """Share of the violation left at `lam`, to first order: 1 / (1 + 2 lam s Var x)."""
    return float(1 / (1 + 2 * lam * s * var_x))


def lam_half(s: float, var_x: float) -> float:
    """The lam that halves the violation, to first order; infinite where x does not vary."""
    return float(1 / (2 * s * var_x)) if s * var_x > 0 else math.inf


def _result(
    p: Problem, solution: Solution, nu: FloatArray, bound: Literal["mu", "ess"] | None
) -> ExactWeights:
    found = p.blocks.softmax(nu)
    left = p.blocks.left(found)
    aimed = left if bound is None else p.blocks.left(p.blocks.softmax(solution.nu))
    return ExactWeights(
        weights=tuple(one.weights for one in found),
        mu=nu / p.blocks.scale,
        residual=left - p.targets,
        entropy=tuple(one.entropy for one in found),
        ess=tuple(one.ess for one in found),
        log_total=tuple(one.log_total for one in found),
        targets=p.targets,
        attainable=p.blocks.range(),
        names=p.names,
        feasible=solution.feasible and p.met(aimed),
        bound=bound,
        left_out=p.k - p.free.shape[1],
        ridged=p.ridged,
        iterations=solution.iterations,
        converged=solution.converged,
    )


def _solve(p: Problem) -> Solution:
    idle = Solution(np.zeros(p.k), 0, True)
    if p.lam == 0 or p.free.shape[1] == 0:
        return idle
    solution = _scalar(p) if p.k == 1 else _vector(p)
    if solution.feasible and (solution.converged or math.isfinite(p.lam)):
        return solution
    soft = OUT_OF_REACH_LEFT * p.blocks.total
    if p.k == 1:
        nearest = solve_scalar(p.blocks, float(p.aim[0]), soft)
    else:
        penalty = Penalty(soft * np.eye(p.free.shape[1]))
        nearest = solve_vector(p.blocks, p.aim, penalty, p.free)
    return Solution(nearest.nu, nearest.iterations, False, nearest.converged)


def _scalar(p: Problem) -> Solution:
    aim, scale = float(p.aim[0]), float(p.blocks.scale[0])
    if math.isfinite(p.lam):
        return solve_scalar(p.blocks, aim, 1 / (2 * p.lam * scale**2))
    slack = (p.tolerance or 0.0) * float(p.error[0]) / scale
    aim = math.copysign(max(abs(aim) - slack, 0.0), aim)
    low, high = p.blocks.range()[0]
    if not low < float(p.blocks.mean[0]) + scale * aim < high:
        return Solution(np.zeros(1), 0, False)
    return solve_scalar(p.blocks, aim, 0.0)


def _vector(p: Problem) -> Solution:
    if math.isfinite(p.lam):
        penalty = Penalty(p.S / (2 * p.lam * p.first))
    elif p.tolerance is None or not p.S.any():
        penalty = Penalty(np.zeros_like(p.S))
    else:
        aim = p.free.T @ p.aim
        if float(aim @ np.linalg.solve(p.S, aim)) <= p.tolerance**2:
            return Solution(np.zeros(p.k), 0, True)
        penalty = Penalty(p.S, cone=p.tolerance)
    return solve_vector(p.blocks, p.aim, penalty, p.free)


def _capped(
    blocks: Blocks, nu: FloatArray, mu_max: float, ess_floor: float
) -> tuple[FloatArray, Literal["mu", "ess"] | None]:
    """nu, shortened until |mu| and every block's ESS keep their caps, and the cap that bound last.

    ESS falls along the ray: log sum q^2 = K(2a) - 2 K(a) + const for the convex K = log sum exp.
    """
    bound: Literal["mu", "ess"] | None = None
    largest = float(np.abs(nu / blocks.scale).max())
    if largest > mu_max:
        nu, bound = nu * (mu_max / largest), "mu"

    def spare(length: float) -> float:
        return min(one.ess for one in blocks.softmax(length * nu)) - ess_floor

    if ess_floor > 0 and spare(1.0) < 0:
        from scipy.optimize import brentq  # a fifth of a second to load, and seldom needed

        nu, bound = nu * brentq(spare, 0.0, 1.0, xtol=1e-14, rtol=1e-13), "ess"
    return nu, bound
