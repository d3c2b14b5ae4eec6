"""Propensities known before training: constant, naive Bayes, given, true (METHOD 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.config import RunConfig
from engine.datasets.folds import Bools, held_out
from engine.datasets.ratings import FloatArray, Ratings
from engine.datasets.splits import Split
from engine.errors import ConfigError

Seen = Bools | slice  # of the pairs of B


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
    held = held_out(config, len(ratings.biased)) if config.balanced else None
    seen = slice(None) if held is None else ~held
    p = _raw(config, ratings, split, seen)
    clipped = int((p < config.p_min).sum())
    p = np.maximum(p, config.p_min)
    if config.normalise_propensity:
        p = p * (ratings.density * float(np.mean(1.0 / p[seen])))  # now s * mean_B(1/p) = 1
    return PropensityEstimate(p, clipped)


def _raw(config: RunConfig, ratings: Ratings, split: Split, seen: Seen) -> FloatArray:
    n = len(ratings.biased)
    kind = config.propensity_start if config.propensity == "bilevel" else config.propensity
    if kind == "constant":
        return np.full(n, ratings.density)
    if kind == "half":
        return np.full(n, 0.5)  # sigmoid(0), where the released code starts
    if kind == "naive_bayes":
        return naive_bayes(ratings, split, seen)
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
    """The propensity a run uses over all of D of simulated data, [n_users, n_items].

    It equals `estimate_propensity` on B, clipped and scaled like it; None where it is learned.
    """
    truth, given, kind = ratings.truth, ratings.given_propensity, config.propensity
    if truth is None or kind == "bilevel":
        return None
    shape, rated = truth.label.shape, (ratings.biased.user, ratings.biased.item)
    known = estimate_propensity(config, ratings, split).p
    if kind == "naive_bayes":  # a function of the label
        one = truth.label[rated] == 1
        by_label = np.array([known[~one].mean(), known[one].mean()])
        found: FloatArray = by_label[truth.label]
        return found
    everywhere = {
        "given": truth.nominal_propensity,
        "true": truth.true_propensity,
        "constant": np.full(shape, ratings.density),
    }[kind]
    if kind == "given" and given is not None and np.ptp(given) == 0:
        everywhere = np.full(shape, given[0])
    p: FloatArray = np.maximum(everywhere.astype(np.float64), config.p_min)
    return p * float(known[0] / p[rated][0])


def naive_bayes(ratings: Ratings, split: Split, counted: Seen = slice(None)) -> FloatArray:
    """P(o | r) = P(r | o) P(o) / P(r) on the raw rating levels, [|B|], at most 1.

    P(r | o) from B, P(o) = s, P(r) from the uniform sample; both Laplace-smoothed over the levels
    seen in B or in the uniform sample (Schnabel et al. 2016). counted: the pairs of B that P(r | o)
    is of; held-out ones, which nothing trains on, are not.
    """
    uniform = ratings.random.take(split.uniform).rating
    levels = np.unique(np.concatenate([ratings.biased.rating, uniform]))
    which = np.searchsorted(levels, ratings.biased.rating)
    seen = np.bincount(which[counted], minlength=len(levels))
    shown = np.bincount(np.searchsorted(levels, uniform), minlength=len(levels))
    given_observed = (seen + 1) / (seen.sum() + len(levels))
    overall = (shown + 1) / (len(uniform) + len(levels))
    p: FloatArray = np.minimum(given_observed * ratings.density / overall, 1.0)[which]
    return p
