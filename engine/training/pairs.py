"""Mini-batches of single pairs, for catalogues whose D nobody can hold (METHOD section 2).

B_k is a slice of a shuffled B, D_k are as many pairs drawn from D uniformly, with replacement. A
batch stands for n_all = |B_k| / s pairs of D: the mass of its weights is s, |B_k| / |D_k| being a
ratio of batch sizes only, and each pair of D_k counts for n_all / |D_k|. So over an epoch the
batches add up to what blocks add up to,

    sum_k [ sum_{B_k} a + n_all / |D_k| sum_{D_k} b ]  =  sum_B a + an unbiased estimate of sum_D b

and a step costs what its batch costs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.training.batch import Batch, Sample
from engine.training.lanes import Lanes
from engine.training.levels import Levels


@dataclass(frozen=True)
class Draw:
    """One batch: `start:stop` are its observed pairs in the epoch's order, `seed` that of D_k."""

    start: int
    stop: int
    seed: tuple[int, ...]

    @property
    def n_observed(self) -> int:
        """|B_k|, and |D_k|."""
        return self.stop - self.start


@dataclass(frozen=True)
class PairPlan:
    """One pass over B in the order `order` [|B|], batch by batch."""

    order: np.ndarray[tuple[int], np.dtype[np.int32]]
    blocks: tuple[Draw, ...]


class PairSampler:
    """Cuts B, shuffled each epoch anew from its number alone, into batches of nearly equal size."""

    def __init__(self, n: int, batch_size: int, seed: int) -> None:
        self._n, self._batches, self._seed = n, max(1, n // batch_size), seed

    def epoch(self, epoch: int) -> PairPlan:
        """The plan of one epoch."""
        order = np.arange(self._n, dtype=np.int32)
        np.random.default_rng([self._seed, epoch]).shuffle(order)
        ends = np.arange(self._batches + 1) * self._n // self._batches
        draws = zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        return PairPlan(
            order, tuple(Draw(*cut, (self._seed, epoch, k)) for k, cut in enumerate(draws))
        )


class PairView:
    """The batches of one epoch. levels: of any pair, where the method has a term on D."""

    def __init__(
        self, plan: PairPlan, lanes: Lanes, shape: tuple[int, int], levels: Levels | None
    ) -> None:
        self._order, self._lanes, self._shape, self._levels = plan.order, lanes, shape, levels

    def batch(self, draw: Draw) -> Batch:
        """One batch."""
        lanes = self._lanes
        cut = self._order[draw.start : draw.stop]
        position = torch.as_tensor(cut, dtype=torch.int64, device=lanes.user.device)
        user, item = lanes.user[position], lanes.item[position]
        level = lanes.level[position].int()
        n_all = draw.n_observed / lanes.density
        return Batch(
            *(user, item, position, level),
            label=lanes.label.index_select(1, position),
            inverse=lanes.inverse_propensity.index_select(1, position),
            mass=lanes.density,
            n_all=n_all,
            everything=self._drawn(draw, user, item, level, n_all),
        )

    def _drawn(
        self, draw: Draw, user: Tensor, item: Tensor, level: Tensor, n_all: float
    ) -> Sample | None:
        """D_k, and B_k behind it."""
        if self._levels is None:
            return None
        generator = np.random.default_rng(draw.seed)
        n = draw.n_observed
        users, items = (
            torch.as_tensor(generator.integers(0, rows, n), device=user.device)
            for rows in self._shape
        )
        return Sample.of(users, items, self._levels, (user, item, level), n_all / n)
