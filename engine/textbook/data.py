"""Ratings as the released code holds them; loaders of users and items; a block's pairs, found anew
each time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from engine.config import RunConfig
from engine.datasets.ratings import IntArray, Pairs, Ratings
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


def batch_of(n: int, members: IntArray) -> Tensor:
    """One batch of users or items, by a loader."""
    loader = DataLoader(Codes(n), batch_sampler=[members.tolist()], num_workers=0)
    batch: Tensor = next(iter(loader))
    return batch


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
        self.biased, self.shape = ratings.biased, (ratings.n_users, ratings.n_items)
        self.density = ratings.density
        label = ratings.label(ratings.biased)
        self._label = torch.as_tensor(label, dtype=dtype)
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

    def block(self, users: Tensor, items: Tensor, everything: bool = True) -> Block:
        """The block of these users and items, by membership tests over all biased ratings."""
        row = np.isin(self.biased.user, users.numpy())
        index = np.where(row * np.isin(self.biased.item, items.numpy()))[0]
        place = torch.as_tensor(index)
        pairs = None
        if everything and self._level is not None:
            both = torch.cartesian_prod(users, items)
            pairs = both[:, 0], both[:, 1]
        return Block(
            user=torch.as_tensor(self.biased.user[index], dtype=torch.int64),
            item=torch.as_tensor(self.biased.item[index], dtype=torch.int64),
            label=self._label[place],
            inverse=self._inverse[place],
            logit=self._logit[place],
            n_all=len(users) * len(items),
            everything=pairs,
        )
