"""The balance constraint over all ratings: (8), one residual a moment, at fixed models.

left side = sum_B w x,   target = mean over U of the moment,   violation = left side - target
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.balancing import left_side, log_weights
from engine.config import RunConfig
from engine.methods import METHODS, Term
from engine.models import MatrixFactorization
from engine.training.lanes import Lanes


def moments(term: Term, label: Tensor, names: Sequence[str]) -> Tensor:
    """x [R, n, k], what each pair adds to the left side per unit weight: e/p for e, r/p for r."""
    columns = {"e": term.value, "r": label * term.scale}
    wide = [columns[name].expand_as(term.value) for name in names]
    return torch.stack(wide, dim=-1)


def uniform_moments(prediction: Tensor, label: Tensor, names: Sequence[str]) -> Tensor:
    """The same moments of the uniform ratings, [R, m, k]: (r_hat - r)^2 for e, r for r."""
    columns = {"e": (prediction - label).square(), "r": label}
    return torch.stack([columns[name] for name in names], dim=-1)


def targets(theta: MatrixFactorization, lanes: Lanes, names: Sequence[str]) -> Tensor:
    """t [R, k]: mean over U of every moment at the current theta."""
    prediction = theta.score(lanes.uniform_user, lanes.uniform_item)
    values = uniform_moments(prediction, lanes.uniform_label, names)
    return torch.einsum("rm,rmk->rk", lanes.uniform_share, values)


def target_covariance(values: Tensor, target: Tensor, lanes: Lanes, n_users: int) -> Tensor:
    """Covariance [R, k, k] of t, clustered by user: sum over users of gg', g = sum (m - t)/|U|."""
    influence = lanes.uniform_share.unsqueeze(-1) * (values - target.unsqueeze(1))
    by_user = torch.zeros(
        len(values), n_users, values.shape[-1], dtype=values.dtype, device=values.device
    )
    where = lanes.uniform_user.unsqueeze(-1).expand_as(influence)
    by_user.scatter_add_(1, where, influence)
    return torch.einsum("ruk,rul->rkl", by_user, by_user)


@dataclass
class GlobalPass:
    """Both sides of the constraint over all of B, at one theta and xi.

    log_q [R, n]; score [R, n] of the balancing model; x [R, n, k]; left, left_uniform,
    target [R, k]; covariance [R, k, k] of the target; loss [R], the base method's L_B; error
    [R, n], e/p of every pair, and error_target, error_se [R], its target: the paper's moment is
    told of whether it is balanced or not; inverse propensity [R or 1, n]; mass = s.
    """

    log_q: Tensor
    score: Tensor
    x: Tensor
    left: Tensor
    left_uniform: Tensor
    target: Tensor
    covariance: Tensor
    loss: Tensor
    error: Tensor
    error_target: Tensor
    error_se: Tensor
    inverse: Tensor
    mass: float

    @property
    def residual(self) -> Tensor:
        """r [R, k], left side - target."""
        return self.left - self.target

    def error_violation(self) -> Tensor:
        """Left side of (8) minus its target at the pass's weights, [R]."""
        return self.mass * (self.log_q.exp() * self.error).sum(1) - self.error_target

    def weighted_covariance(self) -> Tensor:
        """Cov_q(x), [R, k, k]."""
        q = self.log_q.exp()
        centred = self.x - torch.einsum("rn,rnk->rk", q, self.x).unsqueeze(1)
        return torch.einsum("rn,rnk,rnl->rkl", q, centred, centred)


Scorer = Callable[[Tensor, Tensor, Tensor], Tensor]


def global_pass(
    theta: MatrixFactorization,
    weights_score: Scorer,
    lanes: Lanes,
    config: RunConfig,
    shape: tuple[int, int],
) -> GlobalPass:
    """Evaluate the constraint over all biased ratings; weights have mass s over B.

    weights_score: the balancing model's score of (user, item, x).
    """
    names = config.moments
    mass = len(lanes.user) / (shape[0] * shape[1])
    prediction = theta.score(lanes.user, lanes.item)
    (term,) = METHODS[config.method].terms(prediction, lanes.label, lanes.inverse_propensity)
    x = moments(term, lanes.label, names)
    score = weights_score(lanes.user, lanes.item, x)
    log_q = log_weights(score, config.weights_map)
    uniform = theta.score(lanes.uniform_user, lanes.uniform_item)
    target, covariance = _target(uniform, lanes, names, shape[0])
    error_target, error_variance = _target(uniform, lanes, ("e",), shape[0])
    return GlobalPass(
        log_q=log_q,
        score=score,
        x=x,
        left=left_side(log_q.exp(), x, mass),
        left_uniform=mass * x.mean(1),
        target=target,
        covariance=covariance,
        loss=mass * term.value.mean(1),
        error=term.value,
        error_target=error_target[:, 0],
        error_se=error_variance[:, 0, 0].sqrt(),
        inverse=lanes.inverse_propensity,
        mass=mass,
    )


def _target(
    prediction: Tensor, lanes: Lanes, names: Sequence[str], n_users: int
) -> tuple[Tensor, Tensor]:
    """t [R, k] and its covariance [R, k, k], from the predictions of U."""
    values = uniform_moments(prediction, lanes.uniform_label, names)
    target = torch.einsum("rm,rmk->rk", lanes.uniform_share, values)
    return target, target_covariance(values, target, lanes, n_users)
