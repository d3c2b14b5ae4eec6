"""What every model shares: parameters by name, each [R, ...], gradients, copies, dropping of runs.

R is the number of runs, n of pairs, d of dimensions. A pair model also knows `score` (its value at
pairs), `score_grid` (at all pairs of some users and some items, row by row) and `accumulate`,
`accumulate_grid` (add the gradient of sum(slope * score), a vector-Jacobian product).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import torch
from torch import Tensor

NEVER_DECAYED = frozenset({"mu"})
CHUNK = 1 << 16  # pairs scored at once: bounds the memory of a pass over all ratings


class Stacked:
    """Parameters with a run axis; a subclass names them in `NAMES` and holds them as attributes."""

    NAMES: tuple[str, ...] = ()

    def parameters(self) -> dict[str, Tensor]:
        """Name to tensor, each [R, ...]."""
        held = {name: getattr(self, name) for name in self.NAMES}
        return {name: value for name, value in held.items() if value is not None}

    @classmethod
    def of(cls, parameters: Mapping[str, Tensor]) -> Self:
        """A model for scoring that shares the given parameters, as `parameters` names them."""
        model = cls.__new__(cls)
        for name in cls.NAMES:
            setattr(model, name, parameters.get(name))
        return model

    def copy(self) -> Self:
        """A model for scoring with copies of the parameters."""
        return self.of({name: value.clone() for name, value in self.parameters().items()})

    def with_gradients(self) -> Self:
        """This model, every parameter with a gradient of 0."""
        for parameter in self.parameters().values():
            parameter.grad = torch.zeros_like(parameter)
        return self

    def stored(self) -> dict[str, tuple[Tensor, Tensor]]:
        """What an optimizer steps: tensors with their gradients, by name, each [R, ...]."""
        return {name: (value, grad_of(value)) for name, value in self.parameters().items()}

    def settle(self) -> None:
        """Put right what an optimizer's step must not have changed."""

    def zero_grad(self) -> None:
        """Set every gradient to 0, in place."""
        torch._foreach_zero_([gradient for _, gradient in self.stored().values()])

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs, in this order."""
        for name, parameter in self.parameters().items():
            setattr(self, name, parameter.index_select(0, lanes))
        self.with_gradients()


class PairModel(Protocol):
    """A model of pairs, as the balancing weights and the nuisance models need it."""

    def score(self, user: Tensor, item: Tensor) -> Tensor:
        """Scores [R, n]; indices [n], or [R, n], one set each run."""

    def score_grid(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores of all pairs of users [a] and items [b], [R, a * b], row by row."""

    def accumulate(self, user: Tensor, item: Tensor, slope: Tensor) -> None:
        """Add d/dparameters of sum(slope * score); slope [R, n], indices [n]."""

    def accumulate_grid(self, users: Tensor, items: Tensor, slope: Tensor) -> None:
        """The same over a grid; slope [R, a * b]."""

    def parameters(self) -> dict[str, Tensor]:
        """Name to tensor, each [R, ...]."""

    def copy(self) -> Any:
        """A model for scoring with copies of the parameters."""

    def zero_grad(self) -> None:
        """Set every gradient to 0, in place."""

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs, in this order."""


def normal_tables(
    shapes: Sequence[tuple[tuple[int, ...], float]],
    seeds: Sequence[int],
    stream: int,
    dtype: torch.dtype,
    device: torch.device,
) -> list[Tensor]:
    """Normal tables [R, ...] of the given (shape, standard deviation), each run from its own seed.

    So a run starts the same alone and in company; `stream` keeps the models of one seed apart.
    Drawn in float64, so that dtype changes rounding only.
    """
    tables = [torch.empty(len(seeds), *shape, dtype=dtype, device=device) for shape, _ in shapes]
    for lane, seed in enumerate(seeds):
        generator = torch.Generator().manual_seed(seed * 16 + stream)
        for table, (shape, sd) in zip(tables, shapes, strict=True):
            drawn = torch.randn(*shape, generator=generator, dtype=torch.float64)
            table[lane] = drawn.mul_(sd)
    return tables


def rows_of(table: Tensor, index: Tensor) -> Tensor:
    """table [R, rows, ...] at index [n] or [R, n]: [R, n, ...]."""
    if index.dim() == 1:
        return table.index_select(1, index)
    if index.shape[0] == 1:
        return table.index_select(1, index[0])
    found = table.flatten(0, 1).index_select(0, _flat_rows(index, table.shape[1]))
    return found.view(*index.shape, *table.shape[2:])


def add_rows(table: Tensor, index: Tensor, values: Tensor) -> None:
    """table [R, rows, ...] += values [R, n, ...] at index [n] or [R, n]; repeated rows add up."""
    if table.shape[0] == 1:
        table[0].index_add_(0, index if index.dim() == 1 else index[0], values[0])
    elif index.dim() == 1:
        table.index_add_(1, index, values)
    else:
        flat = _flat_rows(index, table.shape[1])
        table.view(-1, *table.shape[2:]).index_add_(0, flat, values.flatten(0, 1))


def _flat_rows(index: Tensor, rows: int) -> Tensor:
    """index [R, n] of every run's own rows as rows of all runs' tables put under each other."""
    lanes = torch.arange(index.shape[0], device=index.device).unsqueeze(-1)
    return (lanes * rows + index).flatten()


def grad_of(parameter: Tensor) -> Tensor:
    """The gradient a model was made with."""
    assert parameter.grad is not None
    return parameter.grad
