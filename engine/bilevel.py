"""Bi-level learning of phi: the hypergradient of (2, 3) without a second backward pass.

Assumed step on a block's lower loss L_B(theta, phi), whose slopes by the prediction depend on phi:

    theta' = theta - eta grad_theta L_B(theta, phi)
    v = grad L_U(theta')
    d L_U(theta') / d phi = - eta d/dphi sum_k slope_k(phi) delta_k,
    delta_k = < grad_theta r_hat_k(theta), v >,

one directional derivative of the prediction; delta is a constant in phi. The real theta never moves
here. Arrays are [R, n].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.models import Direction, MatrixFactorization


def assumed_step(
    theta: MatrixFactorization, accumulate: Callable[[], None], eta: float
) -> MatrixFactorization:
    """theta' after one gradient step; `accumulate` adds grad L_B to theta's grads, left at 0."""
    accumulate()
    moved = theta.moved(-eta)
    theta.zero_grad()
    return moved


def uniform_gradient(
    theta: MatrixFactorization, user: Tensor, item: Tensor, label: Tensor, share: Tensor
) -> Direction:
    """v = gradient of L_U = sum share (r_hat - r)^2; all [R, m], share 1/|U| (0 on padding)."""
    slope = 2 * share * (theta.score(user, item) - label)
    return theta.gradient(user, item, slope)


def hypergradient(
    slopes: Sequence[Tensor | None],
    deltas: Sequence[Tensor | None],
    eta: float,
    scores: Sequence[Tensor],
) -> tuple[Tensor, ...]:
    """d L_U(theta') / d scores, the leaves that the slopes were computed from: the vector-Jacobian
    product of the slopes with -eta delta.
    """
    pairs = [
        (slope, -eta * delta)
        for slope, delta in zip(slopes, deltas, strict=True)
        if slope is not None and delta is not None and slope.requires_grad
    ]
    found = torch.autograd.grad(
        [slope for slope, _ in pairs],
        list(scores),
        grad_outputs=[vector for _, vector in pairs],
        allow_unused=True,
    )
    return tuple(
        torch.zeros_like(score) if gradient is None else gradient
        for score, gradient in zip(scores, found, strict=True)
    )
