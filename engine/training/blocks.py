"""Mini-batches: blocks of users x items and the observed pairs in them (METHOD section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.datasets.ratings import IntArray


@dataclass(frozen=True)
class Block:
    """D_k = users x items. `start:stop` are its observed pairs B_k in the epoch's order."""

    users: IntArray
    items: IntArray
    start: int
    stop: int

    @property
    def n_all(self) -> int:
        """|D_k|."""
        return len(self.users) * len(self.items)

    @property
    def n_observed(self) -> int:
        """|B_k|."""
        return self.stop - self.start

    @property
    def mass(self) -> float:
        """s_k = |B_k| / |D_k|."""
        return self.n_observed / self.n_all


@dataclass(frozen=True)
class EpochPlan:
    """One pass over D. `order` [|B|] sorts the biased pairs by block, so a block is a slice.

    user_place, item_place: where each user and item stands in its block's users and items.
    """

    order: IntArray
    blocks: tuple[Block, ...]
    user_place: IntArray
    item_place: IntArray


class BlockSampler:
    """Cuts D into blocks, anew each epoch, from (block_seed, epoch) alone.

    Users and items are permuted and cut into parts of nearly equal size, at most `block_users` and
    `block_items` long; every pair of parts is a block, visited in random order. As an epoch's plan
    depends on nothing but its number, a resumed run needs no generator state, and runs of one group
    see the same blocks as each would alone.
    """

    def __init__(
        self,
        user: IntArray,
        item: IntArray,
        shape: tuple[int, int],
        block_shape: tuple[int, int],
        block_seed: int,
    ) -> None:
        self._user, self._item, self._shape, self._seed = user, item, shape, block_seed
        self._parts = tuple(-(-n // size) for n, size in zip(shape, block_shape, strict=True))

    def epoch(self, epoch: int) -> EpochPlan:
        """The plan of one epoch; blocks with fewer than two observed pairs are left out."""
        generator = np.random.default_rng([self._seed, epoch])
        users, user_part, user_place = self._cut(generator, 0)
        items, item_part, item_place = self._cut(generator, 1)
        n_cells = self._parts[0] * self._parts[1]
        # The narrowest integer type lets the stable sort be a radix sort: linear in |B|.
        narrow = np.uint16 if n_cells <= 2**16 else np.int64
        cell = (user_part[self._user] * self._parts[1] + item_part[self._item]).astype(narrow)
        order = np.argsort(cell, kind="stable")
        ends = np.concatenate([[0], np.cumsum(np.bincount(cell, minlength=n_cells))])
        bounds = list(pairwise(ends.tolist()))
        blocks = tuple(
            Block(users[c // self._parts[1]], items[c % self._parts[1]], *bounds[c])
            for c in generator.permutation(n_cells).tolist()
            if bounds[c][1] - bounds[c][0] >= 2
        )
        return EpochPlan(order, blocks, user_place, item_place)

    def _cut(
        self, generator: np.random.Generator, axis: int
    ) -> tuple[list[IntArray], IntArray, IntArray]:
        """Members of each part; the part of each member, and its place in it."""
        parts = np.array_split(generator.permutation(self._shape[axis]), self._parts[axis])
        part_of = np.empty(self._shape[axis], dtype=np.int64)
        place_of = np.empty(self._shape[axis], dtype=np.int64)
        for k, members in enumerate(parts):
            part_of[members] = k
            place_of[members] = np.arange(len(members))
        return parts, part_of, place_of
