"""L_W and its gradient, against hand arithmetic and automatic differentiation in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engine.balancing import (
    left_side,
    log_weights,
    loss_w,
    moment_metric,
    pressure_of,
    score_gradient,
    through_map,
)

F64 = torch.float64


def problem(seed, runs=2, n=7, k=2):
    generator = torch.Generator().manual_seed(seed)

    def draw(*size):
        return torch.randn(*size, generator=generator, dtype=F64)

    root = draw(runs, k, k)
    return draw(runs, n), draw(runs, n, k), draw(runs, k), root @ root.transpose(1, 2)


def test_by_hand():
    """Two pairs, s = 0.5, q = (0.25, 0.75), x = (4, 8): left = 0.5 (1 + 6) = 3.5; t = 3, lam = 2.

    w = (0.125, 0.375); sum w log w = 0.125 ln 0.125 + 0.375 ln 0.375; penalty 2 * 0.25 = 0.5.
    """
    log_q = torch.tensor([[0.25, 0.75]], dtype=F64).log()
    x = torch.tensor([[[4.0], [8.0]]], dtype=F64)
    target, pull = torch.tensor([[3.0]], dtype=F64), torch.tensor([[[2.0]]], dtype=F64)
    assert left_side(log_q.exp(), x, 0.5).item() == pytest.approx(3.5)
    expected = 0.125 * np.log(0.125) + 0.375 * np.log(0.375) + 0.5
    assert loss_w(log_q, x, 0.5, target, pull).item() == pytest.approx(expected)


@pytest.mark.parametrize("weights_map", ["softmax", "sigmoid"])
@given(seed=st.integers(0, 10_000))
def test_gradient_is_the_derivative_of_loss_w(weights_map, seed):
    h, x, target, pull = problem(seed)
    h.requires_grad_(True)
    mass = 0.3
    loss_w(log_weights(h, weights_map), x, mass, target, pull).sum().backward()
    with torch.no_grad():
        log_q = log_weights(h, weights_map)
        residual = left_side(log_q.exp(), x, mass) - target
        slope = score_gradient(log_q, x, pressure_of(pull, residual))
        slope = through_map(slope, h, weights_map)
        ours = slope * mass / h.shape[-1]
    torch.testing.assert_close(ours, h.grad, rtol=1e-9, atol=1e-11)


@given(st.integers(0, 10_000), st.sampled_from(["softmax", "sigmoid"]))
def test_masses_are_exact_and_weights_positive(seed, weights_map):
    h = problem(seed)[0] * 30
    q = log_weights(h, weights_map).exp()
    assert (q >= 0).all()
    torch.testing.assert_close(q.sum(-1), torch.ones(len(q), dtype=F64))


def test_the_gradient_vanishes_exactly_at_the_penalised_optimum():
    """log q = -2 lam r x + const with r its own residual: the stationary point of L_W."""
    x = torch.linspace(0, 1, 9, dtype=F64).view(1, 9, 1)
    lam, mass, target = 3.0, 0.4, torch.tensor([[0.1]], dtype=F64)
    low, high = -1.0, 1.0
    for _ in range(200):
        r = (low + high) / 2
        q = torch.softmax(-2 * lam * r * x[..., 0], -1)
        if (left_side(q, x, mass) - target).item() > r:
            low = r
        else:
            high = r
    residual = left_side(q, x, mass) - target
    pressure = pressure_of(torch.full((1, 1, 1), lam, dtype=F64), residual)
    gradient = score_gradient(q.log(), x, pressure)
    assert gradient.abs().max() < 1e-12


def test_one_moment_has_metric_one_and_several_are_scaled_by_the_first():
    one = torch.tensor([[[0.04]]], dtype=F64)
    assert moment_metric(one).item() == 1.0
    two = torch.diag_embed(torch.tensor([[0.04, 0.01]], dtype=F64))
    torch.testing.assert_close(
        moment_metric(two), torch.diag_embed(torch.tensor([[1.0, 4.0]], dtype=F64))
    )


def test_collinear_moments_keep_a_finite_metric():
    flat = torch.full((1, 2, 2), 0.01, dtype=F64)
    assert torch.isfinite(moment_metric(flat)).all()
