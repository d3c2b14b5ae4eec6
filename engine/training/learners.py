"""All that a group of runs learns, and one block of learning.

theta the prediction models, xi the balancing models, phi the propensities (where they are learned),
each stacked along the run axis, with their optimizers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.methods import METHODS
from engine.models import MatrixFactorization
from engine.training.balancer import Balancer
from engine.training.blocks import Block
from engine.training.constraint import GlobalPass, global_pass
from engine.training.lanes import Lanes
from engine.training.learned_propensity import LearnedPropensity
from engine.training.optim import StackedOptimizer


class Learners:
    """The models of a group; `config` holds what its runs share."""

    def __init__(
        self, config: RunConfig, shape: tuple[int, int], seeds: list[int], lanes: Lanes
    ) -> None:
        where = (lanes.lam.dtype, lanes.lam.device)
        self._config, self._shape = config, shape
        self.theta = MatrixFactorization(shape, config.d, seeds, *where, intercept=config.intercept)
        self._theta_step = StackedOptimizer(
            self.theta, config.optimizer, config.lr, config.weight_decay
        )
        density = len(lanes.user) / (shape[0] * shape[1])
        self._balancer = Balancer(config, shape, density, seeds, *where)
        self._propensity = (
            LearnedPropensity(config, shape, seeds, lanes.inverse_propensity)
            if config.propensity == "bilevel"
            else None
        )

    @property
    def anchored(self) -> bool:
        """Whether a global pass has been observed, without which weights cannot be learned."""
        return self._balancer.anchor is not None

    def train(
        self, block: Block, view: tuple[Tensor, ...], lanes: Lanes, seconds: dict[str, float]
    ) -> None:
        """One block: propensity step, weight step, prediction step with these weights.

        view: user, item [n], label, inverse propensity [., n], position [n], sorted by block.
        """
        begun = time.perf_counter()
        user, item, label, inverse, position = (a[..., block.start : block.stop] for a in view)
        pairs = (user, item, label, position)
        if self._propensity is not None:
            inverse = self._propensity.step(self.theta, lanes, pairs)
        prediction = self.theta.score(user, item)
        (term,) = METHODS[self._config.method].terms(prediction, label, inverse)
        slope = term.slope
        between = time.perf_counter()
        if self.anchored:
            slope = slope * self._balancer.step(self.theta, lanes, pairs, block.mass, term)
        after = time.perf_counter()
        if self._config.loss_scale == "mean":
            slope = slope / block.n_all
        self.theta.accumulate(user, item, slope)
        self._theta_step.step()
        seconds["weights"] += after - between
        seconds["prediction"] += time.perf_counter() - after + between - begun

    def global_pass(self, lanes: Lanes) -> GlobalPass:
        """The constraint over all ratings; a learned propensity is brought up to date first."""
        if self._propensity is not None:
            lanes.inverse_propensity = self._propensity.over_all(lanes)
        score = partial(self._balancer.score, lanes)
        return global_pass(self.theta, score, lanes, self._config, self._shape)

    def observe(
        self, result: GlobalPass, lanes: Lanes, configs: Sequence[RunConfig], epoch: int
    ) -> GlobalPass:
        """Let the balancing models take up a global pass; returns it with their weights after."""
        return self._balancer.observe(result, lanes, configs, epoch)

    def copy(self, lane: int, *, balanced: bool) -> dict[str, Tensor]:
        """A copy of one run's parameters, each [1, ...], by model and name: "theta.P"."""
        held = {f"theta.{k}": v for k, v in self.theta.parameters().items()}
        if self._propensity is not None:
            held |= {f"phi.{k}": v for k, v in self._propensity.phi.parameters().items()}
        if balanced:
            held |= {f"xi.{k}": v for k, v in self._balancer.parameters().items()}
        return {name: value[lane : lane + 1].clone() for name, value in held.items()}

    def keep(self, lanes: Tensor, *, balanced: bool) -> None:
        """Keep only these runs; `balanced` says whether one of them is."""
        self.theta.keep(lanes)
        self._theta_step.keep(lanes)
        if self._propensity is not None:
            self._propensity.keep(lanes)
        self._balancer.keep(lanes, balanced=balanced)

    def state(self) -> dict[str, dict[str, Tensor]]:
        """For a checkpoint, by part and name."""
        return {
            "theta": self.theta.parameters(),
            "theta_step": self._theta_step.state(),
            **self._balancer.state(),
            **(self._propensity.state() if self._propensity else {}),
        }

    def restore(self, part: Callable[[str], dict[str, Tensor]]) -> None:
        """The inverse of `state`, for the same runs; `part` gives the tensors of a part."""
        with torch.no_grad():
            for name, value in part("theta").items():
                self.theta.parameters()[name].copy_(value)
        self._theta_step.restore(part("theta_step"))
        if self._propensity is not None:
            self._propensity.restore({name: part(name) for name in ("phi", "phi_step")})
        self._balancer.restore({n: part(n) for n in ("xi", "xi_step", "anchor", "warmth")})
