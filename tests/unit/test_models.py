"""The models of pairs: scores by hand, gradients against automatic differentiation, lanes apart."""

import pytest
import torch

from engine.models import (
    Grouped,
    LevelTable,
    LinearModel,
    MatrixFactorization,
    NeuralCollaborativeFiltering,
    RowwiseFactorization,
    neural,
    pairs,
)
from engine.training.optim import StackedOptimizer

CPU = torch.device("cpu")


def model(seeds=(0, 1), shape=(4, 3), d=2, **kwargs):
    return MatrixFactorization(shape, d, seeds, torch.float64, CPU, **kwargs)


def test_score_by_hand():
    """P_1 = (1, 2), Q_2 = (3, -1), b_1 = 0.5, c_2 = 0.25: 3 - 2 + 0.75 = 1.75."""
    m = model(seeds=(0,))
    m.P[0, 1] = torch.tensor([1.0, 2.0])
    m.Q[0, 2] = torch.tensor([3.0, -1.0])
    m.b[0, 1], m.c[0, 2] = 0.5, 0.25
    assert m.score(torch.tensor([1]), torch.tensor([2])).item() == pytest.approx(1.75)


def test_score_all_and_pairs_per_run_agree_with_score():
    m = model()
    m.b.normal_()
    users, items = torch.arange(4).repeat_interleave(3), torch.arange(3).repeat(4)
    whole = m.score(users, items)
    torch.testing.assert_close(m.score_all(slice(0, 4)).flatten(1), whole)
    both = torch.stack([users, users]), torch.stack([items, items])
    torch.testing.assert_close(m.score(*both), whole)


def test_long_passes_are_scored_in_chunks(monkeypatch):
    m = model()
    users, items = torch.arange(4).repeat_interleave(3), torch.arange(3).repeat(4)
    whole = m.score(users, items)
    monkeypatch.setattr(pairs, "compiled", lambda table: False)
    torch.testing.assert_close(m.score(users, items), whole)
    monkeypatch.setattr(pairs, "CHUNK", 5)
    torch.testing.assert_close(m.score(users, items), whole)


def test_accumulate_is_the_gradient_of_the_weighted_sum_of_scores():
    m = model()
    user, item = torch.tensor([0, 1, 1, 3]), torch.tensor([2, 0, 2, 2])
    slope = torch.randn(2, 4, dtype=torch.float64)
    m.accumulate(user, item, slope)
    copies = {k: v.detach().clone().requires_grad_() for k, v in m.parameters().items()}
    (MatrixFactorization.of(copies).score(user, item) * slope).sum().backward()
    for name, parameter in m.parameters().items():
        torch.testing.assert_close(parameter.grad, copies[name].grad)


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_many_pairs_put_in_order_give_the_gradient_of_the_same_pairs_one_by_one(seeds):
    """Members without a pair, members with several, a pair that comes twice."""
    one = model(seeds=seeds, intercept=True)
    other = RowwiseFactorization((4, 3), 2, seeds, torch.float64, CPU, intercept=True)
    user, item = torch.tensor([3, 0, 3, 1, 3]), torch.tensor([2, 0, 0, 2, 2])
    slope = torch.randn(len(seeds), 5, dtype=torch.float64)
    one.accumulate(user, item, slope)
    other.accumulate_grouped(Grouped.of(user, item), Grouped.of(item, user), slope)
    torch.testing.assert_close(other.mu.grad, one.mu.grad)
    for name, (_, wanted) in one.stored().items():
        if name != "mu":
            rows, found = other.row_gradients[name].take()
            torch.testing.assert_close(found, wanted[:, rows])
            assert (wanted.abs().sum((0, 2)) > 0).nonzero().flatten().tolist() == rows.tolist()


def test_initialisation_depends_on_the_runs_own_seed_and_stream_alone():
    together, alone = model(seeds=(5, 7)), model(seeds=(7,))
    torch.testing.assert_close(together.P[1], alone.P[0], rtol=0, atol=0)
    assert not torch.equal(alone.P[0], model(seeds=(7,), stream=1).P[0])
    assert model(seeds=(0,), shape=(2000, 3), d=50).P.var().item() == pytest.approx(
        2 / 2000, rel=0.05
    )


