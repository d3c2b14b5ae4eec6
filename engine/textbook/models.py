"""Models as modules under autograd, one run each, of embeddings as the released code has them."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

Size = tuple[int, int, int, torch.dtype]  # users, items, d


class Factors(nn.Module):
    """Matrix factorisation, score = P_u . Q_i + b_u + c_i, row by gathered row; biases [rows, 1].

    Factors pass a dropout of rate 0, as there.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        n_users, n_items, d, dtype = size
        self.P, self.Q = self.table(n_users, d, dtype), self.table(n_items, d, dtype)
        self.b, self.c = self.table(n_users, 1, dtype), self.table(n_items, 1, dtype)
        self.dropout = nn.Dropout(p=0)

    def table(self, rows: int, d: int, dtype: torch.dtype) -> nn.Module:
        """An embedding, drawn when a model is made, whatever is to be its state."""
        found = nn.Embedding(rows, d, dtype=dtype)
        nn.init.kaiming_normal_(found.weight, mode="fan_out")
        return found

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores [n]."""
        P, Q = self.dropout(self.P(user)), self.dropout(self.Q(item))
        product = torch.sum(P * Q, dim=1, keepdim=True)
        total: Tensor = product + self.b(user) + self.c(item)
        return total.squeeze(dim=-1)

    def named_tables(self) -> Iterable[tuple[str, Tensor]]:
        """What is learned, by name."""
        return self.named_parameters()


class Indexed(nn.Module):
    """A table that rows are indexed from; a buffer, so that any tensor may take its place."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.clone().requires_grad_())
        self.weight: Tensor

    def forward(self, index: Tensor) -> Tensor:
        """Rows [n, d]."""
        return self.weight[index]


class Movable(Factors):
    """The same, with tables that an assumed step can replace by what stays in the graph."""

    def table(self, rows: int, d: int, dtype: torch.dtype) -> nn.Module:
        """Drawn twice, as there: as an embedding, and once more in place."""
        found = Indexed(nn.Embedding(rows, d, dtype=dtype).weight.detach())
        nn.init.kaiming_normal_(found.weight, mode="fan_out")
        return found

    def named_tables(self) -> Iterable[tuple[str, Tensor]]:
        """What is learned, by name."""
        return self.named_buffers()

    def move(self, lr: float, gradients: Iterable[Tensor]) -> None:
        """Replace every table by itself less lr times its gradient."""
        for (name, held), gradient in zip(list(self.named_tables()), gradients, strict=True):
            module, what = name.split(".")
            setattr(self.get_submodule(module), what, held - lr * gradient)


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
