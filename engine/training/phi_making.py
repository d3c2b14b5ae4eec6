"""Which parts of phi a config learns, each at its start."""

from __future__ import annotations

from collections.abc import Callable

import torch

from engine.config import RunConfig
from engine.methods import METHODS
from engine.methods.base import PhiPart
from engine.models import (
    LevelTable,
    LinearModel,
    MatrixFactorization,
    RowwiseFactorization,
    RowwiseLinear,
    Stacked,
)
from engine.training.lanes import Lanes
from engine.training.optim import StackedOptimizer
from engine.training.phi import (
    Imputation,
    OmegaAll,
    OmegaObserved,
    PhiModel,
    Propensity,
    Pseudo,
)
from engine.training.rowwise import optimizer_of

NEAREST_TO_ONE = 1e-3  # a base of 1 has no logit
STREAMS = {"propensity": 2, "imputation": 3}  # of a run's seed; theta has 0, xi 1 and 4


def _factors(config: RunConfig) -> type[MatrixFactorization]:
    return RowwiseFactorization if config.sampler == "pairs" else MatrixFactorization


def _propensity(
    config: RunConfig, shape: tuple[int, int], seeds: list[int], lanes: Lanes
) -> PhiModel:
    where = (lanes.lam.dtype, lanes.lam.device)
    model = _factors(config)(
        *(shape, config.propensity_dim, seeds, *where),
        stream=STREAMS["propensity"],
        start_at_zero=True,
    )
    step = _optimizer(model, config, config.propensity_lr, config.propensity_decay)
    base = torch.logit((1 / lanes.inverse_propensity).clamp(max=1 - NEAREST_TO_ONE))
    return Propensity(model, step, base, config.p_min)


def _imputation(
    config: RunConfig, shape: tuple[int, int], seeds: list[int], lanes: Lanes
) -> PhiModel:
    where = (lanes.lam.dtype, lanes.lam.device)
    model = _factors(config)(
        *(shape, config.imputation_dim, seeds, *where),
        stream=STREAMS["imputation"],
        intercept=config.intercept,
        start_at_zero=True,
    )
    step = _optimizer(model, config, config.imputation_lr, config.imputation_decay)
    return Imputation(model, step)


def _omega(kind: type[OmegaObserved] | type[OmegaAll]) -> Callable[..., PhiModel]:
    def make(config: RunConfig, shape: tuple[int, int], seeds: list[int], lanes: Lanes) -> PhiModel:
        model = (RowwiseLinear if config.sampler == "pairs" else LinearModel)(
            shape, len(seeds), lanes.lam.dtype, lanes.lam.device
        )
        step = _optimizer(model, config, config.omega_lr, config.omega_decay)
        return OmegaAll(model, step) if kind is OmegaAll else OmegaObserved(model, step)

    return make


def _pseudo(config: RunConfig, shape: tuple[int, int], seeds: list[int], lanes: Lanes) -> PhiModel:
    model = LevelTable(torch.zeros_like(lanes.lam))
    rate = (lanes.phi_share * lanes.uniform_label).sum(1, keepdim=True)
    step = _optimizer(model, config, config.imputation_lr, config.imputation_decay)
    return Pseudo(model, step, torch.logit(rate.clamp(NEAREST_TO_ONE, 1 - NEAREST_TO_ONE)))


def _optimizer(model: Stacked, config: RunConfig, lr: float, decay: float) -> StackedOptimizer:
    # Adam's kind whatever theta takes: hypergradients differ in size by orders of magnitude from
    # one part and data set to the next, so plain steps fit none of them.
    return optimizer_of(model, config.phi_optimizer, lr, decay)


PARTS: dict[PhiPart, Callable[..., PhiModel]] = {
    "propensity": _propensity,
    "imputation": _imputation,
    "omega_observed": _omega(OmegaObserved),
    "omega_all": _omega(OmegaAll),
    "pseudo": _pseudo,
}


def make_parts(
    config: RunConfig, shape: tuple[int, int], seeds: list[int], lanes: Lanes
) -> dict[str, PhiModel]:
    """The parts of phi that a config learns."""
    learned = METHODS[config.method].learns
    return {
        name: PARTS[name](config, shape, seeds, lanes)
        for name in learned
        if name != "propensity" or config.propensity == "bilevel"
    }
