"""The best epoch of a run so far, with copies of all that is kept of it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from engine.config import RunConfig
from engine.training.reference import EXACT, Posed, exact_facts


@dataclass
class Best:
    """The best epoch of one run so far, by validation AUC, strictly better only.

    tensors: copies of the parameters of that epoch, never views of what goes on training. facts:
    what is told of the weights then.
    """

    PLAIN = ("epoch", "auc", "validation", "facts")

    epoch: int
    auc: float
    validation: dict[str, float | None]
    tensors: dict[str, Tensor]
    facts: dict[str, float]
    posed: Posed | None = None

    def settle(self, config: RunConfig) -> None:
        """Have all facts at hand."""
        if self.posed is not None:
            exact = exact_facts(self.posed, 0, config)
            self.facts |= {name: value for name, value in exact.items() if name in EXACT}
            self.posed = None