def test_a_model_that_starts_at_zero_scores_zero_and_can_still_learn():
    m = model(start_at_zero=True)
    pairs = torch.tensor([0, 1]), torch.tensor([2, 0])
    assert (m.score(*pairs) == 0).all()
    m.accumulate(*pairs, torch.ones(2, 2, dtype=torch.float64))
    assert m.P.grad.abs().sum() > 0


CHANGES = {
    "a step": lambda m: StackedOptimizer(m, "adamw", 0.1, 0.01).step(),
    "a step of sgd": lambda m: StackedOptimizer(m, "sgd", 0.1, 0.01).step(),
    "a parameter": lambda m: m.b[0].add_(1.0),
    "a run": lambda m: m.P[1].copy_(m.P[0] + 1),
    "runs dropped": lambda m: m.keep(torch.tensor([1])),
}


@pytest.mark.parametrize("change", CHANGES)
def test_rows_kept_for_a_block_are_those_of_now(change):
    m, users, items = model(), torch.tensor([3, 1]), torch.tensor([0, 2])
    before = m.score_grid(users, items)
    m.accumulate_grid(users, items, torch.ones_like(before))
    CHANGES[change](m)
    fresh = m.score(users.repeat_interleave(2), items.repeat(2))
    assert not torch.equal(fresh[-1:], before[-1:]) or not torch.equal(fresh[:1], before[:1])
    torch.testing.assert_close(m.score_grid(users, items), fresh)


def test_a_model_with_rows_replaced_has_those_and_its_own_elsewhere():
    m, users, items = model(intercept=True), torch.tensor([3, 1]), torch.tensor([0, 2])
    rows = m.user_rows(users) + 1, m.item_rows(items) - 1
    m.settle(*rows)
    other = m.replaced(users, items, rows, m.mu + 2)
    torch.testing.assert_close(
        other.score_grid(users, items) - 2,
        torch.bmm(rows[0], rows[1].transpose(1, 2)).flatten(1) + m.mu,
    )
    away = torch.tensor([0, 2]), torch.tensor([1, 1])
    torch.testing.assert_close(other.score(*away), m.score(*away) + 2)


def test_keep_drops_runs():
    m = model(seeds=(0, 1, 2))
    wanted = m.P[2].clone()
    m.keep(torch.tensor([2]))
    torch.testing.assert_close(m.P[0], wanted)
    assert m.P.grad.shape == m.P.shape


F64 = torch.float64
USERS, ITEMS = torch.tensor([3, 0, 2]), torch.tensor([2, 0])  # a grid of the 4 x 3 pairs
LEVELS = torch.tensor([0, 2, 1, 0, 0, 2])  # of the grid's pairs
KINDS = ["mf", "mf intercept", "ncf", "linear"]


def moved(kind):
    """A model of two runs, all parameters away from their start."""
    makers = {
        "mf": lambda: model(),
        "mf intercept": lambda: model(intercept=True),
        "ncf": lambda: NeuralCollaborativeFiltering((4, 3), 5, (0, 1), F64, CPU),
        "linear": lambda: LinearModel((4, 3), 2, F64, CPU),
    }
    m = makers[kind]()
    generator = torch.Generator().manual_seed(1)
    for value in m.parameters().values():
        value += torch.randn(value.shape, generator=generator, dtype=F64)
    return m


def grid_pairs(kind, levels=LEVELS):
    """The grid as pairs, row by row, and what score_grid and accumulate_grid take instead."""
    pairs = (USERS.repeat_interleave(len(ITEMS)), ITEMS.repeat(len(USERS)))
    more = (levels,) if kind == "linear" else ()
    return (*pairs, *more), (USERS, ITEMS, *more)


