"""The map of single pairs: users by activity, items by popularity, as fine as a screen can show.

Both sides are in the order of the deciles, fewest ratings first, so that a cell of the 12 x 12 map
is a rectangle here. A part of the map of at most `SIDE` users and items has a cell a pair; larger
parts, and those of more than `CELLS` pairs, are cut into at most `BINS` x `BINS` bins, which show
the mean of their pairs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from engine.diagnostics import IntArray

SIDE = 400
BINS = 120
CELLS = 20_000
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Ranks:
    """Who and what stands where. user, item: the rank of each pair's, [n]; users, items: codes."""

    user: IntArray
    item: IntArray
    users: IntArray
    items: IntArray

    @classmethod
    def of(cls, pairs: pd.DataFrame) -> Ranks:
        """Ranks among the users and items that `pairs` has: by count, then by code."""
        user, users = _ranked(pairs["user"], pairs["user_activity"])
        item, items = _ranked(pairs["item"], pairs["item_popularity"])
        return cls(user, item, users, items)

    @property
    def whole(self) -> Box:
        """All of the map."""
        return 0, len(self.users), 0, len(self.items)

    def cell(self, pairs: pd.DataFrame, cell: tuple[int, int]) -> Box | None:
        """Where a cell of the 12 x 12 map lies; None where nobody or nothing is in such a group."""
        users = self.user[pairs["user_group"].to_numpy() == cell[0]]
        items = self.item[pairs["item_group"].to_numpy() == cell[1]]
        if not len(users) or not len(items):
            return None
        return int(users.min()), int(users.max()) + 1, int(items.min()), int(items.max()) + 1

    def clipped(self, box: Box, within: Box) -> Box:
        """The part of `box` that lies in `within`, a pair at least."""
        low = [min(max(box[k], within[k]), within[k + 1] - 1) for k in (0, 2)]
        high = [max(min(box[k + 1], within[k + 1]), low[k // 2] + 1) for k in (0, 2)]
        return low[0], high[0], low[1], high[1]


@dataclass(frozen=True)
class PairMap:
    """A part of the map. box: users from, to, items from, to, as ranks from 0, ends not included.

    within: all that can be zoomed out to, a cell of the 12 x 12 map or everything.
    step: users and items a bin; (1, 1) where every pair is a cell. pairs: how many there are in it.
    cells: one row a filled bin: row, column (from 0), user, item (its first ranks), pairs, weight
    (their mean), pair (its number in `Weights.pairs` where bins are pairs, else -1).
    """

    box: Box
    within: Box
    step: tuple[int, int]
    pairs: int
    cells: pd.DataFrame = field(repr=False)

    @property
    def single(self) -> bool:
        """Whether every cell is one pair."""
        return self.step == (1, 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, empty ones too."""
        rows, columns = ((self.box[2 * k + 1] - self.box[2 * k]) / self.step[k] for k in (0, 1))
        return int(np.ceil(rows)), int(np.ceil(columns))


def pair_map(ranks: Ranks, weight: np.ndarray, box: Box, within: Box) -> PairMap:
    """The pairs of positive weight in `box`, binned where it is large.

    Args:
        weight: [n], mean 1; 0 for pairs that are not shown.
    """
    sides = box[1] - box[0], box[3] - box[2]
    inside = (ranks.user >= box[0]) & (ranks.user < box[1]) & (weight > 0)
    here = np.flatnonzero(inside & (ranks.item >= box[2]) & (ranks.item < box[3]))
    fine = max(sides) <= SIDE and len(here) <= CELLS
    step = (1, 1) if fine else (-(-sides[0] // BINS), -(-sides[1] // BINS))
    columns = -(-sides[1] // step[1])
    row, column = (ranks.user[here] - box[0]) // step[0], (ranks.item[here] - box[2]) // step[1]
    place, first, code, count = np.unique(
        row * columns + column, return_index=True, return_inverse=True, return_counts=True
    )
    total = np.bincount(code, weights=weight[here], minlength=len(place))
    row, column = np.divmod(place, columns)
    cells = pd.DataFrame(
        {
            "row": row,
            "column": column,
            "user": box[0] + row * step[0],
            "item": box[2] + column * step[1],
            "pairs": count,
            "weight": total / np.maximum(count, 1),
            "pair": here[first] if step == (1, 1) else np.full(len(place), -1),
        }
    )
    return PairMap(box, within, step, len(here), cells)


def _ranked(code: pd.Series, count: pd.Series) -> tuple[IntArray, IntArray]:
    """The rank of each row's code by (count, code), and the codes in that order."""
    codes, first, inverse = np.unique(code.to_numpy(), return_index=True, return_inverse=True)
    order = np.argsort(count.to_numpy()[first], kind="stable")
    rank = np.empty(len(codes), dtype=np.int64)
    rank[order] = np.arange(len(codes))
    return rank[inverse], codes[order].astype(np.int64)
