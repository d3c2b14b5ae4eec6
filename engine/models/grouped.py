"""Pairs in order of their user, or of their item: sums over each one's pairs without a scatter."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag


@dataclass(frozen=True)
class Grouped:
    """n pairs by one side. members [a]: those that have pairs; order [n] puts each one's pairs
    together, start [a] is where they begin there; other [n]: the pairs' other side, in that order.
    """

    members: Tensor
    order: Tensor
    start: Tensor
    other: Tensor

    @classmethod
    def of(cls, side: Tensor, other: Tensor) -> Grouped:
        """From both sides of the pairs, each [n]."""
        ordered, order = torch.sort(side, stable=True)
        members, count = torch.unique_consecutive(ordered, return_counts=True)
        return cls(members, order, count.cumsum(0) - count, other[order])

    def sums(self, table: Tensor, weight: Tensor) -> Tensor:
        """Sums over each member's pairs of weight [R, n] times the other side's rows, [R, a, .];
        table [R, rows, .] of the other side.
        """
        ordered = weight.index_select(1, self.order)
        lanes = [
            embedding_bag(self.other, rows, self.start, mode="sum", per_sample_weights=each)
            for rows, each in zip(table, ordered, strict=True)
        ]
        return torch.stack(lanes) if len(lanes) != 1 else lanes[0].unsqueeze(0)
