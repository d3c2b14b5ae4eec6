"""Matrix factorisation: score(u, i) = mu + b_u + c_i + P_u . Q_i.

Stored as rows (P_u, b_u, 1) and (Q_i, 1, c_i), whose product is the score but for mu. So one gather
or one matrix product of each side gives scores, and its transpose the gradients of P and b (Q and
c) together; what it says of the ones is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import pad

from engine.models.pairs import add_gradients, products
from engine.models.rows import Direction, Near, direction_of, item_rows_of, parts_of, user_rows_of
from engine.models.stacked import Stacked, add_rows, grad_of, normal_tables, rows_of


class MatrixFactorization(Stacked):
    """score(u, i) = mu + b_u + c_i + P_u . Q_i: mu [R, 1], b, c [R, rows], P, Q [R, rows, d].

    mu is there with `intercept` only. It escapes weight decay (`NEVER_DECAYED`): decay then pulls
    predictions towards the mean rating; without it, towards 0, which is a bias of its own.
    Embeddings start normal with variance 2 / rows (METHOD 7), biases at 0; with `start_at_zero`
    P starts at 0 too: all scores exactly 0, and still a gradient through Q.
    """

    NAMES = ("P", "Q", "b", "c", "mu")
    P: Tensor
    Q: Tensor
    b: Tensor
    c: Tensor
    mu: Tensor | None

    def __init__(
        self,
        shape: tuple[int, int],
        d: int,
        seeds: Sequence[int],
        dtype: torch.dtype,
        device: torch.device,
        *,
        stream: int = 0,
        intercept: bool = False,
        start_at_zero: bool = False,
    ) -> None:
        tables = [((rows, d), (2.0 / rows) ** 0.5) for rows in shape]
        P, Q = normal_tables(tables, seeds, stream, dtype, device)
        if start_at_zero:
            P.zero_()
        mu = torch.zeros(len(seeds), 1, dtype=dtype, device=device) if intercept else None
        # Ones at the end, where b and c are 0: (P, 0, 1) and (Q, 1, 0).
        self._hold(pad(P, (0, 2)), pad(Q, (0, 2)), mu)
        self.settle(self._users, self._items)
        self.with_gradients()

    def _hold(self, users: Tensor, items: Tensor, mu: Tensor | None) -> None:
        """Take rows as the parameters, which are views of them."""
        self._users, self._items, self.mu = users, items, mu
        self.P, self.b, self.Q, self.c = parts_of(users, items)
        self._ones = users[..., -1], items[..., -2]
        self._near: Near | None = None

    @classmethod
    def of(cls, parameters: Mapping[str, Tensor]) -> Self:
        """A model for scoring at the given parameters, as `parameters` names them; rows copied."""
        model = cls.__new__(cls)
        model._users = user_rows_of(parameters["P"], parameters["b"], 1.0)
        model._items = item_rows_of(parameters["Q"], parameters["c"], 1.0)
        model._near = None
        for name in cls.NAMES:
            setattr(model, name, parameters.get(name))
        return model

    def copy(self) -> Self:
        """A model for scoring with copies of the rows."""
        model = type(self).__new__(type(self))
        mu = None if self.mu is None else self.mu.clone()
        model._hold(self._users.clone(), self._items.clone(), mu)
        return model

    def with_gradients(self) -> Self:
        """This model, every parameter with a gradient of 0."""
        self._users_grad, self._items_grad = (
            torch.zeros_like(rows) for rows in (self._users, self._items)
        )
        slopes = parts_of(self._users_grad, self._items_grad)
        for value, slope in zip((self.P, self.b, self.Q, self.c), slopes, strict=True):
            value.grad = slope
        if self.mu is not None:
            self.mu.grad = torch.zeros_like(self.mu)
        return self

    def stored(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The rows of users and of items, and mu, each with its gradient."""
        held = {
            "users": (self._users, self._users_grad),
            "items": (self._items, self._items_grad),
        }
        return held if self.mu is None else {**held, "mu": (self.mu, grad_of(self.mu))}

    def settle(
        self, users: Tensor | None = None, items: Tensor | None = None, one: float = 1.0
    ) -> None:
        """Ones are no parameters: whatever a step made of them, they are 1 (of directions, 0)."""
        of_users, of_items = self._ones
        (of_users if users is None else users.select(-1, -1)).fill_(one)
        (of_items if items is None else items.select(-1, -2)).fill_(one)

    def user_rows(self, index: Tensor) -> Tensor:
        """(P_u, b_u, 1) at index [n] or [R, n], [R, n, d + 2]."""
        return rows_of(self._users, index)

    def item_rows(self, index: Tensor) -> Tensor:
        """(Q_i, 1, c_i) at index [n] or [R, n], [R, n, d + 2]."""
        return rows_of(self._items, index)

    def corner(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """`user_rows` and `item_rows` of a block, to read only: kept until it is another block's
        turn or the rows change, as a block asks for them several times.
        """
        now = self._users._version, self._items._version
        near = self._near
        if near is None or near.users is not users or near.items is not items or near.at != now:
            rows = self._users.index_select(1, users), self._items.index_select(1, items)
            near = self._near = Near(users, items, now, rows)
        return near.rows

    @property
    def rows(self) -> tuple[Tensor, Tensor]:
        """(P_u, b_u, 1) of all users and (Q_i, 1, c_i) of all items, [R, rows, d + 2]."""
        return self._users, self._items

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs, in this order."""
        mu = None if self.mu is None else self.mu.index_select(0, lanes)
        self._hold(self._users.index_select(0, lanes), self._items.index_select(0, lanes), mu)
        self.with_gradients()

    def score(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores [R, n], indices [n] or [R, n]."""
        score = products(self._users, self._items, user, item)
        return score if self.mu is None else score.add_(self.mu)

    def score_grid(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores of users [a] with items [b], [R, a * b], row by row: one matrix product."""
        left, right = self.corner(users, items)
        score = torch.bmm(left, right.transpose(1, 2)).flatten(1)
        return score if self.mu is None else score.add_(self.mu)

    def score_all(self, users: slice) -> Tensor:
        """Scores of some users with every item, [R, users, items]."""
        score = self._users[:, users] @ self._items.transpose(1, 2)
        return score if self.mu is None else score.add_(self.mu.unsqueeze(-1))

    def accumulate(self, user: Tensor, item: Tensor, slope: Tensor) -> None:
        """Add d/dparameters of sum(slope * score) to every `.grad`; slope [R, n], indices [n], or
        [R, n], one set each run.
        """
        to = self._users_grad, self._items_grad
        add_gradients((self._users, self._items), user, item, slope, to)
        if self.mu is not None:
            grad_of(self.mu).add_(slope.sum(1, keepdim=True))

    add_gradient = accumulate

    def accumulate_grid(self, users: Tensor, items: Tensor, slope: Tensor) -> None:
        """The same over a grid, as matrix products G Q and G' P; slope [R, a * b]."""
        G = slope.view(-1, users.shape[0], items.shape[0])
        left, right = self.corner(users, items)
        _add_product(self._users_grad, users, G, right)
        _add_product(self._items_grad, items, G.transpose(1, 2), left)
        if self.mu is not None:
            grad_of(self.mu).add_(slope.sum(1, keepdim=True))

    def gradient(self, user: Tensor, item: Tensor, slope: Tensor) -> Direction:
        """The gradient of sum(slope * score); indices [n] or [R, n], one set each run."""
        users, items = torch.zeros_like(self._users), torch.zeros_like(self._items)
        add_gradients((self._users, self._items), user, item, slope, (users, items))
        self.settle(users, items, 0.0)
        P, b, Q, c = parts_of(users, items)
        held = {"P": P, "Q": Q, "b": b, "c": c}
        if self.mu is not None:
            held["mu"] = slope.sum(1, keepdim=True)
        return Direction(held, users, items)

    def directional(self, v: Mapping[str, Tensor], user: Tensor, item: Tensor) -> Tensor:
        """Derivative of the scores in parameter direction v, [R, n]: <grad score, v>."""
        way = direction_of(v)
        along = products(way.of_users, self._items, user, item)
        along += products(self._users, way.of_items, user, item)
        return along if self.mu is None else along.add_(way["mu"])

    def moved(self, step: float) -> MatrixFactorization:
        """A model for scoring at parameters + step * gradient."""
        model = MatrixFactorization.__new__(MatrixFactorization)
        mu = None if self.mu is None else torch.add(self.mu, grad_of(self.mu), alpha=step)
        model._hold(
            torch.add(self._users, self._users_grad, alpha=step),
            torch.add(self._items, self._items_grad, alpha=step),
            mu,
        )
        model.settle()
        return model

    def replaced(
        self, users: Tensor, items: Tensor, rows: tuple[Tensor, Tensor], mu: Tensor | None
    ) -> MatrixFactorization:
        """A model for scoring with other rows at some users and items, and another mu."""
        model = MatrixFactorization.__new__(MatrixFactorization)
        of_users = self._users.index_copy(1, users, rows[0])
        model._hold(of_users, self._items.index_copy(1, items, rows[1]), mu)
        return model

    def items(self, n: int) -> MatrixFactorization:
        """A view for scoring of the first n items."""
        model = MatrixFactorization.__new__(MatrixFactorization)
        model._hold(self._users, self._items[:, :n], self.mu)
        return model


def _add_product(table: Tensor, index: Tensor, left: Tensor, right: Tensor) -> None:
    """table [R, rows, d] += left @ right at index [a], each row once."""
    if table.shape[0] > 1:
        add_rows(table, index, torch.bmm(left, right))
    else:  # a short way, as calls take longer than sums
        table.index_copy_(1, index, torch.baddbmm(table.index_select(1, index), left, right))
