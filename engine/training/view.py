"""From an epoch's plan to batches: biased ratings sorted by block, and all of B with all of D."""

from __future__ import annotations

import numpy as np
import torch

from engine.diagnostics import sample_pairs
from engine.training.batch import Batch, Grid, Rectangle, Sample
from engine.training.blocks import Block, EpochPlan
from engine.training.lanes import Lanes
from engine.training.levels import Levels


class View:
    """The batches of one epoch. on_all: whether the method has a term on D."""

    def __init__(self, plan: EpochPlan, lanes: Lanes, on_all: bool) -> None:
        device = lanes.user.device
        self._on_all, self._lanes = on_all, lanes
        self._position = torch.as_tensor(plan.order, device=device)
        self._user, self._item = lanes.user[self._position], lanes.item[self._position]
        self._label = lanes.label[:, self._position]
        self._level = lanes.level[self._position].int()
        self._inverse = lanes.inverse_propensity[:, self._position]
        self._row, self._column = (
            torch.as_tensor(place, device=device)[code]
            for place, code in ((plan.user_place, self._user), (plan.item_place, self._item))
        )

    def batch(self, block: Block) -> Batch:
        """One block."""
        cut = slice(block.start, block.stop)
        user, item, level = self._user[cut], self._item[cut], self._level[cut]
        users = torch.as_tensor(block.users, device=user.device)
        items = torch.as_tensor(block.items, device=user.device)
        row, column = self._row[cut], self._column[cut]
        grid = Grid.of(users, items, row * len(items) + column, level) if self._on_all else None
        return Batch(
            *(user, item, self._position[cut], level),
            label=self._label[:, cut],
            inverse=self._inverse[:, cut],
            mass=block.mass,
            n_all=block.n_all,
            everything=grid,
            block=Rectangle(users, items, row, column),
        )


class Whole:
    """All of B as one batch, with all of D, or a fixed sample of a large D."""

    def __init__(self, lanes: Lanes, shape: tuple[int, int], on_all: bool) -> None:
        self._n_all = shape[0] * shape[1]
        self._level = lanes.level.int() if on_all else lanes.level  # which only then index
        self._everything = _everything(lanes, shape) if on_all else None

    def batch(self, lanes: Lanes) -> Batch:
        """The batch with the present propensities."""
        return Batch(
            *(lanes.user, lanes.item, slice(None), self._level),
            label=lanes.label,
            inverse=lanes.inverse_propensity,
            mass=lanes.density,
            n_all=self._n_all,
            everything=self._everything,
        )


def _everything(lanes: Lanes, shape: tuple[int, int]) -> Grid | Sample:
    drawn, device = sample_pairs(shape[0] * shape[1]), lanes.user.device
    if drawn is None:
        users, items = (torch.arange(n, device=device) for n in shape)
        cell = lanes.user * shape[1] + lanes.item
        return Grid.of(users, items, cell, lanes.level.int())
    user, item = (torch.as_tensor(a, device=device) for a in np.divmod(drawn, shape[1]))
    levels = Levels(lanes.user, lanes.item, lanes.level, shape[1])
    return Sample.of(user, item, levels, (lanes.user, lanes.item, lanes.level))
