"""Learned balancing weights: the balancing model's loss L_W and its gradient (METHOD 1 and 2).

For one block with observed pairs B_k, mass s_k and scores h of the balancing model,

    w = s_k q,  q = softmax(h)                          (6, 7: positive, and the mass is exact)
    L_W = sum w log w + lam * scale * r' A r            r = left side of (8) - target, one a moment

Everything is written per run: arrays are [R, n], moments x [R, n, k], targets [R, k].
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from engine.loops import loops
from engine.models.pairs import array, compiled

MANY = 1 << 18  # pairs, more of which are summed over in parts
WeightsMap = Literal["softmax", "sigmoid"]


def log_weights(score: Tensor, weights_map: WeightsMap = "softmax") -> Tensor:
    """log q, [R, n]: softmax(h), or sigmoid(h) / its sum (the paper's form, made to satisfy 7)."""
    return torch.log_softmax(_mapped(score, weights_map), dim=-1)


def shares(score: Tensor, weights_map: WeightsMap = "softmax") -> Tensor:
    """q, [R, n], where its logarithm is not asked for."""
    return torch.softmax(_mapped(score, weights_map), dim=-1)


def _mapped(score: Tensor, weights_map: WeightsMap) -> Tensor:
    return logsigmoid(score) if weights_map == "sigmoid" else score


def dot(a: Tensor, b: Tensor) -> Tensor:
    """sum_j a_j b_j of every run, [R]; without an array of all products."""
    if compiled(a) and compiled(b):
        found = a.new_empty(a.shape[0])
        _summed(array(a), array(b), found.numpy())
        return found
    if a.shape[1] <= MANY:
        return (a * b).sum(1)
    parts = zip(torch.split(a, MANY, 1), torch.split(b, MANY, 1), strict=True)
    return torch.stack([(one * two).sum(1) for one, two in parts]).sum(0)


@loops
def _summed(a: Any, b: Any, found: Any) -> None:
    """found [R]: sums of a b, both [R, n], in float64."""
    for r in range(a.shape[0]):
        total = 0.0
        for k in range(a.shape[1]):
            total += a[r, k] * b[r, k]
        found[r] = total


def expected(q: Tensor, x: Tensor) -> Tensor:
    """E_q x of every moment, [R, k]."""
    if x.shape[-1] == 1:
        return dot(q, x.squeeze(-1)).unsqueeze(1)
    return torch.einsum("rn,rnk->rk", q, x)


def along(x: Tensor, m: Tensor) -> Tensor:
    """x'm of every pair, [R, n]; m [R, k]."""
    return x.squeeze(-1) * m if x.shape[-1] == 1 else torch.einsum("rnk,rk->rn", x, m)


def left_side(q: Tensor, x: Tensor, mass: float) -> Tensor:
    """sum_B w x of every moment, [R, k]: mass * sum_j q_j x_j."""
    found = expected(q, x)
    return found if mass == 1 else mass * found


def loss_w(log_q: Tensor, x: Tensor, mass: float, target: Tensor, pull: Tensor) -> Tensor:
    """L_W as printed (entropy sign corrected), [R]; `pull` is lam * A, [R, k, k].

    Training uses `score_gradient`; this is its definition, and what tests differentiate.
    """
    q = log_q.exp()
    residual = left_side(q, x, mass) - target
    entropy = (mass * q * (log_q + torch.log(torch.as_tensor(mass)))).sum(-1)
    return entropy + torch.einsum("ri,rij,rj->r", residual, pull, residual)


def score_gradient(
    log_q: Tensor, x: Tensor, pressure: Tensor, entropy: float = 1.0, q: Tensor | None = None
) -> Tensor:
    """d L_W / d log-scores, times n / s_k so that it is of order 1 whatever the block, [R, n].

        n q_j [ log q_j - E_q log q + c_j - E_q c ],   c = x' pressure,  pressure = 2 lam A r

    `pressure` [R, k] need not come from the block's own residual: the square of a block's residual
    is not the square of the global one, so training passes a global estimate. At lam = 0 and
    uniform q the bracket is 0 up to rounding; the trainer masks such runs so that they stay uniform
    exactly. `entropy` = -1 is the sign as printed: the entropy is minimised. q: exp(log_q), where
    it is at hand.
    """
    q = log_q.exp() if q is None else q
    if x.shape[-1] == 1 and compiled(log_q):
        found = torch.empty_like(log_q, memory_format=torch.contiguous_format)
        given = array(log_q), array(q), array(x.squeeze(-1)), array(pressure.squeeze(-1))
        _centred(*given, entropy, found.numpy())
        return found
    inside = (log_q if entropy == 1 else entropy * log_q) + along(x, pressure)
    inside -= (q * inside).sum(-1, keepdim=True)
    return inside.mul_(q).mul_(log_q.shape[-1])


@loops
def _centred(log_q: Any, q: Any, x: Any, pressure: Any, entropy: float, found: Any) -> None:
    """found = n q (y - E_q y), y = entropy log q + pressure x, all [R, n]; pressure [R]."""
    for r in range(q.shape[0]):
        n, sign, slope = q.shape[1], q.dtype.type(entropy), pressure[r]
        mean = 0.0
        for k in range(n):
            mean += q[r, k] * (sign * log_q[r, k] + slope * x[r, k])
        centre, scale = q.dtype.type(mean), q.dtype.type(n)
        for k in range(n):
            y = sign * log_q[r, k] + slope * x[r, k]
            found[r, k] = scale * q[r, k] * (y - centre)


def through_map(gradient: Tensor, score: Tensor, weights_map: WeightsMap) -> Tensor:
    """The chain rule of the map, [R, n]: d log sigmoid(h)/dh = 1 - sigmoid(h)."""
    return gradient * (1 - torch.sigmoid(score)) if weights_map == "sigmoid" else gradient


def pressure_of(pull: Tensor, residual: Tensor) -> Tensor:
    """2 lam A r [R, k], what a residual weighs on log w by (minus the exact solution's mu)."""
    if residual.shape[-1] == 1:
        return 2 * pull.squeeze(-1) * residual
    return 2 * (pull @ residual.unsqueeze(-1)).squeeze(-1)


def moment_metric(covariance: Tensor) -> Tensor:
    """A [R, k, k] of the penalty r' A r: S[0, 0] S^-1, S the targets' covariance shrunk by a tenth.

    One moment gives exactly 1, the paper's lam * r^2. Early in training e and r are all but
    collinear (the prediction is near 0, so e is near r^2); shrinking the correlations keeps the
    metric from amplifying their difference beyond what so few ratings can tell.
    """
    k = covariance.shape[-1]
    if k == 1:
        return torch.ones_like(covariance)
    metric: Tensor = covariance[:, :1, :1] * torch.linalg.inv(shrunk(covariance))
    return metric


def shrunk(covariance: Tensor) -> Tensor:
    """The covariance [R, k, k] with its off-diagonals a tenth smaller."""
    diagonal = torch.diag_embed(torch.diagonal(covariance, dim1=-2, dim2=-1))
    return 0.9 * covariance + 0.1 * diagonal
