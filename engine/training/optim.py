"""Optimizers over parameters with a run axis, from which runs can be dropped.

The updates are torch's own fused ones, called on all tensors of a model at once: with small blocks
`torch.optim`'s bookkeeping around them takes longer than they do.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from engine.models import NEVER_DECAYED, Stacked

OptimizerName = Literal["adamw", "adam", "sgd"]
BETAS, EPSILON = (0.9, 0.999), 1e-8
MOMENTS = ("exp_avg", "exp_avg_sq")


class StackedOptimizer:
    """One optimizer for all runs of a group: updates are elementwise, so runs do not mix.

    adamw decouples weight decay; adam and sgd add it to the gradient (coupled L2), as the paper's
    and the released code's do.
    """

    def __init__(self, model: Stacked, name: OptimizerName, lr: float, weight_decay: float) -> None:
        self.model, self._name, self._lr = model, name, lr
        held = model.stored()
        decayed = [n for n in held if n not in NEVER_DECAYED]
        never = [n for n in held if n in NEVER_DECAYED]
        self._groups = (
            [(decayed, weight_decay), (never, 0.0)] if never else [(decayed, weight_decay)]
        )
        self._held: dict[str, Tensor] = {}
        for n, (value, _) in held.items() if name != "sgd" else ():
            self._held |= {f"{n}.{moment}": torch.zeros_like(value) for moment in MOMENTS}
            self._held[f"{n}.step"] = torch.zeros((), dtype=torch.float32, device=value.device)

    def step(self) -> None:
        """Update the model from its gradients and set them to 0."""
        held = self.model.stored()
        for names, decay in self._groups:
            parameters, gradients = ([held[name][i] for name in names] for i in (0, 1))
            if self._name == "sgd":
                torch._foreach_mul_(parameters, 1 - self._lr * decay)
                torch._foreach_add_(parameters, gradients, alpha=-self._lr)
            else:
                self._adam(names, parameters, gradients, decay)
        self.model.settle()
        self.model.zero_grad()

    def _adam(
        self, names: list[str], parameters: list[Tensor], gradients: list[Tensor], decay: float
    ) -> None:
        first, second = ([self._held[f"{name}.{moment}"] for name in names] for moment in MOMENTS)
        steps = [self._held[f"{name}.step"] for name in names]
        torch._foreach_add_(steps, 1)
        update = torch._fused_adamw_ if self._name == "adamw" else torch._fused_adam_
        update(
            *(parameters, gradients, first, second, [], steps),
            lr=self._lr,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=decay,
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

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs."""
        self._held = {k: v.index_select(0, lanes) if v.dim() else v for k, v in self._held.items()}
