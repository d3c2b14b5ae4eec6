"""Models whose gradients lie in few rows of large tables: those of a batch of single pairs.

What a dense gradient would be 0 in is never written down, so a step costs what its batch costs,
whatever the number of users and items. `engine.training.rowwise` updates such models.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.models.factorisation import MatrixFactorization
from engine.models.grouped import Grouped
from engine.models.linear import LinearModel
from engine.models.stacked import add_rows, grad_of


class RowGradients:
    """The gradient of a table [R, rows, ...], by the rows it is not 0 in."""

    def __init__(self) -> None:
        self._added: list[tuple[Tensor, Tensor]] = []

    def add(self, index: Tensor, values: Tensor) -> None:
        """Add values [R, n, ...] at rows [n], which may repeat."""
        self._added.append((index, values))

    def clear(self) -> None:
        """Back to 0."""
        self._added.clear()

    def take(self) -> tuple[Tensor, Tensor] | None:
        """Rows [m] in order, each once, with their sums [R, m, ...]; back to 0. None of nothing."""
        if not self._added:
            return None
        index = torch.cat([rows for rows, _ in self._added])
        values = torch.cat([each for _, each in self._added], dim=1)
        self.clear()
        rows, place = torch.unique(index, return_inverse=True)
        summed = values.new_zeros(values.shape[0], len(rows), *values.shape[2:])
        add_rows(summed, place, values)
        return rows, summed


class Rowwise:
    """What an optimizer of rows needs of a model: its large tables, and their gradients.

    `ones` names the column of a table that is no parameter and stays 1.
    """

    row_gradients: dict[str, RowGradients]
    ones: Mapping[str, int] = {}

    def tables(self) -> dict[str, Tensor]:
        """The tables that are updated row by row, [R, rows, ...] each."""
        raise NotImplementedError


class RowwiseFactorization(MatrixFactorization, Rowwise):
    """`MatrixFactorization`, the gradients of its users and items row by row; mu's is dense."""

    ones: Mapping[str, int] = {"users": -1, "items": -2}

    def with_gradients(self) -> RowwiseFactorization:
        """This model, with gradients of 0."""
        self.row_gradients = {"users": RowGradients(), "items": RowGradients()}
        if self.mu is not None:
            self.mu.grad = torch.zeros_like(self.mu)
        return self

    def tables(self) -> dict[str, Tensor]:
        """The rows of users, (P_u, b_u, 1), and of items, (Q_i, 1, c_i)."""
        return {"users": self._users, "items": self._items}

    def stored(self) -> dict[str, tuple[Tensor, Tensor]]:
        """mu alone; the rest is in `tables`."""
        return {} if self.mu is None else {"mu": (self.mu, grad_of(self.mu))}

    def settle(
        self, users: Tensor | None = None, items: Tensor | None = None, one: float = 1.0
    ) -> None:
        """Of rows that are given; the model's own are put right as they are updated."""
        if users is not None and items is not None:
            super().settle(users, items, one)

    def zero_grad(self) -> None:
        """Set every gradient to 0."""
        for gradients in self.row_gradients.values():
            gradients.clear()
        if self.mu is not None:
            grad_of(self.mu).zero_()

    def accumulate(self, user: Tensor, item: Tensor, slope: Tensor) -> None:
        """Add the gradient of sum(slope * score); slope [R, n], indices [n]."""
        self.accumulate_grouped(Grouped.of(user, item), Grouped.of(item, user), slope)

    def accumulate_grouped(self, by_user: Grouped, by_item: Grouped, slope: Tensor) -> None:
        """The same of pairs put in order of either side."""
        users, items = self.row_gradients["users"], self.row_gradients["items"]
        users.add(by_user.members, by_user.sums(self._items, slope))
        items.add(by_item.members, by_item.sums(self._users, slope))
        if self.mu is not None:
            grad_of(self.mu).add_(slope.sum(1, keepdim=True))

    def part(self, users: Tensor, items: Tensor) -> MatrixFactorization:
        """A small model of some rows, copies, with dense gradients of 0."""
        model = MatrixFactorization.__new__(MatrixFactorization)
        mu = None if self.mu is None else self.mu.clone()
        model._hold(self.user_rows(users), self.item_rows(items), mu)
        return model.with_gradients()


class RowwiseLinear(LinearModel, Rowwise):
    """`LinearModel`, the gradients of b and c row by row; that of the levels is dense."""

    def with_gradients(self) -> RowwiseLinear:
        """This model, with gradients of 0."""
        self.row_gradients = {"b": RowGradients(), "c": RowGradients()}
        self.a.grad = torch.zeros_like(self.a)
        return self

    def tables(self) -> dict[str, Tensor]:
        """b of users and c of items."""
        return {"b": self.b, "c": self.c}

    def stored(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The levels alone; the rest is in `tables`."""
        return {"a": (self.a, grad_of(self.a))}

    def accumulate(self, user: Tensor, item: Tensor, level: Tensor, slope: Tensor) -> None:
        """Add the gradient of sum(slope * score); slope [R, n]."""
        self.row_gradients["b"].add(user, slope)
        self.row_gradients["c"].add(item, slope)
        grad_of(self.a).index_add_(1, level, slope)
