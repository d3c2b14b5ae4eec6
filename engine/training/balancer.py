"""The balancing model of a group and its step of Algorithm 2.

Two models of log w that are learned, both exactly uniform at the start:

    mf          h = P_u.Q_i + b_u + c_i, the paper's; optimizer steps on d L_W / d h
    log_linear  h = m'x, x the pair's moments

`balance = "exact"` is a third way: the log-linear model with m solved for at every global pass
(`engine.exact`) and held until the next.

The optimum of L_W is log q = const - 2 lam r' A x, so the log-linear model contains it, and an MF
model follows it only as far as user and item tell e/p: measured on Coat, not far once e/p has a
heavy tail and not stably for lam above 16. The coefficients m take a damped Newton step on their
stationarity m + 2 lam A r = 0, whose derivative is I + 2 lam A s Cov_q(x); the steps grow over the
first epochs, in which theta is far from anything and the moments say little.

The weight step holds theta fixed (Algorithm 2): x and t are those of the last global pass, at the
epoch's start. Taken just before a block's own prediction step instead, e is at its largest (its
pairs were last trained an epoch ago) and the residual looks smaller than it is: measured on Coat,
a bias of 0.014, as large as the violation, at which the weights stay put whatever lam.

The penalty's gradient is 2 lam A r * d left_k with r the residual over all ratings: the square of a
block's residual is not the square of the global one (E[r_k^2] = r^2 + Var r_k, METHOD 2). Between
global passes r is tracked with the block as control variate:

    r  ~  r(last pass) + left_k(weights now) - left_k(weights at the last pass)

What blocks differ in cancels, and the estimate follows xi within the epoch; a residual held for an
epoch makes large lam swing. `penalty = "block"` is the naive square, at the current theta.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from engine.balancing import left_side, log_weights, moment_metric, pressure_of, score_gradient
from engine.config import RunConfig
from engine.methods import Term
from engine.models import MatrixFactorization
from engine.training.constraint import GlobalPass, moments, targets
from engine.training.lanes import Lanes
from engine.training.optim import StackedOptimizer
from engine.training.reference import exact_solution

STREAM = 1  # of a run's seed; the prediction model has 0
DAMPING = 0.05  # of a block's Newton step on m
GLOBAL_STEPS = 4  # full Newton steps on m at an epoch's end
WARM_UP = 10  # epochs over which these steps grow to that length and number
MOST_TILT = 0.25  # standard deviations of m'x that one step may add


@dataclass
class Anchor:
    """What the last global pass left of each run.

    score [R, n]; x [R, n, k]; residual r [R, k]; metric A [R, k, k]; covariance Cov_q(x) [R, k, k].
    """

    score: Tensor
    x: Tensor
    residual: Tensor
    metric: Tensor
    covariance: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """For a checkpoint; `Anchor(**tensors)` is the way back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def keep(self, lanes: Tensor) -> Anchor:
        """Only these lanes."""
        return Anchor(**{k: v.index_select(0, lanes) for k, v in self.tensors().items()})


