"""The convex dual of the balancing problem, and the safeguarded Newton steps that solve it.

Weights w = mass * softmax(nu z) have one free vector nu [k], shared by all blocks of weights. With
left(nu) = sum_b mass_b E_q[z_b] and Omega a convex penalty on nu, the dual is to minimise

    F(nu) = sum_b mass_b log mean exp(z_b nu) - nu t + Omega(nu),
    grad F = left(nu) - t + grad Omega,    Hess F = sum_b mass_b Cov_q(z_b) + Hess Omega.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from engine.exact.moments import Blocks, FloatArray

TOLERANCE = 1e-14  # of the standardised residual, as a share of the mass
CONVERGED = 1e-8  # what rounding at a far-out optimum may leave of it
MAX_STEPS = 200
DIRECT_STEPS = 40  # Newton steps before a weak penalty is approached through stronger ones
RELAX = 4.0  # how much weaker each time


@dataclass(frozen=True)
class Penalty:
    """Omega(nu) = nu R nu / 2, and for a cone z sqrt(nu R nu): [k, k] R, zero for the hard problem.

    quadratic: a penalised residual, always solvable. Else solvable where no direction promises more
    than the weights can give.
    """

    matrix: FloatArray
    cone: float | None = None

    @property
    def quadratic(self) -> bool:
        """Whether Omega outgrows every linear term."""
        return self.cone is None and bool(self.matrix.any())

    def at(self, nu: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Value, gradient, Hessian at nu; a cone has none of the latter at 0 and gives zeros."""
        pull = self.matrix @ nu
        size = float(nu @ pull)
        if self.cone is None:
            return size / 2, pull, self.matrix
        if size <= 0:
            return 0.0, np.zeros_like(nu), np.zeros_like(self.matrix)
        norm = float(np.sqrt(size))
        hessian = (self.matrix - np.outer(pull, pull) / size) / norm
        return self.cone * norm, self.cone / norm * pull, self.cone * hessian


@dataclass(frozen=True)
class Solution:
    """nu: [k], standardised. feasible: nothing was found that proves the target out of reach."""

    nu: FloatArray
    iterations: int
    feasible: bool
    converged: bool = True


def solve_scalar(blocks: Blocks, target: float, stiffness: float) -> Solution:
    """One moment: the root of the increasing h(nu) = left(nu) - target + stiffness * nu.

    Newton inside a bracket that only shrinks; bisection where Newton leaves it or gains too little.
    The target has to lie strictly inside the attainable range unless stiffness > 0.
    """
    good = TOLERANCE * (blocks.total + abs(target))
    nu, inner, outer, before, side = 0.0, 0.0, np.inf, np.inf, 0.0
    for step in range(1, MAX_STEPS + 1):
        tilt = blocks.tilt(np.array([nu]))
        value = float(tilt.left[0]) - target + stiffness * nu
        side = side or (-1.0 if value > 0 else 1.0)  # the root's sign, from h(0)
        if abs(value) <= good:
            return Solution(np.array([nu]), step, True)
        inner, outer = (abs(nu), outer) if value * side < 0 else (inner, abs(nu))
        if outer - inner <= 4 * np.finfo(float).eps * inner:
            return Solution(np.array([nu]), step, True)
        slope = float(tilt.curvature[0, 0]) + stiffness
        newton = side * (nu - value / slope) if slope > 0 else np.inf
        slow = abs(value) > before / 2
        if np.isfinite(outer):
            length = newton if inner < newton < outer and not slow else (inner + outer) / 2
        else:
            length = 10 * (inner + 1) if slow else min(newton, 10 * (inner + 1))
        before = abs(value)
        nu = side * length
    return Solution(np.array([nu]), MAX_STEPS, True, converged=False)


