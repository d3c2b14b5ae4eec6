"""IPS, DR and AutoDebias as lists of losses pair by pair, all under autograd."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from engine.config import RunConfig
from engine.textbook.data import Block, Observed
from engine.textbook.models import Factors, Linear, Table

Predict = Callable[[Tensor, Tensor], Tensor]
Losses = dict[str, Tensor]  # support -> the value of its term at each pair
LEVELS = 3


class Phi(nn.Module):
    """What a method learns on the uniform ratings, and its losses."""

    def __init__(self, config: RunConfig, data: Observed) -> None:
        super().__init__()
        self.config, self.data = config, data
        self.dtype: torch.dtype = getattr(torch, config.dtype)

    def losses(self, predict: Predict, block: Block) -> Losses:
        """|D| times the estimate as sums over pairs: e/p on B, imputed errors on D."""
        raise NotImplementedError


class IPS(Phi):
    """e/p on B, p fixed or learned."""

    def __init__(self, config: RunConfig, data: Observed) -> None:
        super().__init__(config, data)
        if config.propensity == "bilevel":
            self.propensity = Factors(*data.shape, config.propensity_dim, self.dtype)

    def inverse(self, block: Block) -> Tensor:
        """1/p of the observed pairs."""
        if self.config.propensity != "bilevel":
            return block.inverse
        p = torch.sigmoid(block.logit + self.propensity(block.user, block.item))
        return 1 / p.clamp(min=self.config.p_min)

    def losses(self, predict: Predict, block: Block) -> Losses:
        """e/p on B."""
        error = (predict(block.user, block.item) - block.label) ** 2
        return {"observed": error * self.inverse(block)}


class DR(IPS):
    """e_hat on D and (e - e_hat)/p on B, e_hat = (r_hat - stopgrad(r_hat) - g)^2."""

    def __init__(self, config: RunConfig, data: Observed) -> None:
        super().__init__(config, data)
        self.imputation = Factors(*data.shape, config.imputation_dim, self.dtype)

    def _imputed(self, prediction: Tensor, user: Tensor, item: Tensor) -> Tensor:
        missing: Tensor = self.imputation(user, item)
        return (prediction - prediction.detach() - missing) ** 2

    def losses(self, predict: Predict, block: Block) -> Losses:
        """e_hat on D, (e - e_hat)/p on B."""
        assert block.everything is not None
        user, item = block.everything
        everywhere = self._imputed(predict(user, item), user, item)
        rated = predict(block.user, block.item)
        imputed = self._imputed(rated, block.user, block.item)
        error = (rated - block.label) ** 2
        return {"all": everywhere, "observed": (error - imputed) * self.inverse(block)}


class AutoDebias(Phi):
    """c w2 [(r_hat - m)^2 + m(1 - m)] on D and w1 e on B, over c + s; w = exp(h/5), m by level."""

    def __init__(self, config: RunConfig, data: Observed) -> None:
        super().__init__(config, data)
        self.omega_observed = Linear(*data.shape, LEVELS, self.dtype)
        self.omega_all = Linear(*data.shape, LEVELS, self.dtype)
        self.pseudo = Table(LEVELS, self.dtype)
        share = data.uniform_label.mean().clamp(1e-3, 1 - 1e-3)
        self.base = torch.logit(share)

    def losses(self, predict: Predict, block: Block) -> Losses:
        """c w2 [(r_hat - m)^2 + m(1 - m)] on D, w1 e on B."""
        assert block.everything is not None
        user, item = block.everything
        c, s = self.config.imputation_weight, self.data.density
        two = torch.exp(self.omega_all(user, item, self.data.level(user, item)) / 5)
        m = torch.sigmoid(self.base + self.pseudo(self.data.level(user, item)))
        everywhere = c / (c + s) * two * ((predict(user, item) - m) ** 2 + m * (1 - m))
        seen = block.label.long() + 1
        one = torch.exp(self.omega_observed(block.user, block.item, seen) / 5)
        error = (predict(block.user, block.item) - block.label) ** 2
        return {"all": everywhere, "observed": one / (c + s) * error}


METHODS: dict[str, type[Phi]] = {"ips": IPS, "dr": DR, "autodebias": AutoDebias}
