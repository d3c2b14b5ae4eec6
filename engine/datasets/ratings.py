"""The ratings of one data set, biased and random, and what is known of how they came about.

`Ratings` is what every data set module returns; `engine.datasets.splits.Split` says which random
ratings serve as uniform sample, validation and test. Nothing here is a tensor.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Pairs:
    """Rated user-item pairs, three arrays of one length n.

    user, item: codes in [0, n_users) and [0, n_items), int64.
    rating: the raw rating as given (1 to 5 stars, 0/1, a watch ratio), float64.
    """

    user: IntArray
    item: IntArray
    rating: FloatArray

    def __len__(self) -> int:
        return len(self.user)

    def take(self, index: IntArray) -> Pairs:
        """The pairs at `index`, in that order."""
        return Pairs(self.user[index], self.item[index], self.rating[index])

    def code(self, n_items: int) -> IntArray:
        """One integer a pair, user * n_items + item: equal exactly for the same pair."""
        return self.user * n_items + self.item


@dataclass(frozen=True)
class Truth:
    """What only a simulation knows, over all of D, each array [n_users, n_items].

    label: the realised 0/1 label (uint8). hidden: the confounder h (float32), never shown to a
    model. true_propensity: p~ = P(o = 1 | alpha, beta, h) (float32). nominal_propensity:
    p = E[p~ | alpha, beta] (float32). id_share: the share of Var(h) that user and item ids explain.
    """

    label: NDArray[np.uint8]
    hidden: NDArray[np.float32]
    true_propensity: NDArray[np.float32]
    nominal_propensity: NDArray[np.float32]
    id_share: float

    def propensity_of(self, pairs: Pairs) -> FloatArray:
        """p~ of some pairs, [len(pairs)]."""
        return self.true_propensity[pairs.user, pairs.item].astype(np.float64)


@dataclass(frozen=True)
class BiasedTruth:
    """What a simulation knows of B alone, which is most of what looking at weights asks of it.

    hidden: h, true_propensity: p~, of each biased pair, [|B|]. sampled: h of the pairs of D that
    `engine.diagnostics.sample_pairs` draws, where they are kept too.
    """

    hidden: FloatArray
    true_propensity: FloatArray
    sampled: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class Ratings:
    """One data set, read.

    biased: B, self-selected (MNAR), sorted by (user, item), no pair twice.
    random: the ratings of randomly shown items (MAR), in the order of the source, from which the
        uniform sample, validation and test are drawn.
    threshold: a rating >= threshold is a positive label.
    given_propensity: the data set's own propensity of each biased pair, [len(biased)], in (0, 1],
        or None where it has none.
    user_features, item_features: [n_users, k] and [n_items, k] with their column names, or None.
    user_names, item_names: the source's own ids, or None where the codes are the ids.
    simulated: True exactly for data whose truth is known; such data are marked everywhere.
    truth, biased_truth: what is known of all of D, or, where no more was kept, of B alone.
    """

    name: str
    n_users: int
    n_items: int
    biased: Pairs
    random: Pairs
    threshold: float
    simulated: bool = False
    given_propensity: FloatArray | None = None
    truth: Truth | None = None
    biased_truth: BiasedTruth | None = None
    user_features: FloatArray | None = None
    item_features: FloatArray | None = None
    user_feature_names: tuple[str, ...] = ()
    item_feature_names: tuple[str, ...] = ()
    user_names: tuple[str, ...] | None = None
    item_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def density(self) -> float:
        """s = |B| / |D|."""
        return len(self.biased) / (self.n_users * self.n_items)

    def label(self, pairs: Pairs) -> FloatArray:
        """0/1 labels of `pairs`: positive iff the rating reaches the threshold."""
        return (pairs.rating >= self.threshold).astype(np.float64)

    def truth_of_biased(self) -> BiasedTruth | None:
        """What is known of B; None of data that are not simulated."""
        if self.truth is None or self.biased_truth is not None:
            return self.biased_truth
        hidden = self.truth.hidden[self.biased.user, self.biased.item]
        return BiasedTruth(hidden.astype(np.float64), self.truth.propensity_of(self.biased))

    def hidden_of(self, user: IntArray, item: IntArray) -> NDArray[np.float32] | None:
        """h of pairs of D, which have to be those of `sample_pairs` where no more was kept; None
        where it is not known.
        """
        if self.truth is not None:
            return np.asarray(self.truth.hidden[user, item], dtype=np.float32)
        kept = None if self.biased_truth is None else self.biased_truth.sampled
        return kept if kept is not None and len(kept) == len(user) else None
