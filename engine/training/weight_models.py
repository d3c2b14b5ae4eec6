"""The MF or NCF balancing models of a group: one for each block of weights, with its optimizer."""

from __future__ import annotations

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.models import (
    MatrixFactorization,
    NeuralCollaborativeFiltering,
    RowwiseFactorization,
)
from engine.training.optim import StackedOptimizer
from engine.training.parts import joined, part_of
from engine.training.rowwise import optimizer_of

STREAMS = {"observed": 1, "all": 4}  # of a run's seed; theta has 0, phi 2 and 3
Model = MatrixFactorization | NeuralCollaborativeFiltering


class WeightModels:
    """Models by support; none where the weights are log-linear in the moments."""

    def __init__(
        self,
        config: RunConfig,
        shape: tuple[int, int],
        seeds: list[int],
        supports: tuple[str, ...],
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.where, self.runs = (dtype, device), len(seeds)
        self.models: dict[str, Model] = {}
        for support in supports if config.weights_model != "log_linear" else ():
            other = config.weights_model_all
            kind = other if support == "all" and other != "same" else config.weights_model
            self.models[support] = _make(kind, config, shape, seeds, STREAMS[support], self.where)
        self._steps = {
            support: optimizer_of(model, config.optimizer, config.weights_lr, config.weights_decay)
            for support, model in self.models.items()
        }

    @property
    def steps(self) -> list[StackedOptimizer]:
        """The optimizers."""
        return list(self._steps.values())

    def copies(self) -> dict[str, Model]:
        """The models as they are now, for scoring."""
        return {support: model.copy() for support, model in self.models.items()}

    def step(self) -> None:
        """Update every model from its gradients."""
        for optimizer in self._steps.values():
            optimizer.step()

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs."""
        self.runs = len(lanes)
        for support, model in self.models.items():
            model.keep(lanes)
            self._steps[support].keep(lanes)

    def parameters(self) -> dict[str, Tensor]:
        """By "support.name"."""
        return joined({support: model.parameters() for support, model in self.models.items()})

    def step_state(self) -> dict[str, Tensor]:
        """The optimizers' state, by "support.name"."""
        return joined({support: step.state() for support, step in self._steps.items()})

    def restore_steps(self, tensors: dict[str, Tensor]) -> None:
        """The inverse of `step_state`."""
        for support, optimizer in self._steps.items():
            optimizer.restore(part_of(tensors, support))


def _make(
    kind: str,
    config: RunConfig,
    shape: tuple[int, int],
    seeds: list[int],
    stream: int,
    where: tuple[torch.dtype, torch.device],
) -> Model:
    if kind == "ncf":
        return NeuralCollaborativeFiltering(shape, config.weights_dim, seeds, *where, stream=stream)
    factors = RowwiseFactorization if config.sampler == "pairs" else MatrixFactorization
    return factors(shape, config.weights_dim, seeds, *where, stream=stream, start_at_zero=True)
