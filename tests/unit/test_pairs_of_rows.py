"""Pairs of a factorisation by compiled loops: what tensor operations and differentiation give."""

import pytest
import torch

from engine.models import add_gradients, pairs, products, square_gradient

RUNS, USERS, ITEMS, WIDTH = 3, 5, 4, 6
SHARED = torch.tensor([0, 4, 4, 2, 0]), torch.tensor([3, 0, 0, 1, 2])  # one pair stands twice
OWN = tuple(torch.randint(n, (RUNS, 7), generator=torch.Generator().manual_seed(n)) for n in (5, 4))
KINDS = pytest.mark.parametrize("which", [SHARED, OWN], ids=["shared", "own"])
PRECISIONS = pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)


def rows(dtype=torch.float64, runs=RUNS):
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.randn(runs, n, WIDTH, generator=generator, dtype=torch.float64).to(dtype)
        for n in (USERS, ITEMS)
    )


def by_tensors(monkeypatch):
    monkeypatch.setattr(pairs, "compiled", lambda table: False)


def test_a_product_and_its_gradients_by_hand():
    """(1, 2) (3, -1) = 1; with slope 2 the gradients are (6, -2) and (2, 4)."""
    users, items = torch.tensor([[[9.0, 9.0], [1.0, 2.0]]]), torch.tensor([[[3.0, -1.0]]])
    pair = torch.tensor([1]), torch.tensor([0])
    assert products(users, items, *pair).tolist() == [[1.0]]
    to = torch.zeros_like(users), torch.ones_like(items)
    add_gradients((users, items), *pair, torch.tensor([[2.0]]), to)
    assert to[0].tolist() == [[[0.0, 0.0], [6.0, -2.0]]]
    assert to[1].tolist() == [[[3.0, 5.0]]]


@KINDS
@PRECISIONS
def test_both_ways_give_the_same_products_and_gradients(monkeypatch, which, dtype):
    tables = rows(dtype)
    slope = torch.randn(RUNS, which[0].shape[-1], dtype=dtype)
    found, to = products(*tables, *which), tuple(torch.ones_like(t) for t in tables)
    add_gradients(tables, *which, slope, to)
    by_tensors(monkeypatch)
    wanted, other = products(*tables, *which), tuple(torch.ones_like(t) for t in tables)
    add_gradients(tables, *which, slope, other)
    torch.testing.assert_close(found, wanted)
    for mine, others in zip(to, other, strict=True):
        torch.testing.assert_close(mine, others)


@KINDS
def test_gradients_are_those_of_the_weighted_sum_of_products(monkeypatch, which):
    tables, slope = rows(), torch.randn(RUNS, which[0].shape[-1], dtype=torch.float64)
    to = tuple(torch.zeros_like(t) for t in tables)
    add_gradients(tables, *which, slope, to)
    leaves = tuple(t.clone().requires_grad_() for t in tables)
    (products(*leaves, *which) * slope).sum().backward()  # no loops where a graph is asked for
    for mine, leaf in zip(to, leaves, strict=True):
        torch.testing.assert_close(mine, leaf.grad)


def test_rows_need_not_lie_one_after_the_other():
    users, items = rows()
    wide = torch.cat([items, items], dim=1)[:, :ITEMS]
    assert not wide.is_contiguous()
    assert torch.equal(products(users, wide, *SHARED), products(users, items, *SHARED))


def test_what_is_not_a_number_stays_so():
    users, items = rows()
    users[1, 4, 2], items[2, 3, 0] = torch.nan, torch.inf
    found = products(users, items, *SHARED)
    assert found.isnan().tolist() == [[False] * 5, [False, True, True, False, False], [False] * 5]
    assert found[2].isinf().tolist() == [True, False, False, False, False]


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("runs", [1, RUNS])
def test_the_gradient_of_squares_by_rows_that_have_moved(intercept, runs):
    """Against differentiation of all of it; some pairs have both rows moved, one, or none."""
    (users, items), generator = rows(runs=runs), torch.Generator().manual_seed(1)
    at = torch.tensor([4, 1]), torch.tensor([2, 0, 1])
    moved = tuple(
        torch.randn(runs, len(index), WIDTH, generator=generator, dtype=torch.float64)
        for index in at
    )
    user, item = (index[:runs] for index in OWN)
    inside = [torch.isin(index, of) for index, of in zip((user, item), at, strict=True)]
    assert (inside[0] & inside[1]).any()
    assert (inside[0] != inside[1]).any()
    assert (~inside[0] & ~inside[1]).any()
    label, share = (torch.rand(user.shape, generator=generator).double() for _ in range(2))
    mu = torch.tensor([[0.5], [-1.0], [0.25]], dtype=torch.float64)[:runs] if intercept else None

    leaves = [value.clone().requires_grad_() for value in moved]
    level = None if mu is None else mu.clone().requires_grad_()
    whole = [t.index_copy(1, i, v) for t, i, v in zip((users, items), at, leaves, strict=True)]
    score = products(*whole, user, item)
    error = (score if level is None else score + level) - label
    (share * error.square()).sum().backward()

    *found, by_mu = square_gradient((users, items), at, moved, (user, item, label, share), mu)
    for mine, leaf in zip(found, leaves, strict=True):
        torch.testing.assert_close(mine, leaf.grad)
    assert (by_mu is None) == (level is None)
    if level is not None:
        torch.testing.assert_close(by_mu, level.grad)
