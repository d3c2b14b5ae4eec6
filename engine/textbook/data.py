"""Ratings as the released code holds them: a sparse matrix, loaders of users and of items, and a
block's pairs found anew each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from engine.config import RunConfig
from engine.datasets.ratings import FloatArray, IntArray, Pairs, Ratings
from engine.datasets.splits import Split
from engine.methods.propensity import PropensityEstimate

NEAREST_TO_ONE = 1e-3  # of a propensity that is learned: 1 has no logit

Everything = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Block:
    """Observed pairs of a block, [n] each, with labels, 1/p and the logit of p; everything: user
    and item of all its pairs, [N] each, None where the method has no term there.
    """

    user: Tensor
    item: Tensor
    label: Tensor
    inverse: Tensor
    logit: Tensor
    n_all: int
    everything: Everything | None


class Codes(Dataset[Tensor]):
    """Users or items, one by one."""

    def __init__(self, n: int) -> None:
        self._codes = torch.arange(n)

    def __len__(self) -> int:
        return len(self._codes)

    def __getitem__(self, place: int) -> Tensor:
        return self._codes[place]


def batches_of(n: int, parts: Iterable[IntArray]) -> Iterable[Tensor]:
    """Batches of users or of items, put together one by one."""
    return DataLoader(Codes(n), batch_sampler=[part.tolist() for part in parts], num_workers=0)


def matrix(
    pairs: Pairs, label: FloatArray, shape: tuple[int, int], dtype: torch.dtype
) -> torch.Tensor:
    """Ratings as a sparse matrix, in the order they come."""
    indices = torch.as_tensor(np.stack([pairs.user, pairs.item]).astype(np.int64))
    values = torch.as_tensor(label, dtype=dtype)
    return torch.sparse_coo_tensor(indices, values, shape, check_invariants=False)


class Observed:
    """All biased ratings, and the uniform ones of one run."""

    def __init__(
        self,
        config: RunConfig,
        ratings: Ratings,
        split: Split,
        propensity: PropensityEstimate,
        on_all: bool,
    ) -> None:
        dtype = getattr(torch, config.dtype)
        self.shape, self.density = (ratings.n_users, ratings.n_items), ratings.density
        label = ratings.label(ratings.biased)
        self._matrix = matrix(ratings.biased, label, self.shape, dtype)
        self._inverse = torch.as_tensor(propensity.inverse, dtype=dtype)
        self._logit = torch.logit((1 / self._inverse).clamp(max=1 - NEAREST_TO_ONE))
        self._level: Tensor | None = None
        if on_all:
            dense = np.zeros(self.shape, dtype=np.int64)
            dense[ratings.biased.user, ratings.biased.item] = 1 + label
            self._level = torch.as_tensor(dense)
        uniform: Pairs = ratings.random.take(split.uniform)
        self.uniform_user = torch.as_tensor(uniform.user, dtype=torch.int64)
        self.uniform_item = torch.as_tensor(uniform.item, dtype=torch.int64)
        self.uniform_label = torch.as_tensor(ratings.label(uniform), dtype=dtype)

    def level(self, user: Tensor, item: Tensor) -> Tensor:
        """0 missing, 1 negative, 2 positive, of pairs."""
        assert self._level is not None
        return self._level[user, item]

    def inside(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Places, users, items and labels of the ratings of some users and items, by membership
        tests over all of them.
        """
        row = np.isin(self._matrix._indices()[0].numpy(), users.numpy())
        column = np.isin(self._matrix._indices()[1].numpy(), items.numpy())
        place = torch.tensor(np.where(row * column)[0])
        user, item = self._matrix._indices()[0][place], self._matrix._indices()[1][place]
        return place, user, item, self._matrix._values()[place]

    def block(self, users: Tensor, items: Tensor) -> Block:
        """The block of these users and items."""
        place, user, item, label = self.inside(users, items)
        pairs = None
        if self._level is not None:
            both = torch.cartesian_prod(users, items)
            pairs = both[:, 0], both[:, 1]
        return Block(
            user=user,
            item=item,
            label=label,
            inverse=self._inverse[place],
            logit=self._logit[place],
            n_all=len(users) * len(items),
            everything=pairs,
        )


def cut(blocks: Sequence[tuple[IntArray, IntArray]], shape: tuple[int, int]) -> list[Everything]:
    """Blocks as loaders give them: batches of users, and items anew with every one of these."""
    rows = {int(users[0]): users for users, _ in blocks}
    columns = {int(items[0]): items for _, items in blocks}
    found = {
        (row, column): (users, items)
        for row, users in zip(rows, batches_of(shape[0], rows.values()), strict=True)
        for column, items in zip(columns, batches_of(shape[1], columns.values()), strict=True)
    }
    return [found[int(users[0]), int(items[0])] for users, items in blocks]
