"""Models as modules under autograd, one run each, of embeddings as the released code has them."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Factors(nn.Module):
    """Matrix factorisation, score = P_u . Q_i + b_u + c_i, row by gathered row; biases [rows, 1].

    Embeddings are drawn when a model is made, a fresh one-step model's too, and then overwritten.
    """

    def __init__(self, n_users: int, n_items: int, d: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.size = (n_users, n_items, d, dtype)
        self.P = nn.Embedding(n_users, d, dtype=dtype)
        self.Q = nn.Embedding(n_items, d, dtype=dtype)
        self.b = nn.Embedding(n_users, 1, dtype=dtype)
        self.c = nn.Embedding(n_items, 1, dtype=dtype)
        for table in (self.P, self.Q, self.b, self.c):
            nn.init.kaiming_normal_(table.weight, mode="fan_out")

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores [n]."""
        return score(dict(self.named_parameters()), user, item)

    def fresh(self) -> Factors:
        """Another model of the same state: what an assumed step moves."""
        other = Factors(*self.size)
        other.load_state_dict(self.state_dict())
        return other


def score(tables: Mapping[str, Tensor], user: Tensor, item: Tensor) -> Tensor:
    """Scores [n] of factors given by name."""
    P, Q = tables["P.weight"][user], tables["Q.weight"][item]
    b, c = tables["b.weight"][user], tables["c.weight"][item]
    return (torch.sum(P * Q, dim=1, keepdim=True) + b + c).squeeze(-1)


class Linear(nn.Module):
    """score = b_u + c_i + a_level."""

    def __init__(self, n_users: int, n_items: int, levels: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.b, self.c, self.a = (
            nn.Embedding(rows, 1, dtype=dtype) for rows in (n_users, n_items, levels)
        )

    def forward(self, user: Tensor, item: Tensor, level: Tensor) -> Tensor:
        """Scores [n]."""
        total: Tensor = self.b(user) + self.c(item) + self.a(level)
        return total.squeeze(-1)


class Table(nn.Module):
    """score = a_level."""

    def __init__(self, levels: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.a = nn.Embedding(levels, 1, dtype=dtype)

    def forward(self, level: Tensor) -> Tensor:
        """Scores [n]."""
        found: Tensor = self.a(level)
        return found.squeeze(-1)
