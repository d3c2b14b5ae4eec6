"""Propensities known before training: constant, naive Bayes, given, true (METHOD 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.config import RunConfig
from engine.datasets.ratings import FloatArray, Ratings
from engine.datasets.splits import Split
from engine.errors import ConfigError


@dataclass(frozen=True)
class PropensityEstimate:
    """p of every biased pair, [|B|], after clipping at p_min; `clipped` counts the pairs raised."""

    p: FloatArray
    clipped: int

    @property
    def inverse(self) -> FloatArray:
        """1 / p, [|B|]."""
        return 1.0 / self.p


def estimate_propensity(config: RunConfig, ratings: Ratings, split: Split) -> PropensityEstimate:
    """The propensity a run uses; of a bilevel one, where it starts.

    Raises:
        ConfigError: the data set does not have what `config.propensity` needs.
    """
    p = _raw(config, ratings, split)
    clipped = int((p < config.p_min).sum())
    p = np.maximum(p, config.p_min)
    if config.normalise_propensity:
        p = p * (ratings.density * float(np.mean(1.0 / p)))  # now s * mean_B(1/p) = 1
    return PropensityEstimate(p, clipped)


def _raw(config: RunConfig, ratings: Ratings, split: Split) -> FloatArray:
    n = len(ratings.biased)
    kind = config.propensity_start if config.propensity == "bilevel" else config.propensity
    if kind == "constant":
        return np.full(n, ratings.density)
    if kind == "half":
        return np.full(n, 0.5)  # sigmoid(0), where the released code starts
    if kind == "naive_bayes":
        return naive_bayes(ratings, split)
    if kind == "given" and ratings.given_propensity is not None:
        return np.asarray(ratings.given_propensity, dtype=np.float64)
    if kind == "true" and ratings.truth is not None:
        return ratings.truth.propensity_of(ratings.biased)
    offered = "constant, naive_bayes" + (", given" if ratings.given_propensity is not None else "")
    raise ConfigError(
        "propensity" if kind == config.propensity else "propensity_start",
        kind,
        f"{offered} for {ratings.name}",
        "choose one of these" if ratings.simulated else "naive_bayes suits most data",
    )


def propensity_everywhere(config: RunConfig, ratings: Ratings, split: Split) -> FloatArray | None:
    """The propensity a run uses, clipped and scaled like `estimate_propensity`, over all of D.

    [n_users, n_items]; None where it is learned, or not known of pairs that nobody rated.
    """
    truth, given, kind = ratings.truth, ratings.given_propensity, config.propensity
    if truth is None:
        return None
    p: FloatArray
    if kind == "given" and given is not None and np.ptp(given) == 0:
        p = np.full(truth.label.shape, given[0])
    elif kind == "given":
        p = truth.nominal_propensity.astype(np.float64)
    elif kind == "true":
        p = truth.true_propensity.astype(np.float64)
    elif kind == "constant":
        p = np.full(truth.label.shape, ratings.density)
    elif kind == "naive_bayes":
        p = naive_bayes(ratings, split, truth.label.astype(np.float64))
    else:
        return None
    p = np.maximum(p, config.p_min)
    if config.normalise_propensity:
        rated = p[ratings.biased.user, ratings.biased.item]
        p = p * (ratings.density * float(np.mean(1.0 / rated)))
    return p


def naive_bayes(ratings: Ratings, split: Split, rating: FloatArray | None = None) -> FloatArray:
    """P(o | r) = P(r | o) P(o) / P(r) on the raw rating levels, at most 1: of B, [|B|].

    Args:
        rating: of these ratings instead, any shape, of levels that are seen.

    P(r | o) from B, P(o) = s, P(r) from the uniform sample; both Laplace-smoothed over the levels
    seen in B or in the uniform sample (Schnabel et al. 2016).
    """
    uniform = ratings.random.take(split.uniform).rating
    levels = np.unique(np.concatenate([ratings.biased.rating, uniform]))
    which = np.searchsorted(levels, ratings.biased.rating)
    seen = np.bincount(which, minlength=len(levels))
    shown = np.bincount(np.searchsorted(levels, uniform), minlength=len(levels))
    given_observed = (seen + 1) / (len(which) + len(levels))
    overall = (shown + 1) / (len(uniform) + len(levels))
    p = np.minimum(given_observed * ratings.density / overall, 1.0)
    found: FloatArray = p[which if rating is None else np.searchsorted(levels, rating)]
    return found