def solve_vector(blocks: Blocks, target: FloatArray, penalty: Penalty, V: FloatArray) -> Solution:
    """k moments: damped Newton on F over nu = V kappa, V [k, k'] the directions weights can move.

    target: standardised [k]. penalty: on kappa, [k', k'].
    """
    aim = V.T @ target

    def at(penalty: Penalty, kappa: FloatArray) -> _Point:
        tilt = blocks.tilt(V @ kappa)
        value, slope, bend = penalty.at(kappa)
        # Where every weight on the best pairs falls short of the target's pull, F has no floor.
        pull = float(aim @ kappa)
        short = not penalty.quadratic and tilt.ceiling + value < pull * (1 - 1e-12)
        return _Point(
            kappa,
            tilt.potential - pull + value,
            V.T @ tilt.left - aim + slope,
            V.T @ tilt.curvature @ V + bend,
            short,
        )

    mass = blocks.total
    start = at(penalty, np.zeros(V.shape[1]))
    if penalty.cone is not None:
        start = _off_the_tip(partial(at, penalty), start, penalty)
    point, steps = _newton(partial(at, penalty), start, mass, DIRECT_STEPS)
    if penalty.quadratic and point.size > CONVERGED * mass:
        point, more = _relaxed(at, penalty, mass)
        steps += more
    return Solution(V @ point.kappa, steps, not point.short, point.size <= CONVERGED * mass)


@dataclass(frozen=True)
class _Point:
    kappa: FloatArray
    value: float
    gradient: FloatArray
    hessian: FloatArray
    short: bool

    @property
    def size(self) -> float:
        return float(np.abs(self.gradient).max(initial=0.0))


def _relaxed(
    at: Callable[[Penalty, FloatArray], _Point], penalty: Penalty, mass: float
) -> tuple[_Point, int]:
    """The optimum of a penalty so weak that Newton crawls: through stronger penalties, each 4 x.

    Where the target is out of reach the weights collapse onto few pairs and F is all kinks; the
    residual then hardly changes with the penalty, so that kappa grows as the penalty shrinks.
    """
    weakest = float(np.linalg.eigvalsh(penalty.matrix)[0])
    stages = max(int(np.ceil(np.log(mass / max(weakest, 1e-16 * mass)) / np.log(RELAX))), 0)
    kappa, steps = np.zeros(len(penalty.matrix)), 0
    for stage in range(stages, -1, -1):
        now = Penalty(penalty.matrix * RELAX**stage)
        starts = [at(now, kappa), at(now, RELAX * kappa)]
        here = partial(at, now)
        point, more = _newton(here, min(starts, key=lambda p: p.value), mass, MAX_STEPS)
        kappa, steps = point.kappa, steps + more
    return point, steps


def _newton(
    at: Callable[[FloatArray], _Point], point: _Point, mass: float, limit: int
) -> tuple[_Point, int]:
    for step in range(1, limit + 1):
        if point.size <= TOLERANCE * mass or point.short:
            return point, step
        direction = -_solve(point.hessian, point.gradient)
        better = _line_search(at, point, direction, mass)
        if better is None:
            return point, step
        point = better
    return point, limit


def _line_search(
    at: Callable[[FloatArray], _Point], point: _Point, direction: FloatArray, mass: float
) -> _Point | None:
    """The first halved step that lowers F enough, or None when rounding allows no more.

    Close to the optimum F itself is all rounding: there a smaller gradient is what counts.
    """
    slope = float(point.gradient @ direction)
    close = abs(slope) <= 1e-9 * mass
    length = 1.0
    while length > 1e-12:
        trial = at(point.kappa + length * direction)
        lower = trial.value <= point.value + 1e-4 * length * slope
        if (trial.size < 0.9 * point.size) if close else lower:
            return trial
        length /= 2
    return None


def _off_the_tip(at: Callable[[FloatArray], _Point], tip: _Point, penalty: Penalty) -> _Point:
    """A first step from 0, where the cone has no gradient, along its steepest descent."""
    direction = -_solve(penalty.matrix, tip.gradient)
    length = 1.0
    trial = at(length * direction)
    while trial.value >= tip.value and length > 1e-12:
        length /= 4
        trial = at(length * direction)
    return trial


def _solve(matrix: FloatArray, right: FloatArray) -> FloatArray:
    """matrix^-1 right, with eigenvalues that are nothing but rounding lifted."""
    size, basis = np.linalg.eigh(matrix)
    lifted = np.maximum(size, max(1e-14 * float(size.max()), np.finfo(float).tiny))
    return np.asarray(basis @ ((basis.T @ right) / lifted), dtype=np.float64)
