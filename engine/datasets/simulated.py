"""Simulated ratings whose truth is known (METHOD section 6); a hidden confounder drives them.

    x = P·Q (rank 8, variance 1 over D);  α, β ~ N(0, 0.5²) of users and items
    h = √(1 − ρ)·(a + b)/√2 + √ρ·ε, ρ = 0.8, all parts N(0, 1): hidden from every model
    r = 1[x + α + β + δ·h + logistic noise > τ], τ for 20 % positives over D
    p~ = σ(b + ½(α + β) + γ·h), b so that p~ averages to the density;  p = E[p~ | α, β] over h

Every random quantity has a stream of its own, made of `data_seed` and its name's place in
`STREAMS`. So presets of one seed share everything but who observed what, and a quantity added at
the end of `STREAMS` changes no data set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from engine.datasets.ratings import FloatArray, IntArray, Pairs, Ratings, Truth
from engine.errors import DataError

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

RANK, EFFECT_SD, RHO, DELTA, POSITIVE_SHARE = 8, 0.5, 0.8, 1.0, 0.2
STREAMS = ("P", "Q", "alpha", "beta", "a", "b", "epsilon", "rating", "observed", "random")
CHUNK = 1 << 20  # pairs held in temporary arrays at once
SOLVE_SAMPLE = 100_000
HERMITE_NODES, SPLINE_NODES = 64, 2001


@dataclass(frozen=True)
class Size:
    """How much is simulated: |D| = n_users * n_items, n_biased = |B|, n_random ratings of U."""

    n_users: int
    n_items: int
    n_biased: int
    n_random: int

    @property
    def density(self) -> float:
        """s = |B| / |D|."""
        return self.n_biased / (self.n_users * self.n_items)

    def rows(self) -> Iterator[slice]:
        """Slices of users of about `CHUNK` pairs each."""
        step = max(1, CHUNK // self.n_items)
        for start in range(0, self.n_users, step):
            yield slice(start, min(start + step, self.n_users))


@dataclass(frozen=True)
class Preset:
    """γ, how strongly the hidden h drives what is observed, and whether the given p is nominal.

    constant_propensity: the given propensity is the density s for every pair, not nominal p.
    """

    gamma: float
    constant_propensity: bool = False


SIZES = {
    "simulated-small": Size(200, 200, 4_000, 4_000),
    "simulated-coat": Size(290, 300, 6_960, 4_640),
    "simulated-music": Size(15_400, 1_000, 311_704, 54_000),
}
# `misspecified` is `strong` whose propensity knows not even the users' and items' effects.
PRESETS = {
    "none": Preset(0.0),
    "weak": Preset(0.5),
    "strong": Preset(1.0),
    "misspecified": Preset(1.0, constant_propensity=True),
}


def simulate(name: str, preset: str, data_seed: int) -> Ratings:
    """The data set of a size and preset by name: the same arguments give the same arrays.

    Raises:
        KeyError: a name that `SIZES` or `PRESETS` lacks; RunConfig lets none through.
    """
    return generate(SIZES[name], PRESETS[preset], data_seed, name)


def generate(size: Size, preset: Preset, data_seed: int, name: str = "simulated") -> Ratings:
    """Simulated ratings of any size, truth filled in; about 40 bytes a pair of D at the peak.

    Exactly n_biased pairs are observed: those with the largest logit(p~) − logit(u), u uniform.
    That is Rosén's Pareto sampling (1997): a Bernoulli draw made to hit the count, whose inclusion
    probabilities are p~ up to O(1/n_biased), because p~ sums to n_biased; and the intercept, the
    same for all pairs, cannot change who is observed. Random ratings are drawn uniformly from D
    without replacement, in random order; a pair may be observed too, with the same rating.
    """
    user_effect = EFFECT_SD * _normal(data_seed, "alpha", size.n_users)
    item_effect = EFFECT_SD * _normal(data_seed, "beta", size.n_items)
    hidden, id_share = _hidden(size, data_seed)
    label = _labels(size, data_seed, user_effect, item_effect, hidden)
    chosen, true, nominal = _observe(
        size, preset.gamma, data_seed, user_effect / 2, item_effect / 2, hidden
    )
    drawn = _stream(data_seed, "random").choice(label.size, size.n_random, replace=False)
    biased = _pairs(chosen, label)
    given = nominal[biased.user, biased.item].astype(np.float64)
    if preset.constant_propensity:
        given = np.full(len(biased), size.density)
    return Ratings(
        name=name,
        n_users=size.n_users,
        n_items=size.n_items,
        biased=biased,
        random=_pairs(drawn.astype(np.int64), label),
        threshold=1.0,
        simulated=True,
        given_propensity=given,
        truth=Truth(label, hidden, true, nominal, id_share),
        notes=(f"Simulated with data_seed {data_seed}, γ = {preset.gamma:g}, δ = {DELTA:g}.",),
    )


def oracle_weights(
    ratings: Ratings, propensity: FloatArray, normalised: bool = False
) -> FloatArray:
    """Weights p̂/p~ that make IPS with `propensity` [|B|] unbiased for the ideal loss; [|B|].

    Sufficient, not unique. Their mean over B is 1 in expectation when `propensity` is calibrated;
    `normalised` makes it exactly 1.

    Raises:
        DataError: the data set's truth is not known.
    """
    known = ratings.truth_of_biased()
    if known is None:
        raise DataError(
            "dataset", ratings.name, "simulated data, whose true propensity is known",
            "oracle weights exist for no real data set",
        )  # fmt: skip
    weight = propensity / known.true_propensity
    return weight / weight.mean() if normalised else weight


def _stream(data_seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([data_seed, STREAMS.index(name)])


def _normal(data_seed: int, name: str, shape: int | tuple[int, int]) -> FloatArray:
    return _stream(data_seed, name).standard_normal(shape)


def _hidden(size: Size, data_seed: int) -> tuple[NDArray[np.float32], float]:
    """h over D, and the realised share of Var(h) that lies in its user-plus-item part."""
    a, b = _normal(data_seed, "a", size.n_users), _normal(data_seed, "b", size.n_items)
    rng = _stream(data_seed, "epsilon")
    hidden = np.empty((size.n_users, size.n_items), np.float32)
    scale = np.sqrt((1 - RHO) / 2)
    for rows in size.rows():
        noise = rng.standard_normal(hidden[rows].shape)
        hidden[rows] = scale * (a[rows, None] + b) + np.sqrt(RHO) * noise
    share = scale**2 * (a.var() + b.var()) / hidden.var(dtype=np.float64)
    return hidden, float(share)


def _labels(
    size: Size, data_seed: int, user: FloatArray, item: FloatArray, hidden: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Realised labels of all of D; τ makes their expectation average to `POSITIVE_SHARE`."""
    p = _normal(data_seed, "P", (size.n_users, RANK))
    q = _normal(data_seed, "Q", (size.n_items, RANK))
    # Var(x) over D from the two Gram matrices: no need of x itself.
    mean = p.mean(0) @ q.mean(0)
    variance = np.sum((p.T @ p / len(p)) * (q.T @ q / len(q))) - mean**2
    p /= np.sqrt(variance)
    latent = np.empty(hidden.shape)
    for rows in size.rows():
        latent[rows] = p[rows] @ q.T + user[rows, None] + item + DELTA * hidden[rows]
    latent += _intercept(latent, POSITIVE_SHARE)
    rng = _stream(data_seed, "rating")
    label = np.empty(hidden.shape, np.uint8)
    for rows in size.rows():
        label[rows] = latent[rows] + rng.logistic(size=latent[rows].shape) > 0
    return label


