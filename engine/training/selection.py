"""Which pairs of a batch the weights are fitted on, and which they are used for.

All of them, as a rule. Held-out residuals fit on a tenth of B and apply to the rest, which theta
trains on; a target whose support is restricted leaves the pairs outside with weight 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.datasets.folds import held_out
from engine.methods import METHODS
from engine.training.batch import Batch, Sample, Scores
from engine.training.lanes import Lanes
from engine.training.levels import Levels


@dataclass(frozen=True)
class Selection:
    """Indices into a batch, None for all pairs. fit, apply: of B_k; everywhere: of D_k.

    held: pairs of B_k kept from all that balanced runs train but weights; hidden: pairs of D_k
    kept from it too, because their part there tells a held pair's label. mass: s_k of the pairs
    inside.
    """

    fit: Tensor | None
    apply: Tensor | None
    everywhere: Tensor | None
    held: Tensor | None
    mass: float
    n_inside: int
    hidden: Tensor | None = None

    def fitted(self, support: str) -> Tensor | None:
        """The pairs of a support that weights are fitted on."""
        return self.fit if support == "observed" else self.everywhere

    def seen(self, slopes: Scores, balanced: Tensor) -> Scores:
        """Slopes of B_k and D_k without what balanced runs [R] may not see, as large in sum."""
        if self.held is None:
            return slopes
        assert self.apply is not None
        observed, everywhere = slopes
        counts = observed.new_ones(len(self.held))
        counts[self.apply] = self.n_inside / max(1, len(self.apply))
        counts[self.held] = 0.0
        observed = observed * torch.where(balanced[:, None], counts, 1.0)
        if everywhere is not None and self.hidden is not None:
            counts = everywhere.new_ones(everywhere.shape[1])
            counts[self.hidden] = 0.0
            everywhere = everywhere * torch.where(balanced[:, None], counts, 1.0)
        return observed, everywhere


class Selector:
    """Selections of batches, for one config and data set of so many items."""

    def __init__(self, config: RunConfig, lanes: Lanes, n_items: int) -> None:
        self._lanes, self._n_items = lanes, n_items
        self._tells_labels = METHODS[config.method].tells_labels
        held = held_out(config, len(lanes.user))
        self._held = None if held is None else torch.as_tensor(held, device=lanes.user.device)

    def of(self, batch: Batch) -> Selection:
        """The selection of a batch."""
        lanes = self._lanes
        mask_u, mask_i = lanes.covered_user, lanes.covered_item
        if self._held is None and mask_u is None:
            return Selection(None, None, None, None, batch.mass, batch.user.shape[0])
        everywhere, mass = None, batch.mass
        inside = torch.ones_like(batch.user, dtype=torch.bool)
        if mask_u is not None and mask_i is not None:
            inside = mask_u[batch.user] & mask_i[batch.item]
            mass = float(inside.sum()) / max(1.0, self._inside_all(batch))
            if batch.everything is not None:
                whole = mask_u[batch.everything.user()] & mask_i[batch.everything.item()]
                everywhere = whole.nonzero().flatten()
        held = None if self._held is None else self._held[batch.position]
        fit = inside if held is None else inside & held
        apply = inside if held is None else inside & ~held
        return Selection(
            fit=fit.nonzero().flatten(),
            apply=apply.nonzero().flatten(),
            everywhere=everywhere,
            held=held,
            mass=mass,
            n_inside=int(inside.sum()),
            hidden=None if held is None else self._hidden(batch, held),
        )

    def _hidden(self, batch: Batch, held: Tensor) -> Tensor | None:
        """The pairs of D_k whose part in the method's term there tells a held pair's label."""
        drawn = batch.everything
        if drawn is None or not self._tells_labels:
            return None
        if not isinstance(drawn, Sample):
            return drawn.cell[held]
        return self._among_held.of(drawn.user(), drawn.item()).nonzero().flatten()

    @cached_property
    def _among_held(self) -> Levels:
        """1 for a pair that is held, else 0."""
        lanes, held = self._lanes, self._held
        assert held is not None
        user, item = lanes.user[held], lanes.item[held]
        return Levels(user, item, torch.ones_like(user), self._n_items)

    def _inside_all(self, batch: Batch) -> float:
        """|D_k| inside; of a block without a grid, by the shares of users and items inside."""
        lanes = self._lanes
        assert lanes.covered_user is not None
        assert lanes.covered_item is not None
        if batch.block is not None:
            users = lanes.covered_user[batch.block.users].sum()
            return float(users * lanes.covered_item[batch.block.items].sum())
        return float(lanes.covered_user.sum() * lanes.covered_item.sum())


def picked(values: Tensor, index: Tensor | None) -> Tensor:
    """values [R, n, ...] at index, or all."""
    return values if index is None else values.index_select(1, index)
