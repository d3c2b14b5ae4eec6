"""phi, all that is learned on the uniform ratings: propensity, imputed errors, AutoDebias' parts.

Each part is a raw score h of pairs, a map from h to the nuisance value that a term takes, and an
optimizer. Parts start where the method is the plain one: h = 0. `engine.training.phi_making` makes
those that a config learns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from engine.models import LevelTable, LinearModel, MatrixFactorization, Stacked, by_level
from engine.training.batch import Batch
from engine.training.optim import StackedOptimizer

OMEGA_SCALE = 5.0  # omega = exp(h / 5), as in AutoDebias

Values = dict[str, Tensor]
Sides = tuple[Values, Values]  # of B_k and of D_k


class PhiModel(Protocol):
    """One part of phi."""

    optimizer: StackedOptimizer

    @property
    def model(self) -> Stacked:
        """What h is made of."""

    def raw(self, batch: Batch) -> Tensor:
        """h of the batch's pairs."""

    def put(self, raw: Tensor, batch: Batch, observed: Values, everywhere: Values) -> None:
        """Add the nuisance values that h gives, by name."""

    def through(self, batch: Batch, values: Sides, slopes: Sides) -> Tensor:
        """From derivatives by the nuisance values of B_k and of D_k to that by h: the chain rule of
        `put`. Slopes are the caller's last use of them.
        """

    def accumulate(self, batch: Batch, slope: Tensor) -> None:
        """Add d/dparameters of sum(slope * h)."""

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs."""


@dataclass
class Propensity:
    """1/p with logit p = that of `base` + h(u, i); weight decay acts on h only.

    base: the logits that h is added to, [R or 1, n over B].
    """

    model: MatrixFactorization
    optimizer: StackedOptimizer
    base: Tensor
    p_min: float

    @cached_property
    def most(self) -> float:
        """1/p_min as training computes it."""
        return float(self.base.new_tensor(self.p_min).reciprocal())

    def raw(self, batch: Batch) -> Tensor:
        """h [R, n]."""
        return batch.rated(self.model)

    def put(self, raw: Tensor, batch: Batch, observed: Values, everywhere: Values) -> None:
        """1/p, p clipped at p_min, where its gradient ends."""
        p = torch.sigmoid(batch.own(self.base) + raw)
        observed["inverse_propensity"] = p.clamp(min=self.p_min).reciprocal()

    def through(self, batch: Batch, values: Sides, slopes: Sides) -> Tensor:
        """d(1/p)/dh = 1 - 1/p, and 0 where p is clipped."""
        inverse = values[0]["inverse_propensity"]
        found = slopes[0]["inverse_propensity"].mul_(1 - inverse)
        return found.masked_fill_(inverse >= self.most, 0.0)

    def accumulate(self, batch: Batch, slope: Tensor) -> None:
        """Through the factors."""
        batch.add_rated(self.model, slope)

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs."""
        if len(self.base) > 1:
            self.base = self.base.index_select(0, lanes)


@dataclass
class Imputation:
    """DR's g(u, i), which imputes r - r_hat, everywhere."""

    model: MatrixFactorization
    optimizer: StackedOptimizer

    def raw(self, batch: Batch) -> Tensor:
        """g of D_k."""
        assert batch.everything is not None
        return batch.everything.scores(self.model)

    def put(self, raw: Tensor, batch: Batch, observed: Values, everywhere: Values) -> None:
        """g of B_k and of D_k."""
        assert batch.everything is not None
        observed["imputation"] = raw.index_select(1, batch.everything.cell)
        everywhere["imputation"] = batch.everything.own(raw)

    def through(self, batch: Batch, values: Sides, slopes: Sides) -> Tensor:
        """g itself."""
        assert batch.everything is not None
        return batch.everything.joined(slopes[1]["imputation"], slopes[0]["imputation"])

    def accumulate(self, batch: Batch, slope: Tensor) -> None:
        """Through the factors."""
        assert batch.everything is not None
        batch.everything.accumulate(self.model, slope)

    def keep(self, lanes: Tensor) -> None:
        """Nothing beside the model."""


@dataclass
class OmegaObserved:
    """AutoDebias' weight of an observed pair, exp(h/5), h linear in user, item and label."""

    model: LinearModel
    optimizer: StackedOptimizer

    def raw(self, batch: Batch) -> Tensor:
        """h [R, n]."""
        return self.model.score(batch.user, batch.item, batch.level)

    def put(self, raw: Tensor, batch: Batch, observed: Values, everywhere: Values) -> None:
        """omega of B_k."""
        observed["omega"] = torch.exp(raw / OMEGA_SCALE)

    def through(self, batch: Batch, values: Sides, slopes: Sides) -> Tensor:
        """domega/dh = omega / 5."""
        return slopes[0]["omega"].mul_(values[0]["omega"]).div_(OMEGA_SCALE)

    def accumulate(self, batch: Batch, slope: Tensor) -> None:
        """Through the linear model."""
        self.model.accumulate(batch.user, batch.item, batch.level, slope)

    def keep(self, lanes: Tensor) -> None:
        """Nothing beside the model."""


@dataclass
class OmegaAll:
    """AutoDebias' weight of an imputed label, exp(h/5), h linear in user, item and what is seen."""

    model: LinearModel
    optimizer: StackedOptimizer

    def raw(self, batch: Batch) -> Tensor:
        """h of D_k."""
        assert batch.everything is not None
        return batch.everything.level_scores(self.model)

    def put(self, raw: Tensor, batch: Batch, observed: Values, everywhere: Values) -> None:
        """omega of D_k."""
        assert batch.everything is not None
        everywhere["omega"] = torch.exp(batch.everything.own(raw) / OMEGA_SCALE)

    def through(self, batch: Batch, values: Sides, slopes: Sides) -> Tensor:
        """domega/dh = omega / 5."""
        assert batch.everything is not None
        found = slopes[1]["omega"].mul_(values[1]["omega"]).div_(OMEGA_SCALE)
        return batch.everything.joined(found, None)

    def accumulate(self, batch: Batch, slope: Tensor) -> None:
        """Through the linear model."""
        assert batch.everything is not None
        batch.everything.level_accumulate(self.model, slope)

    def keep(self, lanes: Tensor) -> None:
        """Nothing beside the model."""


@dataclass
class Pseudo:
    """AutoDebias' imputed label m = sigmoid(base + h), h a table of missing, negative, positive.

    base [R, 1]: the logit of the positive share of U, the best constant known beforehand.
    """

    model: LevelTable
    optimizer: StackedOptimizer
    base: Tensor

    def raw(self, batch: Batch) -> Tensor:
        """h [R, 3]."""
        return self.model.a

    def put(self, raw: Tensor, batch: Batch, observed: Values, everywhere: Values) -> None:
        """m of D_k."""
        assert batch.everything is not None
        m = torch.sigmoid(self.base + raw)
        everywhere["pseudo"] = m.index_select(1, batch.everything.levels)

    def through(self, batch: Batch, values: Sides, slopes: Sides) -> Tensor:
        """dm/dh = m (1 - m), summed over the pairs of a level."""
        assert batch.everything is not None
        m = values[1]["pseudo"]
        return by_level(slopes[1]["pseudo"].mul_(m).mul_(1 - m), batch.everything.levels)

    def accumulate(self, batch: Batch, slope: Tensor) -> None:
        """Into the table."""
        assert self.model.a.grad is not None
        self.model.a.grad += slope

    def keep(self, lanes: Tensor) -> None:
        """Keep only these runs."""
        self.base = self.base.index_select(0, lanes)
