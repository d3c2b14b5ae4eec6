"""What the last global pass left of each run, for the weight steps until the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from engine.training.parts import joined, part_of

PLAIN = ("x", "residual", "metric", "curvature", "spread", "m")


@dataclass
class Anchor:
    """x [R, n, k] of B, which weights follow; residual r [R, k]; metric A [R, k, k] of the penalty;
    curvature, spread [R, k, k] (GlobalPass); m [R, k] and xi: the balancing models as they were.
    """

    x: Tensor
    residual: Tensor
    metric: Tensor
    curvature: Tensor
    spread: Tensor
    m: Tensor
    xi: dict[str, Any]

    def tensors(self) -> dict[str, Tensor]:
        """For a checkpoint."""
        held = {name: getattr(self, name) for name in PLAIN}
        models = {f"xi.{support}": model.parameters() for support, model in self.xi.items()}
        return held | joined(models)

    @classmethod
    def of(cls, tensors: dict[str, Tensor], models: dict[str, Any]) -> Anchor:
        """The way back; `models` give each support's kind of model."""
        xi = {
            support: type(model).of(part_of(tensors, f"xi.{support}"))
            for support, model in models.items()
        }
        return cls(**{name: tensors[name] for name in PLAIN}, xi=xi)

    def keep(self, lanes: Tensor) -> Anchor:
        """Only these lanes."""
        kept = {k: v.index_select(0, lanes) for k, v in self.tensors().items()}
        return Anchor.of(kept, self.xi)
