"""An optimizer that updates the rows a batch has touched, and looks at no others.

A step costs what its batch costs. Each row is an optimizer of its own: moments and bias correction
count the steps in which it had a gradient ("lazy" Adam; torch's SparseAdam counts all steps). In a
dense Adam the moments of other rows fade meanwhile and still move them; here they wait.

Decoupled decay (adamw, sgd) does not wait: it is (1 - lr * decay) a step for every row of a dense
optimizer, so a row catches up on those it has missed before it is next looked at, and sgd gives
the dense optimizer's numbers. Coupled decay (adam) is part of a gradient and comes with a row's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.models import Stacked
from engine.models.rowwise import Rowwise
from engine.training.optim import BETAS, EPSILON, MOMENTS, OptimizerName, StackedOptimizer

SHARED = ("count", "seen")  # of a table's rows, [rows]: the same for all runs of a group


class RowOptimizer(StackedOptimizer):
    """Row by row for the tables of a `Rowwise` model, as its base for the rest of it.

    count: steps in which a row had a gradient. seen: the step up to which it has been decayed.
    """

    def __init__(self, model: Stacked, name: OptimizerName, lr: float, weight_decay: float) -> None:
        assert isinstance(model, Rowwise)
        super().__init__(model, name, lr, weight_decay)
        self._tables: Rowwise = model
        for n, table in model.tables().items():
            if name != "sgd":
                self._held |= {f"{n}.{moment}": torch.zeros_like(table) for moment in MOMENTS}
            for what in SHARED:
                zeros = torch.zeros(table.shape[1], dtype=torch.int32, device=table.device)
                self._held[f"{n}.{what}"] = zeros
        self._held["now"] = torch.zeros((), dtype=torch.int64)
        self._shrink = 1.0 if name == "adam" else 1 - lr * weight_decay

    def catch_up(self, rows: Mapping[str, Tensor] | None = None) -> None:
        """Decay rows [n] of some tables, or all rows of all, for the steps they have missed."""
        now = int(self._held["now"])
        if self._shrink == 1.0 or not now:
            return
        for n, table in self._tables.tables().items():
            seen = self._held[f"{n}.seen"]
            if rows is None:
                self._decay(n, table, now - seen)
                seen.fill_(now)
            elif n in rows:
                some = table.index_select(1, rows[n])
                self._decay(n, some, now - seen[rows[n]])
                table.index_copy_(1, rows[n], some)
                seen[rows[n]] = now

    def _decay(self, name: str, rows: Tensor, missed: Tensor) -> None:
        rows.mul_(_along(self._shrink ** missed.to(rows.dtype), rows))
        self._settle(name, rows)

    def _settle(self, name: str, rows: Tensor) -> None:
        if name in self._tables.ones:
            rows[..., self._tables.ones[name]] = 1.0

    def step(self) -> None:
        """Update every row that has a gradient; the batch's rows have caught up before."""
        super().step()
        self._held["now"] += 1
        for name, gradients in self._tables.row_gradients.items():
            taken = gradients.take()
            if taken is not None:
                self._update(name, self._tables.tables()[name], *taken)

    def _update(self, name: str, table: Tensor, rows: Tensor, gradient: Tensor) -> None:
        value = table.index_select(1, rows)
        if self._name == "adam":
            gradient.add_(value, alpha=self._decay_rate)
        else:
            value.mul_(self._shrink)
        if self._name == "sgd":
            value.add_(gradient, alpha=-self._lr)
        else:
            value -= self._lr * self._adam_direction(name, rows, gradient)
        self._settle(name, value)
        table.index_copy_(1, rows, value)
        self._held[f"{name}.seen"][rows] = int(self._held["now"])

    def _adam_direction(self, name: str, rows: Tensor, gradient: Tensor) -> Tensor:
        """m / (1 - b1^k) / (sqrt(v / (1 - b2^k)) + eps), k the row's own steps."""
        first, second = (self._held[f"{name}.{moment}"] for moment in MOMENTS)
        m, v = first.index_select(1, rows), second.index_select(1, rows)
        m.lerp_(gradient, 1 - BETAS[0])
        v.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        first.index_copy_(1, rows, m)
        second.index_copy_(1, rows, v)
        count = self._held[f"{name}.count"]
        count[rows] += 1
        k = count[rows].to(gradient.dtype)
        scale = _along((1 - BETAS[1] ** k).sqrt(), v)
        return m.mul_(_along(1 / (1 - BETAS[0] ** k), m)).div_(v.sqrt_().div_(scale).add_(EPSILON))

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs; call after the model's `keep` has replaced its tensors."""
        shared = {k: v for k, v in self._held.items() if k.endswith(SHARED)}
        super().keep(lanes)
        self._held |= shared


def optimizer_of(
    model: Stacked, name: OptimizerName, lr: float, weight_decay: float
) -> StackedOptimizer:
    """The optimizer that suits a model: row by row, or of all of it at once."""
    kind = RowOptimizer if isinstance(model, Rowwise) else StackedOptimizer
    return kind(model, name, lr, weight_decay)


def _along(of_rows: Tensor, table: Tensor) -> Tensor:
    """[n] as a factor of [R, n] or [R, n, width]."""
    return of_rows.unsqueeze(-1) if table.dim() == 3 else of_rows
