"""Scores of pairs in order of their user: those of one pair at a time, whatever the slabs."""

import pytest
import torch

from engine.models import MatrixFactorization, Ordered, ordered

CPU = torch.device("cpu")
SHAPE = (7, 5)
# Users 0 and 6 without a pair, user 3 with more than a slab of 3 holds, one pair twice.
USER = torch.tensor([1, 1, 2, 3, 3, 3, 3, 3, 5, 5])
ITEM = torch.tensor([4, 0, 2, 0, 1, 2, 3, 4, 1, 1])


def model(seeds=(0, 1), dtype=torch.float64, **kwargs):
    found = MatrixFactorization(SHAPE, 3, seeds, dtype, CPU, **kwargs)
    found.b.normal_(), found.c.normal_()
    return found


@pytest.mark.parametrize("slab", [1, 3, 100])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("intercept", [False, True])
def test_scores_are_those_of_the_pairs(monkeypatch, slab, dtype, intercept):
    monkeypatch.setattr(ordered, "SLAB", slab)
    m = model(dtype=dtype, intercept=intercept)
    if intercept:
        m.mu.fill_(0.5)
    pairs = Ordered.of(USER, ITEM, SHAPE, dtype)
    torch.testing.assert_close(m.score_ordered(pairs), m.score(USER, ITEM))


def test_slabs_hold_whole_users_in_order(monkeypatch):
    monkeypatch.setattr(ordered, "SLAB", 3)
    slabs = Ordered.of(USER, ITEM, SHAPE, torch.float64).slabs
    users, pairs = ([getattr(slab, name) for slab in slabs] for name in ("users", "pairs"))
    assert users == [slice(0, 3), slice(3, 4), slice(4, 7)]
    assert pairs == [slice(0, 3), slice(3, 8), slice(8, 10)]


def test_no_pairs_are_no_scores():
    nothing = torch.zeros(0, dtype=torch.int64)
    pairs = Ordered.of(nothing, nothing, SHAPE, torch.float64)
    assert model().score_ordered(pairs).shape == (2, 0)


def test_pairs_out_of_order_are_refused():
    with pytest.raises(ValueError, match="order"):
        Ordered.of(USER.flip(0), ITEM, SHAPE, torch.float64)


def test_where_torch_has_no_such_product_there_are_none():
    assert Ordered.of(USER.to("meta"), ITEM.to("meta"), SHAPE, torch.float64) is None
