"""What is seen of any pair of D: 0 missing, 1 negative, 2 positive; D itself is never written."""

from __future__ import annotations

import torch
from torch import Tensor


class Levels:
    """The observed pairs in order, to find others among them."""

    def __init__(self, user: Tensor, item: Tensor, level: Tensor, n_items: int) -> None:
        self._n_items = n_items
        self._code, order = torch.sort(user * n_items + item)
        self._level = level[order]

    def of(self, user: Tensor, item: Tensor) -> Tensor:
        """The level of each pair [n]: that of the observed pair it is, else 0."""
        pair = user * self._n_items + item
        place = torch.searchsorted(self._code, pair).clamp_(max=len(self._code) - 1)
        return torch.where(self._code[place] == pair, self._level[place], 0).int()
