"""Whether a constraint could be met at all while a run trained, and within what its sides can be.

Weights of a fixed mass move a left side no farther than its smallest and largest moment; a target
outside is out of reach whatever lam, and weights then come as near as they can. A floor on ESS
may keep them from it, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from engine.config import RunConfig, columns_of


@dataclass(frozen=True)
class Example:
    """One epoch's target out of reach: its column, the ends of its left side, itself."""

    epoch: int
    moment: str
    low: float
    high: float
    target: float


@dataclass(frozen=True)
class Reach:
    """Over the epochs for which exact weights were solved: in how many no weights meet what is
    asked (out), in how many the floor on ESS kept them from it (bound).

    example: of the best epoch where that is one, else of the last; None where each target can be
    met, but not all by the same weights.
    """

    epochs: int
    out: int
    bound: int
    config: RunConfig
    example: Example | None = None

    def counted(self, some: int) -> str:
        """ "12 of 40 epochs"."""
        return f"{some} of {self.epochs} epochs"

    @property
    def why(self) -> str:
        """What weights can and cannot do, in words."""
        if self.example is None:
            return "each target can be met, but not all of them by the same weights"
        found = self.example
        side = "the left side" if found.moment == "e" else f"the left side of {found.moment}"
        return (
            f"weights on these ratings can bring {side} only to between {found.low:.3f} and "
            f"{found.high:.3f}; target {found.target:.3f} (epoch {found.epoch})"
        )

    @property
    def remedy(self) -> str:
        """What could be tried, in a sentence."""
        if self.config.balance == "exact" and self.config.constraint == "hard":
            return "Try constraint tolerance or penalised, or fewer moments."
        if self.config.balance == "exact" and self.config.constraint == "tolerance":
            return "Try a larger tolerance, constraint penalised, or fewer moments."
        return "No lam reaches it: try another propensity, or other moments."

    @property
    def floor_said(self) -> str:
        """That the floor on ESS bound."""
        floor = f"the floor on ESS ({100 * self.config.ess_floor:g} %)"
        return f"{floor} bound in {self.counted(self.bound)}"


def reach_of(
    epochs: pd.DataFrame, config: RunConfig, best: Mapping[str, int] | None = None
) -> Reach:
    """The account of some runs of one config.

    Args:
        epochs: a row a run and epoch, as `engine.store.reaches.read_reaches` has them.
        best: a run's best epoch.
    """
    beyond = epochs["reach_moment"].notna()
    told = epochs[beyond].sort_values("epoch")
    at_best = told[told["run"].map(dict(best or {})) == told["epoch"]]
    row = None
    if len(told):
        row = (at_best if len(at_best) else told).iloc[-1]
    return Reach(
        epochs=len(epochs),
        out=int((beyond | (epochs["exact_feasible"] == 0)).sum()),
        bound=int((epochs["exact_bound"] == 1).sum()),
        config=config,
        example=None
        if row is None
        else Example(
            epoch=int(row["epoch"]),
            moment=columns_of(config.moments)[int(row["reach_moment"])],
            low=float(row["reach_low"]),
            high=float(row["reach_high"]),
            target=float(row["reach_target"]),
        ),
    )
