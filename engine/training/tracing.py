"""The frontier of one balanced moment, followed from lam = 0 on by Newton's method, compiled.

Weights of mu are exp(mu x) whatever else is known of a pair, so pairs with nearly the same x may
stand together: many are looked at in bins.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.diagnostics import FloatArray
from engine.loops import loops

BINS = 1 << 10
STEPS = 5  # of Newton's method from one lam to the next, at most
FAR = 3.0  # what a step may change log weights by: far-out pairs bend the path
CLOSE = 1.5  # a factor between lams that are taken for the same


def binned(x: NDArray[np.floating[Any]]) -> tuple[FloatArray, FloatArray]:
    """Means and counts of x [n] in at most BINS bins of equal width, the empty ones left out.

    A bin's log weights differ by 1/BINS of what all log weights span, and its mean lies where its
    pairs do: sums of weights change by (span / BINS)^2 / 24 of themselves. Of fewer pairs each is
    by itself.
    """
    if len(x) <= BINS:
        return x.astype(np.float64), np.ones(len(x))
    total, count = np.zeros(BINS), np.zeros(BINS)
    _count(x, total, count)
    filled = count > 0
    return total[filled] / count[filled], count[filled]


@loops
def _count(x: Any, total: Any, count: Any) -> None:
    """Add x [n] to the sums and counts of their bins."""
    low, high = np.float64(x[0]), np.float64(x[0])
    for k in range(x.shape[0]):
        low, high = min(low, np.float64(x[k])), max(high, np.float64(x[k]))
    unit = count.shape[0] / (high - low) if high > low else 0.0
    for k in range(x.shape[0]):
        place = max(0, min(int((x[k] - low) * unit), count.shape[0] - 1))  # of no number: 0
        total[place] += x[k]
        count[place] += 1


def traced(
    blocks: Sequence[tuple[FloatArray, FloatArray]],
    masses: Sequence[float],
    target: float,
    powers: Sequence[int],
) -> FloatArray:
    """Rows (lam, entropy, violation, whether it stands) [1 + powers, 4], uniform weights first.

    blocks: x and counts of pairs, as `binned` has them. masses: of the blocks. entropy: sum_b m_b
    H(q_b), in nats. lam: aimed at is lam_1/2 times 2 to the powers; as the weights of any mu are
    exact for some lam, told is that one.
    """
    points = np.zeros((1 + len(powers), 4))
    ends = np.cumsum([0, *(len(x) for x, _ in blocks)])
    spans = np.array([(x.min(), x.max()) for x, _ in blocks])
    x, count = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    _trace(x, count, (ends, spans, np.array(masses)), target, np.array(powers), points)
    return points


@loops
def _trace(x: Any, count: Any, blocks: Any, target: float, powers: Any, points: Any) -> None:
    """mu where left(mu) - target + mu / (2 lam) = 0, for one lam after the other.

    blocks: where each begins and ends in x [n], its least and largest x, its mass.
    """
    mu, last, width = 0.0, 0.0, 1e-300
    for b in range(blocks[1].shape[0]):
        width = max(width, blocks[1][b, 1] - blocks[1][b, 0])
    left, entropy, bend = _tilted(x, count, blocks, mu)
    half = 1 / (2 * max(bend, 1e-12))  # x that do not vary: nothing moves, nor fails
    _put(points, 0, 0.0, entropy, left - target, 1.0)
    for row in range(powers.shape[0]):
        lam, told = half * 2.0 ** powers[row], 0.0
        for _ in range(STEPS):
            step = (left - target + mu / (2 * lam)) / (bend + 1 / (2 * lam))
            mu -= step * min(1.0, FAR / max(abs(step) * width, 1e-300))
            left, entropy, bend = _tilted(x, count, blocks, mu)
            told = -mu / (2 * (left - target)) if left != target else np.inf
            if lam / CLOSE < told < lam * CLOSE:
                break
        stands = 1.0 if told > last else 0.0  # else rounding is all that is left of the violation
        _put(points, row + 1, told, entropy, left - target, stands)
        last = told


@loops
def _put(points: Any, row: int, lam: float, entropy: float, residual: float, stands: float) -> None:
    points[row, 0], points[row, 1] = lam, entropy
    points[row, 2], points[row, 3] = abs(residual), stands


@loops
def _tilted(x: Any, count: Any, blocks: Any, mu: float) -> tuple[float, float, float]:
    """Left side, entropy, and the derivative of the former by mu."""
    ends, spans, mass = blocks
    left, entropy, bend = 0.0, 0.0, 0.0
    for b in range(mass.shape[0]):
        top = spans[b, 1] if mu > 0 else spans[b, 0]
        total, first, second = 0.0, 0.0, 0.0  # moments of x - top, where most weight is
        for k in range(ends[b], ends[b + 1]):
            apart = x[k] - top
            weight = count[k] * math.exp(mu * apart)
            total += weight
            first += weight * apart
            second += weight * apart * apart
        mean = first / total
        left += mass[b] * (top + mean)
        entropy += mass[b] * (math.log(total) - mu * mean)  # -sum q log q
        bend += mass[b] * max(second / total - mean * mean, 0.0)
    return left, entropy, bend
