"""The MF model: scores by hand, gradients against automatic differentiation, lanes apart."""

import pytest
import torch

from engine.models import MatrixFactorization, factorisation

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
    monkeypatch.setattr(factorisation, "CHUNK", 5)
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


def test_keep_drops_runs():
    m = model(seeds=(0, 1, 2))
    wanted = m.P[2].clone()
    m.keep(torch.tensor([2]))
    torch.testing.assert_close(m.P[0], wanted)
    assert m.P.grad.shape == m.P.shape
