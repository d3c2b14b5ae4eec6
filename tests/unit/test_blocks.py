"""Blocks partition D, their slices partition B, and an epoch depends on its number alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.training.blocks import BlockSampler


def sampler(user, item, shape=(7, 5), block=(3, 2), seed=0):
    return BlockSampler(np.asarray(user), np.asarray(item), shape, block, seed)


def full(shape):
    user, item = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    return user, item


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(0, 9),
)
def test_blocks_partition_all_pairs_and_the_observed_ones(users, items, bu, bi, epoch):
    user, item = full((users, items))
    plan = sampler(user, item, (users, items), (bu, bi)).epoch(epoch)
    seen = []
    for block in plan.blocks:
        pairs = plan.order[block.start : block.stop]
        assert len(block.users) <= bu
        assert len(block.items) <= bi
        assert set(user[pairs]) <= set(block.users.tolist())
        assert set(item[pairs]) <= set(block.items.tolist())
        assert block.n_observed == block.n_all  # every pair is observed here
        assert block.mass == 1.0
        seen.extend(pairs.tolist())
    assert len(seen) == len(set(seen))
    if bu * bi > 3:  # otherwise single-pair blocks are skipped
        sizes = [len(p) for p in np.array_split(np.arange(users), -(-users // bu))]
        assert sum(b.n_all for b in plan.blocks) <= users * items
        assert max(sizes) - min(sizes) <= 1


def test_blocks_with_fewer_than_two_observed_pairs_are_skipped():
    plan = sampler([0, 3, 3], [0, 1, 2], shape=(6, 4), block=(3, 4)).epoch(1)
    counts = sorted(block.n_observed for block in plan.blocks)
    assert all(count >= 2 for count in counts)
    assert sum(counts) in {2, 3}


def test_an_epoch_is_the_same_whenever_it_is_asked_for_and_differs_from_the_next():
    user, item = full((7, 5))
    one, again, other = sampler(user, item), sampler(user, item), sampler(user, item, seed=1)
    third = one.epoch(3)
    again.epoch(1)
    np.testing.assert_array_equal(third.order, again.epoch(3).order)
    assert not np.array_equal(third.order, one.epoch(4).order)
    assert not np.array_equal(third.order, other.epoch(3).order)


def test_masses_average_to_the_density():
    """By hand: 6 of 12 pairs observed in two blocks of 6: sum |D_k| s_k / |D| = s = 0.5."""
    user, item = np.divmod(np.arange(0, 12, 2), 4)
    plan = sampler(user, item, shape=(3, 4), block=(3, 2)).epoch(0)
    assert sum(b.n_all * b.mass for b in plan.blocks) / 12 == pytest.approx(0.5)
