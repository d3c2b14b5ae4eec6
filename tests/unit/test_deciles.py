"""The 12 x 12 map of the biased ratings: equal groups, ties, empty cells."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.datasets.ratings import Pairs, Ratings
from engine.diagnostics import (
    Deciles,
)
from engine.events import MAP_SIZE

# The 12 x 12 map


def ratings(user: np.ndarray, item: np.ndarray, n_users: int, n_items: int) -> Ratings:
    pairs = Pairs(user, item, np.ones(len(user)))
    return Ratings("test", n_users, n_items, pairs, pairs.take(np.array([0])), 1.0)


def test_deciles_are_groups_of_equal_count() -> None:
    # User u rates u + 1 items, so the code is the rank; item i is rated by users i..23.
    user = np.repeat(np.arange(24), np.arange(1, 25))
    item = np.concatenate([np.arange(u + 1) for u in range(24)])
    deciles = Deciles.of(ratings(user, item, 24, 24))
    assert deciles.user_group.tolist() == [u // 2 for u in range(24)]
    assert deciles.item_group.tolist() == [11 - i // 2 for i in range(24)]
    assert deciles.counts.sum() == len(user)
    assert deciles.counts[0].tolist() == [0] * 11 + [3]  # users 0 and 1 rated items 0, 0 and 1


def test_ties_go_by_code_and_users_without_ratings_come_first() -> None:
    user, item = np.array([1, 3, 3]), np.array([0, 0, 1])
    deciles = Deciles.of(ratings(user, item, 4, 2))
    assert deciles.user_group.tolist() == [0, 6, 3, 9]  # 0 and 2 have none, then 1, then 3
    assert deciles.item_group.tolist() == [6, 0]


def test_the_mean_of_a_cell_and_nan_where_nobody_is() -> None:
    user, item = np.array([0, 0, 1]), np.array([0, 1, 1])
    deciles = Deciles.of(ratings(user, item, 2, 2))
    mean = deciles.mean(np.array([1.0, 3.0, 8.0]))
    assert mean.shape == (MAP_SIZE, MAP_SIZE)
    assert mean.dtype == np.float32
    filled = {(int(r), int(c)): float(mean[r, c]) for r, c in np.argwhere(~np.isnan(mean))}
    # User 1 and item 0 have one rating, user 0 and item 1 two: groups 0 and 6.
    assert filled == {(6, 0): 1.0, (6, 6): 3.0, (0, 6): 8.0}


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 10_000))
def test_the_map_keeps_the_total(n_users: int, n_items: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    code = np.flatnonzero(rng.random(n_users * n_items) < 0.5)
    if not len(code):
        return
    deciles = Deciles.of(ratings(code // n_items, code % n_items, n_users, n_items))
    w = rng.random(len(code))
    total = np.nansum(deciles.mean(w).astype(float) * deciles.counts)
    assert total == pytest.approx(w.sum(), rel=1e-5)
    assert np.isnan(deciles.mean(w)).sum() == (deciles.counts == 0).sum()
    sizes = np.bincount(deciles.user_group, minlength=MAP_SIZE)
    assert sizes.max() - sizes.min() <= 1
