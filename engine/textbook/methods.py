"""IPS, DR and AutoDebias as lists of losses pair by pair, all under autograd."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from engine.config import RunConfig
from engine.textbook.data import Block, Observed
from engine.textbook.models import Factors, Linear, Movable, Table

Predict = Callable[[Tensor, Tensor], Tensor]
Given = tuple[Tensor, ...]
Losses = dict[str, Tensor]  # support -> the value of its term at each pair
LEVELS = 3


def squared(prediction: Tensor, label: Tensor) -> Tensor:
    """(r_hat - r)^2 pair by pair."""
    return mse_loss(prediction, label, reduction="none")


class Phi(nn.Module):
    """What a method learns on the uniform ratings, and its losses.

    predictor: the kind of model it predicts with. anew: whether the losses are found again for
    every block of weights, or once for both; the released code has either.
    """

    predictor: type[Factors] = Factors
    anew = True

    def __init__(self, config: RunConfig, data: Observed) -> None:
        super().__init__()
        self.config, self.data = config, data
        self.dtype: torch.dtype = getattr(torch, config.dtype)

    def given(self, block: Block) -> Given:
        """What is found once for phi's step on a block, and once after it, for all that follows."""
        raise NotImplementedError

    def losses(self, predict: Predict, block: Block, given: Given) -> Losses:
        """|D| times the estimate as sums over pairs: e/p on B, imputed errors on D."""
        raise NotImplementedError


class IPS(Phi):
    """e/p on B, p fixed or learned."""

    def __init__(self, config: RunConfig, data: Observed) -> None:
        super().__init__(config, data)
        if config.propensity == "bilevel":
            self.propensity = Factors((*data.shape, config.propensity_dim, self.dtype))

    def given(self, block: Block) -> Given:
        """1/p of the observed pairs."""
        if self.config.propensity != "bilevel":
            return (block.inverse,)
        p = torch.sigmoid(block.logit + self.propensity(block.user, block.item))
        return (torch.reciprocal(p.clamp(min=self.config.p_min)),)

    def losses(self, predict: Predict, block: Block, given: Given) -> Losses:
        """e/p on B."""
        return {"observed": squared(predict(block.user, block.item), block.label) * given[0]}


class DR(IPS):
    """e_hat on D and (e - e_hat)/p on B, e_hat = (r_hat - stopgrad(r_hat) - g)^2."""

    def __init__(self, config: RunConfig, data: Observed) -> None:
        super().__init__(config, data)
        self.imputation = Factors((*data.shape, config.imputation_dim, self.dtype))

    def _imputed(self, prediction: Tensor, user: Tensor, item: Tensor) -> Tensor:
        missing: Tensor = self.imputation(user, item)
        return squared(prediction, missing + prediction.detach())

    def losses(self, predict: Predict, block: Block, given: Given) -> Losses:
        """e_hat on D, (e - e_hat)/p on B."""
        assert block.everything is not None
        user, item = block.everything
        everywhere = self._imputed(predict(user, item), user, item)
        rated = predict(block.user, block.item)
        imputed = self._imputed(rated, block.user, block.item)
        error = squared(rated, block.label)
        return {"all": everywhere, "observed": (error - imputed) * given[0]}


class AutoDebias(Phi):
    """c w2 [(r_hat - m)^2 + m(1 - m)] on D and w1 e on B, over c + s; w = exp(h/5), m by level."""

    predictor = Movable
    anew = False

    def __init__(self, config: RunConfig, data: Observed) -> None:
        super().__init__(config, data)
        self.omega_observed = Linear(*data.shape, LEVELS, self.dtype)
        self.omega_all = Linear(*data.shape, LEVELS, self.dtype)
        self.pseudo = Table(LEVELS, self.dtype)
        share = data.uniform_label.mean().clamp(1e-3, 1 - 1e-3)
        self.base = torch.logit(share)

    def given(self, block: Block) -> Given:
        """w1 of B; w2 and m of D."""
        assert block.everything is not None
        user, item = block.everything
        seen = block.label.long() + 1
        one = torch.exp(self.omega_observed(block.user, block.item, seen) / 5)
        two = torch.exp(self.omega_all(user, item, self.data.level(user, item)) / 5)
        m = torch.sigmoid(self.base + self.pseudo(self.data.level(user, item)))
        return one, two, m

    def losses(self, predict: Predict, block: Block, given: Given) -> Losses:
        """c w2 [(r_hat - m)^2 + m(1 - m)] on D, w1 e on B."""
        assert block.everything is not None
        one, two, m = given
        c, s = self.config.imputation_weight, self.data.density
        gap = squared(predict(*block.everything), m)
        error = squared(predict(block.user, block.item), block.label)
        return {
            "all": c / (c + s) * two * (gap + m * (1 - m)),
            "observed": one / (c + s) * error,
        }


METHODS: dict[str, type[Phi]] = {"ips": IPS, "dr": DR, "autodebias": AutoDebias}
