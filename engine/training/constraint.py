"""The balance constraint over all ratings: (8), (12), (13), one residual a moment, at fixed models.

left side = sum over the blocks of weights of sum w x,   target = mean over U of the moment,
violation = left side - target

A block of weights is one term of the estimator with a fixed mass: s over B, 1 over D.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from engine.balancing import MANY, dot, expected, left_side
from engine.training.lanes import Lanes
from engine.training.moments import Moments


@dataclass(frozen=True)
class Side:
    """One block of weights as the constraint sees it.

    x [R, n, k] the moments; value [R, n], the term's own values, the paper's moment, whether it is
    balanced or not; log_q [R, n] the weights over their mass; pick: which of the `total` pairs of
    the pass these are, None for all.
    """

    support: Literal["observed", "all"]
    x: Tensor
    value: Tensor
    log_q: Tensor
    mass: float
    pick: Tensor | None = None
    total: int = 0

    @cached_property
    def q(self) -> Tensor:
        """The weights over their mass, [R, n]."""
        return self.log_q.exp()

    def shown(self, rows: Tensor) -> Tensor:
        """Weights of mean 1 of some runs, [r, total]; 1 at pairs of the pass that have none."""
        q = self.log_q.index_select(0, rows).exp() * self.log_q.shape[1]
        if self.pick is None:
            return q
        return q.new_ones(len(q), self.total).index_copy(1, self.pick, q)

    @cached_property
    def left(self) -> Tensor:
        """sum w x, [R, k]."""
        return left_side(self.q, self.x, self.mass)

    @cached_property
    def left_uniform(self) -> Tensor:
        """The same with uniform weights."""
        return self.mass * self.x.mean(1)

    @cached_property
    def covariance(self) -> Tensor:
        """Cov_q(x), [R, k, k]."""
        centred = self.x - expected(self.q, self.x).unsqueeze(1)
        weighted = self.q.unsqueeze(-1) * centred
        if centred.shape[-1] == 1:
            return (weighted * centred).sum(1, keepdim=True)
        return weighted.transpose(1, 2) @ centred


@dataclass(frozen=True)
class GlobalPass:
    """Both sides of the constraint over all ratings, at one theta, phi and xi.

    sides: the blocks of weights, as the constraint is fitted. target [R, k], covariance [R, k, k]
    of it; error_target, error_se [R], the same of e alone; own_target [R], that of theta's own
    errors, None where these are what is balanced. loss [R], the base method's. Of all of B: x
    [R, n, k], the moments weights follow; value [R, n], the term's values by theta's own errors;
    inverse [R or 1, n], 1/p or what stands for it; weights [R, n], mean 1, as theta's loss has
    them (0 where a pair is kept from theta). in_sample [R]: the violation of e with those weights
    and theta's own errors, where it is not the violation itself.
    """

    sides: tuple[Side, ...]
    target: Tensor
    covariance: Tensor
    error_target: Tensor
    error_se: Tensor
    loss: Tensor
    x: Tensor
    value: Tensor
    inverse: Tensor
    weights: Tensor
    own_target: Tensor | None = None
    in_sample: Tensor | None = None

    @cached_property
    def left(self) -> Tensor:
        """Left sides, [R, k]."""
        return torch.stack([side.left for side in self.sides]).sum(0)

    @cached_property
    def left_uniform(self) -> Tensor:
        """Left sides with uniform weights, [R, k]."""
        return torch.stack([side.left_uniform for side in self.sides]).sum(0)

    @property
    def residual(self) -> Tensor:
        """r [R, k], left side - target."""
        return self.left - self.target

    @property
    def observed(self) -> Side:
        """The weights on B."""
        return next(side for side in self.sides if side.support == "observed")

    @property
    def everywhere(self) -> Side | None:
        """The weights on D, where there are any."""
        return next((side for side in self.sides if side.support == "all"), None)

    @cached_property
    def error_parts(self) -> dict[str, Tensor]:
        """What each block of weights adds to the left side of e, [R] by support."""
        return {side.support: side.mass * dot(side.q, side.value) for side in self.sides}

    @cached_property
    def error_violation(self) -> Tensor:
        """Left side of e minus its target at the pass's weights, [R]."""
        return torch.stack(list(self.error_parts.values())).sum(0) - self.error_target

    @cached_property
    def error_violation_uniform(self) -> Tensor:
        """The same with uniform weights, [R]."""
        left = [side.mass * side.value.mean(1) for side in self.sides]
        return torch.stack(left).sum(0) - self.error_target

    @cached_property
    def error_spread(self) -> Tensor:
        """sum over the blocks of weights of mass * Var(value): how far weights can move e, [R]."""
        return torch.stack([s.mass * _variance(s.value) for s in self.sides]).sum(0)

    def curvature(self) -> Tensor:
        """sum mass Cov_q(x), the derivative of the left side by the log-linear coefficients."""
        return torch.stack([side.mass * side.covariance for side in self.sides]).sum(0)

    def spread(self) -> Tensor:
        """sum Cov_q(x): what bounds a step of log w in any block of weights, [R, k, k]."""
        return torch.stack([side.covariance for side in self.sides]).sum(0)

    def weighted(self, log_q: tuple[Tensor, ...]) -> GlobalPass:
        """The same pass with other weights in the constraint."""
        sides = tuple(replace(s, log_q=q) for s, q in zip(self.sides, log_q, strict=True))
        return replace(self, sides=sides)


def _variance(values: Tensor) -> Tensor:
    """Of each row, [R]; torch's own goes through the values one by one."""
    centre = values.mean(1, keepdim=True)
    parts = [(part - centre).square_().sum(1) for part in torch.split(values, MANY, 1)]
    return torch.stack(parts).sum(0) / values.shape[1]


def target_of(prediction: Tensor, lanes: Lanes, moments: Moments) -> Tensor:
    """t [R, k], from the predictions of U."""
    values = moments.of_uniform(prediction, lanes.uniform_label, lanes.uniform_item)
    return expected(lanes.target_share, values)


def clustered(values: Tensor, target: Tensor, lanes: Lanes, n_users: int) -> Tensor:
    """Covariance [R, k, k] of t, clustered by user: sum over users of gg', g = sum (m - t)/|U|."""
    influence = lanes.target_share.unsqueeze(-1) * (values - target.unsqueeze(1))
    by_user = torch.zeros(
        len(values), n_users, values.shape[-1], dtype=values.dtype, device=values.device
    )
    where = lanes.uniform_user.unsqueeze(-1).expand_as(influence)
    by_user.scatter_add_(1, where, influence)
    return torch.einsum("ruk,rul->rkl", by_user, by_user)


def with_known(covariance: Tensor, known: list[int], sides: tuple[Side, ...]) -> Tensor:
    """The covariance where some targets are known: these get the left side's own sampling noise.

    A variance of 0 would ask for the constraint to the last digit whatever lam; what the left side
    varies by from one draw of B to the next, mass^2 Var(x)/n, is as close as it can mean anything;
    and no closer than to a hundredth, since a column that is constant up to rounding has no noise.
    """
    for j in known:
        noise = [s.mass**2 * s.x[..., j].var(1) / s.x.shape[1] for s in sides]
        least = (0.01 * torch.stack([s.mass * s.x[..., j].mean(1) for s in sides]).sum(0)) ** 2
        total = torch.maximum(torch.stack(noise).sum(0), least)
        covariance = covariance.clone()
        covariance[:, j, :], covariance[:, :, j] = 0.0, 0.0  # but for rounding, they are
        covariance[:, j, j] = torch.where(total > 0, total, torch.ones_like(total))
    return covariance
