"""A prediction model that starts from that of a finished run (the paper's Table 3)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from engine.config import RunConfig
from engine.datasets.ratings import FloatArray
from engine.errors import ConfigError
from engine.models import MatrixFactorization

PREFIX = "theta."


def initial_state(
    config: RunConfig, arrays: Mapping[str, FloatArray], theta: MatrixFactorization
) -> dict[str, Tensor]:
    """The parameters of theta by name, each [...] as one run has them.

    Raises:
        ConfigError: the finished run's prediction model is of another shape.
    """
    held = {k.removeprefix(PREFIX): v for k, v in arrays.items() if k.startswith(PREFIX)}
    want = {name: tuple(value.shape[1:]) for name, value in theta.parameters().items()}
    have = {name: tuple(value.shape) for name, value in held.items()}
    if want != have:
        raise ConfigError(
            "initial", config.initial, "a finished run on the same data with the same d, intercept "
            "and kind of method", f"its model is {have}, this one {want}",
        )  # fmt: skip
    return {name: torch.as_tensor(value) for name, value in held.items()}
