"""A learned propensity: logit p = base + h(u, i), h a matrix factorisation that starts at 0.

phi takes an optimizer step on the hypergradient of every block before the weight and the prediction
step (interleaved schedule). Weight decay acts on h only, so without evidence p stays at its base.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.bilevel import assumed_step, inverse_propensity_gradient, uniform_gradient
from engine.config import RunConfig
from engine.methods import METHODS
from engine.models import MatrixFactorization
from engine.training.lanes import Lanes
from engine.training.optim import StackedOptimizer

STREAM = 2  # of a run's seed; prediction and balancing models have 0 and 1
NEAREST_TO_ONE = 1e-3  # a base of 1 has no logit


class LearnedPropensity:
    """phi of every run of a group.

    Args:
        inverse: 1/p of the base, [R or 1, n over B].
    """

    def __init__(
        self, config: RunConfig, shape: tuple[int, int], seeds: list[int], inverse: Tensor
    ) -> None:
        self._config = config
        self._base = torch.logit((1 / inverse).clamp(max=1 - NEAREST_TO_ONE))
        self.phi = MatrixFactorization(
            *(shape, config.propensity_dim, seeds, inverse.dtype, inverse.device),
            stream=STREAM,
            start_at_zero=True,
        )
        self._optimizer = StackedOptimizer(
            self.phi, config.optimizer, config.propensity_lr, config.propensity_decay
        )

    def inverse(self, user: Tensor, item: Tensor, position: Tensor) -> Tensor:
        """1/p [R, n] of the pairs at `position` in B, p clipped at p_min."""
        h = self.phi.score(user, item)
        return 1 / torch.sigmoid(self._base[:, position] + h).clamp(min=self._config.p_min)

    def step(
        self,
        theta: MatrixFactorization,
        lanes: Lanes,
        block: tuple[Tensor, Tensor, Tensor, Tensor],
    ) -> Tensor:
        """One step of Algorithm 1 on one block; returns the block's 1/p after it, [R, n_k]."""
        user, item, label, position = block
        eta = self._config.assumed_lr
        inverse = self.inverse(user, item, position)
        prediction = theta.score(user, item)
        (term,) = METHODS[self._config.method].terms(prediction, label, inverse)
        ahead = assumed_step(theta, user, item, term.slope, eta)
        v = uniform_gradient(
            ahead,
            lanes.uniform_user,
            lanes.uniform_item,
            lanes.uniform_label,
            lanes.uniform_share,
        )
        delta = theta.directional(v, user, item)
        gradient = inverse_propensity_gradient(term.slope, inverse, delta, eta)
        clipped = inverse >= 1 / self._config.p_min
        # A common factor leaves the optimum where it is and keeps Adam's epsilon out of the way.
        self.phi.accumulate(user, item, gradient.masked_fill(clipped, 0) / eta)
        self._optimizer.step()
        return self.inverse(user, item, position)

    def over_all(self, lanes: Lanes) -> Tensor:
        """1/p of all of B, [R, n]."""
        everywhere = torch.arange(len(lanes.user), device=lanes.user.device)
        return self.inverse(lanes.user, lanes.item, everywhere)

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs."""
        if len(self._base) > 1:
            self._base = self._base.index_select(0, lanes)
        self.phi.keep(lanes)
        self._optimizer.keep(lanes)

    def state(self) -> dict[str, dict[str, Tensor]]:
        """For a checkpoint."""
        return {"phi": self.phi.parameters(), "phi_step": self._optimizer.state()}

    def restore(self, state: dict[str, dict[str, Tensor]]) -> None:
        """The inverse of `state`, for the same runs."""
        for name, value in self.phi.parameters().items():
            value.copy_(state["phi"][name])
        self._optimizer.restore(state["phi_step"])
