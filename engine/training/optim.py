"""torch's optimizers over parameters with a run axis, from which runs can be dropped."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from engine.models import NEVER_DECAYED, Stacked

OptimizerName = Literal["adamw", "adam", "sgd"]


class StackedOptimizer:
    """One optimizer for all runs of a group: updates are elementwise, so runs do not mix.

    adamw decouples weight decay; adam and sgd add it to the gradient (coupled L2), as the paper's
    and the released code's do.
    """

    def __init__(self, model: Stacked, name: OptimizerName, lr: float, weight_decay: float) -> None:
        self.model, self._name = model, name
        self._settings: dict[str, Any] = {"lr": lr, "weight_decay": weight_decay, "fused": True}
        self._optimizer = self._make()

    def _make(self) -> torch.optim.Optimizer:
        kinds: dict[str, type[torch.optim.Optimizer]] = {
            "adamw": torch.optim.AdamW,
            "adam": torch.optim.Adam,
            "sgd": torch.optim.SGD,
        }
        groups = [
            {"params": [p], "weight_decay": 0.0} if name in NEVER_DECAYED else {"params": [p]}
            for name, p in self.model.parameters().items()
        ]
        return kinds[self._name](groups, **self._settings)

    def step(self) -> None:
        """Update the model from its gradients and set them to 0."""
        self._optimizer.step()
        self.model.zero_grad()

    def state(self) -> dict[str, Tensor]:
        """Every state tensor, by "parameter.name"."""
        held = [group["params"][0] for group in self._optimizer.param_groups]
        return {
            f"{name}.{key}": value
            for name, parameter in zip(self.model.parameters(), held, strict=True)
            for key, value in self._optimizer.state[parameter].items()
            if isinstance(value, Tensor)
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take `state()` of another optimizer of the same model shape, for the current tensors."""
        self._optimizer = self._make()
        for name, parameter in self.model.parameters().items():
            prefix = f"{name}."
            found = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
            if found:
                self._optimizer.state[parameter].update(found)

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs; call after the model's `keep` has replaced its tensors."""
        kept = {k: v.index_select(0, lanes) if v.dim() else v for k, v in self.state().items()}
        self.restore(kept)
