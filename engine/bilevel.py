"""Bi-level learning of a propensity: the hypergradient of (2, 3) without a second backward pass.

Assumed step on a block's lower loss L_B = sum_k c_k(phi) l(r_hat_k), with l = (r_hat - r)^2 and
c = 1/p:

    theta' = theta - eta grad_theta L_B(theta, phi)

The loss on the uniform sample at theta' depends on phi through c alone: with v = grad L_U(theta')

    d L_U(theta') / d phi = - eta sum_k  dc_k/dphi  l'(r_hat_k)  delta_k,
    delta_k = < grad_theta r_hat_k(theta), v >,

one directional derivative of the prediction. The real theta never moves here. Arrays are [R, n]
over the n observed pairs of a block.
"""

from __future__ import annotations

from torch import Tensor

from engine.models import MatrixFactorization


def assumed_step(
    theta: MatrixFactorization, user: Tensor, item: Tensor, slope: Tensor, eta: float
) -> MatrixFactorization:
    """theta' after one gradient step on the block; slope [R, n] is dL_B/dr_hat. Leaves grads 0."""
    theta.accumulate(user, item, slope)
    moved = theta.moved(-eta)
    theta.zero_grad()
    return moved


def uniform_gradient(
    theta: MatrixFactorization, user: Tensor, item: Tensor, label: Tensor, share: Tensor
) -> dict[str, Tensor]:
    """v = gradient of L_U = sum share (r_hat - r)^2; all [R, m], share 1/|U| (0 on padding)."""
    slope = 2 * share * (theta.score(user, item) - label)
    return theta.gradient(user, item, slope)


def inverse_propensity_gradient(
    slope: Tensor, inverse: Tensor, delta: Tensor, eta: float
) -> Tensor:
    """d L_U(theta') / d h for p = sigmoid(base + h), [R, n].

    c = 1/p, dc/dh = -(1/p - 1), l' = slope * p (slope is l'/p), so the hypergradient is
    eta (1/p - 1) p slope delta = eta (1 - p) slope delta.
    """
    return eta * (1 - 1 / inverse) * slope * delta
