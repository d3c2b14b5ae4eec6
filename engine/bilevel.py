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
from typing import NamedTuple

import torch
from torch import Tensor

from engine.models import Direction, MatrixFactorization, compiled, square_gradient


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


class Moved(NamedTuple):
    """theta' where it differs from theta: in rows A [R, a, .] of users [a] and B [R, b, .] of items
    [b], and in mu [R, 1], None without.
    """

    users: Tensor
    items: Tensor
    A: Tensor
    B: Tensor
    mu: Tensor | None


def corner_gradient(
    theta: MatrixFactorization,
    moved: Moved,
    user: Tensor,
    item: Tensor,
    label: Tensor,
    share: Tensor,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """`uniform_gradient` at theta' in what has moved: by A, B and mu."""
    at, rows = (moved.users, moved.items), (moved.A, moved.B)
    if compiled(moved.A):
        pairs = user, item, label, share
        of_users, of_items, by_mu = square_gradient(theta.rows, at, rows, pairs, moved.mu)
        theta.settle(of_users, of_items, 0.0)
        return of_users, of_items, by_mu
    v = uniform_gradient(theta.replaced(*at, rows, moved.mu), user, item, label, share)
    return v.of_users.index_select(1, at[0]), v.of_items.index_select(1, at[1]), v.get("mu")


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
