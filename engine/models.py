"""Models of a user-item pair, every parameter with a leading run axis.

A model knows three things, and training needs no more: `score` (its value), `accumulate` (adds the
gradient of a sum of scores, a vector-Jacobian product) and `parameters`. R is the number of runs,
n of pairs, d of dimensions. Pair indices are [n], shared by all runs, or [R, n], one set each run.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

NEVER_DECAYED = frozenset({"mu"})
CHUNK = 1 << 16  # pairs scored at once: bounds the memory of a pass over all ratings


class MatrixFactorization:
    """score(u, i) = mu + b_u + c_i + P_u . Q_i: mu [R, 1], b, c [R, rows], P, Q [R, rows, d].

    mu is there with `intercept` only. It escapes weight decay (`NEVER_DECAYED`): decay then pulls
    predictions towards the mean rating; without it, towards 0, which is a bias of its own.

    Every run is initialised from its own seed, so it starts the same alone and in company;
    `stream` keeps the prediction and the balancing model of one seed apart.
    """

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
        tables: list[list[Tensor]] = []
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed * 16 + stream)
            # Normal with variance 2 / rows (METHOD 7); drawn in float64 so that dtype changes
            # rounding only.
            tables.append(
                [
                    torch.randn(rows, d, generator=generator, dtype=torch.float64)
                    * (2.0 / rows) ** 0.5
                    for rows in shape
                ]
            )
        self.P, self.Q = (torch.stack(side).to(device, dtype) for side in zip(*tables, strict=True))
        if start_at_zero:  # all scores exactly 0, and still a gradient through Q
            self.P.zero_()
        self.b, self.c = (
            torch.zeros(len(seeds), rows, dtype=dtype, device=device) for rows in shape
        )
        self.mu = torch.zeros(len(seeds), 1, dtype=dtype, device=device) if intercept else None
        for parameter in self.parameters().values():
            parameter.grad = torch.zeros_like(parameter)

    @classmethod
    def of(cls, parameters: dict[str, Tensor]) -> MatrixFactorization:
        """A model for scoring that shares the given parameters, as `parameters` names them."""
        model = cls.__new__(cls)
        model.P, model.Q = parameters["P"], parameters["Q"]
        model.b, model.c, model.mu = parameters["b"], parameters["c"], parameters.get("mu")
        return model

    def parameters(self) -> dict[str, Tensor]:
        """Name to tensor, each [R, ...]."""
        held = {"P": self.P, "Q": self.Q, "b": self.b, "c": self.c}
        return held if self.mu is None else {**held, "mu": self.mu}

    def score(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores [R, n]."""
        if user.shape[-1] > CHUNK:
            pieces = zip(torch.split(user, CHUNK, -1), torch.split(item, CHUNK, -1), strict=True)
            return torch.cat([self.score(u, i) for u, i in pieces], dim=-1)
        dot = (_rows(self.P, user) * _rows(self.Q, item)).sum(-1)
        score = dot.add_(_rows(self.b, user)).add_(_rows(self.c, item))
        return score if self.mu is None else score.add_(self.mu)

    def score_all(self, users: slice) -> Tensor:
        """Scores of some users with every item, [R, users, items]."""
        biases = self.b[:, users, None] + self.c[:, None, :]
        if self.mu is not None:
            biases = biases + self.mu.unsqueeze(-1)
        return torch.baddbmm(biases, self.P[:, users], self.Q.transpose(1, 2))

    def accumulate(self, user: Tensor, item: Tensor, slope: Tensor) -> None:
        """Add d/dparameters of sum(slope * score) to every `.grad`; slope [R, n], indices [n]."""
        column = slope.unsqueeze(-1)
        _grad(self.P).index_add_(1, user, column * _rows(self.Q, item))
        _grad(self.Q).index_add_(1, item, column * _rows(self.P, user))
        _grad(self.b).index_add_(1, user, slope)
        _grad(self.c).index_add_(1, item, slope)
        if self.mu is not None:
            _grad(self.mu).add_(slope.sum(1, keepdim=True))

    def gradient(self, user: Tensor, item: Tensor, slope: Tensor) -> dict[str, Tensor]:
        """The gradient of sum(slope * score) by name; indices [n] or [R, n], one set each run."""
        index_user, index_item = (_lane_index(i, slope) for i in (user, item))
        column = slope.unsqueeze(-1)
        lanes = torch.arange(len(slope), device=slope.device).unsqueeze(-1)
        found = {name: torch.zeros_like(value) for name, value in self.parameters().items()}
        found["P"].index_put_((lanes, index_user), column * _rows(self.Q, item), accumulate=True)
        found["Q"].index_put_((lanes, index_item), column * _rows(self.P, user), accumulate=True)
        found["b"].index_put_((lanes, index_user), slope, accumulate=True)
        found["c"].index_put_((lanes, index_item), slope, accumulate=True)
        if self.mu is not None:
            found["mu"] += slope.sum(1, keepdim=True)
        return found

    def directional(self, v: dict[str, Tensor], user: Tensor, item: Tensor) -> Tensor:
        """Derivative of the scores in parameter direction v, [R, n]: <grad score, v>."""
        along = (_rows(v["P"], user) * _rows(self.Q, item)).sum(-1)
        along += (_rows(self.P, user) * _rows(v["Q"], item)).sum(-1)
        along += _rows(v["b"], user) + _rows(v["c"], item)
        return along + v["mu"] if self.mu is not None else along

    def moved(self, step: float) -> MatrixFactorization:
        """A copy at parameters + step * gradient."""
        return MatrixFactorization.of(
            {name: value + step * _grad(value) for name, value in self.parameters().items()}
        )

    def zero_grad(self) -> None:
        """Set every gradient to 0, in place."""
        for parameter in self.parameters().values():
            _grad(parameter).zero_()

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs, in this order."""
        for name, parameter in self.parameters().items():
            kept = parameter.index_select(0, lanes)
            kept.grad = torch.zeros_like(kept)
            setattr(self, name, kept)


def _rows(table: Tensor, index: Tensor) -> Tensor:
    """table [R, rows, ...] at index [n] or [R, n]: [R, n, ...]."""
    if index.dim() == 1:
        return table.index_select(1, index)
    lanes = torch.arange(len(table), device=table.device).unsqueeze(-1)
    return table[lanes, index]


def _lane_index(index: Tensor, like: Tensor) -> Tensor:
    return index.expand(len(like), -1) if index.dim() == 1 else index


def _grad(parameter: Tensor) -> Tensor:
    assert parameter.grad is not None
    return parameter.grad
