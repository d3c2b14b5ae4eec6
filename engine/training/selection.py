"""Which pairs of a batch the weights are fitted on, and which they are used for.

All of them, as a rule. Held-out residuals fit on a tenth of B and apply to the rest, which theta
trains on; a target whose support is restricted leaves the pairs outside with weight 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.config import RunConfig
from engine.training.batch import Batch
from engine.training.lanes import Lanes

HELD_OUT = 10  # one in so many pairs


@dataclass(frozen=True)
class Selection:
    """Indices into a batch, None for all pairs. fit, apply: of B_k; everywhere: of D_k.

    held: pairs kept from the prediction model of balanced runs. mass: s_k of the pairs inside.
    """

    fit: Tensor | None
    apply: Tensor | None
    everywhere: Tensor | None
    held: Tensor | None
    mass: float
    n_inside: int

    def fitted(self, support: str) -> Tensor | None:
        """The pairs of a support that weights are fitted on."""
        return self.fit if support == "observed" else self.everywhere


class Selector:
    """Selections of batches, for one config and data set."""

    def __init__(self, config: RunConfig, lanes: Lanes) -> None:
        self._lanes = lanes
        self._held: Tensor | None = None
        if config.residuals == "held_out":
            fold = folds_of(len(lanes.user), HELD_OUT, config.block_seed)
            self._held = torch.as_tensor(fold == 0, device=lanes.user.device)

    def of(self, batch: Batch) -> Selection:
        """The selection of a batch."""
        lanes = self._lanes
        mask_u, mask_i = lanes.covered_user, lanes.covered_item
        if self._held is None and mask_u is None:
            return Selection(None, None, None, None, batch.mass, len(batch.user))
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
        )

    def _inside_all(self, batch: Batch) -> float:
        """|D_k| inside; of a block without a grid, by the shares of users and items inside."""
        lanes = self._lanes
        assert lanes.covered_user is not None
        assert lanes.covered_item is not None
        if batch.users is not None and batch.items is not None:
            users = lanes.covered_user[batch.users].sum()
            return float(users * lanes.covered_item[batch.items].sum())
        return float(lanes.covered_user.sum() * lanes.covered_item.sum())


def folds_of(n: int, folds: int, seed: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The fold of each of n pairs, from (seed, folds) alone; sizes differ by one at most."""
    return np.random.default_rng([seed, folds]).permutation(n) % folds


def picked(values: Tensor, index: Tensor | None) -> Tensor:
    """values [R, n, ...] at index, or all."""
    return values if index is None else values.index_select(1, index)
