"""The pairs one step looks at: the observed ones, and all of D_k where the method has a term there.

`Everything` is D_k: a grid of users x items, or a sample of pairs that stands for a large D.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import pad

from engine.models import (
    Grouped,
    LinearModel,
    MatrixFactorization,
    PairModel,
    RowwiseFactorization,
)
from engine.training.levels import Levels

Scores = tuple[Tensor, Tensor | None]  # of B_k [R, n], and of D_k [R, N] where it is looked at


class Everything(Protocol):
    """All pairs of D_k. `cell` [n] finds the observed pairs among what `scores` returns."""

    cell: Tensor

    def scores(self, model: PairModel) -> Tensor:
        """Scores [R, N'], D_k first."""

    def own_scores(self, model: PairModel) -> Tensor:
        """Scores of D_k alone, [R, N]."""

    def accumulate(self, model: PairModel, slope: Tensor) -> None:
        """The vector-Jacobian product of `scores`; slope [R, N']."""

    def level_scores(self, model: LinearModel) -> Tensor:
        """`scores` of a model that needs the level of each pair."""

    def level_accumulate(self, model: LinearModel, slope: Tensor) -> None:
        """The vector-Jacobian product of `level_scores`."""

    def own(self, values: Tensor) -> Tensor:
        """Of `scores`, those of D_k alone, [R, N]."""

    def joined(self, everywhere: Tensor, observed: Tensor | None) -> Tensor:
        """Slopes of D_k [R, N], which may be overwritten, and of its observed pairs [R, n] as
        slopes of `scores`, [R, N'].
        """

    def item(self) -> Tensor:
        """Items of D_k's pairs, [N]."""

    def user(self) -> Tensor:
        """Users of D_k's pairs, [N]."""

    @property
    def levels(self) -> Tensor:
        """0 missing, 1 negative, 2 positive: of D_k's pairs, [N]."""


@dataclass(frozen=True)
class Grid:
    """users [a] x items [b], row by row; `cell` [n] are the observed pairs, `levels` [a * b]."""

    users: Tensor
    items: Tensor
    cell: Tensor
    levels: Tensor

    @classmethod
    def of(cls, users: Tensor, items: Tensor, cell: Tensor, level: Tensor) -> Grid:
        """level [n]: 1 or 2, of the observed pairs."""
        levels = torch.zeros(
            users.shape[0] * items.shape[0], dtype=level.dtype, device=level.device
        )
        levels[cell] = level
        return cls(users, items, cell, levels)

    def scores(self, model: PairModel) -> Tensor:
        """Scores [R, a * b]."""
        return model.score_grid(self.users, self.items)

    own_scores = scores

    def accumulate(self, model: PairModel, slope: Tensor) -> None:
        """The vector-Jacobian product of `scores`."""
        model.accumulate_grid(self.users, self.items, slope)

    def level_scores(self, model: LinearModel) -> Tensor:
        """Scores [R, a * b] with the levels."""
        return model.score_grid(self.users, self.items, self.levels)

    def level_accumulate(self, model: LinearModel, slope: Tensor) -> None:
        """The vector-Jacobian product of `level_scores`."""
        model.accumulate_grid(self.users, self.items, self.levels, slope)

    def own(self, values: Tensor) -> Tensor:
        """All of them."""
        return values

    def joined(self, everywhere: Tensor, observed: Tensor | None) -> Tensor:
        """Added up where a pair is both."""
        return everywhere if observed is None else everywhere.index_add_(1, self.cell, observed)

    def item(self) -> Tensor:
        """Items of the pairs, [a * b]."""
        return self.items.repeat(len(self.users))

    def user(self) -> Tensor:
        """Users of the pairs, [a * b]."""
        return self.users.repeat_interleave(len(self.items))


@dataclass(frozen=True)
class Sample:
    """Pairs drawn from a large D, followed by those of B; `cell` finds these.

    worth: for how many pairs of D each one drawn counts in a sum over D.
    """

    pair_user: Tensor
    pair_item: Tensor
    level: Tensor
    cell: Tensor
    worth: float = 1.0

    @classmethod
    def of(
        cls,
        user: Tensor,
        item: Tensor,
        levels: Levels,
        observed: tuple[Tensor, Tensor, Tensor],
        worth: float = 1.0,
    ) -> Sample:
        """user, item [N] drawn; observed: user, item and level [n] of those of B."""
        cell = torch.arange(len(user), len(user) + len(observed[0]), device=user.device)
        return cls(
            torch.cat([user, observed[0]]),
            torch.cat([item, observed[1]]),
            torch.cat([levels.of(user, item), observed[2]]),
            cell,
            worth,
        )

    @property
    def _n(self) -> int:
        return len(self.pair_user) - len(self.cell)

    @property
    def levels(self) -> Tensor:
        """Of the sampled pairs."""
        return self.level[: self._n]

    def scores(self, model: PairModel) -> Tensor:
        """Scores of sample and B, [R, N + n]."""
        return model.score(self.pair_user, self.pair_item)

    def own_scores(self, model: PairModel) -> Tensor:
        """Scores of the sample, [R, N]."""
        return model.score(self.user(), self.item())

    @cached_property
    def grouped(self) -> tuple[Grouped, Grouped]:
        """All these pairs by user, and by item."""
        return (
            Grouped.of(self.pair_user, self.pair_item),
            Grouped.of(self.pair_item, self.pair_user),
        )

    def accumulate(self, model: PairModel, slope: Tensor) -> None:
        """The vector-Jacobian product of `scores`, or of those of the drawn pairs alone."""
        slope = pad(slope, (0, len(self.pair_user) - slope.shape[1]))
        if isinstance(model, RowwiseFactorization):
            model.accumulate_grouped(*self.grouped, slope)
        else:
            model.accumulate(self.pair_user, self.pair_item, slope)

    def level_scores(self, model: LinearModel) -> Tensor:
        """Scores with the levels, [R, N + n]."""
        return model.score(self.pair_user, self.pair_item, self.level)

    def level_accumulate(self, model: LinearModel, slope: Tensor) -> None:
        """The vector-Jacobian product of `level_scores`."""
        model.accumulate(self.pair_user, self.pair_item, self.level, slope)

    def own(self, values: Tensor) -> Tensor:
        """Those of the sample."""
        return values[:, : self._n]

    def joined(self, everywhere: Tensor, observed: Tensor | None) -> Tensor:
        """One behind the other."""
        if observed is None:
            return pad(everywhere, (0, len(self.cell)))
        return torch.cat([everywhere, observed], dim=1)

    def item(self) -> Tensor:
        """Items of the sample, [N]."""
        return self.pair_item[: self._n]

    def user(self) -> Tensor:
        """Users of the sample, [N]."""
        return self.pair_user[: self._n]


@dataclass(frozen=True)
class Rectangle:
    """users [a] x items [b]; row, column [n]: the places of the observed pairs among these."""

    users: Tensor
    items: Tensor
    row: Tensor
    column: Tensor


@dataclass(frozen=True)
class Batch:
    """One block, or all of B.

    user, item, position [n] (in B; a slice of all of B), level [n] (1 negative, 2 positive);
    label [1, n]; inverse [R or 1, n], 1/p where it is not learned; mass = s_k; n_all = |D_k|, of
    single pairs |B_k| / s; everything: D_k or None.
    block: the users and items of a block, None for all of B and for single pairs.
    """

    user: Tensor
    item: Tensor
    position: Tensor | slice
    level: Tensor
    label: Tensor
    inverse: Tensor
    mass: float
    n_all: float
    everything: Grid | Sample | None
    block: Rectangle | None = None

    def own(self, values: Tensor) -> Tensor:
        """Of values of all of B, [R, |B|], those of the batch's pairs."""
        if isinstance(self.position, slice):
            return values[:, self.position]
        return values.index_select(1, self.position)

    def rated(self, model: PairModel) -> Tensor:
        """Scores of B_k, [R, n]."""
        return model.score(self.user, self.item)

    def add_rated(self, model: PairModel, slope: Tensor) -> None:
        """The vector-Jacobian product of `rated`, added to the model's gradients."""
        if isinstance(model, RowwiseFactorization):
            model.accumulate_grouped(*self.grouped, slope)
        else:
            model.accumulate(self.user, self.item, slope)

    @cached_property
    def grouped(self) -> tuple[Grouped, Grouped]:
        """The observed pairs by user, and by item."""
        return Grouped.of(self.user, self.item), Grouped.of(self.item, self.user)

    @property
    def rows(self) -> tuple[Tensor, Tensor]:
        """Users and items of a batch of single pairs, each once."""
        drawn = self.everything
        by_user, by_item = drawn.grouped if isinstance(drawn, Sample) else self.grouped
        return by_user.members, by_item.members

    @property
    def pairs(self) -> tuple[Tensor, Tensor]:
        """User and item of all pairs that a batch of single pairs scores, D_k first."""
        if isinstance(self.everything, Sample):
            return self.everything.pair_user, self.everything.pair_item
        return self.user, self.item

    def on_pairs(self, observed: Tensor, everywhere: Tensor | None) -> Tensor:
        """Slopes of B_k, and of D_k at what its pairs are worth, of all `pairs`."""
        if everywhere is None:
            return observed
        assert isinstance(self.everything, Sample)
        return torch.cat([self.everything.worth * everywhere, observed], dim=1)

    def scores(self, model: MatrixFactorization) -> Scores:
        """Scores of B_k [R, n] and of D_k [R, N]."""
        if self.everything is None:
            return self.rated(model), None
        found = self.everything.scores(model)
        return found.index_select(1, self.everything.cell), self.everything.own(found)

    def accumulate(
        self, model: MatrixFactorization, observed: Tensor, everywhere: Tensor | None
    ) -> None:
        """Add the gradient of both sums of slope * score."""
        if everywhere is None:
            self.add_rated(model, observed)
        elif isinstance(self.everything, Sample):
            self.everything.accumulate(model, self.on_pairs(observed, everywhere))
        else:
            assert self.everything is not None
            self.everything.accumulate(model, self.everything.joined(everywhere.clone(), observed))
