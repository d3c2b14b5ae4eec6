"""Rows of a matrix factorisation, (P_u, b_u, 1) and (Q_i, 1, c_i): made, taken apart, and kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor


class Direction(dict[str, Tensor]):
    """A direction in the parameters by name; of_users, of_items: it as rows, 0 for the ones."""

    def __init__(self, held: Mapping[str, Tensor], users: Tensor, items: Tensor) -> None:
        super().__init__(held)
        self.of_users, self.of_items = users, items


class Near(NamedTuple):
    """Rows of a model at some users and items, when its tables were of these versions."""

    users: Tensor
    items: Tensor
    at: tuple[int, int]
    rows: tuple[Tensor, Tensor]


def user_rows_of(P: Tensor, b: Tensor, one: float) -> Tensor:
    """(P_u, b_u, one) of every user, [R, rows, d + 2]."""
    return torch.cat([P, b.unsqueeze(-1), torch.full_like(b, one).unsqueeze(-1)], dim=-1)


def item_rows_of(Q: Tensor, c: Tensor, one: float) -> Tensor:
    """(Q_i, one, c_i) of every item, [R, rows, d + 2]."""
    return torch.cat([Q, torch.full_like(c, one).unsqueeze(-1), c.unsqueeze(-1)], dim=-1)


def parts_of(users: Tensor, items: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """P, b, Q, c as views of rows."""
    d = users.shape[-1] - 2
    return users[..., :d], users[..., d], items[..., :d], items[..., d + 1]


def direction_of(v: Mapping[str, Tensor]) -> Direction:
    """A direction by names, with its rows."""
    if isinstance(v, Direction):
        return v
    return Direction(v, user_rows_of(v["P"], v["b"], 0.0), item_rows_of(v["Q"], v["c"], 0.0))
