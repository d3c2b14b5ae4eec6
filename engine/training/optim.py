"""Optimizers over parameters with a run axis, from which runs can be dropped.

The updates are torch's own fused ones, called on all tensors of a model at once: with small blocks
`torch.optim`'s bookkeeping around them takes longer than they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from engine.models import NEVER_DECAYED, Stacked

OptimizerName = Literal["adamw", "adam", "sgd"]
BETAS, EPSILON = (0.9, 0.999), 1e-8
MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True)
class _Group:
    """Tensors that are stepped together, with one weight decay."""

    parameters: list[Tensor]
    gradients: list[Tensor]
    first: list[Tensor]
    second: list[Tensor]
    decay: float


class StackedOptimizer:
    """One optimizer for all runs of a group: updates are elementwise, so runs do not mix.

    adamw decouples weight decay; adam and sgd add it to the gradient (coupled L2), as the paper's
    and the released code's do.
    """

    def __init__(self, model: Stacked, name: OptimizerName, lr: float, weight_decay: float) -> None:
        self.model, self._name, self._lr, self._decay_rate = model, name, lr, weight_decay
        self._held: dict[str, Tensor] = {}
        for n, (value, _) in model.stored().items() if name != "sgd" else ():
            self._held |= {f"{n}.{moment}": torch.zeros_like(value) for moment in MOMENTS}
            self._held[f"{n}.step"] = torch.zeros((), dtype=torch.float32, device=value.device)
        self._bind()

    def _bind(self) -> None:
        """Gather what a step needs, anew whenever tensors were replaced."""
        stored = self.model.stored()
        self._count: Tensor | None = None  # of steps, the same for all tensors
        for n in stored if self._name != "sgd" else ():
            self._count = self._held[f"{n}.step"] if self._count is None else self._count
            self._held[f"{n}.step"] = self._count
        self._gradients = [gradient for _, gradient in stored.values()]
        self._groups: list[_Group] = []
        for decays in (True, False):
            names = [n for n in stored if (n not in NEVER_DECAYED) == decays]
            if names:
                moments = [
                    [self._held[f"{n}.{what}"] for n in names if self._name != "sgd"]
                    for what in MOMENTS
                ]
                parameters, gradients = ([stored[n][i] for n in names] for i in (0, 1))
                decay = self._decay_rate if decays else 0.0
                self._groups.append(_Group(parameters, gradients, moments[0], moments[1], decay))

    def step(self) -> None:
        """Update the model from its gradients and set them to 0."""
        if self._count is not None:
            self._count += 1
        for group in self._groups:
            if self._name == "sgd":
                torch._foreach_mul_(group.parameters, 1 - self._lr * group.decay)
                torch._foreach_add_(group.parameters, group.gradients, alpha=-self._lr)
            else:
                self._adam(group)
        self.model.settle()
        if self._gradients:
            torch._foreach_zero_(self._gradients)

    def _adam(self, group: _Group) -> None:
        assert self._count is not None
        counts = [self._count] * len(group.parameters)
        update = torch._fused_adamw_ if self._name == "adamw" else torch._fused_adam_
        update(
            *(group.parameters, group.gradients, group.first, group.second, [], counts),
            lr=self._lr,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=group.decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def state(self) -> dict[str, Tensor]:
        """Every state tensor, by "tensor.name"."""
        return dict(self._held)

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take `state()` of another optimizer of the same model shape."""
        self._held = {name: tensors[name] for name in self._held}
        self._bind()

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs; call after the model's `keep` has replaced its tensors."""
        self._held = {k: v.index_select(0, lanes) if v.dim() else v for k, v in self._held.items()}
        self._bind()
