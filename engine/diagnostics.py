"""What balancing weights look like and how sure a mean is: pure functions on arrays (METHOD 2).

Weights come with any mass: every function here normalises for itself. "Mean 1" is how they are
shown. A high effective sample size is not good news by itself: inert weights score 100 %.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr, rel_entr

from engine.events import HISTOGRAM_EDGES, MAP_SIZE, WeightBlock

if TYPE_CHECKING:
    from engine.datasets.ratings import Ratings

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Floats = NDArray[np.floating[Any]]

# Uniform weights come as 1 +- rounding, and 1 is an edge: edges give way by more than that.
EDGE_SLACK = 1e-6
# The logarithms of uniform weights spread by rounding only; below this there is nothing to show.
LOG_SPREAD_MIN = 1e-6
PAIRS_MAX = 2_000_000
PAIRS_SAMPLE = 1_000_000
SLAB = 1 << 16  # values worked on at once: more would leave the processor's caches


def normalised_entropy(weight: Floats) -> float:
    """H(q) / ln n with q = weight / sum, in [0, 1]; 1 is uniform (and so is a single weight)."""
    q = _shares(weight)
    return float(np.sum(entr(q)) / np.log(len(q))) if len(q) > 1 else 1.0


def ess_share(weight: Floats) -> float:
    """Effective sample size over n, 1 / (n sum q^2) with q = weight / sum, in [1/n, 1]."""
    q = _shares(weight)
    return float(1 / (len(q) * np.sum(q * q)))


def weight_block(weight: Floats, inverse_propensity: Floats) -> WeightBlock:
    """The numbers reported of one block of weights.

    Args:
        weight: [n], non-negative, any positive sum.
        inverse_propensity: 1/p [n]; ones where the block has no propensity.
    """
    shown = _shares(weight) * len(weight)
    return WeightBlock(
        entropy=normalised_entropy(shown),
        ess=ess_share(shown),
        ess_estimate=ess_share(shown * inverse_propensity),
        largest=float(shown.max()),
        cv=float(shown.std()),
    )


def violation(weight: Floats, x: Floats, target: float) -> float:
    """Left side minus target, signed: sum weight * x - target, the weights with their own mass."""
    return float(np.dot(np.asarray(weight, dtype=np.float64), x) - target)


def log2_histogram(weight: Floats) -> NDArray[np.int32]:
    """Counts of log2(weight / mean), [len(HISTOGRAM_EDGES) + 1]: below, between edges, above.

    A bin holds its lower edge. Weights of 0 count as below.
    """
    width = HISTOGRAM_EDGES[1] - HISTOGRAM_EDGES[0]  # they are equally wide
    unit = len(weight) / (float(np.sum(weight, dtype=np.float64)) * (1 - EDGE_SLACK))
    counts = np.zeros(len(HISTOGRAM_EDGES) + 1, dtype=np.int32)
    for part in _slabs(len(weight)):
        place = np.multiply(weight[part], unit, dtype=weight.dtype)
        with np.errstate(divide="ignore"):
            np.log2(place, out=place)
        _compiled(_tally)(place, HISTOGRAM_EDGES[0], width, counts)
    return counts


def _tally(values: Any, low: float, width: float, counts: Any) -> None:
    """Count values [n] in bins [m + 2]: below `low`, in m bins of a width, above."""
    for k in range(values.shape[0]):
        place = (values[k] - low) / width + 1
        counts[int(min(max(place, 0.0), counts.shape[0] - 1.0))] += 1


@cache
def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    from engine.loops import loops  # not before it is needed

    return loops(function)


@dataclass(frozen=True)
class Deciles:
    """The 12 x 12 map: users by activity, items by popularity, in groups of equal count.

    cell: row * 12 + column of every pair of B (or D), [n], a byte each. user_group, item_group: 0
    (fewest biased ratings) to 11 (most), ties by code. counts: pairs in each cell, [12, 12].
    """

    cell: NDArray[np.uint8]
    user_group: IntArray
    item_group: IntArray
    counts: IntArray

    @classmethod
    def of(cls, ratings: Ratings) -> Deciles:
        """The cells of `ratings.biased`, in its order."""
        user = _equal_groups(np.bincount(ratings.biased.user, minlength=ratings.n_users))
        item = _equal_groups(np.bincount(ratings.biased.item, minlength=ratings.n_items))
        return cls._at(ratings.biased.user, ratings.biased.item, user, item)

    @classmethod
    def everywhere(cls, ratings: Ratings) -> Deciles:
        """The cells of all pairs of D, row by row, or of the sample that stands for a large D."""
        own = cls.of(ratings)
        n_pairs = ratings.n_users * ratings.n_items
        drawn = sample_pairs(n_pairs)
        pairs = np.divmod(np.arange(n_pairs) if drawn is None else drawn, ratings.n_items)
        return cls._at(*pairs, own.user_group, own.item_group)

    @classmethod
    def _at(
        cls, user: IntArray, item: IntArray, user_group: IntArray, item_group: IntArray
    ) -> Deciles:
        rows = (user_group * MAP_SIZE).astype(np.uint8)
        cell = rows[user] + item_group.astype(np.uint8)[item]
        counts = np.bincount(cell, minlength=MAP_SIZE**2).reshape(MAP_SIZE, MAP_SIZE)
        return cls(cell, user_group, item_group, counts)

    def mean(self, values: Floats) -> NDArray[np.float32]:
        """Mean of `values` [n] in each cell, [12, 12]; NaN where a cell is empty."""
        total = np.zeros(MAP_SIZE**2)
        _compiled(_totals)(np.ascontiguousarray(values), self.cell, total)
        mean = np.full(MAP_SIZE**2, np.nan, dtype=np.float32)
        filled = self.counts.ravel() > 0
        mean[filled] = total[filled] / self.counts.ravel()[filled]
        return mean.reshape(MAP_SIZE, MAP_SIZE)


def _totals(values: Any, cell: Any, total: Any) -> None:
    """Add values [n] to the totals of their cells."""
    for k in range(values.shape[0]):
        total[cell[k]] += values[k]


def log_correlation(weight: Floats, other: Floats) -> float | None:
    """Pearson correlation of log weight and log other, over the pairs where both are positive.

    None when either is uniform up to rounding, or fewer than two pairs are left.
    """
    both = (weight > 0) & (other > 0)
    if both.sum() < 2:
        return None
    a = np.log(np.asarray(weight, dtype=np.float64)[both])
    b = np.log(np.asarray(other, dtype=np.float64)[both])
    if min(a.std(), b.std()) < LOG_SPREAD_MIN:
        return None
    return float(np.clip(np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std()), -1, 1))


def kl(p: Floats, q: Floats) -> float:
    """KL(p || q) = sum p log(p / q) in nats, both normalised; inf where q is 0 and p is not."""
    return max(float(np.sum(rel_entr(_shares(p), _shares(q)))), 0.0)


def clustered_mean(values: Floats, cluster: IntArray) -> tuple[float, float]:
    """The mean of `values` [n] and its standard error, clustered (by user, say).

    SE^2 = G/(G-1) * sum_g (sum_{i in g} (x_i - mean))^2 / n^2 over G clusters, as Liang and Zeger
    (1986); with clusters of one it is the usual s^2/n. NaN with a single cluster, which tells
    nothing about the next one.
    """
    mean, covariance = clustered_covariance(np.reshape(values, (-1, 1)), cluster)
    return float(mean[0]), float(np.sqrt(covariance[0, 0]))


def clustered_covariance(values: Floats, cluster: IntArray) -> tuple[FloatArray, FloatArray]:
    """The mean of each column of `values` [n, k], and the clustered covariance [k, k] of the means.

    Its diagonal holds the squares of `clustered_mean`'s errors; NaN with a single cluster.
    """
    x = np.asarray(values, dtype=np.float64)
    n, k = x.shape
    mean = x.mean(axis=0)
    code = np.unique(cluster, return_inverse=True)[1]
    groups = int(code.max()) + 1
    if groups < 2:
        return mean, np.full((k, k), np.nan)
    sums = np.stack([np.bincount(code, weights=column) for column in (x - mean).T])
    return mean, np.asarray(sums @ sums.T * (groups / (groups - 1) / n**2), dtype=np.float64)


def sample_pairs(n_pairs: int) -> IntArray | None:
    """Which pairs of D the D-side diagnostics look at: None (all) up to 2e6, else 1e6 of them.

    The sample is fixed (seed 0, with replacement, sorted), so that epochs and runs compare.
    """
    if n_pairs <= PAIRS_MAX:
        return None
    return np.sort(np.random.default_rng(0).integers(0, n_pairs, PAIRS_SAMPLE))


def _slabs(n: int) -> Iterator[slice]:
    """n values, so many at a time that temporary arrays stay small."""
    return (slice(start, start + SLAB) for start in range(0, n, SLAB))


def _shares(weight: Floats) -> FloatArray:
    w = np.asarray(weight, dtype=np.float64)
    return np.asarray(w / w.sum(), dtype=np.float64)


def _equal_groups(count: IntArray) -> IntArray:
    """0 to 11 by rank of `count`, ties by position, groups equal up to one member."""
    group = np.empty(len(count), dtype=np.int64)
    group[np.argsort(count, kind="stable")] = np.arange(len(count)) * MAP_SIZE // len(count)
    return group
