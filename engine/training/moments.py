"""What the weights balance, column by column: x of every pair and its target (METHOD section 5).

e                 the paper's: the term's own value against (r_hat - r)^2 over U
e_by_popularity   the same within each third of the items by popularity
r                 the term's estimate of the mean label against r over U
mass              1/p against 1, which is known
user:F, item:F    a feature over p against its mean over D, which is known
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from engine.config import RunConfig, columns_of
from engine.config.moments import TERCILES
from engine.datasets.features import feature_of
from engine.datasets.ratings import Ratings
from engine.methods import Term

# Of a term's pairs [n], or how to write them down: for all pairs of a block only where needed.
Codes = Tensor | Callable[[], Tensor]


class Moments:
    """The moments of one config on one data set, as tensors.

    Raises:
        ConfigError: a feature that the data set does not have.
    """

    def __init__(
        self, config: RunConfig, ratings: Ratings, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.columns = columns_of(config.moments)
        count = np.bincount(ratings.biased.item, minlength=ratings.n_items)
        rank = np.argsort(np.argsort(count, kind="stable"), kind="stable")
        self._tercile = torch.as_tensor(rank * TERCILES // len(rank), device=device)
        self._feature: dict[str, tuple[str, Tensor, float]] = {}
        for name in config.moments:
            if ":" in name:
                side, values = feature_of(ratings, name)
                table = torch.as_tensor(values, dtype=dtype, device=device)
                self._feature[name] = (side, table, float(values.mean()))

    def of_term(self, term: Term, user: Codes, item: Codes) -> Tensor:
        """x [R, n, k]: what each pair adds to the left side per unit weight."""
        found = [self._of_term(column, term, user, item) for column in self.columns]
        return _stacked(found)

    def _of_term(self, column: str, term: Term, user: Codes, item: Codes) -> Tensor:
        if column == "e":
            return term.value
        if column.startswith("e_popularity"):
            return term.value * (self._tercile[_written(item)] == int(column[-1]) - 1)
        if column == "r":
            return term.labels.expand_as(term.value)
        if column == "mass":
            return term.scale.expand_as(term.value)
        side, table, _ = self._feature[column]
        code = _written(user if side == "user" else item)
        return (table[code] * term.scale).expand_as(term.value)

    def of_uniform(self, prediction: Tensor, label: Tensor, item: Tensor) -> Tensor:
        """The same of the uniform ratings, [R, m, k]; a known target is itself at every rating."""
        error = (prediction - label).square()
        found = []
        for column in self.columns:
            if column == "e":
                found.append(error)
            elif column.startswith("e_popularity"):
                found.append(error * (self._tercile[item] == int(column[-1]) - 1))
            elif column == "r":
                found.append(label.expand_as(error))
            else:
                known = 1.0 if column == "mass" else self._feature[column][2]
                found.append(torch.full_like(error, known))
        return _stacked(found)

    @property
    def known(self) -> list[int]:
        """The columns whose target is known exactly."""
        return [j for j, c in enumerate(self.columns) if c == "mass" or c in self._feature]


def _stacked(columns: list[Tensor]) -> Tensor:
    return torch.stack(columns, dim=-1) if len(columns) > 1 else columns[0].unsqueeze(-1)


def _written(codes: Codes) -> Tensor:
    return codes if isinstance(codes, Tensor) else codes()
