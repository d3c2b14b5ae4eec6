"""The balancing problem that `engine.exact.solve` solves: inputs checked, moments standardised."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from engine.errors import ConfigError
from engine.exact.moments import Blocks, FloatArray, Floats, free_directions

_Values = TypeVar("_Values", FloatArray, Floats)

COVARIANCE_FLOOR = 1e-8  # eigenvalues of the targets' correlations are lifted to it
NO_VARIANCE = 1e-20  # of the largest standardised variance: rounding of a target known exactly
MET = 1e-8  # a hard constraint holds when the standardised residual is below this share of the mass


@dataclass(frozen=True)
class Problem:
    """One checked problem.

    free: V [k, k'], the directions weights can move. S: the targets' covariance in those
    directions, [k', k']. first: c = S[0, 0] in the targets' own units. error: their standard
    errors [k]. ridged: S was near singular and was lifted.
    """

    blocks: Blocks
    targets: FloatArray
    lam: float
    tolerance: float | None
    free: FloatArray
    S: FloatArray
    first: float
    error: FloatArray
    ridged: bool
    names: tuple[str, ...]

    @property
    def k(self) -> int:
        """The number of moments."""
        return len(self.targets)

    @property
    def aim(self) -> FloatArray:
        """Where the left side has to go from uniform weights, standardised [k]."""
        return np.asarray((self.targets - self.blocks.mean) / self.blocks.scale, dtype=np.float64)

    def met(self, left: FloatArray) -> bool:
        """Whether the hard constraint (or the tolerance) holds; a penalty asks for nothing."""
        if math.isfinite(self.lam):
            return True
        size = np.maximum(np.abs(self.targets), np.abs(self.blocks.mean))
        unit = np.where(np.isinf(self.blocks.scale), size, self.blocks.scale * self.blocks.total)
        allowed = MET * unit + (self.tolerance or 0.0) * self.error * (1 + MET)
        return bool(np.all(np.abs(left - self.targets) <= allowed))


def make_problem(
    moments: Sequence[Floats],
    masses: Sequence[float],
    targets: Sequence[float] | FloatArray,
    lam: float,
    tolerance: float | None,
    covariance: FloatArray | None,
    names: Sequence[str],
) -> Problem:
    """Check everything `engine.exact.solve.solve_exact` is given, and standardise it.

    Raises:
        ConfigError: naming the argument that cannot be used.
    """
    x = _checked_moments(moments, masses)
    k = x[0].shape[1]
    t = _finite("targets", np.asarray(targets, dtype=np.float64).reshape(-1), (k,))
    labels = tuple(names) or tuple(f"moment {j + 1}" for j in range(k))
    if len(labels) != k:
        raise ConfigError("names", list(labels), f"{k} names, one a moment")
    _check_strength(lam, tolerance)
    S = _checked_covariance(covariance, k, lam, tolerance)
    blocks = Blocks.of(x, tuple(float(m) for m in masses))
    free = free_directions(blocks.tilt(np.zeros(k)).curvature, blocks.total)
    standard = S / np.outer(blocks.scale, blocks.scale)
    lifted, ridged = _lifted(standard) if k > 1 else (standard, False)
    return Problem(
        blocks=blocks,
        targets=t,
        lam=lam,
        tolerance=tolerance,
        free=free,
        S=free.T @ lifted @ free,
        first=float(S[0, 0]),
        error=np.sqrt(S.diagonal()),
        ridged=ridged,
        names=labels,
    )


def check_caps(mu_max: float, ess_floor: float) -> None:
    """Refuse caps that cannot be kept.

    Raises:
        ConfigError: mu_max is not positive, or ess_floor not in [0, 1).
    """
    if not mu_max > 0:
        raise ConfigError("mu_max", mu_max, "a positive number, or infinity for no cap")
    if not 0 <= ess_floor < 1:
        raise ConfigError("ess_floor", ess_floor, "a share of n from 0 up to, not including, 1")


def _checked_moments(moments: Sequence[Floats], masses: Sequence[float]) -> tuple[Floats, ...]:
    if not len(moments) or len(moments) != len(masses):
        raise ConfigError("masses", list(masses), f"one for each of the {len(moments)} blocks")
    if not all(0 < m < math.inf for m in masses):
        raise ConfigError("masses", list(masses), "positive finite numbers")
    x = tuple(b[:, None] if b.ndim == 1 else b for b in map(np.asarray, moments))
    shapes = [block.shape for block in x]
    if any(b.ndim != 2 or not b.size for b in x) or len({shape[1] for shape in shapes}) != 1:
        raise ConfigError("moments", shapes, "blocks [n, k] of at least one row and the same k")
    for block in x:
        _finite("moments", block, block.shape)
    return x


def _finite(field: str, values: _Values, shape: tuple[int, ...]) -> _Values:
    if values.shape != shape:
        raise ConfigError(field, values.shape, f"shape {shape}, one value a moment")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise ConfigError(
            field,
            f"{bad} of {values.size} values that are not finite",
            "finite numbers",
            "predictions that ran away are the usual cause: lower lr or lam",
        )
    return values


def _check_strength(lam: float, tolerance: float | None) -> None:
    if not lam >= 0:
        raise ConfigError("lam", lam, "a number from 0 up, or infinity for the hard constraint")
    if tolerance is None:
        return
    if not 0 <= tolerance < math.inf:
        raise ConfigError("tolerance", tolerance, "a number of standard errors from 0 up")
    if math.isfinite(lam):
        raise ConfigError(
            "tolerance", tolerance, "a tolerance with the hard constraint only", "leave lam out"
        )


def _checked_covariance(
    covariance: FloatArray | None, k: int, lam: float, tolerance: float | None
) -> FloatArray:
    penalised = 0 < lam < math.inf
    if covariance is None or (k == 1 and penalised):
        if tolerance is not None or (k > 1 and penalised):
            raise ConfigError(
                "covariance", None, f"the targets' covariance, [{k}, {k}]", "give it, or lam = inf"
            )
        return np.eye(k)  # one moment's penalty is lam r^2 whatever its target's variance
    S = _finite("covariance", np.asarray(covariance, dtype=np.float64).reshape(-1, k), (k, k))
    size = np.linalg.eigvalsh(S)
    if not np.allclose(S, S.T, rtol=1e-6, atol=0) or size[0] < -1e-6 * size[-1]:
        raise ConfigError("covariance", S.tolist(), "a symmetric, positive semidefinite matrix")
    if penalised and S[0, 0] <= 0:
        raise ConfigError(
            "covariance",
            S.tolist(),
            "a positive variance of the first target, the unit of lam",
            "put a moment whose target is estimated first",
        )
    return S


def _lifted(S: FloatArray) -> tuple[FloatArray, bool]:
    """S, standardised, made invertible, and whether that took anything.

    A variance of zero (a target known exactly) becomes a small share of the smallest other one;
    correlations so strong that S is near singular are weakened as little. The others stay.
    """
    variance = S.diagonal()
    known = variance <= NO_VARIANCE * variance.max()
    if known.all():
        return np.zeros_like(S), False
    least = float(variance[~known].min())
    d = np.sqrt(np.where(known, COVARIANCE_FLOOR * least, variance))
    correlation = S / np.outer(d, d)
    correlation[known], correlation[:, known] = 0.0, 0.0
    np.fill_diagonal(correlation, 1.0)
    size, basis = np.linalg.eigh(correlation)
    if size[0] < COVARIANCE_FLOOR:
        correlation = (basis * np.maximum(size, COVARIANCE_FLOOR)) @ basis.T
    elif not known.any():
        return S, False
    return np.asarray(correlation * np.outer(d, d), dtype=np.float64), True
