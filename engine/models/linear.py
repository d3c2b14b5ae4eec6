"""Small models of AutoDebias: linear in user, item and a level of the pair, and a table of levels.

A level says what is seen of a pair: 0 missing, 1 observed and negative, 2 observed and positive.
"""

from __future__ import annotations

import torch
from torch import Tensor

from engine.models.stacked import Stacked, grad_of, rows_of

LEVELS = 3


def by_level(values: Tensor, level: Tensor) -> Tensor:
    """Sums of values [R, n] over the pairs of each level [n], [R, 3]."""
    levels = torch.arange(LEVELS, dtype=level.dtype, device=level.device)
    return values @ (level.unsqueeze(1) == levels).to(values)


class LinearModel(Stacked):
    """score(u, i, level) = b_u + c_i + a_level: b, c [R, rows], a [R, 3]; all start at 0."""

    NAMES = ("b", "c", "a")

    def __init__(
        self, shape: tuple[int, int], runs: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.b, self.c, self.a = (
            torch.zeros(runs, rows, dtype=dtype, device=device) for rows in (*shape, LEVELS)
        )
        self.with_gradients()

    def score(self, user: Tensor, item: Tensor, level: Tensor) -> Tensor:
        """Scores [R, n]; indices [n]."""
        return rows_of(self.b, user) + rows_of(self.c, item) + rows_of(self.a, level)

    def score_grid(self, users: Tensor, items: Tensor, level: Tensor) -> Tensor:
        """Scores of all pairs of users [a] and items [b], [R, a * b]; level [a * b]."""
        grid = self.b.index_select(1, users).unsqueeze(2) + self.c.index_select(1, items).unsqueeze(
            1
        )
        return grid.flatten(1) + rows_of(self.a, level)

    def accumulate(self, user: Tensor, item: Tensor, level: Tensor, slope: Tensor) -> None:
        """Add d/dparameters of sum(slope * score) to every `.grad`; slope [R, n]."""
        grad_of(self.b).index_add_(1, user, slope)
        grad_of(self.c).index_add_(1, item, slope)
        grad_of(self.a).add_(by_level(slope, level))

    def accumulate_grid(self, users: Tensor, items: Tensor, level: Tensor, slope: Tensor) -> None:
        """The same over a grid; slope [R, a * b]."""
        G = slope.view(len(slope), len(users), len(items))
        grad_of(self.b).index_add_(1, users, G.sum(2))
        grad_of(self.c).index_add_(1, items, G.sum(1))
        grad_of(self.a).add_(by_level(slope, level))


class LevelTable(Stacked):
    """score(level) = a_level, a [R, 3], started at `start` [R]."""

    NAMES = ("a",)

    def __init__(self, start: Tensor) -> None:
        self.a = start.unsqueeze(1).repeat(1, LEVELS)
        self.with_gradients()

    def score(self, level: Tensor) -> Tensor:
        """Scores [R, n]."""
        return rows_of(self.a, level)