class Balancer:
    """One balancing model a run, stacked; `anchor` is None until the first global pass."""

    def __init__(
        self,
        config: RunConfig,
        shape: tuple[int, int],
        density: float,
        seeds: list[int],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._config, self._density = config, density
        self._linear = config.weights_model == "log_linear"
        self._m = torch.zeros(len(seeds), len(config.moments), dtype=dtype, device=device)
        self._xi = MatrixFactorization(
            (1, 1) if self._linear else shape,
            *(config.weights_dim, seeds, dtype, device),
            stream=STREAM,
            start_at_zero=True,
        )
        self._optimizer = StackedOptimizer(
            self._xi, config.optimizer, config.weights_lr, config.weights_decay
        )
        self.anchor: Anchor | None = None
        self._warmth = 0.0

    def score(self, lanes: Lanes, user: Tensor, item: Tensor, x: Tensor) -> Tensor:
        """h of pairs with moments x [R, n, k], [R, n]."""
        if self._linear:
            return torch.einsum("rnk,rk->rn", x, self._m)
        score = self._xi.score(user, item)
        if lanes.exact.any():
            solved = torch.einsum("rnk,rk->rn", x, self._m)
            score = torch.where(lanes.exact[:, None], solved, score)
        return score

    def observe(
        self, result: GlobalPass, lanes: Lanes, configs: Sequence[RunConfig], epoch: int
    ) -> GlobalPass:
        """Take a global pass, after `epoch` epochs, as the anchor of the next steps.

        The log-linear model takes its last steps of the epoch here, on all ratings, because within
        it theta has moved x; exact weights are solved for. Returned is the pass with the weights
        after that.
        """
        metric = moment_metric(result.covariance)
        for lane in lanes.exact.nonzero().flatten().tolist():
            mu = exact_solution(result, lane, configs[lane]).mu
            self._m[lane] = torch.as_tensor(mu, dtype=self._m.dtype, device=self._m.device)
        if lanes.exact.any():
            result = self._weighted_anew(result, lanes)
        learned = lanes.balanced & ~lanes.exact
        self._warmth = min(1.0, (epoch + 1) / WARM_UP)
        if self._linear and epoch and learned.any():
            pull = lanes.lam[:, None, None] * metric
            for _ in range(math.ceil(GLOBAL_STEPS * self._warmth)):
                self._newton(result.weighted_covariance(), result.residual, pull, learned, 1.0)
                result = self._weighted_anew(result, lanes)
        self.anchor = Anchor(
            *(result.score, result.x, result.residual, metric, result.weighted_covariance())
        )
        return result

    def _weighted_anew(self, result: GlobalPass, lanes: Lanes) -> GlobalPass:
        score = self.score(lanes, lanes.user, lanes.item, result.x)
        log_q = log_weights(score, self._config.weights_map)
        left = left_side(log_q.exp(), result.x, result.mass)
        return replace(result, score=score, log_q=log_q, left=left)

    def step(
        self,
        theta: MatrixFactorization,
        lanes: Lanes,
        block: tuple[Tensor, Tensor, Tensor, Tensor],
        mass: float,
        term: Term,
    ) -> Tensor:
        """Update the model on one block; return |B_k| q [R, n_k], constants to theta's step.

        block: user, item [n_k], label [1, n_k], and the pairs' positions in B [n_k].
        """
        assert self.anchor is not None, "a global pass comes before the first step"
        user, item, label, position = block
        config, anchor = self._config, self.anchor
        if config.penalty == "global":
            x = anchor.x.index_select(1, position)
        else:
            x = moments(term, label, config.moments)
        score = self.score(lanes, user, item, x)
        log_q = log_weights(score, config.weights_map)
        left = left_side(log_q.exp(), x, mass)
        learned = lanes.balanced & ~lanes.exact
        if config.penalty == "global":
            before = log_weights(anchor.score.index_select(1, position), config.weights_map)
            residual = anchor.residual + left - left_side(before.exp(), x, mass)
        else:
            residual = left - targets(theta, lanes, config.moments)
        pull = lanes.lam[:, None, None] * anchor.metric
        if self._linear:
            self._newton(anchor.covariance, residual, pull, learned, DAMPING)
        else:
            sigmoid_score = score if config.weights_map == "sigmoid" else None
            slope = score_gradient(log_q, x, pressure_of(pull, residual), sigmoid_score)
            # Runs that are not balanced stay uniform exactly, not up to rounding.
            self._xi.accumulate(user, item, slope * learned[:, None])
            self._optimizer.step()
        updated = log_weights(self.score(lanes, user, item, x), config.weights_map)
        return torch.where(lanes.balanced[:, None], len(user) * updated.exp(), 1.0)

    def _newton(
        self,
        covariance: Tensor,
        residual: Tensor,
        pull: Tensor,
        lanes: Tensor,
        damping: float,
    ) -> None:
        """m <- m - damping (I + 2 lam A s Cov)^-1 (m + 2 lam A r), at most MOST_TILT of log w."""
        damping *= self._warmth
        identity = torch.eye(self._m.shape[-1], dtype=pull.dtype, device=pull.device)
        slope = identity + 2 * self._density * pull @ covariance
        step = damping * torch.linalg.solve(slope, self._m + pressure_of(pull, residual))
        moved = torch.einsum("ri,rij,rj->r", step, covariance, step).clamp(min=0).sqrt()
        step *= (MOST_TILT / moved.clamp(min=MOST_TILT)).unsqueeze(-1)
        self._m -= step * lanes[:, None]

    def keep(self, lanes: Tensor, *, balanced: bool) -> None:
        """Keep only these runs; without a balanced one there is nothing left to anchor."""
        self._xi.keep(lanes)
        self._optimizer.keep(lanes)
        self._m = self._m.index_select(0, lanes)
        self.anchor = self.anchor.keep(lanes) if self.anchor and balanced else None

    def parameters(self) -> dict[str, Tensor]:
        """What a run's weights are made of, by name, each [R, ...]."""
        return {"m": self._m} | ({} if self._linear else self._xi.parameters())

    def state(self) -> dict[str, dict[str, Tensor]]:
        """For a checkpoint."""
        return {
            "xi": self.parameters(),
            "xi_step": self._optimizer.state(),
            "anchor": self.anchor.tensors() if self.anchor else {},
            "warmth": {"share": torch.tensor(self._warmth, dtype=torch.float64)},
        }

    def restore(self, state: dict[str, dict[str, Tensor]]) -> None:
        """The inverse of `state`, for the same runs."""
        for name, value in self.parameters().items():
            value.copy_(state["xi"][name])
        self._optimizer.restore(state["xi_step"])
        self._warmth = float(state["warmth"]["share"])
        self.anchor = Anchor(**state["anchor"]) if state["anchor"] else None
