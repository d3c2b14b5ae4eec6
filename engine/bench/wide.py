"""A large catalogue to measure on: a million users, 100,000 items, and no array of all pairs."""

from __future__ import annotations

import numpy as np

from engine.datasets.ratings import IntArray, Pairs, Ratings

USERS, ITEMS = 10**6, 10**5
RANDOM = 20_000  # ratings of items shown at random
POPULARITY = 2.0  # an item's chance goes as (1 - rank)^2 / its own, so a tenth get a third of them


def wide(n_biased: int, users: int = USERS, items: int = ITEMS, seed: int = 0) -> Ratings:
    """Ratings of that shape: some items are rated far more often than others, users all alike.

    Labels are positive with a chance that depends on user and item, so that there is something to
    learn; what is timed does not depend on it.
    """
    generator = np.random.default_rng(seed)
    taste = generator.normal(size=users), generator.normal(size=items)

    def rated(code: IntArray) -> Pairs:
        user, item = np.divmod(code, items)
        chance = 1 / (1 + np.exp(1.4 - taste[0][user] - taste[1][item]))
        return Pairs(user, item, (generator.random(len(code)) < chance).astype(np.float64))

    def observed(n: int) -> IntArray:
        user = generator.integers(0, users, n)
        item = (items * generator.random(n) ** POPULARITY).astype(np.int64)
        return user * items + item

    found = np.unique(observed(n_biased + n_biased // 100 + 10))
    while len(found) < n_biased:
        found = np.unique(np.concatenate([found, observed(n_biased)]))
    kept = np.sort(generator.choice(found, n_biased, replace=False))
    shown = generator.choice(users * items, RANDOM, replace=False)
    return Ratings("wide", users, items, rated(kept), rated(shown), threshold=1.0)
