"""Moments under exponentially tilted weights w = mass * softmax(z nu), stable and in chunks.

Everything lives in standardised moments z: each block centred on its own mean (a block's weights do
not feel a shift), each moment divided by its spread, so that badly scaled moments do no harm.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Floats = NDArray[np.floating[Any]]

CHUNK = 1 << 18  # rows at a time: the dual holds no second copy of D
KEPT = 1 << 20  # numbers of z that are held, as they take little memory
CONSTANT = 1e-12  # a spread below this share of the largest value is rounding
COLLINEAR = 1e-12  # so is a direction with less than this share of the largest variance


@dataclass(frozen=True)
class Tilt:
    """The blocks tilted by nu.

    potential: sum mass log mean exp(z nu). ceiling: sum mass max z nu. left: sum mass E_q[z], [k].
    curvature: sum mass Cov_q(z), [k, k].
    """

    potential: float
    ceiling: float
    left: FloatArray
    curvature: FloatArray


@dataclass(frozen=True)
class Softmax:
    """One block's weights mass * softmax(z nu), [n_b].

    entropy: H(q) / ln n, 1 of a single weight. ess: effective sample size / n. log_total: log sum
    exp x mu, so that log q = x mu - log_total.
    """

    weights: FloatArray
    entropy: float
    ess: float
    log_total: float


@dataclass(frozen=True)
class Blocks:
    """Standardised moments z = (x - centre_b) / scale.

    x: one [n_b, k] array a block. mass: the sum of each block's weights. scale: [k], infinite for a
    constant moment, which so becomes 0. mean: sum mass * centre, the left side at uniform weights.
    """

    x: tuple[Floats, ...]
    mass: tuple[float, ...]
    centre: tuple[FloatArray, ...]
    scale: FloatArray
    mean: FloatArray

    @classmethod
    def of(cls, x: tuple[Floats, ...], mass: tuple[float, ...]) -> Blocks:
        """Centre and scale. x: finite, [n_b, k]."""
        centre = tuple(block.mean(axis=0, dtype=np.float64) for block in x)
        parts = [m * block.var(axis=0, dtype=np.float64) for m, block in zip(mass, x, strict=True)]
        spread = np.sqrt(np.sum(parts, axis=0) / sum(mass))
        ends = [np.abs((block.min(axis=0), block.max(axis=0))) for block in x]  # no copies of x
        largest = np.max(ends, axis=(0, 1))
        scale = np.where(spread > CONSTANT * largest, spread, np.inf)
        mean = np.sum([m * c for m, c in zip(mass, centre, strict=True)], axis=0)
        return cls(x, mass, centre, scale, mean)

    @property
    def total(self) -> float:
        """The mass of all blocks."""
        return sum(self.mass)

    def tilt(self, nu: FloatArray) -> Tilt:
        """Tilted moments at nu [k]; exponentials are shifted by their largest, chunk by chunk.

        einsum and no matrix products: so few rows are not worth BLAS' threads, whose waking costs
        fifty times the arithmetic on a busy machine.
        """
        k = len(nu)
        if k == 1 and not nu.any():  # known of a standardised moment
            varies = np.where(np.isinf(self.scale), 0.0, self.total)
            return Tilt(0.0, 0.0, np.zeros(1), varies[:, None])
        potential, ceiling = 0.0, 0.0
        left, curvature = np.zeros(k), np.zeros((k, k))
        for block, mass in enumerate(self.mass):
            top, total, mean, second = -np.inf, 0.0, np.zeros(k), np.zeros((k, k))
            for _, z in self._chunks(block):
                e = np.einsum("k,kn->n", nu, z)
                peak = max(top, float(e.max()))
                e -= peak
                np.exp(e, out=e)
                kept = total * float(np.exp(top - peak))
                second *= kept / total if total else 0.0
                added = float(e.sum())
                here = np.einsum("kn,n->k", z, e) / added
                centred = z - here[:, None]
                # Chan et al. (1983): joining two parts keeps variances free of cancellation.
                apart = here - mean
                joined = kept * added / (kept + added)
                second += np.einsum("kn,ln->kl", centred * e, centred)
                second += np.outer(apart, apart) * joined
                mean = mean + apart * (added / (kept + added))
                top, total = peak, kept + added
            potential += mass * (top + float(np.log(total / len(self.x[block]))))
            ceiling += mass * top
            left += mass * mean
            curvature += mass / total * second
        return Tilt(potential, ceiling, left, curvature)

    def _chunks(self, block: int) -> Iterator[tuple[slice, FloatArray]]:
        """Rows of a block and their z, [k, rows]; z made once where that takes little memory."""
        if self._standard is not None:
            yield slice(None), self._standard[block]
            return
        for start in range(0, len(self.x[block]), CHUNK):
            rows = slice(start, start + CHUNK)
            yield rows, self._z(block, rows)

    def _z(self, block: int, rows: slice) -> FloatArray:
        x = (self.x[block][rows] - self.centre[block]) / self.scale
        return np.ascontiguousarray(x.T, dtype=np.float64)

    @cached_property
    def _standard(self) -> tuple[FloatArray, ...] | None:
        if sum(block.size for block in self.x) > KEPT:
            return None
        return tuple(self._z(block, slice(None)) for block in range(len(self.x)))

    def softmax(self, nu: FloatArray) -> tuple[Softmax, ...]:
        """The weights at nu, of every block; with e = z nu, H(q) = log sum exp e - E_q[e]."""
        return tuple(self._softmax(nu, block) for block in range(len(self.x)))

    def _softmax(self, nu: FloatArray, block: int) -> Softmax:
        n = len(self.x[block])
        e = np.empty(n)
        for rows, z in self._chunks(block):
            np.einsum("k,kn->n", nu, z, out=e[rows])
        top = float(e.max())
        e -= top
        q = np.exp(e)
        total = float(q.sum())
        q /= total
        entropy = (
            (math.log(total) - float(np.einsum("n,n->", q, e))) / math.log(n) if n > 1 else 1.0
        )
        ess = 1 / (n * float(np.einsum("n,n->", q, q)))
        q *= self.mass[block]
        shift = float(self.centre[block] @ (nu / self.scale))
        return Softmax(q, entropy, ess, math.log(total) + top + shift)

    def left(self, found: Sequence[Softmax]) -> FloatArray:
        """The left side of such weights in the moments' own units, [k]."""
        moved = np.zeros(len(self.scale))
        for block, one in enumerate(found):
            for rows, z in self._chunks(block):
                moved += np.einsum("kn,n->k", z, one.weights[rows])
        unit = np.where(np.isinf(self.scale), 0.0, self.scale)
        return np.asarray(self.mean + unit * moved, dtype=np.float64)

    def range(self) -> FloatArray:
        """What the left side of each moment can be, in the moments' own units: [k, 2], open."""
        low = [m * b.min(axis=0).astype(float) for m, b in zip(self.mass, self.x, strict=True)]
        high = [m * b.max(axis=0).astype(float) for m, b in zip(self.mass, self.x, strict=True)]
        return np.stack([np.sum(low, axis=0), np.sum(high, axis=0)], axis=1)


def free_directions(curvature: FloatArray, mass: float) -> FloatArray:
    """V [k, k']: the independent directions weights can move, scaled so that V'CV = mass I.

    curvature: C = sum mass Cov(z) at uniform weights. k' < k where moments are constant or
    collinear.
    """
    size, basis = np.linalg.eigh(curvature)
    free = size > COLLINEAR * max(float(size.max()), np.finfo(float).tiny)
    return np.asarray(basis[:, free] * np.sqrt(mass / size[free]), dtype=np.float64)
