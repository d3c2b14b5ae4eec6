"""Matrix factorisation: score(u, i) = mu + b_u + c_i + P_u . Q_i."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from engine.models.stacked import CHUNK, Stacked, add_rows, grad_of, normal_tables, rows_of


class MatrixFactorization(Stacked):
    """score(u, i) = mu + b_u + c_i + P_u . Q_i: mu [R, 1], b, c [R, rows], P, Q [R, rows, d].

    mu is there with `intercept` only. It escapes weight decay (`NEVER_DECAYED`): decay then pulls
    predictions towards the mean rating; without it, towards 0, which is a bias of its own.
    Embeddings start normal with variance 2 / rows (METHOD 7), biases at 0; with `start_at_zero`
    P starts at 0 too: all scores exactly 0, and still a gradient through Q.
    """

    NAMES = ("P", "Q", "b", "c", "mu")

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
        self.P, self.Q = normal_tables(tables, seeds, stream, dtype, device)
        if start_at_zero:
            self.P.zero_()
        self.b, self.c = (
            torch.zeros(len(seeds), rows, dtype=dtype, device=device) for rows in shape
        )
        self.mu = torch.zeros(len(seeds), 1, dtype=dtype, device=device) if intercept else None
        self.with_gradients()

    def score(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores [R, n]."""
        if user.shape[-1] > CHUNK:
            pieces = zip(torch.split(user, CHUNK, -1), torch.split(item, CHUNK, -1), strict=True)
            return torch.cat([self.score(u, i) for u, i in pieces], dim=-1)
        dot = (rows_of(self.P, user) * rows_of(self.Q, item)).sum(-1)
        score = dot.add_(rows_of(self.b, user)).add_(rows_of(self.c, item))
        return score if self.mu is None else score.add_(self.mu)

    def score_grid(self, users: Tensor, items: Tensor) -> Tensor:
        """P Q' + b 1' + 1 c' + mu of users [a] and items [b], [R, a * b], row by row."""
        offset = self.b.index_select(1, users).unsqueeze(2) + self.c.index_select(
            1, items
        ).unsqueeze(1)
        if self.mu is not None:
            offset += self.mu.unsqueeze(-1)
        P, Q = self.P.index_select(1, users), self.Q.index_select(1, items)
        return torch.baddbmm(offset, P, Q.transpose(1, 2)).flatten(1)

    def score_all(self, users: slice) -> Tensor:
        """Scores of some users with every item, [R, users, items]."""
        biases = self.b[:, users, None] + self.c[:, None, :]
        if self.mu is not None:
            biases = biases + self.mu.unsqueeze(-1)
        return torch.baddbmm(biases, self.P[:, users], self.Q.transpose(1, 2))

    def accumulate(self, user: Tensor, item: Tensor, slope: Tensor) -> None:
        """Add d/dparameters of sum(slope * score) to every `.grad`; slope [R, n], indices [n]."""
        self._add(dict(self._grads()), user, item, slope)

    def _grads(self) -> Iterator[tuple[str, Tensor]]:
        return ((name, grad_of(value)) for name, value in self.parameters().items())

    def _add(self, into: dict[str, Tensor], user: Tensor, item: Tensor, slope: Tensor) -> None:
        """Gradient of sum(slope * score), added to tensors by name; indices [n] or [R, n]."""
        column = slope.unsqueeze(-1)
        add_rows(into["P"], user, column * rows_of(self.Q, item))
        add_rows(into["Q"], item, column * rows_of(self.P, user))
        add_rows(into["b"], user, slope)
        add_rows(into["c"], item, slope)
        if self.mu is not None:
            into["mu"] += slope.sum(1, keepdim=True)

    def accumulate_grid(self, users: Tensor, items: Tensor, slope: Tensor) -> None:
        """The same over a grid, as matrix products G Q and G' P; slope [R, a * b]."""
        G = slope.view(len(slope), len(users), len(items))
        P, Q = self.P.index_select(1, users), self.Q.index_select(1, items)
        grad_of(self.P).index_add_(1, users, G @ Q)
        grad_of(self.Q).index_add_(1, items, G.transpose(1, 2) @ P)
        grad_of(self.b).index_add_(1, users, G.sum(2))
        grad_of(self.c).index_add_(1, items, G.sum(1))
        if self.mu is not None:
            grad_of(self.mu).add_(slope.sum(1, keepdim=True))

    def gradient(self, user: Tensor, item: Tensor, slope: Tensor) -> dict[str, Tensor]:
        """The gradient of sum(slope * score) by name; indices [n] or [R, n], one set each run."""
        found = {name: torch.zeros_like(value) for name, value in self.parameters().items()}
        self._add(found, user, item, slope)
        return found

    def add_gradient(self, user: Tensor, item: Tensor, slope: Tensor) -> None:
        """Add `gradient` to every `.grad`: `accumulate` for pairs [R, n] of each run's own."""
        self._add(dict(self._grads()), user, item, slope)

    def directional(self, v: dict[str, Tensor], user: Tensor, item: Tensor) -> Tensor:
        """Derivative of the scores in parameter direction v, [R, n]: <grad score, v>."""
        along = (rows_of(v["P"], user) * rows_of(self.Q, item)).sum(-1)
        along += (rows_of(self.P, user) * rows_of(v["Q"], item)).sum(-1)
        along += rows_of(v["b"], user) + rows_of(v["c"], item)
        return along + v["mu"] if self.mu is not None else along

    def directional_grid(self, v: dict[str, Tensor], users: Tensor, items: Tensor) -> Tensor:
        """The same over a grid, V_P Q' + P V_Q' + v_b 1' + 1 v_c' + v_mu, [R, a * b]."""
        along = v["b"].index_select(1, users).unsqueeze(2) + v["c"].index_select(
            1, items
        ).unsqueeze(1)
        if self.mu is not None:
            along += v["mu"].unsqueeze(-1)
        P, Q = self.P.index_select(1, users), self.Q.index_select(1, items)
        VP, VQ = v["P"].index_select(1, users), v["Q"].index_select(1, items)
        along.baddbmm_(VP, Q.transpose(1, 2)).baddbmm_(P, VQ.transpose(1, 2))
        return along.flatten(1)

    def moved(self, step: float) -> MatrixFactorization:
        """A copy at parameters + step * gradient."""
        return MatrixFactorization.of(
            {
                name: torch.add(value, grad_of(value), alpha=step)
                for name, value in self.parameters().items()
            }
        )

    def items(self, n: int) -> MatrixFactorization:
        """A view for scoring of the first n items."""
        return MatrixFactorization.of(self.parameters() | {"Q": self.Q[:, :n], "c": self.c[:, :n]})