def _observe(
    size: Size,
    gamma: float,
    data_seed: int,
    user: FloatArray,
    item: FloatArray,
    hidden: NDArray[np.float32],
) -> tuple[IntArray, NDArray[np.float32], NDArray[np.float32]]:
    """The codes of the observed pairs, ascending; p~ and p over D. `user`, `item`: ½α, ½β."""
    score = np.empty(hidden.shape)
    for rows in size.rows():
        score[rows] = user[rows, None] + item + gamma * hidden[rows]
    intercept = _intercept(score, size.density)
    true = np.empty(hidden.shape, np.float32)
    nominal = np.empty(hidden.shape, np.float32)
    low, high = intercept + user.min() + item.min(), intercept + user.max() + item.max()
    known = _nominal(low, high, gamma)
    rng = _stream(data_seed, "observed")
    for rows in size.rows():
        true[rows] = expit(intercept + score[rows])
        nominal[rows] = known(intercept + user[rows, None] + item)
        score[rows] += rng.logistic(size=score[rows].shape)  # −logit(u), u uniform
    chosen = np.argpartition(score, score.size - size.n_biased, axis=None)[-size.n_biased :]
    return np.sort(chosen).astype(np.int64), true, nominal


def _nominal(low: float, high: float, gamma: float) -> CubicSpline:
    """t ↦ E[σ(t + γ·h)], h ~ N(0, 1), on [low, high]: Gauss-Hermite on a grid, then a spline.

    p depends on a pair through one number only, so quadrature at every pair would be a waste; the
    spline's error is below 1e-9.
    """
    from scipy.interpolate import CubicSpline  # slow to load, and the catalogue does without

    node, weight = np.polynomial.hermite_e.hermegauss(HERMITE_NODES)
    grid = np.linspace(low, high, SPLINE_NODES)
    return CubicSpline(grid, expit(grid[:, None] + gamma * node) @ (weight / weight.sum()))


def _intercept(score: FloatArray, mean: float) -> float:
    """The c with mean σ(score + c) = mean, to 1e-12; there is always exactly one.

    Bracketed on every k-th score, which is cheap, then a few secant steps on all of them.
    """
    from scipy.optimize import brentq, newton

    flat = score.reshape(-1)
    some = flat[:: max(1, flat.size // SOLVE_SAMPLE)]

    def gap(intercept: float, values: FloatArray) -> float:
        parts = (values[k : k + CHUNK] for k in range(0, values.size, CHUNK))
        return sum(float(expit(part + intercept).sum()) for part in parts) / values.size - mean

    centre = float(logit(mean))
    start = brentq(gap, centre - some.max(), centre - some.min(), args=(some,), xtol=1e-12)
    return float(newton(gap, start, x1=start + 1e-3, args=(flat,), tol=1e-12))


def _pairs(code: IntArray, label: NDArray[np.uint8]) -> Pairs:
    user, item = np.divmod(code, label.shape[1])
    return Pairs(user, item, label[user, item].astype(np.float64))