def by_autograd(m, score, slope):
    """d/dparameters of sum(slope * score(model))."""
    leaves = {k: v.clone().requires_grad_() for k, v in m.parameters().items()}
    (score(type(m).of(leaves)) * slope).sum().backward()
    return {k: v.grad for k, v in leaves.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_grid_is_scored_as_its_pairs_are(kind):
    m = moved(kind)
    pairs, grid = grid_pairs(kind)
    scores = m.score(*pairs)
    assert scores.shape == (2, 6)
    torch.testing.assert_close(m.score_grid(*grid), scores, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_accumulate_adds_the_vector_jacobian_product_to_what_is_there(kind):
    m = moved(kind)
    pairs, grid = grid_pairs(kind)
    slope = torch.randn(2, 6, generator=torch.Generator().manual_seed(2), dtype=F64)
    wanted = by_autograd(m, lambda leaf: leaf.score(*pairs), slope)
    m.accumulate(*pairs, slope)
    for name, value in m.parameters().items():
        torch.testing.assert_close(value.grad, wanted[name], rtol=1e-12, atol=1e-12)
    m.accumulate_grid(*grid, 2 * slope)
    for name, value in m.parameters().items():
        torch.testing.assert_close(value.grad, 3 * wanted[name], rtol=1e-12, atol=1e-12)
    m.zero_grad()
    assert all((value.grad == 0).all() for value in m.parameters().values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_pair_that_stands_twice_counts_twice(kind):
    one, twice = moved(kind), moved(kind)
    user, item, level = torch.tensor([1]), torch.tensor([2]), torch.tensor([1])
    pair = (user, item, level) if kind == "linear" else (user, item)
    slope = torch.tensor([[0.5], [-2.0]], dtype=F64)
    one.accumulate(*pair, 2 * slope)
    twice.accumulate(*(torch.cat([index, index]) for index in pair), slope.repeat(1, 2))
    for name, value in one.parameters().items():
        torch.testing.assert_close(twice.parameters()[name].grad, value.grad)


@pytest.mark.parametrize("kind", ["mf", "mf intercept"])
def test_directional_is_the_derivative_along_a_direction(kind):
    """Against (score(theta + v) - score(theta - v)) / 2, exact as scores are quadratic."""
    m = moved(kind)
    pairs, _ = grid_pairs(kind)
    generator = torch.Generator().manual_seed(4)
    held = m.parameters()
    v = {k: torch.randn(x.shape, generator=generator, dtype=F64) for k, x in held.items()}
    ahead = type(m).of({k: x + v[k] for k, x in held.items()}).score(*pairs)
    behind = type(m).of({k: x - v[k] for k, x in held.items()}).score(*pairs)
    along = m.directional(v, *pairs)
    torch.testing.assert_close(along, (ahead - behind) / 2, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["mf", "mf intercept"])
def test_gradient_of_pairs_of_each_runs_own(kind):
    """Other pairs a run: against automatic differentiation; add_gradient adds it."""
    m = moved(kind)
    user, item = torch.tensor([[0, 3, 3], [1, 2, 1]]), torch.tensor([[2, 0, 0], [1, 1, 2]])
    slope = torch.randn(2, 3, generator=torch.Generator().manual_seed(5), dtype=F64)
    wanted = by_autograd(m, lambda leaf: leaf.score(user, item), slope)
    found = m.gradient(user, item, slope)
    m.add_gradient(user, item, slope)
    m.add_gradient(user, item, slope)
    for name, value in m.parameters().items():
        torch.testing.assert_close(found[name], wanted[name], rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(value.grad, 2 * wanted[name], rtol=1e-12, atol=1e-12)


def test_moved_goes_a_step_along_the_gradient_and_leaves_the_model():
    m = moved("mf intercept")
    before = m.copy()
    m.accumulate(torch.tensor([1]), torch.tensor([2]), torch.ones(2, 1, dtype=F64))
    ahead = m.moved(-0.5)
    torch.testing.assert_close(ahead.b[:, 1], before.b[:, 1] - 0.5)
    torch.testing.assert_close(ahead.P[:, 1], before.P[:, 1] - 0.5 * before.Q[:, 2])
    torch.testing.assert_close(m.P, before.P, rtol=0, atol=0)


def test_of_two_tables_of_items_the_first_predicts():
    m = moved("mf intercept")
    pairs = torch.tensor([0, 3]), torch.tensor([1, 0])
    first = m.items(2)
    assert first.Q.shape == (2, 2, 2)
    torch.testing.assert_close(first.score(*pairs), m.score(*pairs))


def test_ncf_by_hand():
    """P = (1, 2), Q = (3, -1), A = I, B = 2I: hidden (7, 0), relu the same; v = (0.5, 9): 3.5."""
    m = NeuralCollaborativeFiltering((1, 1), 2, (0,), F64, CPU)
    m.P[0, 0], m.Q[0, 0] = torch.tensor([1.0, 2.0]), torch.tensor([3.0, -1.0])
    m.A[0], m.B[0] = torch.eye(2), 2 * torch.eye(2)
    m.v[0] = torch.tensor([0.5, 9.0])
    assert m.score(torch.tensor([0]), torch.tensor([0])).item() == pytest.approx(3.5)
    m.Q[0, 0, 1] = -2.0  # hidden (7, -2): the negative one counts nothing
    assert m.score(torch.tensor([0]), torch.tensor([0])).item() == pytest.approx(3.5)


def test_ncf_starts_at_exactly_zero_and_can_still_learn():
    m = NeuralCollaborativeFiltering((4, 3), 5, (0, 1), F64, CPU)
    assert (m.score_grid(USERS, ITEMS) == 0).all()
    assert (m.score(USERS, torch.tensor([2, 0, 1])) == 0).all()
    m.accumulate(torch.tensor([0, 1]), torch.tensor([2, 0]), torch.ones(2, 2, dtype=F64))
    assert (m.v.grad.abs().sum(1) > 0).all()
    m.v.add_(m.v.grad)
    m.zero_grad()
    m.accumulate_grid(USERS, ITEMS, torch.ones(2, 6, dtype=F64))
    assert all((value.grad.abs().flatten(1).sum(1) > 0).all() for value in m.parameters().values())


@pytest.mark.parametrize("kind", ["mf intercept", "ncf"])
def test_grids_and_long_passes_are_scored_in_pieces(kind, monkeypatch):
    m = moved(kind)
    pairs, grid = grid_pairs(kind)
    whole = m.score(*pairs)
    monkeypatch.setattr(neural, "CHUNK", 4)
    torch.testing.assert_close(m.score(*pairs), whole)
    torch.testing.assert_close(m.score_grid(*grid), whole)
    slope = torch.randn(2, 6, generator=torch.Generator().manual_seed(6), dtype=F64)
    wanted = by_autograd(m, lambda leaf: leaf.score(*pairs), slope)
    m.accumulate_grid(*grid, slope)
    for name, value in m.parameters().items():
        torch.testing.assert_close(value.grad, wanted[name])


def test_linear_by_hand():
    """b_1 + c_2 + a_positive = 1 + 0.5 - 0.25."""
    m = LinearModel((4, 3), 1, F64, CPU)
    assert (m.score_grid(USERS, ITEMS, LEVELS) == 0).all()
    m.b[0, 1], m.c[0, 2], m.a[0, 2] = 1.0, 0.5, -0.25
    pair = torch.tensor([1]), torch.tensor([2])
    assert m.score(*pair, torch.tensor([2])).item() == 1.25
    assert m.score(*pair, torch.tensor([0])).item() == 1.5


def test_a_table_of_levels_starts_where_it_is_told():
    table = LevelTable(torch.tensor([0.5, -1.0], dtype=F64))
    table.a[1, 2] = 3.0
    wanted = torch.tensor([[0.5, 0.5], [-1.0, 3.0]], dtype=F64)
    torch.testing.assert_close(table.score(torch.tensor([0, 2])), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_keep_drops_runs_and_their_gradients(kind):
    m = moved(kind)
    pairs, _ = grid_pairs(kind)
    second = m.score(*pairs)[1]
    m.keep(torch.tensor([1]))
    torch.testing.assert_close(m.score(*pairs), second.unsqueeze(0), rtol=0, atol=0)
    m.accumulate(*pairs, torch.ones(1, 6, dtype=F64))
    assert all(value.grad.shape == value.shape for value in m.parameters().values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_does_not_follow_the_model(kind):
    m = moved(kind)
    pairs, _ = grid_pairs(kind)
    copy, before = m.copy(), m.score(*pairs)
    for value in m.parameters().values():
        value += 1.0
    torch.testing.assert_close(copy.score(*pairs), before, rtol=0, atol=0)
    assert not torch.allclose(m.score(*pairs), before)


def test_ncf_runs_start_from_their_own_seeds():
    together = NeuralCollaborativeFiltering((4, 3), 5, (5, 7), F64, CPU)
    alone = NeuralCollaborativeFiltering((4, 3), 5, (7,), F64, CPU)
    for name, value in together.parameters().items():
        torch.testing.assert_close(value[1:], alone.parameters()[name], rtol=0, atol=0)
    other = NeuralCollaborativeFiltering((4, 3), 5, (7,), F64, CPU, stream=4)
    assert not torch.equal(other.P, alone.P)
