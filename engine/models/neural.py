"""Neural collaborative filtering (He et al. 2017), the paper's other balancing model (Table 4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.models.stacked import CHUNK, Stacked, grad_of, normal_tables, rows_of


class NeuralCollaborativeFiltering(Stacked):
    """score(u, i) = v . relu(A P_u + B Q_i): embeddings joined, one ReLU layer, no biases.

    P, Q [R, rows, d]; A, B [R, d, d], the halves of the layer's matrix; v [R, d], which starts at
    0, so that all scores are exactly 0 and the first gradient reaches v.
    """

    NAMES = ("P", "Q", "A", "B", "v")

    def __init__(
        self,
        shape: tuple[int, int],
        d: int,
        seeds: Sequence[int],
        dtype: torch.dtype,
        device: torch.device,
        *,
        stream: int = 0,
    ) -> None:
        # He initialisation of the layer; embeddings of unit scale, as its input.
        tables = [((rows, d), 1.0) for rows in shape] + [((d, d), d**-0.5)] * 2
        self.P, self.Q, self.A, self.B = normal_tables(tables, seeds, stream, dtype, device)
        self.v = torch.zeros(len(seeds), d, dtype=dtype, device=device)
        self.with_gradients()

    def score(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores [R, n]; indices [n] or [R, n]."""
        if user.shape[-1] > CHUNK:
            pieces = zip(torch.split(user, CHUNK, -1), torch.split(item, CHUNK, -1), strict=True)
            return torch.cat([self.score(u, i) for u, i in pieces], dim=-1)
        hidden = rows_of(self.P @ self.A, user) + rows_of(self.Q @ self.B, item)
        return torch.einsum("rnd,rd->rn", hidden.relu(), self.v)

    def score_grid(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores of all pairs of users [a] and items [b], [R, a * b], some users at a time."""
        left = self.P.index_select(1, users) @ self.A
        right = self.Q.index_select(1, items) @ self.B
        step = max(1, CHUNK // len(items))
        rows = [
            torch.einsum(
                "rabd,rd->rab", (part.unsqueeze(2) + right.unsqueeze(1)).relu(), self.v
            ).flatten(1)
            for part in torch.split(left, step, 1)
        ]
        return torch.cat(rows, dim=1)

    def accumulate(self, user: Tensor, item: Tensor, slope: Tensor) -> None:
        """Add d/dparameters of sum(slope * score) to every `.grad`; slope [R, n]."""
        self._backward(lambda model: model.score(user, item), slope)

    def accumulate_grid(self, users: Tensor, items: Tensor, slope: Tensor) -> None:
        """The same over a grid; slope [R, a * b]."""
        self._backward(lambda model: model.score_grid(users, items), slope)

    def _backward(
        self, scores: Callable[[NeuralCollaborativeFiltering], Tensor], slope: Tensor
    ) -> None:
        held = self.parameters()
        with torch.enable_grad():
            leaves = {name: value.detach().requires_grad_() for name, value in held.items()}
            found = torch.autograd.grad(scores(self.of(leaves)), list(leaves.values()), slope)
        for parameter, gradient in zip(held.values(), found, strict=True):
            grad_of(parameter).add_(gradient)
